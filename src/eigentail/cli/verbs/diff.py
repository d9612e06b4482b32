"""`eigentail diff`: what was done to a model, and whether it was hurt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from eigentail.records.difference import Difference

_EXAMPLES = """\b
Examples:
  eigentail diff base.safetensors tuned.safetensors
  eigentail diff base_folder/ merged_folder/ --kinds "attention.*" -o diff.html
  eigentail diff base_folder/ lora_adapter/
  eigentail diff model.pt quantised.pt --metrics "default,num_traps"
  eigentail diff base.safetensors tuned.safetensors --json | jq '.verdict, .done'"""


@click.command(short_help="Say what was done to a model, and whether it was hurt.", epilog=_EXAMPLES)
@click.argument("base")
@click.argument("other")
@settings_options
@executor_options
@store_options
@target_options
@output_options
@click.pass_context
def command(ctx: click.Context, base: str, other: str) -> None:
    """Hold OTHER against BASE: a fine-tuned, merged, pruned or quantised copy against what it was made of.

    Prints one row for every layer: how much it changed and in how many directions, its exponent before and after, how
    much of its leading subspaces is left; then what was evidently done, and which layers look damaged. Exits with 4
    where fewer than half of the layers match or one could not be measured, and with 2 where none matches.
    """
    settings, output, using = settings_of(ctx), output_of(ctx), executor_of(ctx)
    store, base, other = store_of(ctx), target_of(ctx, base), target_of(ctx, other)
    from eigentail.analysis.diff import DiffInterrupted, diff
    from eigentail.cli.group import INTERRUPTED, PARTIAL
    from eigentail.cli.progress import watching
    from eigentail.cli.show import show
    from eigentail.reports.diff_page import difference_page

    with watching(False, hands_of(ctx).memory) as watch:
        follower: Any = watch  # the bar looks at nothing but the layer of a row
        try:
            difference, code = diff(base, other, settings, using=using, progress=follower, store=store), 0
        except DiffInterrupted as stopped:
            difference, code = stopped.difference, INTERRUPTED
    show(difference_page(difference), output)
    if code == INTERRUPTED:
        click.echo("eigentail: interrupted: only the layers finished by then are shown", err=True)
    elif _say_partial(difference):
        code = PARTIAL
    ctx.exit(code)


def _say_partial(difference: Difference) -> bool:
    """A sentence for every layer that could not be measured, and for models that have little in common."""
    from eigentail.records.difference import Outcome, Whole
    from eigentail.reports.table import visible

    failures = [row for row in difference.layers if row.outcome is Outcome.FAILED]
    for row in failures:
        click.echo(f"eigentail: {visible(row.name)}: {visible(row.reason)}", err=True)
    if difference.whole is Whole.UNRELATED:
        click.echo(f"eigentail: the two look unrelated: {difference.sentence}", err=True)
    return bool(failures) or difference.whole is Whole.UNRELATED
