"""The synthetic case that the demonstration plays when no folder is named (demo/data/SOURCES.md)."""

from pathlib import Path


def default_folder() -> Path:
    """The folder with persons.csv and evidence/."""
    return Path(__file__).parent / "data" / "case"
