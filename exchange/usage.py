"""Who has opened what rests on a survivor's consent, and why: for her own page and paper."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agencies.members import OfficerSession
from errors import AmparoError, NotEntitled
from exchange import reading, withdrawals
from exchange.handle_keys import handles_of_record
from exchange.office import Office
from identity import consent


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening, as the one who opened stated it."""

    record_id: bytes
    agency: str
    at: int
    purpose: str = field(repr=False)
    legal_basis: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a holder still has after a withdrawal, and under which ground."""

    record_id: bytes
    agency: str
    ground: str = field(repr=False)
    items: int
    is_disclosed: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """What became of consents.

    Attributes:
        sent: bundles that rest on them.
        unread: bundles whose record this officer cannot read, since they were not sealed to her.
        disclosed: agencies that had shown it in court before it was withdrawn.
    """

    sent: int
    openings: tuple[Opening, ...]
    kept: tuple[Kept, ...]
    unread: int
    disclosed: tuple[str, ...]


def usage_of(office: Office, officer: OfficerSession, case_id: bytes, records: Iterable[bytes]) -> Usage:
    """Openings, oldest first, and what was kept, for some consents of one case.

    Raises:
        NotFound, NotPermitted
    """
    openings: list[Opening] = []
    kept: list[Kept] = []
    disclosed: set[str] = set()
    sent = unread = 0
    for record in records:
        with office.files.session() as db:
            consent.get_consent(db, officer, case_id, record)
            uses = handles_of_record(db, record)
        bundles = sorted({use.bundle_id for use in uses if use.role == "header"})
        sent += len(bundles)
        for bundle_id in bundles:
            try:
                openings += _openings(office, officer, record, bundle_id)
            except NotEntitled:
                unread += 1
        if uses:
            for one in withdrawals.status(office, officer, case_id, record):
                is_shown = any(pack["disclosed"] for pack in one["packs"])
                if is_shown:
                    disclosed.add(one["agency"])
                if one["state"] == "kept":
                    kept.append(Kept(record, one["agency"], one["ground"] or "", one["items"], is_shown))
    return Usage(
        sent, tuple(sorted(openings, key=lambda one: one.at)), tuple(kept), unread, tuple(sorted(disclosed))
    )  # fmt: skip


def _openings(office: Office, officer: OfficerSession, record: bytes, bundle_id: bytes) -> list[Opening]:
    """Requests that the broker answered, or may have: what was asked for and not reported back counts as seen."""
    try:
        acts = reading.bundle_record(office, officer, bundle_id)
    except NotEntitled:
        raise
    except AmparoError as error:
        raise NotEntitled from error
    failed = {act.request for act in acts if act.kind == "open-failed"}
    return [
        Opening(
            record, act.agency, act.at, str(act.details.get("purpose", "")), str(act.details.get("legal_basis", ""))
        )
        for act in acts
        if act.kind == "open-requested" and act.agency != office.agency and act.log_index not in failed
    ]
