"""Bundles whose officers are gone: the recovery stanza gives S, which is split again and handed on (protocol 2, 3.3).

Two administrators sign the act, k of n recovery shares lie on the table, and every key that is given stands in the log
as a hand-on by an administrator. Nothing is opened by it: the officer who gets a key asks the broker on the record like
everybody else. With t >= 2 all shares of the agency are new, one for each person; the old ones fit none of them.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import acts, succession
from agencies.members import OfficerSession, get_member
from agencies.rights import has_right
from agencies.succession import RecoveryKey
from crypto.buffers import overwrite_bytes
from crypto.digests import sha256
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES, Header, verify_header
from crypto.opening import Stanza, open_cover, split_again
from crypto.sealing import tag_key
from crypto.statements import Statement
from errors import AmparoError, Conflict, FormatError, KeyUnusable, NotFound, NotPermitted
from exchange import arrivals, follow, handle_keys
from exchange.cover import parse_cover
from exchange.handing_on import Known, handed_on, holders, receiving_key_of, record_hand_on, shares_of
from exchange.models import HandleSecret, StoredBundle
from exchange.office import Office
from exchange.reading import entitled_officers, find_named_stanza
from exchange.sync import push_outbox

ACT: Final = "bundles-recovered"
CLOSED: Final = ("destroyed", "refused", "expired")
UNSEALED: Final = "no-recovery-stanza"

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of one bundle: who got a key, or the code of what stood against it."""

    bundle_id: bytes
    given: tuple[str, ...] = ()
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A bundle as the recovery stanza shows it; see `handing_on.Known`."""

    header: Header
    stanza: Stanza = field(repr=False)
    entitled: Mapping[str, Sequence[str]] = field(repr=False)


# ---- The act ----------------------------------------------------------------------------------------------------


def propose(
    office: Office, to: Sequence[str], *, of: str | None = None, bundles: Sequence[bytes] | None = None, now: int
) -> Statement:
    """The act that two administrators (or one and the deputy) sign.

    Args:
        to: officers who get keys; with the officers who still have one they are enough for every bundle's t.
        of: only bundles to which this officer had a key; she may be one of `to`, after a lost passphrase.
        bundles: only these; all that are alive when not given.

    Raises:
        NotFound, NotPermitted: an officer without a certificate, of another agency, or whose role opens nothing.
        Conflict: no bundle is left.
    """
    if not to or len(set(to)) != len(to):
        raise FormatError("name the officers who get the keys, each once")
    with office.files.session() as db:
        keys = [[name, b64u(sha256(receiving_key_of(db, office, name)))] for name in to]
        query = select(StoredBundle).where(StoredBundle.log_index.is_not(None), StoredBundle.state.not_in(CLOSED))
        found = [row.bundle_id for row in db.scalars(query.order_by(StoredBundle.log_index))]
        wanted = [one for one in found if bundles is None or one in bundles]
        if not wanted or (bundles is not None and len(wanted) != len(set(bundles))):
            raise Conflict("there is no bundle to recover, or one of these is not here or not alive")
        facts = {"officers": keys, "of": of, "bundles": [b64u(one) for one in wanted]}
        return acts.propose_act(db, office.agency, ACT, facts, now=now)


@dataclass(frozen=True, slots=True)
class _Agreed:
    to: tuple[str, ...]
    of: str | None
    bundles: tuple[bytes, ...]


def _parse(db: Session, office: Office, act: Statement) -> _Agreed:
    """Facts of the act; the keys in it are those of the officers' certificates now.

    Raises:
        FormatError, NotFound, NotPermitted, KeyUnusable
    """
    facts = act.value.get("facts")
    if act.value.get("act") != ACT or not isinstance(facts, dict) or set(facts) != {"officers", "of", "bundles"}:
        raise FormatError("this is not an act that recovers bundles")
    officers, bundles = facts["officers"], facts["bundles"]
    if not isinstance(officers, list) or not isinstance(bundles, list):
        raise FormatError("the act names no officers, or no bundles")
    for one in officers:
        if not isinstance(one, list) or len(one) != 2 or not isinstance(one[0], str):
            raise FormatError("the act names an officer otherwise than by handle and key")
        if one[1] != b64u(sha256(receiving_key_of(db, office, one[0]))):
            raise KeyUnusable("an officer's key is another than the one that was agreed on")
    of = facts["of"] if isinstance(facts["of"], str) else None
    return _Agreed(tuple(one[0] for one in officers), of, tuple(unb64u(one, IDENTIFIER_BYTES) for one in bundles))


# ---- Carrying it out --------------------------------------------------------------------------------------------


def recover_bundles(
    office: Office,
    administrator: OfficerSession,
    act: Statement,
    papers: Sequence[str],
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> list[Recovered]:
    """Carry out a signed act with k of n recovery shares; what became of each bundle that it is about.

    Args:
        administrator: one of those who signed the act; the hand-ons in the log carry her name.

    Raises:
        SignatureInvalid: not signed by two administrators (or one and the deputy).
        KeyUnusable: the shares are not those of a recovery key of this agency, or a key changed since.
        NotPermitted: somebody else carries it out.
        Conflict, FormatError: another act came first, or this is none.
    """
    administrator.require("administer")
    if administrator.handle not in act.signers:
        raise NotPermitted("who signed the act carries it out")
    follow.follow_log(office, now=now)
    with office.files.session() as db:
        agreed = _parse(db, office, act)
        known = [one.receiving_key for one in office.directory(db).history(f"recovery/{office.agency}")]
    for bundle_id in agreed.bundles:
        with suppress(NotFound):  # a restored broker may have lost it
            arrivals.take_events(office, bundle_id, now=now)
    with RecoveryKey(papers, *[one for one in known if one is not None]) as key:
        with office.files.session() as db:
            number = acts.record_act(db, act, office.directory(db)).number
        done = [
            _recover(office, administrator, key, one, agreed, f"recovered, act {number}", now, random_bytes)
            for one in agreed.bundles
        ]
    push_outbox(office, now=now)
    follow.follow_log(office, now=now)
    for one in done:
        if one is not None and one.given:
            arrivals.take_events(office, one.bundle_id, now=now)
    return [one for one in done if one is not None]


def _recover(
    office: Office,
    administrator: OfficerSession,
    key: RecoveryKey,
    bundle_id: bytes,
    agreed: _Agreed,
    reason: str,
    now: int,
    random_bytes: Random,
) -> Recovered | None:
    """One bundle, in a transaction of its own, so that a damaged one stops no other. None: not of this officer."""
    try:
        with office.files.session() as db:
            seen = _look(db, key, arrivals.get_stored(db, bundle_id))
            if seen is None:
                return Recovered(bundle_id, refusal=UNSEALED)
            if agreed.of is not None and not shares_of(seen, agreed.of, handed_on(db, office, seen)):
                return None
            places = _places(db, office, seen, agreed.to)
            threshold = seen.stanza.threshold
            shares = split_again(seen.header, seen.stanza.share, threshold, max(places.values(), default=1))
            for name, x in places.items():
                share = replace(seen.stanza, x=x, share=shares[x])
                record_hand_on(
                    db, office, administrator, seen, share, name, receiving_key_of(db, office, name), reason=reason,
                    now=now, random_bytes=random_bytes,
                )  # fmt: skip
            for secret in (seen.stanza.share, *shares.values()):
                overwrite_bytes(secret)
            return Recovered(bundle_id, tuple(places))
    except AmparoError as error:
        return Recovered(bundle_id, refusal=error.code)


def _look(db: Session, key: RecoveryKey, row: StoredBundle) -> _Sealed | None:
    """What the recovery stanza shows, with the bundle's own t; None where none is for this key."""
    header = verify_header(row.header, row.signature)
    found = find_named_stanza(db, key.receiving, header)
    if found is None:
        return None
    if (found.threshold, found.x) != (1, 1):
        raise FormatError("a recovery stanza holds S itself")
    cover = parse_cover(open_cover(header, found.r, row.cover), header.log)
    entitled = entitled_officers(db, row, header, cover, found)
    if row.tag_key is None:
        row.tag_key = tag_key(found.r)
    return _Sealed(header, replace(found, threshold=cover.threshold), entitled)


def _places(db: Session, office: Office, seen: Known, to: Sequence[str]) -> dict[str, int]:
    """Who gets which share.

    With t = 1 everybody of `to` who cannot open it already. With t >= 2 a new share for all of them and for everybody
    who still has one, each at the x that they ever had, so that nobody has two.

    Raises:
        NotPermitted: they are fewer than t.
    """
    current, earlier = holders(db, office, seen), handed_on(db, office, seen)
    if seen.stanza.threshold == 1:
        return {name: 1 for name in to if name not in current}
    places = dict(current)
    fresh = []
    for name in (one for one in to if one not in places):
        had = shares_of(seen, name, earlier) - set(places.values())
        if had:
            places[name] = min(had)
        else:
            fresh.append(name)
    for name in fresh:
        places[name] = next(x for x in range(1, 256) if x not in places.values())
    if len(places) < seen.stanza.threshold:
        raise NotPermitted(f"this takes {seen.stanza.threshold} officers; name another colleague")
    return places


# ---- Cases ------------------------------------------------------------------------------------------------------


def recover_cases(office: Office, act: Statement, papers: Sequence[str], *, now: int) -> list[bytes]:
    """Carry out a signed act of `succession.propose_recovery`; the officer gets the agency's key for consent as well.

    Raises:
        see `succession.recover_cases`
    """
    with office.files.session() as db:
        directory = office.directory(db)
        cases = succession.recover_cases(db, directory, act, papers, now=now)
        member = get_member(db, str(act.value["facts"]["officer"]))
        is_for_her = any(has_right(member.roles.split(" "), right) for right in handle_keys.RIGHTS)
        if is_for_her and db.get(HandleSecret, handle_keys.RECOVERY) is not None:
            with RecoveryKey(papers, directory.recovery_key(office.agency)) as key:
                handle_keys.recover_handle_secret(
                    db, office, key.receiving, member, by=handle_keys.RECOVERY, now=now
                )  # fmt: skip
        return cases
