"""Bundles that an officer has opened: in the memory of her session, and gone with it."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from errors import SignInRequired
from exchange.exports import AsFiles
from exchange.opened import Opened

MOST_OPEN: Final = 20


@dataclass
class Held:
    """One opened bundle.

    Attributes:
        as_files: it was opened to be taken out as files, on the record.
        is_told: whoever raised a flag against it was told, before the first file goes out.
        warning: what did not fit when it was opened, in words.
        reading: held while something is read out of it, since it remembers the last segment.
    """

    opened: Opened
    as_files: AsFiles | None = None
    is_told: bool = False
    warning: str | None = None
    reading: threading.RLock = field(default_factory=threading.RLock, repr=False)


class OpenedStore:
    """The opened bundles of one session. Safe for threads; nothing of it is ever written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, Held] = OrderedDict()
        self._is_closed = False

    def __repr__(self) -> str:
        return "OpenedStore(hidden)"

    def put(self, held: Held) -> None:
        """Keep a bundle in sight; one that was open before is closed, and the oldest where there are very many.

        Raises:
            SignInRequired: the session ended while it was being opened.
        """
        gone = []
        with self._lock:
            if self._is_closed:
                gone.append(held)
            else:
                before = self._held.pop(held.opened.bundle_id, None)
                gone += [] if before is None else [before]
                self._held[held.opened.bundle_id] = held
                while len(self._held) > MOST_OPEN:
                    gone.append(self._held.popitem(last=False)[1])
            is_closed = self._is_closed
        for one in gone:
            one.opened.close()
        if is_closed:
            raise SignInRequired

    def find(self, bundle_id: bytes) -> Held | None:
        """An opened bundle."""
        with self._lock:
            return self._held.get(bundle_id)

    def drop(self, bundle_id: bytes) -> None:
        """Close one; one that is not open is no error."""
        with self._lock:
            held = self._held.pop(bundle_id, None)
        if held is not None:
            held.opened.close()

    def close(self) -> None:
        """Close all of them for good."""
        with self._lock:
            self._is_closed = True
            found, self._held = list(self._held.values()), OrderedDict()
        for held in found:
            held.opened.close()
