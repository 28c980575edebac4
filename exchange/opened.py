"""A bundle that was opened: its form, its files as streams, and what it rests on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.directory import Directory
from agencies.members import OfficerSession
from crypto import labels
from crypto.digests import SEGMENT_BYTES
from crypto.encoding import b64u, unb64u
from crypto.header import Header
from crypto.opening import Content, OpenBundle, SegmentChecker, segment_digests
from crypto.signing import verify
from errors import CommitmentMismatch, ConsentMissing, FormatError, NotFound, SignatureInvalid, SignInRequired
from exchange import ciphertext, handle_keys
from exchange.cover import Cover
from exchange.forms import LARGEST_FORM_BYTES, media_type, parse_form
from exchange.models import HandleUse
from exchange.office import Office
from exchange.reading import Preview
from identity.consent import extract_body

Progress = Callable[[int, int], object]


def ignore_progress(done: int, total: int) -> None:
    """No progress is shown."""


class Opened:
    """A bundle that was opened on the record: readable until it is closed or its officer is locked out.

    Attributes:
        bundle_id, header, header_digest, cover: what was opened.
        form: the form, entry 0, read strictly.
        entries: every file with its manifest entry, the form being the first.
        request: index of the request in the log.
    """

    def __init__(self, office: Office, officer: OfficerSession, seen: Preview, content: OpenBundle, form: Any) -> None:
        self.bundle_id, self.header, self.header_digest = seen.header.bundle_id, seen.header, seen.header_digest
        self.cover, self.flags, self.stanza = seen.cover, seen.flags, seen.stanza
        self.agency, self.officer = office.agency, officer.handle
        self.form: dict[str, Any] = form
        self.entries: tuple[Content, ...] = content.contents
        self.manifest = content.manifest
        self.request = -1
        self._session, self._content = officer, content

    def __repr__(self) -> str:
        return f"Opened({self.bundle_id.hex()})"

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def read(self, index: int) -> Iterator[bytes]:
        """One file as a stream; it is whole only when the iterator ends without an error.

        Raises:
            SignInRequired: the officer signed out meanwhile.
            NotFound: there is no such entry.
            CommitmentMismatch: the bytes are not those of the entry.
        """
        content = self.content(index)
        self._require_signed_in()
        for block in self._content.read_file(content):
            self._require_signed_in()
            yield bytes(block)

    def read_range(self, index: int, start: int, end: int) -> Iterator[bytes]:
        """Bytes start..end of one file, for a viewer that jumps in it. Every segment is compared with the header.

        The file as a whole was compared with its entry when the bundle was opened.

        Raises:
            SignInRequired, NotFound
        """
        content = self.content(index)
        start, end = max(0, start), min(end, content.size_bytes)
        self._require_signed_in()
        if start >= end:
            return
        for block in self._content.plaintext(content.offset + start, content.offset + end):
            self._require_signed_in()
            yield bytes(block)

    def _require_signed_in(self) -> None:
        if self._session.is_locked:
            self.close()
            raise SignInRequired

    def content(self, index: int) -> Content:
        """One entry with its salt and its path to the header's `contents`.

        Raises:
            NotFound
        """
        if not 0 <= index < len(self.entries):
            raise NotFound("the bundle has no such file")
        return self.entries[index]

    def find(self, file_id: bytes) -> Content:
        """The entry of a file id.

        Raises:
            NotFound
        """
        for one in self.entries:
            if one.entry["file"] == b64u(file_id):
                return one
        raise NotFound("the bundle has no such file")

    def verify(self, progress: Progress = ignore_progress) -> None:
        """Read every file once and compare its SHA-256 with its entry.

        Raises:
            CommitmentMismatch, DecryptionFailed
        """
        total, done = sum(one.size_bytes for one in self.entries), 0
        for one in self.entries:
            for block in self._content.read_file(one):
                done += len(block)
                progress(done, total)

    def close(self) -> None:
        """Let go of the content key."""
        self._content.close()


class Segments:
    """The ciphertext at this desk; what it gives was compared with the header's root just before."""

    def __init__(self, office: Office, header: Header) -> None:
        self._office, self._header = office, header
        self._checker = SegmentChecker(header, segment_digests(ciphertext.stream_payload(office, header)))
        self._last: tuple[int, bytes] | None = None

    def read(self, start: int, end: int) -> bytes:
        """Bytes start..end."""
        found = []
        for number in range(start // SEGMENT_BYTES, -(-end // SEGMENT_BYTES)):
            base = number * SEGMENT_BYTES
            found.append(self._segment(number)[max(0, start - base) : end - base])
        return found[0] if len(found) == 1 else b"".join(found)

    def _segment(self, number: int) -> bytes:
        if self._last is None or self._last[0] != number:
            start = number * SEGMENT_BYTES
            end = min(start + SEGMENT_BYTES, self._header.payload_bytes)
            data = ciphertext.read_payload(self._office, self._header.bundle_id, start, end)
            self._checker.check(number, data)
            self._last = (number, data)
        return self._last[1]


def require_beginning(office: Office, header: Header) -> None:
    """Raise CommitmentMismatch unless the ciphertext begins with what the header commits to."""
    prefix = ciphertext.read_payload(office, header.bundle_id, 0, len(header.payload_commitment))
    if prefix != header.payload_commitment:
        raise CommitmentMismatch("the sealed bytes begin differently from what the header commits to")


def read_form(content: OpenBundle, cover: Cover) -> dict[str, Any]:
    """Entry 0.

    Raises:
        FormatError: it is of another kind than the cover says, or malformed.
    """
    first = content.contents[0]
    if content.manifest["kind"] != cover.kind or first.entry["media_type"] != media_type(cover.kind):
        raise FormatError("the content is of another kind than the cover says")
    return parse_form(content.file_bytes(first, LARGEST_FORM_BYTES), cover.kind)


def check_extracts(
    directory: Directory, header: Header, log_index: int, manifest: Mapping[str, Any], form: Any
) -> None:
    """Each consent extract is signed by an officer of the sender, for a party, and a handle stands for it.

    Raises:
        SignatureInvalid: no officer of the sender has signed it so.
        ConsentMissing: it is for somebody else, or no handle stands for it, so that its withdrawal would stop nothing.
    """
    places = {one["place"]: one["consent"] for one in manifest["handles"]}
    for extract in form["consents"]:
        by = extract["signature_by"]
        key = directory.signing_key(by, log_index)
        if key is None or not by.startswith(header.sender_agency + "/"):
            raise SignatureInvalid("a consent extract is not signed by an officer of the agency that sent it")
        signature = unb64u(extract["signature"], 64)
        verify(key, labels.CONSENT_EXTRACT, extract_body(extract), signature=signature)
        consent = places.get(extract["place"])
        alone = len(header.agencies) == 2
        if extract["recipient"] not in header.agencies or consent is None or (alone and consent != extract["record"]):
            raise ConsentMissing("a consent extract is for somebody else, or no handle stands for it")


def require_parents(db: Session, header: Header, cover: Cover, manifest: Mapping[str, Any]) -> None:
    """A bundle that names a parent rests on the handles that this desk knows of that parent.

    Otherwise a withdrawal would reach the parent and not what was made of it.

    Raises:
        ConsentMissing: a handle is missing, or its place has none of the spares that this desk has dealt for it.
    """
    named = {(one["parent"]["bundle_id"], one["parent"]["handle"]): one["place"] for one in manifest["handles"]
             if one["parent"] is not None}  # fmt: skip
    for parent in cover.parents:
        for row in _handles_of(db, parent.bundle_id):
            handle = row.handle if row.role == handle_keys.HEADER else row.parent_handle
            if handle is None:
                continue
            place = named.get((b64u(parent.bundle_id), b64u(handle)))
            if place is None:
                raise ConsentMissing("this derives from a bundle that rests on a consent, and does not rest on it")
            if row.role == handle_keys.HEADER:
                spare = db.get(HandleUse, (header.handles[place], parent.bundle_id))
                if spare is None or (spare.role, spare.place) != (handle_keys.OWN, row.place):
                    raise ConsentMissing("this rests on a handle that your agency has not dealt for its consent")


def _handles_of(db: Session, bundle_id: bytes) -> Sequence[HandleUse]:
    """Own handles of a bundle that a consent stands behind, and the spares that others have given for theirs."""
    rows = db.scalars(select(HandleUse).where(HandleUse.bundle_id == bundle_id))
    return [
        row
        for row in rows
        if (row.role == handle_keys.HEADER and row.consent is not None) or row.role == handle_keys.GIVEN
    ]
