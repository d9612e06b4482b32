"""RECORD -> table -> terminal | html | markdown | json | csv. One file per form in `forms/`.

`render` makes the text, `write` puts it into a file, whole or not at all.
"""

from typing import TYPE_CHECKING

from eigentail.door import open_door

if TYPE_CHECKING:
    from eigentail.reports.frame import to_pandas
    from eigentail.reports.paged import page_of
    from eigentail.reports.pages import description_page, report_page
    from eigentail.reports.publish import form_for, render, write
    from eigentail.reports.table import Column, Curve, Page, Table

__all__ = [
    "Column",
    "Curve",
    "Page",
    "Table",
    "description_page",
    "form_for",
    "page_of",
    "render",
    "report_page",
    "to_pandas",
    "write",
]

open_door(
    __name__,
    {
        "frame": ("to_pandas",),
        "paged": ("page_of",),
        "pages": ("description_page", "report_page"),
        "publish": ("form_for", "render", "write"),
        "table": ("Column", "Curve", "Page", "Table"),
    },
)
