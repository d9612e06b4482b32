"""A page as one HTML file that asks for nothing else: styles, script and data are inside."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

from eigentail.reports.curve import HEIGHT, WIDTH, drawing
from eigentail.reports.form import Form
from eigentail.reports.table import FILES_ONLY, Column, Page, Table, cell_text, visible

if TYPE_CHECKING:
    from jinja2 import Template

# Rows of the main table that are there without JavaScript; with it, all are.
STATIC_ROWS: Final = 200

_FACTS: Final = (Column("setting"), Column("value"))
_SPECIAL: Final = re.compile(r"[<>&\x7f-\U0010ffff]")
_STYLE: Final = ("style.css",)
_SCRIPT: Final = ("words.js", "axis.js", "chart.js", "spectrum.js", "table.js", "charts.js", "page.js")


def render(page: Page) -> str:
    """The outcome first, what stands out, the whole in numbers, the layers with a chart of each, how it was measured.

    Args:
        page: any page.

    Returns:
        A complete document. Every name is escaped; nothing in a tensor's name can become markup or script.

    Example:
        >>> table = Table(title="Layers", columns=(Column("name", "name"),), rows=(("<script>",),))
        >>> "&lt;script&gt;" in render(Page(title="net", main=table, json=lambda: "{}"))
        True
    """
    facts = Table(title="How it was measured", columns=_FACTS, rows=page.facts)
    after = [*page.appendix, *([facts] if page.facts else [])]
    style, script = _joined(_STYLE), f'(() => {{\n"use strict";\n{_joined(_SCRIPT)}}})();\n'
    return _template().render(
        page=page,
        before=[(table, _shown(table)) for table in page.overview],
        main=(page.main, _shown(page.main)),
        after=[(table, _shown(table)) for table in after],
        static_rows=STATIC_ROWS,
        style=style,
        script=script,
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'",
        data=_inert(msgspec.json.encode(_data(page)).decode()),
        record=_inert(_record(page)),
    )


def _data(page: Page) -> dict[str, Any]:
    """What the script needs: every cell as it is read, and what is drawn."""
    table = page.main
    return {
        "columns": [(visible(column.name), column.kind) for column in table.columns],
        "shown": _shown(table),
        "rows": [[cell_text(cell) for cell in row] for row in table.rows],
        "exhibit": page.exhibit() if page.exhibit is not None else None,
    }


def _record(page: Page) -> str:
    """The JSON document without blanks; nothing where a name is no text that JSON could hold."""
    try:
        return msgspec.json.format(page.json(), indent=-1)
    except UnicodeEncodeError:
        return ""


def _inert(text: str) -> str:
    """The same JSON in characters that end no element and turn no line around: what is special is in strings only."""
    return _SPECIAL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    """A character as JSON escapes it, in two halves beyond the first 65536."""
    pairs = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[i]:02x}{pairs[i + 1]:02x}" for i in range(0, len(pairs), 2))


def _digest(text: str) -> str:
    """The source of a policy that allows this very text and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _shown(table: Table) -> list[int]:
    """The columns that are drawn, all but those for machines; after the name verdict, picture and the lowest ranks.

    A page is wider than a screen: what is looked at first must not need scrolling.
    """
    kinds = [column.kind for column in table.columns]
    drawn = [i for i, column in enumerate(table.columns) if column.rank < FILES_ONLY or column.kind == "curve"]
    name = kinds.index("name") if "name" in kinds else len(kinds)
    ranks = [-1 if kind in ("verdict", "curve") else table.columns[i].rank for i, kind in enumerate(kinds)]
    return sorted(drawn, key=lambda i: (i > name, ranks[i] if i > name else 0))


@cache
def _joined(names: tuple[str, ...]) -> str:
    """Files of the page as one text."""
    folder = files("eigentail.reports").joinpath("page")
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


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
