"""PAGE -> where the user wants it: data on standard output, a word on the file on standard error."""

from __future__ import annotations

import sys

import click

from eigentail.cli.options import Output
from eigentail.reports import Page, render, write


def show(page: Page, output: Output) -> None:
    """Print the page in its form, and write the file that was asked for.

    Args:
        page: what to show.
        output: from `output_of`.

    Raises:
        UsageError: the file cannot be written.

    Example:
        >>> from pathlib import Path
        >>> from eigentail.reports import Table
        >>> page = Page(title="net", main=Table(title="Layers", columns=()), json=lambda: "{}")
        >>> show(page, Output("json", None))
        {}
    """
    try:
        if output.file is not None:
            write(page, output.file)
    finally:  # a full disk must not take with it what could still be printed
        sys.stdout.write(_printed(page, output.form))
    if output.file is not None:
        click.echo(f"written to {output.file}", err=True)


def _printed(page: Page, form: str) -> str:
    """What goes to standard output."""
    if form == "quiet":
        return ""
    return _drawn(page) if form == "table" else render(page, form)


def _drawn(page: Page) -> str:
    """The table in the colours and the width of the terminal, or plain where there is none."""
    from rich.console import Console

    from eigentail.reports.forms.text import paint, plain

    console = Console()
    if not console.is_terminal:
        return plain(page, sys.stdout.encoding or "utf-8")
    # Captured, because the console ends the process by itself when a pipe is closed.
    with console.capture() as captured:
        paint(page, console)
    return captured.get()
