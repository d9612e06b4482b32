"""`eigentail analyze`: a verdict for every layer, and for the model."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from eigentail.cli.options import (
    executor_of,
    executor_options,
    hands_of,
    output_of,
    output_options,
    settings_of,
    settings_options,
    store_of,
    store_options,
    target_of,
    target_options,
)
from eigentail.cli.words import shard_of

if TYPE_CHECKING:
    from eigentail.cli.options import Output
    from eigentail.records import ModelReport

_EXAMPLES = """\b
Examples:
  eigentail analyze model.safetensors
  eigentail analyze resnet20.th -o resnet20.html
  eigentail analyze model_folder/ --layers "*.attn.*,!*.bias" --metrics "alpha*"
  eigentail analyze base_folder/+lora_adapter/
  eigentail analyze resnet20.th --null shuffle --metrics "default,num_traps"
  eigentail analyze openai-community/gpt2 --layers "h.0.*"
  eigentail analyze model.safetensors --json | jq .summary.alpha_weighted
  eigentail analyze model.safetensors --format quiet -o layers.csv
  eigentail analyze model_folder/ --executor processes --workers 4 --max-memory 8GB
  eigentail analyze model_folder/ --executor ray --address 10.0.0.1:6379
  eigentail analyze model_folder/ --shard 0/8 -o part0.json"""


@click.command(short_help="Measure every layer and say how well it was trained.", epilog=_EXAMPLES)
@click.argument("target")
@settings_options
@executor_options
@click.option("--shard", default="0/1", metavar="I/N", help="Part I of N of the layers, as 0/8; see eigentail merge.")
@target_options
@store_options
@output_options
@click.option("-v", "--verbose", is_flag=True, help="A line for every finished layer, on standard error.")
@click.pass_context
def command(ctx: click.Context, target: str, shard: str, verbose: bool) -> None:
    """Measure every weight matrix of TARGET and say how well it was trained.

    TARGET is a file, a folder, a model of the Hugging Face Hub (org/name[@revision][/folder][:file]), an address
    (https://, s3://, gs://) or ollama:name. What lies elsewhere is read from there and not kept; --download keeps it.

    Prints one row for every layer, then the model's own numbers, then what was skipped and why. Ctrl-C keeps the
    layers that are finished. They are taken from there the next time, as long as the files, the settings and this
    program are what they were.
    """
    settings, output, using = settings_of(ctx), output_of(ctx), executor_of(ctx)
    part, store, target = shard_of(shard), store_of(ctx), target_of(ctx, target)
    from eigentail.analysis import Interrupted, analyze
    from eigentail.cli.group import INTERRUPTED, PARTIAL
    from eigentail.cli.progress import watching

    is_kept = False
    with watching(verbose, hands_of(ctx).memory, table=output.form == "table") as watch:
        try:
            report, code = analyze(target, settings, using=using, shard=part, progress=watch, store=store), 0
        except Interrupted as stopped:
            report, code, is_kept = stopped.report, INTERRUPTED, stopped.is_kept
    _show(report, output)
    if _say_failures(report) and not code:
        code = PARTIAL
    if code == INTERRUPTED:
        _say_missing(target, watch.missing(report.layers), is_kept)
    ctx.exit(code)


def _show(report: ModelReport, output: Output) -> None:
    """Print and write the report; the room of the pages is not even entered when nobody asked for one."""
    if output.form == "quiet" and output.file is None:
        return
    from eigentail.cli.show import show
    from eigentail.reports import report_page

    show(report_page(report), output)


def _say_failures(report: ModelReport) -> int:
    """One sentence for every layer that could not be measured; how many there are."""
    failures = [row for row in report.layers if row.fit.status.is_failure]
    for row in failures:
        from eigentail.reports.table import visible

        click.echo(f"eigentail: {visible(row.name)}: {visible(row.reason)}", err=True)
    return len(failures)


def _say_missing(target: str, missing: tuple[int, ...], is_kept: bool) -> None:
    """What an interrupted analysis left undone, and how to do just that."""
    from eigentail.cli.progress import spans

    how = "as before, it goes on from here" if is_kept else f"--layers {spans(missing)} for just these"
    again = f"run eigentail analyze {shlex.quote(target)} {how}"
    rest = f"{len(missing)} layers are missing: {again}" if missing else "every layer was finished"
    click.echo(f"eigentail: interrupted: {rest}", err=True)
