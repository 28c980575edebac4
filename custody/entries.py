"""Log entries: directory statements in clear, tag and commitment for all else (docs/protocol.md 6.1)."""

from dataclasses import dataclass
from typing import Final

from crypto import labels
from crypto.boxes import tag16
from crypto.digests import DIGEST_BYTES, hash_fields
from crypto.encoding import fields
from errors import FormatError

DIRECTORY: Final = b"\x01"
SEALED: Final = b"\x02"
TAG_BYTES: Final = 16
SALT_BYTES: Final = 32
SEALED_BYTES: Final = 1 + TAG_BYTES + DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """Tag and commitment of an event."""

    tag: bytes
    commitment: bytes

    def dump(self) -> bytes:
        """49 bytes."""
        return SEALED + self.tag + self.commitment


def directory_entry(statement: bytes) -> bytes:
    """Entry of a directory statement."""
    return DIRECTORY + statement


def event_entry(tag: bytes, salt: bytes, signed_event: bytes) -> bytes:
    """Entry of an event: 49 bytes.

    Raises:
        FormatError: tag or salt of another length.
    """
    if len(tag) != TAG_BYTES or len(salt) != SALT_BYTES:
        raise FormatError("an entry has a tag of 16 and a salt of 32 bytes")
    return SealedEntry(tag, hash_fields(labels.EVENT, salt, signed_event)).dump()


def parse_entry(data: bytes) -> bytes | SealedEntry:
    """A directory statement's bytes, or tag and commitment.

    Raises:
        FormatError: neither.
    """
    if data[:1] == DIRECTORY and len(data) > 1:
        return data[1:]
    if data[:1] == SEALED and len(data) == SEALED_BYTES:
        return SealedEntry(data[1 : 1 + TAG_BYTES], data[1 + TAG_BYTES :])
    raise FormatError("not a log entry of this version")


def tag_of(object_key: bytes, agency: str, number: int) -> bytes:
    """The tag of an agency's event `number` on an object; register versions have an empty agency."""
    return tag16(object_key, fields(labels.TAG, agency, number))


def handle_tag(handle: bytes) -> bytes:
    """The tag of every event on a handle."""
    return hash_fields(labels.HANDLE_TAG, handle)[:TAG_BYTES]
