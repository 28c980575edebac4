"""What flags forbid with material that came in bundles: to export it, to pass it on to a third agency (guarantee G6).

A case holds filed items, adopted exhibits and what it sent itself. For each, the bundles that it came or went in are
found, and the newest register of each is read before anything leaves (docs/protocol.md 5).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import verify_header
from crypto.sealing import tag_key
from errors import NotFound, NotPermitted, RegisterInvalid, Unavailable
from exchange import arrivals, filing, follow, notes, policy
from exchange.composition import Composition, parse_composition
from exchange.models import BundleNote, StoredBundle
from exchange.office import Office
from exchange.reading import find_own_stanza, flag_values, read_register
from identity import consent, flags
from identity.models import PersonFlag

Notice = Callable[[str], object]
OLD_FLAGS: Final = (
    "The broker cannot be reached: flags are those that this desk knew at its last sync. One raised since is not seen."
)


def ignore_notice(text: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The flags of a bundle in the newest register at this desk.

    Attributes:
        sender: the agency that sent it.
        r: secret of its parties.
        flags: as `Preview.flags`.
    """

    bundle_id: bytes
    header_digest: bytes
    sender: str
    r: bytes = field(repr=False)
    flags: tuple[Mapping[str, Any], ...] = field(repr=False)


# ---- Which bundles ----------------------------------------------------------------------------------------------


def bundles_behind(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes, objects: Iterable[bytes],
    files: Iterable[bytes] = (),
) -> set[bytes]:  # fmt: skip
    """Bundles of other agencies out of which the case has these exhibits or files."""
    exhibits, wanted = set(objects), set(files)
    found = {
        item.bundle_id
        for item in filing.list_filed(db, officer, case_id)
        if item.file_id in wanted or item.object_id in exhibits
    }
    for bundle_id, note in notes.notes_of_case(db, officer, case_id):
        if exhibits & {unb64u(one) for one in note.get(notes.EXHIBITS, [])}:
            found.add(bundle_id)
    return {one for one in found if arrivals.get_stored(db, one).sender_agency != office.agency}


def bundles_with(db: Session, officer: OfficerSession, case_id: bytes, objects: Collection[bytes]) -> set[bytes]:
    """Bundles in which this case's own team has sent these exhibits."""
    found = set()
    for bundle_id, note in notes.notes_of_case(db, officer, case_id):
        if note.get(notes.COMPOSITION) is None or arrivals.get_stored(db, bundle_id).log_index is None:
            continue
        form = parse_composition(unb64u(note[notes.COMPOSITION])).form
        if set(objects) & {unb64u(one["object"]) for one in form.get("exhibits", [])}:
            found.add(bundle_id)
    return found


# ---- Their flags ------------------------------------------------------------------------------------------------


def ask_newest(office: Office, bundles: Iterable[bytes], *, now: int) -> None:
    """Fetch the newest register of each.

    Raises:
        Unavailable: the broker cannot be reached.
        RegisterInvalid: the broker keeps a version back that stands in the log, or one is not as it has to be.
    """
    wanted = sorted(bundles)
    if wanted:
        follow.follow_log(office, now=now)
    for bundle_id in wanted:
        with suppress(NotFound):  # it is over at the broker; the log, asked next, says whether a version is missing
            arrivals.take_register(office, bundle_id, now=now)
        if any(one.startswith("register ") for one in arrivals.check_tags(office, bundle_id, now=now)):
            raise RegisterInvalid("the log holds a newer version of the flag register than the broker shows")


def standing_of(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes | None, bundle_id: bytes, *, now: int
) -> Standing:
    """The flags of a bundle as this desk has them, for an entitled officer or the team of a case that holds of it.

    Raises:
        NotEntitled: neither.
        RegisterInvalid: no version was ever fetched, or one is not as it has to be.
    """
    row = arrivals.get_stored(db, bundle_id)
    r = _parties_key(db, office, officer, case_id, row)
    if row.tag_key is None:
        row.tag_key = tag_key(r)
    _, records = read_register(db, office, bundle_id, r, now=now)
    return Standing(bundle_id, row.header_digest, row.sender_agency, r, flag_values(records))


def _parties_key(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes | None, row: StoredBundle
) -> bytes:
    if case_id is not None and db.get(BundleNote, (row.bundle_id, case_id)) is not None:
        kept = notes.note_of(db, officer, case_id, row.bundle_id).get(notes.PARTIES_KEY)
        if kept is not None:
            return unb64u(kept, 32)
    stanza, _ = find_own_stanza(db, office, officer, verify_header(row.header, row.signature), row)
    return stanza.r


# ---- Passing on -------------------------------------------------------------------------------------------------


def require_onward_known(db: Session, office: Office, officer: OfficerSession, made: Composition, *, now: int) -> None:
    """Refuse a composition past a `no-onward-transfer` that this desk knows of. See `require_onward`."""
    found = _behind(db, office, officer, made)
    _require_onward(db, office, officer, made.case_id, found, made.agencies, now)


def require_onward(office: Office, officer: OfficerSession, made: Composition, *, now: int) -> None:
    """Refuse to seal for a third agency what comes out of a bundle with an active `no-onward-transfer`.

    Raises:
        FlagForbids
        Unavailable: the broker cannot be asked for the newest flags.
        NotEntitled, RegisterInvalid: nobody knows what the flags are.
    """
    with office.files.session() as db:
        found = _behind(db, office, officer, made)
    ask_newest(office, found, now=now)
    with office.files.session() as db:
        _require_onward(db, office, officer, made.case_id, found, made.agencies, now)


def require_exhibit_onward(
    office: Office, officer: OfficerSession, case_id: bytes, object_id: bytes, to_agency: str, *, now: int
) -> None:
    """Refuse to hand over to a third agency an exhibit that came in a bundle with an active `no-onward-transfer`.

    Raises:
        see `require_onward`
    """
    with office.files.session() as db:
        found = bundles_behind(db, office, officer, case_id, [object_id])
    ask_newest(office, found, now=now)
    with office.files.session() as db:
        _require_onward(db, office, officer, case_id, found, [to_agency], now)


def _behind(db: Session, office: Office, officer: OfficerSession, made: Composition) -> set[bytes]:
    objects = [unb64u(one["object"]) for one in made.form.get("exhibits", [])]
    named = {one.bundle_id for one in made.parents}
    return named | bundles_behind(db, office, officer, made.case_id, objects, made.files)


def _require_onward(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes, bundles: Iterable[bytes],
    recipients: Iterable[str], now: int,
) -> None:  # fmt: skip
    for bundle_id in sorted(bundles):
        one = standing_of(db, office, officer, case_id, bundle_id, now=now)
        policy.require_onward(one.flags, day(now), recipients=recipients, sender=one.sender)


# ---- Exporting --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Barrier:
    """An active flag that forbids export.

    Attributes:
        key: names this state of this flag; another one, or a later state, has another key.
        standing, place: where it stands; None for a flag of the own vault.
    """

    key: str
    flag: Mapping[str, Any] = field(repr=False)
    standing: Standing | None = field(default=None, repr=False)
    place: int = -1


def barriers(
    office: Office, officer: OfficerSession, case_id: bytes, objects: Collection[bytes], files: Collection[bytes], *,
    now: int, notice: Notice = ignore_notice,
) -> list[Barrier]:  # fmt: skip
    """Flags that forbid to export these exhibits and files of a case.

    Flags of every bundle in which they came or went; and flags on own persons whose consent names one of the exhibits.
    Without the broker, those that this desk has; `notice` says so.

    Raises:
        RegisterInvalid: a register was never fetched, or is not as it has to be.
        NotEntitled: the flags of a bundle cannot be read by this officer.
        NotPermitted: there are flags on own persons, and this officer does not read the vault.
    """
    with office.files.session() as db:
        found = bundles_behind(db, office, officer, case_id, objects, files)
        found |= bundles_with(db, officer, case_id, objects)
    try:
        ask_newest(office, found, now=now)
    except Unavailable:
        notice(OLD_FLAGS)
    with office.files.session() as db:
        standings = [standing_of(db, office, officer, case_id, one, now=now) for one in sorted(found)]
        own = _own_barriers(db, officer, case_id, objects, day(now))
    return own + [one for standing in standings for one in barriers_of(standing, day(now))]


def barriers_of(standing: Standing, today: str) -> list[Barrier]:
    """The flags of one bundle that forbid export."""
    return [
        Barrier(b64u(standing.bundle_id + one["digest"]), one, standing, int(one["place"]))
        for one in policy.forbidding_export(standing.flags, today)
    ]


def _own_barriers(
    db: Session, officer: OfficerSession, case_id: bytes, objects: Collection[bytes], today: str
) -> list[Barrier]:
    query = select(PersonFlag.flag_id).where(PersonFlag.case_id == case_id, PersonFlag.lowered_at.is_(None)).limit(1)
    if db.scalar(query) is None:
        return []
    try:
        records = consent.list_consents(db, officer, case_id)
    except NotPermitted:
        raise NotPermitted(
            "there are flags on persons of this case; somebody of the team who reads the vault has to do this"
        ) from None
    persons = {one.person_id for one in records if set(objects) & set(one.facts.items)}
    found = []
    for one in flags.list_flags(db, officer, case_id):
        value = {**one.value, "state": "lowered" if one.is_lowered else "raised"}
        if one.person_id in persons and policy.forbidding_export([value], today):
            found.append(Barrier(b64u(one.flag_id), value))
    return found


def day(now: int) -> str:
    """The UTC date."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()
