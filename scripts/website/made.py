"""Pages that no one writes: the decisions in order, the command line, the public names, and the gallery as it runs."""

from __future__ import annotations

import ast
import contextlib
import io
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from unittest import mock

import click

import eigentail
from eigentail.cli import main
from website import ROOT

_WIDTH: Final = 80


def decisions(root: Path = ROOT) -> str:
    """A list of the records of decisions, by their own titles."""
    lines = ["# Decisions", "", "Choices that could have gone another way, with what spoke for them.", ""]
    for path in sorted((root / "docs" / "decisions").glob("*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """What each verb says of itself with `--help`."""
    parts = ["# Command line", "What `--help` prints, of the program and of each verb.", _help([])]
    parts += [f"## {name}\n\n{_help([name])}" for name in main.list_commands(click.Context(main))]
    return "\n\n".join(parts) + "\n"


def python() -> str:
    """Every public name, for mkdocstrings to fill in from its docstring."""
    parts = ["# Python", "`import eigentail as et`. Every name below is `et.name`."]
    parts += [f"## {name}\n\n::: {where}" for name, where in _homes()]
    return "\n\n".join(parts) + "\n"


def gallery(target: Path, root: Path = ROOT) -> None:
    """Run every script of the gallery, and write a page for each with what it prints and what it draws."""
    target.mkdir(parents=True, exist_ok=True)
    for script in sorted((root / "docs" / "gallery").glob("*.py")):
        text = script.read_text(encoding="utf-8")
        shown = target / f"{script.stem}_shown{'.html' if '.html' in text else '.svg'}"
        said = _run(script, shown)
        (target / f"{script.stem}.md").write_text(_script_page(script.stem, text, said, shown.name), encoding="utf-8")


def _script_page(name: str, text: str, said: str, shown: str) -> str:
    """One script: what it shows, its figure, its code, its words."""
    what = ast.get_docstring(ast.parse(text)) or ""
    figure = f"[The page it writes]({shown})" if shown.endswith(".html") else f"![{what}]({shown})"
    parts = [f"# {name}", what, figure, f"```python\n{text}```"]
    if said:
        parts.append(f"It prints:\n\n```text\n{said}```")
    return "\n\n".join(parts) + "\n"


def _run(script: Path, shown: Path) -> str:
    """What a script prints; its figure goes into a file."""
    said = io.StringIO()
    with mock.patch.object(sys, "argv", [str(script), str(shown)]), contextlib.redirect_stdout(said):
        runpy.run_path(str(script), run_name="__main__")
    if not shown.is_file():
        raise SystemExit(f"{script.name} has written no {shown.suffix} file")
    return said.getvalue()


def _help(words: list[str]) -> str:
    """What a command says of itself, as text."""
    command: click.Command = main
    context = click.Context(main, info_name="eigentail", max_content_width=_WIDTH, **main.context_settings)
    for word in words:
        found = main.get_command(context, word)
        assert found is not None
        command, context = found, click.Context(found, info_name=word, parent=context)
    return f"```text\n{command.get_help(context)}\n```"


def _homes() -> Iterator[tuple[str, str]]:
    """Each public name, and the module it is defined in."""
    for name in eigentail.__all__:
        value = getattr(eigentail, name)
        if not isinstance(value, str):
            yield name, f"{value.__module__}.{value.__name__}"
