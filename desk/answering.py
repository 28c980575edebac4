"""Answering an inquiry: each question on its own, what goes along, and the consent that it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agencies import cases, setup
from desk import bundle_view, bundle_words
from desk.access import needs, now, office, officer
from desk.asking import agency_officers, code_options, legal_term, pages
from desk.casework import identifier
from desk.forms import DeskForm, day, done, long_text, once, one_of, some_of, text
from desk.inquiries import load, shown_of
from desk.keeping import case_choices
from desk.languages import day as day_words
from errors import AmparoError, ConsentMissing, FormatError
from evidence import exhibits
from exchange import cover, inquiries, sending
from exchange.inquiry_texts import Inquiry
from exchange.models import InquiryRow
from exchange.sharing import Choice
from identity import consent, persons
from identity.consent import Consent

__all__ = ["pages"]
NGO: Final = "ngo"
WORDS_ALONE: Final = "words"
NONE_OWED, WRITTEN = "none", "written"
LATER: Final = "later"
CONSENT_PAGE: Final = "consent.record"
WAYS: Final = [
    (inquiries.RELEASE, _l("Release")),
    (inquiries.NOT, _l("Do not release")),
    (LATER, _l("Decide later")),
]
LONGEST_GROUND: Final = 1000


@dataclass(frozen=True, slots=True)
class Material:
    """What the chosen case has, and what its survivors agreed to for this agency and these purposes.

    Attributes:
        names: words for a person: her category and short id.
        agreed: object ids that at least one consent covers.
    """

    exhibits: Sequence[exhibits.Exhibit]
    persons: Sequence[persons.Person]
    consents: Sequence[Consent] = field(repr=False)
    names: Mapping[bytes, str] = field(repr=False)

    @property
    def agreed(self) -> set[bytes]:
        return {item for one in self.consents for item in one.facts.items}


def is_ngo() -> bool:
    """Whether what leaves this desk rests on consent."""
    with office().files.session() as db:
        return setup.get_identity(db).type == NGO


def _material(case_id: bytes, row: InquiryRow, purposes: Sequence[str]) -> Material:
    with office().files.session() as db:
        found = persons.list_persons(db, officer(), case_id)
        agreed = [
            one for one in consent.list_consents(db, officer(), case_id) if _covers(one, row.other_agency, purposes)
        ]  # fmt: skip
        words = {one.person_id: f"{bundle_words.CATEGORIES.get(one.role.replace('-', '_'), one.role)} {one.short}"
                 for one in found}  # fmt: skip
        return Material(exhibits.list_exhibits(db, officer(), case_id), found, agreed, words)


def _covers(one: Consent, agency: str, purposes: Sequence[str]) -> bool:
    try:
        consent.require_covered(one, agency, [name for name in purposes if name in one.facts.purposes], (), now())
    except ConsentMissing:
        return False
    return bool(set(purposes) & set(one.facts.purposes))


class AnswerForm(DeskForm):
    """What goes back. The decisions on the questions are added for each inquiry."""

    consent = one_of(_l("On which consent does it rest?"))
    persons = some_of(_l("Persons"))
    exhibits = some_of(_l("Exhibits"))
    words = long_text(_l("What you write to them"), hint=_l("No names, no addresses. Use their pseudonym."))
    purposes = some_of(_l("For which purpose?"), missing=_l("Choose at least one purpose"))
    legal_basis = text(
        _l("Legal basis"), missing=_l("State the legal basis on which you answer"), most=cover.MOST_SIGNS
    )
    officers = some_of(_l("Who may open it there?"), missing=_l("Choose who may open it there"))
    handling = some_of(_l("Handling codes"))
    keep_until = day(_l("They may keep it until"))
    why = one_of(_l("Why is something not released?"), [
        (NONE_OWED, _l("No reason is given")), (WRITTEN, _l("A reason is given")),
    ])  # fmt: skip
    ground = long_text(_l("Reason"), most=LONGEST_GROUND, hint=_l("They read this. Name nobody."))

    def decisions(self) -> list[str]:
        """The decision on each question, in order."""
        return [str(one.data) for one in self if one.name.startswith("q_")]


def _form_for(questions: Sequence[str]) -> AnswerForm:
    ways = {
        f"q_{number}": one_of(
            _("Your answer to question %(n)d", n=number), WAYS,
            missing=_("Decide question %(n)d, or choose to decide it later", n=number),
        )
        for number in range(1, len(questions) + 1)
    }  # fmt: skip
    made: AnswerForm = bundle_view.with_first(AnswerForm, ways)
    return made


@pages.route("/inquiries/<inquiry_id>/answer", methods=["GET", "POST"])
@needs("answer")
@once
def answer(inquiry_id: str) -> ResponseReturnValue:
    """Decide each question, choose what goes along, and go on to the check."""
    raw = identifier(inquiry_id)
    row, asked = load(raw)
    if asked is None or row.direction != inquiries.IN or row.state == inquiries.ANSWERED:
        return redirect(url_for("inquiries.inquiry", inquiry_id=inquiry_id))
    choices = case_choices()
    case = request.args.get("case") or ("" if row.case_id is None else row.case_id.hex())
    if case not in dict(choices):
        return render_template("inquiries/answer_case.html", **shown_of(row, asked), cases=choices)
    material = _material(identifier(case), row, asked.purposes)
    form = _form_for(asked.form["questions"])
    _fill(form, row, asked, material)
    if form.is_sent() and legal_term(form) and (to := _answered(form, row, asked, identifier(case), material)):
        return done(to)
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), identifier(case)).handle
    return render_template(
        "inquiries/answer.html", **shown_of(row, asked), form=form, material=material, is_ngo=is_ngo(), handle=handle,
        case=case, can_switch=len(choices) > 1, none_owed=NONE_OWED,
        consent_links=_consent_links(case, material),
    )  # fmt: skip


def _fill(form: AnswerForm, row: InquiryRow, asked: Inquiry, material: Material) -> None:
    """Choices, and what most answers will be."""
    form.purposes.choices = [(one, bundle_words.purpose_words(one)) for one in asked.purposes]
    form.officers.choices = [(one, one) for one in agency_officers(row.other_agency)]
    form.handling.choices = code_options()
    form.persons.choices = [(one.person_id.hex(), material.names[one.person_id]) for one in material.persons]
    agreed = material.agreed
    ngo = is_ngo()
    form.exhibits.choices = [
        (one.object_id.hex(), f"{one.local_number}  {one.description}")
        for one in material.exhibits
        if not ngo or one.object_id in agreed
    ]
    form.consent.choices = [
        (WORDS_ALONE, _("On none: only words that concern nobody in particular")),
        *((one.record_id.hex(), _consent_words(one, material)) for one in material.consents),
    ]
    if not form.is_submitted() and not form.is_restored:
        form.purposes.data = list(asked.purposes)
        form.officers.data = [asked.by]
        form.consent.data, form.why.data = WORDS_ALONE, NONE_OWED if ngo else WRITTEN


def _consent_links(case: str, material: Material) -> list[tuple[str, str]]:
    """Where an answer of each person of the case is recorded, where this desk has those pages."""
    if CONSENT_PAGE not in current_app.view_functions:
        return []
    return [
        (material.names[one.person_id], url_for(CONSENT_PAGE, case_id=case, person_id=one.person_id.hex()))
        for one in material.persons
    ]


def _consent_words(one: Consent, material: Material) -> str:
    person, given = material.names.get(one.person_id, ""), day_words(one.facts.given_on)
    if one.facts.valid_until:
        return str(_("%(person)s: given %(given)s, until %(until)s", person=person, given=given,
                 until=day_words(one.facts.valid_until)))  # fmt: skip
    return str(_("%(person)s: given %(given)s", person=person, given=given))


def _answered(form: AnswerForm, row: InquiryRow, asked: Inquiry, case_id: bytes, material: Material) -> str | None:
    """Keep the answer as a draft; where to go on. None when something has to be mended first."""
    decisions = form.decisions()
    if LATER in decisions:
        for number, one in enumerate(decisions, 1):
            if one == LATER:
                form.refuse(f"q_{number}", _("An answer goes out once. Decide this question before you go on"))
        return None
    decision = inquiries.decision_of(decisions)
    ground = _ground(form, decision)
    if ground == "":
        return None
    try:
        with office().files.session() as db:
            made = inquiries.make_answer(
                db, office(), officer(), _choice(form, row, asked, case_id, decision, material),
                inquiry_id=row.inquiry_id, decision=decision, ground=ground, now=now(),
            )  # fmt: skip
            draft_id = sending.keep_draft(db, office(), officer(), made, now=now())
    except FormatError as error:
        form.refuse("words", _(error.message))
        return None
    except AmparoError as error:
        form.refuse("consent" if is_ngo() else "exhibits", _(error.message))
        return None
    return str(url_for("inquiries.check", draft_id=draft_id.hex()))


def _ground(form: AnswerForm, decision: str) -> str | None:
    """The ground; None where none is needed, empty where one is missing."""
    if decision == "granted":
        return None
    if is_ngo() and form.why.data != WRITTEN:
        return inquiries.NO_REASON
    if not form.ground.data:
        form.refuse("ground", _("Write why something is not released"))
        return ""
    return str(form.ground.data)


def _choice(
    form: AnswerForm, row: InquiryRow, asked: Inquiry, case_id: bytes, decision: str, material: Material
) -> Choice:
    """A refusal names nobody and takes nothing along, whatever was ticked before."""
    is_refusal = decision == inquiries.REFUSED
    chosen = tuple(bytes.fromhex(one) for one in form.exhibits.data or ()) if not is_refusal else ()
    who = tuple(bytes.fromhex(one) for one in form.persons.data or ()) if not is_refusal else ()
    records: tuple[bytes, ...] = ()
    if is_ngo():
        rests_on = next((one for one in material.consents if one.record_id.hex() == form.consent.data), None)
        rests_on = None if is_refusal else rests_on
        records = () if rests_on is None else (rests_on.record_id,)
        who = () if rests_on is None else (rests_on.person_id,)
    return Choice(
        case_id, row.other_agency, tuple(form.officers.data or ()), tuple(form.purposes.data or ()),
        str(form.legal_basis.data), str(asked.form.get("case", "")), text=str(form.words.data or ""),
        persons=who, exhibits=chosen, records=records,
        handling=tuple(form.handling.data or ()),
        keep_until=form.keep_until.data.isoformat() if form.keep_until.data else None,
    )  # fmt: skip
