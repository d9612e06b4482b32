"""The JSON document of a page, as its record defines it."""

from __future__ import annotations

from eigentail.reports.form import Form
from eigentail.reports.table import Page


def render(page: Page) -> str:
    r"""The document and a line break.

    Args:
        page: any page.

    Example:
        >>> from eigentail.reports.table import Table
        >>> render(Page(title="", main=Table(title="", columns=()), json=lambda: "{}"))
        '{}\n'
    """
    return page.json().rstrip("\n") + "\n"


FORM = Form(name="json", title="JSON document", suffixes=(".json",), render=render)
