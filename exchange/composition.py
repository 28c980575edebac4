"""What an officer puts together before sealing: recipients, terms, form, files, consent. Drafts are kept sealed."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto.digests import sha256
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES, MONTH, is_version
from errors import Conflict, FormatError, NotFound
from exchange.cover import KINDS, Entitled, Parent, date_or_none, members_of, parse_entitled, term
from exchange.models import Draft
from storage.sealed import open_column, seal_column

LARGEST_BYTES: Final = 4 * 2**20
RIGHTS: Final[Mapping[str, str]] = {"inquiry": "inquire", "answer": "answer", "match": "match"}
_MEMBERS: Final = {
    "v", "kind", "case", "recipients", "own_officers", "purposes", "legal_basis", "handling", "keep_until",
    "reply_by", "threshold", "form", "files", "consents", "parents", "replaces", "expires", "flags",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Composition:
    """A bundle before it is sealed.

    Attributes:
        kind: `share`, `inquiry`, `answer`, ... (docs/protocol.md 3.3).
        case_id: the sender's own case.
        recipients: agencies with the officers entitled there. One agency if the form names a person.
        own_officers: officers of the sender who may open it on the record like everybody else.
        threshold: t; the same in every agency.
        form: members of docs/protocol.md 3.5 without `v` and `kind`. A consent extract's `place` is its number in
            `consents`.
        files: ids of the stored files that go with it, in order.
        consents: record ids (of the extracts) whose withdrawal ends this bundle; they take the header places 0, 1, ...
        parents: bundles that it derives from; one spare is taken for every place that they had in use.
        replaces: the bundle that this one is sealed anew for, after `half-lost`.
        expires: month `YYYY-MM`.
        flags: protection flags that are raised with it: {pseudonym, flag, concerns, instruction, from, until}.
    """

    kind: str
    case_id: bytes
    recipients: tuple[Entitled, ...]
    own_officers: tuple[str, ...]
    purposes: tuple[str, ...]
    legal_basis: str
    expires: str
    form: Mapping[str, Any] = field(repr=False)
    handling: tuple[str, ...] = ()
    keep_until: str | None = None
    reply_by: str | None = None
    threshold: int = 1
    files: tuple[bytes, ...] = ()
    consents: tuple[bytes, ...] = ()
    parents: tuple[Parent, ...] = ()
    replaces: bytes | None = None
    flags: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def right(self) -> str:
        """The right that sending this takes."""
        return RIGHTS.get(self.kind, "share")

    @property
    def agencies(self) -> tuple[str, ...]:
        """Recipient agencies, sorted."""
        return tuple(sorted(one.agency for one in self.recipients))

    @property
    def has_persons(self) -> bool:
        """Whether the form names a person by pseudonym."""
        return bool(self.form.get("persons"))

    def dump(self) -> bytes:
        """Canonical bytes: what a draft keeps and what a second officer approves."""
        return dump_json(
            {
                "v": 1,
                "kind": self.kind,
                "case": b64u(self.case_id),
                "recipients": [one.value() for one in self.recipients],
                "own_officers": list(self.own_officers),
                "purposes": list(self.purposes),
                "legal_basis": self.legal_basis,
                "handling": list(self.handling),
                "keep_until": self.keep_until,
                "reply_by": self.reply_by,
                "threshold": self.threshold,
                "form": dict(self.form),
                "files": [b64u(one) for one in self.files],
                "consents": [b64u(one) for one in self.consents],
                "parents": [
                    {"bundle_id": b64u(one.bundle_id), "header_digest": b64u(one.header_digest)} for one in self.parents
                ],
                "replaces": None if self.replaces is None else b64u(self.replaces),
                "expires": self.expires,
                "flags": [dict(one) for one in self.flags],
            }
        )

    def digest(self) -> bytes:
        """SHA-256 of `dump`."""
        return sha256(self.dump())


def parse_composition(data: bytes) -> Composition:
    """The reverse of `Composition.dump`.

    Raises:
        FormatError
    """
    value = members_of(parse_json(data, max_bytes=LARGEST_BYTES), _MEMBERS)
    if not is_version(value["v"]) or value["kind"] not in KINDS or not isinstance(value["form"], dict):
        raise FormatError("a draft of another version")
    if not isinstance(value["threshold"], int) or not isinstance(value["expires"], str):
        raise FormatError("a draft is malformed")
    if not MONTH.match(value["expires"]):
        raise FormatError("a bundle expires with a month, YYYY-MM")
    try:
        return Composition(
            kind=value["kind"],
            case_id=unb64u(value["case"], IDENTIFIER_BYTES),
            recipients=parse_entitled(value["recipients"]),
            own_officers=tuple(str(one) for one in value["own_officers"]),
            purposes=tuple(term(one) for one in value["purposes"]),
            legal_basis=term(value["legal_basis"]),
            handling=tuple(term(one) for one in value["handling"]),
            keep_until=date_or_none(value["keep_until"]),
            reply_by=date_or_none(value["reply_by"]),
            threshold=value["threshold"],
            form=value["form"],
            files=tuple(unb64u(one, IDENTIFIER_BYTES) for one in value["files"]),
            consents=tuple(unb64u(one, IDENTIFIER_BYTES) for one in value["consents"]),
            parents=tuple(
                Parent(unb64u(one["bundle_id"], IDENTIFIER_BYTES), unb64u(one["header_digest"], 32))
                for one in value["parents"]
            ),
            replaces=None if value["replaces"] is None else unb64u(value["replaces"], IDENTIFIER_BYTES),
            expires=value["expires"],
            flags=tuple(dict(one) for one in value["flags"]),
        )
    except (TypeError, KeyError, ValueError) as error:
        raise FormatError("a draft is malformed") from error


def save_draft(
    db: Session,
    officer: OfficerSession,
    made: Composition,
    *,
    now: int,
    draft_id: bytes | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Keep a composition sealed under its case's key; the draft's id.

    Raises:
        NotPermitted: not on the case team.
        Conflict: the draft belongs to another case.
    """
    key = case_key(db, officer, made.case_id)
    row = None if draft_id is None else db.get(Draft, draft_id)
    if row is None:
        row = Draft(
            draft_id=draft_id or random_bytes(IDENTIFIER_BYTES), case_id=made.case_id, version=0, content=b"",
            made_by=officer.handle, changed_at=now,
        )  # fmt: skip
        db.add(row)
    if row.case_id != made.case_id:
        raise Conflict("this draft belongs to another case")
    row.version, row.changed_at = row.version + 1, now
    row.content = seal_column(key, "draft", "content", row.draft_id, row.version, made.dump())
    db.flush()
    return row.draft_id


def load_draft(db: Session, officer: OfficerSession, draft_id: bytes) -> Composition:
    """A saved composition.

    Raises:
        NotFound, NotPermitted
    """
    row = db.get(Draft, draft_id)
    if row is None:
        raise NotFound("there is no such draft")
    key = case_key(db, officer, row.case_id)
    return parse_composition(open_column(key, "draft", "content", draft_id, row.version, row.content))


def list_drafts(db: Session, officer: OfficerSession, case_id: bytes) -> list[Draft]:
    """Drafts of a case, newest first."""
    case_key(db, officer, case_id)
    return list(db.scalars(select(Draft).where(Draft.case_id == case_id).order_by(Draft.changed_at.desc())))


def delete_draft(db: Session, officer: OfficerSession, draft_id: bytes) -> None:
    """Throw a draft away; one that is gone is no error."""
    row = db.get(Draft, draft_id)
    if row is not None:
        case_key(db, officer, row.case_id)
        db.delete(row)


def replacing(made: Composition, lost: bytes) -> Composition:
    """The same bundle once more, in place of one whose key half was lost."""
    return replace(made, replaces=lost)
