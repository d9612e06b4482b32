"""`eigentail compare`: models side by side, layer by layer, and in order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from eigentail.cli.options import (
    executor_of,
    executor_options,
    output_of,
    output_options,
    settings_of,
    settings_options,
    store_of,
    store_options,
    target_of,
    target_options,
)

if TYPE_CHECKING:
    from eigentail.records import ModelReport
    from eigentail.records.comparison import Comparison

_EXAMPLES = """\b
Examples:
  eigentail compare epoch_10.safetensors epoch_20.safetensors
  eigentail compare base/ tuned/ -o compared.html
  eigentail compare resnet20.th resnet32.th resnet56.th --json | jq .rankings
  eigentail compare before.json after.json --csv
  eigentail compare a.pt b.pt --layers "*.attn.*" --metrics "alpha*,log_norm\""""


@click.command(short_help="Put models side by side and in order.", epilog=_EXAMPLES)
@click.argument("targets", nargs=-1, required=True, metavar="A B [C]...")
@settings_options
@executor_options
@store_options
@target_options
@output_options
@click.option("-v", "--verbose", is_flag=True, help="A line for every finished layer, on standard error.")
@click.pass_context
def command(ctx: click.Context, targets: tuple[str, ...], verbose: bool) -> None:
    """Compare two models or more: files, folders, or reports saved with `eigentail analyze -o report.json`.

    Layers are matched by name and structure. Prints one row for every matched layer, the models' means and their order
    with the chance that it holds, and what is not comparable. Settings apply to what is not a report yet.
    """
    settings, output, using = settings_of(ctx), output_of(ctx), executor_of(ctx)
    store = store_of(ctx)
    from eigentail.analysis import Interrupted
    from eigentail.analysis.compare import compare, reported
    from eigentail.cli.group import INTERRUPTED, PARTIAL
    from eigentail.cli.show import show
    from eigentail.errors import UsageError
    from eigentail.reports.compare_page import comparison_page

    if len(targets) < 2:
        raise UsageError("1 model is nothing to compare", where=targets[0], hint="name two or more")
    measure = partial(reported, settings=settings, using=using, store=store)
    reports: list[ModelReport] = []
    try:
        for target in targets:
            reports.append(_report(target_of(ctx, target), measure, verbose))  # noqa: PERF401 - what is finished is counted
    except Interrupted as stopped:
        _say_interrupted(len(reports), len(targets), stopped.is_kept)
        ctx.exit(INTERRUPTED)
    comparison = compare(*reports)
    show(comparison_page(comparison), output)
    if _say(comparison):
        ctx.exit(PARTIAL)


def _report(target: str, measure: Callable[..., ModelReport], verbose: bool) -> ModelReport:
    """One model's report, followed on standard error while it is made."""
    from eigentail.cli.progress import watching

    with watching(verbose) as watch:
        return measure(target, progress=watch)


def _say_interrupted(finished: int, wanted: int, is_kept: bool) -> None:
    """What is lost, and how to lose nothing the next time."""
    again = "save each with eigentail analyze TARGET -o FILE.json, and compare the files"
    if is_kept:
        again = "their layers and those finished of the next are kept, the same command goes on from here"
    click.echo(f"eigentail: interrupted: {finished} of {wanted} models were measured: {again}", err=True)


def _say(comparison: Comparison) -> int:
    """One sentence for everything that could not be compared or measured; how many there are."""
    from eigentail.analysis.marks import strangers
    from eigentail.reports.table import visible

    said = [
        f"{name}: {row.name}: {row.reason}"
        for name, report in zip(comparison.names, comparison.reports, strict=True)
        for row in report.layers
        if row.fit.status.is_failure
    ]
    if alone := strangers(comparison.names, comparison.alignment):
        said.append(f"{', '.join(alone)}: no layer in common with another model: only the means are compared")
    for sentence in said:
        click.echo(f"eigentail: {visible(sentence)}", err=True)
    return len(said)
