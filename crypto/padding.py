"""Hiding sizes: Padme for payloads, constant sizes for small records (docs/protocol.md 1 and 3.2)."""

from typing import Final

from errors import FormatError, LimitExceeded

FLOOR_BYTES: Final = 4096
_LENGTH: Final = 4


def padme(length: int) -> int:
    """The padded length: at most 12 percent more, never below 4 KiB.

    Source: Nikitin et al., Reducing Metadata Leakage from Encrypted Files and Communication with PURBs.
    """
    if length <= FLOOR_BYTES:
        return FLOOR_BYTES
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def padded(data: bytes, size: int) -> bytes:
    """u32 length || data || zeros, `size` bytes in all.

    Raises:
        LimitExceeded: the data does not fit.
    """
    if len(data) + _LENGTH > size:
        raise LimitExceeded(f"at most {size - _LENGTH} bytes fit here")
    return len(data).to_bytes(_LENGTH, "big") + data + bytes(size - _LENGTH - len(data))


def unpadded(data: bytes, size: int) -> bytes:
    """The data in `padded` bytes of exactly this size.

    Raises:
        FormatError: another size, a length that does not fit, or padding that is not zero.
    """
    if len(data) != size:
        raise FormatError("a padded record has another size")
    end = _LENGTH + int.from_bytes(data[:_LENGTH], "big")
    if end > size or any(data[end:]):
        raise FormatError("a padded record is malformed")
    return data[_LENGTH:end]
