"""What arrived: the list, the cover of a bundle that is still sealed, its opening, and giving it back."""

from dataclasses import dataclass, field
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from desk import bundle_view, bundle_words, navigation, openings
from desk.access import needs, now, office, officer
from desk.bundle_view import CodeShown, FlagShown
from desk.casework import identifier
from desk.forms import DeskForm, done, long_text, once, one_of, text, tick
from desk.paging import paged
from errors import (
    AmparoError,
    FlagForbids,
    FormatError,
    IntegrityError,
    LimitExceeded,
    NotEntitled,
    NotPermitted,
    RegisterStale,
    RootNotCompared,
)
from exchange import arrivals, exports, joint, policy, received, returning
from exchange.cover import Cover
from exchange.delivery import day_of
from exchange.reading import Preview, preview
from exchange.received import Received

pages: Final = Blueprint("inbox", __name__)
COLLEAGUES: Final = "colleagues"
ELSE: Final = "-"  # the purpose that the sender did not allow
TABS: Final = {
    received.WAITING: _l("To open"),
    received.OPENED: _l("Opened"),
    received.ENDED: _l("Returned or ended"),
    COLLEAGUES: _l("Sealed to colleagues"),
}
EMPTY: Final = {
    received.WAITING: _l("Nothing to open. The desk looks for news by itself."),
    received.OPENED: _l("Nothing was opened yet. What you open stands here afterwards."),
    received.ENDED: _l("Nothing was returned, withdrawn or expired."),
    COLLEAGUES: _l("Nothing waits for colleagues. What is sealed to them and not to you would stand here."),
}


# ---- The list ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `cover` is None where the officer reads none; `problem` says why, if it is not for her."""

    one: Received
    state: tuple[str, str, Any]
    cover: Cover | None = field(default=None, repr=False)
    flags: int = 0
    codes: list[CodeShown] = field(default_factory=list)
    takes_two: bool = False
    expires: str = ""
    problem: str = ""
    is_open: bool = False


def is_mine(one: Received) -> bool:
    """Whether a bundle is sealed to the officer; remembered until another event comes."""
    place = (one.bundle_id, one.events)
    if place not in current_user.entitled:
        current_user.entitled[place] = received.is_for(office(), officer(), one.bundle_id)
    return bool(current_user.entitled[place])


def _tab_of(one: Received) -> str:
    return COLLEAGUES if one.stage == received.WAITING and not is_mine(one) else one.stage


def waiting_count() -> int:
    """How many bundles wait to be opened by this officer; for the rail."""
    with office().files.session() as db:
        found = received.list_received(db, office().agency)
    return sum(one.stage == received.WAITING and is_mine(one) for one in found)


navigation.COUNTERS["inbox"] = waiting_count


@pages.get("/inbox")
@needs("open")
def bundles() -> ResponseReturnValue:
    """Bundles of other agencies, newest first, by how far this agency has come with them."""
    tab = request.args.get("tab", received.WAITING)
    tab = tab if tab in TABS else received.WAITING
    with office().files.session() as db:
        found = received.list_received(db, office().agency)
        looked_at = office().log(db).synced_at
    senders = sorted({one.sender_agency for one in found})
    sender = request.args.get("from", "")
    tabs = {name: [one for one in found if _tab_of(one) == name] for name in TABS}
    chosen = [one for one in tabs[tab] if sender not in senders or one.sender_agency == sender]
    shown, pager = paged(chosen)
    return render_template(
        "inbox/list.html", tab=tab, tabs=[(name, words, len(tabs[name])) for name, words in TABS.items()],
        rows=[_row(one) for one in shown], where=pager, senders=senders, sender=sender, empty_words=EMPTY[tab],
        waiting=len(tabs[received.WAITING]), looked_at=looked_at, words=bundle_words,
    )  # fmt: skip


def _row(one: Received) -> Row:
    state = bundle_words.STATES.get(one.state, bundle_words.STATES["arrived"])
    if not is_mine(one):
        return Row(one, state, problem=_("Sealed to colleagues"))
    try:
        seen = preview(office(), officer(), one.bundle_id, now=now())
    except RootNotCompared:
        return Row(one, state, problem=_("The key of this agency is not compared yet"))
    except AmparoError:
        return Row(one, state, problem=_("Something is wrong with it; open its page"))
    return Row(
        one, state, seen.cover, len(policy.active_flags(seen.flags, day_of(now()))),
        bundle_view.codes_of(seen.cover.handling, seen.header.sender_agency), joint.takes_two(seen, now=now()),
        seen.header.expires, is_open=current_user.opened.find(one.bundle_id) is not None,
    )  # fmt: skip


# ---- Before the opening -----------------------------------------------------------------------------------------


class OpenForm(DeskForm):
    """What an officer states before a bundle opens; the ticks of its flags are added for each bundle."""

    purpose = one_of(_l("Why are you opening it?"), missing=_l("Choose the purpose of this opening"))
    legal_basis = text(
        _l("Legal basis"), missing=_l("State the legal basis on which you open it"), most=120,
        hint=_l("The provision or the order that lets you do this. It stands in the record."),
    )  # fmt: skip
    as_files = tick(
        _l("I will take files out of the desk"),
        hint=_l(
            "Only for what has to leave as a plain file. The record of the opening says so, and its sender reads it."
        ),
    )
    court_order = text(
        _l("Reference of the court’s order"), most=exports.LONGEST_ORDER,
        hint=_l("Needed only where a flag forbids it. The agency that raised the flag reads it."),
    )  # fmt: skip


def _form_for(seen: Preview, flags: list[FlagShown]) -> OpenForm:
    """The form with a tick for each flag, and the purposes that the sender allows."""
    made = bundle_view.with_ticks(OpenForm, flags)
    sender = seen.header.sender_agency
    made.purpose.choices = [
        *((one, bundle_words.purpose_words(one)) for one in seen.cover.purposes),
        (ELSE, _("Something else")),
    ]  # fmt: skip
    made.purpose.description = _("%(sender)s sent it for what stands here, and for nothing else.", sender=sender)
    return made


@pages.route("/inbox/<bundle_id>", methods=["GET", "POST"])
@needs("open")
@once
def bundle(bundle_id: str) -> ResponseReturnValue:
    """The cover of a bundle, its flags and codes; the officer states why she opens it. Looking is not on record."""
    raw = identifier(bundle_id)
    try:
        seen = preview(office(), officer(), raw, now=now())
    except (NotEntitled, RootNotCompared, IntegrityError, FormatError) as error:
        return _closed(raw, error)
    flags = bundle_view.flags_of(seen.flags, seen.header.sender_agency)
    form = _form_for(seen, flags)
    stage = _stage_of(raw)
    if stage != received.ENDED and form.is_sent() and (answer := _begin(seen, form)) is not None:
        return answer
    return render_template("inbox/bundle.html", **_shown(raw, seen, flags), form=form, stage=stage, another=ELSE)


def _stage_of(bundle_id: bytes) -> str:
    with office().files.session() as db:
        return next(
            (one.stage for one in received.list_received(db, office().agency) if one.bundle_id == bundle_id),
            received.OPENED,  # a bundle that this agency sent itself, and opens like everybody else
        )


def _shown(bundle_id: bytes, seen: Preview, flags: list[FlagShown]) -> dict[str, Any]:
    takes_two = joint.takes_two(seen, now=now())
    with office().files.session() as db:
        opened_by = received.opened_by(db, bundle_id, office().agency)
        returned_by = received.returned_by(db, bundle_id, office().agency)
    state = "returned" if returned_by else seen.state
    return {
        "bundle_id": bundle_id.hex(), "seen": seen, "words": bundle_words, "flags": flags,
        "sender": seen.header.sender_agency,
        "codes": bundle_view.codes_of(seen.cover.handling, seen.header.sender_agency), "takes_two": takes_two,
        "second": bundle_view.second_officer(seen, takes_two=takes_two),
        "key": bundle_view.key_state(office(), seen.header.sender_agency),
        "kind": bundle_words.KINDS.get(seen.cover.kind, seen.cover.kind), "opened_by": opened_by,
        "returned_by": returned_by, "state": bundle_words.STATES.get(state, bundle_words.STATES["arrived"]),
        "ended_words": bundle_words.ENDED_WORDS.get(state), "is_open": current_user.opened.find(bundle_id) is not None,
        "asked": openings.waiting_for(bundle_id), "forbids_export": policy.forbidding_export(seen.flags, day_of(now())),
        "heading": bundle_view.heading_of(flags),
    }  # fmt: skip


def _closed(bundle_id: bytes, error: AmparoError) -> ResponseReturnValue:
    """A bundle that this officer cannot look at: what is wrong, and what to do next."""
    with office().files.session() as db:
        sender = arrivals.get_stored(db, bundle_id).sender_agency
    status = 403 if isinstance(error, NotEntitled | RootNotCompared) else 409
    return render_template(
        "inbox/closed.html", sender=sender, error=error, is_hers=not isinstance(error, NotEntitled),
        needs_comparison=isinstance(error, RootNotCompared),
    ), status  # fmt: skip


def _begin(seen: Preview, form: OpenForm) -> ResponseReturnValue | None:
    """Open, or ask a second officer first; None when the form has a mistake that the service found."""
    sender = seen.header.sender_agency
    if form.purpose.data == ELSE:
        form.refuse(
            "purpose",
            _("%(sender)s allows only the purposes above. For another one, ask for permission with an inquiry first.",
              sender=sender),
        )  # fmt: skip
        return None
    stated = openings.Stated(
        str(form.purpose.data), str(form.legal_basis.data), exports.AsFiles(form.court_order.data) if form.as_files.data
        else None,
    )  # fmt: skip
    try:
        if openings.takes_colleague(seen, stated, now=now()):
            joint.ask_approval(
                office(), officer(), seen.header.bundle_id, purpose=stated.purpose, legal_basis=stated.legal_basis,
                acknowledged=seen.register_digest, export=stated.note, now=now(),
            )  # fmt: skip
            return done(url_for("inbox.wait", bundle_id=seen.header.bundle_id.hex()))
        return openings.begin(seen.header.bundle_id, stated, acknowledged=seen.register_digest)
    except RegisterStale:
        return done(url_for("inbox.bundle", bundle_id=seen.header.bundle_id.hex(), again="flags"))
    except (FlagForbids, FormatError) as error:
        form.refuse("court_order", _(error.message))
    except (LimitExceeded, NotPermitted) as error:
        form.refuse("legal_basis", _(error.message))
    return None


# ---- Giving it back ---------------------------------------------------------------------------------------------


class ReturnForm(DeskForm):
    """Why a bundle goes back."""

    reason = long_text(
        _l("Why do you return it?"), missing=_l("Say why you return it"), most=returning.LONGEST_REASON,
        hint=_l("The sender reads this. Name nobody."),
    )  # fmt: skip


@pages.route("/inbox/<bundle_id>/return", methods=["GET", "POST"])
@needs("return")
@once
def send_back(bundle_id: str) -> ResponseReturnValue:
    """Return a bundle unopened, with a reason."""
    raw = identifier(bundle_id)
    seen = preview(office(), officer(), raw, now=now())
    form = ReturnForm()
    if form.is_sent():
        try:
            returning.return_unopened(office(), officer(), raw, reason=str(form.reason.data), now=now())
        except (FormatError, LimitExceeded) as error:
            form.refuse("reason", _(error.message))
        else:
            flash(_("The bundle is returned. Its sender is told."), "ok")
            return done(url_for("inbox.bundles"))
    return render_template("inbox/return.html", form=form, bundle_id=bundle_id, sender=seen.header.sender_agency)


def to_cover(bundle_id: bytes) -> ResponseReturnValue:
    """Back to the cover of a bundle that is not open in this session."""
    return redirect(url_for("inbox.bundle", bundle_id=bundle_id.hex()))
