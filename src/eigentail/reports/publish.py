"""Page -> text -> file: choosing the form, and writing whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eigentail.errors import UsageError
from eigentail.records.showing import Shown
from eigentail.registry import Registry
from eigentail.reports.form import Form
from eigentail.reports.paged import page_of
from eigentail.reports.table import Page
from eigentail.store import write_atomically

forms: Final[Registry[Form]] = Registry("report form", "eigentail.reports.forms", "FORM")

# Words people write for the forms, beside the forms' own.
_ALSO: Final = {"text": "table", "md": "markdown"}


def render(record: Shown | Page, form: str = "table") -> str:
    """A record as text.

    Args:
        record: a report, a comparison or another record that has a page; or a page of tables.
        form: table (or text), markdown (or md), html, csv, json.

    Raises:
        UsageError: no such form.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> render(report, "csv").splitlines()[1].startswith("0,fc1,dense,")
        True
        >>> render(report, "htm")
        Traceback (most recent call last):
        eigentail.errors.UsageError: unknown report form 'htm': did you mean html?
    """
    chosen = forms[_ALSO.get(form, form)]
    return chosen.render(page_of(record))


def form_for(path: str | Path) -> str:
    """The form that a file's suffix asks for, once it is sure that the file can be written.

    Args:
        path: of the file to be.

    Returns:
        The name of a form.

    Raises:
        UsageError: no form has this suffix, the folder does not exist, or the path is a folder.

    Example:
        >>> form_for("report.html")
        'html'
        >>> form_for("report.pfd")
        Traceback (most recent call last):
        eigentail.errors.UsageError: report.pfd: no report form ends in '.pfd': choose from .csv, .htm, ...
    """
    _check_place(Path(path))
    suffixes = {suffix: form.name for form in forms.values() for suffix in form.suffixes}
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise UsageError(
            f"no report form ends in {suffix!r}" if suffix else "the name has no suffix to choose the form by",
            where=str(path),
            hint=f"choose from {', '.join(sorted(suffixes))}",
        )
    return suffixes[suffix]


def write(record: Shown | Page, path: str | Path, form: str | None = None) -> None:
    """Write a record to a file: beside it first, then renamed, so that no reader ever sees half of it.

    Args:
        record: as in `render`.
        path: of the file; one that is there is replaced.
        form: as in `render`; None lets the suffix of the path choose.

    Raises:
        UsageError: the suffix or the form is unknown, or the file cannot be written there.

    Example:
        >>> import tempfile, eigentail as et
        >>> path = Path(tempfile.mkdtemp()) / "report.md"
        >>> write(et.analyze(et.example()), path)
        >>> path.read_text(encoding="utf-8").startswith("# ")
        True
    """
    chosen = form_for(path) if form is None else form
    _check_place(Path(path))
    write_atomically(path, render(record, chosen).encode("utf-8", "backslashreplace"))


def _check_place(path: Path) -> None:
    """Raise when the path cannot become a file."""
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(reason, where=str(path), hint="choose another place") from error
    if is_folder:
        raise UsageError("is a folder", where=str(path), hint="name a file in it")
    if not has_folder:
        raise UsageError(f"the folder {path.parent} does not exist", where=str(path), hint="make it first")
