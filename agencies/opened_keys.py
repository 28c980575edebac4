"""Keys of cases that a signed-in officer has opened already, so that a page need not open the same stanza again.

They lie in buffers that are overwritten when the desk locks, and when an older one makes room. A key counts for the
very wrapping that it was opened from: whoever asks has read that row in the same breath, so that an officer who is
kept out of a case gets nothing from here.
"""

import threading
from collections import OrderedDict
from typing import Final

from crypto.buffers import overwrite
from crypto.digests import sha256

MOST: Final = 1024

Place = tuple[bytes, str]


class OpenedKeys:
    """Keys by case and compartment; the longest unused goes first. Safe for threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._keys: OrderedDict[Place, tuple[bytes, bytearray]] = OrderedDict()
        self._is_wiped = False

    def __repr__(self) -> str:
        return "OpenedKeys(hidden)"

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, place: Place, wrapped: bytes) -> bytes | None:
        """The key that was opened from this wrapping, if it is still here."""
        with self._lock:
            found = self._keys.get(place)
            if found is None or found[0] != sha256(wrapped):
                return None
            self._keys.move_to_end(place)
            return bytes(found[1])

    def keep(self, place: Place, wrapped: bytes, key: bytes) -> None:
        """Remember a key. After `wipe` nothing is remembered any more."""
        with self._lock:
            if self._is_wiped:
                return
            before = self._keys.pop(place, None)
            if before is not None:
                overwrite(before[1])
            self._keys[place] = (sha256(wrapped), bytearray(key))
            while len(self._keys) > self._most:
                overwrite(self._keys.popitem(last=False)[1][1])

    def wipe(self) -> None:
        """Overwrite every key, for good."""
        with self._lock:
            self._is_wiped = True
            for _, key in self._keys.values():
                overwrite(key)
            self._keys.clear()
