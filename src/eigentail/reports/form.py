"""What a report form must say to be found."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from eigentail.reports.table import Page


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One way to show a page. A module of `reports/forms` offers one as `FORM`.

    Attributes:
        name: the word users write ("markdown").
        title: what people call it.
        suffixes: the endings of files in this form.
        render: makes the whole text, ending with a line break.

    Example:
        >>> Form(name="none", title="nothing", suffixes=(".none",), render=lambda page: "").suffixes
        ('.none',)
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    render: Callable[[Page], str]
