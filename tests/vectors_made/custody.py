"""Custody of exhibits: events, signatures, chains of a holding, handovers (docs/protocol.md 8)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, canonical, fields, sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.people import (
    DIRECTORY,
    LIAISON_3,
    LIAISON_4,
    MEMBERS,
    NORTH,
    SOUTH,
    WEST,
    WORKER_1,
    common,
    seed,
    statement,
    tag,
)

OBJECT, OTHER_OBJECT = draw("custody object", 16), draw("other custody object", 16)
TAKEN, PASSED = draw("holding of north", 16), draw("holding of south", 16)
PHOTO, REPORT = draw("custody photo", 16), draw("custody report", 16)
OUTPUTS = [
    {"file": b64u(PHOTO), "sha256": b64u(draw("photo digest"))},
    {"file": b64u(REPORT), "sha256": b64u(draw("report digest"))},
]
NULLS = (
    "prev", "place", "reason", "tool", "seal", "supersedes", "to_agency", "to_holding", "counterpart", "length",
    "pack_digest",
)  # fmt: skip

Body = dict[str, Any]


def body(officer: str, holding: bytes, number: int, action: str, **members: Any) -> Body:
    base = common("custody", officer, number, tag(draw(f"key of {holding.hex()}"), officer.split("/")[0], number))
    own = {"holding": b64u(holding), "object": b64u(OBJECT), "action": action, "inputs": [], "outputs": []}
    return {**base, **dict.fromkeys(NULLS), **own, **members}


def chain(officer: str, holding: bytes, *steps: tuple[str, Body], **every: Any) -> list[bytes]:
    """Signed events of a holding, each naming the one before; a step may say otherwise."""
    made: list[bytes] = []
    for number, (action, members) in enumerate(steps):
        prev = b64u(sha256(made[-1])) if made else None
        made.append(statement(body(officer, holding, number, action, **{"prev": prev, **every, **members}), officer))
    return made


def texts(statements: list[bytes]) -> list[str]:
    return [b64u(one) for one in statements]


SEIZED: tuple[str, Body] = ("seize", {"place": "Harbour", "seal": "S-1", "outputs": OUTPUTS})
EXAMINED: tuple[str, Body] = (
    "examine", {"tool": {"name": "reader", "version": "2.1"}, "reason": "read", "inputs": OUTPUTS}
)  # fmt: skip
OFFER: tuple[str, Body] = (
    "handover-offered",
    {"to_agency": SOUTH, "to_holding": b64u(PASSED), "seal": "S-1", "outputs": OUTPUTS},
)
GIVER = chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, OFFER)


def answer(action: str = "handover-accepted", giver: list[bytes] = GIVER, **changes: Any) -> list[bytes]:
    """The receiver's first event."""
    members = {"prev": b64u(sha256(giver[-1])), "seal": "S-1", "outputs": OUTPUTS, **changes}
    return chain(WORKER_1, PASSED, (action, members))


def closed(receiver: list[bytes], **changes: Any) -> list[bytes]:
    """The giver's holding with the end of the handover."""
    return chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, OFFER, ("handover-closed", {
        "counterpart": b64u(sha256(receiver[0])), **changes
    }))  # fmt: skip


def add_events(book: Book) -> None:
    book.form("event", "given: an event of a holding (base64url), unchecked signatures; expected: what it says")

    def valid(name: str, made: Body) -> None:
        names = ("agency", "officer", "number", "action", "holding", "object", "prev")
        book.valid(name, {"statement": b64u(statement(made, made["officer"]))}, {one: made[one] for one in names})

    prev = b64u(draw("statement before"))
    seized = body(LIAISON_3, TAKEN, 0, *SEIZED[:1], **SEIZED[1])
    offered = body(LIAISON_3, TAKEN, 2, OFFER[0], prev=prev, **OFFER[1])
    accepted = body(WORKER_1, PASSED, 0, "handover-accepted", prev=prev, seal="S-1", outputs=OUTPUTS)
    ended = body(LIAISON_3, TAKEN, 3, "handover-closed", prev=prev, counterpart=b64u(draw("receipt")))
    corrected = body(LIAISON_3, TAKEN, 3, "correction", prev=prev, supersedes=1, reason="the tool was 2.2")
    built = body(LIAISON_3, TAKEN, 3, "pack-built", prev=prev, length=3, pack_digest=b64u(draw("pack digest")))
    for name, made in (
        ("an event seize", seized),
        ("an event examine", body(LIAISON_3, TAKEN, 1, EXAMINED[0], prev=prev, **EXAMINED[1])),
        ("an event handover-offered", offered), ("an event handover-accepted", accepted),
        ("an event handover-refused", {**accepted, "action": "handover-refused"}),
        ("an event handover-closed", ended), ("an event correction", corrected), ("an event pack-built", built),
    ):  # fmt: skip
        valid(name, made)
    for action in ("receive", "transfer", "seal", "unseal", "reseal", "acquire", "extract", "copy", "derive", "redact",
                   "view", "export", "disclose", "return", "destroy"):  # fmt: skip
        valid(f"an event {action}", body(LIAISON_3, TAKEN, 1, action, prev=prev))

    def refuse(title: str, made: Body, like: str = "an event seize") -> None:
        book.invalid(title, like, "format", statement=b64u(statement(made, made["officer"])))

    one = OUTPUTS[0]
    for title, change in {
        "an unknown action": {"action": "lose"},
        "an event of custody of another kind": {"kind": "seize"},
        "an event of custody of version true": {"v": True},
        "an event of custody of another log": {"log": "log.example/2025"},
        "a member that custody does not have": {"why": None},
        "a holding of 15 bytes": {"holding": b64u(TAKEN[:-1])},
        "an object with padding": {"object": b64u(OBJECT) + "=="},
        "an event of custody with the number -1": {"number": -1},
        "an event of custody with the number true": {"number": True},
        "a place that is a number": {"place": 1},
        "a tool without a version": {"tool": {"name": "reader"}},
        "a tool that is a text": {"tool": "reader 2.1"},
        "outputs of null": {"outputs": None},
        "an output without a digest": {"outputs": [{"file": one["file"]}]},
        "an output with a size": {"outputs": [{**one, "size_bytes": 5}]},
        "an output with a digest of 31 bytes": {"outputs": [{**one, "sha256": b64u(draw("short", 31))}]},
        "an event of custody with a short tag": {"tag": b64u(draw("tag", 15))},
        "an event of custody without a checkpoint's root": {"checkpoint": {"size": 42}},
        "a seizure that names an agency to go to": {"to_agency": SOUTH},
        "a seizure that names a holding to go to": {"to_holding": b64u(PASSED)},
        "a seizure that names a counterpart": {"counterpart": b64u(draw("receipt"))},
        "a seizure that supersedes an event": {"supersedes": 0},
        "a seizure with a length": {"length": 3},
        "a seizure with a pack's digest": {"pack_digest": b64u(draw("pack digest"))},
    }.items():
        refuse(title, {**seized, **change})
    refuse("an event of custody without its seal", {name: one for name, one in seized.items() if name != "seal"})
    for title, like, made in (
        ("an offer to nobody", "an event handover-offered", {**offered, "to_agency": None}),
        ("an offer without a holding", "an event handover-offered", {**offered, "to_holding": None}),
        ("an offer to an agency with a space", "an event handover-offered", {**offered, "to_agency": "south ngo"}),
        ("an acceptance that names no offer", "an event handover-accepted", {**accepted, "prev": None}),
        ("a close without a counterpart", "an event handover-closed", {**ended, "counterpart": None}),
        ("a close that names no predecessor", "an event handover-closed", {**ended, "prev": None}),
        ("a correction of nothing", "an event correction", {**corrected, "supersedes": None}),
        ("a correction of itself", "an event correction", {**corrected, "supersedes": 3}),
        ("a correction of a later event", "an event correction", {**corrected, "supersedes": 4}),
        ("a pack-built event of another length than its number", "an event pack-built", {**built, "length": 2}),
        ("an acceptance with a number of its own", "an event handover-accepted", {**accepted, "supersedes": 0}),
        ("a pack-built event without a length", "an event pack-built", {**built, "length": None}),
        ("a pack-built event without a digest", "an event pack-built", {**built, "pack_digest": None}),
    ):
        refuse(title, made, like)
    raw = canonical(seized)
    signature = ref.sign(seed(LIAISON_3), fields("amparo/v1/event-sig", raw))
    book.invalid("an event of custody that nobody signed", "an event seize", "format",
                 statement=b64u(fields("amparo/v1/statement", raw)))  # fmt: skip
    book.invalid("an event of custody with a signature of 63 bytes", "an event seize", "format",
                 statement=b64u(fields("amparo/v1/statement", raw, LIAISON_3, signature[:-1])))  # fmt: skip
    spaced = raw.replace(b",", b", ", 1)
    book.invalid("an event of custody with white space", "an event seize", "format",
                 statement=b64u(statement(spaced, LIAISON_3)))  # fmt: skip


def add_signatures(book: Book) -> None:
    book.form("signature", "given: an event of a holding, and officers with their keys; expected: who signed")
    made = body(LIAISON_3, TAKEN, 0, SEIZED[0], **SEIZED[1])
    like = "a signed event of custody"
    base = {"members": MEMBERS}
    book.valid(like, {**base, "statement": b64u(statement(made, LIAISON_3))}, {"officer": LIAISON_3})
    altered = statement(made, LIAISON_3).replace(b"Harbour", b"Station")
    crossed = {**made, "officer": WORKER_1}
    for title, code, raw in (
        ("custody signed under another label", "signature-invalid", statement(made, LIAISON_3, label=DIRECTORY)),
        ("custody signed with another key", "signature-invalid",
         statement(made, LIAISON_3, pens={LIAISON_3: LIAISON_4})),
        ("custody altered after it was signed", "signature-invalid", altered),
        ("custody signed by an officer whom it does not name", "format", statement(made, LIAISON_4)),
        ("custody signed by two", "format", statement(made, LIAISON_3, LIAISON_4)),
        ("custody of an agency by an officer of another", "format", statement(crossed, WORKER_1)),
        ("custody by an officer who is not known", "signature-invalid",
         statement({**made, "officer": f"{NORTH}/liaison-9"}, f"{NORTH}/liaison-9")),
    ):  # fmt: skip
        book.invalid(title, like, code, statement=b64u(raw))


def add_chains(book: Book) -> None:
    book.form(
        "chain", "given: the events of a holding, in order; expected: agency, length, whether it is open, its head"
    )

    def valid(name: str, made: list[bytes], agency: str, is_open: bool) -> None:
        found = {"agency": agency, "length": len(made), "open": is_open, "head": sha256(made[-1])}
        book.valid(name, {"statements": texts(made)}, found)

    receiver = answer()
    corrected = ("correction", {"supersedes": 1, "reason": "the tool was 2.2"})
    valid("one event", chain(LIAISON_3, TAKEN, SEIZED), NORTH, True)
    valid("three events", chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, corrected), NORTH, True)
    valid("a holding that is offered", GIVER, NORTH, True)
    valid("a holding that was handed over", closed(receiver), NORTH, False)
    valid("a holding that was taken over", receiver, SOUTH, True)
    valid("a holding that was refused", answer("handover-refused"), SOUTH, False)
    valid("a holding that ends in a return", chain(LIAISON_3, TAKEN, SEIZED, ("return", {})), NORTH, False)
    valid("a holding that goes on after a refusal", chain(LIAISON_3, TAKEN, SEIZED, OFFER, (
        "correction", {"supersedes": 1, "reason": "the offer was refused"}), EXAMINED), NORTH, True)  # fmt: skip

    like = "three events"
    good = chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, corrected)
    second = chain(LIAISON_4, TAKEN, SEIZED, EXAMINED)  # the same holding by another hand
    wrong = {"prev": b64u(flipped(sha256(good[0])))}

    def broken(title: str, made: list[bytes], control: str = like) -> None:
        book.invalid(title, control, "pack-custody", statements=texts(made))

    broken("no event", [])
    broken("an event left out", [good[0], good[2]])
    broken("an event twice", [good[0], good[0], good[1]])
    broken("two events in another order", [good[0], good[2], good[1]])
    broken("a chain that begins at number 1", good[1:])
    broken("an event with another predecessor", chain(LIAISON_3, TAKEN, SEIZED, ("examine", {**EXAMINED[1], **wrong})))
    book.invalid("an event that names no predecessor", like, "format",
                 statements=texts(chain(LIAISON_3, TAKEN, SEIZED, ("examine", {"prev": None}))))  # fmt: skip
    book.invalid("a first event with a predecessor", "one event", "format",
                 statements=texts(chain(LIAISON_3, TAKEN, ("seize", wrong))))  # fmt: skip
    broken("a pack built of an exhibit that is offered", chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, OFFER, (
        "pack-built", {"length": 3, "pack_digest": b64u(draw("pack digest"))})),
        "a holding that is offered")  # fmt: skip
    broken("a chain with an event of a second writer", [second[0], good[1], good[2]])
    other = chain(LIAISON_3, PASSED, SEIZED, EXAMINED)
    broken("an event of another holding", [good[0], other[1]])
    broken("an event of another exhibit",
           chain(LIAISON_3, TAKEN, SEIZED, ("examine", {"object": b64u(OTHER_OBJECT)})))  # fmt: skip
    mixed = body(WORKER_1, TAKEN, 1, "examine", prev=b64u(sha256(good[0])))
    broken("an event of another agency in a holding", [good[0], statement(mixed, WORKER_1)])
    broken("a first event that builds a pack", chain(LIAISON_3, TAKEN, (
        "pack-built", {"length": 0, "pack_digest": b64u(draw("pack digest"))})), "one event")  # fmt: skip
    broken("a close that comes later than right after its offer", chain(LIAISON_3, TAKEN, SEIZED, OFFER, EXAMINED, (
        "handover-closed", {"counterpart": b64u(sha256(receiver[0]))})), "a holding that was handed over")  # fmt: skip
    broken("a correction after a handover", chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, OFFER, (
        "handover-closed", {"counterpart": b64u(sha256(receiver[0]))}), corrected),
        "a holding that was handed over")  # fmt: skip
    broken("a first event that offers", chain(LIAISON_3, TAKEN, OFFER), "one event")
    broken("an acceptance in the middle of a holding",
           chain(LIAISON_3, TAKEN, SEIZED, ("handover-accepted", {})))  # fmt: skip
    broken("a close without an offer", chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, (
        "handover-closed", {"counterpart": b64u(sha256(receiver[0]))})), "a holding that was handed over")  # fmt: skip
    after = ("view", {"prev": b64u(sha256(closed(receiver)[-1]))})
    late = chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, OFFER, (
        "handover-closed", {"counterpart": b64u(sha256(receiver[0]))}), after)  # fmt: skip
    broken("an event after a handover", late, "a holding that was handed over")
    broken("an event after a return", chain(LIAISON_3, TAKEN, SEIZED, ("return", {}), ("view", {})),
           "a holding that ends in a return")  # fmt: skip
    broken("an event after a destruction", chain(LIAISON_3, TAKEN, SEIZED, ("destroy", {}), ("view", {})),
           "a holding that ends in a return")  # fmt: skip
    prev = {"prev": b64u(sha256(GIVER[-1]))}
    broken("an event after a refusal", chain(WORKER_1, PASSED, ("handover-refused", prev), ("view", {})),
           "a holding that was refused")  # fmt: skip


def add_handovers(book: Book) -> None:
    book.form("handover", "given: the giver's holding and the receiver's; expected: whether it was accepted")
    receiver, refused = answer(), answer("handover-refused", seal="S-2", outputs=[])
    like = "a handover"

    def given(giver: list[bytes], taker: list[bytes]) -> dict[str, Any]:
        return {"giver": texts(giver), "receiver": texts(taker)}

    book.valid(like, given(closed(receiver), receiver), {"accepted": True})
    book.valid("a handover that is not closed yet", given(GIVER, receiver), {"accepted": True})
    book.valid("a handover that was refused", given(GIVER, refused), {"accepted": False})

    def broken(title: str, giver: list[bytes] | None = None, taker: list[bytes] | None = None) -> None:
        change = {name: texts(made) for name, made in (("giver", giver), ("receiver", taker)) if made is not None}
        control = like if giver is not None else "a handover that is not closed yet"
        book.invalid(title, control, "pack-custody", **change)

    broken("an acceptance of another offer", taker=answer(prev=b64u(flipped(sha256(GIVER[-1])))))
    broken("an acceptance of an event that offers nothing", taker=answer(prev=b64u(sha256(GIVER[1]))))
    broken("an acceptance with another seal", taker=answer(seal="S-2"))
    broken("an acceptance without the seal", taker=answer(seal=None))
    broken("an acceptance with another digest", taker=answer(
        outputs=[{**OUTPUTS[0], "sha256": b64u(draw("other digest"))}]))  # fmt: skip
    broken("an acceptance of fewer files", taker=answer(outputs=OUTPUTS[:1]))
    broken("an acceptance with the files in another order", taker=answer(outputs=OUTPUTS[::-1]))
    broken("an acceptance of another exhibit", taker=answer(object=b64u(OTHER_OBJECT)))
    broken("an acceptance in another holding", taker=chain(WORKER_1, TAKEN, (
        "handover-accepted", {"prev": b64u(sha256(GIVER[-1])), "seal": "S-1", "outputs": OUTPUTS})))  # fmt: skip
    west = f"{WEST}/prosecutor-1"
    broken("an acceptance by another agency", taker=chain(west, PASSED, (
        "handover-accepted", {"prev": b64u(sha256(GIVER[-1])), "seal": "S-1", "outputs": OUTPUTS})))  # fmt: skip
    broken("a close that names another receipt", giver=closed(receiver, counterpart=b64u(draw("another receipt"))))
    went_on = chain(LIAISON_3, TAKEN, SEIZED, EXAMINED, OFFER, ("view", {}))
    broken("a giver who goes on after an acceptance", giver=went_on)
    book.valid("a giver who goes on after a refusal", given(went_on, refused), {"accepted": False})
    book.invalid("a giver who closes after a refusal", "a giver who goes on after a refusal", "pack-custody",
                 giver=texts(closed(refused)))  # fmt: skip


def add_places(book: Book) -> None:
    book.form(
        "links",
        "given: holdings of an exhibit, each the events with their indices in the log; expected: nothing more (the "
        "rules of a chain, of its handovers, and of their order in the log)",
    )
    receiver = answer()
    giver = closed(receiver)

    def placed(made: list[bytes], *indices: int) -> list[list[Any]]:
        return [[index, b64u(one)] for index, one in zip(indices, made, strict=True)]

    like, alone = "a handover in the order of the log", "a giver's side alone"
    book.valid(like, {"holdings": [placed(giver, 5, 6, 9, 13), placed(receiver, 11)]}, None)
    book.valid(alone, {"holdings": [placed(giver, 5, 6, 9, 13)]}, None)
    book.valid("a receiver's side alone", {"holdings": [placed(receiver, 11)]}, None)

    def broken(title: str, *made: list[list[Any]], control: str = like) -> None:
        book.invalid(title, control, "pack-custody", holdings=list(made))

    broken("an event logged before its predecessor", placed(giver, 6, 5, 9, 13), control=alone)
    broken("two events at one index", placed(giver, 5, 5, 9, 13), control=alone)
    broken("an acceptance logged before the offer", placed(giver, 5, 6, 9, 13), placed(receiver, 8))
    broken("a close logged before the acceptance", placed(giver, 5, 6, 9, 10), placed(receiver, 11))
    other = answer(prev=b64u(flipped(sha256(GIVER[-1]))))
    broken("a holding that was offered and begins with another offer", placed(giver, 5, 6, 9, 13), placed(other, 11))
    begun = chain(WORKER_1, PASSED, SEIZED)
    broken("a holding that was offered and begins with a seizure", placed(giver, 5, 6, 9, 13), placed(begun, 11))
    on_exam = answer(prev=b64u(sha256(GIVER[1])))
    broken("a holding that begins with an event that offers nothing", placed(GIVER[:2], 5, 6), placed(on_exam, 11))


def add_custodians(book: Book) -> None:
    book.form("custodian", "given: all holdings of an exhibit; expected: the agency that has it, or null at its end")
    receiver = answer()
    north, refused = chain(LIAISON_3, TAKEN, SEIZED), answer("handover-refused")

    def valid(name: str, agency: str | None, *made: list[bytes]) -> None:
        book.valid(name, {"holdings": [texts(one) for one in made]}, {"custodian": agency})

    valid("one holding", NORTH, north)
    valid("an offer that waits", NORTH, GIVER)
    valid("an offer that was accepted", SOUTH, GIVER, receiver)
    valid("a handover that was closed", SOUTH, closed(receiver), receiver)
    valid("an offer that was refused", NORTH, GIVER, refused)
    valid("an exhibit that was returned", None, chain(LIAISON_3, TAKEN, SEIZED, ("return", {})))
    second = chain(WORKER_1, PASSED, SEIZED)
    book.invalid("two open holdings", "one holding", "pack-custody", holdings=[texts(north), texts(second)])
    elsewhere = answer(prev=b64u(draw("another offer")))
    book.invalid("an open holding and an acceptance of something else", "an offer that was accepted", "pack-custody",
                 holdings=[texts(GIVER), texts(elsewhere)])  # fmt: skip
    book.form(
        "two-writers", "given: events, in any order; expected: the places of the first two with one number, or null"
    )
    good = chain(LIAISON_3, TAKEN, SEIZED, EXAMINED)
    fork = chain(LIAISON_4, TAKEN, SEIZED, EXAMINED)
    book.valid("one writer", {"statements": texts([*good, *good])}, {"places": None})
    book.valid("two writers", {"statements": texts([*good, fork[1]])}, {"places": [1, 2]})
    book.valid("two holdings are no two writers", {"statements": texts([*good, *receiver])}, {"places": None})


def add(book: Book) -> None:
    """Events and chains."""
    add_events(book)
    add_signatures(book)
    add_chains(book)


def add_sides(book: Book) -> None:
    """What stands between two holdings."""
    add_handovers(book)
    add_places(book)
    add_custodians(book)
