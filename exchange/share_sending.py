"""From a draft that was checked to bundles at the broker: seal, send, and go on where it stopped."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from agencies import own_papers
from agencies.members import OfficerSession
from crypto.header import parse_header
from errors import HalfKeyExpired, HandleUsed
from exchange import arrivals, ciphertext, composition, delivery, inquiries, notes, share_drafts, sharing
from exchange.composition import Composition
from exchange.office import Office
from exchange.share_drafts import REASON, Draft

SEALING: Final = "seal"
SENDING: Final = "send"
Tell = Callable[[str, int, int], object]  # phase, parts done, parts in all


def run(office: Office, officer: OfficerSession, draft: Draft, *, now: Callable[[], int], tell: Tell) -> list[bytes]:
    """Seal and send every bundle of a draft; their ids. It may be begun again after any interruption.

    Args:
        draft: as it was saved, with `is_sending`.
        tell: progress in parts of 8 MiB.

    Raises:
        see `delivery.seal` and `delivery.send`. What was sealed stays so, and the draft stays with it.
    """
    for at, made, approval in _wanted(office, officer, draft, now=now()):
        if at in draft.sealed:
            continue
        bundle_id = seal(office, officer, made, approval, draft.reason, now=now(), tell=tell)
        draft = _note(office, officer, replace(draft, sealed={**draft.sealed, at: bundle_id}), now=now())
    for agency, bundle_id in draft.sealed.items():
        try:
            send(office, bundle_id, now=now(), tell=tell)
        except (HalfKeyExpired, HandleUsed):
            sealed = {name: one for name, one in draft.sealed.items() if name != agency}
            _note(office, officer, replace(draft, sealed=sealed), now=now())
            raise
    _finish(office, officer, draft)
    return list(draft.sealed.values())


def _wanted(
    office: Office, officer: OfficerSession, draft: Draft, *, now: int
) -> Sequence[tuple[str, Composition, bytes | None]]:
    with office.files.session() as db:
        if draft.asked:
            return [
                (one.agency, composition.load_draft(db, officer, one.made), one.approval)
                for one in draft.asked
                if one.agency not in draft.sealed
            ]
        rest = replace(draft, recipients=tuple(one for one in draft.recipients if one.agency not in draft.sealed))
        return [(one.agencies[0], one, None) for one in share_drafts.compose(db, office, officer, rest, now=now)]


def seal(
    office: Office, officer: OfficerSession, made: Composition, approval: bytes | None, reason: str, *, now: int,
    tell: Tell,
) -> bytes:  # fmt: skip
    """Seal one bundle; it waits to be sent."""
    part = ciphertext.PART_BYTES
    bundle_id = delivery.seal(
        office, officer, made, sharing.sources(office, officer, made), now=now, approval_id=approval,
        progress=lambda done, total: tell(SEALING, -(-done // part), ciphertext.part_count(total)),
    )  # fmt: skip
    with office.files.session() as db:
        inquiries.note_sent(db, made, bundle_id, now=now)
        if reason:
            note = notes.note_of(db, officer, made.case_id, bundle_id)
            notes.keep_note(db, officer, made.case_id, bundle_id, {**note, REASON: reason})
    return bundle_id


def send(office: Office, bundle_id: bytes, *, now: int, tell: Tell) -> delivery.Receipt:
    """Send a sealed bundle, or the parts of it that are missing at the broker."""
    return delivery.send(office, bundle_id, now=now, progress=lambda done, total: tell(SENDING, done, total))


def part_count(office: Office, bundle_id: bytes) -> int:
    """Parts of a bundle at this desk."""
    with office.files.session() as db:
        return ciphertext.part_count(parse_header(arrivals.get_stored(db, bundle_id).header).payload_bytes)


def _note(office: Office, officer: OfficerSession, draft: Draft, *, now: int) -> Draft:
    with office.files.session() as db:
        return share_drafts.save(db, officer, draft, now=now)


def _finish(office: Office, officer: OfficerSession, draft: Draft) -> None:
    with office.files.session() as db:
        for one in draft.asked:
            composition.delete_draft(db, officer, one.made)
        if draft.draft_id is not None:
            own_papers.drop(db, officer, draft.draft_id)
