"""The main table as comma-separated values: every column, every digit."""

from __future__ import annotations

import math
import re
from typing import Final

from eigentail.reports.form import Form
from eigentail.reports.table import Cell, Page

# A spreadsheet takes a cell that begins so for a formula and runs it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_SEPARATORS: Final = re.compile(r'[,"\r\n]')


def render(page: Page) -> str:
    """One header line, one line per row. NaN and what does not exist are empty cells.

    Args:
        page: any page; only its main table is written.

    Returns:
        RFC 4180 text with plain line breaks; numbers read back to the same bits. A text that a spreadsheet would run
        as a formula is preceded by an apostrophe.

    Example:
        >>> from eigentail.reports.table import Column, Table
        >>> table = Table(title="", columns=(Column("name"), Column("alpha")), rows=(("=x", 0.1), ("b", math.nan)))
        >>> print(render(Page(title="", main=table, json=str)), end="")
        name,alpha
        '=x,0.1
        b,
    """
    kept = [i for i, column in enumerate(page.main.columns) if column.kind != "curve"]
    heading = [page.main.columns[i].name for i in kept]
    lines = [heading, *([_exact(row[i]) for i in kept] for row in page.main.rows)]
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def _exact(cell: Cell) -> str:
    """The cell with nothing lost."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return repr(cell)


def _quoted(text: str) -> str:
    """In quotes where it must be. The standard library forgets a lone carriage return before Python 3.13."""
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _SEPARATORS.search(text) else text


FORM = Form(name="csv", title="comma-separated values", suffixes=(".csv",), render=render)
