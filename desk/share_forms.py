"""The forms of the steps of a share. Each carries the version of the draft that it was made from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField

from desk import share_words
from desk.field_words import LABELS
from desk.forms import Choices, DeskForm, day, long_text, number, one_of, select, some_of, text, tick
from exchange import purposes
from exchange.cover import is_term
from exchange.share_drafts import Draft
from exchange.share_options import AgencyChoice, Officer
from exchange.share_preview import ExhibitSeen, may_travel
from identity.persons import Person

MOST_MONTHS: Final = 60
LONGEST_REFERENCE: Final = 60
OTHER: Final = "other"
FULL: Final = "full"
LEAVE: Final = "leave"
SHOWN_SIGNS: Final = 30


class DraftForm(DeskForm):
    """A step of a draft."""

    version = HiddenField()

    def started_from(self) -> int:
        """The version that this page showed."""
        text_of = str(self.version.data or "")
        return int(text_of) if text_of.isdecimal() and len(text_of) < 10 else 0


class CaseForm(DraftForm):
    """Step 1: case, purpose, legal basis."""

    case = select(_l("Case"), missing=_l("Choose the case"))
    purpose = one_of(
        _l("What it is for"), list(share_words.PURPOSES.items()), missing=_l("Choose what it is for"),
        hint=_l("The recipients may use it for this and nothing else. It decides which fields are proposed."),
    )  # fmt: skip
    basis = select(_l("Legal basis"), missing=_l("Choose a legal basis"))
    detail = text(
        _l("Reference, or another basis"), most=110,
        hint=_l("For example the number of the order. It stands before the opening: no name, no free text."),
    )  # fmt: skip

    def has_basis(self) -> bool:
        """Whether a basis is chosen or written, in signs that may stand in the cover; else it says what is missing."""
        if self.basis.data == OTHER and not self.detail.data:
            self.refuse("detail", _("Write the legal basis here, or choose one above"))
        elif not is_term(", ".join(one for one in (self.chosen_basis(), self.detail.data) if one)):
            self.refuse(
                "detail", _("Use plain letters, digits and simple signs, at most 120 together with the basis above")
            )
        return not self.errors

    def chosen_basis(self) -> str:
        """The basis of the list; empty for another one."""
        return "" if self.basis.data == OTHER else str(self.basis.data or "")


def bases() -> Choices:
    """Every legal basis of the list, and the possibility to write one."""
    known = sorted({one for purpose in purposes.PURPOSES.values() for one in purpose.bases})
    return [("", _("Choose one")), *((one, one) for one in known), (OTHER, _("Another one, written below"))]


def basis_notes() -> dict[str, str]:
    """Under each purpose: what it means, and the bases that are usual for it."""
    return {
        name: _(
            "%(meaning)s Usual basis: %(bases)s.",
            meaning=share_words.PURPOSE_NOTES[name], bases=", ".join(purpose.bases),
        )
        for name, purpose in purposes.PURPOSES.items()
    }  # fmt: skip


# ---- Recipients ---------------------------------------------------------------------------------------------------


def officer_choices(officers: Iterable[Officer]) -> Choices:
    """Handle without the agency, and role."""
    return [
        (
            one.handle,
            _("%(handle)s, %(role)s", handle=one.handle.split("/")[-1],
              role=", ".join(str(share_words.word(share_words.OFFICER_ROLES, role)) for role in one.roles)),
        )
        for one in officers
    ]  # fmt: skip


def substitute_notes(officers: Iterable[Officer]) -> dict[str, str]:
    """Beside each officer who could stand in."""
    return {
        one.handle: _("Substitute: %(handle)s, of the same role.", handle=one.substitute.split("/")[-1])
        if one.substitute
        else _("Nobody else there has this role.")
        for one in officers
    }


def recipients_form(found: Sequence[AgencyChoice], own: Sequence[Officer], draft: Draft) -> DraftForm:
    """Step 2, with three fields for each agency that may get something."""
    fields: dict[str, Any] = {}
    for one in found:
        if one.is_open:
            fields[f"to-{one.name}"] = tick(_l("Share with this agency"))
            fields[f"officers-{one.name}"] = some_of(
                _l("Who may open it there"), officer_choices(one.officers),
                hint=_l("A second officer of the same role keeps it from lying unread."),
            )  # fmt: skip
            fields[f"reference-{one.name}"] = text(
                _l("What the case is called for them"), most=LONGEST_REFERENCE,
                missing=_l("Write what the case is called for them"),
                hint=_l("They do not see your case number. Proposed is a random one, so that nobody can join two."),
            )  # fmt: skip
    fields["own"] = some_of(
        _l("Who else at your agency may open it"), officer_choices(own),
        hint=_l("You always can. Every opening is on the record, here as there."),
    )  # fmt: skip
    return type("RecipientsForm", (DraftForm,), fields)(data=_recipients_data(found, own, draft))  # type: ignore[no-any-return]


def _recipients_data(found: Sequence[AgencyChoice], own: Sequence[Officer], draft: Draft) -> dict[str, Any]:
    from exchange.share_drafts import new_reference

    chosen = {one.agency: one for one in draft.recipients}
    data: dict[str, Any] = {}
    for one in found:
        before = chosen.get(one.name)
        data[f"to-{one.name}"] = before is not None
        data[f"officers-{one.name}"] = list(before.officers) if before else []
        data[f"reference-{one.name}"] = before.reference if before else new_reference()
    data["own"] = list(draft.own_officers) if "recipients" in draft.done or draft.own_officers else _proposed(own)
    return data


def _proposed(own: Sequence[Officer]) -> list[str]:
    """One colleague, so that the bundle can be read here when the sender is away."""
    return [own[0].handle] if own else []


# ---- What to share ------------------------------------------------------------------------------------------------


def field_name(person: bytes, name: str) -> str:
    """Name of the control of one field of one person."""
    return f"field-{person.hex()}-{name}"


def content_form(people: Sequence[Person], exhibits: Sequence[ExhibitSeen], draft: Draft) -> DraftForm:
    """Step 3: a level for each field of each person, exhibits, summary."""
    fields: dict[str, Any] = {}
    data: dict[str, Any] = {"text": draft.text, "reason": draft.reason}
    least = purposes.get_purpose(draft.purpose).fields
    for one in people:
        chosen = draft.fields.get(one.person_id)
        fields[f"person-{one.person_id.hex()}"] = tick(_l("Share this person, under a pseudonym"))
        data[f"person-{one.person_id.hex()}"] = chosen is not None
        for name, values in may_travel(one).items():
            control = field_name(one.person_id, name)
            fields[control] = select(LABELS[name], levels(values))
            is_in = name in chosen if chosen is not None else name in least
            data[control] = FULL if is_in else LEAVE
    fields["exhibits"] = some_of(_l("Exhibits"), [(one.object_id.hex(), one.number) for one in exhibits])
    data["exhibits"] = [one.hex() for one in draft.exhibits]
    fields["text"] = long_text(
        _l("Summary"), hint=_l("Use pseudonyms, not names. Every recipient reads the same words.")
    )
    fields["reason"] = long_text(
        _l("Why more than the purpose needs"), most=500,
        hint=_l("Only where you chose a field that is marked. It stays in your own record."),
    )  # fmt: skip
    return type("ContentForm", (DraftForm,), fields)(data=data)  # type: ignore[no-any-return]


def levels(values: Sequence[str]) -> Choices:
    """Full, or not at all: no coarser form of these fields exists."""
    if len(values) > 1:
        shown = _("Full list (%(count)d)", count=len(values))
    else:
        shown = values[0] if len(values[0]) <= SHOWN_SIGNS else _("In full")
    return [(FULL, shown), (LEAVE, _("Leave out"))]


# ---- Handling and protection --------------------------------------------------------------------------------------


def handling_form(draft: Draft, inherited: Iterable[str], threshold: int, *, offers_two: bool) -> DraftForm:
    """Step 4."""
    free = [(one, words) for one, words in share_words.HANDLING.items() if one not in set(inherited)]
    fields: dict[str, Any] = {
        "codes": some_of(_l("Handling codes"), [(one, f"{one}  {words}") for one, words in free]),
        "tlp": _code_select(_l("TLP, who may read it"), purposes.TLP),
        "pap": _code_select(_l("PAP, what may be done with it"), purposes.PAP),
        "source": select(_l("Source"), [("", _l("Not graded")), *share_words.SOURCE_GRADES.items()]),
        "content": select(_l("Information"), [("", _l("Not graded")), *share_words.CONTENT_GRADES.items()]),
        "months": number(
            _l("Months in which it can be opened"), least=1, most=MOST_MONTHS, missing=_l("Write for how many months"),
            hint=_l("After that it stays closed for good. Months end together, so that the day says nothing."),
        ),
        "keep_until": day(
            _l("Working copies are kept until"), hint=_l("Then the recipients delete what they took out of it.")
        ),
    }  # fmt: skip
    if offers_two:
        fields["threshold"] = one_of(
            _l("Who opens it"),
            [("1", _l("One officer is enough")), ("2", _l("Two officers open it together (dual control)"))],
            missing=_l("Choose whether one officer is enough"),
        )  # fmt: skip
    data = {**_handling_data(draft), "threshold": str(threshold) if threshold else None}
    return type("HandlingForm", (DraftForm,), fields)(data=data)  # type: ignore[no-any-return]


def _code_select(label: Any, codes: Sequence[str]) -> Any:
    return select(label, [("", _("None")), *((one, f"{one}  {share_words.CODES[one]}") for one in codes)])


def _handling_data(draft: Draft) -> dict[str, Any]:
    grade = next((one.split() for one in draft.handling if one.startswith("3x5x2 ")), [])
    return {
        "codes": [one for one in draft.handling if one in purposes.HANDLING],
        "tlp": next((one for one in draft.handling if one in purposes.TLP), ""),
        "pap": next((one for one in draft.handling if one in purposes.PAP), ""),
        "source": grade[1][0] if len(grade) > 1 else "", "content": grade[1][1] if len(grade) > 1 else "",
        "months": draft.months, "keep_until": _date(draft.keep_until),
    }  # fmt: skip


def _date(text_of: str | None) -> Any:
    from datetime import date

    return None if text_of is None else date.fromisoformat(text_of)


def codes_of(form: Mapping[str, Any], inherited: Iterable[str]) -> tuple[str, ...]:
    """The codes of a sent form, with those that cannot be taken away."""
    chosen = [*inherited, *form["codes"]]
    chosen += [form[name] for name in ("tlp", "pap") if form[name]]
    if form["source"] and form["content"]:
        chosen.append(f"3x5x2 {form['source']}{form['content']}")
    return purposes.union_of(chosen)


class CheckForm(DraftForm):
    """Step 5: two declarations. `seen` is the digest of what the page showed."""

    seen = HiddenField()
    read = tick(
        _l("I have read this page, and what is shared is needed for the purpose"),
        missing=_l("Read the page, then tick that you did"),
    )
    looked = tick(
        _l("I have looked at the photos, recordings and papers myself"),
        missing=_l("Look at what goes along, then tick that you did"),
    )


class SendForm(DraftForm):
    """One button."""
