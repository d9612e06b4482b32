"""What the house tests look at: the package, file by file."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import eigentail

REPO = Path(__file__).resolve().parents[2]
SRC = REPO / "src" / "eigentail"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(folder: Path) -> list[Path]:
    """Every module below a folder."""
    return sorted(path for path in folder.rglob("*.py") if ".venv" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file, the inner ones too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def modules() -> list[ModuleType]:
    """Every module of the package, imported; `__main__` only runs."""
    names = [info.name for info in pkgutil.walk_packages(eigentail.__path__, "eigentail.")]
    return [eigentail, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]
