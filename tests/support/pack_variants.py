"""Good packs of many kinds: whatever section 10 of the protocol allows should be in one of them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from agencies import directory_entries
from crypto.encoding import b64u
from evidence import packs
from evidence.pack_input import PackDocument, PackExhibit, PackFile
from evidence.pack_list import Disclosed
from tests.support.packs import (
    COURT,
    FIRST,
    HELPER,
    ORIGIN,
    POLICE,
    SEALER,
    SECOND,
    SEIZER,
    SHELTER,
    Case,
    World,
    finish,
    make_case,
    outputs,
    print_plainly,
    source_of,
)

THIRD = f"{COURT}/prosecutor-3"
BOTH = f"{COURT}/administrator-3"


@dataclass(frozen=True)
class Made:
    """A pack, the world that it was made in, and the trust file from outside."""

    world: World
    pack: bytes
    trust: bytes


def _made(case: Case, **changes: Any) -> Made:
    return Made(case.world, case.build(**changes), case.world.trust())


def plain(rng: random.Random) -> Made:
    """The case of `make_case`: handed over, own, sealed, without any proof, absent."""
    return _made(make_case(rng))


def documented(rng: random.Random) -> Made:
    """With further documents, the longest name among them, and packs that were shown before."""
    case = make_case(rng)
    case.disclosed = tuple(
        Disclosed(rng.randbytes(16), on, numbers) for on, numbers in (("2031-01-04", (2, 3)), ("2030-02-28", ()))
    )
    documents = tuple(PackDocument(name, "Schedule", rng.randbytes(9)) for name in ("a.csv", "b" * 100, "con-1.txt"))
    given = replace(case.given(), documents=documents)
    return Made(case.world, finish(case.world, packs.plan_pack(given, print_plainly)), case.world.trust())


def _offer(case: Case, holding: bytes, officer: str, to_agency: str, taken: bytes) -> Any:
    return case.world.custody(
        holding, officer, "handover-offered", to_agency=to_agency, to_holding=b64u(taken), seal="S-7"
    )


def refused(rng: random.Random) -> Made:
    """The court offers its own exhibit to the shelter, which refuses it: the chain goes on."""
    case = make_case(rng)
    world, two = case.world, case.exhibits[1]
    taken = world.holding_of(two.object_id)
    offer = _offer(case, two.holdings[0], SECOND, SHELTER, taken)
    world.custody(taken, HELPER, "handover-refused", prev=b64u(offer.digest), reason="the seal is broken")
    world.custody(two.holdings[0], SECOND, "correction", supersedes=2)
    world.custody(two.holdings[0], SECOND, "view", reason=None, place="")
    case.exhibits[1] = replace(two, holdings=(*two.holdings, taken))
    return _made(case)


def given_away(rng: random.Random) -> Made:
    """The court's own exhibit is now with the shelter; another came back to whom it belongs."""
    case = make_case(rng)
    world, two, four = case.world, case.exhibits[1], case.exhibits[3]
    taken = world.holding_of(two.object_id)
    offer = _offer(case, two.holdings[0], SECOND, SHELTER, taken)
    accepted = world.custody(taken, HELPER, "handover-accepted", prev=b64u(offer.digest), seal="S-7")
    world.custody(two.holdings[0], FIRST, "handover-closed", counterpart=b64u(accepted.digest))
    _offer(case, taken, HELPER, POLICE, rng.randbytes(16))
    case.exhibits[1] = replace(two, holdings=(*two.holdings, taken))
    ended = world.holding_of(four.object_id)
    world.custody(ended, FIRST, "receive")
    world.custody(ended, FIRST, rng.choice(("return", "destroy")))
    case.exhibits[3] = replace(four, holdings=(ended,))
    return _made(case)


def one_sided(rng: random.Random) -> Made:
    """The police went on after an offer whose refusal the court never saw, and ended another chain with an offer."""
    case = make_case(rng)
    world, three = case.world, case.exhibits[2]
    holding = world.holding_of(three.object_id)
    world.custody(holding, SEIZER, "seize", inputs=[], tool={"name": "", "version": "1"})
    _offer(case, holding, SEALER, SHELTER, rng.randbytes(16))
    world.custody(holding, SEALER, "correction", supersedes=1, reason="the offer was refused")
    _offer(case, holding, SEALER, SHELTER, rng.randbytes(16))
    case.exhibits[2] = replace(three, holdings=(holding,))
    return _made(case)


def without_origin(rng: random.Random) -> Made:
    """The giver's side of a handover is not in the pack."""
    case = make_case(rng)
    case.exhibits[0] = replace(case.exhibits[0], holdings=case.exhibits[0].holdings[1:])
    return _made(case)


def twice_sealed(rng: random.Random) -> Made:
    """A further bundle, of another officer; a file in two exhibits; an empty one."""
    case = make_case(rng)
    three, two = case.exhibits[2], case.exhibits[1]
    contents = b"".join(three.files[0].read())
    sources = [source_of(three.object_id, three.files[0].file, contents, "text/plain")]
    bundle = case.world.bundle(sources, officer=SEIZER)
    case.bundles.append(bundle)
    sealed = replace(three.files[0], contents=bundle.contents[three.files[0].file])
    empty = PackFile(rng.randbytes(16), "z", "application/x-empty_file", "", lambda: [b""])
    case.exhibits[2] = replace(three, files=tuple(sorted((sealed, empty), key=lambda one: one.file)))
    case.exhibits.append(replace(two, number=7))
    case.gaps.append(replace(case.gaps[0], number=6, reason="other"))
    case.numbers = (1, 7)
    return _made(case)


def by_deputy(rng: random.Random) -> Made:
    """A pack of an agency with one officer: its deputy is the second signer."""
    world = World(rng)
    world.found()
    if rng.random() < 0.5:  # a deputy before and after: the newest counts
        world.publish(directory_entries.deputy_body(ORIGIN, SHELTER, FIRST), f"root/{SHELTER}")
        world.publish(directory_entries.deputy_body(ORIGIN, SHELTER, SEIZER), f"root/{SHELTER}")
    object_id, file = rng.randbytes(16), rng.randbytes(16)
    holding = world.holding_of(object_id)
    world.custody(holding, HELPER, "receive", outputs=outputs(file, b"letter"))
    exhibit = PackExhibit(
        1, object_id, "H-1", "H-1", "Letter", "used",
        (PackFile(file, "txt", "text/plain", "letter", lambda: [b"letter"]),), (holding,),
    )  # fmt: skip
    case = Case(world, [exhibit], agency=SHELTER, numbers=(1, 1))
    return _made(case, signers=(HELPER, SEIZER), officer=HELPER)


def changed_people(rng: random.Random) -> Made:
    """Officers who were struck off, came back with another key, or are administrators too; a desk's certificates."""
    case = make_case(rng)
    world, holding = case.world, case.exhibits[1].holdings[0]
    first = world.certify(THIRD, *world.admins(COURT), roles=["prosecutor"])
    world.custody(holding, THIRD, "view")
    world.revoke(first, *world.admins(COURT))
    world.keys[f"first key of {THIRD}"] = world.keys.pop(THIRD)
    world.certify(THIRD, *world.admins(COURT), roles=["liaison", "prosecutor"])
    world.custody(holding, THIRD, "view", inputs=outputs(case.exhibits[1].files[0].file, _content(case, 1)))
    world.certify(BOTH, f"root/{COURT}", roles=["administrator", "supervisor"])
    world.custody(holding, BOTH, "examine")
    desk = f"desk/{COURT}"
    for _ in range(2):
        body = directory_entries.certificate_body(
            ORIGIN, desk, COURT, "desk", [], signing_key=world.key(desk).public_key,
            witness_key=world.key(f"witness/{COURT}").public_key, witness_mldsa_key=world.log.mldsa.public_key,
            valid_from="2031-01-01", until="2033-01-01",
        )  # fmt: skip
        world.publish(body, desk, f"root/{COURT}")
    gone = next(one for one in world.directory if world.admins(COURT)[1].encode() in one.statement)
    world.revoke(gone, *(world.admins(COURT) if rng.random() < 0.5 else (f"root/{COURT}",)))
    return _made(case, signers=(BOTH, THIRD), officer=BOTH)


def _content(case: Case, exhibit: int) -> bytes:
    return b"".join(case.exhibits[exhibit].files[0].read())


def built_again(rng: random.Random) -> Made:
    """An earlier pack is on record in the chains."""
    case = make_case(rng)
    world = case.world
    for holding in (case.exhibits[0].holdings[1], case.exhibits[1].holdings[0]):
        length = len(world.chains[holding])
        world.custody(holding, FIRST, "pack-built", length=length, pack_digest=b64u(rng.randbytes(32)))
    return _made(case)


VARIANTS: tuple[Callable[[random.Random], Made], ...] = (
    plain, documented, refused, given_away, one_sided, without_origin, twice_sealed, by_deputy, changed_people,
    built_again,
)  # fmt: skip
