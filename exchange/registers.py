"""Flag registers: raise, lower, remark, and the rewriting that hides when a flag was raised (docs/protocol.md 5).

Every version is one of a constant size. A desk rewrites the register unchanged after each opening and now and then
while an officer is signed in, so that a raise is one more rewrite; the last four versions of a day are kept for raises.
"""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto import labels
from crypto.encoding import b64u, dump_json, unb64u
from crypto.header import Header
from crypto.sealing import tag_key
from custody.entries import SALT_BYTES, event_entry, tag_of
from custody.register import (
    INSTRUCTIONS,
    PLACES,
    PLACES_PER_AGENCY,
    Record,
    Version,
    flag_fields,
    parse_flag,
    place_of,
    remark_fields,
    sign_version,
    versions_left,
)
from errors import Conflict, FormatError, LimitExceeded, NotFound, NotPermitted, QuotaExceeded, RegisterStale
from exchange import approvals, arrivals, follow
from exchange.broker_client import integer_of, text_of
from exchange.models import RegisterRow, StoredBundle
from exchange.office import Office
from exchange.reading import preview, read_register

Random = Callable[[int], bytes]
TRIES: Final = 3
DAY_SECONDS: Final = 24 * 3600
FLAG_MEMBERS: Final = ("pseudonym", "flag", "concerns", "instruction", "from", "until")


class Seen(Protocol):
    """What a version is written after: a `Preview`, or what the case team reads (exchange/prohibitions.py)."""

    @property
    def header_digest(self) -> bytes: ...

    @property
    def r(self) -> bytes: ...

    @property
    def flags(self) -> Sequence[Mapping[str, Any]]: ...


Look = Callable[[], Seen]
Apply = Callable[[list[Record | None], Sequence[str], Seen], list[Record | None]]


def flag_entry(place: int, number: int, raiser: str, flag: Mapping[str, Any], state: str = "raised") -> bytes:
    """Canonical bytes of an entry.

    Raises:
        FormatError: a member is missing, or the instruction is not one of the closed list.
    """
    if set(flag) != set(FLAG_MEMBERS) or flag["instruction"] not in INSTRUCTIONS:
        raise FormatError("a flag says whom it is about, what to do (out of the list), whom it concerns, and how long")
    entry = dump_json({"v": 1, "place": place, "number": number, "raiser": raiser, "state": state, **flag})
    parse_flag(entry)
    return entry


def first_places(officer: OfficerSession, header: Header, flags: Sequence[Mapping[str, Any]]) -> list[Record | None]:
    """The 64 places of version 1: the flags with which a bundle is sealed.

    Raises:
        LimitExceeded: more than the agency's eight places.
    """
    places: list[Record | None] = [None] * PLACES
    if len(flags) > PLACES_PER_AGENCY:
        raise LimitExceeded("an agency has eight flags on a bundle; lower one, or make two bundles")
    for slot, flag in enumerate(flags):
        place = place_of(header.agencies, officer.agency, slot)
        places[place] = _signed(officer, header.bundle_id, header.digest(), flag_entry(place, 1, officer.agency, flag))
    return places


def _signed(officer: OfficerSession, bundle_id: bytes, header_digest: bytes, entry: bytes) -> Record:
    signature = officer.sign(labels.FLAG, *flag_fields(bundle_id, header_digest, entry))
    return Record(entry, ((officer.handle, signature),))


# ---- Changes ----------------------------------------------------------------------------------------------------


def raise_flag(office: Office, officer: OfficerSession, bundle_id: bytes, flag: Mapping[str, Any], *, now: int) -> int:
    """Raise a flag at once; its place.

    Args:
        flag: {pseudonym, flag, concerns, instruction, from, until}: what to do, never why.

    Raises:
        LimitExceeded: the agency's eight places are in use.
        QuotaExceeded: twelve versions were written today.
    """
    officer.require("flag")
    taken: list[int] = []

    def change(places: list[Record | None], agencies: Sequence[str], seen: Seen) -> list[Record | None]:
        place, number = _free_place(places, agencies, officer.agency)
        entry = flag_entry(place, number, officer.agency, flag)
        places[place] = _signed(officer, bundle_id, seen.header_digest, entry)
        taken[:] = [place]
        return places

    _write(office, officer, bundle_id, change, is_raise=True, now=now)
    return taken[0]


def _free_place(places: Sequence[Record | None], agencies: Sequence[str], agency: str) -> tuple[int, int]:
    """A place of the agency that is unused, or holds a flag that was lowered; and the entry's number there."""
    for slot in range(PLACES_PER_AGENCY):
        place = place_of(agencies, agency, slot)
        record = places[place]
        if record is None:
            return place, 1
        if record.value["state"] == "lowered":
            return place, int(record.value["number"]) + 1
    raise LimitExceeded("an agency has eight flags on a bundle; lower one first")


def ask_lowering(office: Office, officer: OfficerSession, bundle_id: bytes, place: int, *, now: int) -> bytes:
    """Ask a second officer to lower a flag of this agency; the approval's id."""
    officer.require("flag")
    seen = preview(office, officer, bundle_id, now=now)
    entry = _lowered_entry(seen, officer.agency, place)
    subject = {"core": b64u(entry), "bundle_id": b64u(bundle_id), "header_digest": b64u(seen.header_digest)}
    with office.files.session() as db:
        return approvals.ask(db, officer, "lower", bundle_id, [subject], own={"place": place}, now=now)


def _lowered_entry(seen: Seen, agency: str, place: int) -> bytes:
    flag = next((one for one in seen.flags if one["place"] == place), None)
    if flag is None or flag["raiser"] != agency or flag["state"] != "raised":
        raise NotPermitted("only the agency that raised a flag lowers it, once")
    members = {name: flag[name] for name in FLAG_MEMBERS}
    return flag_entry(place, int(flag["number"]) + 1, agency, members, "lowered")


def lower_flag(office: Office, officer: OfficerSession, approval_id: bytes, *, now: int) -> None:
    """Lower a flag with the second officer's signature.

    Raises:
        ApprovalMissing
        Conflict: the flag was changed since it was asked.
    """
    officer.require("flag")
    with office.files.session() as db:
        answer = approvals.use(db, office, officer, approval_id, "lower")
    subject = answer.subject["subjects"][0]
    lower_with(
        office, officer, unb64u(subject["bundle_id"], 16), int(answer.own["place"]), answer.officer, answer.signature,
        now=now,
    )  # fmt: skip


def lower_with(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    place: int,
    second: str,
    signature: bytes,
    *,
    now: int,
) -> None:
    """Lower a flag with the signature of a second officer or of the deputy over the lowered entry."""

    def change(places: list[Record | None], agencies: Sequence[str], seen: Seen) -> list[Record | None]:
        entry = _lowered_entry(seen, officer.agency, place)
        own = officer.sign(labels.FLAG, *flag_fields(bundle_id, seen.header_digest, entry))
        places[place] = Record(entry, ((officer.handle, own), (second, signature)))
        return places

    _write(office, officer, bundle_id, change, is_raise=False, now=now)


def remark_on_flag(
    office: Office, officer: OfficerSession, bundle_id: bytes, place: int, text: str, *, now: int
) -> None:
    """Answer a flag of another agency with a short signed remark.

    Raises:
        NotFound: no flag stands there.
        LimitExceeded: the remark does not fit into the place's 1,024 bytes.
    """
    officer.require("flag")
    change = _remark(officer, bundle_id, [place], text)
    _write(office, officer, bundle_id, change, is_raise=False, now=now)


def tell_raisers(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    places: Sequence[int],
    text: str,
    *,
    look: Look,
    now: int,
) -> None:
    """Tell whoever raised the flags at these places, by a remark on each, what was done past them.

    It cannot wait for the next day, so it may take one of the versions that are kept for raises.

    Args:
        look: gives the newest flags also to an officer to whom the bundle was not sealed.

    Raises:
        LimitExceeded, QuotaExceeded, Unavailable: they are not told.
    """
    officer.require("flag")
    change = _remark(officer, bundle_id, places, text)
    _write(office, officer, bundle_id, change, is_raise=True, now=now, look=look)


def _remark(officer: OfficerSession, bundle_id: bytes, numbers: Sequence[int], text: str) -> Apply:
    def change(places: list[Record | None], agencies: Sequence[str], seen: Seen) -> list[Record | None]:
        for place in numbers:
            record = places[place] if 0 <= place < PLACES else None
            if record is None:
                raise NotFound("there is no flag at this place")
            said = remark_fields(bundle_id, seen.header_digest, record.entry, text)
            remark = (officer.handle, text, officer.sign(labels.FLAG_REMARK, *said))
            places[place] = Record(record.entry, record.signatures, (*record.remarks, remark))
        return places

    return change


def rewrite(office: Office, officer: OfficerSession, bundle_id: bytes, *, now: int) -> bool:
    """Write the register once more unchanged; False when the day's quota does not allow it, which is no error."""
    try:
        _write(office, officer, bundle_id, lambda places, agencies, seen: places, is_raise=False, now=now)
    except QuotaExceeded:
        return False
    return True


def rewrite_at_random(office: Office, officer: OfficerSession, *, now: int, chance: int = 24) -> list[bytes]:
    """Called about once an hour while an officer is signed in: each active bundle is rewritten about once a day."""
    with office.files.session() as db:
        states = ("arrived", "sent")
        query = select(StoredBundle.bundle_id).where(StoredBundle.state.in_(states), StoredBundle.tag_key.is_not(None))
        candidates = list(db.scalars(query))
    chosen = [one for one in candidates if secrets.randbelow(chance) == 0]
    return [one for one in chosen if rewrite(office, officer, one, now=now)]


# ---- Writing a version ------------------------------------------------------------------------------------------


def _write(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    change: Apply,
    *,
    is_raise: bool,
    now: int,
    look: Look | None = None,
    random_bytes: Random = os.urandom,
) -> Version:
    """Fetch the newest version, change it, sign the next, send it; begin again when another came first."""
    for _ in range(TRIES):
        arrivals.take_register(office, bundle_id, now=now)
        seen: Seen = preview(office, officer, bundle_id, now=now) if look is None else look()
        with office.files.session() as db:
            _require_quota(db, bundle_id, is_raise, now)
            before, places = read_register(db, office, bundle_id, seen.r, now=now)
            agencies = arrivals.parties(db, arrivals.get_stored(db, bundle_id))
        made = change(list(places), agencies, seen)
        version = sign_version(officer, officer.handle, seen.r, bundle_id, seen.header_digest, before, made)
        try:
            _send(office, version, tag_of(tag_key(seen.r), "", version.version), now, random_bytes)
        except RegisterStale:
            follow.follow_log(office, now=now)
            continue
        return version
    raise Conflict("others are writing to this register at the moment; try again")


def _require_quota(db: Session, bundle_id: bytes, is_raise: bool, now: int) -> None:
    day = now - now % DAY_SECONDS
    made = db.scalar(
        select(func.count()).select_from(RegisterRow).where(
            RegisterRow.bundle_id == bundle_id, RegisterRow.made_here_at >= day, RegisterRow.version > 1
        )
    )  # fmt: skip
    if versions_left(made or 0, is_raise=is_raise) < 1:
        raise QuotaExceeded("this agency has written as many versions of this register today as it may")


def _send(office: Office, version: Version, tag: bytes, now: int, random_bytes: Random) -> None:
    salt = random_bytes(SALT_BYTES)
    answer = office.client.post_register(version.bundle_id, version_value(version, salt, tag))
    index = integer_of(answer, "index")
    follow.check_proof(office, text_of(answer, "proof"), event_entry(tag, salt, version.event), index)
    follow.follow_log(office, now=now)
    with office.files.session() as db:
        arrivals.require_entry(db, index, event_entry(tag, salt, version.event))
        arrivals.keep_version(db, version, salt, tag, index, made_here_at=now)


def version_value(version: Version, salt: bytes, tag: bytes) -> dict[str, Any]:
    """A register version as it is sent."""
    return {
        "version": version.version,
        "previous": b64u(version.previous),
        "box": b64u(version.box),
        "officer": version.officer,
        "signature": b64u(version.signature),
        "salt": b64u(salt),
        "tag": b64u(tag),
    }


def list_flags(office: Office, officer: OfficerSession, bundle_id: bytes, *, now: int) -> tuple[Mapping[str, Any], ...]:
    """Flags of a bundle as this desk knows them, lowered ones included."""
    return preview(office, officer, bundle_id, now=now).flags
