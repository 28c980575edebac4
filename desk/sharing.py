"""Share a bundle in six steps: one page each, saved sealed at every step, left and taken up again at any time."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from agencies import cases
from desk import share_forms, share_words
from desk.access import may, needs, now, office, officer
from desk.casework import identifier
from desk.field_words import field_words
from desk.forms import done, once
from desk.share_forms import DraftForm
from desk.share_summary import code_words, fields_words
from errors import DraftStale, NotFound
from exchange import case_lists, purposes, share_drafts, share_options, share_preview
from exchange.share_drafts import STEPS, Draft, Recipient
from identity import flags, persons

pages: Final = Blueprint("sharing", __name__)
NAMES: Final[dict[str, Any]] = {
    "case": _l("Case and purpose"),
    "recipients": _l("Recipients"),
    "content": _l("What to share"),
    "handling": _l("Handling and protection"),
    "check": _l("Check"),
    "send": _l("Send"),
}
PREVIEW: Final = "preview"
LEAVE: Final = "leave"
ALL: Final = "all"


def page(template: str, step: str, draft: Draft, **more: Any) -> str:
    """A page of the flow."""
    names = [NAMES[one] for one in STEPS]
    return render_template(
        f"sharing/{template}.html", draft=draft, step=STEPS.index(step) + 1, steps=names, words=share_words,
        code_words=code_words, back=_before(step, draft), **more,
    )  # fmt: skip


def _before(step: str, draft: Draft) -> str | None:
    at = STEPS.index(step)
    return None if at == 0 or draft.draft_id is None else address(STEPS[at - 1], draft)


def address(step: str, draft: Draft, **more: Any) -> str:
    """The page of a step."""
    endpoint = f"share_send.{step}" if step in ("check", "send") else f"sharing.{step}"
    return url_for(endpoint, draft_id=(draft.draft_id or b"").hex(), **more)


def find(draft_id: str) -> Draft:
    """The draft of this address.

    It stands in the path, not behind it: what was typed before a lock comes back on the page of this very draft.
    """
    with office().files.session() as db:
        return share_drafts.load(db, officer(), identifier(draft_id))


def elsewhere(draft: Draft, step: str) -> ResponseReturnValue | None:
    """Where to go instead: what is being sent is not changed, and no step is left out."""
    if draft.is_sending:
        return redirect(address("send", draft))
    first = draft.next_step()
    if first != "send" and STEPS.index(step) > STEPS.index(first):
        return redirect(address(first, draft))
    return None


def save(draft: Draft, form: DraftForm, step: str, **answers: Any) -> ResponseReturnValue:
    """Keep the answers of a step and go on; two versions where another tab was quicker."""
    typed = replace(draft.with_step(step, **answers), version=form.started_from())
    if request.form.get("do"):  # the officer stays, or leaves: she comes back to this step
        typed = replace(typed, done=tuple(one for one in typed.done if one != step))
    try:
        with office().files.session() as db:
            kept = share_drafts.change(db, officer(), typed, now=now())
    except DraftStale:
        with office().files.session() as db:
            apart = share_drafts.save_apart(db, officer(), typed, now=now())
        return done(url_for("sharing.two", draft=draft.draft_id.hex(), other=apart.draft_id.hex()))  # type: ignore[union-attr]
    return done(_after(kept, step))


def _after(draft: Draft, step: str) -> str:
    wanted = request.form.get("do", "")
    if wanted == LEAVE:
        return url_for("sharing.drafts")
    if wanted in (PREVIEW, ALL):
        return address(step, draft, **_way())
    if request.args.get("way") == "check" and draft.next_step() == "check":
        return address("check", draft)
    return address(STEPS[STEPS.index(step) + 1], draft)


def _way() -> dict[str, str]:
    return {"way": "check"} if request.args.get("way") == "check" else {}


def fill(form: DraftForm, draft: Draft) -> DraftForm:
    """The version that the page shows."""
    if not form.is_submitted() and not form.is_restored:
        form.version.data = str(draft.version)
    return form


# ---- 1. Case and purpose ------------------------------------------------------------------------------------------


@pages.route("/bundles/new", methods=["GET", "POST"])
@needs("share")
@once
def begin() -> ResponseReturnValue:
    """Begin a draft; with `?case=` the case is chosen."""
    chosen = request.args.get("case", "")
    case_id = identifier(chosen) if chosen else b""
    return _case_step(Draft(case_id))


@pages.route("/bundles/new/case/<draft_id>", methods=["GET", "POST"])
@needs("share")
@once
def case(draft_id: str) -> ResponseReturnValue:
    """The first step of a draft that was saved."""
    draft = find(draft_id)
    return elsewhere(draft, "case") or _case_step(draft)


def _case_step(draft: Draft) -> ResponseReturnValue:
    with office().files.session() as db:
        choices = [(one.case_id.hex(), one.handle) for one in case_lists.list_handles(db, officer())[:]]
        if draft.case_id:
            cases.get_case(db, officer(), draft.case_id)
    data = {
        "case": draft.case_id.hex(), "purpose": draft.purpose or None,
        "basis": draft.basis or (share_forms.OTHER if draft.detail else ""), "detail": draft.detail,
    }  # fmt: skip
    form = share_forms.CaseForm(data=data)
    known = share_forms.bases()
    form.case.choices, form.basis.choices = choices, known
    if not form.is_submitted() and draft.basis and draft.basis not in {one for one, _words in known}:
        form.basis.data, form.detail.data = share_forms.OTHER, draft.legal_basis
    fill(form, draft)
    if choices and form.is_sent() and form.has_basis():
        return _take_case(draft, form)
    return page("case", "case", draft, form=form, notes=share_forms.basis_notes(), has_cases=bool(choices))


def _take_case(draft: Draft, form: share_forms.CaseForm) -> ResponseReturnValue:
    answers: dict[str, Any] = {
        "case_id": bytes.fromhex(form.case.data), "purpose": form.purpose.data, "basis": form.chosen_basis(),
        "detail": form.detail.data or "",
    }  # fmt: skip
    if draft.case_id != answers["case_id"]:
        answers |= {"fields": {}, "exhibits": ()}
    if draft.purpose != answers["purpose"]:  # the smallest set of fields is another one
        draft = replace(draft, done=tuple(one for one in draft.done if one != "content"))
    if draft.draft_id is None:
        with office().files.session() as db:
            kept = share_drafts.save(db, officer(), draft.with_step("case", **answers), now=now())
        return done(_after(kept, "case"))
    return save(draft, form, "case", **answers)


# ---- 2. Recipients ------------------------------------------------------------------------------------------------


@pages.route("/bundles/new/recipients/<draft_id>", methods=["GET", "POST"])
@needs("share")
@once
def recipients(draft_id: str) -> ResponseReturnValue:
    """Which agencies, and who there."""
    draft = find(draft_id)
    if other := elsewhere(draft, "recipients"):
        return other
    with office().files.session() as db:
        found = share_options.agencies(db, office())
        own = _colleagues(db)
    form = fill(share_forms.recipients_form(found, own, draft), draft)
    if form.is_sent() and (chosen := _chosen(form, found)):
        return save(draft, form, "recipients", recipients=tuple(chosen), own_officers=tuple(form["own"].data))
    return page(
        "recipients", "recipients", draft, form=form, found=found, own=own, notes=share_forms.substitute_notes,
        compare=lambda name: url_for("agencies.compare", name=name), is_refused=form.is_submitted(),
        nobody=form.is_submitted() and not any(form[f"to-{one.name}"].data for one in found if one.is_open),
    )  # fmt: skip


def _colleagues(db: Session) -> list[share_options.Officer]:
    """Own officers but the sender, who can always open; her substitute first."""
    among = share_options.officers(office().directory(db), office().agency)
    own = next((one for one in among if one.handle == officer().handle), None)
    rest = [one for one in among if one.handle != officer().handle]
    return sorted(rest, key=lambda one: own is None or one.handle != own.substitute)


def _chosen(form: DraftForm, found: Iterable[share_options.AgencyChoice]) -> list[Recipient]:
    """The recipients of a form; none if there is a mistake in them."""
    chosen, is_whole = [], True
    for one in found:
        if not one.is_open or not form[f"to-{one.name}"].data:
            continue
        officers, reference = form[f"officers-{one.name}"], form[f"reference-{one.name}"]
        if not officers.data:
            form.refuse(officers.name, _("Choose who may open it at %(agency)s", agency=one.name))
            is_whole = False
        chosen.append(Recipient(one.name, tuple(officers.data or ()), reference.data or ""))
    open_ones = [one for one in found if one.is_open]
    if not chosen and open_ones:
        form.refuse(f"to-{open_ones[0].name}", _("Choose at least one agency"))
    return chosen if is_whole else []


# ---- 3. What to share ---------------------------------------------------------------------------------------------


@pages.route("/bundles/new/content/<draft_id>", methods=["GET", "POST"])
@needs("share")
@once
def content(draft_id: str) -> ResponseReturnValue:
    """A level for each field, exhibits, summary; beside it what each recipient will see."""
    draft = find(draft_id)
    if other := elsewhere(draft, "content"):
        return other
    with office().files.session() as db:
        people = persons.list_persons(db, officer(), draft.case_id)
        exhibits = share_preview.exhibits_of(db, officer(), draft.case_id)
        raised = {
            one.person_id: [flag for flag in flags.list_flags(db, officer(), draft.case_id, one.person_id)
                            if not flag.is_lowered]
            for one in people
        }  # fmt: skip
    form = fill(share_forms.content_form(people, exhibits, draft), draft)
    if request.form.get("do") == ALL and form.is_submitted():
        form["exhibits"].data = [one.object_id.hex() for one in exhibits]
    if form.is_sent() and (answers := _content_of(form, people, draft)):
        return save(draft, form, "content", **answers)
    return page("content", "content", draft, form=form, people=people, exhibits=exhibits, raised=raised,
                field_name=share_forms.field_name, travels=share_preview.may_travel,
                least=purposes.get_purpose(draft.purpose).fields, **preview_of(draft))  # fmt: skip


def _content_of(form: DraftForm, people: Iterable[persons.Person], draft: Draft) -> dict[str, Any] | None:
    fields = {}
    for one in people:
        if form[f"person-{one.person_id.hex()}"].data:
            fields[one.person_id] = tuple(
                name for name in share_preview.may_travel(one)
                if form[share_forms.field_name(one.person_id, name)].data == share_forms.FULL
            )  # fmt: skip
    answers = {
        "fields": fields, "exhibits": tuple(bytes.fromhex(one) for one in form["exhibits"].data),
        "text": form["text"].data or "", "reason": form["reason"].data or "",
    }  # fmt: skip
    is_going_on = request.form.get("do", "") == ""
    more = share_drafts.needs_reason(replace(draft, fields=fields))
    if is_going_on and more and not answers["reason"]:
        words = ", ".join(field_words(one) for one in more)
        form.refuse("reason", _("Say why the purpose needs this too: %(fields)s", fields=words))
        return None
    if is_going_on and not fields and not answers["exhibits"] and not answers["text"]:
        form.refuse("text", _("Choose a person or an exhibit, or write a summary: nothing would be shared"))
        return None
    return answers


def preview_of(draft: Draft) -> dict[str, Any]:
    """What each recipient will see of the draft as it is saved."""
    with office().files.session() as db:
        seen = share_preview.preview(db, office(), officer(), draft, now=now())
        exhibits = share_preview.exhibits_of(db, officer(), draft.case_id)
    chosen = [one for one in exhibits if one.object_id in draft.exhibits]
    return {
        "seen": seen, "shown_exhibits": chosen, "fields_words": fields_words,
        "joins": share_preview.what_joins(draft, chosen),
    }  # fmt: skip


# ---- 4. Handling and protection -----------------------------------------------------------------------------------


@pages.route("/bundles/new/handling/<draft_id>", methods=["GET", "POST"])
@needs("share")
@once
def handling(draft_id: str) -> ResponseReturnValue:
    """Codes, end, flags that go along, dual control."""
    draft = find(draft_id)
    if other := elsewhere(draft, "handling"):
        return other
    with office().files.session() as db:
        exhibits = share_preview.exhibits_of(db, officer(), draft.case_id)
        inherited = share_drafts.inherited_codes(one.handling for one in exhibits if one.object_id in draft.exhibits)
        raised = _flags_along(db, draft)
        few = share_options.too_few_for_two(office().directory(db), (office().agency, *draft.agencies))
    lacks = _too_few_chosen(draft)
    proposed = draft.threshold or (1 if not raised or few else 0 if lacks else 2)
    form = fill(share_forms.handling_form(draft, inherited, proposed, offers_two=not few), draft)
    if form.is_sent() and _fits(form, draft):
        return save(
            draft, form, "handling", handling=share_forms.codes_of(form.data, inherited),
            months=form["months"].data, threshold=_threshold(form),
            keep_until=form["keep_until"].data.isoformat() if form["keep_until"].data else None,
        )  # fmt: skip
    return page(
        "handling", "handling", draft, form=form, inherited=inherited, raised=raised, few=few, lacks=lacks,
        demands_two=share_options.demands_two(raised),
    )  # fmt: skip


def _flags_along(db: Session, draft: Draft) -> list[dict[str, Any]]:
    to = draft.agencies[0] if draft.agencies else ""
    return flags.flags_for_bundle(db, officer(), draft.case_id, list(draft.fields), to, now=now())


def _too_few_chosen(draft: Draft) -> list[str]:
    """Agencies at which one officer alone was chosen: two could not open it there."""
    few = [one.agency for one in draft.recipients if len(one.officers) < 2]
    return few + ([office().agency] if len(share_drafts.own_officers(officer(), draft)) < 2 else [])


def _threshold(form: DraftForm) -> int:
    return int(form["threshold"].data) if "threshold" in form else 1


def _fits(form: DraftForm, draft: Draft) -> bool:
    """Whether enough officers were chosen for two to open it, and whether a grade is whole."""
    if bool(form["source"].data) != bool(form["content"].data):
        name = "content" if form["source"].data else "source"
        form.refuse(name, _("A grade takes both, the source and the information"))
    if _threshold(form) > 1 and (lacks := _too_few_chosen(draft)):
        form.refuse("threshold", _("Choose two officers first at: %(agencies)s", agencies=", ".join(lacks)))
    return not form.errors


# ---- Drafts -------------------------------------------------------------------------------------------------------


@pages.get("/bundles/drafts")
@needs("share")
def drafts() -> ResponseReturnValue:
    """Shares that were begun: go on, or delete."""
    with office().files.session() as db:
        found = share_drafts.list_all(db, officer())
        handles = cases.handles_of(db, officer(), {one.case_id for one in found})
    rows = [(one, handles.get(one.case_id, ""), NAMES[one.next_step()], address(one.next_step(), one)) for one in found]
    return render_template("sharing/drafts.html", rows=rows, words=share_words)


@pages.route("/bundles/drafts/<draft>/delete", methods=["GET", "POST"])
@needs("share")
@once
def delete(draft: str) -> ResponseReturnValue:
    """Ask, then delete."""
    with office().files.session() as db:
        found = share_drafts.load(db, officer(), identifier(draft))
    form = share_forms.SendForm()
    if form.is_sent():
        with office().files.session() as db:
            share_drafts.drop(db, officer(), identifier(draft))
        flash(_("The draft is deleted."), "ok")
        return done(url_for("sharing.drafts"))
    return render_template("sharing/delete.html", form=form, found=found, words=share_words)


@pages.get("/bundles/drafts/<draft>/two/<other>")
@needs("share")
def two(draft: str, other: str) -> ResponseReturnValue:
    """Two tabs changed one draft: both versions are kept, and the officer says which goes on."""
    with office().files.session() as db:
        try:
            found = [share_drafts.load(db, officer(), identifier(one)) for one in (draft, other)]
        except NotFound:
            return redirect(url_for("sharing.drafts"))
    return render_template(
        "sharing/two.html", rows=[(one, address(one.next_step(), one)) for one in found], words=share_words
    )


def has_drafts() -> bool:
    """For other pages: whether this officer has begun a share."""
    if not may("share"):
        return False
    with office().files.session() as db:
        return bool(share_drafts.list_all(db, officer()))
