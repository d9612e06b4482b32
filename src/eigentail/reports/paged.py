"""RECORD -> page, whatever the record."""

from __future__ import annotations

from eigentail.records import ModelReport
from eigentail.records.description import Description
from eigentail.records.showing import Shown
from eigentail.reports.pages import description_page, report_page
from eigentail.reports.table import Page


def page_of(record: Shown | Page) -> Page:
    """The page of a report, a description, a comparison, a difference or a study; a page is its own.

    Args:
        record: what is to be shown.

    Raises:
        TypeError: a record that has no page.

    Example:
        >>> import eigentail as et
        >>> page_of(et.compare(et.example(), et.example(), names=["a", "b"])).title
        'a against b'
    """
    if isinstance(record, Page):
        return record
    if isinstance(record, ModelReport):
        return report_page(record)
    if isinstance(record, Description):
        return description_page(record)
    return _of_several(record)


def _of_several(record: Shown) -> Page:
    """Of what is made from two models or more; their pages take 9 ms of every start, wanted or not."""
    from eigentail.records.comparison import Comparison
    from eigentail.records.difference import Difference
    from eigentail.records.study import Study
    from eigentail.reports.compare_page import comparison_page
    from eigentail.reports.diff_page import difference_page
    from eigentail.reports.study_page import studies_page

    if isinstance(record, Comparison):
        return comparison_page(record)
    if isinstance(record, Difference):
        return difference_page(record)
    if isinstance(record, Study):
        return studies_page((record,))
    raise TypeError(f"a {type(record).__name__} has no page")
