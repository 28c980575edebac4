"""The flag register: constant size, chained versions, and nobody but the raiser lowers a flag."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from crypto import labels, signing
from crypto.encoding import dump_json
from custody import register
from custody.register import Record, Version
from errors import Conflict, DecryptionFailed, FormatError, SignatureInvalid

AGENCIES = ("north", "shelter", "south")
EMPTY: list[Record | None] = [None] * register.PLACES


class Parties:
    """Officers of three agencies who share one bundle."""

    def __init__(self, rng: random.Random) -> None:
        self.keys = {
            f"{agency}/liaison-{number}": signing.SigningKey(rng.randbytes(32))
            for agency in AGENCIES
            for number in (1, 2)
        }
        self.r, self.bundle_id, self.header_digest = rng.randbytes(32), rng.randbytes(16), rng.randbytes(32)

    def find_key(self, by: str) -> bytes | None:
        return self.keys[by].public_key if by in self.keys else None

    def takes_two(self, agency: str, signers: Sequence[str]) -> bool:
        return sum(by.startswith(agency + "/") for by in signers) >= 2

    def flag(self, by: Sequence[str], **changes: Any) -> Record:
        value = {
            "v": 1, "place": 8, "number": 1, "raiser": "shelter", "pseudonym": "Tamo-Keri 4071",
            "flag": "family-at-risk",
            "concerns": ["XA"], "instruction": "no-contact", "from": "2031-01-01", "until": None, "state": "raised",
        }  # fmt: skip
        entry = dump_json({**value, **changes})
        what = register.flag_fields(self.bundle_id, self.header_digest, entry)
        return Record(entry, tuple((one, self.keys[one].sign(labels.FLAG, *what)) for one in by))

    def version(self, by: str, before: Version | None, places: Sequence[Record | None]) -> Version:
        return register.sign_version(self.keys[by], by, self.r, self.bundle_id, self.header_digest, before, places)

    def check(self, version: Version) -> list[Record | None]:
        places = register.open_version(self.r, version)
        register.check_places(places, version, AGENCIES, self.find_key, self.takes_two)
        return places


@pytest.fixture
def parties(rng: random.Random) -> Parties:
    return Parties(rng)


def at(place: int, record: Record | None) -> list[Record | None]:
    places = list(EMPTY)
    places[place] = record
    return places


def test_a_register_with_flags_and_one_without_have_one_size(parties: Parties) -> None:
    """G6: from outside nobody can tell them apart."""
    empty = parties.version("north/liaison-1", None, EMPTY)
    flagged = parties.version("shelter/liaison-1", empty, at(8, parties.flag(["shelter/liaison-1"])))
    assert len(empty.box) == len(flagged.box) == register.BOX_BYTES == 65576
    assert parties.check(empty) == EMPTY
    found = parties.check(flagged)[8]
    assert found is not None and found.value["flag"] == "family-at-risk"


def test_versions_chain_and_a_stale_one_is_refused(parties: Parties) -> None:
    first = parties.version("north/liaison-1", None, EMPTY)
    second = parties.version("south/liaison-1", first, EMPTY)
    register.require_successor(first, None)
    register.require_successor(second, first)
    twin = parties.version("north/liaison-1", first, EMPTY)
    for late, before in ((twin, second), (first, first), (second, None)):
        with pytest.raises(Conflict):
            register.require_successor(late, before)


def test_an_altered_version_is_refused(parties: Parties) -> None:
    made = parties.version("north/liaison-1", None, EMPTY)
    key = parties.keys["north/liaison-1"].public_key
    made.verify(key)
    other_box = bytes([made.box[0] ^ 1]) + made.box[1:]
    for altered in (
        replace(made, version=2),
        replace(made, previous=bytes([1] * 32)),
        replace(made, box=other_box),
        replace(made, bundle_id=bytes(16)),
        replace(made, header_digest=bytes(32)),
        replace(made, signature=bytes(64)),
    ):
        with pytest.raises(SignatureInvalid):
            altered.verify(key)
    with pytest.raises(FormatError):
        replace(made, box=made.box[:-1]).verify(key)
    with pytest.raises(DecryptionFailed):
        register.open_version(parties.r, replace(made, box=other_box))
    with pytest.raises(DecryptionFailed):
        register.open_version(parties.r, replace(made, version=2))


def test_only_the_raiser_raises_and_two_of_its_officers_lower(parties: Parties) -> None:
    one, two = "shelter/liaison-1", "shelter/liaison-2"
    lowered = {"state": "lowered", "number": 2}
    for record in (parties.flag([one]), parties.flag([one, two], **lowered)):
        parties.check(parties.version(one, None, at(8, record)))
    for record in (
        parties.flag(["north/liaison-1"]),
        parties.flag([one], **lowered),
        parties.flag([one, "north/liaison-1"], **lowered),
        replace(parties.flag([one]), signatures=((one, bytes(64)),)),
        replace(parties.flag([one]), signatures=()),
    ):
        with pytest.raises(SignatureInvalid):
            parties.check(parties.version("north/liaison-1", None, at(8, record)))


def test_a_flag_stands_in_its_raisers_place_alone(parties: Parties) -> None:
    one = "shelter/liaison-1"
    parties.check(parties.version(one, None, at(9, parties.flag([one], place=9))))
    for place, record in (
        (9, parties.flag([one])),
        (0, parties.flag([one], place=0)),
        (63, parties.flag([one], place=63)),
    ):
        with pytest.raises(FormatError):
            parties.check(parties.version(one, None, at(place, record)))


def test_a_dropped_flag_or_an_older_state_is_refused(parties: Parties) -> None:
    """Decision 0003: an old, validly signed entry must not be brought back."""
    one, two = "shelter/liaison-1", "shelter/liaison-2"
    raised = at(8, parties.flag([one]))
    lowered = at(8, parties.flag([one, two], state="lowered", number=2))
    again = at(8, parties.flag([one], number=3))
    for before, after in ((EMPTY, raised), (raised, raised), (raised, lowered), (lowered, again), (raised, again)):
        register.check_change(before, after)
    changed = at(8, parties.flag([one], instruction="no-export"))
    for before, after in ((raised, EMPTY), (lowered, raised), (again, lowered), (raised, changed), (again, EMPTY)):
        with pytest.raises(FormatError):
            register.check_change(before, after)


@pytest.mark.parametrize(
    "changes",
    [
        {"instruction": "be-careful"},
        {"state": "gone"},
        {"number": 0},
        {"place": 64},
        {"v": 2},
        {"extra": 1},
        {"concerns": "XA"},
        {"v": True},
        {"pseudonym": None},
        {"until": "next week"},
    ],
)
def test_a_flag_that_this_version_does_not_know_is_refused(parties: Parties, changes: dict[str, Any]) -> None:
    assert parties.flag(["shelter/liaison-1"]).value
    with pytest.raises(FormatError):
        _ = parties.flag(["shelter/liaison-1"], **changes).value


def remarked(parties: Parties, record: Record, by: str, text: str) -> Record:
    said = register.remark_fields(parties.bundle_id, parties.header_digest, record.entry, text)
    return replace(record, remarks=(*record.remarks, (by, text, parties.keys[by].sign(labels.FLAG_REMARK, *said))))


def test_a_remark_counts_for_its_officer_flag_and_words_alone(parties: Parties) -> None:
    flag = parties.flag(["shelter/liaison-1"])
    good = remarked(parties, flag, "north/liaison-1", "seen, we stand back")
    parties.check(parties.version("north/liaison-1", None, at(8, good)))
    (by, text, signature), other = good.remarks[0], parties.flag(["shelter/liaison-1"], number=2)
    for record in (
        replace(good, remarks=((by, "we go in", signature),)),
        replace(good, remarks=(("south/liaison-1", text, signature),)),
        replace(good, remarks=(("stranger/liaison-1", text, signature),)),
        replace(other, remarks=good.remarks),
    ):
        with pytest.raises(SignatureInvalid):
            parties.check(parties.version("north/liaison-1", None, at(8, record)))


def test_a_remark_goes_only_when_its_flag_changes(parties: Parties) -> None:
    plain = parties.flag(["shelter/liaison-1"])
    said = remarked(parties, plain, "north/liaison-1", "seen")
    more = remarked(parties, said, "south/liaison-1", "seen too")
    changed = parties.flag(["shelter/liaison-1"], number=2)
    for before, after in ((plain, said), (said, more), (said, changed)):
        register.check_change(at(8, before), at(8, after))
    for before, after in ((said, plain), (more, said)):
        with pytest.raises(FormatError):
            register.check_change(at(8, before), at(8, after))


def test_one_officer_twice_does_not_lower_a_flag(parties: Parties) -> None:
    lowered = parties.flag(["shelter/liaison-1", "shelter/liaison-2"], state="lowered", number=2)
    parties.check(parties.version("shelter/liaison-1", None, at(8, lowered)))
    twice = replace(lowered, signatures=(lowered.signatures[0], lowered.signatures[0]))
    with pytest.raises(SignatureInvalid):
        parties.check(parties.version("shelter/liaison-1", None, at(8, twice)))


def test_the_last_versions_of_a_day_are_kept_for_raises() -> None:
    left = [(register.versions_left(made, is_raise=False), register.versions_left(made, is_raise=True))
            for made in (0, 7, 8, 11, 12, 20)]  # fmt: skip
    assert left == [(8, 12), (1, 5), (0, 4), (0, 1), (0, 0), (0, 0)]
