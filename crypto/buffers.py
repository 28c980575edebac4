"""Overwriting secrets in memory.

A bytearray is wiped in place. Some libraries insist on `bytes`; such a copy is overwritten through its address, which
is right only for an object that this code made and that nobody else refers to.
"""

import ctypes
from typing import Final

_SMALLEST: Final = 16  # the interpreter shares very short bytes objects between their users
_HEADER: Final = bytes.__basicsize__ - 1


def overwrite(buffer: bytearray) -> None:
    """Fill a buffer with zeros in place."""
    size = len(buffer)
    if size:
        ctypes.memset((ctypes.c_char * size).from_buffer(buffer), 0, size)


def overwrite_bytes(secret: bytes) -> None:
    """Overwrite a bytes object that the caller made and is about to drop."""
    if len(secret) >= _SMALLEST:
        ctypes.memset(id(secret) + _HEADER, 0, len(secret))
