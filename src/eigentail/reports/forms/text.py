"""A page for a terminal: in colour where there is one, never wider than it, one line for each row of the main table."""

from __future__ import annotations

import io
import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Table as Grid
from rich.text import Text

from eigentail.reports.form import Form
from eigentail.reports.spark import WIDTH as SPARK_WIDTH
from eigentail.reports.spark import spark
from eigentail.reports.table import ALWAYS, FILES_ONLY, Cell, Column, Curve, Page, Table, cell_text, visible

# Strips of text, each with the style it is drawn in.
Drawn = list[tuple[str, str]]

GAP: Final = 2
MAX_WIDTH: Final = 200
# The least room in which a name or a sentence can still be told from its neighbours.
_LEAST: Final = {"name": 30, "sentence": 30}
_PICTURE: Final = "eigenvalues by size, both scales logarithmic; the law was fitted to those after the stroke"
_VERDICT: Final = re.compile(r"(?:The model: )?([a-z-]+)")
_MARK: Final = chr(0x200E)  # left to right

_STYLES: Final = {
    "well-trained": "green",
    "under-trained": "yellow",
    "over-trained": "magenta",
    "untrained": "red",
    "rank-collapse": "red",
    "trap": "red",
    "failed": "bold red",
    "damaged": "bold red",
    "changed": "yellow",
    "unrelated": "yellow",
    "identical": "green",
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
    return plain(page)


def plain(page: Page, encoding: str = "utf-8") -> str:
    """The page without colour, in characters that an encoding has.

    Args:
        page: any page.
        encoding: of the terminal or the pipe; anything but UTF gets ASCII for pictures and dots. Names stay as they
            are: what writes them escapes what it cannot write.

    Example:
        >>> table = Table(title="Layers", columns=(Column("name", "name"),), rows=(("fc" * 100,),))
        >>> plain(Page(title="net", main=table, json=str), "ascii").isascii()
        True
    """
    text = io.StringIO()
    width = shutil.get_terminal_size().columns
    paint(
        page, Console(file=text, width=width, color_system=None, force_terminal=False, legacy_windows=False), encoding
    )
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def paint(page: Page, console: Console, encoding: str = "") -> None:
    """Draw the page: the main table, the overview, what was left out, and the outcome last, where the eye is.

    Args:
        page: any page.
        console: where to; its width decides which columns fit, its colour system whether verdicts are coloured.
        encoding: as in `plain`; "" for that of the console.

    Example:
        >>> console = Console(file=io.StringIO(), width=80)
        >>> paint(Page(title="net", main=Table(title="Layers", columns=()), json=str), console)
        >>> "net" in console.file.getvalue()
        True
    """
    ascii_only = not (encoding or console.encoding).lower().startswith("utf")
    _say(console, page.title, "bold")
    for table in (page.main, *page.overview, *page.appendix):
        _say(console, table.title, "bold")
        widths = fitting(table, min(console.width, MAX_WIDTH))
        # a sentence that people came for is read to its end; beside numbers it gives way
        said = any(column.kind == "sentence" and column.rank == ALWAYS for column in table.columns)
        if table is page.main and not said:
            console.print(lines(table, widths, ascii_only), end="")
        else:
            console.print(_wrapped(table, widths, ascii_only), soft_wrap=False)
        for note in (*_picture_note(table, widths), *table.notes(widths)):
            _say(console, note, "dim")
        console.print()
    for sentence in page.lead:
        console.print(_outcome(sentence))


def fitting(table: Table, width: int) -> dict[int, int]:
    """Which columns are shown, and how wide each is.

    Columns leave in the order of their rank, the highest first, until the rest fits. Names and sentences give room
    before a column has to leave, down to a width at which they can still be told apart. Columns that share a note, as
    the two ends of an interval, leave together.

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
        note = table.columns[shown.pop()].note
        shown = [shown[0], *(i for i in shown[1:] if not note or table.columns[i].note != note)]
    room = width - sum(least[i] + GAP for i in shown) + GAP
    widths = {}
    for i in shown:
        widths[i] = min(natural[i], least[i] + max(room, 0), max(width, 1))
        room -= widths[i] - least[i]
    return dict(sorted(widths.items()))


def lines(table: Table, widths: Mapping[int, int], ascii_only: bool = False) -> Segments:
    r"""The columns that have a width, one line for the heading and one for each row.

    Args:
        table: with any number of rows: 20,000 take a second.
        widths: from `fitting`.
        ascii_only: draw pictures and dots in ASCII.

    Example:
        >>> table = Table(title="", columns=(Column("name", "name"), Column("alpha", "number")), rows=(("fc", 2.0),))
        >>> console = Console(file=io.StringIO(), width=80)
        >>> console.print(lines(table, fitting(table, 80)), end="")
        >>> console.file.getvalue()
        'name  alpha\nfc        2\n'
    """
    parts: list[Segment] = []
    for i, size in widths.items():
        parts += _padded([(table.columns[i].name, "dim")], table.columns[i], size)
    parts[-1:] = [Segment.line()]
    for row in table.rows:
        for i, size in widths.items():
            parts += _padded(_cell(row[i], table.columns[i], size, ascii_only), table.columns[i], size)
        parts[-1:] = [Segment.line()]  # in place of the gap after the last column
    return Segments(parts)


def _padded(drawn: Drawn, column: Column, size: int) -> Iterator[Segment]:
    """The strips of a cell, as wide as its column, and the gap after it."""
    free = " " * (size - sum(_places(text) for text, _ in drawn))
    yield from [Segment(free)] if column.is_number and free else []
    for text, style in drawn:
        yield Segment(text, Style.parse(style) if style else None)
    yield from [Segment(free)] if free and not column.is_number else []
    yield Segment(" " * GAP)


def _wrapped(table: Table, widths: Mapping[int, int], ascii_only: bool) -> Grid:
    """The same with sentences that go on in the next line, for small tables."""
    grid = Grid(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim", collapse_padding=True)
    for i, size in widths.items():
        column = table.columns[i]
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        grid.add_column(column.name, justify=justify, width=size, no_wrap=column.kind != "sentence", overflow="fold")
    for row in table.rows:
        cells = []
        for i, size in widths.items():
            column = table.columns[i]
            said = column.kind == "sentence"
            cells.append(Text(cell_text(row[i])) if said else Text.assemble(*_cell(row[i], column, size, ascii_only)))
        grid.add_row(*cells)
    return grid


def shortened(text: str, width: int, ascii_only: bool = False) -> str:
    """A long name with its middle left out, measured as a terminal shows it: some characters take two places.

    Args:
        text: the name.
        width: places there are, at least 1.
        ascii_only: dots in place of the ellipsis.

    Example:
        >>> shortened("model.layers.10.self_attn.q_proj", 16), shortened("abcdefgh", 6, ascii_only=True)
        ('model.l…n.q_proj', 'a...gh')
    """
    if _places(text) <= width:
        return text
    dots = "..." if ascii_only and width > 5 else "." if ascii_only else "…"
    kept = max(width - len(dots), 0)
    head, tail = kept // 2, kept - kept // 2
    return f"{set_cell_size(text, head)}{dots}{set_cell_size(text[::-1], tail)[::-1]}"


def _cell(cell: Cell, column: Column, width: int, ascii_only: bool) -> Drawn:
    """One cell, never wider than its column: names lose their middle, all else its end."""
    if isinstance(cell, Curve):
        drawn = spark(cell, ascii_only)
        return [(drawn.bulk, "dim"), (drawn.tail, "cyan")]
    text = cell_text(cell)
    if column.kind == "name":
        name = shortened(text, width, ascii_only)
        return [(name if ascii_only else _left_to_right(name), "")]
    style = _STYLES.get(text, "") if column.kind == "verdict" else ""
    if _places(text) > width:
        dots = "..." if ascii_only else "…"
        text = set_cell_size(text, max(width - len(dots), 0)) + dots[:width]
    return [(text, style)]


def _left_to_right(name: str) -> str:
    """A name in Hebrew or Arabic ends with a mark that no terminal draws: the numbers after it stay in their order."""
    if name.isascii() or not any(unicodedata.bidirectional(char) in ("R", "AL") for char in name):
        return name
    return f"{name}{_MARK}"


def _natural(table: Table, index: int) -> int:
    """The width at which nothing of a column is lost."""
    column = table.columns[index]
    if column.kind == "curve":
        return max(len(column.name), SPARK_WIDTH)
    return max([len(column.name), *(_places(cell_text(row[index])) for row in table.rows)])


def _places(text: str) -> int:
    """How wide a terminal shows it."""
    return len(text) if text.isascii() else cell_len(text)


def _picture_note(table: Table, shown: Mapping[int, int]) -> tuple[str, ...]:
    """How to read the pictures, where there are any."""
    drawn = [i for i in shown if table.columns[i].kind == "curve"]
    return (f"{table.columns[drawn[0]].name}: {_PICTURE}",) if drawn else ()


def _outcome(sentence: str) -> Text:
    """A sentence of the lead; the verdict it begins with in its colour."""
    said = Text(visible(sentence))
    verdict = _VERDICT.match(said.plain)
    if verdict is not None and verdict[1] in _STYLES:
        said.stylize(_STYLES[verdict[1]], *verdict.span(1))
    return said


def _say(console: Console, sentence: str, style: str) -> None:
    """A sentence in the given style, wrapped at spaces."""
    console.print(Text(visible(sentence), style=style))


FORM = Form(name="table", title="plain text table", suffixes=(".txt",), render=render)
