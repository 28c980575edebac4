"""What a desk keeps: every column has a class, and no word that an officer wrote can be read with nobody signed in.

A column that is added without an entry in `COLUMNS` fails here, as one of the broker's does in docs/leak-budget.md.
"""

import base64
import hashlib
import importlib
import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from sqlalchemy import LargeBinary, String

from agencies import cases, members
from agencies.desk_keys import KEY_FILE, SEALED_FILE
from agencies.members import OfficerSession
from crypto import boxes, chunks, hybrid
from crypto.encoding import unb64u
from desk.printing import print_custody_statement
from errors import FormatError
from evidence import exhibits, holdings, intake
from exchange import (
    adopting,
    approvals,
    case_files,
    case_links,
    composition,
    court_packs,
    delivery,
    filing,
    handing_on,
    handing_over,
    inquiries,
    keeping,
    opening,
    people,
    reading,
    registers,
    sharing,
    withdrawals,
)
from exchange.sharing import Choice
from exchange.sync import push_outbox
from identity import consent, flags, name_requests, persons
from storage.database import DeskBase
from storage.desk_files import BLOBS, DATABASE, ID_FILE
from storage.types import Digest, Identifier, SealedBytes
from tests.support.canaries import search, spellings
from tests.support.field import WORDS, DeskAt, Field, now, with_field
from tests.support.traffic import between

# ---- Classes ----------------------------------------------------------------------------------------------------

# Of texts: the form that every value has. Nothing that a person words fits into any of them.
TEXTS: Final = {
    "agency": r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?",
    "officer": r"[a-z0-9-]{1,40}/[a-z]+(?:-[a-z]+)*-[1-9][0-9]{0,5}",
    "holder": r"recovery|[a-z0-9-]{1,40}/[a-z]+(?:-[a-z]+)*-[1-9][0-9]{0,5}",
    "file number": r"[A-Za-z]{1,8}(?:-[0-9]{1,8}){1,3}",
    "order number": r"(?:[A-Z]{1,8}-)?[0-9]{1,8}(?:-[0-9]{1,8}){0,3}",
    "source key": r"[0-9a-f]+(?:-[a-z]+)?",
    "word": r"[a-z]+(?:-[a-z]+)*",  # out of a list of the program's
    "words": r"[a-z]+(?:[ -][a-z]+)*",
    "country": r"[A-Z]{2}",
    "day": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "blob key": r"(?:files|filed)/[0-9a-f]{32}",
    "log": r"[a-z0-9./:-]+",
    "verifier keys": r"[A-Za-z0-9+/=.:\n-]+",
    "what an alarm is about": r"[a-z0-9 /-]+",  # ids, numbers, role handles, agencies
}
# Of bytes.
RANDOM: Final = frozenset({"id", "object", "salt", "tag"})
SEALED: Final = frozenset({"sealed", "sealed to officers", "locked", "details box"})
PUBLIC: Final = frozenset(
    {
        "digest", "commitment", "signature", "public key", "statement", "header", "checkpoint", "proof", "ids",
        "act", "evidence", "deposit", "sealed for parties", "tag key",
    }
)  # fmt: skip
OTHER: Final = frozenset({"number", "time", "yes or no"})

# What each class means, where its name does not say it:
#   object              the id of a bundle, a holding, a record or a case, or a handle
#   sealed              under the case or the vault key, or one out of the agency's handle secret, bound to its place
#                       (storage/sealed.py)
#   sealed to officers  to the receiving keys of officers, or of the recovery key
#   locked              under a passphrase, in a frame of JSON
#   details box         under the agency's secret of the bundle, which its officers open
#   sealed for parties  under keys out of a bundle's stanzas; the broker has it too
#   tag key             finds a bundle's entries in the log with nobody signed in; opens nothing
#   statement           signed, and seen by the broker or by the whole network
#   act                 signed, and kept at this desk: role handles, agencies, ids
#   evidence            what can be shown to others: public bytes, ids, codes of errors
#   deposit             what the broker gets of a bundle, until it has it
COLUMNS: Final = {
    "act": {"number": "number", "statement": "act"},
    "alarm": {
        "alarm_id": "number", "kind": "word", "subject": "what an alarm is about", "evidence": "evidence",
        "raised_at": "time", "seen_by": "officer",
    },
    "appointment": {
        "appointment_id": "id", "kind": "word", "officer": "officer", "roles": "words", "order_number": "order number",
        "from_day": "day", "until_day": "day", "state": "word", "proposed_by": "officer", "proposed_at": "time",
        # Of a one-time code of 80 random bits.
        "code_digest": "commitment", "code_until": "time", "tries": "number", "keyring": "locked",
        "signing_key": "public key", "receiving_key": "public key", "statement": "statement", "decided_by": "officer",
        "decided_at": "time",
    },
    "approval": {
        "approval_id": "id", "kind": "word", "object_id": "object", "asked_by": "officer", "asked_at": "time",
        "subject_digest": "commitment", "own_box": "sealed to officers", "state": "word", "answered_by": "officer",
        "answered_at": "time", "answer_box": "sealed to officers",
    },
    "approval_reader": {"approval_id": "id", "officer": "officer", "box": "sealed to officers"},
    "asked_reason": {
        "reason_id": "id", "line": "number", "asked_by": "officer", "asked_at": "time", "officer": "officer",
        "question_to_officer": "sealed to officers", "question_to_auditor": "sealed to officers",
        "answer_to_officer": "sealed to officers", "answer_to_auditor": "sealed to officers", "answered_at": "time",
    },
    "bundle_event": {
        "bundle_id": "id", "log_index": "number", "kind": "word", "agency": "agency", "number": "number",
        "statement": "statement", "salt": "salt", "details_box": "details box",
    },
    "bundle_note": {"bundle_id": "id", "case_id": "id", "version": "number", "content": "sealed"},
    "case": {
        "case_id": "id", "handle": "file number", "version": "number", "facts": "sealed", "opened_at": "time",
        "closed_at": "time",
    },
    "case_exclusion": {"case_id": "id", "officer": "officer", "decided_by": "officer", "decided_at": "time"},
    "case_key": {
        "case_id": "id", "holder": "holder", "compartment": "word", "wrapped": "sealed to officers",
        "given_by": "holder", "given_at": "time",
    },
    "checkpoint_row": {"size": "number", "note": "checkpoint", "is_sent": "yes or no"},
    "code_try": {"number": "number", "officer": "officer", "at": "time"},
    "consent_record": {
        "record_id": "id", "case_id": "id", "version": "number", "content": "sealed", "state": "word",
        "made_by": "officer", "made_at": "time", "changed_at": "time",
    },
    "consent_talk": {
        "talk_id": "id", "case_id": "id", "content": "sealed", "made_by": "officer", "made_at": "time",
    },
    "court_pack": {
        "pack_id": "id", "case_id": "id", "version": "number", "content": "sealed", "plan": "sealed",
        "built": "sealed", "state": "word", "made_by": "officer", "made_at": "time",
    },
    "desk_identity": {
        "number": "number", "agency": "agency", "country": "country", "type": "word", "log": "log",
        "root_key": "public key", "recovery_key": "public key", "made_at": "time",
    },
    "directory_row": {"log_index": "number", "statement": "statement"},
    "draft": {
        "draft_id": "id", "case_id": "id", "version": "number", "content": "sealed", "made_by": "officer",
        "changed_at": "time",
    },
    "drill": {
        "number": "number", "kind": "word", "at": "time", "seconds": "number", "entries": "number", "rows": "number",
        "size_bytes": "number", "result": "word", "officer": "officer",
    },
    "exhibit": {
        "case_id": "id", "object_id": "id", "serial": "number", "version": "number", "content": "sealed",
        "is_own": "yes or no", "added_by": "officer", "added_at": "time",
    },
    "file": {
        "file_id": "id", "case_id": "id", "content": "sealed", "blob_key": "blob key", "taken_by": "officer",
        "taken_at": "time",
    },
    "filed": {
        "item_id": "id", "bundle_id": "id", "case_id": "id", "content": "sealed", "blob_key": "blob key",
        "filed_by": "officer", "filed_at": "time", "ground": "sealed",
    },
    "filed_handle": {"item_id": "id", "handle": "digest"},
    "handle_order": {
        "handle": "digest", "log_index": "number", "kind": "word", "agency": "agency", "one_time_key": "public key",
        "items": "number", "state": "word", "bundle_ids": "ids",
    },
    "handle_secret": {
        "holder": "holder", "wrapped": "sealed to officers", "given_by": "holder", "given_at": "time",
    },
    "handle_use": {
        "handle": "digest", "bundle_id": "id", "place": "number", "role": "word", "own_place": "number",
        "record": "id", "parent_handle": "digest", "is_used": "yes or no",
    },
    "holding": {"holding": "id", "case_id": "id", "object_id": "id", "tag_key": "sealed", "started_at": "time"},
    "inquiry": {
        "inquiry_id": "id", "bundle_id": "id", "other_agency": "agency", "direction": "word", "case_id": "id",
        "state": "word", "decision": "word", "reply_by": "day", "answer_bundle": "id", "changed_at": "time",
    },
    "log_entry": {"log_index": "number", "tag": "tag", "commitment": "commitment"},
    "log_state": {
        "origin": "log", "broker": "agency", "vkeys": "verifier keys", "size": "number", "root": "digest",
        "frontier": "digest", "note": "checkpoint", "mailbox_cursor": "number", "is_stopped": "yes or no",
        "synced_at": "time", "restored_from": "number",
    },
    "member": {
        "handle": "officer", "roles": "words", "keyring": "locked", "signing_key": "public key",
        "receiving_key": "public key", "enrolled_at": "time", "left_at": "time", "failures": "number",
        "locked_until": "time",
    },
    "name_request": {
        "request_id": "id", "case_id": "id", "person_id": "id", "officer": "officer", "at": "time", "purpose": "sealed",
    },
    "own_event": {
        "position": "number", "object_kind": "word", "object_id": "object", "number": "number", "tag": "tag",
        # The statement carries a signature, so that salt and entry do not let anybody try words against it.
        "clear_statement": "statement", "sealed_statement": "sealed", "salt": "salt", "details_box": "details box",
        "entry": "commitment", "append_signature": "signature", "officer": "officer", "made_at": "time",
        "state": "word", "refusal": "word", "log_index": "number", "proof": "proof",
    },
    "own_statement": {"digest": "digest", "made_at": "time"},
    "own_paper": {
        "paper_id": "id", "officer": "officer", "kind": "word", "sealed": "sealed to officers", "changed_at": "time",
    },
    "pack_number": {"case_id": "id", "number": "number", "object_id": "id"},
    "pack_use": {"pack_id": "id", "handle": "digest", "disclosed": "yes or no", "is_blocked": "yes or no"},
    "person": {
        "person_id": "id", "case_id": "id", "version": "number", "content": "sealed", "added_by": "officer",
        "added_at": "time",
    },
    "person_flag": {
        "flag_id": "id", "case_id": "id", "content": "sealed", "made_by": "officer", "made_at": "time",
        "lowered_at": "time",
    },
    "preference": {
        "officer": "officer", "language": "word", "theme": "word", "hides_agency": "yes or no",
        "shows_exit": "yes or no",
    },
    "proposal": {
        "proposal_id": "id", "kind": "word", "officer": "holder", "statement": "act", "state": "word",
        "proposed_by": "officer", "proposed_at": "time", "decided_by": "officer", "decided_at": "time",
    },
    # The two digests are keyed by the vault key: nobody without it can try an agency or a pseudonym.
    "pseudonym": {"person_id": "id", "agency": "digest", "lookup": "digest", "sealed": "sealed", "given_at": "time"},
    "purge_receipt": {
        "log_index": "number", "handle": "digest", "agency": "agency", "statement": "statement",
        "box": "sealed for parties",
    },
    # The hash is keyed with a key that officers open when they sign in: nobody else can try codes.
    "receipt_code": {
        "code_id": "id", "case_id": "id", "lookup": "digest", "content": "sealed", "made_by": "officer",
        "made_at": "time", "ended_at": "time",
    },
    "received_custody": {
        # Of the statement, signature included.
        "digest": "digest", "case_id": "id", "holding": "id", "object_id": "id", "number": "number",
        "content": "sealed", "log_index": "number", "kept_at": "time",
    },
    "record_line": {
        "number": "number", "at": "time", "officer": "officer", "kind": "word", "case_id": "id", "object_id": "object",
        "source": "word", "source_key": "source key",
    },
    "register_row": {
        "bundle_id": "id", "version": "number", "previous": "digest", "box": "sealed for parties",
        "officer": "officer", "signature": "signature", "salt": "salt", "tag": "tag", "log_index": "number",
        "made_here_at": "time",
    },
    "reidentification": {
        "number": "number", "case_id": "id", "person_id": "id", "officer": "officer", "at": "time",
        "reason": "sealed",
    },
    "root_comparison": {"agency": "agency", "act": "number"},
    "second_factor": {
        "factor_id": "id", "officer": "officer", "kind": "word", "paper_id": "id", "credential": "public key",
        "public_key": "public key", "counter": "number", "added_at": "time", "used_at": "time",
    },
    "share_holder": {
        "purpose": "word", "issue": "number", "holder": "officer", "threshold": "number", "typed_back": "yes or no",
        "issued_at": "time",
    },
    "sign_in_note": {"number": "number", "officer": "officer", "result": "word", "at": "time"},
    "stored_bundle": {
        "bundle_id": "id", "header": "header", "header_digest": "digest", "signature": "signature",
        "cover": "sealed for parties", "sender_agency": "agency", "direction": "word", "state": "word",
        "case_id": "id", "tag_key": "tag key", "deposit": "deposit", "log_index": "number", "proof": "proof",
        "events_after": "number", "added_at": "time",
    },
    "text_reading": {
        "reading_id": "id", "language": "word", "digest": "digest", "content": "sealed", "made_by": "officer",
        "made_at": "time",
    },
    "withdrawal": {
        "withdrawal_id": "id", "record": "id", "state": "word", "asked_by": "officer", "reason": "sealed",
        "held_at": "time", "changed_at": "time",
    },
}  # fmt: skip
# Files beside the blobs. What the desk signs with while nobody is signed in stands in `desk.keys`, under `desk.key`;
# it opens no bundle and no case.
FILES: Final = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", ID_FILE, KEY_FILE, SEALED_FILE, members.RESTORED_FILE}
BLOB: Final = re.compile(r"(?:files|filed)/[0-9a-f]{32}\Z|bundles/[0-9a-f]{32}/[0-9]+\Z")


def tables() -> dict[str, Any]:
    for package in ("agencies", "custody", "evidence", "exchange", "identity"):
        importlib.import_module(f"{package}.models")
    return dict(DeskBase.metadata.tables)


def test_every_column_of_a_desk_has_a_class() -> None:
    """Who adds a column says here what may be read in it."""
    found = {name: {one.name for one in table.columns} for name, table in tables().items()}
    assert found == {name: set(columns) for name, columns in COLUMNS.items()}
    classes = {one for columns in COLUMNS.values() for one in columns.values()}
    assert classes <= {*TEXTS, *RANDOM, *SEALED, *PUBLIC, *OTHER}


def test_a_text_is_of_a_class_whose_form_is_known_and_bytes_of_one_of_bytes() -> None:
    for name, table in tables().items():
        for column in table.columns:
            kind = COLUMNS[name][column.name]
            is_text = isinstance(column.type, String)
            is_bytes = isinstance(column.type, LargeBinary | SealedBytes | Digest | Identifier)
            assert is_text == (kind in TEXTS), f"{name}.{column.name}"
            assert is_bytes == (kind in RANDOM | SEALED | PUBLIC), f"{name}.{column.name}"


# ---- Words ------------------------------------------------------------------------------------------------------


@dataclass
class Words:
    """A word of its own for every input; whatever is sealed is listened to."""

    made: dict[str, str] = field(default_factory=dict)
    sealed: list[bytes] = field(default_factory=list)

    def __call__(self, name: str) -> str:
        """The word for one input."""
        digest = hashlib.sha256(name.encode()).digest()
        self.made[name] = "Zeisig" + "".join(chr(97 + one % 26) for one in digest[:12])
        return self.made[name]

    def not_sealed(self) -> set[str]:
        """Inputs whose word was never handed to a cipher."""
        everything = b"\x00".join(self.sealed)
        return {name for name, word in self.made.items() if not any(one in everything for one in spellings(word))}


@contextmanager
def listening(words: Words) -> Iterator[None]:
    """Keep every plaintext that is sealed, and seal it as ever."""
    box, stanza, update = boxes.seal_box, hybrid.seal, chunks.Sealer.update

    def seal_box(key: bytes, context: bytes, plain: bytes, *args: Any, **more: Any) -> bytes:
        words.sealed.append(bytes(plain))
        return box(key, context, plain, *args, **more)

    def seal(public_key: bytes, info: bytes, plain: bytes, *args: Any, **more: Any) -> bytes:
        words.sealed.append(bytes(plain))
        return stanza(public_key, info, plain, *args, **more)

    def take(self: chunks.Sealer, data: Any) -> bytes:
        words.sealed.append(bytes(data))
        return update(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boxes, "seal_box", seal_box)
        patch.setattr(hybrid, "seal", seal)
        patch.setattr(chunks.Sealer, "update", take)
        yield


# ---- The story --------------------------------------------------------------------------------------------------


@dataclass
class Story:
    """Every input of a desk that takes words is given one, through the product's own calls."""

    net: Field
    word: Words
    folder: Path
    ours: bytes = b""  # case of the police
    theirs: bytes = b""  # of the prosecutor
    helped: bytes = b""  # of the shelter
    object_id: bytes = b""

    def case(self, desk: DeskAt, by: str, colleague: str, number: str) -> bytes:
        facts = {one: self.word(f"case {one} {desk.agency}") for one in ("title", "notes", "stage")}
        with desk.office.files.session() as db:
            row = cases.create_case(db, desk.officer(by), number, facts, now=now())
            cases.write_facts(db, desk.officer(by), row, {**facts, "links": self.word(f"links {desk.agency}")})
            cases.add_member(db, desk.officer(by), row.case_id, desk.handle(colleague), vault=True, now=now())
            return row.case_id

    def begin(self) -> None:
        """Cases, and that a name is no file number."""
        self.ours = self.case(self.net.north, "liaison-1", "liaison-2", "NP-1")
        self.theirs = self.case(self.net.south, "prosecutor-1", "prosecutor-2", "SP-1")
        self.helped = self.case(self.net.shelter, "case-worker-1", "case-worker-2", "SN-1")
        with pytest.raises(FormatError), self.net.north.office.files.session() as db:
            cases.create_case(db, self.net.north.officer("liaison"), self.word.made["links north-police"], {}, now=0)

    def person(self) -> bytes:
        """A table taken in, changed, flagged; a pseudonym looked behind. At the police."""
        word, office, officer = self.word, self.net.north.office, self.net.north.officer("liaison")
        given = self.folder / "given"
        given.mkdir()
        columns = ("prs_FirstName", "prs_SecondName", "prs_MobilePhone", "cco_CaseComment", word("column"), "Aliases")
        values = [word(f"person {number}") for number in range(len(columns))]
        (given / "persons.csv").write_text(f"person,{','.join(columns)}\n{word('short')},{','.join(values)}\n", "utf-8")
        person = people.import_persons(office, officer, self.ours, given, now=now()).persons[0][0]
        with office.files.session() as db:
            changed = {"prs_firstname": word("changed name"), "prs_gender": "Feminine", "hte_description": word("said")}
            persons.change_person(db, officer, self.ours, person, changed)
            flags.add_flag(
                db, officer, self.ours, person, word("person flag"), [word("flag concerns")], "no-contact", None, None,
                now=now(),
            )  # fmt: skip
            name = persons.pseudonym_for(db, officer, self.ours, person, "south-prosecutor", now=now())
            word.made["pseudonym"] = name
            persons.reidentify(db, officer, self.ours, name, reason=word("reason to look"), now=now())
            name_requests.ask(db, officer, self.ours, person, word("purpose of a name"), now=now())
        self.file(person.hex())
        return person

    def file(self, person: str) -> None:
        """The facts of a case, a link in its chart, its end and a new beginning."""
        word, db_of, officer = self.word, self.net.north.office.files.session, self.net.north.officer("liaison")
        with db_of() as db:
            texts = {name: word(f"fact {name}") for name in ("title", "summary", "route", "period", "accountable")}
            version = case_files.read(db, officer, self.ours).version
            case_files.change(db, officer, self.ours, case_files.CaseFacts(**texts), version=version, now=now())
            thing = case_links.add_thing(db, officer, self.ours, "phone", word("thing"), now=now())
            case_links.add_link(db, officer, self.ours, person, thing, word("link"), "reported", now=now())
            case_files.close(db, officer, self.ours, "settled", word("note at the end"), now=now())
            case_files.reopen(db, officer, self.ours, now=now())

    def exhibit(self) -> None:
        """A file taken in, described, worked on; an event that the broker refuses."""
        word, office, officer = self.word, self.net.north.office, self.net.north.officer("liaison")
        path = self.folder / f"{word('file name')}.jpg"
        path.write_bytes(b"\xff\xd8" + word("file content").encode() + bytes(5000))
        stored = intake.take_in(office.files, officer, self.ours, path, now=now())
        with office.files.session() as db:
            self.object_id = exhibits.create_exhibit(
                db, officer, self.ours, description=word("description"), files=[stored.file_id], place=word("place"),
                reason=word("reason"), action="seize", local_number=word("exhibit number"), seal=word("seal"),
                seen=office.seen(db), now=now(),
            )  # fmt: skip
        self.work("examined", tool={"name": word("tool"), "version": word("tool version")}, seal=word("new seal"))
        push_outbox(office, now=now())
        with between(office, _refuse_entries):
            self.work("refused")
            push_outbox(office, now=now())
        self.work("examined again")

    def work(self, name: str, **members: Any) -> None:
        office, officer = self.net.north.office, self.net.north.officer("liaison")
        with office.files.session() as db:
            holding = holdings.open_holding(db, officer, self.ours, self.object_id)
            holdings.append_event(
                db, officer, self.ours, holding, action="examine", place=self.word(f"place {name}"),
                reason=self.word(f"reason {name}"), seen=office.seen(db), now=now(), **members,
            )  # fmt: skip

    def choice(self, desk: DeskAt, case_id: bytes, agency: str, officers: Sequence[str], **more: Any) -> Choice:
        name = f"{desk.agency} {agency} {len(self.word.made)}"
        return Choice(
            case_id, agency, tuple(f"{agency}/{one}" for one in officers), (self.word("purpose"),),
            self.word(f"legal basis {name}"), self.word(f"reference {name}"), self.word(f"text {name}"), **more,
        )  # fmt: skip

    def open(self, desk: DeskAt, by: str, bundle_id: bytes, **more: Any) -> opening.Opened:
        officer = desk.officer(by)
        seen = reading.preview(desk.office, officer, bundle_id, now=now())
        return opening.open_bundle(
            desk.office, officer, bundle_id, purpose=self.word("purpose"), now=now(),
            legal_basis=self.word(f"basis of {by}"), place=self.word(f"where {by} opens"),
            acknowledged=seen.register_digest, **more,
        )  # fmt: skip

    def share(self, person: bytes) -> bytes:
        """The police share person and exhibit; drafts stay behind, one bundle waits to be sent, one question too."""
        office, officer = self.net.north.office, self.net.north.officer("liaison")
        choice = self.choice(
            self.net.north, self.ours, "south-prosecutor", ["prosecutor-1"], persons=(person,),
            exhibits=(self.object_id,),
        )  # fmt: skip
        with office.files.session() as db:
            made = sharing.compose(db, office, officer, choice, now=now())
            composition.save_draft(db, officer, made, now=now())
        bundle_id = delivery.seal(office, officer, made, sharing.sources(office, officer, made), now=now())
        delivery.send(office, bundle_id, now=now())
        for is_sent in (True, False):
            self.for_two(is_sent)
        self.net.sync_all()
        return bundle_id

    def for_two(self, is_sent: bool) -> None:
        desk = self.net.north
        choice = self.choice(
            desk, self.ours, "south-prosecutor", ["prosecutor-1", "prosecutor-2"], threshold=2,
            own_officers=("north-police/liaison-1", "north-police/liaison-2"),
        )  # fmt: skip
        with desk.office.files.session() as db:
            made = sharing.compose(db, desk.office, desk.officer("liaison"), choice, now=now())
        asked = delivery.ask_approval(desk.office, desk.officer("liaison"), made, now=now())
        with desk.office.files.session() as db:
            approvals.grant(db, desk.officer("liaison-2"), asked, now=now())
        bundle_id = delivery.seal(desk.office, desk.officer("liaison"), made, [], approval_id=asked, now=now())
        if is_sent:
            delivery.send(desk.office, bundle_id, now=now())
            self.net.sync_all()
            south = self.net.south
            opening.ask_approval(
                south.office, south.officer("prosecutor"), bundle_id, purpose=self.word("purpose"),
                legal_basis=self.word("basis for two"), place=self.word("place for two"), now=now(),
            )  # fmt: skip

    def take(self, bundle_id: bytes) -> None:
        """The prosecutor opens, files, hands on, flags; the police remark."""
        word, desk = self.word, self.net.south
        opened = self.open(desk, "prosecutor-1", bundle_id)
        items = filing.file_all(desk.office, desk.officer("prosecutor"), opened, self.theirs, now=now())
        self.keep(items[-1])
        adopting.adopt(desk.office, desk.officer("prosecutor"), opened, self.theirs, now=now())
        self.net.sync_all()
        handing_on.hand_on(
            desk.office, desk.officer("prosecutor"), bundle_id, desk.handle("prosecutor-2"), reason=word("handed on"),
            now=now(),
        )  # fmt: skip
        value = {
            "pseudonym": word.made["pseudonym"], "flag": word("bundle flag"), "concerns": [word("bundle concerns")],
            "instruction": "no-contact", "from": None, "until": None,
        }  # fmt: skip
        place = registers.raise_flag(desk.office, desk.officer("prosecutor"), bundle_id, value, now=now())
        registers.ask_lowering(desk.office, desk.officer("prosecutor"), bundle_id, place, now=now())
        self.net.sync_all()
        north = self.net.north
        value = {**value, "flag": word("flag against export"), "instruction": "no-export"}
        registers.raise_flag(north.office, north.officer("liaison"), bundle_id, value, now=now())
        registers.remark_on_flag(north.office, north.officer("liaison"), bundle_id, place, word("remark"), now=now())
        self.net.sync_all()

    def keep(self, item_id: bytes) -> None:
        """A filed item under a legal ground, by two."""
        office, officer = self.net.south.office, self.net.south.officer("prosecutor")
        asked = keeping.ask(office, officer, item_id, self.word("ground to keep"), now=now())
        with office.files.session() as db:
            approvals.grant(db, self.net.south.officer("prosecutor-2"), asked, now=now())
        keeping.keep(office, officer, asked, item_id=item_id, now=now())

    def hand_over(self) -> None:
        """Offered, accepted, closed."""
        north, south, word = self.net.north, self.net.south, self.word
        liaison, prosecutor = north.officer("liaison"), south.officer("prosecutor")
        handing_over.offer(
            north.office, liaison, self.ours, self.object_id, "south-prosecutor", seal=word("seal offered"),
            place=word("place of offer"), reason=word("reason of offer"), now=now(),
        )  # fmt: skip
        self.net.sync_all()
        document = handing_over.offer_document(north.office, liaison, self.ours, self.object_id)
        handing_over.answer(
            south.office, prosecutor, self.theirs, document, accept=True, seal=word("seal offered"),
            place=word("place of answer"), reason=word("reason of answer"), now=now(),
        )  # fmt: skip
        self.net.sync_all()
        back = handing_over.answer_document(south.office, prosecutor, self.theirs, self.object_id)
        handing_over.close(north.office, liaison, self.ours, back, now=now())
        self.net.sync_all()

    def pack(self) -> None:
        """Planned, on record, signed by one."""
        office, officer = self.net.south.office, self.net.south.officer("prosecutor")
        pack = court_packs.plan(
            office, officer, self.theirs, reference=self.word("pack reference"), render=print_custody_statement,
            court_order=self.word("court order"), now=now(),
        )  # fmt: skip
        self.net.sync_all()
        assert court_packs.sign(office, officer, pack, now=now()) == "signing"

    def consented(self) -> None:
        """The shelter records a consent, shares, holds, and asks to lift the hold."""
        word, office, worker = self.word, self.net.shelter.office, self.net.shelter.officer("case-worker")
        facts = consent.ConsentFacts(
            (word("purpose"),), ("south-prosecutor",), delivery.day_of(now()), word("language"), word("how to withdraw")
        )
        with office.files.session() as db:
            person = persons.add_person(
                db, worker, self.helped, {"prs_firstname": word("survivor")}, role="victim", short=word("S"), now=now()
            )
            record = consent.record_consent(db, worker, self.helped, person, facts, now=now())
            choice = self.choice(
                self.net.shelter, self.helped, "south-prosecutor", ["prosecutor-1"], persons=(person,),
                records=(record,),
            )  # fmt: skip
            made = sharing.compose(db, office, worker, choice, now=now())
        delivery.send(office, delivery.seal(office, worker, made, [], now=now()), now=now())
        withdrawals.hold(office, worker, self.helped, record, reason=word("reason of hold"), now=now())
        withdrawals.ask_lifting(office, worker, self.helped, record, now=now())
        self.net.sync_all()

    def ask(self) -> None:
        """An inquiry of the prosecutor, which the shelter refuses."""
        word, south, shelter = self.word, self.net.south, self.net.shelter
        with south.office.files.session() as db:
            made = inquiries.make_inquiry(
                db, south.office, south.officer("prosecutor"),
                self.choice(south, self.theirs, "shelter-ngo", ["case-worker-1"]),
                questions=[word("first question"), word("second question")], about=word("about"),
                category="information", now=now(),
            )  # fmt: skip
        bundle_id = self.post(south, "prosecutor", made)
        opened = self.open(shelter, "case-worker-1", bundle_id)
        with shelter.office.files.session() as db:
            inquiries.note_opened(db, opened, self.helped, now=now())
            answer = inquiries.make_answer(
                db, shelter.office, shelter.officer("case-worker"),
                self.choice(shelter, self.helped, "south-prosecutor", ["prosecutor-1"]),
                inquiry_id=unb64u(opened.form["inquiry"]), decision="refused", ground=word("ground"), now=now(),
            )  # fmt: skip
        opened = self.open(south, "prosecutor-1", self.post(shelter, "case-worker", answer))
        with south.office.files.session() as db:
            inquiries.note_opened(db, opened, None, now=now())

    def post(self, desk: DeskAt, by: str, made: composition.Composition) -> bytes:
        bundle_id = delivery.seal(desk.office, desk.officer(by), made, [], now=now())
        with desk.office.files.session() as db:
            inquiries.note_sent(db, made, bundle_id, now=now())
        delivery.send(desk.office, bundle_id, now=now())
        self.net.sync_all()
        return bundle_id

    def tell(self) -> None:
        """All of it."""
        self.begin()
        person = self.person()
        self.exhibit()
        self.net.sync_all()
        self.take(self.share(person))
        self.hand_over()
        self.pack()
        self.consented()
        self.ask()


def _refuse_entries(request: httpx2.Request, ask: Any) -> httpx2.Response:
    if request.method == "POST" and request.url.path.endswith("/entries"):
        return httpx2.Response(200, json={"results": [{"code": "not-permitted"}]})
    real: httpx2.Response = ask()
    return real


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story, and everybody has gone home."""
    folder, word = tmp_path_factory.mktemp("told"), Words()
    with with_field(folder / "field") as net:
        made = Story(net, word, folder)
        with listening(word):
            made.tell()
        for desk in net.desks.values():
            for officer in desk.officers.values():
                officer.lock()
        net.sync_all()  # with nobody signed in
        yield made


def desks_of(story: Story) -> Path:
    return story.net.folder / "desks"


def test_every_word_was_sealed(told: Story) -> None:
    """The control of the search below: the words did reach the desks."""
    assert len(told.word.made) > 60
    assert told.word.not_sealed() == set()


def test_no_word_can_be_read_with_nobody_signed_in(told: Story) -> None:
    words = set(told.word.made.values())
    assert search(desks_of(told), words) == []


def test_the_same_search_finds_what_is_planted(told: Story) -> None:
    """In a file, and in the database, where its write-ahead log holds it too."""
    folder, word = desks_of(told) / "north-police", told.word.made["reason"]
    planted = folder / BLOBS / "planted"
    planted.write_bytes(b"\x07" + base64.b64encode(b"xx" + word.encode("utf-16-le")))
    found = search(desks_of(told), [word])
    planted.unlink()
    assert ("planted", word) in found
    with sqlite3.connect(folder / DATABASE) as database:
        before = database.execute("SELECT statement FROM act WHERE number = 0").fetchone()
        database.execute("UPDATE act SET statement = ? WHERE number = 0", (word[::-1].encode(),))
        database.commit()
        names = {name for name, _ in search(desks_of(told), [word])}
        database.execute("UPDATE act SET statement = ? WHERE number = 0", before)
    assert names and names <= FILES


def test_values_have_the_form_of_their_class(told: Story) -> None:
    """Text of a form that no sentence has; what is sealed is no text in any row."""
    seen: set[str] = set()
    for desk in told.net.desks.values():
        for name, columns in COLUMNS.items():
            for column, kind in columns.items():
                for value in values(desk, name, column):
                    seen.add(kind)
                    if kind in TEXTS:
                        assert re.fullmatch(TEXTS[kind], value), f"{name}.{column}: {value}"
                    elif kind in SEALED - {"locked"} | {"sealed for parties"}:
                        assert not is_text(value), f"{name}.{column}"
    assert {"sealed", "sealed to officers", "details box", "locked", "word", "what an alarm is about"} <= seen
    assert all(is_text(one) for one in values(told.net.north, "own_event", "clear_statement"))


def values(desk: DeskAt, table: str, column: str) -> list[Any]:
    database = sqlite3.connect(desk.folder / DATABASE)
    try:
        rows = database.execute(f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL')
        return [one for (one,) in rows]
    finally:
        database.close()


def is_text(raw: bytes) -> bool:
    """Whether so many printable signs follow each other as chance does not give."""
    return re.search(rb"[ -~]{32}", raw) is not None


def test_a_refused_custody_event_keeps_its_words_to_itself(told: Story) -> None:
    """The alarm has what was sent: the entry and the officer's signature on it."""
    found = [json.loads(one) for one in values(told.net.north, "alarm", "evidence")]
    refused = [one for one in found if one["kind"] == "event-refused"]
    assert [set(one) for one in refused] == [{"v", "kind", "code", "entry", "officer", "signature"}]


def test_custody_went_on_with_nobody_signed_in(told: Story) -> None:
    """Everything that was signed was sent, and its proof fetched, without a key of the case."""
    for desk in (told.net.north, told.net.south):
        kinds = values(desk, "own_event", "object_kind")
        sealed = values(desk, "own_event", "sealed_statement")
        assert len(sealed) == kinds.count("holding") > 0
        assert values(desk, "own_event", "state").count("waiting") == 0


def test_every_file_of_a_desk_is_known(told: Story) -> None:
    for desk in told.net.desks.values():
        beside = {one.name for one in desk.folder.iterdir() if one.is_file()}
        blobs = desk.folder / BLOBS
        keys = {one.relative_to(blobs).as_posix() for one in blobs.rglob("*") if one.is_file()}
        assert beside <= FILES, beside
        assert all(BLOB.match(one) for one in keys), keys


def test_an_open_session_shows_the_words_again(told: Story) -> None:
    """The last control: what was hidden is there for who signs in."""
    desk = told.net.north
    officer: OfficerSession = members.sign_in(desk.office.files, desk.handle("liaison-2"), WORDS, now=now())
    with desk.office.files.session() as db:
        lines = holdings.history(db, officer, told.ours, told.object_id)
    officer.lock()
    shown = {text for one in lines for text in (one.place, one.reason, one.seal)}
    for name in ("place", "reason", "seal", "place examined again", "reason of offer", "seal offered"):
        assert told.word.made[name] in shown
    assert told.word.made["reason refused"] not in shown
