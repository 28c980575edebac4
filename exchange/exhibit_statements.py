"""The custody of one exhibit as a paper states it, outside of any evidence pack."""

from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from custody.holdings import CLOSED, ENDING, REFUSED
from errors import NotFound
from evidence import exhibits, holdings, intake
from evidence.holdings import Chain, Recorded
from evidence.statements import (
    CustodyStatement,
    ProofState,
    StatementEvent,
    StatementExhibit,
    StatementFile,
    StatementHolding,
    proof_words,
)
from exchange import filing
from exchange.confirmations import CONFIRMED, LOGGED, SIGNED, UNPROVEN, Confirmations
from exchange.office import Office

_PROOF = {
    SIGNED: ProofState.SIGNED, LOGGED: ProofState.LOGGED, CONFIRMED: ProofState.CONFIRMED,
    UNPROVEN: ProofState.NOT_PROVEN,
}  # fmt: skip


def state_custody(
    office: Office, officer: OfficerSession, case_id: bytes, object_id: bytes, *, now: int
) -> CustodyStatement:
    """What a paper says of the custody of an exhibit, as this desk knows it.

    Raises:
        NotFound, NotPermitted
    """
    with office.files.session() as db:
        found = exhibits.get_exhibit(db, officer, case_id, object_id)
        proofs = Confirmations(db, office)
        chains = holdings.chains(db, officer, case_id, object_id)
        seen = office.seen(db)
        made = StatementExhibit(
            1, found.local_number, found.root_number, found.description, _files(db, officer, case_id, found),
            tuple(_holding(one, chains, proofs) for one in chains),
            "" if chains else "No custody is known of this exhibit.",
        )  # fmt: skip
        handle = cases.get_case(db, officer, case_id).handle
    events = [event for one in chains for event in one.events]
    confirmed = sum(proofs.of_entry(one.log_index).state == CONFIRMED for one in events)
    return CustodyStatement(
        object_id.hex(), office.agency, handle, now, seen.origin, seen.size, seen.root.hex(),
        f"{confirmed} of {len(events)} entries are confirmed by enough agencies", (made,), (),
    )  # fmt: skip


def _files(
    db: Session, officer: OfficerSession, case_id: bytes, found: exhibits.Exhibit
) -> tuple[StatementFile, ...]:  # fmt: skip
    listed = []
    filed = {} if found.is_own else {one.file_id: one for one in filing.list_filed(db, officer, case_id)}
    for number, file in enumerate(found.files, 1):
        label = f"{found.local_number}.{number}"
        if file in filed:
            item = filed[file]
            listed.append(
                StatementFile(label, item.size_bytes, item.sha256.hex(), item.media_type, "the agency that sent it")
            )
            continue
        try:
            stored = intake.get_file(db, officer, case_id, file)
        except NotFound:
            continue
        listed.append(
            StatementFile(label, stored.size_bytes, stored.sha256.hex(), stored.media_type, "its intake here")
        )
    return tuple(listed)


def _holding(chain: Chain, chains: list[Chain], proofs: Confirmations) -> StatementHolding:
    first, last = chain.events[0].event, chain.events[-1].event
    giver = next(
        (one.holding.hex() for one in chains for event in one.events if event.event.digest == first.prev), None
    )  # fmt: skip
    return StatementHolding(
        chain.holding.hex(), chain.agency, tuple(_event(one, proofs) for one in chain.events), giver,
        last.action not in (CLOSED, REFUSED, *ENDING),
    )  # fmt: skip


def _event(one: Recorded, proofs: Confirmations) -> StatementEvent:
    body, standing = one.event.body, proofs.of_event(one)
    tool = body["tool"]
    return StatementEvent(
        one.event.number, int(body["at"]), one.event.agency, one.event.statement.signers, one.event.action,
        body["place"] or "", body["reason"] or "", "" if tool is None else f"{tool['name']} {tool['version']}".strip(),
        body["seal"] or "", body["supersedes"], one.log_index,
        proof_words(_PROOF.get(standing.state, ProofState.MISMATCH), standing.confirmed, standing.of),
    )  # fmt: skip
