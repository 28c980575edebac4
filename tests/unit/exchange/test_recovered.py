"""Officers who are gone at once: two administrators and the recovery shares hand their bundles on (guarantee G8)."""

import random

import pytest

from crypto import recovery
from crypto.opening import combine_shares
from errors import (
    AmparoError,
    ApprovalMissing,
    Conflict,
    FormatError,
    KeyUnusable,
    NotEntitled,
    NotPermitted,
    SignatureInvalid,
)
from exchange import (
    handing_on,
    reading,
    recovered,
)
from exchange.office import list_alarms
from tests.support.departures import (
    appoint,
    carry_out,
    depart,
    file_all,
    for_two,
    new_case,
    propose,
    read,
    read_by_two,
    read_filed,
    recover,
    recover_cases,
    renew,
    revoke,
    signed,
)
from tests.support.field import Field, now
from tests.support.traffic import ask_at, parcel, record_of

NUMBERS = iter(range(301, 1000))


def test_recovery_shares_open_what_was_sealed_to_one_who_is_gone(field: Field, rng: random.Random) -> None:
    """Only she was entitled; a colleague opens through the logged request, once two administrators and k shares met."""
    south = field.south
    word, heir = (appoint(field, south, "prosecutor", next(NUMBERS)) for _ in range(2))
    bundle = parcel(field.north, "liaison-1", south, [word], (b"hers",)).send(south)
    other = parcel(field.north, "liaison-1", south, ["prosecutor-1"]).send(south)
    case_id = new_case(south, word)
    items = file_all(south, word, bundle, case_id)
    depart(south, word, with_orphans=True)
    with pytest.raises(NotEntitled):
        read(south, heir, bundle, acknowledged=bytes(32))

    papers = south.papers["recovery"]
    strangers = recovery.split_on_paper(rng.randbytes(32), 2, 2)
    act = propose(south, [heir], of=word)
    attempts: list[tuple[type[AmparoError], tuple[str, ...], list[str]]] = [
        (KeyUnusable, ("administrator-1", "administrator-2"), papers[:1]),
        (KeyUnusable, ("administrator-1", "administrator-2"), strangers),
        (SignatureInvalid, ("administrator-1",), papers),
        (SignatureInvalid, ("administrator-1", "prosecutor-1"), papers),
        (NotPermitted, ("administrator-2", "prosecutor-1"), papers),
    ]
    for kind, signers, shares in attempts:
        with pytest.raises(kind):
            carry_out(south, signed(south, act, signers), shares)
        with pytest.raises(NotEntitled):
            read(south, heir, bundle, acknowledged=bytes(32))
    assert [one.kind for one in record_of(south, "prosecutor-1", other)] == ["deposited"]
    full = signed(south, act)
    # Bundles that other tests have damaged are named with what stands against them.
    done = [one for one in carry_out(south, full) if one.given]
    assert done == [recovered.Recovered(bundle, (south.handle(heir),))]
    with pytest.raises(Conflict):
        carry_out(south, full)  # an act is carried out once
    assert recover_cases(south, heir, word) == [case_id]

    assert read(south, heir, bundle) == b"hers"
    assert read_filed(south, heir, items[1]) == b"hers"
    with pytest.raises(NotEntitled):  # what was not hers was given to nobody
        read(south, heir, other, acknowledged=bytes(32))
    for desk, reader in ((south, heir), (field.north, "liaison-1")):
        acts = {one.kind: one for one in record_of(desk, reader, bundle)}
        given = acts["stanza-handed-on"]
        assert given.officer == south.handle("administrator-1")
        assert (given.details["to"], given.details["x"]) == (south.handle(heir), 1)
        assert str(given.details["reason"]).startswith("recovered, act ")
        assert acts["open-requested"].officer == south.handle(heir)


def test_what_two_open_is_split_again_for_two_when_one_of_them_is_gone(field: Field) -> None:
    south = field.south
    word, stays, heir = (appoint(field, south, "prosecutor", next(NUMBERS)) for _ in range(3))
    bundle = for_two(field, [word, stays])
    assert read_by_two(south, word, stays, bundle) == b"for two"
    old = reading.preview(south.office, south.officer(stays), bundle, now=now()).stanza
    depart(south, word)
    (alone,) = recover(south, [stays], bundles=[bundle])
    assert (alone.given, alone.refusal) == ((), "not-permitted")  # one person is not two
    with pytest.raises(NotEntitled):
        ask_at(south, heir, bundle)

    (done,) = recover(south, [heir], bundles=[bundle])
    assert set(done.given) == {south.handle(heir), south.handle(stays)}
    seen = {one: reading.preview(south.office, south.officer(one), bundle, now=now()) for one in (heir, stays)}
    assert {one: seen[one].stanza.x for one in seen} == {heir: 1, stays: 2}
    header = seen[heir].header
    for pair in ([old, seen[stays].stanza], [seen[heir].stanza], [old, seen[heir].stanza]):
        with pytest.raises(AmparoError):  # neither old and new of one person, nor one share, gives S
            combine_shares(header, pair)
    assert combine_shares(header, [seen[heir].stanza, seen[stays].stanza])
    with pytest.raises(ApprovalMissing):
        read(south, heir, bundle)
    for giver, to in ((heir, stays), (stays, heir)):
        with pytest.raises(NotPermitted):
            handing_on.hand_on(south.office, south.officer(giver), bundle, south.handle(to), reason="both", now=now())
    for first, second in ((heir, stays), (stays, heir)):
        assert read_by_two(south, first, second, bundle) == b"for two"
    with south.office.files.session() as db:
        assert not any(one.kind == "shares-joined" and bundle.hex() in one.subject for one in list_alarms(db))


def test_what_two_open_is_split_for_two_others_when_both_are_gone(field: Field) -> None:
    south = field.south
    words = [appoint(field, south, "prosecutor", next(NUMBERS)) for _ in range(4)]
    bundle = for_two(field, words[:2])
    for one in words[:2]:
        depart(south, one)
    (alone,) = recover(south, words[2:3], bundles=[bundle])
    assert (alone.given, alone.refusal) == ((), "not-permitted")
    (done,) = recover(south, words[2:], bundles=[bundle])
    assert done.given == (south.handle(words[2]), south.handle(words[3]))
    assert read_by_two(south, words[2], words[3], bundle) == b"for two"


def test_a_recovery_names_officers_who_may_open_and_keys_that_stay(field: Field) -> None:
    south = field.south
    word = appoint(field, south, "prosecutor", next(NUMBERS))
    bundle = parcel(field.north, "liaison-1", south, ["prosecutor-1"]).send(south)
    for to in ("administrator-1", "liaison-1"):
        with pytest.raises(AmparoError):
            propose(south, [to], bundles=[bundle])
    with pytest.raises(NotPermitted):
        recovered.propose(south.office, ["north-police/liaison-1"], bundles=[bundle], now=now())
    with pytest.raises(FormatError):
        propose(south, [], bundles=[bundle])
    with pytest.raises(Conflict):
        propose(south, [word], bundles=[bytes(16)])
    act = signed(south, propose(south, [word], bundles=[bundle]))
    certificate = renew(south, word)
    revoke(south, word)
    south.by_administrators(certificate)
    south.sync()
    with pytest.raises(KeyUnusable):  # somebody may have put keys of his own in the place of hers
        carry_out(south, act)
    assert recover(south, [word], bundles=[bundle])[0].given == (south.handle(word),)
