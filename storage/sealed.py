"""Sensitive columns, sealed under a case or vault key; a value cannot be moved to another row, column or version."""

from crypto import boxes, labels
from crypto.encoding import fields


def seal_column(
    key: bytes | bytearray, table: str, column: str, row_id: bytes, version: int, plaintext: bytes
) -> bytes:
    """nonce || ciphertext || tag for one cell.

    Args:
        key: 32 bytes.
        table, column, row_id, version: where the value stands; bound as associated data.
        plaintext: any bytes.
    """
    return boxes.seal_box(bytes(key), _place(table, column, row_id, version), plaintext)


def open_column(key: bytes | bytearray, table: str, column: str, row_id: bytes, version: int, sealed: bytes) -> bytes:
    """The plaintext of a cell.

    Raises:
        DecryptionFailed: another key, or a value that was written for another place.
    """
    return boxes.open_box(bytes(key), _place(table, column, row_id, version), sealed)


def _place(table: str, column: str, row_id: bytes, version: int) -> bytes:
    return fields(labels.COLUMN, table, column, row_id, version)
