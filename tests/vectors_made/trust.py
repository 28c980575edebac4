"""Trust files, and the quorum that they ask of a checkpoint (docs/protocol.md 11)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.vectors_made import notes
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.log_notes import (
    LOG_KEYS,
    LOG_MLDSA,
    LOG_SEED,
    OWN,
    TEXT,
    WITNESSES,
    bytes_of,
    cosigned,
    witness_key,
    witness_seed,
)
from tests.vectors_made.notes import ED25519, MLDSA, b64, vkey
from tests.vectors_made.people import LOG, NORTH, NOW, SOUTH, WEST, public


def agency_line(name: str) -> str:
    return f"agency {name} {vkey(name, ED25519, public(f'root/{name}'))}"


def trust_lines() -> list[str]:
    """A trust file with everything in it but the log's ML-DSA-44 key, which is long."""
    return [
        f"log {LOG_KEYS[0]}",
        *(f"witness {name} {witness_key(name)}" for name in WITNESSES),
        f"group network 2 {' '.join(WITNESSES)}",
        "quorum network",
        *(agency_line(name) for name in (NORTH, SOUTH)),
    ]


def add_policies(book: Book) -> None:
    book.form("trust", "given: a trust file or a bare tlog-policy; expected: what it names")
    lines = trust_lines()
    found: dict[str, Any] = {
        "logs": LOG_KEYS[:1], "witnesses": [[name, witness_key(name)] for name in WITNESSES],
        "groups": [["network", 2, WITNESSES]], "quorum": "network",
        "agencies": [[name, vkey(name, ED25519, public(f"root/{name}"))] for name in (NORTH, SOUTH)],
    }  # fmt: skip

    def text(*changed: str) -> str:
        return "".join(f"{one}\n" for one in changed)

    like = "a trust file"
    book.valid(like, {"trust": text(*lines)}, found)
    book.valid("a trust file with both keys of the log", {"trust": text(lines[0], f"log {LOG_KEYS[1]}", *lines[1:])},
               {**found, "logs": LOG_KEYS})  # fmt: skip
    spaced = text("# made for a court", "", *lines).replace(" network 2 ", "  network\t2 ")
    book.valid("a trust file with comments, empty lines and tabs", {"trust": spaced}, found)
    addressed = [line.replace(LOG_KEYS[0], f"{LOG_KEYS[0]} https://log.example/") for line in lines]
    book.valid("a trust file with addresses", {"trust": text(*addressed)}, found)
    any_of = [line.replace(" 2 ", " any ") for line in lines]
    book.valid("a group of which any is enough", {"trust": text(*any_of)},
               {**found, "groups": [["network", 1, WITNESSES]]})  # fmt: skip
    every = [line.replace(" 2 ", " all ") for line in lines]
    book.valid("a group of which all are needed", {"trust": text(*every)},
               {**found, "groups": [["network", 3, WITNESSES]]})  # fmt: skip
    bare = {"logs": LOG_KEYS[:1], "witnesses": [], "groups": [], "quorum": "none", "agencies": []}
    book.valid("a bare policy without witnesses", {"trust": text(lines[0], "quorum none")}, bare)
    first = WITNESSES[0]
    wrong = vkey(first, ED25519, ref.public_key(witness_seed(first)))
    group, quorum = lines[4], lines[5]
    own_id = notes.key_id(LOG, ED25519, ref.public_key(LOG_SEED))
    for title, changed in {
        "an unknown quorum": [*lines[:5], "quorum nobody", *lines[6:]],
        "no quorum": [*lines[:5], *lines[6:]],
        "two quorum lines": [*lines, quorum],
        "a quorum before its group": [*lines[:4], quorum, group, *lines[6:]],
        "a quorum of two names": [*lines[:5], "quorum network desk", *lines[6:]],
        "one witness key under two names": [*lines[:4], f"witness again {witness_key(first)}", *lines[4:]],
        "one name for two witnesses": [*lines[:4], f"witness {first} {witness_key('desk/other')}", *lines[4:]],
        "a witness called none": [*lines[:4], f"witness none {witness_key('desk/other')}", *lines[4:]],
        "one log key twice": [lines[0], *lines],
        "a witness with a key of type 0x01": [*lines[:1], f"witness {first} {wrong}", *lines[2:]],
        "a log with a key of type 0x04": [f"log {witness_key('desk/other')}", *lines],
        "a vkey with another id": [lines[0].replace(own_id.hex(), flipped(own_id).hex()), *lines[1:]],
        "a group of an unknown member": [*lines[:4], group + " desk/other", *lines[5:]],
        "a group that names a member twice": [*lines[:4], f"{group} {first}", *lines[5:]],
        "a member of two groups": [*lines[:5], f"group second 1 {first}", *lines[5:]],
        "a group without members": [*lines[:5], "group second 1", *lines[5:]],
        "a group with the name of a witness": [
            *lines[:4],
            f"witness spare {witness_key('desk/other')}",
            f"group {first} 1 spare",
            *lines[4:],
        ],
        "a threshold of zero": [line.replace(" 2 ", " 0 ") for line in lines],
        "a threshold above the number of members": [line.replace(" 2 ", " 4 ") for line in lines],
        "a threshold with a leading zero": [line.replace(" 2 ", " 02 ") for line in lines],
        "a threshold with a plus": [line.replace(" 2 ", " +2 ") for line in lines],
        "a line of an unknown kind": [*lines, f"monitor {first} {witness_key('desk/other')}"],
        "a log line with a third word": [f"{lines[0]} https://log.example/ more", *lines[1:]],
        "an agency with the key of another name": [*lines, f"agency {WEST} {lines[6].split(' ')[2]}"],
        "an agency twice": [*lines, lines[6]],
        "an agency with an ML-DSA-44 key": [
            *lines,
            f"agency {WEST} {vkey(WEST, MLDSA, notes.mldsa_public(LOG_MLDSA))}",
        ],
        "carriage returns": [f"{line}\r" for line in lines],
        "a form feed": [lines[0], "# \f", *lines[1:]],
        "two log keys of one type": [lines[0], f"log {vkey(LOG, ED25519, public('another log'))}", *lines[1:]],
        "one root for two agencies": [*lines, f"agency {WEST} {vkey(WEST, ED25519, public(f'root/{NORTH}'))}"],
        "257 agencies": [
            *lines[:6],
            *(f"agency a{at} {vkey(f'a{at}', ED25519, ref.public_key(draw(f'root {at}')))}" for at in range(257)),
        ],
    }.items():
        book.invalid(title, like, "format", trust=text(*changed))
    book.invalid("a trust file whose last line is cut off", like, "format", trust=text(*lines)[:-1])
    book.invalid("a trust file that is not UTF-8", like, "format", trust_hex=text(*lines).encode() + b"# \xff\n")


def add_quorums(book: Book) -> None:
    book.form(
        "quorum", "given: a trust file and a checkpoint; expected: the witnesses that confirmed it, with their times"
    )

    def note(*lines: str) -> str:
        return TEXT + "\n" + "".join([OWN, *lines])

    trust = "".join(f"{one}\n" for one in trust_lines())
    like = "two of three witnesses"
    two = {WITNESSES[0]: NOW + 5, WITNESSES[2]: NOW + 5}
    book.valid(like, {"trust": trust, "note": note(cosigned(WITNESSES[0]), cosigned(WITNESSES[2]))}, two)
    nested = trust.replace("quorum network", f"witness court {witness_key('court')}\ngroup both all network court\n"
                           "quorum both")  # fmt: skip
    lines = [cosigned(WITNESSES[0]), cosigned(WITNESSES[2]), cosigned("court")]
    book.valid("a group in a group", {"trust": nested, "note": note(*lines)}, {**two, "court": NOW + 5})
    book.invalid("a group in a group, of which one is missing", "a group in a group", "proof-invalid",
                 note=note(*lines[:2]))  # fmt: skip
    book.invalid("one of three witnesses", like, "proof-invalid", note=note(cosigned(WITNESSES[0])))
    book.invalid("one witness twice", like, "proof-invalid",
                 note=note(cosigned(WITNESSES[0]), cosigned(WITNESSES[0], NOW + 9)))  # fmt: skip
    book.invalid("two witnesses of whom one is unknown", like, "proof-invalid",
                 note=note(cosigned(WITNESSES[0]), cosigned("desk/other")))  # fmt: skip
    raw = bytes_of(cosigned(WITNESSES[1]))
    failing = f"\u2014 {WITNESSES[1]} {b64(flipped(raw))}\n"
    book.invalid("two witnesses, and a line of a third that does not verify", like, "signature-invalid",
                 note=note(cosigned(WITNESSES[0]), cosigned(WITNESSES[2]), failing))  # fmt: skip


def add(book: Book) -> None:
    """All of this module."""
    add_policies(book)
    add_quorums(book)
