"""The legal ground under which a filed item outlives an order to delete, sealed under the key of its case."""

from collections.abc import Mapping
from typing import Any

from crypto.encoding import dump_json, parse_json
from errors import FormatError
from exchange.models import Filed
from storage.sealed import open_column, seal_column


def put_ground(key: bytes | bytearray, row: Filed, content: Mapping[str, Any]) -> None:
    """Seal it into the item's row; that there is one is all that stands there in clear."""
    row.ground = seal_column(key, "filed", "ground", row.item_id, 1, dump_json({"v": 1, **content}))


def ground_of(key: bytes | bytearray, row: Filed) -> str | None:
    """The ground in words; None for an item that goes with an order."""
    if row.ground is None:
        return None
    value = parse_json(open_column(key, "filed", "ground", row.item_id, 1, row.ground))
    if not isinstance(value, dict) or not isinstance(value.get("ground"), str):
        raise FormatError("the ground of a filed item is damaged")
    return str(value["ground"])
