"""Everything public says what it is; what users call shows how."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, is_typeddict

import click
import pytest
from source_tree import SRC, modules, python_files, tree

import eigentail

# The schema of a saved report, row by row: nobody makes one by hand.
ROWS_OF_THE_DOCUMENT = {
    f"eigentail.analysis.document.{name}" for name in ("Document", "FitRow", "LayerRow", "SpectrumRow")
}
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(node: ast.Module | ast.ClassDef) -> Iterator[Documented]:
    """The node and what it defines under a name without an underscore, methods too."""
    yield node
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
            if not any("overload" in ast.unparse(decorator) for decorator in inner.decorator_list):
                yield inner
        elif isinstance(inner, ast.ClassDef) and not inner.name.startswith("_"):
            yield from public(inner)


@pytest.mark.parametrize("path", python_files(SRC), ids=lambda path: str(path.relative_to(SRC)))
def test_everything_public_has_a_docstring(path: Path) -> None:
    silent = [getattr(node, "name", path.name) for node in public(tree(path)) if not ast.get_docstring(node)]
    assert silent == []


def defined() -> Iterator[tuple[str, Any]]:
    """Every public top-level function and class of the package, and every name of the front door."""
    for name in eigentail.__all__:
        yield f"eigentail.{name}", getattr(eigentail, name)
    for module in modules():
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__ and shows(value):
                yield f"{module.__name__}.{name}", value


def shows(value: object) -> bool:
    """Whether an example is asked of it: not of protocols, of rows of a file, of words of the command line."""
    if isinstance(value, click.Command) or not (inspect.isclass(value) or inspect.isfunction(value)):
        return False
    return not (getattr(value, "_is_protocol", False) or is_typeddict(value))


def test_everything_that_is_called_has_an_example() -> None:
    wanted = {name: value for name, value in defined() if not isinstance(value, str)}
    without = sorted(name for name, value in wanted.items() if ">>>" not in (inspect.getdoc(value) or ""))
    assert [name for name in without if name not in ROWS_OF_THE_DOCUMENT] == []


def test_every_room_says_what_it_takes_and_what_it_gives() -> None:
    for room in sorted(path.parent.name for path in SRC.glob("*/__init__.py")):
        assert importlib.import_module(f"eigentail.{room}").__doc__, room
