"""Drafts of a share: kept sealed in versions, made into one bundle for each agency, taken back when they change."""

from dataclasses import replace
from pathlib import Path

import pytest

from errors import Conflict, ConsentMissing, DraftStale, FormatError, NotFound, NotPermitted
from exchange import approvals, delivery, purposes, questions, sent, share_drafts, share_options, share_sending
from exchange.share_drafts import Draft, Recipient
from tests.support.field import Field, now
from tests.support.shares import CaseOf, case_of, consented


@pytest.fixture(scope="module")
def case(field: Field, tmp_path_factory: pytest.TempPathFactory) -> CaseOf:
    return case_of(field.north, "liaison-1", "NP-2031-3", tmp_path_factory.mktemp("case"))


def draft_of(field: Field, case: CaseOf, **more: object) -> Draft:
    values: dict[str, object] = {
        "purpose": "prosecution", "basis": "Act 7",
        "recipients": (Recipient("south-prosecutor", (field.south.handle("prosecutor-1"),), "R-1"),),
        "fields": {case.persons[0]: ("vic_typeofexploitation",)}, "exhibits": tuple(case.exhibits[:1]), **more,
    }  # fmt: skip
    return Draft(case.case_id, **values)  # type: ignore[arg-type]


def test_a_draft_is_read_back_as_it_was_kept(field: Field, case: CaseOf) -> None:
    officer = field.north.officer("liaison")
    draft = draft_of(field, case, text="Words", keep_until="2031-05-31", handling=("H1",), reason="Why")
    with field.north.office.files.session() as db:
        kept = share_drafts.save(db, officer, draft, now=now())
        assert share_drafts.load(db, officer, kept.draft_id or b"") == kept
    assert kept == replace(draft, draft_id=kept.draft_id, version=1, changed_at=kept.changed_at)


def test_a_save_that_started_from_an_older_version_is_refused_and_can_be_kept_apart(field: Field, case: CaseOf) -> None:
    officer = field.north.officer("liaison")
    with field.north.office.files.session() as db:
        first = share_drafts.save(db, officer, draft_of(field, case), now=now())
        share_drafts.save(db, officer, replace(first, text="one"), now=now())
    with pytest.raises(DraftStale), field.north.office.files.session() as db:
        share_drafts.save(db, officer, replace(first, text="two"), now=now())
    with field.north.office.files.session() as db:
        apart = share_drafts.save_apart(db, officer, replace(first, text="two"), now=now())
        assert share_drafts.load(db, officer, first.draft_id or b"").text == "one"
        assert share_drafts.load(db, officer, apart.draft_id or b"").text == "two"


def test_a_draft_opens_for_its_officer_alone(field: Field, case: CaseOf) -> None:
    with field.north.office.files.session() as db:
        kept = share_drafts.save(db, field.north.officer("liaison"), draft_of(field, case), now=now())
    with pytest.raises(NotFound), field.north.office.files.session() as db:
        share_drafts.load(db, field.north.officer("liaison-2"), kept.draft_id or b"")
    with field.north.office.files.session() as db:
        assert share_drafts.load(db, field.north.officer("liaison"), kept.draft_id or b"") == kept


def test_each_agency_gets_a_bundle_of_its_own(field: Field, case: CaseOf) -> None:
    officer = field.north.officer("liaison")
    recipients = (
        Recipient("south-prosecutor", (field.south.handle("prosecutor-1"),), "R-1"),
        Recipient("shelter-ngo", (field.shelter.handle("case-worker-1"),), "R-2"),
    )
    with field.north.office.files.session() as db:
        made = share_drafts.compose(
            db, field.north.office, officer, draft_of(field, case, recipients=recipients), now=now()
        )
    assert [one.agencies for one in made] == [("south-prosecutor",), ("shelter-ngo",)]
    names = [one.form["persons"][0]["pseudonym"] for one in made]
    assert names[0] != names[1]
    assert [one.form["case"] for one in made] == ["R-1", "R-2"]
    assert {tuple(one.form["persons"][0]["fields"]) for one in made} == {("vic_typeofexploitation",)}


def test_what_may_not_be_sealed_is_refused_when_it_is_composed(field: Field, case: CaseOf) -> None:
    officer, office = field.north.officer("liaison"), field.north.office
    wrong = Recipient("south-prosecutor", ("south-prosecutor/administrator-1",), "R-1")
    with pytest.raises(NotPermitted), office.files.session() as db:
        share_drafts.compose(db, office, officer, draft_of(field, case, recipients=(wrong,)), now=now())
    with pytest.raises(NotPermitted, match="2 officers"), office.files.session() as db:
        share_drafts.compose(db, office, officer, draft_of(field, case, threshold=2), now=now())
    with pytest.raises(FormatError), office.files.session() as db:
        share_drafts.compose(db, office, officer, draft_of(field, case, purpose="curiosity"), now=now())
    with office.files.session() as db:
        assert share_drafts.compose(db, office, officer, draft_of(field, case), now=now())


def test_a_shelter_needs_a_consent_that_covers_it_and_the_newest_one_is_taken(field: Field, tmp_path: Path) -> None:
    made = case_of(field.shelter, "case-worker-1", "SN-9-1", tmp_path, people=1, items=1)
    officer, office, draft = field.shelter.officer("case-worker"), field.shelter.office, draft_of(field, made)
    consented(made, field.south, purpose="protection")
    with pytest.raises(ConsentMissing), office.files.session() as db:
        share_drafts.compose(db, office, officer, draft, now=now())
    record = consented(made, field.south)
    with office.files.session() as db:
        composed = share_drafts.compose(db, office, officer, draft, now=now())
    assert composed[0].consents == (record,)


def test_what_was_asked_is_taken_back_when_the_draft_changes(field: Field, case: CaseOf) -> None:
    officer, office = field.north.officer("liaison"), field.north.office
    recipients = (
        Recipient("south-prosecutor", tuple(field.south.handle(f"prosecutor-{one}") for one in (1, 2)), "R-1"),
    )
    draft = draft_of(
        field, case, recipients=recipients, threshold=2, own_officers=(field.north.handle("liaison-2"),), text="Words"
    )
    with office.files.session() as db:
        kept = share_drafts.save(db, officer, draft, now=now())
    asked = share_drafts.ask(
        office, officer, kept, lambda made: delivery.ask_approval(office, officer, made, now=now(), reason="It helps"),
        now=now(),
    )  # fmt: skip
    question = asked.asked[0].approval
    with office.files.session() as db:
        read = questions.subject_of(approvals.read(db, field.north.officer("liaison-2"), question))
        assert questions.subject_of(approvals.read_own(db, officer, question)) == read
        assert approvals.readers_of(db, question) == [
            field.north.handle("liaison-2"), field.north.handle("supervisor-1")
        ]  # fmt: skip
    assert read.made is not None
    assert read.made.form["text"] == "Words"
    assert read.reason == "It helps"
    with office.files.session() as db:
        share_drafts.change(db, officer, replace(asked, text="Other words"), now=now())
    with pytest.raises(Conflict, match="changed since you read it"), office.files.session() as db:
        approvals.grant(db, field.north.officer("liaison-2"), question, now=now())


def test_a_draft_is_sealed_and_sent_and_then_gone(field: Field, case: CaseOf) -> None:
    officer, office, told = field.north.officer("liaison"), field.north.office, []
    with office.files.session() as db:
        kept = share_drafts.save(db, officer, draft_of(field, case, reason="It helps"), now=now())
    bundles = share_sending.run(
        office, officer, kept, now=now, tell=lambda phase, done, total: told.append((phase, done, total))
    )
    assert told[0][0] == share_sending.SEALING
    assert told[-1] == (share_sending.SENDING, 1, 1)
    with office.files.session() as db:
        found = sent.get_sent(db, officer, bundles[0], now=now())
        assert (found.state, found.reason, found.recipients) == ("accepted", "It helps", ("south-prosecutor",))
        assert found.bundle_id in {one.bundle_id for one in sent.list_sent(db, officer, now=now())}
    with pytest.raises(NotFound), office.files.session() as db:
        share_drafts.load(db, officer, kept.draft_id or b"")
    with pytest.raises(NotPermitted), office.files.session() as db:
        sent.get_sent(db, field.north.officer("liaison-2"), bundles[0], now=now())


def test_the_answers_of_a_sent_bundle_begin_a_new_draft(field: Field, case: CaseOf) -> None:
    officer, office = field.north.officer("liaison"), field.north.office
    with office.files.session() as db:
        kept = share_drafts.save(db, officer, draft_of(field, case, text="Words"), now=now())
    bundle = share_sending.run(office, officer, kept, now=now, tell=lambda *told: None)[0]
    with office.files.session() as db:
        fresh = share_drafts.again(db, officer, bundle, share_drafts.CORRECT)
        other = share_drafts.again(db, officer, bundle, share_drafts.ADD)
    assert (fresh.of, fresh.fields, fresh.exhibits, fresh.text) == (bundle, kept.fields, kept.exhibits, "Words")
    assert fresh.agencies == ("south-prosecutor",)
    assert (fresh.next_step(), other.next_step()) == ("content", "recipients")
    assert (other.of, other.agencies) == (None, ())


def test_more_than_the_purpose_needs_is_named() -> None:
    assert purposes.above_minimum("prosecution", ["prs_gender", "vic_typeofexploitation"]) == ["prs_gender"]
    assert purposes.above_minimum("referral", ["prs_gender"]) == []
    with pytest.raises(FormatError):
        purposes.get_purpose("curiosity")


def test_a_substitute_has_the_same_role(field: Field) -> None:
    with field.north.office.files.session() as db:
        found = {
            one.handle: one for one in share_options.officers(field.north.office.directory(db), "south-prosecutor")
        }
        few = share_options.too_few_for_two(field.north.office.directory(db), field.kinds)
    assert found["south-prosecutor/prosecutor-1"].substitute == "south-prosecutor/prosecutor-2"
    assert found["south-prosecutor/supervisor-1"].substitute is None
    assert few == []
