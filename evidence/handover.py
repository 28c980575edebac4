"""Handing an exhibit over with a signature of each side: offer, acceptance or refusal, closing (docs/protocol.md 8).

The documents of a handover are the giver's whole holding and the receiver's first event. Their signatures and places
in the log are checked by the caller (exchange/handing_over.py); here are the rules of custody.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import AGENCY, IDENTIFIER_BYTES
from custody import outbox
from custody.checkpoint import Checkpoint
from custody.holdings import ACCEPTED, CLOSED, OFFERED, REFUSED, CustodyEvent, check_chain, check_handover
from custody.models import OwnEvent
from errors import CustodyBroken, FormatError, NotFound, NotPermitted
from evidence import holdings
from evidence.exhibits import get_exhibit
from evidence.intake import get_file

LONGEST_SEAL: Final = 200
Random = Callable[[int], bytes]


def offer(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    object_id: bytes,
    to_agency: str,
    *,
    seal: str | None,
    place: str,
    reason: str,
    seen: Checkpoint,
    now: int,
    random_bytes: Random = os.urandom,
) -> OwnEvent:
    """Offer an exhibit that this agency holds. Until the answer, nothing else is done with it.

    Raises:
        NotFound: it is not with this agency.
        CustodyBroken: an offer is open already.
    """
    officer.require("handover")
    if not AGENCY.match(to_agency) or to_agency == officer.agency:
        raise FormatError("an exhibit is handed over to another agency")
    holding = holdings.open_holding(db, officer, case_id, object_id)
    exhibit = get_exhibit(db, officer, case_id, object_id)
    outputs = holdings.outputs(
        (one, get_file(db, officer, case_id, one).sha256) for one in exhibit.files
    ) if exhibit.is_own else _known_outputs(db, officer, case_id, object_id)  # fmt: skip
    return holdings.append_event(
        db, officer, case_id, holding, action=OFFERED, to_agency=to_agency,
        to_holding=b64u(random_bytes(IDENTIFIER_BYTES)), seal=seal, place=place, reason=reason, outputs=outputs,
        seen=seen, now=now,
    )  # fmt: skip


def _known_outputs(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> list[dict[str, str]]:
    bodies = [one.event.body for chain in holdings.chains(db, officer, case_id, object_id) for one in chain.events]
    return holdings.latest_outputs(bodies)


def answer(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    giver: Sequence[CustodyEvent],
    *,
    accept: bool,
    seal: str | None,
    files: Sequence[tuple[bytes, bytes]],
    place: str,
    reason: str,
    seen: Checkpoint,
    now: int,
) -> OwnEvent:
    """Take an offered exhibit, or refuse it: event number 0 of the holding that the offer names.

    Args:
        giver: the giver's holding up to the offer, signatures and log checked.
        seal: the seal as it was found.
        files: file ids and SHA-256 as they were found.

    Raises:
        NotPermitted: it was offered to another agency.
        CustodyBroken: there is no open offer; or seal or digests are not those that were offered (refuse it then).
        Conflict: it was answered before.
    """
    officer.require("handover")
    chain = check_chain(list(giver))
    offered = chain.open_offer
    if offered is None:
        raise CustodyBroken("nothing is offered here")
    if offered.body["to_agency"] != officer.agency:
        raise NotPermitted("this exhibit was offered to another agency")
    found = holdings.outputs(files)
    if accept and (seal != offered.body["seal"] or not _is_same(found, offered.body["outputs"])):
        raise CustodyBroken("seal or files are not those that were offered; refuse it and say what you found")
    holding = unb64u(offered.body["to_holding"], IDENTIFIER_BYTES)
    if outbox.own_events(db, "holding", holding):
        raise CustodyBroken("this offer was answered before")
    holdings.start(
        db, officer, case_id, offered.object_id, holding=holding, action=ACCEPTED if accept else REFUSED,
        prev=b64u(offered.digest), seal=offered.body["seal"] if accept else seal,
        outputs=offered.body["outputs"] if accept else found, place=place, reason=reason, seen=seen, now=now,
    )  # fmt: skip
    return outbox.own_events(db, "holding", holding)[0]


def _is_same(found: Sequence[dict[str, str]], offered: Sequence[dict[str, str]]) -> bool:
    """Whether the same files with the same digests are named, in any order."""
    return sorted(found, key=lambda one: one["file"]) == sorted(offered, key=lambda one: one["file"])


def close(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    receiver: CustodyEvent,
    *,
    seen: Checkpoint,
    now: int,
) -> OwnEvent:
    """Close a handover that the receiver accepted; a refusal leaves the holding open and is noted.

    Args:
        receiver: the first event of the receiver's holding, signature and log checked.

    Raises:
        CustodyBroken: it answers no offer of ours, or names another seal or other files.
        NotFound
    """
    officer.require("handover")
    for chain in holdings.chains(db, officer, case_id, receiver.object_id):
        offers = [one.event for one in chain.events if one.event.digest == receiver.prev]
        if chain.agency != officer.agency or not offers:
            continue
        check_handover(chain.check(), check_chain([receiver]))
        if receiver.action != ACCEPTED:
            return holdings.append_event(
                db, officer, case_id, chain.holding, action="correction", reason="the offer was refused",
                supersedes=offers[0].number, seen=seen, now=now,
            )  # fmt: skip
        return holdings.append_event(
            db, officer, case_id, chain.holding, action=CLOSED, counterpart=b64u(receiver.digest),
            reason="handed over", seen=seen, now=now,
        )  # fmt: skip
    raise NotFound("this answers no offer of this agency")
