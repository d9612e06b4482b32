"""COMPARISON -> page: the outcome in sentences, the tables in order, and the JSON document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from eigentail.records import SourceRef, Summary
from eigentail.records.comparison import Alignment, Comparison, Finding, Flow, Mark, MatchedLayer, Paired, Ranking
from eigentail.reports.chosen import chosen_line
from eigentail.reports.compare_charts import comparison_exhibit
from eigentail.reports.compare_tables import (
    alone_table,
    flow_table,
    matched_table,
    models_table,
    order_table,
    paired_table,
)
from eigentail.reports.guide import COMPARISON
from eigentail.reports.table import Page, cell_text, visible
from eigentail.settings import Settings

SCHEMA_VERSION: Final = 1
_IN_WORDS: Final = ("alpha_weighted", "alpha", "log_norm")


class ComparedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model in the JSON of a comparison.

    Example:
        >>> ComparedModel.__struct_fields__[0]
        'name'
    """

    name: str
    source: SourceRef
    settings: Settings
    tool: Mapping[str, str]
    summary: Mapping[str, Any]
    unmatched: tuple[str, ...]
    flow: tuple[Flow, ...]


class ComparisonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that `eigentail compare --json` prints. A model is told by its place in `models`; NaN is null.

    Example:
        >>> ComparisonDocument.__struct_fields__[0]
        'schema_version'
    """

    schema_version: int
    models: tuple[ComparedModel, ...]
    rankings: tuple[Ranking, ...]
    paired: tuple[Paired, ...]
    layers: tuple[MatchedLayer, ...]
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...]
    identical: tuple[tuple[int, int], ...]


def comparison_page(comparison: Comparison) -> Page:
    """The page of a comparison.

    Args:
        comparison: from `eigentail.compare`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> report = et.analyze(et.example())
        >>> comparison_page(compare(report, report, names=["a", "b"])).lead[0]
        'a and b are identical: every layer has the same numbers.'
    """
    overview = (models_table, order_table, paired_table, flow_table)
    overviews = [table for make in overview if (table := make(comparison)).rows]
    alone = alone_table(comparison)
    return Page(
        title=" against ".join(visible(name) for name in comparison.names),
        lead=tuple(_lead(comparison)),
        main=matched_table(comparison),
        overview=tuple(overviews),
        appendix=(alone,) if alone.rows else (),
        facts=tuple(_facts(comparison)),
        json=lambda: _json(comparison),
        guide=COMPARISON,
        exhibit=lambda: comparison_exhibit(comparison),
    )


def _lead(comparison: Comparison) -> Iterator[str]:
    """Identity, how far the models are comparable, their order, and what has a name."""
    names = comparison.names
    for one, other in comparison.identical:
        yield f"{names[one]} and {names[other]} are identical: every layer has the same numbers."
    yield _matched(comparison.alignment)
    for mark in comparison.marks:
        yield f"Not comparable without care: {mark.sentence}."
    found = {ranking.metric: ranking for ranking in comparison.rankings}
    for ranking in (found[metric] for metric in _IN_WORDS if metric in found):
        known = [model for model in ranking.order if not math.isnan(ranking.values[model])]
        if len(known) > 1:
            yield f"By {ranking.metric}, the smallest first: {_order(ranking, known, names)}."
    for finding in comparison.findings:
        yield f"{finding.name[:1].upper()}{finding.name[1:]}: {finding.sentence}."


def _matched(alignment: Alignment) -> str:
    alone = sum(map(len, alignment.unmatched))
    if not alignment.matches:
        return f"The models share no layer: {alone} layers stand alone, and layers cannot be compared."
    by_name = sum(match.how == "name" for match in alignment.matches)
    return f"{len(alignment.matches)} layers are matched, {by_name} of them by name; {alone} are in one model only."


def _order(ranking: Ranking, known: Sequence[int], names: Sequence[str]) -> str:
    """The models from left to right, with the chance of each step."""
    said = f"{names[known[0]]} {cell_text(ranking.values[known[0]])}"
    for step, model in enumerate(known[1:]):
        chance = ranking.chances[step]
        sure = "" if math.isnan(chance) else f" (the order holds with a chance of {chance:.2f})"
        said += f", {names[model]} {cell_text(ranking.values[model])}{sure}"
    return said


def _facts(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Everything needed to get the same numbers again."""
    for place, (name, report) in enumerate(zip(comparison.names, comparison.reports, strict=True), 1):
        yield f"model {place}", visible(name)
        yield f"source {place}", visible(report.source.target)
        yield f"fingerprint {place}", report.source.fingerprint or "-"
        yield f"settings {place}", chosen_line(report.settings)
        yield f"versions {place}", ", ".join(f"{word} {version}" for word, version in report.versions.items())


def _json(comparison: Comparison) -> str:
    """The typed document as indented text."""
    document = ComparisonDocument(
        schema_version=SCHEMA_VERSION,
        models=tuple(_model(comparison, model) for model in range(len(comparison.names))),
        rankings=comparison.rankings,
        paired=comparison.paired,
        layers=comparison.layers,
        findings=comparison.findings,
        marks=comparison.marks,
        identical=comparison.identical,
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _model(comparison: Comparison, model: int) -> ComparedModel:
    report = comparison.reports[model]
    beside = {name: getattr(report.summary, name) for name in Summary.__struct_fields__ if name != "mean"}
    return ComparedModel(
        name=comparison.names[model],
        source=report.source,
        settings=report.settings,
        tool={"name": "eigentail", **report.versions},
        summary={**report.summary.mean, **beside},
        unmatched=comparison.alignment.unmatched[model],
        flow=comparison.flows[model],
    )
