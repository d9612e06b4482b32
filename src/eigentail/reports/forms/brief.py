"""A page as an interactive session prints it: the text table, but never page after page of rows."""

from __future__ import annotations

from typing import Final

from eigentail.reports.form import Form
from eigentail.reports.forms import text
from eigentail.reports.short import short_page
from eigentail.reports.table import Page

ROWS: Final = 40


def render(page: Page) -> str:
    """The text table of the first rows, without a line break at the end.

    Args:
        page: any page.

    Example:
        >>> from eigentail.reports.table import Column, Table
        >>> rows = tuple((f"fc{i}",) for i in range(100))
        >>> page = Page(title="net", main=Table(title="Layers", columns=(Column("name"),), rows=rows), json=str)
        >>> "the first 40 of 100 rows" in render(page)
        True
    """
    return text.render(short_page(page, ROWS)).rstrip("\n")


FORM = Form(name="brief", title="short text table", suffixes=(), render=render)
