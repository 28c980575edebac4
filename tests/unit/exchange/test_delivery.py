"""Sealing and sending: interruption, two senders, everything that can be altered on the way."""

import os
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from agencies import directory_entries
from crypto import labels
from crypto.encoding import b64u, unb64u
from crypto.header import parse_header
from crypto.sealing import Source
from errors import (
    AmparoError,
    CommitmentMismatch,
    ConsentMissing,
    FormatError,
    NotEntitled,
    NotFound,
    NotPermitted,
    RootNotCompared,
    SignatureInvalid,
    SourceChanged,
    Unavailable,
)
from exchange import arrivals, ciphertext, delivery, membership, reading
from exchange.cover import Entitled
from exchange.models import StoredBundle
from exchange.office import list_alarms
from tests.support.field import DeskAt, Field, now
from tests.support.traffic import (
    PURPOSE,
    altered_json,
    altered_octets,
    between,
    dropped,
    form,
    open_at,
    parcel,
    record_of,
)


def _north_to_south(field: Field, **more: Any) -> Any:
    return parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], **more)


def test_what_is_sent_arrives_opens_and_is_on_record(field: Field) -> None:
    made = _north_to_south(field, data=(b"one", b"", os.urandom(3 * 2**20 + 5)))
    bundle = made.send(field.south)
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        assert [b"".join(opened.read(at)) for at in range(1, 4)] == list(made.data)
        assert opened.form == {"v": 1, "kind": "share", **form()}
    acts = record_of(field.north, "liaison-1", bundle)
    assert [(one.kind, one.agency) for one in acts] == [
        ("deposited", "north-police"), ("open-requested", "south-prosecutor"), ("opened", "south-prosecutor"),
    ]  # fmt: skip
    assert acts[1].details["purpose"] == PURPOSE and acts[2].request == acts[1].log_index


def test_an_interrupted_upload_goes_on_where_it_stopped(field: Field) -> None:
    made = _north_to_south(field, data=(os.urandom(2 * 2**23),))
    bundle = made.seal()
    office, sent = field.north.office, []

    def second_is_lost(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        if request.method == "PUT":
            sent.append(request.url.path.rsplit("/", 1)[1])
            if sent[-1] == "1":
                raise httpx2.ConnectError("the connection was lost")
        return ask()

    with between(office, second_is_lost), pytest.raises(Unavailable):
        delivery.send(office, bundle, now=now())
    assert sent[0] == "0" and set(sent[1:]) == {"1"}
    field.south.sync()
    with field.south.office.files.session() as db, pytest.raises(NotFound):
        arrivals.get_stored(db, bundle)  # nothing is shown before it is whole

    sent.clear()

    def count(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        if request.method == "PUT":
            sent.append(request.url.path.rsplit("/", 1)[1])
        return ask()

    with between(office, count):
        receipt = delivery.send(office, bundle, now=now())
    assert "0" not in sent and "1" in sent
    assert delivery.send(office, bundle, now=now()) == receipt  # once more changes nothing
    field.south.sync()
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        assert b"".join(opened.read(1)) == made.data[0]


def test_a_deposit_whose_answer_was_lost_is_sent_again_and_stands_once(field: Field) -> None:
    bundle = _north_to_south(field).seal()
    office = field.north.office
    with between(office, dropped("POST", "/v1/bundles", before=False)), pytest.raises(Unavailable):
        delivery.send(office, bundle, now=now())
    delivery.send(office, bundle, now=now())
    acts = record_of(field.north, "liaison-1", bundle)
    assert [one.kind for one in acts] == ["deposited"]


def test_two_senders_at_once_both_arrive(field: Field) -> None:
    one = _north_to_south(field, data=(b"from the police",)).seal()
    words = form(text="from the shelter")
    two = parcel(field.shelter, "case-worker-1", field.south, ["prosecutor-1"], (), form=words).seal()
    delivery.send(field.shelter.office, two, now=now())
    delivery.send(field.north.office, one, now=now())
    report = field.south.sync()
    assert {one, two} <= set(report.bundles) and not report.problems
    with open_at(field.south, "prosecutor-1", one) as opened:
        assert b"".join(opened.read(1)) == b"from the police"
    with open_at(field.south, "prosecutor-1", two) as opened:
        assert opened.form["text"] == "from the shelter"


# ---- Altered on the way -----------------------------------------------------------------------------------------


def _flip(text: str, at: int = 200) -> str:
    raw = bytearray(unb64u(text))
    raw[at % len(raw)] ^= 1
    return b64u(bytes(raw))


def _stanza(value: dict[str, Any]) -> None:
    header = parse_header(unb64u(value["header"]))
    raw = unb64u(value["header"])
    value["header"] = b64u(raw.replace(b64u(header.stanzas[3]).encode(), b64u(bytes(1234)).encode()))


@pytest.mark.parametrize(
    ("alter", "error"),
    [
        (lambda value: value.update(header=_flip(value["header"])), (FormatError, SignatureInvalid)),
        (lambda value: value.update(signature=_flip(value["signature"], 5)), SignatureInvalid),
        (_stanza, SignatureInvalid),
        (lambda value: value.update(cover=_flip(value["cover"])), CommitmentMismatch),
        (lambda value: value.update(cover=b64u(b"short")), FormatError),
        (lambda value: value.update(index=0), SignatureInvalid),
    ],
    ids=["header", "signature", "stanza", "cover", "cover size", "place in the log"],
)
def test_what_was_altered_on_the_way_is_not_taken(field: Field, alter: Any, error: Any) -> None:
    bundle = _north_to_south(field).send()
    office = field.south.office
    with between(office, altered_json("GET", f"/v1/bundles/{b64u(bundle)}", alter)), pytest.raises(error):
        arrivals.take_bundle(office, bundle, now=now())
    with office.files.session() as db:
        assert db.get(StoredBundle, bundle) is None
    field.south.sync()  # the control: unaltered it is taken
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        assert b"".join(opened.read(1)) == b"evidence"


def test_a_second_header_for_a_bundle_closes_it_and_is_kept_as_proof(field: Field) -> None:
    first = _north_to_south(field).send(field.south)
    other = _north_to_south(field).send()
    office = field.south.office
    with field.north.office.files.session() as db:
        row = arrivals.get_stored(db, other)
        raw, signature = row.header, row.signature

    def alter(value: dict[str, Any]) -> None:
        value["header"], value["signature"] = b64u(raw), b64u(signature)

    with between(office, altered_json("GET", f"/v1/bundles/{b64u(first)}", alter)):
        arrivals.take_bundle(office, first, now=now())
    with office.files.session() as db:
        assert ("two-headers", first.hex()) in [(one.kind, one.subject) for one in list_alarms(db)]
    with pytest.raises(AmparoError) as refused:
        open_at(field.south, "prosecutor-1", first, acknowledged=bytes(32))
    assert refused.value.code == "headers-differ"


def test_a_part_of_another_length_is_not_kept(field: Field) -> None:
    bundle = _north_to_south(field).send()
    office = field.south.office
    change = altered_octets(f"/{b64u(bundle)}/parts/0", lambda data: data.pop())
    with between(office, change):
        arrivals.take_bundle(office, bundle, now=now())
        with pytest.raises(FormatError):
            ciphertext.fetch_payload(office, bundle)
    assert ciphertext.fetch_payload(office, bundle) == 1


def test_an_altered_part_is_found_when_it_is_opened_and_fetched_anew(field: Field) -> None:
    bundle = _north_to_south(field, data=(os.urandom(2**21),)).send()
    office = field.south.office

    def alter(data: bytearray) -> None:
        data[2**20 + 7] ^= 1

    with between(office, altered_octets(f"/{b64u(bundle)}/parts/0", alter)):
        field.south.sync()
        with pytest.raises(CommitmentMismatch):
            open_at(field.south, "prosecutor-1", bundle)
    acts = record_of(field.south, "prosecutor-1", bundle)
    assert [one.kind for one in acts][-2:] == ["open-requested", "open-failed"]
    assert acts[-1].details["note"] == "commitment-mismatch"
    with open_at(field.south, "prosecutor-1", bundle) as opened:  # the control
        assert len(b"".join(opened.read(1))) == 2**21


# ---- Who may ----------------------------------------------------------------------------------------------------


def test_an_officer_to_whom_it_was_not_sealed_opens_nothing(field: Field) -> None:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    with pytest.raises(NotEntitled):
        open_at(field.south, "prosecutor-2", bundle, acknowledged=bytes(32))
    open_at(field.south, "prosecutor-1", bundle).close()


def test_an_agency_that_is_not_named_does_not_even_get_it(field: Field) -> None:
    bundle = _north_to_south(field).send()
    with pytest.raises(NotFound):
        arrivals.take_bundle(field.shelter.office, bundle, now=now())


def _revoke(desk: DeskAt, word: str) -> None:
    with desk.office.files.session() as db:
        directory = desk.office.directory(db)
        body = directory_entries.revocation_body(directory.origin, directory.certificate(desk.handle(word)))
    statement = directory_entries.unsigned(body)
    for number in (1, 2):
        statement = desk.officer(f"administrator-{number}").sign_statement(labels.DIRECTORY, statement)
    membership.publish(desk.office, statement, now=now())


def test_an_officer_whose_certificate_was_revoked_neither_opens_nor_sends_nor_receives(field: Field) -> None:
    field.south.appoint("prosecutor-7", "prosecutor")
    field.north.appoint("liaison-7", "liaison")
    field.sync_all(1)
    _north_to_south(field).seal()  # a colleague at work gives the newcomer the agency's key for consent
    bundle = parcel(field.north, "liaison-7", field.south, ["prosecutor-7", "prosecutor-1"]).send(field.south)
    open_at(field.south, "prosecutor-7", bundle).close()  # the control
    late = parcel(field.north, "liaison-7", field.south, ["prosecutor-7"])
    sealed = late.seal()
    _revoke(field.south, "prosecutor-7")
    _revoke(field.north, "liaison-7")
    field.sync_all(1)
    with pytest.raises(SignatureInvalid):
        open_at(field.south, "prosecutor-7", bundle)
    with pytest.raises(SignatureInvalid):
        delivery.send(field.north.office, sealed, now=now())
    with pytest.raises(NotFound):
        late.seal()
    open_at(field.south, "prosecutor-1", bundle).close()  # what was sent before stays open to the others


def test_the_root_of_a_recipient_is_compared_before_anything_is_sealed(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _north_to_south(field)

    def nobody_compared(*_: object) -> None:
        raise RootNotCompared

    monkeypatch.setattr(field.north.office, "require_compared", nobody_compared)
    with pytest.raises(RootNotCompared):
        made.seal()
    monkeypatch.undo()
    made.seal()


def test_a_recipient_whose_role_opens_nothing_is_refused_at_sealing(field: Field) -> None:
    made = parcel(field.south, "prosecutor-1", field.north, ["auditor-1"])
    with pytest.raises(NotPermitted):
        made.seal()
    parcel(field.south, "prosecutor-1", field.north, ["supervisor-1"]).seal()


def test_a_supervisor_sends_nothing(field: Field) -> None:
    made = _north_to_south(field)
    with pytest.raises(NotPermitted):
        delivery.seal(field.north.office, field.north.officer("supervisor"), made.made, made.sources, now=now())


def test_a_shelter_sends_no_person_without_her_consent(field: Field) -> None:
    person = {"pseudonym": "P-77", "category": "woman", "fields": {}}
    made = parcel(field.shelter, "case-worker-1", field.south, ["prosecutor-1"], form=form(persons=[person]))
    with pytest.raises(ConsentMissing):
        made.seal()
    parcel(field.shelter, "case-worker-1", field.south, ["prosecutor-1"], (), form=form()).seal()


def test_a_bundle_that_names_a_person_goes_to_one_agency(field: Field) -> None:
    person = {"pseudonym": "P-78", "category": "woman", "fields": {}}
    both = tuple(
        Entitled(one.agency, (one.handle(word),))
        for one, word in ((field.south, "prosecutor-1"), (field.shelter, "case-worker-1"))
    )
    with pytest.raises(FormatError):
        _north_to_south(field, form=form(persons=[person]), recipients=both).seal()
    bundle = _north_to_south(field, recipients=both).send(field.south, field.shelter)
    open_at(field.shelter, "case-worker-1", bundle).close()
    open_at(field.south, "prosecutor-1", bundle).close()


def test_a_file_that_changed_since_intake_is_not_sealed_and_leaves_nothing(field: Field) -> None:
    made = _north_to_south(field)
    one = made.sources[0]
    before = field.north.office.files.blobs.list_keys("bundles")
    changed = Source(
        one.object_id, one.file_id, one.size_bytes, one.sha256, one.media_type, one.pieces, lambda: [b"evidencE"]
    )
    with pytest.raises(SourceChanged):
        delivery.seal(field.north.office, made.officer, made.made, [changed], now=now())
    assert field.north.office.files.blobs.list_keys("bundles") == before
    made.seal()


def test_a_form_that_recipients_would_refuse_is_not_sealed(field: Field) -> None:
    lacking = {name: value for name, value in form().items() if name != "custody"}
    for bad in (lacking, form(more=1), form(text=7), form(exhibits=[{}])):
        with pytest.raises(FormatError):
            _north_to_south(field, form=bad).seal()
    _north_to_south(field).seal()


def test_the_preview_names_sender_purposes_and_officers_and_logs_nothing(field: Field) -> None:
    bundle = _north_to_south(field).send(field.south)
    seen = reading.preview(field.south.office, field.south.officer("prosecutor"), bundle, now=now())
    assert seen.sender == "north-police/liaison-1" and PURPOSE in seen.cover.purposes
    assert seen.entitled["south-prosecutor"] == ("south-prosecutor/prosecutor-1", "south-prosecutor/prosecutor-2")
    assert [one.kind for one in record_of(field.south, "prosecutor-1", bundle)] == ["deposited"]
