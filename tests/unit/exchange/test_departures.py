"""An officer leaves in order, leaves at once, or loses the passphrase: her cases and bundles go on (guarantee G8)."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from agencies import cases, members, succession
from crypto.statements import parse_statement
from custody.events import parse_event
from custody.policy import print_trust
from desk.printing import print_custody_statement
from errors import (
    Conflict,
    KeyUnusable,
    NotEntitled,
    NotPermitted,
    PassphraseWrong,
    Refused,
    ReleaseDestroyed,
    SignatureInvalid,
)
from evidence.verification import verify_pack
from exchange import (
    adopting,
    arrivals,
    court_packs,
    delivery,
    filing,
    handing_on,
    handing_over,
    withdrawals,
)
from exchange.handle_keys import handle_secret
from exchange.trust import trust_of_desk
from identity import persons
from tests.support.departures import (
    alarm_kinds,
    appoint,
    depart,
    file_all,
    new_case,
    read,
    read_filed,
    recover,
    recover_cases,
    renew,
    revoke,
    share,
    share_person,
    take_in,
    withdraw,
)
from tests.support.field import CHEAP, WORDS, Field, now
from tests.support.traffic import open_at, parcel, record_of

NUMBERS = iter(range(31, 1000))


# ---- Leaving in order -------------------------------------------------------------------------------------------


@dataclass
class Leaving:
    """A case worker alone with a case: a bundle sealed to her, what she filed, a consent, and what rests on it."""

    word: str
    case_id: bytes
    bundle: bytes
    items: list[bytes]
    record: bytes
    shared: bytes


@pytest.fixture
def leaving(field: Field) -> Leaving:
    shelter = field.shelter
    word = appoint(field, shelter, "case-worker", next(NUMBERS))
    bundle = parcel(field.north, "liaison-1", shelter, [word], (b"old",)).send(shelter)
    case_id = new_case(shelter, word)
    items = file_all(shelter, word, bundle, case_id)
    record, shared = share_person(shelter, word, case_id, field.south)
    field.sync_all()
    return Leaving(word, case_id, bundle, items, record, shared)


def test_who_leaves_in_order_is_followed_by_a_colleague_in_all_that_she_did(field: Field, leaving: Leaving) -> None:
    shelter, south, heir = field.shelter, field.south, field.shelter.officer("case-worker-1")
    with pytest.raises(NotEntitled):
        read(shelter, "case-worker-1", leaving.bundle, acknowledged=bytes(32))
    with pytest.raises(NotPermitted):
        read_filed(shelter, "case-worker-1", leaving.items[1])
    with shelter.office.files.session() as db, pytest.raises(Refused, match="hand them over"):
        succession.depart(db, shelter.officer("administrator-1"), shelter.handle(leaving.word), now=now())
    open_at(south, "prosecutor-1", leaving.shared).close()

    leaver = shelter.officer(leaving.word)
    given, refused = handing_on.hand_on_all(shelter.office, leaver, heir.handle, reason="she leaves", now=now())
    assert set(given) == {leaving.bundle, leaving.shared} and not refused
    with shelter.office.files.session() as db:
        assert succession.hand_over_cases(db, leaver, heir.handle, now=now()) == [leaving.case_id]
    depart(shelter, leaving.word)

    assert read(shelter, "case-worker-1", leaving.bundle) == b"old"
    assert read_filed(shelter, "case-worker-1", leaving.items[1]) == b"old"
    with shelter.office.files.session() as db:
        (person,) = persons.list_persons(db, heir, leaving.case_id)
    fresh = share(
        shelter, "case-worker-1", leaving.case_id, south, persons=(person.person_id,), records=(leaving.record,)
    )
    for bundle in (fresh, leaving.shared):
        with open_at(south, "prosecutor-1", bundle) as found:
            assert len(found.form["persons"]) == 1
    withdraw(shelter, "case-worker-1", "case-worker-2", leaving.case_id, leaving.record)
    field.sync_all()
    for bundle in (fresh, leaving.shared):
        with pytest.raises(ReleaseDestroyed):
            open_at(south, "prosecutor-1", bundle)


def test_a_revoked_officer_can_do_none_of_it_and_what_she_signed_before_stays(field: Field, leaving: Leaving) -> None:
    """The laptop that she kept still has her keys; the network does not take them any more."""
    shelter, north, heir = field.shelter, field.north, field.shelter.handle("case-worker-1")
    before, after = (parcel(shelter, leaving.word, field.south, ["prosecutor-1"], ()) for _ in range(2))
    before.send(field.south)
    late = after.seal()
    assert read(shelter, leaving.word, leaving.bundle) == b"old"
    acts = [(one.kind, one.officer, one.log_index) for one in record_of(north, "liaison-1", leaving.bundle)]
    gone, revoked = depart(shelter, leaving.word, with_orphans=True)
    shelter.officers["gone"] = gone
    try:
        with pytest.raises(SignatureInvalid):
            open_at(shelter, "gone", leaving.bundle)
        with pytest.raises(SignatureInvalid):
            delivery.send(shelter.office, late, now=now())
        with pytest.raises(NotPermitted, match="signature-invalid"):
            handing_on.hand_on(shelter.office, gone, leaving.bundle, heir, reason="too late", now=now())
        with pytest.raises(NotPermitted):
            read_filed(shelter, "gone", leaving.items[1])
        with pytest.raises(NotPermitted):
            withdrawals.hold(shelter.office, gone, leaving.case_id, leaving.record, reason="too late", now=now())
        with pytest.raises(PassphraseWrong):
            members.sign_in(shelter.office.files, gone.handle, WORDS, now=now())
    finally:
        del shelter.officers["gone"]

    stay = [(one.kind, one.officer, one.log_index) for one in record_of(north, "liaison-1", leaving.bundle)]
    assert stay == acts
    with north.office.files.session() as db:
        event = next(
            one for one in arrivals.list_events(db, leaving.bundle, "opened")
            if parse_statement(one.statement).value["officer"] == gone.handle
        )  # fmt: skip
        parsed = parse_event(event.statement, log=north.office.log(db).origin)
        arrivals.verify_signer(db, north.office, parsed, event.log_index)
        with pytest.raises(SignatureInvalid):  # the same words behind the revocation count nowhere
            arrivals.verify_signer(db, north.office, parsed, revoked + 1)
    open_at(field.south, "prosecutor-1", leaving.shared).close()  # a consent that she signed still carries this
    assert not {one for one in alarm_kinds(north) if one.startswith("refused-signature")}


def test_custody_that_she_signed_stays_in_the_record_and_in_the_pack(field: Field, tmp_path: Path) -> None:
    north, south = field.north, field.south
    word = appoint(field, north, "liaison", next(NUMBERS))
    leaver = north.officer(word)
    ours, theirs = new_case(north, word, "liaison-1"), new_case(south, "prosecutor-1", "prosecutor-2")
    item = take_in(north, word, ours, tmp_path / "door.jpg")
    field.sync_all()
    bundle = share(north, word, ours, south, exhibits=(item,))
    handing_over.offer(
        north.office, leaver, ours, item, south.agency, seal=None, place="store", reason="trial", now=now()
    )
    field.sync_all()
    document = handing_over.offer_document(north.office, leaver, ours, item)
    depart(north, word, with_orphans=True)
    field.sync_all()

    prosecutor = south.officer("prosecutor-1")
    with open_at(south, "prosecutor-1", bundle) as found:
        filing.file_all(south.office, prosecutor, found, theirs, now=now())
        assert adopting.adopt(south.office, prosecutor, found, theirs, now=now()) == [item]
    handing_over.answer(
        south.office, prosecutor, theirs, document, accept=True, seal=None, place="court", reason="taken", now=now()
    )
    field.sync_all()
    back = handing_over.answer_document(south.office, prosecutor, theirs, item)
    handing_over.close(north.office, north.officer("liaison-1"), ours, back, now=now())
    pack = court_packs.plan(south.office, prosecutor, theirs, reference="R", render=print_custody_statement, now=now())
    field.sync_all()
    for one in ("prosecutor-1", "prosecutor-2"):
        court_packs.sign(south.office, south.officer(one), pack, now=now())
    court_packs.write(south.office, prosecutor, pack, tmp_path / "pack.zip", now=now())
    with south.office.files.session() as db:
        trust = print_trust(trust_of_desk(db).trust)
    with (tmp_path / "pack.zip").open("rb") as stream:
        assert verify_pack(stream, trust).is_proven


# ---- A lost passphrase ------------------------------------------------------------------------------------------


def test_a_lost_passphrase_loses_neither_cases_nor_bundles_nor_consents(field: Field, leaving: Leaving) -> None:
    shelter, word, colleague = field.shelter, leaving.word, field.shelter.officer("case-worker-1")
    team = new_case(shelter, word, "case-worker-1")
    both = parcel(field.north, "liaison-1", shelter, [word, "case-worker-1"], (b"both",)).send(shelter)
    assert read(shelter, word, leaving.bundle) == b"old"
    old = shelter.officer(word)
    certificate = renew(shelter, word)
    with pytest.raises(Conflict, match="revoke"):  # a second certificate follows the revocation, never comes before it
        shelter.by_administrators(certificate)
    with shelter.office.files.session() as db:
        assert not members.is_current(db, old)
        with pytest.raises(Conflict):  # and the handle is never another person's
            members.enrol_officer(db, shelter.handle(word), ["case-worker"], WORDS, now=now(), cost=CHEAP)
    revoke(shelter, word)
    shelter.officers["old"] = old
    with pytest.raises(SignatureInvalid):  # who finds the old passphrase after all opens nothing with it
        open_at(shelter, "old", both)
    del shelter.officers["old"]
    shelter.by_administrators(certificate)
    field.sync_all()
    officer = shelter.officer(word)
    with pytest.raises(NotEntitled):
        read(shelter, word, both, acknowledged=bytes(32))
    with shelter.office.files.session() as db, pytest.raises(KeyUnusable):
        handle_secret(db, shelter.office, officer, now=now())

    with shelter.office.files.session() as db:
        cases.add_member(db, colleague, team, officer.handle, vault=True, now=now())
        assert officer.case_key(db, team) == colleague.case_key(db, team)
    handing_on.hand_on(shelter.office, colleague, both, officer.handle, reason="lost passphrase", now=now())
    with pytest.raises(Conflict):
        handing_on.hand_on(shelter.office, colleague, both, officer.handle, reason="again", now=now())
    assert read(shelter, word, both) == b"both"

    assert set(recover_cases(shelter, word, word)) == {leaving.case_id, team}
    given = {one.bundle_id: one.given for one in recover(shelter, [word], of=word)}
    assert given[leaving.bundle] == (officer.handle,) and given[both] == ()
    assert read(shelter, word, leaving.bundle) == b"old"
    assert read_filed(shelter, word, leaving.items[1]) == b"old"
    withdraw(shelter, word, "case-worker-2", leaving.case_id, leaving.record)
    field.sync_all()
    with pytest.raises(ReleaseDestroyed):
        open_at(field.south, "prosecutor-1", leaving.shared)
