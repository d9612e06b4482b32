"""`eigentail describe`: what would be analysed, what not and why, and the cost. Reads headers only."""

from __future__ import annotations

import click

from eigentail.cli.options import output_of, output_options, settings_of, settings_options

_EXAMPLES = """\b
Examples:
  eigentail describe model.safetensors
  eigentail describe checkpoint.pth --layers "layer3.*"
  eigentail describe model_folder/ --json
  eigentail describe openai-community/gpt2"""


@click.command(short_help="Show what would be analysed, and the cost.", epilog=_EXAMPLES)
@click.argument("target")
@settings_options
@output_options
@click.pass_context
def command(ctx: click.Context, target: str) -> None:
    """Show what would be analysed in TARGET: a file, a folder, or a model of the Hugging Face Hub.

    Only headers are read: one row for every layer, what would be skipped and why, the bytes to be read and the
    arithmetic to be done.
    """
    settings, output = settings_of(ctx), output_of(ctx)
    from eigentail.analysis import describe
    from eigentail.cli.progress import origin_text
    from eigentail.cli.show import show
    from eigentail.reports import description_page

    work = describe(target, settings)
    if work.origin:
        click.echo(f"analyze {origin_text(work)}", err=True)
    show(description_page(work), output)
