"""A file of vectors: valid ones, and invalid ones that each differ from a valid one in what their name says."""

import hashlib
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "vectors"


def draw(name: str, size: int = 32) -> bytes:
    """Secrets, salts, nonces: the same for the same name, each time."""
    return hashlib.shake_256(b"amparo vectors " + name.encode()).digest(size)


def hexed(value: Any) -> Any:
    """Bytes as hexadecimal digits, in lists and objects too."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: hexed(item) for name, item in value.items()}
    return [hexed(item) for item in value] if isinstance(value, (list, tuple)) else value


def flipped(data: bytes, at: int = -1) -> bytes:
    """The same bytes with the lowest bit of one of them turned over."""
    out = bytearray(data)
    out[at] ^= 1
    return bytes(out)


class Book:
    """What one file holds."""

    def __init__(self, file: str, about: str, shared: dict[str, Any] | None = None) -> None:
        self.file, self.about, self.shared = file, about, shared or {}
        self.forms: dict[str, str] = {}
        self.vectors: list[dict[str, Any]] = []
        self._given: dict[str, dict[str, Any]] = {}
        self._form = ""

    def form(self, name: str, says: str) -> None:
        """The vectors that follow are of this form; `says` is what is given, and what is expected."""
        self.forms[name], self._form = says, name

    def valid(self, name: str, given: dict[str, Any], expected: Any) -> None:
        """A vector that every implementation takes."""
        self._add(name, {"name": name, "form": self._form, "valid": True, "given": given, "expected": expected})
        self._given[name] = given

    def invalid(self, name: str, like: str, error: str, /, **change: Any) -> None:
        """A vector that every implementation refuses: `like` with other values of these members.

        A member whose bytes are no UTF-8 text is given as `<member>_hex` in place of the text.
        """
        for member in change:
            assert member.removesuffix("_hex") in self._given[like], f"{name}: {like} has no {member}"
        same = {member for member, value in change.items() if self._given[like].get(member) == value}
        assert not same, f"{name} does not differ from {like} in {same}"
        vector = {"name": name, "form": self._form, "valid": False, "like": like, "error": error, "change": change}
        self._add(name, vector)

    def _add(self, name: str, vector: dict[str, Any]) -> None:
        assert all(name != one["name"] for one in self.vectors), f"{name} stands twice"
        self.vectors.append(vector)

    def value(self) -> dict[str, Any]:
        """The file as JSON."""
        whole = {"about": self.about, "forms": self.forms, "shared": self.shared, "vectors": self.vectors}
        found: dict[str, Any] = hexed(whole)
        return found

    def write(self) -> None:
        """Write the file."""
        text = json.dumps(self.value(), indent=1, ensure_ascii=True)
        (FOLDER / self.file).write_text(text + "\n", encoding="utf-8")
