"""Two verifiers, one document: they accept the same packs and refuse the same packs, for the same reason.

The verifier in this folder was written from docs/protocol.md alone. Where it and the product differ, one of them is
wrong or the document is silent; either way a court would be told two things about one pack.
"""

import io
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from crypto.encoding import b64u
from errors import PackInvalid
from evidence import archive as product_archive
from evidence.verification import verify_pack
from tests.independent import archive as other_archive
from tests.independent import contents as other_contents
from tests.independent import custody as other_custody
from tests.independent.encoding import Refused
from tests.independent.verifier import verify
from tests.support import pack_alterations
from tests.support.forge import Forge
from tests.support.pack_variants import VARIANTS, Made, by_deputy, changed_people, given_away, one_sided, plain, refused
from tests.support.packs import COURT, FIRST, HELPER, POLICE, SEALER, SECOND, SEIZER, SHELTER, relist, unpack, zip_up

ACCEPTED = ("proven", "whole")


def by_product(pack: bytes, trust: bytes | None) -> str:
    try:
        return "proven" if verify_pack(io.BytesIO(pack), trust).is_proven else "whole"
    except PackInvalid as error:
        return error.code


def by_other(pack: bytes, trust: bytes | None) -> str:
    try:
        return "proven" if verify(pack, trust).proven else "whole"
    except Refused as error:
        return error.code


def agreed(pack: bytes, trust: bytes | None, what: str) -> str:
    """What both say; they must say the same."""
    one, two = by_product(pack, trust), by_other(pack, trust)
    assert one == two, f"{what}: the product says {one}, the other verifier {two}"
    return one


@pytest.fixture(scope="module")
def packs(seed: int) -> list[Made]:
    """Every kind of good pack, twice."""
    return [variant(random.Random(seed + number)) for number in range(2) for variant in VARIANTS]


# ---- Good packs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.__name__)
def test_both_accept_a_good_pack(
    variant: Callable[[random.Random], Made], rng: random.Random, sample_count: Callable[[int, int], int]
) -> None:
    """With the trust file proven, without it whole; and the same pack formed or signed again."""
    for _ in range(sample_count(2, 20)):
        drawn = rng.getrandbits(32)
        made = variant(random.Random(drawn))
        assert agreed(made.pack, made.trust, f"draw {drawn}") == "proven"
        assert agreed(made.pack, None, f"draw {drawn}") == "whole"
        assert zip_up(relist(unpack(made.pack))) == made.pack
        again = Forge(made.world, made.pack).seal()
        assert agreed(again, made.trust, f"draw {drawn}, signed again") == "proven"


def test_both_read_the_large_form_of_a_zip(rng: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limits of the small form lowered: a real one would have four gigabytes."""
    made = plain(rng)
    files = unpack(made.pack)
    for module, large, many in ((product_archive, "FULL_32", "FULL_16"), (other_archive, "LARGE", "MANY")):
        monkeypatch.setattr(module, large, 1000)
        monkeypatch.setattr(module, many, 50)
    pack = zip_up(files)
    assert pack.count(b"PK\x06\x06") == 1 and len(pack) > len(made.pack)
    assert agreed(pack, made.trust, "the large form") == "proven"
    assert agreed(made.pack, made.trust, "the small form where the large one is due") == "pack-zip"
    for _ in range(60):
        at = rng.choice([*pack_alterations.find(pack, b"PK")]) + rng.randrange(80)
        altered = pack[:at] + bytes([pack[at] ^ 1]) + pack[at + 1 :] if at < len(pack) else pack[:-1]
        assert agreed(altered, made.trust, f"byte {at}") == "pack-zip"


# ---- Altered packs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["damage", "change_files", "change_list", "forge"])
def test_both_say_the_same_of_an_altered_pack(
    kind: str, packs: list[Made], rng: random.Random, sample_count: Callable[[int, int], int]
) -> None:
    """Most are refused. Some are another good pack (an officer may sign another description): both accept these."""
    alter = getattr(pack_alterations, kind)
    found: Counter[str] = Counter()
    for _ in range(sample_count(60, 500)):
        drawn = rng.getrandbits(32)
        chance = random.Random(drawn)
        made = chance.choice(packs)
        what, pack = alter(chance, made)
        if pack == made.pack:
            continue
        trust = chance.choice((made.trust, made.trust, None))
        found[agreed(pack, trust, f"draw {drawn}, {made.world.rng}: {what}")] += 1
    print(kind, dict(found))
    assert set(found) - set(ACCEPTED)
    assert kind != "damage" or set(found) == {"pack-zip"}


def test_both_say_the_same_of_an_altered_trust_file(
    packs: list[Made], rng: random.Random, sample_count: Callable[[int, int], int]
) -> None:
    found: Counter[str] = Counter()
    for _ in range(sample_count(60, 500)):
        drawn = rng.getrandbits(32)
        chance = random.Random(drawn)
        made = chance.choice(packs)
        what, trust = pack_alterations.change_trust(chance, made.trust)
        found[agreed(made.pack, trust, f"draw {drawn}: {what} of {trust!r}")] += 1
    assert found["proven"] and found["pack-log"]


@pytest.mark.parametrize(
    ("module", "name", "replacement"),
    [
        (other_custody, "check_handovers", lambda custody, agency: None),
        (other_custody, "_check_after", lambda stem, earlier, action: None),
        (other_contents, "check_gaps", lambda pack, found: []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rule_that_one_of_them_forgets_is_noticed(
    packs: list[Made],
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    replacement: Callable[..., object],
) -> None:
    """The control of the tests above: forgeries reach the rule, and the comparison shows that it is missing."""
    monkeypatch.setattr(module, name, replacement)
    monkeypatch.setattr("tests.independent.verifier.check_gaps", other_contents.check_gaps)
    for _ in range(3000):
        made = rng.choice(packs)
        _, pack = pack_alterations.forge(rng, made)
        if by_product(pack, made.trust) != by_other(pack, made.trust):
            return
    pytest.fail("nobody noticed")


# ---- Forgeries by name --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Forgery:
    """What a forger with all keys does to a pack of some kind, and what both verifiers answer."""

    claim: str
    code: str
    do: Callable[[Forge], object]
    variant: Callable[[random.Random], Made] = plain


def own(forge: Forge, name: str, **members: object) -> None:
    """Alter the first custody event with this action."""
    forge.put(forge.find(name), **members)


def sign_as(forge: Forge, name: str, officer: str) -> None:
    """Another officer of the same agency stands in and under the first event with this action."""
    own(forge, name, officer=officer)
    forge.signers[forge.find(name)] = [officer]


def drop_refusal(forge: Forge) -> None:
    path = forge.find("handover-refused")
    folder = path.rsplit("/", 1)[0]
    holding = forge.bodies.pop(path)["holding"]
    forge.files = {one: raw for one, raw in forge.files.items() if not one.startswith(folder)}
    forge.listed["holdings"] = [one for one in forge.listed["holdings"] if one["holding"] != holding]
    for exhibit in forge.listed["exhibits"]:
        exhibit["holdings"] = [one for one in exhibit["holdings"] if one != holding]


def swap_indices(forge: Forge, one: str, two: str) -> None:
    forge.indices[one], forge.indices[two] = forge.indices[two], forge.indices[one]


def answer_something_else(forge: Forge) -> None:
    """The acceptance names the giver's first event, which is known and is no offer."""
    forge.put(forge.find("handover-accepted"), prev=forge.was[forge.find("seize")])
    forge.kept.discard((forge.find("handover-accepted"), "prev"))


def strange_agency(forge: Forge) -> None:
    path = (
        forge.find("view") if any(b.get("action") == "view" for b in forge.bodies.values()) else forge.find("receive")
    )
    forge.put(path, agency=SHELTER, officer=HELPER)
    forge.signers[path] = [HELPER]


def revoke(forge: Forge, subject: str, *signers: str, at: str) -> None:
    """A revocation in place of a directory entry on which nothing rests."""
    target = forge.certificate(subject)
    body = forge.bodies[target]
    forge.bodies[at] = {
        "v": 1, "log": body["log"], "kind": "revocation", "agency": body["agency"], "subject": subject,
        "certificate": forge.indices[target],
    }  # fmt: skip
    forge.signers[at] = list(signers)


def court_admins() -> tuple[str, str]:
    return f"{COURT}/administrator-1", f"{COURT}/administrator-2"


def gap(forge: Forge, reason: str, **named: object) -> None:
    empty = {"number": None, "path": None, "holding": None}
    forge.listed["gaps"].append({"reason": reason, "text": "x", **empty, **named})


def state_of(forge: Forge, state: str) -> dict[str, object]:
    """The first holding in the list with this state."""
    return next(one for one in forge.listed["holdings"] if one["state"] == state)


def end_otherwise(forge: Forge) -> None:
    """What was returned or destroyed was only looked at; the list still calls it closed."""
    path = next(path for path in forge.order if forge.bodies[path].get("action") in ("return", "destroy"))
    forge.put(path, action="view")


def file_of(forge: Forge, number: int) -> dict[str, object]:
    found: dict[str, object] = forge.listed["exhibits"][number - 1]["files"][0]
    return found


FORGERIES = (
    # Section 1 and 2: who signs
    Forgery("a directory entry with a third administrator", "pack-signer",
            lambda f: f.signers[f.certificate(SEIZER)].append(f"{POLICE}/administrator-3")),
    Forgery("a certificate that the root signs too", "pack-signer",
            lambda f: f.signers[f.certificate(FIRST)].append(f"root/{COURT}")),
    Forgery("a certificate without proof of possession", "pack-signer",
            lambda f: f.signers[f.certificate(FIRST)].remove(FIRST)),
    Forgery("the role administrator for an officer", "pack-signer",
            lambda f: f.put(f.certificate(FIRST), roles=["administrator", "prosecutor"])),
    Forgery("an administrator without the role", "pack-signer",
            lambda f: f.put(f.certificate(court_admins()[0]), roles=["prosecutor"])),
    Forgery("a certificate without a first date", "pack-signer",
            lambda f: f.put(f.certificate(FIRST), **{"from": None})),
    Forgery("a certificate for a key of small order", "pack-signer",
            lambda f: f.put(f.certificate(HELPER), signing_key=b64u(bytes(32)))),
    Forgery("a certificate for a receiving key out of range", "pack-signer",
            lambda f: f.put(f.certificate(HELPER), receiving_key=b64u(b"\xff" * 1216))),
    Forgery("a certificate that ended by its date", "proven",
            lambda f: f.put(f.certificate(FIRST), until="2031-01-02")),
    Forgery("a deputy without a certificate", "pack-signer",
            lambda f: f.put(f.entry("deputy"), officer=f"{POLICE}/liaison-9")),
    Forgery("another deputy, who has one", "proven", lambda f: f.put(f.entry("deputy"), officer=SEALER)),
    Forgery("another deputy than the one who signs", "pack-signer",
            lambda f: f.put([path for path in f.order if f.bodies[path]["kind"] == "deputy"][-1], officer=SEALER),
            by_deputy),
    Forgery("a revocation of a bystander", "proven",
            lambda f: revoke(f, HELPER, f"{SHELTER}/administrator-1",
                             f"{SHELTER}/administrator-2", at=f.entry("deputy"))),
    Forgery("a revocation of a bystander by the root", "pack-signer",
            lambda f: revoke(f, HELPER, f"root/{SHELTER}", at=f.entry("deputy"))),
    Forgery("a revocation of a signer", "pack-signer",
            lambda f: revoke(f, FIRST, *court_admins(), at=f.entry("deputy"))),
    Forgery("a second certificate while the first counts", "pack-signer",
            lambda f: f.put(f.certificate(SECOND), subject=FIRST)),
    Forgery("a desk's certificate once more by administrators", "pack-signer",
            lambda f: f.signers.update({f.certificate(f"desk/{COURT}"): [f"desk/{COURT}", *court_admins()]}),
            changed_people),
    Forgery("an event that two officers sign", "pack-signer", lambda f: f.signers[f.find("seize")].append(SEALER)),
    Forgery("an event of an officer of another agency", "pack-signer", lambda f: own(f, "seize", officer=HELPER)),
    Forgery("an event of another agency in this holding", "pack-custody", strange_agency),
    Forgery("an event of an administrator without a further role", "pack-signer",
            lambda f: sign_as(f, "receive", court_admins()[0])),
    # Section 8: members and chains
    Forgery("a receiver where nothing is offered", "pack-custody", lambda f: own(f, "examine", to_agency=SHELTER)),
    Forgery("a receipt where nothing is closed", "pack-custody", lambda f: own(f, "examine", counterpart="A" * 43)),
    Forgery("a length where no pack is built", "pack-custody", lambda f: own(f, "examine", length=1)),
    Forgery("an offer to nobody", "pack-custody", lambda f: own(f, "handover-offered", to_agency=None)),
    Forgery("a text of 2,001 characters", "pack-custody", lambda f: own(f, "examine", reason="x" * 2001)),
    Forgery("a text of 2,000 characters", "proven", lambda f: own(f, "examine", reason="é" * 2000)),
    Forgery("a time before all clocks", "pack-custody", lambda f: own(f, "examine", at=-1)),
    Forgery("another checkpoint seen", "proven",
            lambda f: own(f, "examine", checkpoint={"size": 9999, "root": "A" * 43})),
    Forgery("a correction of itself", "pack-custody", lambda f: own(f, "correction", supersedes=1)),
    Forgery("a chain that begins with a correction", "pack-custody",
            lambda f: own(f, "seize", action="correction", supersedes=0)),
    Forgery("a chain that begins with an offer", "pack-custody",
            lambda f: own(f, "receive", action="handover-offered", to_agency=SHELTER, to_holding="A" * 22)),
    Forgery("an end in the middle", "pack-custody", lambda f: own(f, "examine", action="return")),
    Forgery("an open chain that has ended", "pack-custody",
            lambda f: own(f, "correction", action="destroy", supersedes=None)),
    Forgery("an own chain that ends with an offer", "pack-custody",
            lambda f: own(f, "correction", action="handover-offered", supersedes=None, to_agency=SHELTER,
                          to_holding="A" * 22)),
    Forgery("a pack built of what is offered", "pack-custody",
            lambda f: own(f, "correction", action="pack-built", supersedes=None, length=2, pack_digest="A" * 43),
            one_sided),
    Forgery("two events that change places in the log", "pack-custody",
            lambda f: swap_indices(f, f.find("seize"), f.find("examine"))),
    # Section 8 and 10.5: handovers
    Forgery("another seal at the acceptance", "pack-custody", lambda f: own(f, "handover-accepted", seal="S-2")),
    Forgery("no seal at the acceptance", "pack-custody", lambda f: own(f, "handover-accepted", seal=None)),
    Forgery("other files at the acceptance", "pack-custody", lambda f: own(f, "handover-accepted", outputs=[])),
    Forgery("an offer to another agency", "pack-custody", lambda f: own(f, "handover-offered", to_agency=SHELTER)),
    Forgery("an offer of another holding", "pack-custody", lambda f: own(f, "handover-offered", to_holding="A" * 22)),
    Forgery("an answer to something that is no offer", "pack-custody", answer_something_else),
    Forgery("an acceptance before the offer", "pack-custody",
            lambda f: swap_indices(f, f.find("handover-offered"), f.find("handover-accepted"))),
    Forgery("a close before the acceptance", "pack-custody",
            lambda f: swap_indices(f, f.find("handover-closed"), f.find("handover-accepted"))),
    Forgery("a close with another receipt", "pack-custody", lambda f: own(f, "handover-closed", counterpart="A" * 43)),
    Forgery("a chain that goes on after an acceptance", "pack-custody",
            lambda f: own(f, "handover-closed", action="view", counterpart=None)),
    Forgery("a handover that is closed after a refusal", "pack-custody",
            lambda f: own(f, "handover-accepted", action="handover-refused")),
    Forgery("a chain that goes on after a refusal that comes later", "pack-custody",
            lambda f: f.indices.update({f.find("handover-refused"): f.indices[f.find("correction", 1)],
                                        f.find("correction", 1): f.indices[f.find("handover-refused")]}), refused),
    Forgery("an own chain that goes on without the refusal", "pack-custody", drop_refusal, refused),
    Forgery("holdings in another order than the log's", "pack-custody",
            lambda f: f.listed["exhibits"][0]["holdings"].reverse()),
    Forgery("a chain of another agency that is called closed", "pack-list",
            lambda f: state_of(f, "elsewhere").update(state="closed")),
    Forgery("an ended chain that is called elsewhere", "pack-list",
            lambda f: state_of(f, "closed").update(state="elsewhere"), given_away),
    Forgery("an ended chain that is called open", "pack-list",
            lambda f: state_of(f, "closed").update(state="open"), given_away),
    Forgery("an ended chain that did not end", "pack-custody", end_otherwise, given_away),
    # Section 10.5: the list
    Forgery("a time that has no date", "pack-list", lambda f: f.listed.update(made_at=2**53 - 1)),
    Forgery("a chain of a thousand million events", "pack-list",
            lambda f: f.listed["holdings"][0].update(length=2**52)),
    Forgery("a million and one numbers", "pack-list", lambda f: f.listed["numbers"].update(last=1_000_001)),
    Forgery("a disclosed pack twice", "pack-list",
            lambda f: f.listed.update(disclosed=[{"pack": "A" * 22, "on": "2031-01-01", "numbers": []}] * 2)),
    Forgery("a disclosed pack on two dates", "proven",
            lambda f: f.listed.update(disclosed=[{"pack": "A" * 22, "on": f"2031-01-0{day}", "numbers": [9]}
                                                 for day in (2, 1)])),
    Forgery("a disclosed pack on no date", "pack-list",
            lambda f: f.listed.update(disclosed=[{"pack": "A" * 22, "on": "2031-02-29", "numbers": []}])),
    Forgery("numbers of a disclosed pack out of order", "pack-list",
            lambda f: f.listed.update(disclosed=[{"pack": "A" * 22, "on": "2031-01-01", "numbers": [2, 1]}])),
    Forgery("a document with a name that ends in a dot", "pack-list",
            lambda f: f.listed.update(documents=[{"path": "data/documents/a.", "title": ""}])),
    Forgery("a gap about nothing", "pack-list", lambda f: gap(f, "other")),
    Forgery("a gap about a file with the maker's reason", "pack-list",
            lambda f: gap(f, "consent", path="data/checkpoint")),
    Forgery("a gap about a number that is there", "pack-list", lambda f: gap(f, "consent", number=1)),
    Forgery("a media type of another form", "pack-list", lambda f: file_of(f, 1).update(media_type="Image/JPEG")),
    Forgery("a media type that was not sealed", "pack-contents",
            lambda f: file_of(f, 1).update(media_type="image/png")),
    Forgery("custody as the proof of a file that has none", "pack-list",
            lambda f: file_of(f, 4).update(proof="custody")),
    Forgery("no proof of a file that custody proves", "pack-list", lambda f: file_of(f, 2).update(proof="none")),
    Forgery("another digest in the outputs of custody", "pack-custody",
            lambda f: own(f, "examine", outputs=[{"file": file_of(f, 1)["file"], "sha256": "A" * 43}])),
    Forgery("another digest in the inputs of custody", "pack-custody",
            lambda f: own(f, "examine", inputs=[{"file": file_of(f, 1)["file"], "sha256": "A" * 43}])),
    # Section 3 and 10: bundles
    Forgery("a deposit that is not the sender's first event", "pack-contents",
            lambda f: f.put(f.entry("deposited"), number=1)),
    Forgery("a header that somebody else signs", "pack-contents",
            lambda f: f.pens.update({(path, SEALER): SEIZER for path in f.headers})),
    Forgery("a header with another key of the sender", "pack-contents",
            lambda f: [one.update(sender_key=b64u(f.world.key(SEIZER).public_key)) for one in f.headers.values()]),
    Forgery("a header with a size that is no padded one", "pack-contents",
            lambda f: [one.update(padded_bytes=4097 * 8) for one in f.headers.values()]),
    Forgery("a header with a handle twice", "pack-contents",
            lambda f: [one.update(handles=one["handles"][:1] * 8) for one in f.headers.values()]),
    Forgery("a salt of 31 bytes", "pack-log",
            lambda f: f.files.update({f.find("seize").replace(".statement", ".salt"): bytes(31)})),
    # Section 10.6 and 6.2: seals
    Forgery("a pack.sig by one officer", "pack-signatures", lambda f: f.officers.pop()),
    Forgery("a pack.sig with a name that is no role handle", "pack-signatures",
            lambda f: f.officers.__setitem__(0, f"desk/{COURT}")),
    Forgery("a pack.sig by an officer of another agency", "pack-signer", lambda f: f.officers.__setitem__(0, SEIZER)),
    Forgery("a pack.sig with another's key", "pack-signatures", lambda f: f.pens.update({("pack.sig", FIRST): SECOND})),
    Forgery("a checkpoint with a line of the log twice", "pack-log",
            lambda f: f.retouch.update(data=lambda raw: raw + raw.partition(b"\n\n")[2].splitlines(True)[1])),
    Forgery("a checkpoint with a witness's line twice", "proven",
            lambda f: f.retouch.update(data=lambda raw: raw + raw.splitlines(True)[-1])),
    Forgery("a checkpoint with an extension line", "pack-log",
            lambda f: f.retouch.update({"pack-built": lambda raw: raw.replace(b"\n\n", b"\nmore\n\n", 1)})),
    Forgery("a checkpoint that too few confirmed", "pack-log", lambda f: setattr(f, "witnesses", (COURT,))),
    Forgery("a checkpoint that two of three confirmed", "proven", lambda f: setattr(f, "witnesses", (COURT, POLICE))),
    Forgery("a trust copy that does not say that it is one", "pack-log",
            lambda f: f.files.update({"data/trust-copy.txt": f.world.trust()})),
    Forgery("a trust copy that is none", "pack-log", lambda f: f.files.update({"data/trust-copy.txt": b"# copy\nx\n"})),
    Forgery("a trust copy that names other agencies", "proven",
            lambda f: f.files.update({"data/trust-copy.txt": b"# copy\n" + f.world.trust([SHELTER])})),
)  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda one: one.claim)
def test_a_forgery_gets_the_same_answer_from_both(forgery: Forgery, rng: random.Random) -> None:
    """Each breaks one rule of the document; the few that are `proven` break none."""
    made = forgery.variant(rng)
    forge = Forge(made.world, made.pack)
    forgery.do(forge)
    assert agreed(forge.seal(), made.trust, forgery.claim) == forgery.code
