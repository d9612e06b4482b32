"""A page as a piece of HTML for the output of a notebook: small tables, no script, no style of the page around it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from eigentail.reports.form import Form
from eigentail.reports.short import short_page
from eigentail.reports.spark import spark
from eigentail.reports.table import Cell, Column, Curve, Page, Table, cell_text, shorten, visible

ROWS: Final = 50
# Columns beyond this rank would make the output wider than its cell.
_RANK: Final = 6
_NAME: Final = 60
_COLOURS: Final = {
    "well-trained": "#1a7f37",
    "under-trained": "#9a6700",
    "over-trained": "#8250df",
    "untrained": "#cf222e",
    "rank-collapse": "#cf222e",
    "trap": "#cf222e",
    "failed": "#cf222e",
    "damaged": "#cf222e",
}
_CELL: Final = "padding: 0.1em 0.7em"


def render(page: Page) -> str:
    """The outcome in sentences, the table people came for, and the whole in numbers.

    Args:
        page: any page.

    Returns:
        A `div`. Every name is escaped and isolated, and loses its middle beyond 60 characters; tables end after 50
        rows.

    Example:
        >>> table = Table(title="Layers", columns=(Column("name", "name"),), rows=(("<script>",),))
        >>> "<bdi>&lt;script&gt;</bdi>" in render(Page(title="net", main=table, json=str))
        True
    """
    return "\n".join(_parts(short_page(page, ROWS))) + "\n"


def _parts(page: Page) -> Iterator[str]:
    """Line by line."""
    yield "<div>"
    yield f"<p><strong><bdi>{escape(visible(page.title))}</bdi></strong></p>"
    yield from (f"<p>{escape(visible(sentence))}</p>" for sentence in page.lead)
    for table in (page.main, *page.overview):
        yield from _table(table)
    yield "</div>"


def _table(table: Table) -> Iterator[str]:
    """One table under its title, with its notes."""
    shown = [i for i, column in enumerate(table.columns) if column.rank <= _RANK]
    yield f"<table><caption>{escape(table.title)}</caption>"
    heads = "".join(f'<th scope="col" style="{_style(table.columns[i])}">{_name(table, i)}</th>' for i in shown)
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(_cell(row[i], table.columns[i]) for i in shown)}</tr>"
    yield "</tbody></table>"
    yield from (f"<p><small>{escape(visible(note))}</small></p>" for note in table.notes(shown))


def _name(table: Table, index: int) -> str:
    return escape(visible(table.columns[index].name))


def _cell(cell: Cell, column: Column) -> str:
    """One cell: the verdict in colour and in words, a picture in characters."""
    style = _style(column)
    if isinstance(cell, Curve):
        drawn = spark(cell)
        picture = escape(drawn.bulk) + (f"<strong>{escape(drawn.tail)}</strong>" if drawn.tail else "")
        return f'<td style="{style}; font-family: monospace; white-space: pre">{picture}</td>'
    text = cell_text(cell)
    if column.kind == "verdict" and text in _COLOURS:
        style += f"; color: {_COLOURS[text]}"
    if isinstance(cell, str):
        said = shorten(text, _NAME) if column.kind == "name" else text
        return f'<td style="{style}"><bdi>{escape(said)}</bdi></td>'
    return f'<td style="{style}">{text}</td>'


def _style(column: Column) -> str:
    """Numbers flush right, all else flush left."""
    return f"{_CELL}; text-align: {'right' if column.is_number else 'left'}"


FORM = Form(name="notebook", title="piece of HTML for a notebook", suffixes=(), render=render)
