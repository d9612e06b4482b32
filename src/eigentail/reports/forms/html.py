"""A page as one HTML file that asks for nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from eigentail.reports.curve import HEIGHT, WIDTH, drawing
from eigentail.reports.form import Form
from eigentail.reports.table import FILES_ONLY, Column, Page, Table, cell_text, visible

if TYPE_CHECKING:
    from jinja2 import Template

_FACTS: Final = (Column("setting"), Column("value"))


def render(page: Page) -> str:
    """The outcome first, then the whole in numbers, the layers, what was left out, and how it was measured.

    Args:
        page: any page.

    Returns:
        A complete document. Every name is escaped; nothing in a tensor's name can become markup.

    Example:
        >>> table = Table(title="Layers", columns=(Column("name", "name"),), rows=(("<script>",),))
        >>> "&lt;script&gt;" in render(Page(title="net", main=table, json=str))
        True
    """
    facts = Table(title="How it was measured", columns=_FACTS, rows=page.facts)
    tables = [*page.overview, page.main, *page.appendix, *([facts] if page.facts else [])]
    return _template().render(page=page, tables=[(table, _shown(table)) for table in tables])


def _shown(table: Table) -> list[int]:
    """The columns that are drawn, all but those for machines; verdict and picture right after the name.

    A page is wider than a screen: what is looked at first must not need scrolling.
    """
    kinds = [column.kind for column in table.columns]
    drawn = [i for i, column in enumerate(table.columns) if column.rank < FILES_ONLY or column.kind == "curve"]
    name = kinds.index("name") if "name" in kinds else len(kinds)
    return sorted(drawn, key=lambda i: i > name and kinds[i] not in ("verdict", "curve"))


@cache
def _template() -> Template:
    """The template, read once. Jinja is imported here because a table in a terminal does not need it."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(cell=cell_text, visible=visible, drawing=drawing)
    environment.globals.update(width=WIDTH, height=HEIGHT)
    return environment.from_string(files("eigentail.reports").joinpath("report.html.j2").read_text(encoding="utf-8"))


FORM = Form(name="html", title="one HTML file", suffixes=(".html", ".htm"), render=render)
