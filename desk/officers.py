"""Officers: appointing, signing, ending, new keys, second factors; the table of roles and rights; the deputy."""

from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from agencies import appointments, factors, proposals
from agencies.directory import ROLES
from agencies.models import Appointment
from agencies.rights import ADMINISTRATOR, MEANINGS, RIGHTS
from crypto.header import ROLE_HANDLE
from desk import days, lists
from desk.access import book, needs, now, office, officer
from desk.forms import DeskForm, day, done, once, one_of, some_of, text, tick
from desk.guide_words import ROLES as ROLE_WORDS
from errors import AmparoError
from exchange import administering, officers
from exchange.officers import Detail

pages: Final = Blueprint("officers", __name__)

STATES: Final = {
    officers.WORKS: ("ok", "check-circle-fill", _l("Works here")),
    officers.UNCERTIFIED: ("warn", "hourglass-split", _l("Keys without a certificate")),
    officers.COMING: ("note", "hourglass-split", _l("Appointed, not in yet")),
    officers.OVER: ("warn", "exclamation-triangle-fill", _l("Last day has passed")),
    officers.AWAY: ("warn", "exclamation-triangle-fill", _l("Keys are not at this desk")),
    officers.LEFT: ("plain", "box-arrow-right", _l("Has left")),
}
ORDER_HINT: Final = _l("Letters and then digits, such as ORD-2026-114. No words and no names: it is kept in clear.")


class AppointForm(DeskForm):
    """Role, dates, order."""

    roles = some_of(_l("Roles"), list(ROLE_WORDS.items()), missing=_l("Choose one role at least"))
    handle = text(
        _l("Role handle"), most=40, hint=_l("Leave it empty for the next free number. Never a name of a person.")
    )  # fmt: skip
    order = text(_l("Number of the order"), missing=_l("Write the number of the order"), most=40, hint=ORDER_HINT)
    from_day = day(_l("From"), missing=_l("Write the first day"))
    until_day = day(_l("Until"), hint=_l("The last day. Empty: until the appointment is ended."))


class OrderForm(DeskForm):
    """The number of an order, for new keys."""

    order = text(_l("Number of the order"), missing=_l("Write the number of the order"), most=40, hint=ORDER_HINT)


class FingerprintForm(DeskForm):
    """The second look before a signature."""

    same = tick(
        _l("The officer has read the same fingerprint to me from her own screen"),
        missing=_l("Compare the fingerprint with the officer first"),
    )


class DepartForm(DeskForm):
    """The end of an appointment."""

    with_orphans = tick(
        _l("End it although cases are left that only the recovery shares open then"),
        hint=_l("For somebody who can no longer be asked to hand over."),
    )


class DeputyForm(DeskForm):
    """Who signs with a single administrator."""

    deputy = one_of(_l("Deputy"), missing=_l("Choose an officer of another agency"))


# ---- Lists ------------------------------------------------------------------------------------------------------


@pages.get("/settings/officers")
@needs("administer")
def page() -> ResponseReturnValue:
    """Who works here, who is coming, who has left; and what waits for a signature."""
    with office().files.session() as db:
        found = officers.list_officers(db, office(), now=now())
        waiting = [_waits(row) for row in appointments.list_open(db)]
        revocations = [
            {"handle": row.officer, "word": _word(row.officer), "by": row.proposed_by,
             "is_mine": row.proposed_by == officer().handle and row.state == proposals.WAITING,
             "is_signed": row.state == proposals.SIGNED}
            for row in proposals.list_open(db, proposals.REVOCATION)
        ]  # fmt: skip
        deputy = office().directory(db).deputy(office().agency)
        administrators = len(office().directory(db).administrators(office().agency))
    shown, pager = lists.page_of(found)
    return render_template(
        "officers/page.html", officers=shown, pages=pager, waiting=waiting, revocations=revocations, states=STATES,
        roles=ROLE_WORDS, deputy=deputy, administrators=administrators, word=_word,
    )  # fmt: skip


def _waits(row: Appointment) -> dict[str, Any]:
    """An appointment under way, and whose turn it is."""
    signers = appointments.signers_of(row)
    is_root = ADMINISTRATOR in row.roles.split(" ")
    if row.state == appointments.INVITED:
        turn = "officer"
    elif is_root:
        turn = "send" if signers else "root"
    elif len(signers) >= administering.NEEDED:
        turn = "send"
    else:
        turn = "other" if officer().handle in signers else "me"
    return {
        "id": row.appointment_id.hex(), "handle": row.officer, "word": _word(row.officer), "kind": row.kind,
        "roles": row.roles.split(" "), "turn": turn, "signers": signers, "key": appointments.key_of(row),
        "order": row.order_number, "from": row.from_day, "until": row.until_day, "by": row.proposed_by,
        "tries_left": appointments.MOST_TRIES - row.tries, "code_until": row.code_until,
        "is_expired": row.state == appointments.INVITED and now() >= row.code_until,
    }  # fmt: skip


def _word(handle: str) -> str:
    """A handle without the agency, for addresses."""
    return handle.partition("/")[2]


def _handle(word: str) -> str:
    """The role handle behind a word of an address; a page that does not exist for anything else."""
    full = f"{office().agency}/{word}"
    if not ROLE_HANDLE.match(full):
        abort(404)
    return full


@pages.get("/settings/roles")
@needs("administer")
def roles() -> ResponseReturnValue:
    """The table of roles and rights, to print."""
    rows = [(_(MEANINGS[right]), RIGHTS[right]) for right in RIGHTS]
    columns = [role for role in ROLE_WORDS if role in ROLES]
    return render_template("officers/roles.html", rows=rows, columns=columns, roles=ROLE_WORDS)


# ---- Appointing -------------------------------------------------------------------------------------------------


@pages.route("/settings/officers/appoint", methods=["GET", "POST"])
@needs("administer")
@once
def appoint() -> ResponseReturnValue:
    """Begin an appointment; the one-time code comes next."""
    form = AppointForm()
    if form.from_day.data is None and request.method == "GET":
        form.from_day.data = days.today(now())
    if form.is_sent():
        word = _appointed(form)
        if word is not None:
            return done(url_for("officers.code", word=word))
    return render_template("officers/appoint.html", form=form)


def _appointed(form: AppointForm) -> str | None:
    """The handle's word; None with the mistake at its field."""
    chosen, begin, until = [str(one) for one in form.roles.data or ()], form.from_day.data, form.until_day.data
    try:
        with office().files.session() as db:
            directory = office().directory(db)
            first = next((one for one in ROLE_WORDS if one in chosen), "")
            handle = (
                _typed_handle(str(form.handle.data))
                if form.handle.data
                else appointments.next_handle(db, directory, office().agency, first)
            )
            row, code = appointments.appoint(
                db, officer(), handle, chosen, order=str(form.order.data), from_day=begin.isoformat() if begin else "",
                until_day=until.isoformat() if until else None, now=now(),
            )  # fmt: skip
            current_user.shown_code = (row.appointment_id, code)
    except AmparoError as error:
        form.refuse(_field_of(error.message), _(error.message))
        return None
    return _word(handle)


def _typed_handle(typed: str) -> str:
    return typed if "/" in typed else f"{office().agency}/{typed.lower()}"


def _field_of(message: str) -> str:
    """At which field a refusal of the service stands."""
    if "order" in message:
        return "order"
    if "role handle" in message:
        return "handle"
    if "ends before" in message or "date" in message:
        return "until_day"
    return "roles"


@pages.get("/settings/officers/<word>/code")
@needs("administer")
def code(word: str) -> ResponseReturnValue:
    """The one-time code, until it was handed over: it is kept in this session's memory and nowhere else."""
    handle = _handle(word)
    shown = current_user.shown_code
    with office().files.session() as db:
        found = officers.get_officer(db, office(), handle, now=now())
        row = found.appointment
        if row is None or shown is None or shown[0] != row.appointment_id:
            return redirect(url_for("officers.one", word=word))
        until = row.code_until
    return render_template(
        "officers/code.html", handle=handle, word=word, code=shown[1], until=until, address=_enrol_address()
    )


def _enrol_address() -> str:
    return f"{office().settings.public_url}{url_for('enrolment.page')}"


@pages.post("/settings/officers/<word>/code/handed-over")
@needs("administer")
def code_handed_over(word: str) -> ResponseReturnValue:
    """Forget the code."""
    _handle(word)
    current_user.shown_code = None
    return done(url_for("officers.one", word=word))


@pages.post("/settings/officers/<word>/code/new")
@needs("administer")
@once
def code_again(word: str) -> ResponseReturnValue:
    """Another code in place of a lost one."""
    row = _under_way(word)
    with office().files.session() as db:
        fresh = appointments.new_code(db, officer(), row, now=now())
    current_user.shown_code = (row, fresh)
    return done(url_for("officers.code", word=word))


def _under_way(word: str) -> bytes:
    """The appointment of this officer that is not over."""
    handle = _handle(word)
    with office().files.session() as db:
        row = officers.get_officer(db, office(), handle, now=now()).appointment
        if row is None:
            abort(404)
        return bytes(row.appointment_id)


@pages.route("/settings/officers/<word>/withdraw", methods=["GET", "POST"])
@needs("administer")
@once
def withdraw(word: str) -> ResponseReturnValue:
    """Give an appointment up."""
    row, form = _under_way(word), DeskForm()
    if form.is_sent():
        with office().files.session() as db:
            appointments.withdraw(db, officer(), row, now=now())
        flash(_("The appointment is given up."), "ok")
        return done(url_for("officers.page"))
    return render_template("officers/withdraw.html", form=form, handle=_handle(word), word=word)


# ---- One officer ------------------------------------------------------------------------------------------------


@pages.get("/settings/officers/<word>")
@needs("administer")
def one(word: str) -> ResponseReturnValue:
    """An officer: state, dates, certificates, and what can be done."""
    return _one(word, FingerprintForm())


def _one(word: str, form: FingerprintForm) -> ResponseReturnValue:
    handle = _handle(word)
    with office().files.session() as db:
        found = officers.get_officer(db, office(), handle, now=now())
        waits = None if found.appointment is None else _waits(found.appointment)
        past = [
            (row.order_number, row.from_day, row.until_day, row.kind, row.decided_by, row.decided_at)
            for row in appointments.of_officer(db, handle)
            if row.state == appointments.DONE
        ]
    return render_template(
        "officers/one.html", form=form, found=found, waits=waits, past=past, word=word, states=STATES, roles=ROLE_WORDS,
        is_me=handle == officer().handle, on_table=len(current_user.table.get("root", [])),
    )  # fmt: skip


@pages.post("/settings/officers/<word>/sign")
@needs("certify")
@once
def sign(word: str) -> ResponseReturnValue:
    """Sign the certificate, or send one that has its signatures."""
    row, form = _under_way(word), FingerprintForm()
    if not form.is_sent():
        return _one(word, form)
    try:
        is_in = administering.sign_appointment(office(), officer(), row, now=now())
    except AmparoError as error:
        form.refuse("same", _(error.message))
        return _one(word, form)
    _tell_signed(word, is_in)
    return done(url_for("officers.one", word=word))


def _tell_signed(word: str, is_in: bool) -> None:
    if is_in:
        book().end_of(_handle(word))
        flash(_("The certificate is in the log. The officer can sign in."), "ok")
    else:
        flash(_("You have signed. The other administrator signs with her own sign-in."), "ok")


@pages.post("/settings/officers/<word>/send")
@needs("certify")
@once
def send(word: str) -> ResponseReturnValue:
    """Send again what the broker did not take."""
    administering.send_appointment(office(), officer(), _under_way(word), now=now())
    _tell_signed(word, True)
    return done(url_for("officers.one", word=word))


@pages.post("/settings/officers/<word>/root")
@needs("certify")
@once
def by_root(word: str) -> ResponseReturnValue:
    """The root certifies an administrator, with the shares that lie on the table."""
    row, form = _under_way(word), FingerprintForm()
    if not form.is_sent():
        return _one(word, form)
    administering.certify_by_root(office(), officer(), row, current_user.table.get("root", []), now=now())
    current_user.table.pop("root", None)
    _tell_signed(word, True)
    return done(url_for("officers.one", word=word))


# ---- Ending, new keys, second factors ---------------------------------------------------------------------------


@pages.route("/settings/officers/<word>/end", methods=["GET", "POST"])
@needs("administer")
@once
def end(word: str) -> ResponseReturnValue:
    """End an appointment: at once at this desk, and in the network with the other administrator's signature."""
    handle, form = _handle(word), DepartForm()
    found = _working(handle)
    if form.is_sent():
        try:
            administering.depart(
                office(), officer(), handle, with_orphans=bool(form.with_orphans.data), now=now()
            )  # fmt: skip
        except AmparoError as error:
            form.refuse("with_orphans", _(error.message))
        else:
            book().end_of(handle)
            flash(_("The appointment is ended at this desk. The other administrator signs the revocation."), "ok")
            return done(url_for("officers.one", word=word))
    return render_template("officers/end.html", form=form, found=found, handle=handle, word=word)


def _working(handle: str) -> Detail:
    with office().files.session() as db:
        found = officers.get_officer(db, office(), handle, now=now())
    if found.shown.state in (officers.LEFT, officers.COMING, officers.AWAY):
        abort(404)
    return found


@pages.post("/settings/officers/<word>/revocation/sign")
@needs("certify")
@once
def sign_revocation(word: str) -> ResponseReturnValue:
    """The second administrator signs; the certificate counts no more."""
    administering.sign_revocation(office(), officer(), _revocation(word), now=now())
    flash(_("The certificate is revoked in the log."), "ok")
    return done(url_for("officers.one", word=word))


@pages.post("/settings/officers/<word>/revocation/root")
@needs("certify")
@once
def revoke_by_root(word: str) -> ResponseReturnValue:
    """The root revokes an administrator's certificate, with the shares that lie on the table."""
    papers = current_user.table.get("root", [])
    administering.revoke_by_root(office(), officer(), _revocation(word), papers, now=now())
    current_user.table.pop("root", None)
    flash(_("The certificate is revoked in the log."), "ok")
    return done(url_for("officers.one", word=word))


def _revocation(word: str) -> bytes:
    handle = _handle(word)
    with office().files.session() as db:
        found = officers.get_officer(db, office(), handle, now=now()).revocation
    if found is None:
        abort(404)
    return found


@pages.route("/settings/officers/<word>/new-keys", methods=["GET", "POST"])
@needs("administer")
@once
def new_keys(word: str) -> ResponseReturnValue:
    """New keys after a lost passphrase: a code for the officer, and the end of the old certificate."""
    handle, form = _handle(word), OrderForm()
    found = _working(handle)
    if form.is_sent():
        try:
            row, fresh = administering.begin_renewal(
                office(), officer(), handle, order=str(form.order.data), now=now()
            )  # fmt: skip
        except AmparoError as error:
            form.refuse("order", _(error.message))
        else:
            current_user.shown_code = (row.appointment_id, fresh)
            return done(url_for("officers.code", word=word))
    return render_template("officers/new_keys.html", form=form, found=found, handle=handle, word=word)


@pages.route("/settings/officers/<word>/second-factors", methods=["GET", "POST"])
@needs("administer")
@once
def reset_factors(word: str) -> ResponseReturnValue:
    """Take an officer's second factors away, so that her next sign-in sets up new ones."""
    handle, form = _handle(word), DeskForm()
    found = _working(handle)
    if form.is_sent():
        with office().files.session() as db:
            factors.reset_by(db, officer(), handle, now=now())
        book().end_of(handle)
        flash(_("The second factors are removed. The next sign-in sets up new ones."), "ok")
        return done(url_for("officers.one", word=word))
    return render_template(
        "officers/reset.html", form=form, found=found, handle=handle, word=word, is_me=handle == officer().handle
    )


# ---- The deputy -------------------------------------------------------------------------------------------------


@pages.route("/settings/officers/deputy", methods=["GET", "POST"])
@needs("certify")
@once
def deputy() -> ResponseReturnValue:
    """Name an officer of another agency who signs with a single administrator."""
    form = DeputyForm()
    with office().files.session() as db:
        directory = office().directory(db)
        current = directory.deputy(office().agency)
        others = [
            found.subject
            for name in sorted(directory.agencies)
            if name != office().agency
            for found in directory.administrators(name)
        ]
    form.deputy.choices = [(name, name) for name in others]
    if form.is_sent():
        papers = current_user.table.get("root", [])
        try:
            administering.name_deputy(office(), officer(), str(form.deputy.data), papers, now=now())
        except AmparoError as error:
            form.refuse("deputy", _(error.message))
        else:
            current_user.table.pop("root", None)
            flash(_("The deputy stands in the log."), "ok")
            return done(url_for("officers.page"))
    return render_template(
        "officers/deputy.html", form=form, current=current, on_table=len(current_user.table.get("root", []))
    )
