"""A page as GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from typing import Final

from eigentail.reports.form import Form
from eigentail.reports.short import short_page
from eigentail.reports.table import Cell, Column, Page, Table, cell_text, shorten, visible

# As much as people scroll past in an issue or on a model card.
ROWS: Final = 60
# What an issue has room for: columns of a higher rank are in the other files.
_RANK: Final = 7
_NAME: Final = 80
_FACTS: Final = (Column("setting"), Column("value"))
# GitHub makes links of bare addresses, too: of "http://" by its colon, of "www." by its dot.
_SPECIAL: Final = re.compile(r"([\\`*\[\]<>#|~&]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.)")
# What makes a list, a heading or a line of what begins so.
_LIST: Final = re.compile(r"^(\d*)([-+=.)])")
# And it calls people who are named; no backslash hinders it, but a joiner that nobody sees.
_PERSON: Final = re.compile(r"(?<!\w)@(?=\w)")
_JOINER: Final = chr(0x2060)


def render(page: Page) -> str:
    r"""Headline, outcome, tables, facts.

    Args:
        page: any page.

    Returns:
        Markdown in which names are text: nothing in them can end a cell, start a link or become HTML. They lose their
        middle beyond 80 characters, and tables end after 60 rows, with a note.

    Example:
        >>> table = Table(title="Layers", columns=(Column("name"),), rows=(("a|b",),))
        >>> print(render(Page(title="net", main=table, json=str)).splitlines()[-1])
        | a\|b |
    """
    page = short_page(page, ROWS)
    facts = Table(title="How it was measured", columns=_FACTS, rows=page.facts)
    tables = [*page.overview, page.main, *page.appendix, *([facts] if page.facts else [])]
    parts = [f"# {escape(page.title)}", *map(paragraph, page.lead)]
    return "\n\n".join([*parts, *(f"## {escape(table.title)}\n\n{table_text(table)}" for table in tables)]) + "\n"


def escape(text: str) -> str:
    r"""Text in which every character that Markdown knows stands for itself.

    Example:
        >>> print(escape("a_b|c<script>"))
        a_b\|c\<script\>
    """
    return _PERSON.sub(f"@{_JOINER}", _SPECIAL.sub(r"\\\1", visible(text)))


def paragraph(sentence: str) -> str:
    r"""A sentence as a paragraph of its own, whatever it begins with.

    Example:
        >>> print(paragraph("1. looks damaged"))
        1\. looks damaged
    """
    return _LIST.sub(r"\1\\\2", escape(sentence.strip()))


def table_text(table: Table, rank: int = _RANK) -> str:
    """A table without its title, and its notes.

    Args:
        table: any table.
        rank: columns of a higher one are left out.

    Example:
        >>> print(table_text(Table(title="", columns=(Column("alpha", "number"),), rows=((2.0,),))))
        | alpha |
        | --: |
        | 2 |
    """
    shown = [i for i, column in enumerate(table.columns) if column.rank <= rank and column.kind != "curve"]
    lines = [_line([escape(table.columns[i].name) for i in shown])]
    lines.append(_line(["--:" if table.columns[i].is_number else ":--" for i in shown]))
    lines += [_line([_cell(row[i], table.columns[i]) for i in shown]) for row in table.rows]
    lines += [f"\n{paragraph(note)}" for note in table.notes(shown)]
    return "\n".join(lines)


def _cell(cell: Cell, column: Column) -> str:
    """One cell, never with a line break."""
    if not isinstance(cell, str):
        return cell_text(cell)
    return escape(shorten(visible(cell), _NAME) if column.kind == "name" else cell)


def _line(cells: list[str]) -> str:
    """One row."""
    return f"| {' | '.join(cells)} |"


FORM = Form(name="markdown", title="GitHub Markdown", suffixes=(".md", ".markdown"), render=render)
