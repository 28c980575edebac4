"""Rows of text in memory, packed so that 200,000 of them stay small, are searched in milliseconds and can be wiped.

The text lies in buffers of one size that are never moved, so that no copy of them is left behind when they grow; a
case's rows follow each other, so that they can be taken out together.
"""

import bisect
import threading
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crypto.buffers import overwrite
from crypto.header import IDENTIFIER_BYTES

BUFFER_BYTES: Final = 2**20
LONGEST_ROW_BYTES: Final = 4096
NAME_END: Final = "\x1f"  # in a person's row: what stands before it names her
MOST_WORDS: Final = 8
SHORTEST_WORD: Final = 2
_END: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A row to be packed: a number for its kind, the id of what it is about, and its words."""

    kind: int
    object_id: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that has every word.

    Attributes:
        in_name: the first word stands in what names a person.
        is_exact: a row that begins with the words, such as a case under its file number.
    """

    kind: int
    object_id: bytes
    case_id: bytes
    in_name: bool
    is_exact: bool


def normal(text: str) -> str:
    """Without accents, in lower case, blanks made one: what is typed finds what is written."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(one for one in parts if not unicodedata.combining(one) and unicodedata.category(one) != "Cf")
    return " ".join(text.casefold().split())


def words_of(text: str) -> tuple[bytes, ...]:
    """The words of a search, longest first; single signs are left out."""
    found = dict.fromkeys(one for one in normal(text).split() if len(one) >= SHORTEST_WORD)
    return tuple(one.encode() for one in sorted(found, key=len, reverse=True)[:MOST_WORDS])


class PackedRows:
    """The rows of many cases. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.is_wiped = False
        self._reset()

    def __repr__(self) -> str:
        return f"PackedRows({len(self)} rows)"

    def __len__(self) -> int:
        return len(self._kinds)

    def _reset(self) -> None:
        self._buffers: list[bytearray] = []
        self._used = BUFFER_BYTES
        self._starts, self._ends = array("Q"), array("Q")
        self._kinds, self._ids, self._cases = bytearray(), bytearray(), array("I")
        self._case_ids, self._is_there = bytearray(), bytearray()
        self._first, self._after = array("I"), array("I")
        self._number: dict[bytes, int] = {}

    # ---- Filling ----

    def put(self, case_id: bytes, rows: Iterable[Row]) -> None:
        """Pack the rows of a case in place of those that were there. After `wipe` nothing is packed any more."""
        with self._lock:
            if self.is_wiped:
                return
            self.drop(case_id)
            number = len(self._first)
            self._number[case_id] = number
            self._case_ids += case_id
            self._is_there.append(1)
            self._first.append(len(self._kinds))
            for row in rows:
                self._pack(number, row)
            self._after.append(len(self._kinds))

    def _pack(self, number: int, row: Row) -> None:
        raw = row.text.encode()[: LONGEST_ROW_BYTES - 1] + _END
        if self._used + len(raw) > BUFFER_BYTES:
            self._buffers.append(bytearray(BUFFER_BYTES))
            self._used = 0
        buffer, at = self._buffers[-1], self._used
        buffer[at : at + len(raw)] = raw
        base = (len(self._buffers) - 1) * BUFFER_BYTES
        self._starts.append(base + at)
        self._ends.append(base + at + len(raw))
        self._used += len(raw)
        self._kinds.append(row.kind)
        self._ids += row.object_id
        self._cases.append(number)

    def drop(self, case_id: bytes) -> None:
        """Take a case out and overwrite its words."""
        with self._lock:
            number = self._number.pop(case_id, None)
            if number is None:
                return
            self._is_there[number] = 0
            for row in range(self._first[number], self._after[number]):
                buffer, start, end = self._place(row)
                buffer[start:end] = bytes(end - start)

    def wipe(self) -> None:
        """Overwrite everything, for good."""
        with self._lock:
            self.is_wiped = True
            for buffer in self._buffers:
                overwrite(buffer)
            self._reset()

    # ---- Looking ----

    def case_ids(self) -> list[bytes]:
        """Cases that are packed."""
        with self._lock:
            return list(self._number)

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        parts: Sequence[array[int]] = (self._starts, self._ends, self._cases, self._first, self._after)
        packed = sum(len(one) * one.itemsize for one in parts) + len(self._kinds) + len(self._ids)
        return len(self._buffers) * BUFFER_BYTES + packed + len(self._number) * 160

    def find(self, words: Sequence[bytes], most: int) -> tuple[list[Hit], bool]:
        """Rows that have every word, and whether there are more than `most`."""
        if not words:
            return [], False
        found: list[Hit] = []
        with self._lock:
            for row, at in self._rows_with(words[0]):
                buffer, start, end = self._place(row)
                text = bytes(buffer[start:end])
                if not self._is_there[self._cases[row]] or not all(one in text for one in words[1:]):
                    continue
                if len(found) == most:
                    return found, True
                found.append(self._hit(row, at, text, words))
        return found, False

    def _rows_with(self, word: bytes) -> Iterator[tuple[int, int]]:
        """Rows that hold a word, with the place of it in the row; each row once."""
        for number, buffer in enumerate(self._buffers):
            at = buffer.find(word)
            while at >= 0:
                row = bisect.bisect_right(self._starts, number * BUFFER_BYTES + at) - 1
                _, start, end = self._place(row)
                yield row, at - start
                at = buffer.find(word, end)

    def _place(self, row: int) -> tuple[bytearray, int, int]:
        number, start = divmod(self._starts[row], BUFFER_BYTES)
        return self._buffers[number], start, self._ends[row] - number * BUFFER_BYTES

    def _hit(self, row: int, at: int, text: bytes, words: Sequence[bytes]) -> Hit:
        number, size = self._cases[row], IDENTIFIER_BYTES
        return Hit(
            self._kinds[row],
            bytes(self._ids[row * size : (row + 1) * size]),
            bytes(self._case_ids[number * size : (number + 1) * size]),
            0 <= at < text.find(NAME_END.encode()),
            any(text.startswith((one + b" ", one + _END)) for one in words),
        )
