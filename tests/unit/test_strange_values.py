"""Each member of each format, with a value of another kind in its place: an error with a code, never a traceback.

The valid vectors of every format are the starting points; `{}` and `[]` matter most, since a set cannot look them up.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from errors import AmparoError
from tests.support.vectors import Run, Vector, load

FILES: Final = {
    "directory.json": "agencies.test_directory_vectors",
    "custody.json": "custody.test_custody_vectors",
    "log.json": "custody.test_log_vectors",
    "register.json": "custody.test_register_vectors",
    "evidence_pack.json": "evidence.test_evidence_pack_vectors",
    "documents.json": "exchange.test_document_vectors",
    "handles.json": "exchange.test_handle_vectors",
    "opening.json": "exchange.test_opening_vectors",
}
STRANGE: Final[tuple[Any, ...]] = ({}, [], None, True, "", "\u202e", -1, 2**70, [[]], {"a": {}})


def forms_of(file: str) -> Mapping[str, Run]:
    found: Mapping[str, Run] = importlib.import_module(f"tests.unit.{FILES[file]}").FORMS
    return found


def altered(value: Any, strange: Any) -> Iterator[Any]:
    """The value with each of its places, one at a time, holding something strange."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield {**value, name: strange}
            yield from ({**value, name: one} for one in altered(item, strange))
    elif isinstance(value, list):
        for at, item in enumerate(value[:4]):
            yield [*value[:at], strange, *value[at + 1 :]]
            yield from ([*value[:at], one, *value[at + 1 :]] for one in altered(item, strange))


def as_json(text: Any) -> Any:
    """The object that a text holds, or None."""
    if not isinstance(text, str):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def strange_ones(vector: Vector, strange: Any) -> Iterator[Vector]:
    """The vector with one strange value in one of the JSON texts that it gives."""
    for member, text in vector.given.items():
        for other in altered(as_json(text), strange):
            raw = json.dumps(other, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            yield replace(vector, given={**vector.given, member: raw})


def cases() -> list[Any]:
    return [
        pytest.param(file, vector, id=vector.name)
        for file in FILES
        for vector in load(file)
        if vector.error is None and any(as_json(text) is not None for text in vector.given.values())
    ]


@pytest.mark.parametrize(("file", "vector"), cases())
def test_a_value_of_another_kind_in_any_place_is_an_error_with_a_code(file: str, vector: Vector) -> None:
    run, refused = forms_of(file)[vector.form], 0
    for strange in STRANGE:
        for one in strange_ones(vector, strange):
            try:
                run(one)
            except AmparoError:
                refused += 1
    assert refused > 0
    run(vector)  # control: as it was, it is accepted


def test_the_formats_with_json_texts_are_all_among_them() -> None:
    assert len({vector.values[1].form for vector in cases()}) >= 8
