"""Reads the project's own vectors, and runs one through the product: valid ones give what is expected, others raise."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agencies.directory import Certificate, Directory
from errors import AmparoError

FOLDER = Path(__file__).parents[1] / "vectors"

Run = Callable[["Vector"], Any]


@dataclass(frozen=True)
class Vector:
    """A vector; of an invalid one, `given` is that of its control with the change in place."""

    name: str
    form: str
    given: Mapping[str, Any]
    expected: Any
    error: str | None
    like: str | None
    shared: Mapping[str, Any]

    def raw(self, member: str) -> bytes:
        """The bytes of a text, or of its `_hex` where they are no text."""
        if f"{member}_hex" in self.given:
            return bytes.fromhex(self.given[f"{member}_hex"])
        found: str = self.given[member]
        return found.encode()

    def octets(self, member: str) -> bytes:
        """The bytes of a member in hexadecimal digits."""
        return bytes.fromhex(self.given[member])


def read_file(file: str) -> dict[str, Any]:
    """A file as it stands."""
    found: dict[str, Any] = json.loads((FOLDER / file).read_text("utf-8"))
    return found


def load(file: str) -> list[Vector]:
    """The vectors of a file, in its order."""
    whole = read_file(file)
    by_name: dict[str, Mapping[str, Any]] = {}
    found = []
    for one in whole["vectors"]:
        given = one["given"] if one["valid"] else {**by_name[one["like"]], **one["change"]}
        if one["valid"]:
            by_name[one["name"]] = given
        found.append(
            Vector(
                one["name"], one["form"], given, one.get("expected"), one.get("error"), one.get("like"), whole["shared"]
            )
        )
    return found


def each(file: str) -> pytest.MarkDecorator:
    """Run a test with each vector of a file; its name is the test's id."""
    return pytest.mark.parametrize("vector", [pytest.param(one, id=one.name) for one in load(file)])


def check(vector: Vector, forms: Mapping[str, Run]) -> None:
    """What the product makes of it: the expected value, or the expected error and no other."""
    run = forms[vector.form]
    if vector.error is None:
        assert hexed(run(vector)) == vector.expected
        return
    with pytest.raises(AmparoError) as caught:
        run(vector)
    assert caught.value.code == vector.error


def hexed(value: Any) -> Any:
    """Bytes as hexadecimal digits, as the files have them; tuples as lists."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {name: hexed(item) for name, item in value.items()}
    return [hexed(item) for item in value] if isinstance(value, (list, tuple)) else value


def directory_of(log: str, members: list[Mapping[str, Any]], deputies: Mapping[str, str] | None = None) -> Directory:
    """A directory with these officers, certified at index 0, or as they say by `index` and `revoked`."""
    certificates = [
        Certificate(
            one["handle"], one["handle"].split("/")[0],
            "administrator" if "administrator" in one["roles"] else "officer",
            tuple(one["roles"]), bytes.fromhex(one["key"]), None, None, None, one.get("index", 0), one.get("revoked"),
        )
        for one in members
    ]  # fmt: skip
    named = {agency: ((0, handle),) for agency, handle in (deputies or {}).items()}
    return Directory(log, last=1000, certificates=certificates, deputies=named)
