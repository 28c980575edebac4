"""What an evidence pack is made of, gathered out of a case: exhibits, custody, bundles, certificates, proofs."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from agencies.members import OfficerSession
from crypto.statements import parse_statement
from custody.checkpoint import open_checkpoint
from custody.policy import parse_trust
from errors import PackNotReady
from evidence import exhibits, holdings, pack_list
from evidence.pack_input import (
    PackBundle,
    PackCertificate,
    PackEvent,
    PackExhibit,
    PackFile,
    PackHolding,
    PackInput,
)
from evidence.pack_list import Disclosed, Gap
from evidence.pack_signers import needed_entries
from exchange import court_files, handle_keys
from exchange.arrivals import get_stored, list_events
from exchange.models import DirectoryRow, HandleOrder, HandleUse, PackNumber, StoredBundle
from exchange.office import Office
from exchange.pack_proofs import Prover, confirmed_checkpoint

WITHDRAWN: Final = "The person concerned has withdrawn the consent on which exhibit {number} rested."
CALLED_BACK: Final = "Exhibit {number} was withdrawn by the agency that provided it."


def gather(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    *,
    pack: bytes,
    reference: str,
    under: str | None,
    disclosed: Sequence[Disclosed],
    now: int,
) -> tuple[PackInput, dict[str, court_files.FileSource]]:
    """Everything that `plan_pack` takes, and where each exhibit's file is read from.

    Args:
        pack: the new pack's id.
        under: a legal ground, for what is kept under it past an order to delete.
        disclosed: earlier packs that were shown.

    Raises:
        PackNotReady
    """
    with office.files.session() as db:
        note, trust = confirmed_checkpoint(db, office)
        found = exhibits.list_exhibits(db, officer, case_id)
        numbers = _number(db, case_id, [one.object_id for one in found])
        chains = {one.object_id: holdings.chains(db, officer, case_id, one.object_id) for one in found}
        files = {one.object_id: court_files.find_files(db, officer, case_id, one, under) for one in found}
        directory = [
            (row.log_index, row.statement) for row in db.scalars(select(DirectoryRow).order_by(DirectoryRow.log_index))
        ]
        log = office.log(db).origin
        is_consent = not _is_called_back(db, case_id)
    size = open_checkpoint(note, parse_trust(trust).log_keys(log)).checkpoint.size
    listed: list[PackExhibit] = []
    gaps: list[Gap] = []
    sources: dict[str, court_files.FileSource] = {}
    used: list[holdings.Chain] = []
    for exhibit in sorted(found, key=lambda one: numbers[one.object_id]):
        number = numbers[exhibit.object_id]
        here = files[exhibit.object_id]
        if here is None:
            gaps.append(_gap(number, is_consent=is_consent))
            continue
        used += chains[exhibit.object_id]
        listed.append(_exhibit(office, officer, case_id, exhibit, number, chains[exhibit.object_id], here, sources))
    prove = Prover(office, note, size)
    bundles = {one.bundle_id for one in sources.values() if one.bundle_id is not None}
    with office.files.session() as db:
        rows = [_bundle(db, bundle_id) for bundle_id in sorted(bundles)]
    pack_bundles = tuple(
        PackBundle(bundle_id, header, signature, PackEvent(statement, salt, prove(index)))
        for bundle_id, header, signature, statement, salt, index in rows
    )
    pack_holdings = tuple(
        PackHolding(
            one.holding, one.object_id, one.agency,
            tuple(PackEvent(event.statement, event.salt, prove(event.log_index)) for event in one.events),
        )
        for one in used
    )  # fmt: skip
    handles = _signers(pack_holdings, pack_bundles) | {officer.handle} | _officers(office)
    wanted = needed_entries([one for one in directory if one[0] < size], handles, office.agency)
    statements = dict(directory)
    given = PackInput(
        pack, office.agency, log, now, reference, (1, max(numbers.values(), default=1)),
        tuple(listed), pack_holdings, pack_bundles,
        tuple(PackCertificate(index, statements[index], prove(index)) for index in wanted),
        note, trust, tuple(gaps), tuple(disclosed),
    )  # fmt: skip
    return given, sources


def _gap(number: int, *, is_consent: bool) -> Gap:
    text = WITHDRAWN if is_consent else CALLED_BACK
    return Gap("consent" if is_consent else "other", text.format(number=number), number=number)


def _is_called_back(db: Session, case_id: bytes) -> bool:
    """Whether a bundle of this case was withdrawn by its own place, without a person's word (docs/protocol.md 7).

    Which exhibit came in which bundle is deleted with it. So the pack says of a person that she has withdrawn only
    where nothing of the case was withdrawn otherwise. Behind a consent's place stand spares that were dealt; behind the
    bundle's own there are none.
    """
    spare = aliased(HandleUse)
    is_dealt = select(spare.handle).where(
        spare.bundle_id == HandleUse.bundle_id, spare.role == handle_keys.GIVEN, spare.parent_handle == HandleUse.handle
    )
    query = (
        select(HandleUse.handle)
        .join(HandleOrder, HandleOrder.handle == HandleUse.handle)
        .join(StoredBundle, StoredBundle.bundle_id == HandleUse.bundle_id)
        .where(
            HandleOrder.kind == "handle-destroyed", HandleUse.role == handle_keys.HEADER,
            StoredBundle.case_id == case_id, StoredBundle.direction == "in", ~is_dealt.exists(),
        )
    )  # fmt: skip
    return db.scalar(query.limit(1)) is not None


def _number(db: Session, case_id: bytes, objects: Sequence[bytes]) -> dict[bytes, int]:
    """The pack numbers of a case's exhibits; new ones get the next."""
    rows = db.scalars(select(PackNumber).where(PackNumber.case_id == case_id))
    numbers = {row.object_id: row.number for row in rows}
    last = db.scalar(select(func.max(PackNumber.number)).where(PackNumber.case_id == case_id)) or 0
    for object_id in objects:
        if object_id not in numbers:
            last += 1
            numbers[object_id] = last
            db.add(PackNumber(case_id=case_id, number=last, object_id=object_id))
    db.flush()
    return numbers


def _exhibit(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    exhibit: exhibits.Exhibit,
    number: int,
    chains: Sequence[holdings.Chain],
    files: Sequence[court_files.FileSource],
    sources: dict[str, court_files.FileSource],
) -> PackExhibit:
    listed = []
    for place, one in enumerate(files, 1):
        made = PackFile(
            one.file_id, one.extension, one.media_type, f"{exhibit.local_number}.{place}",
            court_files.reader(office, officer, case_id, one), one.contents,
        )  # fmt: skip
        sources[pack_list.exhibit_path(number, made.file, made.extension)] = one
        listed.append(made)
    return PackExhibit(
        number, exhibit.object_id, exhibit.root_number, exhibit.local_number, exhibit.description, "used",
        tuple(sorted(listed, key=lambda one: pack_list.exhibit_path(number, one.file, one.extension).encode())),
        tuple(one.holding for one in chains),
    )  # fmt: skip


def _bundle(db: Session, bundle_id: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes, int]:
    """Id, header, signature; statement, salt and log index of its `deposited` event."""
    row = get_stored(db, bundle_id)
    deposited = list_events(db, bundle_id, "deposited")
    if not deposited:
        raise PackNotReady("the record of a bundle is not here yet; sync, then build it again")
    one = deposited[0]
    return bundle_id, row.header, row.signature, one.statement, one.salt, one.log_index


def _signers(chains: Iterable[PackHolding], bundles: Iterable[PackBundle]) -> set[str]:
    """Role handles that signed anything of the pack."""
    found: set[str] = set()
    for chain in chains:
        for event in chain.events:
            found |= set(parse_statement(event.statement).signers)
    for bundle in bundles:
        found |= set(parse_statement(bundle.deposited.statement).signers)
    return found


def _officers(office: Office) -> set[str]:
    """Officers of this agency: two of them sign."""
    with office.files.session() as db:
        return {one.subject for one in office.directory(db).officers(office.agency)}
