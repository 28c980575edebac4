"""The printed custody statement of a pack, made from the same events that the pack holds."""

from collections.abc import Iterator, Mapping
from typing import Any

from crypto.encoding import b64
from custody.checkpoint import open_checkpoint
from custody.events import parse_event
from custody.holdings import parse_custody_event
from custody.policy import parse_trust
from custody.proofs import parse_proof
from evidence import pack_list
from evidence.archive import Digests
from evidence.pack_custody import Chain, follow_chain
from evidence.pack_input import PackBundle, PackHolding, PackInput
from evidence.pack_list import ExhibitFile, ListedExhibit, PackList
from evidence.pack_log import confirmations
from evidence.statements import (
    CustodyStatement,
    ProofState,
    StatementEvent,
    StatementExhibit,
    StatementFile,
    StatementHolding,
    proof_words,
)


def custody_statement(given: PackInput, listed: PackList, digests: Mapping[str, Digests]) -> CustodyStatement:
    """The statement's content.

    Args:
        given: what the pack is made of.
        listed: its list, complete but for `files`.
        digests: of the exhibits' files, by path.

    Raises:
        AmparoError: the checkpoint or the trust file does not hold.
    """
    trust = parse_trust(given.trust)
    signed = open_checkpoint(given.checkpoint, trust.log_keys(given.log))
    confirmed, agencies = confirmations(trust, signed)
    state = ProofState.CONFIRMED if confirmed else ProofState.LOGGED
    proof = proof_words(state, confirmed, agencies)
    chains = {one.holding: follow_chain(one, given.log) for one in given.holdings}
    holdings = {one.holding: _holding(one, chains, given, proof) for one in given.holdings}
    senders = {one.bundle_id: one for one in given.bundles}
    return CustodyStatement(
        given.pack.hex(),
        given.agency,
        given.case,
        given.made_at,
        given.log,
        signed.checkpoint.size,
        b64(signed.checkpoint.root),
        proof,
        tuple(_exhibit(exhibit, holdings, senders, digests, given.log) for exhibit in listed.exhibits),
        tuple(gap.text for gap in listed.gaps),
        tuple(pack_list.disclosed_words(one) for one in given.disclosed),
    )


def _exhibit(
    exhibit: ListedExhibit,
    holdings: Mapping[bytes, StatementHolding],
    bundles: Mapping[bytes, PackBundle],
    digests: Mapping[str, Digests],
    log: str,
) -> StatementExhibit:
    files = tuple(
        StatementFile(
            file.path,
            digests[file.path].size_bytes,
            digests[file.path].sha256.hex(),
            file.media_type,
            _origin(file, bundles, log),
        )
        for file in exhibit.files
    )
    return StatementExhibit(
        exhibit.number,
        exhibit.local_number,
        exhibit.root_number,
        exhibit.description,
        files,
        tuple(holdings[holding] for holding in exhibit.holdings if holding in holdings),
        "" if exhibit.holdings else "No custody of this exhibit is on record.",
    )


def _origin(file: ExhibitFile, bundles: Mapping[bytes, PackBundle], log: str) -> str:
    """Where the digest of a file is proven, in words."""
    if file.bundle is not None:
        deposited = parse_event(bundles[file.bundle].deposited.statement, log=log)
        return f"Bundle sealed by {deposited.officer}"
    return "Entry of custody" if file.proof == "custody" else "Not proven"


def _holding(holding: PackHolding, chains: Mapping[bytes, Chain], given: PackInput, proof: str) -> StatementHolding:
    chain = chains[holding.holding]
    givers = {digest: one.holding for one in chains.values() for digest in one.offers}
    came_from = givers.get(chain.origin) if chain.origin is not None else None
    note = ""
    if chain.origin is not None and came_from is None:
        note = "What happened before the handover is not in the pack."
    elif chain.agency != given.agency and not chain.is_closed:
        note = f"What {chain.agency} recorded after this is not in the pack."
    return StatementHolding(
        holding.holding.hex(),
        holding.agency,
        tuple(_events(holding, given.log, proof)),
        came_from.hex() if came_from else None,
        not chain.is_closed,
        note,
    )


def _events(holding: PackHolding, log: str, proof: str) -> Iterator[StatementEvent]:
    for one in holding.events:
        event = parse_custody_event(one.statement, log=log)
        body = event.body
        yield StatementEvent(
            event.number,
            body["at"],
            event.agency,
            event.statement.signers,
            event.action,
            body["place"] or "",
            body["reason"] or "",
            _tool(body["tool"]),
            body["seal"] or "",
            body["supersedes"],
            parse_proof(one.proof).index,
            proof,
        )


def _tool(tool: Any) -> str:
    """Name and version of a tool; what has another form is not printed."""
    if isinstance(tool, dict) and isinstance(tool.get("name"), str):
        return f"{tool['name']} {tool.get('version') or ''}".strip()
    return ""
