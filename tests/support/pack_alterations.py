"""Ways to spoil a pack: by chance, by somebody without keys, and by somebody who has them all (tests/support/forge.py).

Each draws from one generator and says in a few words what it did.
"""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from crypto.encoding import b64, b64u
from crypto.signing import COSIGNATURE_ED25519, NoteKey
from errors import AmparoError
from evidence.archive import PACK_JSON, PACK_SIG
from tests.support.forge import Forge, dump
from tests.support.pack_variants import Made
from tests.support.packs import AGENCIES, COURT, FIRST, HELPER, SEALER, SECOND, SEIZER, relist, resign, unpack, zip_up

Altered = tuple[str, bytes]
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 2**31 + 1, 2**41, 2**52, 2**53, 253402300800, 1.5, "", "x", "a\n", "\u2028", "\x00",
    "é" * 2000, "x" * 2001, "A" * 22, "A" * 43, "A" * 42 + "B", "con", "2031-02-29", "2031-02-28", [], {}, [[]], [None],
    "north-police", "harbour-house/case-worker-1", "north-police/liaison-03", "log.example/other", "open", "closed",
    "elsewhere", "none", "custody", "bundle", "other", "no-proof", "text/plain", "Text/plain", "handover-refused",
    "handover-accepted", "handover-closed", "handover-offered", "return", "correction", "pack-built", "view",
)  # fmt: skip
PEOPLE = (
    FIRST, SECOND, SEIZER, SEALER, HELPER, f"{COURT}/administrator-1", f"{COURT}/administrator-2", f"root/{COURT}",
    "north-police/administrator-1", "root/north-police", f"{COURT}/prosecutor-9", f"desk/{COURT}", "log", "",
)  # fmt: skip


# ---- Without keys -------------------------------------------------------------------------------------------


def flip(rng: random.Random, data: bytes) -> bytes:
    """One to three bits the other way."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 3)) if out else 0):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def damage(rng: random.Random, made: Made) -> Altered:
    """The zip as bytes: flipped, cut, lengthened; half of the flips beside the contents, where zip has its headers."""
    pack = made.pack
    way = rng.choice(("flip", "header", "header", "cut", "append", "insert", "twice", "noise"))
    if way == "flip":
        return way, flip(rng, pack)
    if way == "header":
        at = rng.choice([place for sign in (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06") for place in find(pack, sign)])
        place = min(at + rng.randrange(60), len(pack) - 1)
        return f"{way} {place}", pack[:place] + bytes([pack[place] ^ 1 << rng.randrange(8)]) + pack[place + 1 :]
    cut = rng.randrange(len(pack))
    if way == "cut":
        return f"{way} {cut}", pack[:cut]
    if way == "insert":
        return f"{way} {cut}", pack[:cut] + rng.randbytes(rng.randrange(1, 40)) + pack[cut:]
    if way == "noise":
        return way, b"PK\x03\x04" + rng.randbytes(rng.randrange(300))
    return way, pack + (pack if way == "twice" else rng.choice((b"\x00", b"\n", b"PK\x05\x06" + bytes(18))))


def find(data: bytes, sign: bytes) -> Iterator[int]:
    """Where these bytes stand."""
    at = data.find(sign)
    while at >= 0:
        yield at
        at = data.find(sign, at + 1)


def change_files(rng: random.Random, made: Made) -> Altered:
    """A file altered, removed, added, renamed or swapped; the lists as they were, or made anew, or signed anew too."""
    files = unpack(made.pack)
    path = rng.choice(sorted(files))
    way = rng.choice(("flip", "append", "cut", "empty", "random", "drop", "rename", "swap", "copy", "add", "line"))
    old = files[path]
    if way == "drop":
        del files[path]
    elif way == "rename":
        del files[path]
        files[rng.choice((path + "x", "data/documents/" + path.rsplit("/")[-1], "x" + path))] = old
    elif way == "add":
        files[rng.choice(("data/x", "fetch.txt", "data/documents/x", path + "x", "pack-built/x"))] = b"x"
    elif way == "swap":
        other = rng.choice(sorted(files))
        files[path], files[other] = files[other], old
    elif way == "line":
        lines = old.split(b"\n")
        del lines[rng.randrange(len(lines))]
        files[path] = b"\n".join(lines)
    else:
        files[path] = {
            "flip": flip(rng, old), "append": old + rng.choice((b"\n", b"\x00", b" ", b"x")), "empty": b"",
            "cut": old[: rng.randrange(max(1, len(old)))], "random": rng.randbytes(len(old)),
            "copy": files[rng.choice(sorted(files))],
        }[way]  # fmt: skip
    return finish_files(rng, made, f"{way} {path}", files)


def finish_files(rng: random.Random, made: Made, what: str, files: dict[str, bytes]) -> Altered:
    """The zip around altered files."""
    mending = rng.choice(("as it is", "lists anew", "signed anew"))
    try:
        if mending != "as it is":
            files = relist(files)
        if mending == "signed anew":
            return f"{what}, {mending}", resign(made.world, files)
    except (AmparoError, KeyError, ValueError, IndexError):
        pass
    try:
        return f"{what}, {mending}", zip_up(files)
    except AmparoError:
        return "not even a zip", made.pack[:-1]


def change_list(rng: random.Random, made: Made) -> Altered:
    """A word of a JSON file of the pack; of pack.json in half of the cases."""
    files = unpack(made.pack)
    documents = [path for path in files if path.endswith((".json", PACK_SIG, "/header"))]
    path = rng.choice((PACK_JSON, rng.choice(documents)))
    value = json.loads(files[path])
    what = change_json(rng, value)
    try:
        files[path] = dump(value)
    except UnicodeEncodeError:
        return "nothing", made.pack
    if path == PACK_JSON:
        if rng.random() < 0.5:
            try:
                return f"{path} {what}, signed anew", resign(made.world, files)
            except (AmparoError, KeyError, TypeError, ValueError, IndexError, AttributeError):
                pass
        return f"{path} {what}", zip_up(files)
    return finish_files(rng, made, f"{path} {what}", files)


def change_json(rng: random.Random, value: Any) -> str:
    """Change one place of a JSON value."""
    spots = [path for path in _spots(value) if path and (path[0] != "files" or rng.random() < 0.05)]
    path = rng.choice(spots)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    way = rng.choice(("junk", "junk", "delete", "extra", "twice", "order", "neighbour", "copy"))
    if way == "junk":
        holder[path[-1]] = rng.choice(JUNK)
    elif way == "delete":
        del holder[path[-1]]
    elif way == "extra" and isinstance(old, dict):
        old["extra"] = rng.choice(JUNK)
    elif way == "twice" and isinstance(old, list) and old:
        old.append(rng.choice(old))
    elif way == "order" and isinstance(old, list):
        rng.shuffle(old)
    elif way == "neighbour" and type(old) is int:
        holder[path[-1]] = old + rng.choice((-1, 1))
    elif way == "copy":
        same = [other for other in spots if other[-1] == path[-1] or type(other[-1]) is type(path[-1]) is int]
        holder[path[-1]] = json.loads(dump(_at(value, rng.choice(same))))
    return f"{way} {path}"


def _spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(children):
        yield from _spots(child, (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


# ---- With every key -----------------------------------------------------------------------------------------


def forge(rng: random.Random, made: Made) -> Altered:
    """One thing (seldom two) that somebody with all keys and the log's help would do."""
    made_anew = Forge(made.world, made.pack)
    words = []
    for _ in range(1 if rng.random() < 0.8 else 2):
        way = rng.choice(WAYS)
        words.append(f"{way.__name__} {way(rng, made_anew)}")
    try:
        return " + ".join(words), made_anew.seal()
    except (AmparoError, UnicodeEncodeError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return "nothing: " + " + ".join(words), made.pack


def body(rng: random.Random, forger: Forge) -> str:
    """A member of a statement: junk, another statement's, or its neighbour."""
    path = rng.choice(list(forger.bodies))
    members = forger.bodies[path]
    name = rng.choice(list(members))
    old, others = members[name], [one[name] for one in forger.bodies.values() if name in one]
    way = rng.choice(("junk", "other", "other", "neighbour", "extra", "missing"))
    if way == "missing":
        del members[name]
    elif way == "extra":
        members["extra"] = rng.choice(JUNK)
    elif way == "neighbour" and type(old) is int:
        forger.put(path, **{name: old + rng.choice((-1, 1))})
    else:
        forger.put(path, **{name: rng.choice(JUNK if way == "junk" else others)})
    return f"{path} {name} {way} {str(members.get(name))[:60]!r}"


def action(rng: random.Random, forger: Forge) -> str:
    """Another action, with the members that it needs, or almost."""
    path = rng.choice([path for path in forger.bodies if "action" in forger.bodies[path]])
    members = forger.bodies[path]
    other = dict(rng.choice([one for one in forger.bodies.values() if "action" in one]))
    names = ("action", "to_agency", "to_holding", "counterpart", "supersedes", "length", "pack_digest")
    forger.put(path, **{name: other[name] for name in names})
    if rng.random() < 0.5:
        word = rng.choice(("return", "destroy", "view", "seize", "handover-refused", "handover-accepted"))
        forger.put(path, **{**dict.fromkeys(names), "action": word})
    if members["action"] == "pack-built":
        forger.put(path, length=members["number"])
    if members["action"] == "correction" and rng.random() < 0.8:
        forger.put(path, supersedes=max(0, members["number"] - 1) if isinstance(members["number"], int) else 0)
    if members["action"] == "handover-offered" and rng.random() < 0.5:
        forger.put(path, to_holding=b64u(rng.randbytes(16)), to_agency=rng.choice(AGENCIES))
    return f"{path} {members['action']}"


def signers(rng: random.Random, forger: Forge) -> str:
    """One signer fewer, more or other; or the right name with a wrong key."""
    path = rng.choice(list(forger.bodies))
    names = forger.signers[path]
    way = rng.choice(("fewer", "more", "other", "order", "pen", "officer"))
    if way == "fewer" and len(names) > 1:
        names.pop(rng.randrange(len(names)))
    elif way == "more":
        names.append(rng.choice([one for one in PEOPLE if one not in names]))
    elif way == "other":
        names[rng.randrange(len(names))] = rng.choice([one for one in PEOPLE if one not in names])
    elif way == "order":
        rng.shuffle(names)
    elif way == "officer" and "officer" in forger.bodies[path]:
        by = rng.choice([one for one in PEOPLE if "/" in one])
        forger.put(path, officer=by)
        if forger.bodies[path]["kind"] != "deputy":
            forger.signers[path] = [by]
        if rng.random() < 0.5 and "action" in forger.bodies[path]:
            forger.put(path, agency=by.split("/")[0])
    else:
        forger.pens[path, rng.choice(names)] = rng.choice([one for one in PEOPLE if one])
    return f"{way} {path} {forger.signers[path]}"


def place(rng: random.Random, forger: Forge) -> str:
    """Another place in the log: changed with another statement, or moved."""
    path, other = rng.choice(list(forger.bodies)), rng.choice(list(forger.bodies))
    if rng.random() < 0.7:
        forger.indices[path], forger.indices[other] = forger.indices[other], forger.indices[path]
    else:
        forger.indices[path] = max(0, forger.indices[path] + rng.choice((-2, -1, 1, 2, 50)))
    return f"{path} {other}"


def entry(rng: random.Random, forger: Forge) -> str:
    """In place of a directory entry: a revocation, a deputy, a certificate of somebody, valid or not."""
    paths = [path for path in forger.bodies if path.startswith("data/certificates/")]
    path = rng.choice(paths)
    target = forger.bodies[rng.choice([one for one in paths if forger.bodies[one]["kind"] == "certificate"])]
    agency = str(target["agency"])
    kind = rng.choice(("revocation", "revocation", "deputy", "certificate"))
    common = {"v": 1, "log": target["log"], "kind": kind, "agency": agency}
    if kind == "revocation":
        index = next(int(one.split("/")[2].split(".")[0]) for one in paths if forger.bodies[one] is target)
        forger.bodies[path] = common | {"subject": target["subject"], "certificate": index}
    elif kind == "deputy":
        forger.bodies[path] = common | {"officer": rng.choice([one for one in PEOPLE if one.count("/") == 1])}
    else:
        changed = {
            "type": rng.choice(("officer", "administrator")),
            "roles": rng.choice(([], ["auditor"], ["liaison"])),
        }
        forger.bodies[path] = {**target, **rng.choice(({}, changed))}
    admins = [f"{agency}/administrator-1", f"{agency}/administrator-2"]
    forger.signers[path] = rng.choice(([f"root/{agency}"], admins, admins, admins[:1], [*admins, FIRST]))
    if kind == "certificate":
        forger.signers[path] = [str(target["subject"]), *forger.signers[path]]
    return f"{path} {kind} {target['subject']} by {forger.signers[path]}"


def listed(rng: random.Random, forger: Forge) -> str:
    """A word of pack.json, which the officers then sign."""
    return change_json(rng, forger.listed)


def gaps(rng: random.Random, forger: Forge) -> str:
    """A gap invented, left out or said otherwise."""
    found = forger.listed["gaps"]
    way = rng.choice(("drop", "twice", "invent", "reason"))
    if way == "invent" or not found:
        named = {
            "number": rng.randrange(8), "path": rng.choice(list(forger.files)),
            "holding": rng.choice(forger.listed["holdings"])["holding"],
        }  # fmt: skip
        some = dict.fromkeys(named) | {name: named[name] for name in rng.sample(list(named), rng.choice((0, 1, 1, 2)))}
        reason = rng.choice(("no-proof", "no-custody", "no-origin", "consent", "other", "more"))
        found.append({"reason": reason, "text": "x", **some})
    elif way == "drop":
        found.pop(rng.randrange(len(found)))
    elif way == "twice":
        found.append({**rng.choice(found), "text": rng.choice(("x", found[0]["text"]))})
    else:
        rng.choice(found)["reason"] = rng.choice(("handling", "consent", "no-proof", "no-origin"))
    return way


def header(rng: random.Random, forger: Forge) -> str:
    """A member of a bundle's header, signed again."""
    if not forger.headers:
        return "none"
    path = rng.choice(list(forger.headers))
    value = forger.headers[path]
    what = change_json(rng, value)
    if rng.random() < 0.2:
        forger.pens[path, str(value.get("sender"))] = FIRST
    return f"{path} {what}"


def seals(rng: random.Random, forger: Forge) -> str:
    """Who signs pack.sig, and who confirms the log."""
    way = rng.choice(("officers", "pen", "witnesses"))
    if way == "officers":
        forger.officers = rng.sample([one for one in PEOPLE if one], rng.choice((1, 2, 2, 2, 2, 3)))
    elif way == "pen":
        forger.pens[PACK_SIG, rng.choice(forger.officers)] = SEALER
    else:
        forger.witnesses = rng.sample(AGENCIES, rng.randrange(4))
    return f"{way} {forger.officers} {forger.witnesses}"


def note(rng: random.Random, forger: Forge) -> str:
    """The lines under a checkpoint."""
    which, way = rng.choice(("data", "pack-built")), rng.choice(
        ("drop", "twice", "order", "flip", "extension", "stranger", "size", "zero time", "crlf")
    )  # fmt: skip
    forger.retouch[which] = lambda raw: change_note(random.Random(repr((way, which, raw))), raw, way)
    return f"{which} {way}"


def change_note(rng: random.Random, raw: bytes, way: str) -> bytes:
    """A note with one line another way."""
    text, _, tail = raw.partition(b"\n\n")
    lines = tail.splitlines(keepends=True)
    spot = rng.randrange(len(lines))
    if way == "drop":
        lines.pop(spot)
    elif way == "twice":
        lines.append(lines[spot])
    elif way == "order":
        rng.shuffle(lines)
    elif way == "flip":
        lines[spot] = flip(rng, lines[spot])
    elif way == "extension":
        text += b"\nmore"
    elif way == "stranger":
        name = rng.choice(("somebody", "desk/north-police"))
        key = NoteKey(name, COSIGNATURE_ED25519, rng.randbytes(32))
        lines.append(f"\u2014 {name} {b64(key.id + rng.randbytes(72))}\n".encode())
    elif way == "size":
        text = text.replace(b"\n", rng.choice((b"\n0", b"\n1", b"\n+")), 1)
    elif way == "zero time":
        head, _, value = lines[spot].strip().rpartition(b" ")
        data = base64.b64decode(value)
        lines[spot] = head + b" " + base64.b64encode(data[:4] + bytes(8) + data[12:]) + b"\n"
    else:
        text = text.replace(b"\n", b"\r\n")
    return text + b"\n\n" + b"".join(lines)


def file(rng: random.Random, forger: Forge) -> str:
    """A file that no statement signs: an exhibit, a salt, a proof's JSON, a document, the copy of the trust file."""
    path = rng.choice([path for path in forger.files if path.startswith(("data/", "HOW"))])
    old = forger.files[path]
    way = rng.choice(("flip", "append", "empty", "cut", "json"))
    if way == "json" and path.endswith(".json"):
        value = json.loads(old)
        what = change_json(rng, value)
        forger.files[path] = dump(value)
        return f"{path} {what}"
    forger.files[path] = {
        "append": old + b"x", "empty": b"", "cut": old[: len(old) // 2],
    }.get(way, flip(rng, old))  # fmt: skip
    return f"{path} {way}"


def shorter(rng: random.Random, forger: Forge) -> str:
    """The last event of a chain, or a whole certificate, is left out, and the list fits."""
    if rng.random() < 0.5:
        chain = rng.choice(forger.listed["holdings"])
        folder = f"data/custody/{base64.urlsafe_b64decode(chain['holding'] + '==').hex()}/{chain['length'] - 1}"
        chain["length"] -= 1
    else:
        index = rng.choice(forger.listed["certificates"])
        forger.listed["certificates"].remove(index)
        folder = f"data/certificates/{index}"
    forger.bodies.pop(folder + ".statement", None)
    forger.files = {path: raw for path, raw in forger.files.items() if not path.startswith(folder + ".")}
    return folder


WAYS: tuple[Callable[[random.Random, Forge], str], ...] = (
    body, body, body, action, action, signers, signers, place, entry, entry, listed, listed, gaps, header, seals, note,
    file, shorter,
)  # fmt: skip


# ---- The trust file -----------------------------------------------------------------------------------------


def change_trust(rng: random.Random, trust: bytes) -> tuple[str, bytes]:
    """Lines of a trust file left out, doubled, moved, flipped or made up."""
    lines = trust.splitlines(keepends=True)
    spot = rng.randrange(len(lines))
    way = rng.choice(("drop", "twice", "move", "flip", "more", "sign", "end", "word", "comment"))
    if way == "drop":
        lines.pop(spot)
    elif way == "twice":
        lines.insert(rng.randrange(len(lines) + 1), lines[spot])
    elif way == "move":
        lines.insert(rng.randrange(len(lines)), lines.pop(spot))
    elif way == "flip":
        lines[spot] = flip(rng, lines[spot])
    elif way == "more":
        made_up = (
            b"quorum none\n", b"group more 1 network\n", b"group more 01 network\n", b"group none 1 network\n", b"\n",
            b"group more 2 network\n", b"hello world\n", b"log x\n", b"quorum network\n", b"\t # comment\n", b"\xff\n",
            lines[0].replace(b"\n", b" https://log.example/\n"), lines[0].replace(b"\n", b" a b\n"),
            lines[-1].replace(b"agency ", b"agency other-"), b"#" * 262144 + b"\n",
        )  # fmt: skip
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(made_up))
    elif way == "sign":
        sign = rng.choice((b"\r", b"\x00", b"\t", b"  ", b"\x7f", "\u00a0".encode(), "\u2028".encode()))
        at = rng.randrange(len(lines[spot]))
        lines[spot] = lines[spot][:at] + sign + lines[spot][at:]
    elif way == "end":
        lines[-1] = lines[-1].rstrip(b"\n") + rng.choice((b"", b"\r\n", b" \n"))
    elif way == "word":
        words = lines[spot].split(b" ")
        words[rng.randrange(len(words))] = rng.choice((b"all", b"any", b"0", b"3", b"4", b"none", b"network", b"log"))
        lines[spot] = b" ".join(words)
    else:
        lines[spot] = b"# " + lines[spot]
    return f"{way} {spot}", b"".join(lines)
