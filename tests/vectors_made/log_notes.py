"""Verifier keys, notes, checkpoints, cosignatures, tlog-proofs (docs/protocol.md 6.2)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import sha256
from tests.vectors_made import notes
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.notes import COSIGNATURE, ED25519, MLDSA, b64, vkey
from tests.vectors_made.people import LOG, NORTH, NOW, SOUTH, WEST, public, seed

SIZE, ROOT = 42, draw("root 42")
TEXT = notes.checkpoint(LOG, SIZE, ROOT)
LOG_SEED, LOG_MLDSA = seed("log"), draw("ML-DSA seed of log")
LOG_KEYS = [vkey(LOG, ED25519, ref.public_key(LOG_SEED)), vkey(LOG, MLDSA, notes.mldsa_public(LOG_MLDSA))]
OWN = notes.log_line(LOG, LOG_SEED, TEXT)
STRONG = notes.mldsa_line(LOG, LOG_MLDSA, LOG, SIZE, ROOT, NOW)
WITNESSES = [f"desk/{name}" for name in (NORTH, SOUTH, WEST)]


def witness_seed(name: str) -> bytes:
    return draw(f"witness seed of {name}")


def witness_key(name: str) -> str:
    return vkey(name, COSIGNATURE, ref.public_key(witness_seed(name)))


def strong_seed(name: str) -> bytes:
    return draw(f"witness ML-DSA seed of {name}")


def cosigned(name: str, time: int = NOW + 5, text: str = TEXT) -> str:
    return notes.ed25519_line(name, witness_seed(name), text, time)


def add_keys(book: Book) -> None:
    book.form("vkey", "given: a verifier key; expected: its name, type, key and 4-byte id")
    key = public("desk/north-police")
    good = vkey(WITNESSES[0], ED25519, key)
    name, key_id, rest = good.split("+", 2)
    for title, kind, raw in (
        ("an Ed25519 key", ED25519, key),
        ("a witness's Ed25519 key", COSIGNATURE, key),
        ("an ML-DSA-44 key", MLDSA, notes.mldsa_public(LOG_MLDSA)),
    ):
        found = {"name": name, "type": kind, "key": raw, "id": notes.key_id(name, kind, raw)}
        book.valid(title, {"vkey": vkey(name, kind, raw)}, found)
    for title, text in {
        "a vkey with the id of another key": f"{name}+{flipped(bytes.fromhex(key_id)).hex()}+{rest}",
        "a vkey with an upper-case id": f"{name}+{key_id.upper()}+{rest}",
        "a vkey without an id": f"{name}+{rest}",
        "a vkey with an empty name": vkey("", ED25519, key),
        "a vkey with a space in its name": vkey("desk north", ED25519, key),
        "a vkey of an unknown type": vkey(name, 0x02, key),
        "a vkey one byte short": vkey(name, ED25519, key[:-1]),
        "a vkey one byte long": vkey(name, ED25519, key + b"\0"),
        "a vkey with the length of another type": vkey(name, MLDSA, key),
        "a vkey with white space at its end": good + "\n",
    }.items():
        book.invalid(title, "an Ed25519 key", "format", vkey=text)
    strong = vkey(name, MLDSA, notes.mldsa_public(LOG_MLDSA)).split("+", 2)
    url = strong[2].replace("+", "-").replace("/", "_")
    unpadded = "+".join(strong).rstrip("=")
    book.invalid("a vkey without padding", "an ML-DSA-44 key", "format", vkey=unpadded)
    book.invalid("a vkey in base64url", "an ML-DSA-44 key", "format", vkey="+".join([*strong[:2], url]))


def add_notes(book: Book) -> None:
    book.form(
        "note", "given: a signed note; expected: its text, and name, id and body of each signature line (none checked)"
    )
    body = notes.key_id(LOG, ED25519, ref.public_key(LOG_SEED)), ref.sign(LOG_SEED, TEXT.encode())
    found = {"name": LOG, "id": body[0], "body": body[1]}
    book.valid("a note", {"note": f"{TEXT}\n{OWN}"}, {"text": TEXT, "signatures": [found]})
    inner = "a\n\nb\n"
    book.valid(
        "a note with an empty line in its text", {"note": f"{inner}\n{OWN}"}, {"text": inner, "signatures": [found]}
    )
    book.valid("a note with one line twice", {"note": f"{TEXT}\n{OWN}{OWN}"}, {"text": TEXT, "signatures": [found] * 2})
    for title, text in {
        "a note without a signature": f"{TEXT}\n",
        "a note without an empty line": TEXT + OWN,
        "a note whose last line is cut off": f"{TEXT}\n{OWN[:-1]}",
        "a note with a hyphen for the dash": f"{TEXT}\n{OWN.replace(chr(0x2014), '-')}",
        "a note with carriage returns": f"{TEXT}\n{OWN}".replace("\n", "\r\n"),
        "a note with a tab": f"a\tb\n\n{OWN}",
        "a note with a signature of four bytes": f"{TEXT}\n\u2014 {LOG} {b64(body[0])}\n",
        "a note with a signature that is not base64": f"{TEXT}\n\u2014 {LOG} !!!!\n",
        "a note with unused bits that are not zero": f"{TEXT}\n\u2014 {LOG} AAAAAAB=\n",
        "a note with two spaces in a line": f"{TEXT}\n{OWN.replace(f'{LOG} ', f'{LOG}  ')}",
        "a note with a plus in a name": f"{TEXT}\n{OWN.replace(LOG, 'log+1')}",
        "a note with 65 lines": f"{TEXT}\n{OWN * 65}",
    }.items():
        book.invalid(title, "a note", "format", note=text)
    book.invalid("a note that is not UTF-8", "a note", "format", note_hex=b"\xff\n\n" + OWN.encode())


def add_checkpoints(book: Book) -> None:
    book.form(
        "checkpoint", "given: a note and the log's verifier keys; expected: origin, size and root once its lines hold"
    )
    found = {"origin": LOG, "size": SIZE, "root": ROOT}

    def note(text: str, *lines: str) -> str:
        return text + "\n" + "".join(lines)

    def signed(text: str, size: int = SIZE, root: bytes = ROOT, origin: str = LOG) -> str:
        """Both lines of the log over another text."""
        strong = notes.mldsa_line(LOG, LOG_MLDSA, origin, size, root, NOW)
        return note(text, notes.log_line(LOG, LOG_SEED, text), strong)

    like = "a checkpoint"
    book.valid(like, {"note": note(TEXT, OWN, STRONG), "log_keys": LOG_KEYS}, found)
    stranger = notes.log_line("stranger.example", draw("stranger"), TEXT)
    book.valid(
        "a checkpoint with a stranger's line", {"note": note(TEXT, stranger, OWN, STRONG), "log_keys": LOG_KEYS}, found
    )
    book.valid(
        "a checkpoint read by who knows the Ed25519 key alone",
        {"note": note(TEXT, OWN, STRONG), "log_keys": LOG_KEYS[:1]}, found,
    )  # fmt: skip
    empty = sha256(b"")
    zero = notes.checkpoint(LOG, 0, empty)
    book.valid(
        "the checkpoint of an empty log", {"note": signed(zero, 0, empty), "log_keys": LOG_KEYS},
        {"origin": LOG, "size": 0, "root": empty},
    )  # fmt: skip
    for title, text in {
        "a size with a leading zero": TEXT.replace("\n42\n", "\n042\n"),
        "a negative size": TEXT.replace("\n42\n", "\n-42\n"),
        "a size with a plus": TEXT.replace("\n42\n", "\n+42\n"),
        "a size of 2^63": TEXT.replace("\n42\n", f"\n{2**63}\n"),
        "a root of 31 bytes": notes.checkpoint(LOG, SIZE, ROOT[:-1]),
        "a root without padding": TEXT.replace("=\n", "\n"),
        "an extension line": TEXT + "extension\n",
        "a checkpoint without its root": f"{LOG}\n42\n",
        "an origin with a space": TEXT.replace("log.example", "log example"),
        "an empty origin": TEXT.replace(LOG, ""),
    }.items():
        book.invalid(title, like, "format", note=signed(text))
    other = notes.checkpoint("other.example", SIZE, ROOT)
    forged = notes.line(LOG, ED25519, ref.public_key(LOG_SEED), ref.sign(draw("forger"), TEXT.encode()))
    later = notes.mldsa_line(LOG, LOG_MLDSA, LOG, SIZE, ROOT, NOW)
    raw = bytearray(bytes_of(later))
    raw[4:12] = (NOW + 1).to_bytes(8, "big")
    for title, text in {
        "a checkpoint of another log": signed(other, origin="other.example"),
        "a checkpoint without the Ed25519 line": note(TEXT, STRONG),
        "a checkpoint without the ML-DSA-44 line": note(TEXT, OWN),
        "an Ed25519 line by another key": note(TEXT, forged, STRONG),
        "a second Ed25519 line by another key": note(TEXT, OWN, forged, STRONG),
        "the Ed25519 line twice": note(TEXT, OWN, OWN, STRONG),
        "the ML-DSA-44 line twice": note(TEXT, OWN, STRONG, STRONG),
        "two ML-DSA-44 lines of two times": note(
            TEXT, OWN, STRONG, notes.mldsa_line(LOG, LOG_MLDSA, LOG, SIZE, ROOT, NOW + 1)
        ),
        "the Ed25519 line under another name": note(TEXT, OWN.replace(LOG, "log.example/2025"), STRONG),
        "another root under old lines": note(notes.checkpoint(LOG, SIZE, flipped(ROOT)), OWN, STRONG),
        "an ML-DSA-44 line over another root": note(
            TEXT, OWN, notes.mldsa_line(LOG, LOG_MLDSA, LOG, SIZE, flipped(ROOT), NOW)
        ),
        "an ML-DSA-44 line over another size": note(
            TEXT, OWN, notes.mldsa_line(LOG, LOG_MLDSA, LOG, SIZE + 1, ROOT, NOW)
        ),
        "an ML-DSA-44 line over a subtree from 1": note(
            TEXT, OWN, notes.mldsa_line(LOG, LOG_MLDSA, LOG, SIZE, ROOT, NOW, start=1)
        ),
        "an ML-DSA-44 line with another time than signed": note(TEXT, OWN, f"\u2014 {LOG} {b64(bytes(raw))}\n"),
        "an ML-DSA-44 line with time zero": note(TEXT, OWN, notes.mldsa_line(LOG, LOG_MLDSA, LOG, SIZE, ROOT, 0)),
    }.items():
        book.invalid(title, like, "signature-invalid", note=text)
    book.invalid("a log key of another log alone", like, "signature-invalid",
                 log_keys=[vkey("other.example", ED25519, ref.public_key(LOG_SEED))])  # fmt: skip


def text_of(note: str) -> str:
    """What the lines of a note sign."""
    return note.partition("\n\n")[0] + "\n"


def bytes_of(text: str) -> bytes:
    """Id and body of a signature line."""
    return notes.base64.b64decode(text.split(" ")[2])


def add_cosignatures(book: Book) -> None:
    book.form(
        "cosignature",
        "given: a note, not checked otherwise, and a cosigner's key; expected: the newest time at which it signed",
    )
    name = WITNESSES[0]
    strong = vkey(name, MLDSA, notes.mldsa_public(strong_seed(name)))

    def pqc(time: int = NOW + 5, root: bytes = ROOT, **more: Any) -> str:
        return notes.mldsa_line(name, strong_seed(name), LOG, SIZE, root, time, **more)

    def note(*lines: str) -> str:
        return TEXT + "\n" + "".join([OWN, *lines])

    weak, pq = "an Ed25519 cosignature", "an ML-DSA-44 cosignature"
    book.valid(weak, {"note": note(cosigned(name)), "vkey": witness_key(name)}, {"time": NOW + 5})
    book.valid(pq, {"note": note(pqc()), "vkey": strong}, {"time": NOW + 5})
    book.valid("two cosignatures of one key", {"note": note(cosigned(name), cosigned(name, NOW + 9)),
               "vkey": witness_key(name)}, {"time": NOW + 9})  # fmt: skip
    book.valid("no cosignature of this key", {"note": note(), "vkey": witness_key(name)}, {"time": None})

    def altered(text: str, time: int) -> str:
        raw = bytes_of(text)
        return f"\u2014 {name} {b64(raw[:4] + time.to_bytes(8, 'big') + raw[12:])}\n"

    other = notes.checkpoint(LOG, SIZE, flipped(ROOT))
    key = ref.public_key(witness_seed(name))
    plain = notes.line(name, COSIGNATURE, key, NOW.to_bytes(8, "big") + ref.sign(witness_seed(name), TEXT.encode()))
    untimed = notes.line(name, COSIGNATURE, key, ref.sign(witness_seed(name), TEXT.encode()))
    for title, like, text in (
        ("a cosignature with another time than signed", weak, altered(cosigned(name), NOW + 6)),
        ("a cosignature with time zero", weak, cosigned(name, 0)),
        ("a cosignature with time 2^63", weak, cosigned(name, 2**63)),
        ("a cosignature over another root", weak, cosigned(name, text=other)),
        ("a cosignature over the text alone", weak, plain),
        ("a cosignature without a time", weak, untimed),
        ("a cosignature cut by a byte", weak, f"\u2014 {name} {b64(bytes_of(cosigned(name))[:-1])}\n"),
        ("one good and one bad cosignature of one key", weak, cosigned(name) + altered(cosigned(name), NOW + 6)),
        ("an ML-DSA-44 cosignature with another time than signed", pq, altered(pqc(), NOW + 6)),
        ("an ML-DSA-44 cosignature over another root", pq, pqc(root=flipped(ROOT))),
        ("an ML-DSA-44 cosignature made for another name", pq, pqc(signer=WITNESSES[1])),
        ("an ML-DSA-44 cosignature over a subtree from 1", pq, pqc(start=1)),
    ):
        book.invalid(title, like, "signature-invalid", note=note(text))
    own = vkey(name, ED25519, key)
    as_log = notes.log_line(name, witness_seed(name), TEXT)
    given = {"note": note(as_log), "vkey": own}
    book.invalid("a key of type 0x01 as a cosigner", weak, "signature-invalid", **given)


LEAVES = [draw(f"log entry {number}", 49) for number in range(21)]


def add_proofs(book: Book) -> None:
    book.form("proof", "given: a tlog-proof, the entry, the log's keys; expected: the index, and the checkpoint's size")
    root = ref.tree(LEAVES)
    text = notes.checkpoint(LOG, 21, root)
    note = text + "\n" + notes.log_line(LOG, LOG_SEED, text)
    keys = LOG_KEYS[:1]
    hashes = notes.path(LEAVES, 13)
    like = "a proof"
    good = notes.proof(13, hashes, note)
    book.valid(like, {"proof": good, "entry": LEAVES[13], "log_keys": keys}, {"index": 13, "size": 21})
    last = notes.proof(20, notes.path(LEAVES, 20), note)
    book.valid("the proof of the last entry", {"proof": last, "entry": LEAVES[20], "log_keys": keys},
               {"index": 20, "size": 21})  # fmt: skip
    one = notes.checkpoint(LOG, 1, ref.tree(LEAVES[:1]))
    single = notes.proof(0, [], one + "\n" + notes.log_line(LOG, LOG_SEED, one))
    book.valid("the proof of the only entry", {"proof": single, "entry": LEAVES[0], "log_keys": keys},
               {"index": 0, "size": 1})  # fmt: skip
    head, lines = good.split("\n\n", 1)
    *start, listed = head.split("\n", 2)
    url = listed.replace("+", "-").replace("/", "_")
    for title, text in {
        "a proof with an extra line": good.replace("\nindex 13\n", "\nextra AAAA\nindex 13\n"),
        "a proof with an extra line behind its index": good.replace("\nindex 13\n", "\nindex 13\nextra AAAA\n"),
        "an index with a leading zero": good.replace("index 13", "index 013"),
        "a negative index": good.replace("index 13", "index -13"),
        "a proof without an index": good.replace("index 13\n", ""),
        "a proof of another version": good.replace("@v1", "@v2"),
        "a proof without an empty line": head + "\n" + lines,
        "a hash of 31 bytes": notes.proof(13, [hashes[0][:-1], *hashes[1:]], note),
        "hashes in base64url": "\n".join(start) + "\n" + url + "\n\n" + lines,
        "64 hashes": notes.proof(13, [*hashes, *([bytes(32)] * (64 - len(hashes)))], note),
        "a proof with carriage returns": good.replace("\n", "\r\n"),
        "a proof with a space at the end of a line": good.replace("index 13", "index 13 "),
    }.items():
        book.invalid(title, like, "format", proof=text)
    for title, changed in {
        "one hash too few": notes.proof(13, hashes[:-1], note),
        "one hash too many": notes.proof(13, [*hashes, bytes(32)], note),
        "two hashes exchanged": notes.proof(13, [hashes[1], hashes[0], *hashes[2:]], note),
        "an altered hash": notes.proof(13, [flipped(hashes[0]), *hashes[1:]], note),
        "another index": notes.proof(12, hashes, note),
        "an index outside the tree": notes.proof(21, hashes, note),
    }.items():
        book.invalid(title, like, "proof-invalid", proof=changed)
    book.invalid("another entry", like, "proof-invalid", entry=LEAVES[12])
    key = ref.public_key(LOG_SEED)
    forged = text_of(note) + "\n" + notes.line(LOG, ED25519, key, ref.sign(draw("forger"), text_of(note).encode()))
    book.invalid("a proof whose checkpoint the log did not sign", like, "signature-invalid",
                 proof=notes.proof(13, hashes, forged))  # fmt: skip


def add(book: Book) -> None:
    """All of this module."""
    add_keys(book)
    add_notes(book)
    add_checkpoints(book)
    add_cosignatures(book)
    add_proofs(book)
