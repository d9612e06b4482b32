"""The page the numbers stand on: tables between comments, the words around them written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from measured import ROOT

PAGE = ROOT / "docs" / "trust.md"
FIGURES = ROOT / "docs" / "figures"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a column that begins with a number is set to the right."""
    body = list(rows)
    aligned = ["---:" if body and _is_number(cell) else "---" for cell in (body[0] if body else head)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, aligned, *body)) + "\n"


def put(text: str, name: str, content: str) -> str:
    """The page with this content between the comments `name: begin` and `name: end`.

    Raises:
        SystemExit: the page has no such comments.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"the page has no place for {name}")
    return f"{head}{begin}\n{content}\n{end}{tail}"


def write(tables: dict[str, str], path: Path = PAGE) -> None:
    """Put every table in its place."""
    text = path.read_text(encoding="utf-8")
    for name, content in tables.items():
        text = put(text, name, content)
    path.write_text(text, encoding="utf-8")


def _is_number(cell: str) -> bool:
    return cell.removesuffix(" %").replace(",", "").replace(".", "").isdigit()
