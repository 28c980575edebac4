"""docs/leak-budget.md lists all that the broker stores, logs and sees; whatever is not listed fails here."""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
from marshmallow import Schema
from marshmallow.fields import List, Nested
from sqlalchemy import inspect

from broker import wire
from broker.app import create_broker, stop_broker
from broker.halves import HalvesBase
from broker.parts import EXTENSION
from config.logs import ALLOWED
from crypto import header as headers
from crypto.signing import SigningKey
from custody.events import BUNDLE_KINDS, HANDLE_KINDS
from exchange.broker_client import BrokerClient
from storage.database import BrokerBase, open_engine
from tests.support.brokers import RunningBroker, prepare_broker
from tests.support.network import Network

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "leak-budget.md").read_text("utf-8")
NAME = re.compile(r"`([^`]+)`")
# Fields that every line gets from the chain of config/logs.py itself.
OF_EVERY_LINE = frozenset({"time", "level", "logger", "event", "error", "code"})
LOG_CALLS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


def rows(chapter: str) -> list[list[set[str]]]:
    """Names in every cell of the table in a chapter of the page."""
    text = re.search(rf"^#+ {re.escape(chapter)}$(.*?)(?=^#|\Z)", PAGE, re.M | re.S)
    assert text is not None, chapter
    lines = [line for line in text[1].splitlines() if line.startswith("| ")][1:]
    assert lines, chapter
    return [[set(NAME.findall(cell)) for cell in line.strip("|").split("|")] for line in lines]


def listed(chapter: str, cell: int = 0) -> set[str]:
    """All names in one column of a table."""
    return set().union(*(row[cell] for row in rows(chapter)))


def test_every_column_is_listed() -> None:
    """Both databases, table by table."""
    stored = {
        f"{table.name}.{column.name}"
        for base in (BrokerBase, HalvesBase)
        for table in base.metadata.tables.values()
        for column in table.columns
    }
    known = {f"{table}.{column}" for row in rows("Stored: tables") for table in row[0] for column in row[1]}
    assert stored == known


def shape_of(key: str) -> str:
    """The name of a blob without what is particular to it."""
    return re.sub(r"(?<=[/-])[0-9]+(?=[/-]|$)", "N", re.sub(r"[0-9a-f]{64}|[0-9a-f]{32}", "HASH", key))


def test_every_blob_is_listed(own_network: Network) -> None:
    """What a bundle, a large event and a long log leave in the store."""
    draft = own_network.draft("north-police", ["south-police"], b"x" * 5000)
    draft.deposit()
    blobs = own_network.app.extensions[EXTENSION].blobs
    found = {shape_of(key) for prefix in ("bundles", "events", "log") for key in blobs.list_keys(prefix)}
    assert "bundles/HASH/part-N-HASH" in found
    assert found <= listed("Stored: blobs")


def test_every_blob_key_in_the_source_is_listed() -> None:
    """Also those that a short test does not write."""
    made = set()
    for path in (ROOT / "broker").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                made |= {start} if re.fullmatch(r"(bundles|events|log)/", start) else set()
    assert made == {one.partition("/")[0] + "/" for one in listed("Stored: blobs")}


def fields_logged(paths: Iterable[Path]) -> Iterator[str]:
    """Keywords of every call that writes a line."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOG_CALLS:
                yield from (one.arg or "**" for one in node.keywords)


def test_every_field_of_a_log_line_is_listed() -> None:
    """Calls in the broker and what it is built on; `exc_info` becomes class and code."""
    folders = ("broker", "storage", "custody", "crypto", "agencies")
    written = set(fields_logged(path for folder in folders for path in (ROOT / folder).glob("*.py")))
    assert "count" in written
    assert (written - {"exc_info"}) | OF_EVERY_LINE == listed("Logged")
    assert listed("Logged") <= ALLOWED


def test_every_address_is_listed(own_network: Network) -> None:
    """Rules and query parameters."""
    rules = {str(rule) for rule in own_network.app.url_map.iter_rules()}
    assert rules == listed("Addresses")
    asked = {"AfterSchema", "VersionSchema", "ProofQuerySchema", "MailboxQuerySchema"}
    parameters = {name for schema in asked for name in members_of(getattr(wire, schema))}
    assert parameters == listed("Addresses", 1)


def members_of(schema: type[Schema]) -> set[str]:
    """Names of JSON members, of nested schemas too."""
    found = set()
    for name, field in schema().fields.items():
        found.add(field.data_key or name)
        inner = field.inner if isinstance(field, List) else field
        if isinstance(inner, Nested):
            found |= members_of(type(inner.schema))
    return found


def test_every_member_of_json_is_listed() -> None:
    """Every schema of what crosses the network."""
    schemas = [one for one in vars(wire).values() if isinstance(one, type) and issubclass(one, Schema)]
    assert len(schemas) > 20
    assert set().union(*(members_of(one) for one in schemas if one is not Schema)) == listed("Members of JSON")


def names_in(value: Any) -> set[str]:
    """Names of members at every depth."""
    if isinstance(value, dict):
        return set(value).union(*(names_in(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(names_in(one) for one in value))
    return set()


def test_every_member_of_a_header_and_of_an_event_is_listed(own_network: Network) -> None:
    """What is signed and not sealed."""
    draft = own_network.draft("north-police", ["south-police"])
    assert names_in(json.loads(draft.header.dump())) == listed("Members of a header")
    assert len(draft.header.handles) == 8
    assert set().union(*BUNDLE_KINDS.values(), *HANDLE_KINDS.values()) == listed("Members of an event")
    assert {f"{count}" for count in headers.STANZA_COUNTS} == {"8", "16", "32", "64"}


def sent_headers(client: BrokerClient) -> set[str]:
    """Headers of a request as it leaves a desk."""
    return {name.lower() for name in client._request("POST", "/v1/bundles", (), b"{}", "application/json").headers}


def test_every_header_of_a_request_is_listed() -> None:
    """Of the desk's own client, with those that its library adds."""
    client = BrokerClient("http://127.0.0.1:9", "broker", "desk/north", lambda: SigningKey(bytes(32)), lambda: 0)
    known = [row[1] for row in rows("Headers") if "signature" in row[1]]
    try:
        assert sent_headers(client) == known[0]
    finally:
        client.close()


def test_every_header_of_an_answer_is_listed(served: tuple[RunningBroker, Network]) -> None:
    """As the server sends them: a success, a refusal, a wrong method."""
    _, network = served
    client = network.clients["north-police"]
    answers = [
        client.call("GET", "/broker"),
        client.call("GET", "/bundles/none"),
        client.call("DELETE", "/broker"),
        client.call("GET", "/log/checkpoint"),
        httpx2.get(f"{network.base_url}/v1/broker", trust_env=False),
    ]
    assert {one.status_code for one in answers} == {200, 404, 405, 401}
    found = {name.lower() for one in answers for name in one.headers}
    known = next(row[1] for row in rows("Headers") if "allow" in row[1])
    assert found <= known
    assert known - found <= {"retry-after", "server"}


def test_the_tables_of_a_broker_that_was_set_up_are_those_that_are_listed(settings: Any) -> None:
    """Read out of its databases: a table that only a migration makes would stand here."""
    prepare_broker(settings)
    app = create_broker(settings)
    stop_broker(app)
    tables: dict[str, set[str]] = {}
    for url in (settings.database_url, settings.halves_url):
        engine = open_engine(url)
        look = inspect(engine)
        tables |= {name: {one["name"] for one in look.get_columns(name)} for name in look.get_table_names()}
        engine.dispose()
    tables.pop("alembic_version_broker", None)
    tables.pop("alembic_version", None)
    known: dict[str, set[str]] = {}
    for row in rows("Stored: tables"):
        for table in row[0]:
            known.setdefault(table, set()).update(row[1])
    assert tables == known
