"""Opening: every step of docs/protocol.md 4 is attacked; each failure has its own error, and its control."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from agencies.members import OfficerSession
from broker.bundles_api import open_halves
from broker.halves import StoredHalf
from crypto import hybrid, labels
from crypto.encoding import b64u, dump_json, unb64u
from crypto.header import release_info, verify_header
from crypto.opening import OpenBundle, combine_shares
from crypto.pseudonyms import extract_id
from crypto.sealing import seal_payload
from crypto.statements import parse_statement
from custody import outbox
from custody.models import OwnEvent
from errors import (
    AmparoError,
    ApprovalMissing,
    CommitmentMismatch,
    Conflict,
    ConsentMissing,
    DecryptionFailed,
    FormatError,
    HeadersDiffer,
    KeyUnusable,
    LimitExceeded,
    NotEntitled,
    NotPermitted,
    ProofError,
    RegisterInvalid,
    RegisterStale,
    SignatureInvalid,
    SignInRequired,
    Unavailable,
)
from exchange import approvals, arrivals, ciphertext, delivery, handle_keys, joint, opened, opening, reading, registers
from exchange.cover import Cover, Entitled, Parent
from exchange.models import Approval
from exchange.office import list_alarms
from identity import consent, persons
from tests.support.field import Field, now
from tests.support.traffic import (
    BASIS,
    PURPOSE,
    Parcel,
    altered_json,
    ask_at,
    between,
    case_of,
    dropped,
    flag,
    form,
    open_at,
    parcel,
    record_of,
)

Alter = Callable[[dict[str, Any]], Any]


def _parcel(field: Field, **more: Any) -> Parcel:
    return parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], **more)


def _kinds(field: Field, bundle: bytes) -> list[str]:
    return [one.kind for one in record_of(field.south, "prosecutor-1", bundle)][1:]


# ---- What a dishonest sender can seal ---------------------------------------------------------------------------


def _wrong(*_: object) -> bytes:
    return bytes(32)


def _payload(**changes: Any) -> Callable[..., Any]:
    real = seal_payload
    return lambda *args, **more: dataclasses.replace(real(*args, **more), **changes)


def _cover(**changes: Any) -> Callable[..., Any]:
    return lambda *args: dataclasses.replace(Cover(*args), **changes)


def _only_second(name: str) -> Callable[..., Any]:
    def make(*args: Any) -> Cover:
        made = Cover(*args)
        lists = tuple(Entitled(one.agency, one.officers[1:]) if one.agency == name else one for one in made.officers)
        return dataclasses.replace(made, officers=lists)

    return make


def _bad_form(*_: object) -> None:
    """The sender's own check is left out."""


BEFORE: Any = {
    "parties' key": ("commit_r", _wrong, CommitmentMismatch),
    "officer not in the list": ("Cover", _only_second("south-prosecutor"), HeadersDiffer),
    "another threshold in the list": ("Cover", _cover(threshold=2), HeadersDiffer),
    "cover of another form": ("Cover", _cover(purposes=("a sentence about a person: " + "x" * 200,)), FormatError),
}
AFTER: Any = {
    "shares": ("commit_s", _wrong, CommitmentMismatch),
    "payload commitment": ("seal_payload", _payload(payload_commitment=bytes(56)), CommitmentMismatch),
    "entries": ("seal_payload", _payload(contents=bytes(32)), CommitmentMismatch),
    "manifest": ("make_manifest", lambda kind, entries, handles, spares: b'{"v":2}', FormatError),
    "kind": ("Cover", _cover(kind="referral"), FormatError),
    "form": ("parse_form", _bad_form, FormatError),
}


@pytest.mark.parametrize("name", BEFORE)
def test_what_is_wrong_before_the_request_stops_it_unlogged(
    field: Field, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, forged, error = BEFORE[name]
    with monkeypatch.context() as patch:
        patch.setattr(delivery, function, forged)
        bundle = _parcel(field).send(field.south)
    with pytest.raises(error):
        open_at(field.south, "prosecutor-1", bundle, acknowledged=bytes(32))
    with field.south.office.files.session() as db:
        assert [one.kind for one in arrivals.list_events(db, bundle)] == ["deposited"]
    open_at(field.south, "prosecutor-1", _parcel(field).send(field.south)).close()  # the control


@pytest.mark.parametrize("name", AFTER)
def test_what_is_wrong_behind_the_request_is_on_record_as_failed(
    field: Field, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, forged, error = AFTER[name]
    made = _parcel(field)
    if name == "form":
        made.made = dataclasses.replace(made.made, form={"text": 7})
    with monkeypatch.context() as patch:
        patch.setattr(delivery, function, forged)
        bundle = made.send(field.south)
    with pytest.raises(error):
        open_at(field.south, "prosecutor-1", bundle)
    assert _kinds(field, bundle) == ["open-requested", "open-failed"]
    with field.south.office.files.session() as db:
        assert any(one.kind == "open-failed" and bundle.hex() in one.subject for one in list_alarms(db))


def test_ciphertext_that_the_header_does_not_commit_to_gets_no_receipt(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "seal_payload", _payload(root=bytes(32)))
        bundle = _parcel(field).seal()
    with pytest.raises(CommitmentMismatch):
        delivery.send(field.north.office, bundle, now=now())
    assert bundle not in field.south.sync().bundles


def test_a_file_that_is_not_what_its_entry_says_is_on_record_as_failed(field: Field) -> None:
    made = _parcel(field)
    lying = dataclasses.replace(made.sources[0], sha256=bytes(32), is_authenticated=True)
    bundle = delivery.seal(field.north.office, made.officer, made.made, [lying], now=now())
    delivery.send(field.north.office, bundle, now=now())
    field.south.sync()
    with pytest.raises(CommitmentMismatch):
        open_at(field.south, "prosecutor-1", bundle)
    assert _kinds(field, bundle) == ["open-requested", "open-failed"]


def test_an_unaltered_bundle_opens_and_that_is_on_record(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    with open_at(field.south, "prosecutor-1", bundle) as found:
        assert b"".join(found.read(1)) == b"evidence"
    assert _kinds(field, bundle) == ["open-requested", "opened"]


# ---- What this desk's own tables could be made to say -----------------------------------------------------------


def test_a_header_altered_in_the_desks_tables_opens_nothing(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    with field.south.office.files.session() as db:
        row = arrivals.get_stored(db, bundle)
        kept = row.signature
        row.signature = bytes(64)
    with pytest.raises(SignatureInvalid):
        open_at(field.south, "prosecutor-1", bundle, acknowledged=bytes(32))
    with field.south.office.files.session() as db:
        arrivals.get_stored(db, bundle).signature = kept
    open_at(field.south, "prosecutor-1", bundle).close()


def test_a_sender_without_a_certificate_at_the_place_of_the_deposit_opens_nothing(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    with field.south.office.files.session() as db:
        row = arrivals.get_stored(db, bundle)
        kept, row.log_index = row.log_index, 0
    with pytest.raises(SignatureInvalid):
        open_at(field.south, "prosecutor-1", bundle, acknowledged=bytes(32))
    with field.south.office.files.session() as db:
        arrivals.get_stored(db, bundle).log_index = kept
    open_at(field.south, "prosecutor-1", bundle).close()


def test_a_segment_altered_on_this_desks_disk_is_refused_and_fetched_anew(field: Field) -> None:
    bundle = _parcel(field, data=(os.urandom(2**21),)).send(field.south)
    office = field.south.office
    name = ciphertext.blob_key(bundle, 0)
    data = bytearray(office.files.blobs.get(name))
    data[2**20 + 99] ^= 1
    office.files.blobs.put(name, bytes(data))
    with pytest.raises(CommitmentMismatch):
        open_at(field.south, "prosecutor-1", bundle)
    assert _kinds(field, bundle) == ["open-requested", "open-failed"]
    open_at(field.south, "prosecutor-1", bundle).close()


# ---- What a dishonest broker can answer -------------------------------------------------------------------------


def _another_box(bundle: bytes, field: Field) -> Alter:
    """A half of the broker's own making, sealed to the right one-time key for the right request."""

    def alter(answer: dict[str, Any]) -> None:
        with field.south.office.files.session() as db:
            event = db.scalars(select(OwnEvent).where(OwnEvent.object_id == bundle).order_by(OwnEvent.number)).all()[-1]
            body = parse_statement(event.statement)
        key = unb64u(body.value["one_time_key"])
        answer["releases"][0]["box"] = b64u(hybrid.seal(key, release_info(body.body), os.urandom(32)))

    return alter


def _foreign_box(answer: dict[str, Any]) -> None:
    stranger = hybrid.ReceivingKey(hybrid.generate()).public_key
    answer["releases"][0]["box"] = b64u(hybrid.seal(stranger, b"", os.urandom(32)))


def _foreign_proof(field: Field) -> Alter:
    def alter(answer: dict[str, Any]) -> None:
        answer["proof"] = field.south.office.client.proof(0).decode()

    return alter


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("no proof", FormatError),
        ("proof of another entry", ProofError),
        ("another index", ProofError),
        ("no half", CommitmentMismatch),
        ("half of another operator", CommitmentMismatch),
        ("another half", CommitmentMismatch),
        ("half for somebody else", DecryptionFailed),
    ],
)
def test_a_false_answer_of_the_broker_opens_nothing_and_is_on_record(
    field: Field, name: str, error: type[AmparoError]
) -> None:
    bundle = _parcel(field).send(field.south)
    alters: dict[str, Alter] = {
        "no proof": lambda answer: answer.pop("proof"),
        "proof of another entry": _foreign_proof(field),
        "another index": lambda answer: answer.update(index=answer["index"] - 1),
        "no half": lambda answer: answer.update(releases=[]),
        "half of another operator": lambda answer: answer["releases"][0].update(operator="somebody"),
        "another half": _another_box(bundle, field),
        "half for somebody else": _foreign_box,
    }
    with between(field.south.office, altered_json("POST", "/release", alters[name])), pytest.raises(error):
        open_at(field.south, "prosecutor-1", bundle)
    assert _kinds(field, bundle) == ["open-requested", "open-failed"]
    open_at(field.south, "prosecutor-1", bundle).close()  # the control
    assert _kinds(field, bundle)[2:] == ["open-requested", "opened"]


def test_an_answer_to_an_earlier_request_opens_nothing(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    kept: list[dict[str, Any]] = []
    with between(field.south.office, altered_json("POST", "/release", lambda answer: kept.append(dict(answer)))):
        open_at(field.south, "prosecutor-1", bundle).close()
    with (
        between(field.south.office, altered_json("POST", "/release", lambda answer: answer.update(kept[0]))),
        pytest.raises(ProofError),
    ):
        open_at(field.south, "prosecutor-1", bundle)


# ---- Crashes and lost answers -----------------------------------------------------------------------------------


def _own(field: Field, bundle: bytes) -> list[OwnEvent]:
    with field.south.office.files.session() as db:
        return outbox.own_events(db, "bundle", bundle)


def test_a_request_is_kept_before_it_is_sent(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    seen: list[str] = []

    def look(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        if request.url.path.endswith("/release"):
            seen.extend(one.state for one in _own(field, bundle))
        return ask()

    with between(field.south.office, look):
        open_at(field.south, "prosecutor-1", bundle).close()
    assert seen == [outbox.ASKING]


@pytest.mark.parametrize("before", [True, False], ids=["the request is lost", "the answer is lost"])
def test_a_lost_request_or_answer_opens_nothing_and_stays_on_record_as_unanswered(field: Field, before: bool) -> None:
    bundle = _parcel(field).send(field.south)
    with between(field.south.office, dropped("POST", "/release", before=before)), pytest.raises(Unavailable):
        open_at(field.south, "prosecutor-1", bundle)
    assert [one.state for one in _own(field, bundle)] == [outbox.ASKING]
    with field.south.office.files.session() as db:
        for event in outbox.asking_events(db):
            event.made_at -= 120  # two minutes go by
    acts = record_of(field.south, "prosecutor-1", bundle)
    assert [one.kind for one in acts][1:] == ["open-requested"]
    assert reading.unanswered_requests(acts) == [acts[1].log_index]
    open_at(field.south, "prosecutor-1", bundle).close()
    acts = record_of(field.north, "liaison-1", bundle)
    assert [one.kind for one in acts][1:] == ["open-requested", "open-requested", "opened"]
    assert reading.unanswered_requests(acts) == [acts[1].log_index]


def test_a_desk_that_stops_while_it_checks_leaves_a_failed_opening(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = _parcel(field).send(field.south)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(opened.Opened, "verify", interrupted)
        open_at(field.south, "prosecutor-1", bundle)
    acts = record_of(field.south, "prosecutor-1", bundle)
    assert [one.kind for one in acts][1:] == ["open-requested", "open-failed"]
    assert acts[-1].details["note"] == "interrupted"


def test_one_time_keys_and_shares_are_overwritten(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = _parcel(field).send(field.south)
    tries: list[Any] = []
    real = opening._Try.wipe

    def keep(attempt: Any) -> None:
        tries.append((attempt, bytes(attempt.one_time), bytes(bytearray(attempt.shares[0].share))))
        real(attempt)

    monkeypatch.setattr(opening._Try, "wipe", keep)
    open_at(field.south, "prosecutor-1", bundle).close()
    ((attempt, one_time, _),) = tries
    assert any(one_time) and not any(attempt.one_time) and not any(attempt.shares[0].share)


# ---- What an officer states -------------------------------------------------------------------------------------


def test_a_purpose_that_the_sender_does_not_allow_is_refused(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    for bad in ({"purpose": "curiosity"}, {"legal_basis": " "}):
        with pytest.raises(NotPermitted):
            open_at(field.south, "prosecutor-1", bundle, **bad)
    open_at(field.south, "prosecutor-1", bundle, purpose="protection").close()


def test_an_officer_of_another_agency_cannot_use_this_desk(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    stranger = field.north.officer("liaison")
    with pytest.raises(NotPermitted):
        opening.open_bundle(
            field.south.office, stranger, bundle, purpose=PURPOSE, legal_basis=BASIS, acknowledged=bytes(32), now=now()
        )


def test_the_senders_own_officer_opens_on_the_record_like_everybody_else(field: Field) -> None:
    bundle = _parcel(field).send()
    with open_at(field.north, "liaison-1", bundle) as found:
        assert b"".join(found.read(1)) == b"evidence"
    acts = record_of(field.north, "liaison-1", bundle)
    assert [one.kind for one in acts][1:] == ["open-requested", "opened"]


def test_reading_ends_with_the_session_and_with_closing(field: Field) -> None:
    field.south.appoint("prosecutor-5", "prosecutor")
    field.sync_all(1)
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-5", "prosecutor-1"]).send(field.south)
    found = open_at(field.south, "prosecutor-5", bundle)
    assert b"".join(found.read(1)) == b"evidence"
    field.south.officers.pop("prosecutor-5").lock()
    with pytest.raises(SignInRequired):
        list(found.read(1))
    with open_at(field.south, "prosecutor-1", bundle) as other:
        pass
    with pytest.raises(KeyUnusable):
        list(other.read(1))


def test_the_record_shows_purposes_to_the_sender_and_to_the_agency_that_opened(field: Field) -> None:
    both = tuple(
        Entitled(one.agency, (one.handle(word),))
        for one, word in ((field.south, "prosecutor-1"), (field.shelter, "case-worker-1"))
    )
    bundle = _parcel(field, recipients=both).send(field.south, field.shelter)
    open_at(field.south, "prosecutor-1", bundle, place="court").close()
    for desk, word, expected in (
        (field.north, "liaison-1", "court"), (field.south, "prosecutor-1", "court"),
        (field.shelter, "case-worker-1", None),
    ):  # fmt: skip
        act = next(one for one in record_of(desk, word, bundle) if one.kind == "open-requested")
        assert (act.officer, act.details.get("place")) == ("south-prosecutor/prosecutor-1", expected)


def test_an_auditor_and_a_supervisor_read_who_acted_and_no_purpose(field: Field) -> None:
    """They read the record of every bundle of their agency; the content and the reasons stay closed to them."""
    bundle = _parcel(field).send(field.south)
    open_at(field.south, "prosecutor-1", bundle, place="court").close()
    whole = record_of(field.north, "liaison-1", bundle)
    assert any(one.details for one in whole)
    for word in ("auditor-1", "supervisor-1"):
        acts = record_of(field.north, word, bundle)
        assert [(one.kind, one.officer, one.log_index) for one in acts] == [
            (one.kind, one.officer, one.log_index) for one in whole
        ]
        assert not any(one.details for one in acts)
        with pytest.raises((NotEntitled, NotPermitted)):
            reading.preview(field.north.office, field.north.officer(word), bundle, now=now())
    with pytest.raises(NotEntitled):
        record_of(field.north, "liaison-2", bundle)


def _consent(field: Field) -> bytes:
    """A consent that covers both recipients."""
    worker = field.shelter.officer("case-worker-1")
    facts = consent.ConsentFacts(
        (PURPOSE, "protection"), ("north-police", "south-prosecutor"), "2026-01-01", "en", "tell us", (), None
    )  # fmt: skip
    case_id = case_of(field.shelter, worker)
    with field.shelter.office.files.session() as db:
        person = persons.add_person(db, worker, case_id, {"prs_gender": "f"}, role="victim", short="W", now=now())
        return consent.record_consent(db, worker, case_id, person, facts, now=now())


def _with_consent(field: Field, to: Any, officer: str, given: bytes, sign: bool = True, **change: Any) -> Parcel:
    """A person with her consent, from the shelter."""
    recipient = to.agency
    body: dict[str, Any] = {
        "v": 1, "record": b64u(extract_id(given, [recipient])), "person": "P-9", "purposes": [PURPOSE, "protection"],
        "items": [], "recipient": recipient, "given_on": "2026-01-01", "valid_until": None, "language": "en",
        "how_to_withdraw": "tell us", "place": 0, "signature_by": "shelter-ngo/case-worker-1", **change,
    }  # fmt: skip
    signer = field.shelter.officer("case-worker-1" if sign else "case-worker-2")
    extract = {**body, "signature": b64u(signer.sign(labels.CONSENT_EXTRACT, dump_json(body)))}
    person = {"pseudonym": "P-9", "category": "woman", "fields": {}}
    return parcel(
        field.shelter,
        "case-worker-1",
        to,
        [officer],
        data=(),
        consents=(given,),
        form=form(persons=[person], consents=[extract]),
    )


def test_a_consent_that_the_senders_officer_did_not_sign_closes_the_bundle(field: Field) -> None:
    record = _consent(field)
    for bad, error in (
        ({"sign": False}, SignatureInvalid),
        ({"signature_by": "north-police/liaison-1"}, SignatureInvalid),
        ({"record": b64u(os.urandom(16))}, ConsentMissing),
    ):
        bundle = _with_consent(field, field.south, "prosecutor-1", record, **bad).send(field.south)
        with pytest.raises(error):
            open_at(field.south, "prosecutor-1", bundle)
        assert _kinds(field, bundle) == ["open-requested", "open-failed"]
    bundle = _with_consent(field, field.south, "prosecutor-1", record).send(field.south)
    open_at(field.south, "prosecutor-1", bundle).close()


def test_two_recipients_of_one_consent_find_nothing_in_common(field: Field) -> None:
    record = _consent(field)
    seen = []
    for desk, officer in ((field.south, "prosecutor-1"), (field.north, "liaison-1")):
        bundle = _with_consent(field, desk, officer, record).send(desk)
        with open_at(desk, officer, bundle) as found:
            (extract,), (handle,) = found.form["consents"], found.manifest["handles"]
            assert extract["record"] == handle["consent"] != b64u(record)
            spares = {one for given in found.manifest["spares"] for one in given["handles"]}
            seen.append({extract["record"], *map(b64u, found.header.handles), *spares})
    assert not seen[0] & seen[1]


def test_a_derivative_that_does_not_rest_on_its_parents_consent_is_refused(field: Field) -> None:
    first = _with_consent(field, field.north, "liaison-1", _consent(field)).send(field.north)
    open_at(field.north, "liaison-1", first).close()
    with field.north.office.files.session() as db:
        parent = Parent(first, arrivals.get_stored(db, first).header_digest)
    honest = parcel(field.north, "liaison-1", field.shelter, ["case-worker-1"], parents=(parent,))
    with open_at(field.shelter, "case-worker-1", honest.send(field.shelter)) as found:
        assert found.manifest["handles"][0]["parent"]["bundle_id"] == b64u(first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handle_keys, "add_parents", lambda *_: None)
        bundle = honest.send(field.shelter)
    with pytest.raises(ConsentMissing):
        open_at(field.shelter, "case-worker-1", bundle)
    acts = record_of(field.shelter, "case-worker-1", bundle)
    assert [one.kind for one in acts][1:] == ["open-requested", "open-failed"]


# ---- Two officers -----------------------------------------------------------------------------------------------


@pytest.fixture
def sealed_for_two(field: Field) -> Iterator[bytes]:
    """A bundle that takes two prosecutors, approved by two at the sender."""
    made = parcel(
        field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], threshold=2,
        own_officers=("north-police/liaison-1", "north-police/liaison-2"),
    )  # fmt: skip
    approval = delivery.ask_approval(field.north.office, made.officer, made.made, now=now())
    with field.north.office.files.session() as db:
        approvals.grant(db, field.north.officer("liaison-2"), approval, now=now())
    yield made.send(field.south, approval_id=approval)


def _approve(field: Field, officer: str, approval: bytes) -> None:
    opening.approve_opening(field.south.office, field.south.officer(officer), approval, now=now())


def test_what_takes_two_is_not_opened_by_one(field: Field, sealed_for_two: bytes) -> None:
    with pytest.raises(ApprovalMissing):
        open_at(field.south, "prosecutor-1", sealed_for_two)
    approval = ask_at(field.south, "prosecutor-1", sealed_for_two)
    with pytest.raises(ApprovalMissing):
        open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=approval)  # not answered
    with pytest.raises(NotPermitted):
        _approve_self(field, approval)
    assert _kinds(field, sealed_for_two) == []
    _approve(field, "prosecutor-2", approval)
    with open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=approval) as found:
        assert b"".join(found.read(1)) == b"evidence"
    acts = record_of(field.north, "liaison-1", sealed_for_two)
    assert [one.kind for one in acts][1:] == ["open-requested", "opened"]
    assert acts[1].details["approval"]["officer"] == "south-prosecutor/prosecutor-2"
    with field.south.office.files.session() as db:  # neither one-time key nor share stays at rest
        row = db.get_one(Approval, approval)
        assert (row.own_box, row.answer_box, row.state) == (b"", None, approvals.USED)
    with pytest.raises(ApprovalMissing):
        open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=approval)  # it counts once


def _approve_self(field: Field, approval: bytes) -> None:
    with field.south.office.files.session() as db:
        approvals.grant(db, field.south.officer("prosecutor-1"), approval, now=now())


def test_nothing_is_sealed_for_more_officers_than_a_desk_can_bring_together(field: Field) -> None:
    with pytest.raises(LimitExceeded):
        _parcel(field, threshold=3).seal()
    _parcel(field).seal()


def test_one_share_gives_nothing_even_with_the_half(field: Field, sealed_for_two: bytes) -> None:
    seen = reading.preview(field.south.office, field.south.officer("prosecutor-1"), sealed_for_two, now=now())
    other = reading.preview(field.south.office, field.south.officer("prosecutor-2"), sealed_for_two, now=now())
    with pytest.raises(CommitmentMismatch):
        combine_shares(seen.header, [seen.stanza])
    with pytest.raises(FormatError):
        combine_shares(seen.header, [seen.stanza, seen.stanza])
    assert len(combine_shares(seen.header, [seen.stanza, other.stanza])) == 32


def test_a_wrong_share_is_on_record_as_failed(
    field: Field, sealed_for_two: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(officer: OfficerSession, approval_id: bytes, more: Any, own: Any) -> Any:
        return dataclasses.replace(own, x=2 if own.x == 1 else 1, share=os.urandom(32))

    approval = ask_at(field.south, "prosecutor-1", sealed_for_two)
    _approve(field, "prosecutor-2", approval)
    with monkeypatch.context() as patch, pytest.raises(CommitmentMismatch):
        patch.setattr(joint, "open_share", wrong)
        open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=approval)
    assert _kinds(field, sealed_for_two) == ["open-requested", "open-failed"]


def test_an_approval_counts_for_what_was_approved_and_nothing_else(field: Field, sealed_for_two: bytes) -> None:
    approval = ask_at(field.south, "prosecutor-1", sealed_for_two)
    _approve(field, "prosecutor-2", approval)
    for other in ({"purpose": "protection"}, {"legal_basis": "another law"}):
        with pytest.raises(ApprovalMissing):
            open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=approval, **other)
    assert _kinds(field, sealed_for_two) == []
    open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=approval).close()


def test_a_flag_raised_after_the_approval_makes_it_void(field: Field, sealed_for_two: bytes) -> None:
    approval = ask_at(field.south, "prosecutor-1", sealed_for_two)
    registers.raise_flag(field.north.office, field.north.officer("liaison-1"), sealed_for_two, flag(), now=now())
    with pytest.raises(ApprovalMissing):
        _approve(field, "prosecutor-2", approval)
    again = ask_at(field.south, "prosecutor-1", sealed_for_two)
    _approve(field, "prosecutor-2", again)
    registers.rewrite(field.north.office, field.north.officer("liaison-1"), sealed_for_two, now=now())
    with pytest.raises(ApprovalMissing):
        open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=again)
    last = ask_at(field.south, "prosecutor-1", sealed_for_two)
    _approve(field, "prosecutor-2", last)
    open_at(field.south, "prosecutor-1", sealed_for_two, approval_id=last).close()


def test_a_colleague_who_is_not_entitled_cannot_be_the_second(field: Field, sealed_for_two: bytes) -> None:
    approval = ask_at(field.south, "prosecutor-1", sealed_for_two)
    with pytest.raises(NotEntitled):
        _approve(field, "supervisor-1", approval)
    _approve(field, "prosecutor-2", approval)
    with pytest.raises(Conflict):
        _approve(field, "prosecutor-2", approval)


def test_a_dual_control_flag_takes_a_second_officer_for_what_one_could_open(field: Field) -> None:
    bundle = _parcel(field, flags=(flag("dual-control"),)).send(field.south)
    with pytest.raises(ApprovalMissing):
        open_at(field.south, "prosecutor-1", bundle)
    approval = ask_at(field.south, "prosecutor-1", bundle)
    _approve(field, "supervisor-1", approval)
    open_at(field.south, "prosecutor-1", bundle, approval_id=approval).close()
    acts = record_of(field.north, "liaison-1", bundle)
    assert acts[1].details["approval"]["officer"] == "south-prosecutor/supervisor-1"


# ---- Neither side alone -----------------------------------------------------------------------------------------


def _broker_half(field: Field, bundle: bytes) -> bytes:
    """B, out of the broker's database and key files alone."""
    store = open_halves(field.settings)
    with field.south.office.files.session() as db:
        digest = arrivals.get_stored(db, bundle).header_digest
    key = hybrid.generate()
    try:
        (log_id,) = {row.log_id for row in _stored_halves(store)}
        (made,) = store.release(log_id, digest, hybrid.ReceivingKey(key).public_key, b"taken")
    finally:
        store.close()
    return hybrid.ReceivingKey(key).open(b"taken", made.box)


def _stored_halves(store: Any) -> list[Any]:
    with store._sessions() as session:
        return list(session.scalars(select(StoredHalf)))


def _open_with(field: Field, bundle: bytes, s: bytes, half: bytes) -> bytes:
    office = field.south.office
    with office.files.session() as db:
        header = verify_header(arrivals.get_stored(db, bundle).header, arrivals.get_stored(db, bundle).signature)
    content = OpenBundle(header, s, [half], opened.Segments(office, header).read)
    try:
        return content.file_bytes(content.contents[1])
    finally:
        content.close()


def test_brokers_half_and_officers_share_open_together_and_neither_does_alone(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    half = _broker_half(field, bundle)
    seen = reading.preview(field.south.office, field.south.officer("prosecutor-1"), bundle, now=now())
    s = combine_shares(seen.header, [seen.stanza])
    for other in (bytes(32), os.urandom(32), half):
        with pytest.raises(DecryptionFailed):  # all that the broker has, and a guess
            _open_with(field, bundle, other, half)
    for other in (bytes(32), os.urandom(32), s):
        with pytest.raises(DecryptionFailed):  # all that the recipient has without a release, and a guess
            _open_with(field, bundle, s, other)
    assert _open_with(field, bundle, s, half) == b"evidence"
    assert _kinds(field, bundle) == []


def test_without_the_broker_nothing_opens(field: Field) -> None:
    bundle = _parcel(field).send(field.south)

    def away(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        raise httpx2.ConnectError("the connection was lost")

    with between(field.south.office, away), pytest.raises(Unavailable):
        open_at(field.south, "prosecutor-1", bundle)
    assert _own(field, bundle) == []
    open_at(field.south, "prosecutor-1", bundle).close()


def test_a_register_that_is_withheld_stops_the_opening(field: Field) -> None:
    bundle = _parcel(field).send(field.south)
    first = field.south.office.client.register(bundle)
    registers.raise_flag(field.north.office, field.north.officer("liaison-1"), bundle, flag(), now=now())
    older = altered_json("GET", f"/{b64u(bundle)}/register", lambda answer: answer.update(first))
    with between(field.south.office, older), pytest.raises(RegisterInvalid):
        open_at(field.south, "prosecutor-1", bundle)
    assert _kinds(field, bundle) == []
    seen = reading.preview(field.south.office, field.south.officer("prosecutor-1"), bundle, now=now())
    with pytest.raises(RegisterStale):
        open_at(field.south, "prosecutor-1", bundle, acknowledged=unb64u(first["previous"]))
    open_at(field.south, "prosecutor-1", bundle, acknowledged=seen.register_digest).close()
