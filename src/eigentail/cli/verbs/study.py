"""`eigentail study`: a series of related models with a measured quality, and which numbers tell it."""

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
    stream_of,
    stream_option,
)

if TYPE_CHECKING:
    from eigentail.records.study import Measured, Series
    from eigentail.settings import Settings

_EXAMPLES = """\b
A study file:
  title = "one recipe, three depths"
  higher_is_better = true
  [[models]]
  name = "small"
  file = "small.safetensors"    (relative to the study file; or a saved report.json)
  value = 71.6                  (also: group = "a", parameters = 11000000)

\b
Examples:
  eigentail study nature2021
  eigentail study series.toml --both -o study.html
  eigentail study zoo-digits_noise --metrics "alpha*,log_norm"
  eigentail study nature2021-vgg --run --weights ~/.cache/torch/hub/checkpoints
  eigentail study series.toml --json | jq .metrics.alpha_weighted.kendall_tau"""


@click.command(short_help="Ask of a series of models which numbers tell the better one.", epilog=_EXAMPLES)
@click.argument("target")
@click.option("--both", is_flag=True, help="Count convolutions per layer, and per kernel position.")
@click.option("--run", is_flag=True, help="Measure a built-in series from real weights on this machine.")
@click.option("--weights", metavar="FOLDER", help="Where these lie, beside the cache of the Hugging Face Hub.")
@stream_option
@settings_options
@executor_options
@store_options
@output_options
@click.option("-v", "--verbose", is_flag=True, help="A line for every finished layer, on standard error.")
@click.pass_context
def command(ctx: click.Context, target: str, both: bool, run: bool, weights: str | None, verbose: bool) -> None:
    """Study TARGET: a TOML file that names models and their quality, or a built-in series.

    Built in: nature2021 and sdm2020 (published averages; nature2021-vgg for one of its series) and zoo (nets of this
    project). Prints for each metric how it goes with quality, beside the number of parameters and of layers, and what
    can be concluded. With --run counts as the articles do, where no setting says otherwise.
    """
    output, using, store = output_of(ctx), executor_of(ctx), store_of(ctx)
    from eigentail.analysis.study import measured, series_of
    from eigentail.analysis.study_trends import concluded
    from eigentail.cli.group import INTERRUPTED, PARTIAL
    from eigentail.cli.show import show
    from eigentail.errors import UsageError
    from eigentail.reports.study_page import studies_page
    from eigentail.reports.table import visible

    if not run and (weights is not None or stream_of(ctx)):
        word = "--stream" if weights is None else "--weights"
        raise UsageError("is only looked at with --run", where=word, hint="add --run")
    chosen = series_of(target)
    if run:
        chosen = _with_weights(chosen, weights, stream_of(ctx))
    ways = _ways(_settings(ctx, run), both, chosen)
    measure = partial(measured, using=using, store=store)
    studied, stopped = [], False
    for series, settings in ((series, settings) for series in chosen for settings in ways):
        models, stopped = _measured(series, partial(measure, settings=settings), verbose)
        studied.append(concluded(series, models, settings))
        if stopped:
            break
    show(studies_page(studied), output)
    problems = dict.fromkeys(problem for study in studied for problem in study.problems)
    for problem in problems:
        click.echo(f"eigentail: {visible(problem)}", err=True)
    if problems:
        ctx.exit(INTERRUPTED if stopped else PARTIAL)


def _with_weights(chosen: tuple[Series, ...], weights: str | None, stream: bool) -> tuple[Series, ...]:
    """The series with their weights in place of the published averages."""
    from eigentail.analysis.study_weights import from_the_hub, on_disk

    found = tuple(on_disk(series, weights) for series in chosen)
    return tuple(from_the_hub(series) for series in found) if stream else found


def _settings(ctx: click.Context, run: bool) -> Settings:
    """Those of the command line; with --run the articles' own for all that keeps its default."""
    from msgspec.structs import asdict, replace

    from eigentail.settings import Settings

    given = settings_of(ctx)
    if not run:
        return given
    from eigentail.analysis.study_weights import AS_PUBLISHED

    usual = asdict(Settings())
    return replace(AS_PUBLISHED, **{name: value for name, value in asdict(given).items() if value != usual[name]})


def _ways(settings: Settings, both: bool, chosen: tuple[Series, ...]) -> tuple[Settings, ...]:
    """One way of counting convolutions, or both."""
    from msgspec.structs import replace

    from eigentail.errors import UsageError

    if not both:
        return (settings,)
    if all(model.metrics for series in chosen for model in series.models):
        raise UsageError("published averages were counted in one way", where="--both", hint="add --run")
    return replace(settings, conv="pooled"), replace(settings, conv="per-slice")


def _measured(series: Series, measure: Callable[..., Measured], verbose: bool) -> tuple[list[Measured], bool]:
    """The models one after the other, each followed on standard error; and whether Ctrl-C left some out."""
    from eigentail.analysis import Interrupted
    from eigentail.cli.progress import watching
    from eigentail.records.study import Measured

    found: list[Measured] = []
    try:
        for model in series.models:
            with watching(verbose) as watch:
                found.append(measure(model, progress=watch))
    except Interrupted:
        rest = series.models[len(found) :]
        return [*found, *(Measured(model=model, reason="not measured: interrupted") for model in rest)], True
    return found, False
