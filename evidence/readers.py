"""Hostile files made harmless: read in a child process without keys, network or files, and shown as pictures or text.

The child (evidence/reader_child.py) gets the bytes over a pipe, never a path, and whatever it answers is treated as
hostile too: strict JSON of a known form, or a picture that it has encoded anew. A child that takes too long or too much
is ended with everything that it started.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from errors import AmparoError, LimitExceeded

CHILD: Final = Path(__file__).with_name("reader_child.py")
SECONDS: Final = 30
LARGEST_ANSWER: Final = 32 * 2**20
LARGEST_HEADER: Final = 8 * 2**20
AT_ONCE: Final = 2
TEXT_BYTES: Final = 128 * 1024  # of one part of a text
SHEET_PARTS: Final = 10_000
ENCODED: Final = frozenset({"image/png", "image/webp"})

_PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff", "image/bmp"})
_WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What is played as it is, in a closed list; the first bytes have to fit.
STREAMED: Final[Mapping[str, tuple[tuple[int, bytes], ...]]] = {
    "video/mp4": ((4, b"ftyp"),), "audio/mp4": ((4, b"ftyp"),), "audio/x-m4a": ((4, b"ftyp"),),
    "video/webm": ((0, b"\x1a\x45\xdf\xa3"),), "audio/webm": ((0, b"\x1a\x45\xdf\xa3"),),
    "video/ogg": ((0, b"OggS"),), "audio/ogg": ((0, b"OggS"),),
    "audio/mpeg": ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")),
    "audio/wav": ((0, b"RIFF"),), "audio/x-wav": ((0, b"RIFF"),), "audio/flac": ((0, b"fLaC"),),
}  # fmt: skip
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_PICTURES, "picture"), "application/pdf": "pdf", "text/csv": "table", _WORKBOOK: "workbook",
    "text/plain": "text", "application/json": "text", "application/ld+json": "text", "text/markdown": "text",
    "message/rfc822": "text", "application/xml": "text", "text/xml": "text", "text/html": "text",
    "image/svg+xml": "text",
}  # fmt: skip
LARGEST: Final[Mapping[str, int]] = {
    "picture": 256 * 2**20, "pdf": 256 * 2**20, "table": 64 * 2**20, "workbook": 64 * 2**20,
}  # fmt: skip

WHY: Final[Mapping[str, str]] = {
    "too-many-pixels": "this picture is larger than is shown; it may be made to fill the memory",
    "too-large": "this file takes more memory than it is given",
    "too-long": "this file takes longer to read than it is given",
    "no-such-part": "the file has no such part",
    "not-confined": "this machine cannot shut a reader in, so nothing is read",
    "broken-off": "the file could not be read to its end",
    "unreadable": "the file is damaged, or is not what its name says",
}


class NotShown(AmparoError):
    """This file cannot be shown inside the page; it can be downloaded on purpose."""

    code = "not-shown"


@dataclass(frozen=True, slots=True)
class Material:
    """Something that can be shown, wherever it is kept: an own exhibit, or a file of an opened bundle.

    Attributes:
        read: gives the bytes from one place up to another, in pieces.
    """

    name: str = field(repr=False)
    media_type: str
    size_bytes: int
    read: Callable[[int, int], Iterator[bytes]] = field(repr=False)

    @property
    def kind(self) -> str | None:
        """How it is shown: `picture`, `pdf`, `text`, `table`, `workbook`, `stream`; None: it is not."""
        if self.media_type in STREAMED:
            return "stream"
        return _KINDS.get(self.media_type)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of a file, or of one part of it.

    Attributes:
        parts: pages, frames or sheets that it has.
        facts: of its kind: `text`, or `rows`, `count`, `first`, `sheets`, `sheet`, or `width`, `height`.
        media_type, picture: of a picture that was encoded anew.
    """

    kind: str
    part: int
    parts: int
    facts: Mapping[str, Any] = field(repr=False)
    media_type: str = ""
    picture: bytes = field(default=b"", repr=False)


_places = threading.BoundedSemaphore(AT_ONCE)


def read(material: Material, part: int = 0) -> Reading:
    """One part of a file in a form that does no harm.

    Args:
        part: from 0; of a workbook the sheet times 10,000 and the page of its rows.

    Raises:
        NotShown: no reader takes it, or the reader could make nothing of it.
        LimitExceeded: it is larger than is read.
    """
    kind = material.kind
    if kind is None or kind == "stream":
        raise NotShown
    if kind == "text":
        return _read_text(material, part)
    if material.size_bytes > LARGEST[kind]:
        raise LimitExceeded("this file is too large to be shown; it can be downloaded on purpose")
    header, picture = _run(kind, part, material.size_bytes, material.read(0, material.size_bytes))
    return _checked(kind, part, header, picture)


def _read_text(material: Material, part: int) -> Reading:
    parts = max(1, -(-material.size_bytes // TEXT_BYTES))
    if not 0 <= part < parts:
        raise NotShown(WHY["no-such-part"])
    start, end = part * TEXT_BYTES, min(material.size_bytes, (part + 1) * TEXT_BYTES)
    header, _ = _run("text", 0, end - start, material.read(start, end))
    words = header.get("text")
    if not isinstance(words, str):
        raise NotShown(WHY["unreadable"])
    return Reading("text", part, parts, {"text": words})


def _checked(kind: str, part: int, header: Mapping[str, Any], picture: bytes) -> Reading:
    parts = header.get("parts")
    if type(parts) is not int or not 0 < parts <= 10**6:
        raise NotShown(WHY["unreadable"])
    if kind in ("picture", "pdf"):
        media_type = header.get("media_type")
        if media_type not in ENCODED or not picture.startswith((b"\x89PNG", b"RIFF")):
            raise NotShown(WHY["unreadable"])
        sides = {name: int(header[name]) for name in ("width", "height")}
        return Reading(kind, part, parts, sides, str(media_type), picture)
    rows = [[str(cell) for cell in row] for row in header["rows"]]
    facts: dict[str, Any] = {"rows": rows, "count": int(header["count"]), "first": int(header["first"])}
    if kind == "workbook":
        facts |= {"sheets": [str(one) for one in header["sheets"]], "sheet": int(header["sheet"])}
    return Reading(kind, part, parts, facts)


def is_played(material: Material) -> bool:
    """Whether its first bytes fit a kind of the closed list of sound and film."""
    wanted = STREAMED.get(material.media_type)
    if wanted is None:
        return False
    head = b"".join(material.read(0, min(16, material.size_bytes)))
    return any(head[at : at + len(mark)] == mark for at, mark in wanted)


# ---- The child --------------------------------------------------------------------------------------------------


def _run(kind: str, part: int, size: int, pieces: Iterator[bytes]) -> tuple[dict[str, Any], bytes]:
    with _places:
        raw = _ask(json.dumps({"kind": kind, "part": part, "size": size}).encode() + b"\n", pieces)
    line, _, picture = raw.partition(b"\n")
    try:
        header = json.loads(line) if len(line) <= LARGEST_HEADER else None
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise NotShown(WHY["unreadable"])
    if "refused" in header:
        raise NotShown(WHY.get(str(header["refused"]), WHY["unreadable"]))
    return header, picture


def _ask(first: bytes, pieces: Iterator[bytes]) -> bytes:
    """Start a child, feed it, and take its answer."""
    # -I: nothing of this environment and of this folder; the child imports what is installed and nothing of ours.
    child = subprocess.Popen(
        [sys.executable, "-I", str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={}, cwd="/", close_fds=True, start_new_session=True,
    )  # fmt: skip
    is_late = threading.Event()

    def give_up() -> None:
        is_late.set()
        _end(child)

    watch = threading.Timer(SECONDS, give_up)
    watch.start()
    failed: list[BaseException] = []
    feeder = threading.Thread(target=_feed, args=(child, first, pieces, failed), name="reader", daemon=True)
    feeder.start()
    try:
        assert child.stdout is not None  # noqa: S101  # for the type check
        answer = child.stdout.read(LARGEST_ANSWER + 1)
    finally:
        watch.cancel()
        _end(child)
        child.wait()
        feeder.join(SECONDS)
        child.stdout.close()  # type: ignore[union-attr]
    if failed:
        raise failed[0]
    if is_late.is_set():
        raise NotShown(WHY["too-long"])
    if len(answer) > LARGEST_ANSWER:
        raise NotShown(WHY["too-large"])
    return answer


def _feed(child: "subprocess.Popen[bytes]", first: bytes, pieces: Iterator[bytes], failed: list[BaseException]) -> None:
    assert child.stdin is not None  # noqa: S101  # for the type check
    try:
        with child.stdin as pipe:
            pipe.write(first)
            for piece in pieces:
                pipe.write(piece)
    except (BrokenPipeError, ValueError):  # it has read enough, or was ended
        pass
    except BaseException as error:  # noqa: BLE001  # of the sealed store; it belongs to the caller
        failed.append(error)
        _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill the child's whole group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def probe() -> dict[str, Any]:
    """What a child of this machine may still do; for the tests and for a desk that wants to know."""
    return _run("probe", 0, 0, iter(()))[0]
