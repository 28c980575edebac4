"""Import directions: the contracts of pyproject.toml hold, and no package escapes them."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

# Alembic loads migrations by path, after everything else is there; they are no layer.
UNLAYERED = {"migrations", "tests", "bench"}


def linter(repository: Path) -> dict[str, Any]:
    """The configuration of import-linter."""
    project: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    configuration: dict[str, Any] = project["tool"]["importlinter"]
    return configuration


def lint(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a process of its own, with the packages of one folder."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); from importlinter.cli import lint_imports; " + (
        f"sys.exit(lint_imports(config_filename={str(config)!r}, no_cache=True))"
    )
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


def test_every_contract_holds(repository: Path) -> None:
    """STYLE of the imports: the broker is blind, crypto is pure, the web stays at the edge."""
    result = lint(repository, repository / "pyproject.toml")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("line", "status"), [("", 0), ("import high.page\n", 1)])
def test_the_linter_notices_an_import_that_points_upwards(tmp_path: Path, line: str, status: int) -> None:
    """The control: the same run fails when a lower package imports a higher one, and passes without."""
    for name in ("low", "high"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "high" / "page.py").write_text("import low.word\n")
    (tmp_path / "low" / "word.py").write_text(line)
    config = tmp_path / "linter.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["low", "high"]\n[[tool.importlinter.contracts]]\n'
        'name = "down"\ntype = "layers"\nlayers = ["high", "low"]\n'
    )
    result = lint(tmp_path, config)
    assert result.returncode == status, result.stdout + result.stderr


def test_every_package_has_its_layer(repository: Path) -> None:
    """A package that no contract knows could import anything."""
    present = {path.parent.name for path in repository.glob("*/__init__.py")} - UNLAYERED
    configuration = linter(repository)
    layers = next(item["layers"] for item in configuration["contracts"] if item["type"] == "layers")
    layered = {name.strip() for layer in layers for name in layer.split("|")}
    assert present == layered == set(configuration["root_packages"])


def test_every_package_file_holds_a_docstring_and_nothing_else(repository: Path) -> None:
    """Using one module never pulls in another."""
    for path in sorted(repository.glob("*/__init__.py")):
        body = ast.parse(path.read_text("utf-8")).body
        assert len(body) == 1, path
        assert ast.get_docstring(ast.Module(body=body, type_ignores=[])), path


def test_errors_imports_nothing_of_the_project(repository: Path) -> None:
    """The root of the tree of errors stands below every package."""
    tree = ast.parse((repository / "errors.py").read_text("utf-8"))
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules <= set(sys.stdlib_module_names)
