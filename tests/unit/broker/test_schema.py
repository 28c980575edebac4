"""Rules that every table of the broker keeps, so that it runs on SQLite, on PostgreSQL, and on what speaks like it.

They are those of the module's own text in broker/models.py; each has a made-up table that breaks it, as its control.
"""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    String,
    Table,
    Text,
)

from broker import models  # the tables are there once it is imported
from broker.halves import HalvesBase
from storage.database import BrokerBase
from storage.types import Digest, Identifier

TABLES = [*BrokerBase.metadata.sorted_tables, *HalvesBase.metadata.sorted_tables]
LONGEST_TEXT = 255


def find_faults(table: Table) -> Iterator[str]:
    """What is wrong with a table, in words."""
    key = list(table.primary_key.columns)
    if not key or key[0].name != "log_id":
        yield "the log's id does not lead the primary key"
    if any(next(iter(index.columns)).name != "log_id" for index in table.indexes):
        yield "the log's id does not lead an index"
    for constraint in table.constraints:
        names = [column.name for column in getattr(constraint, "columns", [])]
        if names and names[0] != "log_id":
            yield f"a constraint over {names} reaches across logs"
    for column in table.columns:
        yield from _find_column_faults(column)


def _find_column_faults(column: Column[object]) -> Iterator[str]:
    if column.autoincrement is True or isinstance(column.default, Sequence) or column.identity is not None:
        yield f"{column.name} is numbered by the database"
    if column.server_default is not None or column.onupdate is not None or column.computed is not None:
        yield f"{column.name} is set by the database"
    kind = column.type
    if isinstance(kind, JSON | Text | DateTime | Float | Numeric):
        yield f"{column.name} has a type that engines treat differently"
    if isinstance(kind, String) and (kind.length is None or kind.length > LONGEST_TEXT):
        yield f"{column.name} is a text without a small limit"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_keeps_the_rules(table: Table) -> None:
    assert list(find_faults(table)) == []


def test_all_tables_are_looked_at() -> None:
    assert models.Bundle.__table__ in TABLES
    assert {table.name for table in TABLES} >= {"bundle", "entry", "event", "register", "stored_half", "lease"}


BAD: dict[str, tuple[str, Callable[[], Column[object]]]] = {
    "key led by another column": ("does not lead", lambda: Column("id", Integer, primary_key=True)),
    "sequence": ("numbered by", lambda: Column("n", Integer, Sequence("s"), primary_key=True)),
    "autoincrement": ("numbered by", lambda: Column("n", Integer, primary_key=True, autoincrement=True)),
    "unique across logs": ("across logs", lambda: Column("handle", Digest, unique=True)),
    "json": ("engines treat", lambda: Column("j", JSON)),
    "time": ("engines treat", lambda: Column("at", DateTime)),
    "long text": ("small limit", lambda: Column("t", String(4000))),
    "default of the database": ("set by", lambda: Column("n", BigInteger, server_default="1")),
}


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_breaks_a_rule_is_found(name: str) -> None:
    words, make = BAD[name]
    good = Table("good", MetaData(), Column("log_id", Identifier, primary_key=True), Column("b", LargeBinary))
    assert list(find_faults(good)) == []
    lead = [] if name.startswith("key led") else [Column("log_id", Identifier, primary_key=True)]
    bad = Table("bad", MetaData(), *lead, make())
    assert any(words in fault for fault in find_faults(bad)), list(find_faults(bad))
