"""Page -> the same page with no more rows than people read."""

from __future__ import annotations

from typing import Final

import msgspec

from eigentail.reports.table import Page, Table

_THE_REST: Final = "the JSON form has all, and --layers chooses some"


def short_page(page: Page, rows: int) -> Page:
    """The first rows of every table, with a note on how many there are.

    Args:
        page: any page.
        rows: of each table, at the most.

    Example:
        >>> table = Table(title="Layers", columns=(), rows=((), (), ()))
        >>> short_page(Page(title="net", main=table, json=str), 2).main.footnotes[0][:15]
        'the first 2 of '
    """
    return msgspec.structs.replace(
        page,
        main=_short(page.main, rows),
        overview=tuple(_short(table, rows) for table in page.overview),
        appendix=tuple(_short(table, rows) for table in page.appendix),
    )


def _short(table: Table, rows: int) -> Table:
    """One table; a short one is left as it is."""
    if len(table.rows) <= rows:
        return table
    note = f"the first {rows} of {len(table.rows)} rows; {_THE_REST}"
    return msgspec.structs.replace(table, rows=table.rows[:rows], footnotes=(note, *table.footnotes))
