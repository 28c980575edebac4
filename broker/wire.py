"""Marshmallow schemas of what crosses the network (docs/protocol.md 9). Unknown members are refused."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from crypto.encoding import b64u, unb64u
from crypto.header import COVER_BOX_BYTES, HALF_BYTES, LARGEST_HEADER_BYTES, MOST_HALVES
from crypto.hybrid import OVERHEAD_BYTES
from errors import FormatError

DIGEST_BYTES = 32
SIGNATURE_BYTES = 64
REGISTER_BOX_BYTES = 65_576
DETAILS_BOX_BYTES = 24 + 32 + 1024 + 16
LARGEST_STATEMENT_BYTES = 384 * 1024
LARGEST_ENTRY_BYTES = 49
MOST_EVENTS = 64
MOST_ENTRIES = 256
LARGEST_INDEX = 2**53 - 1


class Octets(fields.Field[bytes]):
    """Bytes as base64url without padding, of one size or up to a largest one."""

    def __init__(self, size: int | None = None, *, most: int = LARGEST_STATEMENT_BYTES, **options: Any) -> None:
        limit = size if size is not None else most
        longest = -(-limit * 4 // 3)
        shape = {"type": "string", "format": "base64url", "pattern": "^[A-Za-z0-9_-]*$", "maxLength": longest}
        super().__init__(metadata=shape, **options)
        self._size, self._most = size, most

    def _serialize(self, value: bytes | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else b64u(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bytes:
        limit = self._size if self._size is not None else self._most
        if not isinstance(value, str) or len(value) > limit * 4 // 3 + 4:
            raise ValidationError("not base64url of the expected size")
        try:
            found = unb64u(value, self._size)
        except FormatError:
            raise ValidationError("not base64url of the expected size") from None
        if len(found) > self._most and self._size is None:
            raise ValidationError("too large")
        return found


def index_field(**options: Any) -> fields.Integer:
    """A position in the log."""
    return fields.Integer(strict=True, validate=validate.Range(0, LARGEST_INDEX), **options)


class ErrorSchema(Schema):
    """Every error."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    detail = fields.Dict(required=True)


class StatementSchema(Schema):
    """A directory statement."""

    statement = Octets(required=True)


class ReceiptSchema(Schema):
    """Where an entry stands, and the proof of it."""

    index = index_field(required=True)
    proof = fields.String(required=True)


class AfterSchema(Schema):
    """Paging: what comes behind this index; absent: from the start."""

    after = fields.Integer(load_default=-1, validate=validate.Range(-1, LARGEST_INDEX))


class DirectoryEntrySchema(Schema):
    """One entry of the directory."""

    index = index_field(required=True)
    statement = Octets(required=True)


class DirectoryPageSchema(Schema):
    """Entries in order; `next` is the value of `after` for the page that follows, null at the end."""

    entries = fields.List(fields.Nested(DirectoryEntrySchema), required=True)
    next = fields.Integer(required=True, allow_none=True)


class EventSchema(Schema):
    """A signed event as it is sent to the broker."""

    statement = Octets(required=True)
    salt = Octets(DIGEST_BYTES, required=True)
    details_box = Octets(DETAILS_BOX_BYTES, load_default=None, allow_none=True)


class DepositedSchema(Schema):
    """The event `deposited`, which has no details."""

    statement = Octets(required=True)
    salt = Octets(DIGEST_BYTES, required=True)


class RegisterSchema(Schema):
    """One version of a flag register."""

    version = fields.Integer(strict=True, required=True, validate=validate.Range(1, 2**31 - 1))
    previous = Octets(DIGEST_BYTES, required=True)
    box = Octets(REGISTER_BOX_BYTES, required=True)
    officer = fields.String(required=True, validate=validate.Length(3, 80))
    signature = Octets(SIGNATURE_BYTES, required=True)
    salt = Octets(DIGEST_BYTES, required=True)
    tag = Octets(16, required=True)


class StoredRegisterSchema(RegisterSchema):
    """A version as it is fetched, with its place in the log."""

    index = index_field(required=True)


class VersionSchema(Schema):
    """Which version; absent: the newest."""

    version = fields.Integer(load_default=None, validate=validate.Range(1, 2**31 - 1))


class DepositSchema(Schema):
    """Header, halves, cover, first register version and the event `deposited`: one transaction."""

    header = Octets(most=LARGEST_HEADER_BYTES, required=True)
    signature = Octets(SIGNATURE_BYTES, required=True)
    halves = fields.List(Octets(HALF_BYTES), required=True, validate=validate.Length(1, MOST_HALVES))
    cover = Octets(COVER_BOX_BYTES, required=True)
    register = fields.Nested(RegisterSchema, required=True)
    event = fields.Nested(DepositedSchema, required=True)


class DepositReceiptSchema(ReceiptSchema):
    """The receipt of a deposit."""

    register_index = index_field(required=True)


class AddendumSchema(Schema):
    """A logged addendum."""

    index = index_field(required=True)
    statement = Octets(required=True)
    salt = Octets(DIGEST_BYTES, required=True)


class BundleSchema(Schema):
    """A bundle without its parts."""

    header = Octets(most=LARGEST_HEADER_BYTES, required=True)
    signature = Octets(SIGNATURE_BYTES, required=True)
    cover = Octets(COVER_BOX_BYTES, required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(["active", "held", "destroyed", "half-lost", "expired"])
    )
    addenda = fields.List(fields.Nested(AddendumSchema), required=True)
    index = index_field(required=True)
    complete = fields.Boolean(required=True)


class HaveSchema(Schema):
    """The answer to one part: how many are there."""

    have = fields.Integer(required=True)


class PartsSchema(Schema):
    """Which parts are there."""

    have = fields.List(fields.Integer(), required=True)
    count = fields.Integer(required=True)
    complete = fields.Boolean(required=True)


class LoggedEventSchema(Schema):
    """An event as it is fetched."""

    index = index_field(required=True)
    statement = Octets(required=True)
    salt = Octets(DIGEST_BYTES, required=True)
    details_box = Octets(DETAILS_BOX_BYTES, required=True, allow_none=True)


class EventPageSchema(Schema):
    """Events on a bundle in order of the log."""

    events = fields.List(fields.Nested(LoggedEventSchema), required=True)
    next = fields.Integer(required=True, allow_none=True)


class ReleaseBoxSchema(Schema):
    """A half sealed to the one-time key of the request."""

    operator = fields.String(required=True)
    box = Octets(DIGEST_BYTES + OVERHEAD_BYTES, required=True)


class ReleaseSchema(ReceiptSchema):
    """The proof of the request, and one box per operator."""

    releases = fields.List(fields.Nested(ReleaseBoxSchema), required=True)


class EventsSchema(Schema):
    """A batch of events."""

    events = fields.List(fields.Nested(EventSchema), required=True, validate=validate.Length(1, MOST_EVENTS))


class ResultSchema(Schema):
    """What became of one item of a batch: an index, or a code and a message."""

    index = fields.Integer()
    code = fields.String()
    message = fields.String()


class ResultsSchema(Schema):
    """What became of a batch, in its order, and the checkpoint that covers it."""

    results = fields.List(fields.Nested(ResultSchema), required=True)
    checkpoint = fields.String(required=True)


class EntrySchema(Schema):
    """An entry whose event the broker does not see."""

    entry = Octets(LARGEST_ENTRY_BYTES, required=True)
    officer = fields.String(required=True, validate=validate.Length(3, 80))
    signature = Octets(SIGNATURE_BYTES, required=True)


class EntriesSchema(Schema):
    """A batch of entries."""

    entries = fields.List(fields.Nested(EntrySchema), required=True, validate=validate.Length(1, MOST_ENTRIES))


class ProofQuerySchema(Schema):
    """Which entry; `witnesses`: the newest checkpoint with at least so many cosignatures."""

    index = fields.Integer(required=True, validate=validate.Range(0, LARGEST_INDEX))
    witnesses = fields.Integer(load_default=0, validate=validate.Range(0, 64))


class MailboxQuerySchema(Schema):
    """From behind this cursor; wait so many seconds for something new."""

    after = fields.Integer(load_default=0, validate=validate.Range(0, LARGEST_INDEX))
    wait = fields.Integer(load_default=0, validate=validate.Range(0, 60))


class MailItemSchema(Schema):
    """Something to look at; members that do not apply are null."""

    cursor = fields.Integer(required=True)
    kind = fields.String(required=True)
    bundle_id = Octets(16, required=True, allow_none=True)
    index = index_field(required=True)
    handle = Octets(DIGEST_BYTES, required=True, allow_none=True)


class MailboxSchema(Schema):
    """Items in order; `next` is the value of `after` for the next call."""

    items = fields.List(fields.Nested(MailItemSchema), required=True)
    next = fields.Integer(required=True)


class ReceivingKeySchema(Schema):
    """A receiving key of the day, and where its announcement stands in the log."""

    operator = fields.String(required=True)
    receiving_key = Octets(1216, required=True)
    day = fields.String(required=True)
    until = fields.String(required=True)
    index = index_field(required=True)


class BrokerSchema(Schema):
    """Who this broker is and what it takes."""

    broker = fields.String(required=True)
    log = fields.String(required=True)
    log_vkeys = fields.List(fields.String(), required=True)
    operators = fields.List(fields.String(), required=True)
    receiving_keys = fields.List(fields.Nested(ReceivingKeySchema), required=True)
    limits = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    state = fields.String(required=True)
    size = fields.Integer(required=True)
    restored_from = fields.Integer(required=True, allow_none=True)
    time = fields.Integer(required=True)


class CosignedSchema(Schema):
    """How many lines of witnesses were taken."""

    accepted = fields.Integer(required=True)


class RecoverSchema(Schema):
    """What a desk still has of a log that is longer than the broker's copy."""

    checkpoint = Octets(required=True)
    from_ = fields.Integer(data_key="from", required=True, validate=validate.Range(0, LARGEST_INDEX))
    entries = fields.List(Octets(most=65_535), required=True, validate=validate.Length(0, MOST_ENTRIES))
    events = fields.List(fields.Nested(EventSchema), load_default=[], validate=validate.Length(0, MOST_EVENTS))


class RecoveredSchema(Schema):
    """How many entries are there now, and how many there will be."""

    size = fields.Integer(required=True)
    wanted = fields.Integer(required=True)


def list_members() -> frozenset[str]:
    """Names of the members of every schema here."""
    schemas = [one for one in globals().values() if isinstance(one, type) and issubclass(one, Schema)]
    return frozenset(field.data_key or name for one in schemas for name, field in one().fields.items())
