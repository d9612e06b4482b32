"""`eigentail report`: what was measured before, in any form; in the browser; on a model card."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from eigentail.cli.options import Output, output_of, output_options

if TYPE_CHECKING:
    from eigentail.records import ModelReport
    from eigentail.reports import Page

SCHEMA_VERSION: Final = 1

_EXAMPLES = """\b
Examples:
  eigentail report report.json -o report.html
  eigentail report compared.json --format markdown
  eigentail report 3 --open
  eigentail report report.json --card
  eigentail report report.json --card -o README.md"""


@click.command(short_help="Show a saved report again, in any form.", epilog=_EXAMPLES)
@click.argument("source")
@click.option("--open", "opens", is_flag=True, help="Show it in the browser, in place of the table.")
@click.option("--card", "is_card", is_flag=True, help="As the section of a model card; -o README.md puts it there.")
@output_options
@click.pass_context
def command(ctx: click.Context, source: str, opens: bool, is_card: bool) -> None:
    """Show SOURCE again: JSON of analyze, compare, diff or study, or the number of a run (see eigentail runs).

    With --card it is Markdown for the model card of the Hugging Face Hub: in a README.md that has such a section
    already, the section is replaced and all else left alone.
    """
    output = output_of(ctx)
    from eigentail.cli.group import PARTIAL
    from eigentail.cli.show import show
    from eigentail.errors import UsageError

    if opens and is_card:
        raise UsageError("a card is no page", where="--open", hint="leave out --open or --card")
    found, lacking = _found(source)
    if is_card:
        _show_card(found, source, output)
    elif opens:
        _open(_page(found), output)
    else:
        show(_page(found), output)
    if lacking:
        click.echo(f"eigentail: {lacking}", err=True)
        ctx.exit(PARTIAL)


def _found(source: str) -> tuple[ModelReport | Page, str]:
    """What the word stands for, and what is lacking of it."""
    from eigentail.errors import SourceError

    try:
        is_there = Path(source).exists()
    except (OSError, ValueError):  # a word too long for a name, or with a null character in it
        is_there = False
    if is_there:
        return _read(Path(source)), ""
    if source.isascii() and source.isdecimal():
        return _run(int(source))
    raise SourceError("no such file, and no number of a run", where=source, hint="eigentail runs lists the runs")


def _run(number: int) -> tuple[ModelReport, str]:
    from eigentail.analysis.kept import report_of_run
    from eigentail.store import user_runs

    with closing(user_runs()) as runs:
        run = runs.run(number)
        report = report_of_run(runs, run)
    done, planned = len(report.layers), run.planned
    return report, f"{done} of {planned} layers are kept of this run" if done < planned else ""


def _read(path: Path) -> ModelReport | Page:
    """A file; nothing in it is trusted."""
    from eigentail.analysis import load
    from eigentail.errors import SourceError
    from eigentail.reports.saved import saved_page

    hint = "eigentail analyze FILE -o report.json makes one"
    try:
        document: Any = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise SourceError((error.strerror or str(error)).lower(), where=str(path)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise SourceError("is not JSON, so no report of eigentail", where=str(path), hint=hint) from error
    if not isinstance(document, dict):
        raise SourceError("no report of eigentail", where=str(path), hint=hint)
    version = document.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        said = f"the report has schema version {version}, this program reads {SCHEMA_VERSION}"
        raise SourceError(said, where=str(path), hint="update eigentail")
    try:
        return saved_page(document) or load(path)
    except (msgspec.ValidationError, RecursionError) as error:
        raise SourceError(f"not a report of eigentail ({error})", where=str(path), hint=hint) from error


def _page(found: ModelReport | Page) -> Page:
    from eigentail.reports import Page, report_page

    return found if isinstance(found, Page) else report_page(found)


def _open(page: Page, output: Output) -> None:
    """The HTML form in the browser: the file that was asked for, or one for just this."""
    import tempfile
    import webbrowser

    from eigentail.cli.show import show
    from eigentail.errors import UsageError
    from eigentail.reports import write

    show(page, Output("quiet" if output.form == "table" else output.form, output.file))
    file = output.file
    if file is None or file.suffix.lower() not in (".html", ".htm"):
        file = Path(tempfile.mkdtemp(prefix="eigentail-")) / "report.html"
        write(page, file)
    if not webbrowser.open(file.absolute().as_uri()):
        raise UsageError("no browser can be started", where=str(file), hint="open this file with one")


def _show_card(found: ModelReport | Page, source: str, output: Output) -> None:
    """The section on standard output, or in its place in a file."""
    from eigentail.errors import UsageError
    from eigentail.reports import Page, form_for
    from eigentail.reports.card import card, with_card
    from eigentail.store import write_atomically

    if isinstance(found, Page):
        raise UsageError("a card tells of one model", where=source, hint="take a report of eigentail analyze")
    section = card(found)
    if output.file is None:
        click.echo("" if output.form == "quiet" else section, nl=False)
        return
    if form_for(output.file) != "markdown":
        raise UsageError("a card is Markdown", where=str(output.file), hint="name a file that ends in .md")
    write_atomically(output.file, with_card(_text(output.file), section).encode("utf-8", "backslashreplace"))
    click.echo(f"written to {output.file}", err=True)


def _text(path: Path) -> str:
    """What is in the file so far."""
    from eigentail.errors import UsageError

    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read as text in UTF-8", where=str(path), hint="choose another place") from error
