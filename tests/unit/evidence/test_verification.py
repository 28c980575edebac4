"""A pack is believed when everything fits, and refused when anything does not."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from crypto.encoding import b64u, dump_json, parse_json, unb64u
from custody import tree
from errors import AmparoError, PackInvalid, PackListInvalid, PackNotReady
from evidence import pack_list, packs
from evidence.archive import PACK_JSON, digest_chunks
from evidence.pack_input import PackDocument, PackExhibit, PackFile
from evidence.pack_list import Disclosed, Gap, event_path, parse_pack_list
from evidence.verification import Verdict, verify_pack
from tests.support.packs import (
    AGENCIES,
    COURT,
    FIRST,
    HELPER,
    NOW,
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
    relist,
    resign,
    source_of,
    unpack,
    zip_up,
)

Files = dict[str, bytes]


@dataclass(frozen=True)
class Made:
    """A case, its pack and the trust file from outside."""

    case: Case
    pack: bytes
    trust: bytes

    @property
    def world(self) -> World:
        return self.case.world


@pytest.fixture(scope="module")
def made(seed: int) -> Made:
    case = make_case(random.Random(seed))
    return Made(case, case.build(), case.world.trust())


@pytest.fixture
def case(rng: random.Random) -> Case:
    return make_case(rng)


def check(pack: bytes, trust: bytes | None) -> Verdict:
    return verify_pack(io.BytesIO(pack), trust)


def refused(pack: bytes, trust: bytes | None, *codes: str) -> str:
    """Require a refusal, with one of these codes where any are given; gives the message."""
    with pytest.raises(PackInvalid) as caught:
        check(pack, trust)
    if codes:
        assert caught.value.code in codes, (caught.value.code, caught.value.message)
    return caught.value.message


# ---- What holds ---------------------------------------------------------------------------------------------


def test_a_good_pack_is_proven_by_a_trust_file_from_outside(made: Made) -> None:
    verdict = check(made.pack, made.trust)
    assert verdict.is_proven
    assert (verdict.agency, verdict.case, verdict.signers) == (COURT, "SM-T-2031-31", (FIRST, SECOND))
    assert verdict.confirmed == (3, 3)
    assert any(words.startswith("All ") and "unchanged" in words for words in verdict.checks)
    assert "2 of the files are those that north-police sealed." in verdict.checks
    assert len(verdict.gaps) == 4


def test_without_a_trust_file_a_pack_is_whole_but_not_proven(made: Made) -> None:
    verdict = check(made.pack, None)
    assert not verdict.is_proven
    assert any("no trust file" in words for words in verdict.limits)


def test_a_pack_says_that_consent_was_withdrawn_after_an_earlier_one_was_shown(case: Case) -> None:
    case.disclosed = (Disclosed(bytes(16), "2031-01-04", (2, 3)),)
    verdict = check(case.build(), case.world.trust())
    assert verdict.disclosed == (
        f"Pack {bytes(16).hex()} was shown on 2031-01-04; number 2, 3 in it was withdrawn since.",
    )


def test_a_pack_with_a_further_document_is_proven_and_lists_it(case: Case) -> None:
    document = PackDocument("schedule.csv", "Schedule of used material", b"1,photograph\n")
    given = replace(case.given(), documents=(document,))
    pack = finish(case.world, packs.plan_pack(given, print_plainly))
    assert unpack(pack)["data/documents/schedule.csv"] == b"1,photograph\n"
    check(pack, case.world.trust())


# ---- Somebody without keys ----------------------------------------------------------------------------------


def test_any_changed_byte_is_refused(made: Made, rng: random.Random, sample_count: Callable[[int, int], int]) -> None:
    count = len(made.pack)
    for position in rng.sample(range(count), min(count, sample_count(150, count))):
        altered = bytearray(made.pack)
        altered[position] ^= 1 << rng.randrange(8)
        refused(bytes(altered), made.trust)
        refused(bytes(altered), None)


@pytest.mark.parametrize("is_relisted", [False, True], ids=["as-it-is", "lists-made-anew"])
def test_a_changed_byte_in_any_file_is_refused_also_when_all_lists_were_made_anew(
    made: Made, rng: random.Random, is_relisted: bool, sample_count: Callable[[int, int], int]
) -> None:
    """Control: making the lists anew around the same files gives the same pack."""
    files = unpack(made.pack)
    assert zip_up(relist(files)) == made.pack
    for path in sorted(files):
        for _ in range(sample_count(1, 20)):
            altered = dict(files)
            raw = bytearray(files[path])
            if not raw:
                continue
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            altered[path] = bytes(raw)
            if is_relisted and path.startswith(("data/", "pack-built/", "pack.sig", "HOW")):
                altered = relist(altered)
            pack = zip_up(altered)
            assert pack != made.pack
            refused(pack, made.trust)


@pytest.mark.parametrize("is_relisted", [False, True], ids=["as-it-is", "lists-made-anew"])
def test_a_file_removed_added_renamed_or_swapped_is_refused(made: Made, rng: random.Random, is_relisted: bool) -> None:
    files = unpack(made.pack)
    payload = sorted(path for path in files if path.startswith(("data/", "pack-built/")))

    def attempt(altered: Files) -> None:
        refused(zip_up(relist(altered) if is_relisted else altered), made.trust)

    check(zip_up(relist(files) if is_relisted else files), made.trust)
    for path in payload:
        attempt({other: raw for other, raw in files.items() if other != path})
        attempt({**{other: raw for other, raw in files.items() if other != path}, path + "x": files[path]})
        other = rng.choice([one for one in payload if files[one] != files[path]])
        attempt({**files, path: files[other], other: files[path]})
    for path in ("data/extra", "data/exhibits/1/extra.jpg", "fetch.txt", "extra.txt", "pack-built/extra.salt"):
        attempt({**files, path: b"extra"})


def test_two_exhibits_that_change_places_are_refused_with_the_list_changed_too(made: Made) -> None:
    files = unpack(made.pack)
    listed = parse_pack_list(files[PACK_JSON])
    first, second = (exhibit.files[0] for exhibit in listed.exhibits[:2])
    altered = {**files, first.path: files[second.path], second.path: files[first.path]}
    refused(zip_up(relist(altered)), made.trust)
    refused(resign(made.world, relist(altered)), made.trust, "pack-contents")


# ---- Two corrupt officers of the pack's own agency, with the log's help --------------------------------------


def test_two_officers_can_make_a_pack_of_the_same_files_again(made: Made) -> None:
    """The control of all forgeries below: the same tools, nothing altered."""
    verdict = check(resign(made.world, relist(unpack(made.pack))), made.trust)
    assert verdict.is_proven


def exhibit_paths(files: Files) -> list[str]:
    return [exhibit.files[0].path for exhibit in parse_pack_list(files[PACK_JSON]).exhibits]


def chain_of(files: Files, agency: str, state: str = "open", place: int = 0) -> pack_list.ListedHolding:
    found = [one for one in parse_pack_list(files[PACK_JSON]).holdings if (one.agency, one.state) == (agency, state)]
    return sorted(found, key=lambda one: -one.length)[place]


def alter_sealed_file(files: Files) -> Files:
    path = exhibit_paths(files)[2]
    return {**files, path: files[path] + b"!"}


def alter_sealed_file_and_entry(files: Files) -> Files:
    """The entry in the proof is made to fit the altered file."""
    out = alter_sealed_file(files)
    path = exhibit_paths(files)[2]
    name = path.rsplit("/", 1)[1].split(".")[0]
    proof = pack_list.proof_path(bytes.fromhex(name))
    digests = digest_chunks([out[path]])
    fitting = {"sha256": b64u(digests.sha256), "pieces": b64u(digests.pieces), "size_bytes": digests.size_bytes}
    entry = dump_json({**_entry(files[proof]), **fitting})
    return {**out, proof: dump_json({**parse_json(files[proof]), "entry": b64u(entry)})}


def _entry(raw: bytes) -> Any:
    return parse_json(unb64u(parse_json(raw)["entry"]))


def alter_recorded_file(files: Files) -> Files:
    path = exhibit_paths(files)[1]
    return {**files, path: files[path][:-1] + b"!"}


def alter_header(files: Files) -> Files:
    path = next(path for path in files if path.endswith("/header"))
    header = {**parse_json(files[path]), "expires": "2037-01"}
    return {**files, path: dump_json(header)}


def alter_statement(files: Files) -> Files:
    path = event_path(chain_of(files, COURT).holding, 0, "statement")
    return {**files, path: files[path].replace(b"Evidence room", b"evidence room")}


def alter_salt(files: Files) -> Files:
    path = event_path(chain_of(files, COURT).holding, 0, "salt")
    return {**files, path: bytes(32)}


def swap_proofs(files: Files) -> Files:
    holding = chain_of(files, POLICE, "elsewhere").holding
    one, two = (event_path(holding, number, "tlog-proof") for number in (0, 1))
    return {**files, one: files[two], two: files[one]}


def swap_events(files: Files) -> Files:
    holding = chain_of(files, POLICE, "elsewhere").holding
    out = dict(files)
    for part in pack_list.EVENT_PARTS:
        one, two = (event_path(holding, number, part) for number in (0, 1))
        out[one], out[two] = files[two], files[one]
    return out


def swap_certificates(files: Files) -> Files:
    one, two = (path for path in sorted(files) if path.startswith("data/certificates/1."))
    other_one, other_two = one.replace("/1.", "/2."), two.replace("/1.", "/2.")
    swapped = {one: files[other_one], two: files[other_two], other_one: files[one], other_two: files[two]}
    return {**files, **swapped}


def replace_checkpoint_root(files: Files) -> Files:
    lines = files["data/checkpoint"].split(b"\n")
    lines[2] = b"A" * 43 + b"="
    return {**files, "data/checkpoint": b"\n".join(lines)}


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (alter_sealed_file, "pack-contents"),
        (alter_sealed_file_and_entry, "pack-contents"),
        (alter_recorded_file, "pack-custody"),
        (alter_header, "pack-contents"),
        (alter_statement, "pack-log"),
        (alter_salt, "pack-log"),
        (swap_proofs, "pack-log"),
        (swap_events, "pack-custody"),
        (swap_certificates, "pack-log"),
        (replace_checkpoint_root, "pack-log"),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_two_officers_cannot_alter_what_others_signed(made: Made, forge: Callable[[Files], Files], code: str) -> None:
    forged = relist(forge(unpack(made.pack)))
    refused(resign(made.world, forged), made.trust, code)
    refused(resign(made.world, forged), None, code)


def drop_event(files: Files, agency: str, state: str, number: int) -> tuple[Files, dict[str, Any]]:
    """Take an event out of a chain, move the later ones up, and say in the list that the chain is shorter."""
    chain = chain_of(files, agency, state)
    out = dict(files)
    for part in pack_list.EVENT_PARTS:
        for later in range(number, chain.length - 1):
            out[event_path(chain.holding, later, part)] = files[event_path(chain.holding, later + 1, part)]
        del out[event_path(chain.holding, chain.length - 1, part)]
    listed = parse_pack_list(files[PACK_JSON])
    holdings = tuple(
        replace(one, length=one.length - 1) if one.holding == chain.holding else one for one in listed.holdings
    )
    return out, {"holdings": holdings}


@pytest.mark.parametrize(
    ("agency", "state", "number"), [(POLICE, "elsewhere", 0), (POLICE, "elsewhere", 1), (COURT, "open", 0)]
)
def test_an_event_taken_out_of_a_chain_is_noticed(made: Made, agency: str, state: str, number: int) -> None:
    files, changes = drop_event(unpack(made.pack), agency, state, number)
    refused(resign(made.world, relist(files, **changes)), made.trust, "pack-custody")


def test_the_end_of_another_agencys_chain_cannot_be_known_and_the_verdict_says_so(made: Made) -> None:
    files, changes = drop_event(unpack(made.pack), POLICE, "elsewhere", 3)
    verdict = check(resign(made.world, relist(files, **changes)), made.trust)
    assert any("north-police recorded in chain" in words for words in verdict.limits)
    assert not any("north-police" in words for words in check(made.pack, made.trust).limits)


def change_list(made: Made, **changes: Any) -> bytes:
    return resign(made.world, relist(unpack(made.pack), **changes))


def test_gaps_are_named_as_they_are(made: Made) -> None:
    """Control: the list with its gaps as they are was accepted above."""
    listed = parse_pack_list(unpack(made.pack)[PACK_JSON])
    for dropped in range(len(listed.gaps)):
        gaps = tuple(gap for place, gap in enumerate(listed.gaps) if place != dropped)
        refused(change_list(made, gaps=gaps), made.trust, "pack-list")
    absent = next(gap for gap in listed.gaps if gap.number == 5)
    for beside in ({"path": "data/checkpoint"}, {"holding": listed.holdings[0].holding}):
        gaps = tuple(replace(gap, **beside) if gap == absent else gap for gap in listed.gaps)  # type: ignore[arg-type]
        refused(change_list(made, gaps=gaps), made.trust, "pack-list")
    for invented in (
        Gap("no-proof", "x", path=listed.exhibits[0].files[0].path),
        Gap("no-custody", "x", number=1),
        Gap("no-origin", "x", holding=listed.holdings[0].holding),
        Gap("consent", "x", number=2),
        Gap("consent", "x", number=5),
        Gap("consent", "x", number=6),
        Gap("consent", "x"),
        Gap("no-custody", "x", number=3, path=listed.exhibits[0].files[0].path),
    ):
        refused(change_list(made, gaps=(*listed.gaps, invented)), made.trust, "pack-list")


def test_a_pack_that_no_chain_of_its_agency_records_is_refused(made: Made) -> None:
    """The makers leave out their own chains, say so in the gaps, and sign."""
    files = unpack(made.pack)
    listed = parse_pack_list(files[PACK_JSON])
    own = {one.holding for one in listed.holdings if one.state == "open"}
    kept = {path: raw for path, raw in files.items() if not any(holding.hex() in path for holding in own)}
    one, two, three, four = listed.exhibits
    report = replace(two.files[0], proof="none")
    changes = {
        "exhibits": (replace(one, holdings=one.holdings[:1]), replace(two, holdings=(), files=(report,)), three, four),
        "holdings": tuple(holding for holding in listed.holdings if holding.holding not in own),
        "gaps": (*listed.gaps, Gap("no-custody", "x", number=2), Gap("no-proof", "x", path=report.path)),
    }
    refused(resign(made.world, relist(kept, **changes)), made.trust, "pack-list")


def test_the_list_of_files_is_that_of_the_zip(made: Made) -> None:
    """Two officers sign a list that leaves a file out, invents one, or gives another digest."""
    files = relist(unpack(made.pack))
    listed = parse_pack_list(files[PACK_JSON])
    lines = listed.files
    place = next(place for place, one in enumerate(lines) if one.path == "data/custody-statement.pdf")
    one = lines[place]

    def attempt(*changed: pack_list.ListedFile) -> None:
        forged = replace(listed, files=(*lines[:place], *changed, *lines[place + 1 :])).dump()
        pack = resign(made.world, {**files, PACK_JSON: forged})
        if changed == (one,):
            check(pack, made.trust)
        else:
            refused(pack, made.trust, "pack-list")

    attempt(one)
    attempt()
    attempt(one, replace(one, path=one.path + "x"))
    attempt(replace(one, sha256=bytes(32)))
    attempt(replace(one, pieces=bytes(32)))
    attempt(replace(one, size_bytes=one.size_bytes + 1))


def test_the_list_says_what_is_so(made: Made) -> None:
    listed = parse_pack_list(unpack(made.pack)[PACK_JSON])
    one, two, three, four = listed.exhibits
    own = next(place for place, one in enumerate(listed.holdings) if one.state == "open")

    def with_state(state: str) -> tuple[pack_list.ListedHolding, ...]:
        return tuple(
            replace(holding, state=state) if place == own else holding for place, holding in enumerate(listed.holdings)
        )

    for changes in (
        {"holdings": with_state("closed")},
        {"holdings": with_state("elsewhere")},
        {"exhibits": (one, two, three, replace(four, files=(replace(four.files[0], proof="custody"),)))},
        {"exhibits": (one, replace(two, files=(replace(two.files[0], proof="none"),)), three, four)},
        {
            "exhibits": (one, replace(two, files=(replace(two.files[0], proof="none"),)), three, four),
            "gaps": (*listed.gaps, Gap("no-proof", "x", path=two.files[0].path)),
        },
        {"exhibits": (one, replace(two, object_id=one.object_id), three, four)},
        {"exhibits": (one, replace(two, holdings=()), three, four)},
        {"exhibits": (replace(one, holdings=one.holdings[:1]), two, three, four)},
        {"exhibits": (one, two, three)},
        {"bundles": ()},
        {"bundles": (bytes(16), *listed.bundles)},
        {"certificates": listed.certificates[:-1]},
        {"last": 6},
        {"agency": POLICE},
        {"pack": bytes(16)},
        {"made_at": NOW + 200_000},
        {"log": "log.example/other"},
    ):
        refused(change_list(made, **changes), made.trust)  # type: ignore[arg-type]


# ---- Signers ------------------------------------------------------------------------------------------------


def test_a_pack_needs_two_different_officers_of_its_agency(case: Case) -> None:
    world, trust = case.world, case.world.trust()
    auditor = f"{COURT}/auditor-1"
    world.certify(auditor, *world.admins(COURT), roles=["auditor"])
    files = relist(unpack(case.build()))
    check(resign(world, files, (FIRST, SECOND)), trust)
    check(resign(world, files, (SECOND, FIRST)), trust)
    for pair in (
        (FIRST, SEIZER),
        (FIRST, auditor),
        (FIRST, world.admins(COURT)[0]),
        (SEIZER, SEALER),
        (FIRST, f"{COURT}/x-9"),
    ):
        refused(resign(world, files, pair), trust, "pack-signer")
    for signers in ((FIRST,), (FIRST, SECOND, SEIZER), ()):
        refused(resign(world, files, signers), trust, "pack-signatures", "pack-signer")


def test_two_signatures_of_one_officer_are_refused(made: Made) -> None:
    files = unpack(made.pack)
    pairs = parse_json(files["pack.sig"])["signatures"]
    for altered in ([pairs[0], pairs[0]], [pairs[1], pairs[0]], [pairs[0]], [*pairs, pairs[0]], []):
        sig = dump_json({"v": 1, "signatures": altered})
        refused(zip_up({**files, "pack.sig": sig}), made.trust, "pack-signatures", "pack-signer")
    check(zip_up({**files, "pack.sig": dump_json({"v": 1, "signatures": pairs})}), made.trust)


def shelter_case(rng: random.Random) -> Case:
    """A pack of an agency with one officer and a deputy."""
    world = World(rng)
    world.found()
    object_id, file = rng.randbytes(16), rng.randbytes(16)
    holding = world.holding_of(object_id)
    world.custody(holding, HELPER, "receive", outputs=outputs(file, b"letter"))
    exhibit = PackExhibit(
        1, object_id, "H-1", "H-1", "Letter", "used",
        (PackFile(file, "txt", "text/plain", "letter", lambda: [b"letter"]),), (holding,),
    )  # fmt: skip
    return Case(world, [exhibit], agency=SHELTER, numbers=(1, 1))


def test_the_deputy_signs_with_the_only_officer_of_an_agency(rng: random.Random) -> None:
    case = shelter_case(rng)
    trust = case.world.trust()
    check(case.build(signers=(HELPER, SEIZER), officer=HELPER), trust)
    for pair in ((HELPER, SEALER), (HELPER, FIRST), (SEIZER, SEALER)):
        refused(case.build(signers=pair, officer=HELPER), trust, "pack-signer")


def test_a_deputy_signs_no_custody_event_of_the_agency(rng: random.Random) -> None:
    case = shelter_case(rng)
    check(case.build(signers=(HELPER, SEIZER), officer=HELPER), case.world.trust())
    refused(case.build(signers=(HELPER, SEIZER), officer=SEIZER), case.world.trust())


def test_an_officer_who_was_struck_off_before_an_event_does_not_count(rng: random.Random) -> None:
    """Control: struck off after everything was signed, the same pack is proven."""
    for is_before in (False, True):
        case = make_case(random.Random(rng.random()))
        world = case.world
        certificate = next(one for one in world.directory if f'"subject":"{SECOND}"'.encode() in one.statement)
        if is_before:
            world.revoke(certificate, *world.admins(COURT))
            holding = case.exhibits[1].holdings[0]
            world.custody(holding, SECOND, "view")
            refused(case.build(signers=(FIRST, SECOND)), world.trust(), "pack-signer")
        else:
            plan = packs.plan_pack(case.given(), print_plainly)
            strike = lambda: world.revoke(certificate, *world.admins(COURT))  # noqa: E731, B023
            check(finish(world, plan, before_proofs=strike), world.trust())


def test_a_revoked_signer_of_the_pack_does_not_count(rng: random.Random) -> None:
    for is_revoked in (False, True):
        case = make_case(random.Random(rng.random()))
        world = case.world
        third = f"{COURT}/prosecutor-3"
        certificate = world.certify(third, *world.admins(COURT), roles=["prosecutor"])
        if is_revoked:
            world.revoke(certificate, *world.admins(COURT))
            refused(case.build(signers=(FIRST, third)), world.trust(), "pack-signer")
        else:
            check(case.build(signers=(FIRST, third)), world.trust())


def test_a_signature_before_the_certificate_does_not_count(rng: random.Random) -> None:
    case = make_case(rng)
    world, late = case.world, f"{COURT}/prosecutor-9"
    holding = case.exhibits[1].holdings[0]
    world.custody(holding, late, "view")
    world.certify(late, *world.admins(COURT), roles=["prosecutor"])
    refused(case.build(), world.trust(), "pack-signer")
    world.chains[holding].pop()
    world.custody(holding, late, "view")
    check(case.build(), world.trust())


def test_a_certificate_of_one_administrator_alone_does_not_count(case: Case) -> None:
    world = case.world
    check(case.build(), world.trust())
    world.certify(f"{COURT}/prosecutor-9", world.admins(COURT)[0], roles=["prosecutor"])
    refused(case.build(), world.trust(), "pack-signer")


def reseal(case: Case, **forgery: Any) -> None:
    """Exhibit 3 comes in a bundle of its own, forged as told."""
    exhibit = case.exhibits[2]
    contents = b"".join(exhibit.files[0].read())
    sources = [source_of(exhibit.object_id, exhibit.files[0].file, contents, "text/plain")]
    bundle = case.world.bundle(sources, **forgery)
    file = replace(exhibit.files[0], contents=bundle.contents[exhibit.files[0].file])
    case.exhibits[2] = replace(exhibit, files=(file,))
    case.bundles.append(bundle)


@pytest.mark.parametrize(
    ("forgery", "code"),
    [
        ({}, ""),
        ({"officer": f"{POLICE}/liaison-99"}, "pack-signer"),
        ({"officer": f"{POLICE}/administrator-1"}, "pack-signer"),
        ({"pen": FIRST}, "pack-signer"),
        ({"deposit": {"header_digest": b64u(bytes(32))}}, "pack-contents"),
        ({"deposit": {"bundle_id": b64u(bytes(16))}}, "pack-contents"),
        ({"deposit": {"officer": SEIZER}}, "pack-contents"),
        ({"deposit": {"agency": SHELTER}}, "pack-contents"),
        ({"deposit_by": (SEIZER,)}, "pack-signer"),
        ({"deposit_by": (SEALER, SEIZER)}, "pack-signer"),
        ({"deposit_pen": FIRST}, "pack-signer"),
    ],
)
def test_a_bundle_is_sealed_and_deposited_by_one_certified_officer(
    case: Case, forgery: dict[str, Any], code: str
) -> None:
    reseal(case, **forgery)
    if code:
        refused(case.build(), case.world.trust(), code)
    else:
        check(case.build(), case.world.trust())


@pytest.mark.parametrize(
    "entry",
    [
        lambda one: one, lambda one: {**one, "extra": 1}, lambda one: {"object": one["object"]},
        lambda one: {**one, "object": 5}, lambda one: {**one, "file": b64u(bytes(16))},
        lambda one: {**one, "object": b64u(bytes(16))}, lambda one: {**one, "media_type": "image/png"},
        lambda one: {**one, "size_bytes": 1}, lambda one: {**one, "pieces": b64u(bytes(32))},
        lambda one: {**one, "sha256": b64u(bytes(32))}, lambda one: {**one, "sha256": None},
    ],
)  # fmt: skip
def test_an_entry_that_does_not_fit_its_file_is_refused_though_its_agency_sealed_it(
    case: Case, entry: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Control: the first one alters nothing."""
    reseal(case, entry=entry)
    sample = {"object": "x", "file": "x"}
    if entry(sample) == sample:
        check(case.build(), case.world.trust())
    else:
        refused(case.build(), case.world.trust(), "pack-contents")


def test_a_bundle_that_no_file_needs_is_refused(case: Case) -> None:
    file = case.exhibits[2].files[0]
    reseal(case)
    check(case.build(), case.world.trust())
    files = unpack(case.build())
    one, two, three, four = parse_pack_list(files[PACK_JSON]).exhibits
    first = three.files[0]
    exhibits = (one, two, replace(three, files=(replace(first, bundle=case.bundles[0].bundle_id),)), four)
    forged = {**files, pack_list.proof_path(first.file): file.contents.dump()}  # type: ignore[union-attr]
    refused(resign(case.world, relist(forged, exhibits=exhibits)), case.world.trust(), "pack-list")
    case.exhibits[2] = replace(case.exhibits[2], files=(file,))
    with pytest.raises(PackListInvalid):
        case.build()


def test_a_proof_from_another_bundle_than_the_listed_one_is_refused(case: Case) -> None:
    """Two bundles hold the same file; the list names one and the proof leads to the other."""
    reseal(case)
    pack = case.build()
    check(pack, case.world.trust())
    files = unpack(pack)
    listed = parse_pack_list(files[PACK_JSON])
    one, two, three, four = listed.exhibits
    other = next(bundle for bundle in listed.bundles if bundle != three.files[0].bundle)
    first = replace(one.files[0], bundle=three.files[0].bundle)
    third = replace(three.files[0], bundle=other)
    exhibits = (replace(one, files=(first,)), two, replace(three, files=(third,)), four)
    refused(resign(case.world, relist(files, exhibits=exhibits)), case.world.trust(), "pack-contents")


def test_a_bundle_under_the_name_of_another_is_refused(case: Case) -> None:
    reseal(case)
    check(case.build(), case.world.trust())
    case.bundles[1] = replace(case.bundles[0], bundle_id=case.bundles[1].bundle_id)
    refused(case.build(), case.world.trust(), "pack-contents")


@pytest.mark.parametrize(
    "forgery", [{}, {"pen": FIRST}, {"signers": (SEIZER, SEALER)}, {"signers": (SEALER,)}], ids=lambda one: str(one)
)
def test_an_event_of_another_agency_cannot_be_invented_with_the_logs_help(case: Case, forgery: dict[str, Any]) -> None:
    """The court's officers and the broker want the police to have seen what they did not see."""
    world, object_id = case.world, case.exhibits[2].object_id
    holding = world.holding_of(object_id)
    world.custody(holding, SEIZER, "seize", **forgery)
    case.exhibits[2] = replace(case.exhibits[2], holdings=(holding,))
    if forgery:
        refused(case.build(), world.trust(), "pack-signer")
    else:
        check(case.build(), world.trust())


# ---- Log and trust file -------------------------------------------------------------------------------------


def test_the_trust_file_decides_whom_to_believe(made: Made, rng: random.Random) -> None:
    check(made.pack, made.trust)
    refused(made.pack, make_case(rng).world.trust(), "pack-log")
    refused(made.pack, made.world.trust(agencies=[COURT, SHELTER]), "pack-signer")
    strangers = World(rng)
    strangers.keys = {name: key for name, key in made.world.keys.items() if not name.startswith("root/")}
    strangers.log = made.world.log
    refused(made.pack, strangers.trust(), "pack-signer")
    for broken in (b"", b"quorum none\n", made.trust + b"what is this\n", made.trust + made.trust, b"\xff"):
        refused(made.pack, broken, "pack-log")


def test_too_few_confirmations_are_refused(case: Case) -> None:
    plan = packs.plan_pack(case.given(), print_plainly)
    trust = case.world.trust()
    check(finish(case.world, plan, witnesses=AGENCIES[:2]), trust)
    refused(finish(case.world, plan, witnesses=AGENCIES[:1]), trust, "pack-log")
    note = case.world.note(witnesses=AGENCIES[:1])
    plan = packs.plan_pack(case.given(note), print_plainly)
    refused(finish(case.world, plan), trust, "pack-log")
    check(finish(case.world, plan), case.world.trust(needed=1))


def test_a_log_with_two_faces_is_refused(case: Case) -> None:
    """The pack's part and the later part come from two trees, each confirmed by everybody."""
    plan = packs.plan_pack(case.given(), print_plainly)
    world = case.world
    check(finish(world, plan), world.trust())
    leaves = [world.hashes.hash_at(0, index) for index in range(world.hashes.size)]
    leaves[0] = bytes(32)
    world.hashes = tree.MemoryHashes(leaves)
    refused(finish(world, plan), world.trust(), "pack-log")


@pytest.mark.parametrize("change", [{"length": 3}, {"pack_digest": b64u(bytes(32))}, {"action": "view"}])
def test_a_pack_built_event_that_records_another_pack_is_refused(case: Case, change: dict[str, Any]) -> None:
    trust = case.world.trust()
    check(case.build(), trust)
    refused(case.build(built=lambda members: {**members, **change}), trust, "pack-custody")


# ---- Handover -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["none", "seal", "outputs", "counterpart", "unclosed", "stranger"])
def test_a_handover_has_two_sides_that_fit(rng: random.Random, fault: str) -> None:
    world = World(rng)
    world.found()
    object_id, file = rng.randbytes(16), rng.randbytes(16)
    taken, court = world.holding_of(object_id), world.holding_of(object_id)
    world.custody(taken, SEIZER, "seize", outputs=outputs(file, b"card"))
    to_agency = SHELTER if fault == "stranger" else COURT
    offer = world.custody(
        taken, SEIZER, "handover-offered", to_agency=to_agency, to_holding=b64u(court), seal="S-1",
        outputs=outputs(file, b"card"),
    )  # fmt: skip
    accepted = world.custody(
        court, FIRST, "handover-accepted", prev=b64u(offer.digest), seal="S-2" if fault == "seal" else "S-1",
        outputs=[] if fault == "outputs" else outputs(file, b"card"),
    )  # fmt: skip
    if fault == "unclosed":
        world.custody(taken, SEIZER, "view")
    else:
        counterpart = bytes(32) if fault == "counterpart" else accepted.digest
        world.custody(taken, SEIZER, "handover-closed", counterpart=b64u(counterpart))
    exhibit = PackExhibit(
        1, object_id, "N-1", "W-1", "Card", "used",
        (PackFile(file, "bin", "application/octet-stream", "card", lambda: [b"card"]),), (taken, court),
    )  # fmt: skip
    pack = Case(world, [exhibit], numbers=(1, 1)).build()
    if fault == "none":
        assert check(pack, world.trust()).gaps == ()
    else:
        refused(pack, world.trust(), "pack-custody")


def test_a_chain_whose_beginning_is_missing_is_a_gap_with_a_name(case: Case) -> None:
    first = case.exhibits[0]
    case.exhibits[0] = replace(first, holdings=first.holdings[1:])
    verdict = check(case.build(), case.world.trust())
    assert any("What happened before west-court held chain" in words for words in verdict.gaps)


def test_an_answer_to_something_that_is_no_offer_is_refused_though_it_is_in_the_pack(case: Case) -> None:
    """A known digest makes no gap; only an offer can be answered."""
    world, exhibit = case.world, case.exhibits[2]
    given, taken = world.holding_of(exhibit.object_id), world.holding_of(exhibit.object_id)
    seized = world.custody(given, SEIZER, "seize")
    world.custody(taken, FIRST, "handover-accepted", prev=b64u(seized.digest))
    case.exhibits[2] = replace(exhibit, holdings=(given, taken))
    refused(case.build(), case.world.trust(), "pack-custody")


@pytest.mark.parametrize("fault", ["none", "close after refusal", "no refusal", "refusal too late"])
def test_an_own_chain_goes_on_after_an_offer_only_where_its_refusal_is_shown(case: Case, fault: str) -> None:
    world, exhibit = case.world, case.exhibits[1]
    own, taken = exhibit.holdings[0], world.holding_of(exhibit.object_id)
    offer = world.custody(own, FIRST, "handover-offered", to_agency=SHELTER, to_holding=b64u(taken))
    if fault == "refusal too late":
        world.custody(own, FIRST, "view")
    refusal = world.custody(taken, HELPER, "handover-refused", prev=b64u(offer.digest))
    if fault == "close after refusal":
        world.custody(own, FIRST, "handover-closed", counterpart=b64u(refusal.digest))
    elif fault != "refusal too late":
        world.custody(own, FIRST, "correction", supersedes=2)
    if fault != "no refusal":
        case.exhibits[1] = replace(exhibit, holdings=(own, taken))
    if fault == "none":
        check(case.build(), world.trust())
    else:
        refused(case.build(), world.trust(), "pack-custody")


def test_an_offer_of_another_agency_whose_answer_is_not_here_is_said(case: Case) -> None:
    world, exhibit = case.world, case.exhibits[2]
    holding = world.holding_of(exhibit.object_id)
    world.custody(holding, SEIZER, "seize")
    world.custody(holding, SEIZER, "handover-offered", to_agency=SHELTER, to_holding=b64u(bytes(16)))
    world.custody(holding, SEIZER, "correction", supersedes=1)
    case.exhibits[2] = replace(exhibit, holdings=(holding,))
    said = f"What {SHELTER} answered to the offer of {POLICE} in number 1 of chain {holding.hex()}."
    assert said in check(case.build(), world.trust()).limits


def test_an_input_of_custody_with_another_digest_is_refused(case: Case) -> None:
    world, exhibit = case.world, case.exhibits[1]
    for contents, code in ((b"".join(exhibit.files[0].read()), ""), (b"other", "pack-not-ready")):
        world.custody(exhibit.holdings[0], FIRST, "examine", inputs=outputs(exhibit.files[0].file, contents))
        if code:
            with pytest.raises(PackNotReady):
                case.build()
        else:
            check(case.build(), world.trust())


def test_holdings_stand_in_the_order_of_the_log(made: Made) -> None:
    listed = parse_pack_list(unpack(made.pack)[PACK_JSON])
    one, *others = listed.exhibits
    turned = (replace(one, holdings=one.holdings[::-1]), *others)
    refused(change_list(made, exhibits=turned), made.trust, "pack-custody")


# ---- Whatever is given --------------------------------------------------------------------------------------


def test_nothing_that_is_given_leaks_an_error_of_another_kind(
    made: Made, rng: random.Random, sample_count: Callable[[int, int], int]
) -> None:
    """Random damage inside well-formed wrappings: only errors of this project come out."""
    files = unpack(made.pack)
    paths = sorted(path for path in files if not path.startswith("data/exhibits/"))
    for _ in range(sample_count(150, 5000)):
        path = rng.choice(paths)
        raw = bytearray(files[path])
        for _ in range(rng.randrange(1, 4)):
            start = rng.randrange(len(raw) + 1)
            raw[start : start + rng.choice((0, 1, 1, 4, 40))] = rng.randbytes(rng.choice((0, 1, 2, 8)))
        try:
            forged = zip_up(
                relist({**files, path: bytes(raw)}) if path.startswith("data/") else {**files, path: bytes(raw)}
            )
        except AmparoError:
            continue
        if forged != made.pack:
            refused(forged, made.trust)
    for raw_pack in (b"", b"PK", b"PK\x05\x06" + bytes(18), rng.randbytes(1000), made.trust):
        refused(raw_pack, made.trust, "pack-zip")


def test_numbers_that_no_program_could_follow_are_refused_at_once(made: Made) -> None:
    """A list of a few bytes may not make a verifier work for years, or end it with another error."""
    files = unpack(made.pack)
    listed = parse_pack_list(files[PACK_JSON])
    for changes in (
        {"made_at": 2**53 - 1},
        {"made_at": pack_list.LATEST + 1},
        {"last": 2**53 - 1},
        {"holdings": tuple(replace(one, length=2**53 - 1) for one in listed.holdings)},
    ):
        forged = {**files, PACK_JSON: replace(listed, **changes).dump()}  # type: ignore[arg-type]
        refused(zip_up(forged), made.trust, "pack-list")


def test_a_file_that_is_missing_or_too_long_has_the_code_of_its_step(made: Made) -> None:
    files = unpack(made.pack)
    for path, code in (
        ("bagit.txt", "pack-bag"), ("bag-info.txt", "pack-bag"), ("manifest-sha512.txt", "pack-bag"),
        ("pack.json", "pack-list"), ("pack.sig", "pack-list"), ("HOW-TO-CHECK.txt", "pack-bag"),
    ):  # fmt: skip
        refused(zip_up({name: raw for name, raw in files.items() if name != path}), made.trust, code)
    for ending, code in ((".salt", "pack-log"), ("/signature", "pack-contents"), ("/header", "pack-contents")):
        path = next(path for path in sorted(files) if path.endswith(ending) and path.startswith("data/"))
        refused(resign(made.world, relist({**files, path: files[path] + bytes(300_000)})), made.trust, code)


def test_the_log_named_is_the_log_proven(made: Made) -> None:
    assert check(made.pack, made.trust).log == ORIGIN
