"""Parts of the ciphertext, and statements too large for a row.

A part is 8 MiB (the last one shorter), is hashed as it arrives, synced before it is acknowledged, and may be sent
again. Digests of its 1 MiB segments are kept, so that with the last part the root of the header is recomputed
from what was stored.
"""

import hmac
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.limits import PART_BYTES
from broker.models import Bundle, Event, PartGroup
from broker.parts import Parts
from crypto.digests import SEGMENT_BYTES, merkle_root, sha256
from errors import CommitmentMismatch, Conflict, FormatError, NotFound, NotPermitted, ReleaseDestroyed
from storage.blobs import BlobStore
from storage.database import transact

GROUP_PARTS = 128
DIGEST_BYTES = 32
PART_SEGMENTS = PART_BYTES // SEGMENT_BYTES
PART_DIGEST_BYTES = PART_SEGMENTS * DIGEST_BYTES
LARGEST_ROW_BYTES = 48 * 1024


def count_parts(payload_bytes: int) -> int:
    """How many parts a ciphertext has."""
    return -(-payload_bytes // PART_BYTES)


def get_part_bytes(payload_bytes: int, number: int) -> int:
    """The length of one part."""
    return min(PART_BYTES, payload_bytes - number * PART_BYTES)


def put_part(parts: Parts, bundle: Bundle, agency: str, number: int, content: bytes) -> int:
    """Store one part; return how many are there.

    Raises:
        NotPermitted: only the agency that sends a bundle uploads it.
        NotFound: the bundle has fewer parts.
        FormatError: another length.
        Conflict: another content was stored for this part.
        CommitmentMismatch: all parts are there, and they are not what the header commits to.
    """
    if agency != bundle.sender_agency:
        raise NotPermitted("the agency that sends a bundle uploads it")
    if bundle.state == "destroyed":
        raise ReleaseDestroyed
    count = count_parts(bundle.payload_bytes)
    if not 0 <= number < count:
        raise NotFound("there is no such part")
    if len(content) != get_part_bytes(bundle.payload_bytes, number):
        raise FormatError("a part is 8 MiB long, the last one as long as what is left")
    digests = b"".join(sha256(content[at : at + SEGMENT_BYTES]) for at in range(0, len(content), SEGMENT_BYTES))
    known = transact(parts.readers, lambda session: _get_digests(session, bundle, number))
    if known is not None and not hmac.compare_digest(known, digests):
        raise Conflict("another content was stored for this part")
    if known is None:
        parts.blobs.put(_part_key(bundle, number, digests), content)
        parts.sequencer.run(lambda session: _note_part(session, bundle, number, digests))
    have = transact(parts.readers, lambda session: list_parts(bundle.log_id, bundle, session))
    if len(have) == count and not bundle.complete:
        _complete(parts, bundle)
    return len(have)


def _part_key(bundle: Bundle, number: int, digests: bytes) -> str:
    # Two uploads of one part that differ never write over each other; the row says which one counts.
    return f"bundles/{bundle.header_digest.hex()}/part-{number}-{sha256(digests).hex()}"


def get_part(parts: Parts, bundle: Bundle, number: int) -> bytes:
    """The content of one part.

    Raises:
        NotFound: the bundle has fewer parts, or this one has not arrived.
    """
    if not 0 <= number < count_parts(bundle.payload_bytes):
        raise NotFound("there is no such part")
    digests = transact(parts.readers, lambda session: _get_digests(session, bundle, number))
    if digests is None:
        raise NotFound("this part has not arrived yet")
    return parts.blobs.get(_part_key(bundle, number, digests))


def delete_parts(parts: Parts, bundle: Bundle) -> None:
    """Remove the ciphertext of a bundle that ended."""
    for key in parts.blobs.list_keys(f"bundles/{bundle.header_digest.hex()}"):
        if key.rpartition("/")[2].startswith("part-"):
            parts.blobs.delete(key)


def _get_digests(session: Session, bundle: Bundle, number: int) -> bytes | None:
    group, place = divmod(number, GROUP_PARTS)
    row = session.get(PartGroup, (bundle.log_id, bundle.bundle_id, group))
    if row is None or not row.have[place]:
        return None
    start = place * PART_DIGEST_BYTES
    return row.digests[start : start + _used(bundle, number)]


def _used(bundle: Bundle, number: int) -> int:
    segments = -(-get_part_bytes(bundle.payload_bytes, number) // SEGMENT_BYTES)
    return segments * DIGEST_BYTES


def _note_part(session: Session, bundle: Bundle, number: int, digests: bytes) -> None:
    known = _get_digests(session, bundle, number)
    if known is not None:
        if not hmac.compare_digest(known, digests):
            raise Conflict("another content was stored for this part")
        return
    group, place = divmod(number, GROUP_PARTS)
    row = session.get(PartGroup, (bundle.log_id, bundle.bundle_id, group))
    if row is None:
        width = min(GROUP_PARTS, count_parts(bundle.payload_bytes) - group * GROUP_PARTS)
        row = PartGroup(
            log_id=bundle.log_id,
            bundle_id=bundle.bundle_id,
            number=group,
            have=bytes(width),
            digests=bytes(width * PART_DIGEST_BYTES),
        )
        session.add(row)
    row.have = row.have[:place] + b"\x01" + row.have[place + 1 :]
    start = place * PART_DIGEST_BYTES
    row.digests = row.digests[:start] + digests + row.digests[start + len(digests) :]


def list_parts(log_id: bytes, bundle: Bundle, session: Session) -> list[int]:
    """Numbers of the parts that are there."""
    query = (
        select(PartGroup.number, PartGroup.have)
        .where(PartGroup.log_id == log_id, PartGroup.bundle_id == bundle.bundle_id)
        .order_by(PartGroup.number)
    )
    return [
        group * GROUP_PARTS + place
        for group, have in session.execute(query)
        for place, there in enumerate(have)
        if there
    ]


def _complete(parts: Parts, bundle: Bundle) -> None:
    count = count_parts(bundle.payload_bytes)

    def read(session: Session) -> list[bytes]:
        found = [_get_digests(session, bundle, number) or b"" for number in range(count)]
        joined = b"".join(found)
        return [joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES)]

    if merkle_root(transact(parts.readers, read)) != bundle.root:
        # A sender who uploads something else than it signed starts again; nothing of it is kept.
        delete_parts(parts, bundle)
        parts.sequencer.run(lambda session: _forget(session, bundle))
        raise CommitmentMismatch("the parts are not the ciphertext that the header commits to; send them anew")
    parts.submit("complete", {"bundle_id": bundle.bundle_id})


def _forget(session: Session, bundle: Bundle) -> None:
    query = select(PartGroup).where(PartGroup.log_id == bundle.log_id, PartGroup.bundle_id == bundle.bundle_id)
    for row in session.scalars(query):
        session.delete(row)


# ---- statements


def _statement_key(log_id: bytes, statement_digest: bytes) -> str:
    return f"events/{log_id.hex()}/{statement_digest.hex()}"


def large_statement(log_id: bytes, statement: bytes) -> dict[str, bytes]:
    """The blob of a statement that is too large for a row; nothing for others."""
    return {_statement_key(log_id, sha256(statement)): statement} if len(statement) > LARGEST_ROW_BYTES else {}


def get_statement(blobs: BlobStore, row: Event) -> bytes:
    """The bytes of a stored event."""
    if row.statement is not None:
        return row.statement
    return blobs.get(_statement_key(row.log_id, row.statement_digest))


def dump_event(blobs: BlobStore, row: Event) -> dict[str, Any]:
    """A stored event as it is sent."""
    return {
        "index": row.entry_index,
        "statement": get_statement(blobs, row),
        "salt": row.salt,
        "details_box": row.details_box,
    }
