"""`eigentail demo`: five small nets that differ in how much noise they were taught, analysed offline."""

from __future__ import annotations

import tomllib
from importlib.resources import as_file, files
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from eigentail.cli.options import Output, store_of, store_options

if TYPE_CHECKING:
    from eigentail.records import ModelReport
    from eigentail.reports import Page, Table
    from eigentail.store import SpectrumStore

STUDY: Final = "digits_noise.toml"
METRICS: Final = ("alpha", "alpha_weighted", "log_norm")

_EXAMPLES = """\b
Examples:
  eigentail demo
  eigentail demo -o demo.md"""


@click.command(short_help="See it work, offline, on nets that come with it.", epilog=_EXAMPLES)
@click.option(
    "-o", "--output", "file", default="eigentail-demo.html", metavar="FILE", show_default=True, help="Report to write."
)
@store_options
@click.pass_context
def command(ctx: click.Context, file: str) -> None:
    """Analyse the nets that come with eigentail, trained on digits with more and more of the labels shuffled.

    Prints what the weights say beside the test accuracy that was measured, then the layers of the first net, and
    writes a report that a browser can open.
    """
    from pathlib import Path

    from eigentail.cli.show import show
    from eigentail.reports import form_for

    form_for(file)
    show(demo_page(store_of(ctx)), Output("table", Path(file)))


def demo_page(store: SpectrumStore | None = None) -> Page:
    """The page of the demonstration: everything on it comes from the weights.

    Args:
        store: as for `analyze`.

    Example:
        >>> len(demo_page().main.rows)
        5
    """
    from eigentail.analysis import analyze
    from eigentail.reports import Page
    from eigentail.reports.tables import layers_table

    with as_file(files("eigentail") / "zoo") as zoo:
        study = tomllib.loads((zoo / STUDY).read_text(encoding="utf-8"))
        models = study["models"]
        reports = [analyze(zoo / model["file"], store=store) for model in models]
    layers = layers_table(reports[0])
    return Page(
        title=study["title"],
        lead=(f"{study['dataset']}; {study['source']}.", *_sentences(study, reports)),
        main=_table(study, reports),
        overview=(_verdicts(study, reports),),
        appendix=(msgspec.structs.replace(layers, title=f"Layers of {models[0]['name']}"),),
        json=lambda: _json(models, reports),
    )


def _table(study: dict[str, Any], reports: list[ModelReport]) -> Table:
    """What was measured on test data beside what the weights say."""
    from eigentail.reports import Column, Table

    columns = (
        Column("net", "name"),
        Column(study["metric"], "number"),
        *(Column(name, "number") for name in METRICS),
    )
    rows = tuple(
        (model["name"], float(model["value"]), *(report.summary[name] for name in METRICS))
        for model, report in zip(study["models"], reports, strict=True)
    )
    return Table(title="Nets", columns=columns, rows=rows, footnotes=tuple(study["caveats"]))


def _verdicts(study: dict[str, Any], reports: list[ModelReport]) -> Table:
    """How many layers of each net earned each verdict."""
    from eigentail.reports import Column, Table

    known = list(dict.fromkeys(verdict for report in reports for verdict in report.summary.verdicts))
    rows = tuple(
        (model["name"], *(report.summary.verdicts.get(verdict, 0) for verdict in known))
        for model, report in zip(study["models"], reports, strict=True)
    )
    columns = (Column("net", "name"), *(Column(verdict, "number") for verdict in known))
    return Table(title="Layers by verdict", columns=columns, rows=rows)


def _sentences(study: dict[str, Any], reports: list[ModelReport]) -> tuple[str, ...]:
    """For each metric, how many pairs of nets it orders as the test does."""
    better = 1 if study["higher_is_better"] else -1
    nets = [(better * model["value"], report) for model, report in zip(study["models"], reports, strict=True)]
    pairs = [(a, b) if a[0] > b[0] else (b, a) for a, b in combinations(nets, 2) if a[0] != b[0]]
    said = []
    for name in METRICS:
        right = sum(good[1].summary[name] < bad[1].summary[name] for good, bad in pairs)
        said.append(f"The better net has the smaller {name} in {right} of {len(pairs)} pairs.")
    return tuple(said)


def _json(models: list[dict[str, Any]], reports: list[ModelReport]) -> str:
    """The table as a JSON document."""
    rows = [
        {"name": model["name"], "value": model["value"], **{name: report.summary[name] for name in METRICS}}
        for model, report in zip(models, reports, strict=True)
    ]
    return msgspec.json.format(msgspec.json.encode({"schema_version": 1, "models": rows}), indent=2).decode()
