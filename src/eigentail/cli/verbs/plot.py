"""`eigentail plot`: a figure of a layer, a model, or several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from eigentail.cli.options import (
    executor_of,
    executor_options,
    settings_of,
    settings_options,
    store_of,
    store_options,
)

if TYPE_CHECKING:
    from eigentail.plots import Plot
    from eigentail.settings import Settings
    from eigentail.store import SpectrumStore

_EXAMPLES = """\b
Examples:
  eigentail plot model.safetensors esd --layer fc2 -o fc2.pdf
  eigentail plot report.json flow -o flow.svg
  eigentail plot model_folder/ layers --metric log_norm -o layers.html
  eigentail plot before.json after.json compare -o compare.png
  eigentail plot base.pth tuned.pth delta --layer fc1 -o change.html
  eigentail plot step_*.safetensors evolution -o training.svg
  eigentail plot nature2021-vgg trend --metric alpha_weighted -o vgg.pdf"""


@click.command(short_help="Draw a layer, a model, or several, into a file.", epilog=_EXAMPLES)
@click.argument("words", nargs=-1, required=True, metavar="TARGET... KIND")
@click.option("-o", "--output", "file", required=True, metavar="FILE", help=".png .svg .pdf .html, or .json (numbers).")
@click.option("--layer", metavar="NAME", help="Of esd, ccdf, xmin, vectors, delta. [the largest with a fit]")
@click.option("--metric", metavar="NAME", default="", help="Of flow, hist, layers, compare, evolution, trend. [alpha]")
@click.option("--dark", is_flag=True, help="On a dark background.")
@settings_options
@executor_options
@store_options
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...], file: str, layer: str | None, metric: str, dark: bool) -> None:
    """Draw TARGET: a model, a saved report, or a study; several for compare, delta and evolution.

    KIND is one of esd, ccdf, xmin, vectors (one layer), flow, hist, layers (a model), compare, delta, evolution
    (several models), trend (a study). Pictures need matplotlib, a page needs plotly: pip install "eigentail[plot]".
    """
    settings, using, store = settings_of(ctx), executor_of(ctx), store_of(ctx)
    from eigentail.cli.group import PARTIAL
    from eigentail.plots import drawing_of, plots, save
    from eigentail.plots.write import checked_suffix

    checked_suffix(file)
    *targets, kind = words
    chosen = plots[kind]
    record = _record(chosen, targets, _with_needs(settings, chosen), using, store)
    drawing = drawing_of(record, kind, layer=layer, metric=metric)
    save(drawing, file, dark=dark)
    if drawing.missing:
        click.echo(f"eigentail: {drawing.missing}", err=True)
    click.echo(f"written to {file}", err=True)
    if not drawing.panels:
        ctx.exit(PARTIAL)


def _with_needs(settings: Settings, chosen: Plot) -> Settings:
    """The metrics without which there is nothing to draw, where none were asked for."""
    from msgspec.structs import replace

    from eigentail.settings import Settings

    asked = settings.metrics != Settings().metrics
    return replace(settings, metrics=chosen.needs) if chosen.needs and not asked else settings


def _record(
    chosen: Plot, targets: Sequence[str], settings: Settings, using: Any, store: SpectrumStore | None
) -> object:
    """What the plot is made of: the targets measured, or read where they are saved reports."""
    from eigentail.analysis import compare, diff, study
    from eigentail.analysis.compare import reported
    from eigentail.errors import UsageError
    from eigentail.plots.kind import Takes

    measure = partial(reported, settings=settings, using=using, store=store)
    takes = chosen.takes
    if takes is Takes.MODELS:
        return [measure(target) for target in targets]
    if takes is Takes.COMPARISON:
        return compare(*targets, settings=settings, using=using, store=store)
    if takes is Takes.CHANGE and len(targets) == 2:
        return diff(targets[0], targets[1], settings, using=using, store=store)
    if len(targets) != 1:
        what = f"{chosen.name} is made of one target, not {len(targets)}"
        raise UsageError(what, hint="write eigentail plot TARGET KIND -o FILE")
    if takes is Takes.STUDY:
        return study(targets[0], settings, using=using, store=store)
    return measure(targets[0])
