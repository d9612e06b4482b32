"""`eigentail merge`: the report of a model from those of its parts."""

from __future__ import annotations

from pathlib import Path

import click

from eigentail.cli.options import output_of, output_options

_EXAMPLES = """\b
Examples:
  eigentail analyze model_folder/ --shard 0/2 -o part0.json
  eigentail analyze model_folder/ --shard 1/2 -o part1.json
  eigentail merge part0.json part1.json -o whole.json"""


@click.command(short_help="Make one report of the reports of parts.", epilog=_EXAMPLES)
@click.argument("reports", nargs=-1, required=True, metavar="REPORT.json...")
@click.option("--partial", is_flag=True, help="Unite what is there, though shards are missing.")
@output_options
@click.pass_context
def command(ctx: click.Context, reports: tuple[str, ...], partial: bool) -> None:
    """Unite saved reports of parts of one model, made with `analyze --shard` and the same settings.

    A layer in several of them counts once; the averages are taken over all layers. Ends with a sentence when shards
    are missing; with --partial unites what is there. Exits with 4 if some layers are missing or could not be measured.
    """
    output = output_of(ctx)
    from eigentail.analysis import load, merge
    from eigentail.cli.group import PARTIAL
    from eigentail.cli.show import show
    from eigentail.reports import report_page

    report = merge([load(Path(path)) for path in reports], partial=partial)
    show(report_page(report), output)
    if lacking := report.shards.lacking:
        click.echo(f"eigentail: {lacking}", err=True)
    ctx.exit(PARTIAL if lacking or any(row.fit.status.is_failure for row in report.layers) else 0)
