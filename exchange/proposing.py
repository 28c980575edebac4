"""Opening keys again with recovery shares: one administrator proposes, another one signs, the shares carry it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import acts, proposals, succession
from agencies.members import OfficerSession
from agencies.models import Act, Proposal
from agencies.proposals import BUNDLES, CASES
from errors import Conflict, FormatError, NotFound, SetUpUnfinished
from exchange import recovered
from exchange.office import Office

STALE: Final = "another act stands on the record meanwhile; propose this again"


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """Cases that are open again, bundles that were handed on, and codes of errors of bundles that were not."""

    cases: int = 0
    bundles: int = 0
    refused: tuple[tuple[bytes, str], ...] = ()


def propose(
    office: Office, administrator: OfficerSession, what: str, to: Sequence[str], *, of: str | None, now: int
) -> Proposal:
    """Write an act of recovery and sign it as the first of two administrators.

    Args:
        what: `recover-cases` (for one officer) or `recover-bundles`.
        of: whose; None: everything that the recovery key opens.

    Raises:
        NotFound, NotPermitted, KeyUnusable: one of `to` does not work here, or is not certified.
        Conflict: there is nothing to recover.
        FormatError
    """
    administrator.require("administer")
    if what == BUNDLES:
        act = recovered.propose(office, to, of=of, now=now)
    elif what == CASES and len(to) == 1:
        with office.files.session() as db:
            act = succession.propose_recovery(db, office.directory(db), to[0], of=of, now=now)
    else:
        raise FormatError("cases are recovered for one officer at a time")
    with office.files.session() as db:
        signed = acts.sign_act(act, administrator)
        return proposals.add(db, what, administrator.handle, to[0], signed, now=now)


def is_stale(db: Session, row: Proposal) -> bool:
    """Whether another act came first, so that this one fits the record no more."""
    last = db.scalar(select(Act.number).order_by(Act.number.desc()).limit(1))
    return bool(proposals.statement_of(row).value.get("number") != (0 if last is None else last + 1))


def carry_out(
    office: Office,
    administrator: OfficerSession,
    proposal_id: bytes,
    papers: Sequence[str],
    *,
    now: int,
    tell: Callable[[int, int], object] = lambda _done, _total: None,
) -> CarriedOut:
    """Carry a signed act out with the recovery shares on the table.

    Raises:
        SetUpUnfinished: the other administrator has not signed yet.
        KeyUnusable: the shares are too few, or not those of the recovery key.
        Conflict: another act came first.
        NotPermitted: somebody else carries it out than who signed.
    """
    administrator.require("administer")
    with office.files.session() as db:
        row = proposals.get(db, proposal_id)
        if row.kind not in (CASES, BUNDLES):
            raise NotFound("there is no such proposal")
        if row.state == proposals.WAITING:
            raise SetUpUnfinished("the other administrator has not signed yet")
        if row.state != proposals.SIGNED:
            raise Conflict("this is over already")
        if is_stale(db, row):
            raise Conflict(STALE)
        kind, act = row.kind, proposals.statement_of(row)
    tell(0, 1)
    if kind == CASES:
        done = CarriedOut(cases=len(recovered.recover_cases(office, act, papers, now=now)))
    else:
        found = recovered.recover_bundles(office, administrator, act, papers, now=now)
        refused = tuple((one.bundle_id, one.refusal) for one in found if one.refusal)
        done = CarriedOut(bundles=sum(bool(one.given) for one in found), refused=refused)
    with office.files.session() as db:
        proposals.end(db, proposal_id, administrator.handle, now=now)
    return done
