"""The search for words that must not be there, in every spelling that a program may give them."""

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote


def spellings(word: str) -> set[bytes]:
    """A word as it could stand in a file: encodings, hexadecimal, base64 at any offset, escapes."""
    found = set()
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        raw = word.encode(encoding)
        found |= {raw, raw.hex().encode(), raw.hex().upper().encode()}
        for offset in range(3):
            text = base64.b64encode(b"\x00" * offset + raw)
            middle = text[4:-4]
            found |= {middle, middle.replace(b"+", b"-").replace(b"/", b"_")}
    found |= {word.encode("unicode_escape"), quote(word).encode(), word[::-1].encode()}
    return {one for one in found if len(one) >= 6}


def search(folder: Path, words: Iterable[str]) -> list[tuple[str, str]]:
    """(file, word) of every word that stands in a file below a folder, in any spelling."""
    wanted = {word: spellings(word) for word in words}
    hits = []
    for path in folder.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            hits += [(path.name, word) for word, forms in wanted.items() if any(one in raw for one in forms)]
    return hits
