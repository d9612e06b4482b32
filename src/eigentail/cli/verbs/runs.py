"""`eigentail runs`: the analyses kept, finished or not; each can be shown again in any form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from eigentail.cli.options import output_of, output_options

if TYPE_CHECKING:
    from eigentail.reports import Page
    from eigentail.store import Run, RunStore

SCHEMA_VERSION: Final = 1

_EXAMPLES = """\b
Examples:
  eigentail runs
  eigentail runs show 3
  eigentail runs show 3 --format quiet -o report.html
  eigentail runs remove 1 2
  eigentail runs remove --all"""


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run in the JSON that `eigentail runs --json` prints.

    Attributes:
        id: what `show` and `remove` take.
        target: what was analysed.
        started: in ISO 8601, with the offset of this machine.
        finished: the same; null while it runs and when it was interrupted.
        layers: of these, the finished ones.
        planned: layers to be measured.
        bytes: that they take.
        alpha: mean over the layers; null where there is none, and for a run that is not finished.
        settings: that differ from the defaults.
        versions: of this package and of the libraries that did the arithmetic.

    Example:
        >>> RunRow.__struct_fields__[0]
        'id'
    """

    id: int
    target: str
    started: str
    finished: str | None
    layers: int
    planned: int
    bytes: int
    alpha: float | None
    settings: dict[str, Any]
    versions: dict[str, str]


class Runs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON that `eigentail runs --json` prints.

    Attributes:
        schema_version: of this document.
        path: the file they lie in.
        runs: the one that was started last first.
        removed: how many were removed just now; null where none were to be.

    Example:
        >>> Runs(schema_version=1, path="/cache/runs.sqlite", runs=[]).removed is None
        True
    """

    schema_version: int
    path: str
    runs: list[RunRow]
    removed: int | None = None


@click.group(invoke_without_command=True, short_help="List, show or remove the analyses kept.", epilog=_EXAMPLES)
@output_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the analyses kept, the one that was started last first.

    `analyze` keeps every layer when it is finished, and takes it from there when the same files are analysed with the
    same settings by the same program: after Ctrl-C, after a crash, and the second time. --no-store does without.
    """
    if ctx.invoked_subcommand is None:
        with _runs() as runs:
            _show(ctx, _state(runs))


@command.command(short_help="Show the report of one.")
@click.argument("number", type=int, metavar="ID")
@output_options
@click.pass_context
def show(ctx: click.Context, number: int) -> None:
    """Show the report of the run ID as `eigentail analyze` prints it; of one that was interrupted, what is there."""
    output = output_of(ctx)
    from eigentail.analysis.kept import report_of_run
    from eigentail.cli.group import PARTIAL
    from eigentail.cli.show import show as shown
    from eigentail.reports import report_page

    with _runs() as runs:
        run = runs.run(number)
        report = report_of_run(runs, run)
    shown(report_page(report), output)
    if len(report.layers) < run.planned:
        click.echo(f"eigentail: {len(report.layers)} of {run.planned} layers are kept of this run", err=True)
        ctx.exit(PARTIAL)


@command.command(short_help="Remove some, or all.")
@click.argument("numbers", type=int, nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Every run.")
@output_options
@click.pass_context
def remove(ctx: click.Context, numbers: tuple[int, ...], everything: bool) -> None:
    """Remove the runs ID, or all of them. Spectra stay: see eigentail cache."""
    from eigentail.errors import UsageError

    if bool(numbers) == everything:
        raise UsageError("which runs", hint="give their numbers, or --all")
    with _runs() as runs:
        for number in numbers:
            runs.run(number)  # all of them are there, or none is removed
        gone = runs.remove(numbers or [run.id for run in runs.runs()])
        _show(ctx, msgspec.structs.replace(_state(runs), removed=gone))


@contextmanager
def _runs() -> Iterator[RunStore]:
    from eigentail.store import user_runs

    runs = user_runs()
    try:
        yield runs
    finally:
        runs.close()


def _state(runs: RunStore) -> Runs:
    """What lies there now."""
    return Runs(schema_version=SCHEMA_VERSION, path=str(runs.path), runs=[_row(run) for run in runs.runs()])


def _row(run: Run) -> RunRow:
    from eigentail.analysis.kept import head_facts

    facts = head_facts(run.head)
    return RunRow(
        id=run.id,
        target=run.target,
        started=_time(run.started).isoformat(timespec="seconds"),
        finished=None if run.finished is None else _time(run.finished).isoformat(timespec="seconds"),
        layers=run.layers,
        planned=run.planned,
        bytes=run.nbytes,
        alpha=facts.alpha,
        settings=facts.settings,
        versions=facts.versions,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()


def _show(ctx: click.Context, found: Runs) -> None:
    output = output_of(ctx)
    from eigentail.cli.show import show as shown

    shown(_page(found), output)


def _page(found: Runs) -> Page:
    """The runs as a table."""
    from eigentail.reports import Column, Page, Table

    columns = (
        Column("id", "number"),
        Column("target", "name"),
        Column("started", "name"),
        Column("layers", "name"),
        Column("alpha", "number"),
        Column("settings", "sentence"),
    )
    rows = tuple(
        (
            row.id,
            row.target,
            row.started[:16].replace("T", " "),
            f"{row.layers}" if row.layers == row.planned else f"{row.layers} of {row.planned}",
            row.alpha,
            ", ".join(f"{name} {value}" for name, value in row.settings.items()) or "default",
        )
        for row in found.runs
    )
    said = f"Runs kept in {found.path}: {len(found.runs)}."
    return Page(
        title="eigentail runs",
        lead=(said,) if found.removed is None else (f"Runs removed: {found.removed}.", said),
        main=Table(title="Runs", columns=columns, rows=rows),
        json=lambda: msgspec.json.format(msgspec.json.encode(found), indent=2).decode(),
    )
