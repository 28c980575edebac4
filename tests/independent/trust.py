"""The trust file: logs, witnesses, groups and quorum (C2SP tlog-policy), and one root key for each agency."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .encoding import AGENCY, Malformed, b64, sha256

KEY_LENGTHS = {0x01: 32, 0x04: 32, 0x06: 1312}
MAX_BYTES = 256 * 1024
MAX_LINES = 256
VKEY = re.compile(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True)
class NoteKey:
    """A key of a signed note: its name, signature type, raw public key and four-byte identifier."""

    name: str
    type: int
    key: bytes
    key_id: bytes


@dataclass
class Trust:
    """What a trust file says."""

    logs: list[NoteKey] = field(default_factory=list)
    witnesses: dict[str, NoteKey] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str | None = None
    roots: dict[str, bytes] = field(default_factory=dict)

    def log_key(self, origin: str, kind: int) -> NoteKey | None:
        """The key of a log of one signature type."""
        return next((key for key in self.logs if key.name == origin and key.type == kind), None)

    def confirmed(self, witnesses: set[str]) -> bool:
        """Whether these witnesses together are the quorum."""
        if self.quorum == "none":
            return True
        met = set(witnesses)
        for name, (needed, members) in self.groups.items():
            if sum(member in met for member in members) >= needed:
                met.add(name)
        return self.quorum in met


def key_id(name: str, kind: int, key: bytes) -> bytes:
    """The identifier of a note key."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


def read_vkey(text: str, *types: int) -> NoteKey:
    """Parse a verifier key of one of these signature types."""
    match = VKEY.fullmatch(text)
    if not match:
        raise Malformed("not a verifier key")
    raw = b64(match.group(3))
    kind, key = raw[0], raw[1:]
    if kind not in types or len(key) != KEY_LENGTHS[kind]:
        raise Malformed(f"verifier key of {match.group(1)} is of another type or length")
    result = NoteKey(match.group(1), kind, key, key_id(match.group(1), kind, key))
    if result.key_id.hex() != match.group(2):
        raise Malformed(f"verifier key of {match.group(1)} has a wrong identifier")
    return result


def _read_group(trust: Trust, words: list[str], used: set[str]) -> None:
    name, threshold, members = words[1], words[2], words[3:]
    if name == "none" or name in trust.witnesses or name in trust.groups:
        raise Malformed(f"name twice: {name}")
    for member in members:
        if member in used or not (member in trust.witnesses or member in trust.groups):
            raise Malformed(f"group member {member} is not defined, or stands in two places")
        used.add(member)
    if threshold in ("all", "any"):
        needed = len(members) if threshold == "all" else 1
    elif re.fullmatch(r"[1-9][0-9]{0,8}", threshold) and int(threshold) <= len(members):
        needed = int(threshold)
    else:
        raise Malformed(f"threshold of group {name} is not allowed")
    trust.groups[name] = (needed, members)


def _require_new(trust: Trust, key: NoteKey) -> None:
    if any(other.key == key.key for other in (*trust.logs, *trust.witnesses.values())):
        raise Malformed(f"key of {key.name} stands twice")


def _read_witness(trust: Trust, words: list[str]) -> None:
    key = read_vkey(words[2], 0x04, 0x06)
    if words[1] == "none" or words[1] in trust.witnesses or words[1] in trust.groups:
        raise Malformed(f"name twice: {words[1]}")
    _require_new(trust, key)
    trust.witnesses[words[1]] = key


def _read_log(trust: Trust, words: list[str]) -> None:
    key = read_vkey(words[1], 0x01, 0x06)
    _require_new(trust, key)
    if any((other.name, other.type) == (key.name, key.type) for other in trust.logs):
        raise Malformed(f"log {key.name} has two keys of one type")
    trust.logs.append(key)


def _read_agency(trust: Trust, words: list[str]) -> None:
    key = read_vkey(words[2], 0x01)
    if key.name != words[1] or not AGENCY.fullmatch(words[1]):
        raise Malformed(f"agency {words[1]} and the name of its key differ")
    if words[1] in trust.roots or key.key in trust.roots.values():
        raise Malformed(f"agency {words[1]} or its key stands twice")
    trust.roots[words[1]] = key.key


def read_trust(data: bytes) -> Trust:
    """Parse a trust file."""
    if len(data) > MAX_BYTES or not data.endswith(b"\n") or re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data):
        raise Malformed("not lines of text, or too many")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error
    trust, used = Trust(), set[str]()
    for line in lines:
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            _read_log(trust, words)
        elif words[0] == "witness" and len(words) in (3, 4):
            _read_witness(trust, words)
        elif words[0] == "group" and len(words) >= 4:
            _read_group(trust, words, used)
        elif words[0] == "quorum" and len(words) == 2 and trust.quorum is None:
            if words[1] not in ("none", *trust.witnesses, *trust.groups):
                raise Malformed("quorum names nothing that is defined")
            trust.quorum = words[1]
        elif words[0] == "agency" and len(words) == 3:
            _read_agency(trust, words)
        else:
            raise Malformed(f"line is not understood: {line[:60]!r}")
    if trust.quorum is None:
        raise Malformed("no quorum")
    if max(len(trust.logs), len(trust.witnesses), len(trust.groups), len(trust.roots)) > MAX_LINES:
        raise Malformed("too many lines of one kind")
    return trust
