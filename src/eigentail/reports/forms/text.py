"""A page for a terminal: in colour where there is one, and never wider than it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from typing import Final, Literal

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from eigentail.reports.form import Form
from eigentail.reports.table import FILES_ONLY, Column, Page, Table, cell_text, shorten, visible

GAP: Final = 2
MAX_WIDTH: Final = 200
# The least room in which a name or a sentence can still be told from its neighbours.
_LEAST: Final = {"name": 30, "sentence": 30}

_STYLES: Final = {
    "well-trained": "green",
    "under-trained": "yellow",
    "over-trained": "magenta",
    "untrained": "red",
    "rank-collapse": "red",
    "trap": "red",
    "failed": "bold red",
    "too-small": "dim",
    "not-power-law": "dim",
}


def render(page: Page) -> str:
    """The page in plain characters, as wide as the terminal (80 columns where there is none).

    Args:
        page: any page.

    Example:
        >>> table = Table(title="Layers", columns=(Column("name"),), rows=(("fc",),))
        >>> print(render(Page(title="net", main=table, json=str)).rstrip())
        net
        Layers
        name
        fc
    """
    text = io.StringIO()
    width = shutil.get_terminal_size().columns
    paint(page, Console(file=text, width=width, color_system=None, force_terminal=False, legacy_windows=False))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def paint(page: Page, console: Console) -> None:
    """Draw the page: the main table, the overview, what was left out, and the outcome last, where the eye is.

    Args:
        page: any page.
        console: where to; its width decides which columns fit, its colour system whether verdicts are coloured.

    Example:
        >>> console = Console(file=io.StringIO(), width=80)
        >>> paint(Page(title="net", main=Table(title="Layers", columns=()), json=str), console)
        >>> "net" in console.file.getvalue()
        True
    """
    _say(console, page.title, "bold")
    for table in (page.main, *page.overview, *page.appendix):
        _say(console, table.title, "bold")
        widths = fitting(table, min(console.width, MAX_WIDTH))
        console.print(_grid(table, widths), soft_wrap=False)
        for note in table.notes(widths):
            _say(console, note, "dim")
        console.print()
    for sentence in page.lead:
        _say(console, sentence, "")


def fitting(table: Table, width: int) -> dict[int, int]:
    """Which columns are shown, and how wide each is.

    Columns leave in the order of their rank, the highest first, until the rest fits. Names and sentences give room
    before a column has to leave, down to a width at which they can still be told apart.

    Args:
        table: with any number of rows.
        width: characters there are.

    Returns:
        Index of the column to its width.

    Example:
        >>> columns = (Column("name"), Column("alpha", "number", 1))
        >>> fitting(Table(title="", columns=columns, rows=(("a" * 10, 2.0),)), 12)
        {0: 10}
    """
    natural = {i: _natural(table, i) for i, column in enumerate(table.columns) if column.rank < FILES_ONLY}
    least = {i: min(size, _LEAST.get(table.columns[i].kind, size)) for i, size in natural.items()}
    shown = sorted(natural, key=lambda i: table.columns[i].rank)
    while len(shown) > 1 and sum(least[i] + GAP for i in shown) - GAP > width:
        shown.pop()
    room = width - sum(least[i] + GAP for i in shown) + GAP
    widths = {}
    for i in shown:
        widths[i] = min(natural[i], least[i] + max(room, 0), max(width, 1))
        room -= widths[i] - least[i]
    return dict(sorted(widths.items()))


def _grid(table: Table, widths: Mapping[int, int]) -> Grid:
    """The columns that have a width, as the terminal library knows them."""
    grid = Grid(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim", collapse_padding=True)
    for i, size in widths.items():
        column = table.columns[i]
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        grid.add_column(column.name, justify=justify, width=size, no_wrap=column.kind != "sentence", overflow="fold")
    for row in table.rows:
        grid.add_row(*(_cell(cell_text(row[i]), table.columns[i], size) for i, size in widths.items()))
    return grid


def _cell(text: str, column: Column, width: int) -> Text:
    """One cell: names shortened, sentences wrapped; never read as markup."""
    if column.kind == "sentence":
        return Text(text)
    shown = shorten(text, width) if column.kind == "name" else text
    style = _STYLES.get(text, "") if column.kind == "verdict" else ""
    return Text(shown, style=style, no_wrap=True, overflow="ellipsis")


def _natural(table: Table, index: int) -> int:
    """The width at which nothing of a column is lost."""
    return max([len(table.columns[index].name), *(len(cell_text(row[index])) for row in table.rows)])


def _say(console: Console, sentence: str, style: str) -> None:
    """A sentence in the given style, wrapped at spaces."""
    console.print(Text(visible(sentence), style=style))


FORM = Form(name="table", title="plain text table", suffixes=(".txt",), render=render)
