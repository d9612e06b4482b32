"""`eigentail describe`: what would be analysed, what not and why, and the cost. Reads headers only."""

from __future__ import annotations

import click

from eigentail.cli.options import cores, output_of, output_options, settings_of, settings_options

_EXAMPLES = """\b
Examples:
  eigentail describe model.safetensors
  eigentail describe checkpoint.pth --layers "layer3.*"
  eigentail describe model.safetensors --cost --machines 8
  eigentail describe model_folder/ --json
  eigentail describe openai-community/gpt2"""


_COUNT = click.IntRange(min=1)


@click.command(short_help="Show what would be analysed, and the cost.", epilog=_EXAMPLES)
@click.argument("target")
@click.option("--cost", "wanted", is_flag=True, help="Predict time and memory; measures this machine once, 3 seconds.")
@click.option("--workers", type=_COUNT, metavar="N", help="With --cost: layers at a time. [cores]")
@click.option(
    "--machines", type=_COUNT, metavar="N", default=1, help="With --cost: of this kind, layers dealt out. [1]"
)
@click.option("--recalibrate", is_flag=True, help="With --cost: measure this machine again.")
@settings_options
@output_options
@click.pass_context
def command(
    ctx: click.Context, target: str, *, wanted: bool, workers: int | None, machines: int, recalibrate: bool
) -> None:
    """Show what would be analysed in TARGET: a file, a folder, or a model of the Hugging Face Hub.

    Only headers are read: one row for every layer, what would be skipped and why, the bytes to be read and the
    arithmetic to be done. With --cost, a few megabytes are read as well, to see how fast that goes.
    """
    settings, output = settings_of(ctx), output_of(ctx)
    from eigentail.analysis import cost, describe
    from eigentail.analysis.calibrate import this_machine
    from eigentail.cli.progress import fetch_text
    from eigentail.cli.show import show
    from eigentail.records.cost import Hands
    from eigentail.reports import description_page

    work, predicted = describe(target, settings), None
    for fetch in work.fetches:
        click.echo(f"analyze {fetch_text(fetch)}", err=True)
    if wanted or recalibrate or workers or machines > 1:
        hands = Hands(workers=workers or cores(), machines=machines)
        predicted = cost(target, settings, hands=hands, machine=this_machine(again=recalibrate))
    show(description_page(work, predicted), output)
