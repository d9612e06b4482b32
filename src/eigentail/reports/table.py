"""The hinge of every report: n records become tables and pages once, and m forms show them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from eigentail.reports.exhibit import Exhibit

Kind = Literal["text", "name", "number", "verdict", "sentence", "curve"]

ALWAYS: Final = 0
FILES_ONLY: Final = 9


class Curve(msgspec.Struct, frozen=True):
    """A small picture in a cell: points from left to right, and where the fitted part begins.

    Attributes:
        x: horizontal positions, ascending.
        y: vertical positions, of the same number.
        start: the position on x from which the law was fitted; NaN when there is no fit.
        slope: of the fitted line; NaN when there is no fit.

    Example:
        >>> Curve(x=(0.0, 1.0), y=(0.0, -2.0), start=0.0, slope=-2.0).slope
        -2.0
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    start: float = math.nan
    slope: float = math.nan


Cell = str | int | float | Curve | None


class Column(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        name: its heading, one word where possible; the header of a CSV file.
        kind: what its cells are, which decides how they are aligned, shortened and coloured.
        rank: 0 is shown always; the higher, the sooner it goes when the terminal is narrow; 9 is for files only.
        note: a sentence to be read wherever the column is shown; "" where the heading says it all.

    Example:
        >>> Column("alpha", "number").is_number
        True
    """

    name: str
    kind: Kind = "text"
    rank: int = ALWAYS
    note: str = ""

    @property
    def is_number(self) -> bool:
        """Whether cells are set flush right."""
        return self.kind == "number"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows and columns, and nothing about how they look.

    Attributes:
        title: what the rows are.
        columns: as many as every row has cells.
        rows: the cells.
        footnotes: sentences to be read with the numbers.

    Example:
        >>> Table(title="layers", columns=(Column("name", "name"),), rows=(("fc",),)).rows[0]
        ('fc',)
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    footnotes: tuple[str, ...] = ()

    def notes(self, shown: Iterable[int]) -> tuple[str, ...]:
        """The sentences under the table: those of the columns that are shown, each once, then the footnotes.

        Args:
            shown: indices of columns.
        """
        said = (self.columns[i].note for i in shown)
        return (*dict.fromkeys(note for note in said if note), *self.footnotes)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to show of one record. Each form orders the parts as its readers expect.

    Attributes:
        title: what it is about.
        lead: the outcome in a few plain sentences.
        main: the table people came for; the one a CSV file holds.
        overview: the whole in a few numbers.
        appendix: what was left out, and why.
        facts: name and value of everything needed to repeat it; shown in files.
        json: makes the text of the JSON document.
        subject: name and value of what identifies the thing, to be read with the outcome.
        findings: what stands out, a sentence each.
        guide: how to read it, a sentence each.
        exhibit: makes what a form with pictures draws; None where there is nothing to draw.

    Example:
        >>> page = Page(title="net", main=Table(title="layers", columns=()), json=lambda: "{}")
        >>> page.json()
        '{}'
    """

    title: str
    main: Table
    json: Callable[[], str]
    lead: tuple[str, ...] = ()
    overview: tuple[Table, ...] = ()
    appendix: tuple[Table, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    subject: tuple[tuple[str, str], ...] = ()
    findings: tuple[str, ...] = ()
    guide: tuple[str, ...] = ()
    exhibit: Callable[[], Exhibit] | None = None


def cell_text(cell: Cell) -> str:
    """A cell as people read it: four significant digits, a dash for what does not exist.

    Args:
        cell: any cell but a curve, which has no words.

    Example:
        >>> cell_text(3.14159), cell_text(1234567.0), cell_text(float("nan")), cell_text(None), cell_text(12)
        ('3.142', '1.235e+06', '-', '-', '12')
    """
    if cell is None or isinstance(cell, Curve):
        return "-"
    if isinstance(cell, float):
        return _number_text(cell)
    return visible(cell) if isinstance(cell, str) else str(cell)


def visible(text: str) -> str:
    r"""The text with characters that draw nothing, or turn the line around, written as escapes.

    A tensor may carry any name: one with a line break, a terminal command or a right-to-left mark must not be able to
    forge a row.

    Example:
        >>> print(visible("fc" + chr(10) + "1" + chr(0x202E)))
        fc\n1\u202e
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _draws(char) else _escape(char) for char in text)


def shorten(text: str, width: int) -> str:
    """A long name with its middle left out: what tells layers apart is at both ends.

    Args:
        text: the name.
        width: characters there are, at least 1.

    Example:
        >>> shorten("model.layers.10.self_attn.q_proj", 16)
        'model.l…n.q_proj'
    """
    if len(text) <= width:
        return text
    kept = max(width - 1, 0)
    head, tail = kept // 2, kept - kept // 2
    return f"{text[:head]}…{text[len(text) - tail :]}"


def _number_text(value: float) -> str:
    """Four significant digits, never a sentinel."""
    if math.isnan(value):
        return "-"
    if value.is_integer() and abs(value) < 1e5:
        return f"{value:.0f}"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.3e}"


def _draws(char: str) -> bool:
    """Whether a character takes part in the line as a reader expects."""
    return char == " " or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    """The escape a programmer would write for the character."""
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
