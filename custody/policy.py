"""The trust file: C2SP tlog-policy lines and the roots of agencies (docs/protocol.md 11)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from crypto.header import AGENCY
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, ED25519, NoteKey, parse_vkey
from custody.checkpoint import SignedCheckpoint, cosigned_at
from errors import FormatError, ProofError

LARGEST_FILE_BYTES: Final = 256 * 1024
MOST_OF_A_KIND: Final = 256
LONGEST_THRESHOLD: Final = 6


@dataclass(frozen=True, slots=True)
class Witness:
    """A name of the policy and the key that cosigns under it."""

    name: str
    key: NoteKey


@dataclass(frozen=True, slots=True)
class Group:
    """`needed` of the members, which are witnesses or groups."""

    name: str
    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """Which logs, witnesses and agency roots somebody trusts."""

    logs: tuple[NoteKey, ...]
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = "none"
    agencies: tuple[tuple[str, NoteKey], ...] = ()

    def root_of(self, agency: str) -> bytes | None:
        """Root key of an agency, if the file names it."""
        return next((key.public_key for name, key in self.agencies if name == agency), None)

    def log_keys(self, origin: str) -> list[NoteKey]:
        """The keys of one log."""
        return [key for key in self.logs if key.name == origin]


def parse_trust(data: bytes) -> Trust:
    """Read a trust file or a bare policy.

    Raises:
        FormatError: a line that is neither, or without its line feed; a name used twice, before it exists, or in two
            groups; one key or root twice; two keys of one type of a log; a threshold out of range; not exactly one
            quorum line.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise FormatError("the trust file is too large")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("the trust file is not UTF-8") from error
    reader = _Reader()
    if lines.pop() or any((ord(sign) < 0x20 and sign != "\t") or sign == "\x7f" for line in lines for sign in line):
        raise FormatError("a line of the trust file does not end in a line feed, or has control characters")
    for line in lines:
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if words and not words[0].startswith("#"):
            reader.take(words)
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self.logs: list[NoteKey] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.grouped: set[str] = set()
        self.keys: set[bytes] = set()
        self.agencies: dict[str, NoteKey] = {}
        self.quorum: str | None = None

    def take(self, words: list[str]) -> None:
        kinds = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum,
                 "agency": self._agency}  # fmt: skip
        if words[0] not in kinds:
            raise FormatError("a line of the trust file is of no known kind")
        kinds[words[0]](words[1:])

    def _log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise FormatError("a log line has a key and perhaps an address")
        key = parse_vkey(words[0])
        if key.kind not in (ED25519, COSIGNATURE_MLDSA):
            raise FormatError("a log has a key of another type")
        self._once(key)
        if any((one.name, one.kind) == (key.name, key.kind) for one in self.logs):
            raise FormatError("a log has two keys of one type")
        self.logs.append(key)

    def _witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise FormatError("a witness line has a name, a key and perhaps an address")
        key = parse_vkey(words[1])
        if key.kind not in (COSIGNATURE_ED25519, COSIGNATURE_MLDSA):
            raise FormatError("a witness has a key of another type")
        self._new(words[0])
        self._once(key)
        self.witnesses[words[0]] = Witness(words[0], key)

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise FormatError("a group line has a name, a threshold and members")
        name, threshold, members = words[0], words[1], words[2:]
        self._new(name)
        if len(set(members)) != len(members):
            raise FormatError("a group names a member twice")
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise FormatError("a group names somebody who comes later or not at all")
            if member in self.grouped:
                raise FormatError("somebody is a member of two groups")
            self.grouped.add(member)
        self.groups[name] = Group(name, _threshold(threshold, len(members)), tuple(members))

    def _quorum(self, words: list[str]) -> None:
        if self.quorum is not None or len(words) != 1:
            raise FormatError("a trust file has exactly one quorum line")
        if words[0] != "none" and words[0] not in self.witnesses and words[0] not in self.groups:
            raise FormatError("the quorum names somebody who comes later or not at all")
        self.quorum = words[0]

    def _agency(self, words: list[str]) -> None:
        if len(words) != 2 or words[0] in self.agencies:
            raise FormatError("an agency line has a name, once, and a root key")
        key = parse_vkey(words[1])
        if key.kind != ED25519 or key.name != words[0] or not AGENCY.match(key.name):
            raise FormatError("an agency's root is an Ed25519 key of its name")
        if any(one.public_key == key.public_key for one in self.agencies.values()):
            raise FormatError("two agencies have one root")
        self.agencies[words[0]] = key

    def _new(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise FormatError("a name stands twice in the trust file")

    def _once(self, key: NoteKey) -> None:
        if key.public_key in self.keys:
            raise FormatError("one key stands twice in the trust file")
        self.keys.add(key.public_key)

    def finish(self) -> Trust:
        if self.quorum is None:
            raise FormatError("a trust file has exactly one quorum line")
        if max(len(self.logs), len(self.witnesses), len(self.groups), len(self.agencies)) > MOST_OF_A_KIND:
            raise FormatError("the trust file has too many lines")
        return Trust(
            tuple(self.logs),
            tuple(self.witnesses.values()),
            tuple(self.groups.values()),
            self.quorum,
            tuple(self.agencies.items()),
        )


def _threshold(word: str, members: int) -> int:
    if word in ("all", "any"):
        return members if word == "all" else 1
    # The length comes first: int() of thousands of digits raises an error of its own.
    is_number = word.isascii() and word.isdigit() and len(word) <= LONGEST_THRESHOLD and not word.startswith("0")
    if not is_number or not 1 <= int(word) <= members:
        raise FormatError("a group's threshold is all, any, or a number of its members")
    return int(word)


def policy_lines(trust: Trust) -> Iterable[str]:
    """The part that other tools read (C2SP tlog-policy)."""
    yield from (f"log {key.vkey()}" for key in trust.logs)
    yield from (f"witness {one.name} {one.key.vkey()}" for one in trust.witnesses)
    yield from (f"group {one.name} {one.needed} {' '.join(one.members)}" for one in trust.groups)
    yield f"quorum {trust.quorum}"


def print_trust(trust: Trust) -> bytes:
    """The whole trust file."""
    lines = [*policy_lines(trust), *(f"agency {name} {key.vkey()}" for name, key in trust.agencies)]
    return "".join(f"{line}\n" for line in lines).encode()


def confirming(trust: Trust, signed: SignedCheckpoint) -> dict[str, int]:
    """Witnesses of the trust file that cosigned this checkpoint, and when.

    Raises:
        SignatureInvalid: a line with a known witness's name and id does not verify.
    """
    times = {one.name: cosigned_at(signed.note, signed.checkpoint, one.key) for one in trust.witnesses}
    return {name: time for name, time in times.items() if time is not None}


def require_quorum(trust: Trust, signed: SignedCheckpoint) -> None:
    """Raise ProofError unless enough witnesses of the trust file cosigned."""
    present = set(confirming(trust, signed))
    for group in trust.groups:
        if sum(member in present for member in group.members) >= group.needed:
            present.add(group.name)
    if trust.quorum != "none" and trust.quorum not in present:
        raise ProofError("too few witnesses of the trust file confirmed this state of the log")
