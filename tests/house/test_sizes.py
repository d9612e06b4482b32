"""Small files, small functions, few parameters."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from source_tree import REPO, SRC, Function, functions, python_files

LINES_OF_A_FILE = 400
LINES_OF_A_TEST_FILE = 500
LINES_OF_A_FUNCTION = 60
PARAMETERS = 6


def parameters(function: Function) -> int:
    """How many a caller may give; `self` and `cls` are not given."""
    args = function.args
    names = [arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def code_lines(function: Function) -> int:
    """The lines of a function without its docstring, which is as long as it must be."""
    length = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        length -= (first.end_lineno or 0) - first.lineno + 1
    return length


@pytest.mark.parametrize("path", python_files(SRC), ids=lambda path: str(path.relative_to(SRC)))
def test_a_module_is_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_OF_A_FILE
    assert [f.name for f in functions(path) if code_lines(f) > LINES_OF_A_FUNCTION] == []
    assert [f.name for f in functions(path) if parameters(f) > PARAMETERS] == []


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "zoo"])
def test_other_files_are_small_too(folder: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(REPO / folder)}
    assert [path for path, length in lengths.items() if length > LINES_OF_A_TEST_FILE] == []


def test_the_measure_measures() -> None:
    text = 'def f(self, a, /, b, *rest, c, **more):\n    """Two\n    lines."""\n    return 1\n'
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    assert (parameters(function), code_lines(function)) == (3, 2)
