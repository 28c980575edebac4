"""What a survivor answered: each yes is a consent of its own, and each no stays where it was said."""

from dataclasses import replace

import pytest

from errors import ConsentMissing, FormatError, NotFound, NotPermitted
from identity import consent, persons, talks, walks
from identity.talks import CONTACT, HELP, ITEM, LATER, NO, SUPPORT, YES, Answer, Setting
from tests.support.desks import NOW
from tests.unit.identity.conftest import Team

SETTING = Setting("ar", "ar", "00" * 32, "here", "spoken", "alone", "with her sister", {"south": "the prosecutor"})
FIRST, SECOND = b"a" * 16, b"b" * 16


def ask(team: Team, answers: list[Answer], person: bytes | None = None) -> talks.Talk:
    with team.desk.files.session() as db:
        person = person or persons.add_person(db, team.worker, team.case_id, {}, role="victim", short="W", now=NOW)
        return talks.record_talk(
            db, team.worker, team.case_id, person, SETTING, answers, given_on="2031-01-01", valid_until="2031-12-31",
            how_to_withdraw="Tell us.", now=NOW,
        )  # fmt: skip


def item(answer: str, thing: bytes | None = None, recipient: str = "south", purpose: str = "prosecution") -> Answer:
    return Answer(ITEM, answer, recipient, purpose, thing)


def test_each_recipient_and_purpose_becomes_a_consent_of_its_own(team: Team) -> None:
    made = ask(team, [
        Answer(SUPPORT, YES), item(YES), item(YES, FIRST), item(NO, SECOND), item(LATER, FIRST, "north"),
        item(YES, SECOND, "north", "protection"), item(NO, None, "north", "protection"), Answer(HELP, NO),
        Answer(CONTACT, YES, way="in the morning"),
    ])  # fmt: skip
    with team.desk.files.session() as db:
        found = {one.record_id: one.facts for one in consent.list_consents(db, team.worker, team.case_id)}
        again = talks.get_talk(db, team.worker, made.talk_id)
    assert again == made
    assert set(found) == set(made.records) and len(found) == 2
    by_recipient = {one.recipients: one for one in found.values()}
    south, north = by_recipient["south",], by_recipient["north",]
    assert (south.items, south.covers_data, south.purposes) == ((FIRST,), True, ("prosecution",))
    assert (north.items, north.covers_data, north.purposes) == ((SECOND,), False, ("protection",))
    assert (south.language, south.valid_until, south.how_to_withdraw) == ("ar", "2031-12-31", "Tell us.")


def test_a_talk_in_which_everything_was_refused_is_kept_and_makes_no_consent(team: Team) -> None:
    made = ask(team, [Answer(SUPPORT, NO), item(NO), Answer(HELP, NO)])
    assert made.records == ()
    with team.desk.files.session() as db:
        assert consent.list_consents(db, team.worker, team.case_id) == []
        assert [one.answer for one in talks.list_talks(db, team.worker, team.case_id)[0].answers] == [NO, NO, NO]


def test_the_newest_answer_to_a_question_counts(team: Team) -> None:
    first = ask(team, [item(LATER), item(NO, FIRST)])
    second = ask(team, [item(NO)], first.person_id)
    with team.desk.files.session() as db:
        found = talks.newest_answers(talks.list_talks(db, team.worker, team.case_id, first.person_id))
    assert [(one.item, one.answer, talk.talk_id) for one, talk in found] == [
        (None, NO, second.talk_id), (FIRST, NO, first.talk_id),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [Answer("tea", YES), Answer(SUPPORT, "perhaps"), Answer(SUPPORT, YES, item=FIRST), Answer(ITEM, YES),
     item(YES, recipient="Not An Agency"), item(YES, purpose="")],
)  # fmt: skip
def test_an_answer_to_no_known_question_is_not_recorded(team: Team, answer: Answer) -> None:
    with pytest.raises(FormatError):
        ask(team, [answer])
    ask(team, [item(YES)])  # the control


def test_nobody_but_the_team_reads_or_records_a_talk_and_no_word_of_it_lies_open(team: Team) -> None:
    made = ask(team, [item(NO), Answer(CONTACT, YES, way="Zeisigruf am Morgen")])
    with team.desk.files.session() as db:
        with pytest.raises(NotPermitted):
            talks.get_talk(db, team.outsider, made.talk_id)
        with pytest.raises(NotFound):
            talks.get_talk(db, team.worker, bytes(16))
    raw = b"".join(path.read_bytes() for path in team.desk.files.folder.rglob("desk.sqlite*"))
    assert b"Zeisigruf" not in raw and b"with her sister" not in raw
    assert team.worker.handle.encode() in raw  # the control


# ---- Items without facts about her ------------------------------------------------------------------------------


def test_a_consent_to_items_alone_lets_no_field_about_her_go_along(team: Team) -> None:
    made = ask(team, [item(YES, FIRST), item(NO)])
    with team.desk.files.session() as db:
        found = consent.get_consent(db, team.worker, team.case_id, made.records[0])
        with pytest.raises(ConsentMissing, match="items alone"):
            consent.require_covered(found, "south", ("prosecution",), [FIRST], NOW, has_data=True)
        consent.require_covered(found, "south", ("prosecution",), [FIRST], NOW)
        with_data = replace(found, facts=replace(found.facts, covers_data=True))
        consent.require_covered(with_data, "south", ("prosecution",), [FIRST], NOW, has_data=True)


def test_a_consent_covers_something() -> None:
    facts = consent.ConsentFacts(("prosecution",), ("south",), "2031-01-01", "en", "Tell us.", covers_data=False)
    with pytest.raises(FormatError):
        facts.check()
    replace(facts, items=(FIRST,)).check()


# ---- The walk ---------------------------------------------------------------------------------------------------


def walk_of(team: Team, **more: object) -> walks.Walk:
    with team.desk.files.session() as db:
        person = persons.add_person(db, team.worker, team.case_id, {}, role="victim", short="W", now=NOW)
    values = {
        "recipients": ("south", "north"), "purposes": ("prosecution",),
        "items": {walks.DATA: "", FIRST.hex(): "two photographs"}, **more,
    }  # fmt: skip
    return walks.Walk(team.case_id, person, SETTING, until=None, **values)  # type: ignore[arg-type]


def test_a_walk_asks_each_thing_by_itself_and_comes_back_as_it_was(team: Team) -> None:
    walk = walk_of(team)
    kinds = [one.kind for one in walk.questions]
    assert kinds == [SUPPORT, ITEM, ITEM, ITEM, ITEM, HELP, CONTACT]
    with team.desk.files.session() as db:
        walk_id = walks.begin(db, team.worker, walk, now=NOW)
        changed = walk.with_answer(2, NO).with_answer(3, YES).with_answer(2, YES).with_answer(7, YES, "by letter")
        walks.save(db, team.worker, walk_id, changed, now=NOW)
        again = walks.load(db, team.worker, walk_id)
        assert again == changed
        with pytest.raises(NotFound):
            walks.load(db, team.outsider, walk_id)
        assert [one for one, _ in walks.list_walks(db, team.worker)] == [walk_id]
        walks.end(db, team.worker, walk_id)
        with pytest.raises(NotFound):
            walks.load(db, team.worker, walk_id)
    assert again.result() == [item(YES), item(YES, FIRST), Answer(CONTACT, YES, way="by letter")]


def test_a_walk_that_is_too_long_or_half_is_not_begun(team: Team) -> None:
    walk = walk_of(team)
    many = {bytes([number]).hex() * 16: "x" for number in range(20)}
    with team.desk.files.session() as db:
        for wrong in (replace(walk, items=many), replace(walk, purposes=()), replace(walk, items={})):
            with pytest.raises(FormatError):
                walks.begin(db, team.worker, wrong, now=NOW)
        for number, answer in ((0, YES), (8, YES)):
            with pytest.raises(NotFound):
                walk.with_answer(number, answer)
        with pytest.raises(FormatError):
            walk.with_answer(1, "perhaps")
        walks.begin(db, team.worker, replace(walk, items={}, purposes=(), recipients=()), now=NOW)  # the control
