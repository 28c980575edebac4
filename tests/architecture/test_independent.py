"""The second verifier stays a second one: it shares no code with the product that it is compared with."""

import ast
import sys
from pathlib import Path

import pytest

ALLOWED = {"nacl", "cryptography"}


def foreign_imports(source: str) -> set[str]:
    """Top packages that a module of the second verifier may not import; relative imports stay in its folder."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level != 1:
            found.add("." * node.level + (node.module or "").split(".")[0])
        elif isinstance(node, ast.Name) and node.id in ("__import__", "eval", "exec"):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr in ("import_module", "run_module", "run_path"):
            found.add(node.attr)
    return {name for name in found if name not in sys.stdlib_module_names | ALLOWED}


def test_the_second_verifier_imports_nothing_of_the_product(repository: Path) -> None:
    """What both got from one function, both would get wrong."""
    folder = repository / "tests" / "independent"
    modules = [path for path in folder.glob("*.py") if not path.name.startswith("test_")]
    assert {"verifier.py", "archive.py", "custody.py", "__main__.py"} <= {path.name for path in modules}
    found = {path.name: foreign_imports(path.read_text("utf-8")) for path in modules}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import evidence.archive",
        "from crypto import signing",
        "from tests.support import packs",
        "from .. import conftest",
        "def f():\n    from errors import PackInvalid",
        "import importlib\nimportlib.import_module('evidence')",
        "__import__('custody')",
    ],
)
def test_a_planted_import_is_found(planted: str) -> None:
    """The control of the test above."""
    assert foreign_imports(planted)
    assert not foreign_imports("import re\nfrom nacl import bindings\nfrom .encoding import sha256\n")
