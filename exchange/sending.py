"""From a draft to a bundle on its way: what a page or a command does when an officer says "seal and send"."""

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from exchange import composition, delivery, inquiries, policy, sharing
from exchange.composition import Composition
from exchange.delivery import Receipt
from exchange.models import Draft
from exchange.office import Office

Progress = Callable[[int, int], object]


def keep_draft(db: Session, office: Office, officer: OfficerSession, made: Composition, *, now: int) -> bytes:
    """Keep a composition as a draft, if it could be sealed as it is; the draft's id.

    Raises:
        ConsentMissing: something of it rests on no consent; better said now than when it is sealed.
        FormatError: a term of the cover has signs that no cover takes.
    """
    made = composition.parse_composition(made.dump())
    policy.require_consent(made, office.directory(db).agency(office.agency).type, delivery.day_of(now))
    return composition.save_draft(db, officer, made, now=now)


def drafts_of(db: Session, officer: OfficerSession, kinds: Sequence[str]) -> list[tuple[Draft, Composition]]:
    """Drafts of these kinds in the cases of an officer, the newest first."""
    found = [
        (row, composition.load_draft(db, officer, row.draft_id))
        for case in cases.list_cases(db, officer, select(Draft.case_id))
        for row in composition.list_drafts(db, officer, case.case_id)
    ]
    return sorted((one for one in found if one[1].kind in kinds), key=lambda one: -one[0].changed_at)


def seal_draft(
    office: Office,
    officer: OfficerSession,
    draft_id: bytes,
    *,
    approval_id: bytes | None = None,
    now: int,
    progress: Progress = delivery.ignore_progress,
) -> bytes:
    """Seal a draft, and note what was asked or answered with it; the bundle's id. The draft is gone then.

    Raises:
        see `delivery.seal`.
    """
    with office.files.session() as db:
        made = composition.load_draft(db, officer, draft_id)
    bundle_id = seal(office, officer, made, approval_id=approval_id, now=now, progress=progress)
    with office.files.session() as db:
        composition.delete_draft(db, officer, draft_id)
    return bundle_id


def seal(
    office: Office,
    officer: OfficerSession,
    made: Composition,
    *,
    approval_id: bytes | None = None,
    now: int,
    progress: Progress = delivery.ignore_progress,
) -> bytes:
    """Seal a composition with the files of its case, and note what was asked or answered with it; the bundle's id."""
    bundle_id = delivery.seal(
        office, officer, made, sharing.sources(office, officer, made), now=now, approval_id=approval_id,
        progress=progress,
    )  # fmt: skip
    with office.files.session() as db:
        inquiries.note_sent(db, made, bundle_id, now=now)
    return bundle_id


def send(
    office: Office, bundle_id: bytes, *, now: int, progress: Progress = delivery.ignore_progress
) -> Receipt | None:
    """Send what was sealed, or go on where it stopped.

    Raises:
        Unavailable: the broker cannot be reached; what was sealed stays here and is sent later.
    """
    return delivery.send(office, bundle_id, now=now, progress=progress)
