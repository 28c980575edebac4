"""Histories of tables lead to what the models say, and back."""

import importlib
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from errors import SettingInvalid
from storage.database import BrokerBase, DeskBase, open_engine
from storage.desk_files import DeskFiles
from storage.migration import get_newest, get_revision, make_config, migrate

MODELS = {
    "broker": (BrokerBase, ("broker",)),
    "desk": (DeskBase, ("agencies", "custody", "evidence", "exchange", "identity")),
}


@pytest.mark.parametrize("history", ["broker", "desk"])
def test_a_history_leads_to_the_models(tmp_path: Path, history: str) -> None:
    base, packages = MODELS[history]
    for package in packages:
        importlib.import_module(f"{package}.models")
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    assert get_revision(engine) is None
    assert migrate(engine, history) == get_newest(history) == get_revision(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), base.metadata) == []
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {max(base.metadata.tables)}"))  # the control: a difference is seen
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), base.metadata) != []
    engine.dispose()


@pytest.mark.parametrize("history", ["broker", "desk"])
def test_the_newest_step_by_name_is_the_head_of_the_history(history: str) -> None:
    """Steps are numbered in order, so that a start can tell without loading the library."""
    script = ScriptDirectory.from_config(make_config(history))
    assert get_newest(history) == script.get_current_head()
    assert len(script.get_bases()) == len(script.get_heads()) == 1


def test_a_desks_history_leads_back_to_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    migrate(engine, "desk")
    with engine.begin() as connection:
        command.downgrade(make_config("desk", connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_desk_of_another_version_is_not_opened(tmp_path: Path) -> None:
    made = DeskFiles.create(tmp_path / "desk")
    DeskFiles.open(tmp_path / "desk").close()
    with made.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    with pytest.raises(SettingInvalid, match="amparo desk migrate"):
        DeskFiles.open(tmp_path / "desk")
    made.close()


def test_custody_of_an_unreleased_version_is_not_carried_on_in_clear(tmp_path: Path) -> None:
    """Nobody's key is at hand then. Control: a desk with events of bundles alone is brought up to date."""
    for kind in ("bundle", "holding"):
        engine = open_engine(f"sqlite:///{tmp_path / kind}")
        with engine.begin() as connection:
            command.upgrade(make_config("desk", connection), "0003")
            connection.execute(text(OLD_EVENT), {"kind": kind})
        if kind == "holding":
            with pytest.raises(SettingInvalid, match="custody events of an unreleased version"):
                migrate(engine, "desk")
            assert get_revision(engine) == "0003"
        else:
            migrate(engine, "desk")
            with engine.connect() as connection:
                kept = connection.execute(text("SELECT clear_statement, sealed_statement FROM own_event")).one()
            assert tuple(kept) == (b"a statement", None)
        engine.dispose()


OLD_EVENT = """
INSERT INTO own_event (object_kind, object_id, number, tag, statement, salt, entry, officer, made_at, state)
VALUES (:kind, x'00', 0, x'00', CAST('a statement' AS BLOB), x'00', x'00', 'north/liaison-1', 0, 'waiting')
"""
