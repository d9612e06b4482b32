"""A page as GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from typing import Final

from eigentail.reports.form import Form
from eigentail.reports.table import FILES_ONLY, Cell, Column, Page, Table, cell_text, visible

_FACTS: Final = (Column("setting"), Column("value"))
_SPECIAL: Final = re.compile(r"([\\`*\[\]<>#|~&]|(?<!\w)_|_(?!\w))")


def render(page: Page) -> str:
    r"""Headline, outcome, tables, facts.

    Args:
        page: any page.

    Returns:
        Markdown in which names are text: nothing in them can end a cell, start a link or become HTML.

    Example:
        >>> table = Table(title="Layers", columns=(Column("name"),), rows=(("a|b",),))
        >>> print(render(Page(title="net", main=table, json=str)).splitlines()[-1])
        | a\|b |
    """
    facts = Table(title="How it was measured", columns=_FACTS, rows=page.facts)
    tables = [*page.overview, page.main, *page.appendix, *([facts] if page.facts else [])]
    parts = [f"# {escape(page.title)}", *(escape(sentence) for sentence in page.lead)]
    return "\n\n".join([*parts, *(_section(table) for table in tables)]) + "\n"


def escape(text: str) -> str:
    r"""Text in which every character that Markdown knows stands for itself.

    Example:
        >>> print(escape("a_b|c<script>"))
        a_b\|c\<script\>
    """
    return _SPECIAL.sub(r"\\\1", visible(text))


def _section(table: Table) -> str:
    """A table under its heading, with its notes."""
    shown = [i for i, column in enumerate(table.columns) if column.rank < FILES_ONLY and column.kind != "curve"]
    lines = [f"## {escape(table.title)}", ""]
    lines.append(_line([escape(table.columns[i].name) for i in shown]))
    lines.append(_line(["--:" if table.columns[i].is_number else ":--" for i in shown]))
    lines += [_line([_cell(row[i]) for i in shown]) for row in table.rows]
    lines += [f"\n{escape(note)}" for note in table.notes(shown)]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    """One cell, never with a line break."""
    return escape(cell) if isinstance(cell, str) else cell_text(cell)


def _line(cells: list[str]) -> str:
    """One row."""
    return f"| {' | '.join(cells)} |"


FORM = Form(name="markdown", title="GitHub Markdown", suffixes=(".md", ".markdown"), render=render)
