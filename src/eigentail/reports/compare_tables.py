"""COMPARISON -> tables: the models, their order, the layers as pairs, alpha over depth, each layer, layers apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from eigentail.records.comparison import Comparison, MatchedLayer, Ranking
from eigentail.reports.table import ALWAYS, FILES_ONLY, Cell, Column, Table

# The numbers that are looked at first, and how soon each gives way on a narrow terminal.
_SHOWN: Final = {"alpha": ALWAYS, "alpha_weighted": 1, "log_norm": 2, "log_spectral_norm": 4, "stable_rank": 5, "D": 6}
_RANKED: Final = ("alpha_weighted", "log_alpha_norm", "log_norm", "log_spectral_norm", "alpha")
_WITH_INTERVAL: Final = ("alpha", "alpha_weighted")
_EXAMPLES: Final = 3
_INTERVAL_RANK: Final = 3
_RANKING_NOTES: Final = (
    "smaller is better in the papers' series of related models, and within one series only; by the plain mean of alpha "
    "their own VGG series runs the other way",
    "chance: that the order of two neighbours holds, from the 90 % intervals of alpha of their layers, with layers and "
    "models taken for independent, which copies of one model are not",
)


def models_table(comparison: Comparison) -> Table:
    """One row for each model, with its means.

    Args:
        comparison: from `eigentail.compare`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> models_table(compare(et.example(), et.example(), names=["a", "b"])).rows[1][:4]
        (2, 'b', 3, 3)
    """
    metrics = [name for name in _SHOWN if all(name in report.summary.mean for report in comparison.reports)]
    columns = (
        Column("model", "number"),
        Column("name", "name"),
        Column("layers", "number", 3),
        Column("matched", "number", 4),
        Column("verdict", "verdict", 2),
        *(Column(name, "number", _SHOWN[name]) for name in metrics),
        Column("alpha_std", "number", 3, "alpha_std: standard deviation of alpha across layers"),
    )
    rows: list[tuple[Cell, ...]] = []
    for model, report in enumerate(comparison.reports):
        matched = sum(match.names[model] is not None for match in comparison.alignment.matches)
        flows = comparison.flows[model]
        rows.append(
            (
                model + 1,
                comparison.names[model],
                matched + len(comparison.alignment.unmatched[model]),
                matched,
                report.summary.verdict.value,
                *(report.summary.mean[name] for name in metrics),
                flows[0].std if flows else math.nan,
            )
        )
    return Table(title="Models", columns=columns, rows=tuple(rows))


def order_table(comparison: Comparison) -> Table:
    """One row for each number by which the papers rank models.

    Args:
        comparison: from `eigentail.compare`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> order_table(compare(et.example(), et.example())).rows[0]
        ('alpha_weighted', '1 = 2', '0.50', 'smaller')
    """
    columns = (Column("metric"), Column("order"), Column("chance", "text", 1), Column("better", "text", 2))
    found = {ranking.metric: ranking for ranking in comparison.rankings}
    rows = tuple(
        (name, _order(found[name]), _chances(found[name]), "smaller" if found[name].smaller_is_better else None)
        for name in _RANKED
        if name in found
    )
    return Table(title="Order by the means, smallest first", columns=columns, rows=rows, footnotes=_RANKING_NOTES)


def paired_table(comparison: Comparison) -> Table:
    """How each model differs from the first, layer for layer, over the layers of one shape.

    Args:
        comparison: from `eigentail.compare`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> paired_table(compare(et.example(), et.example())).rows[0]
        ('alpha', 2, 3, 0.0, 0, 0)
    """
    columns = (
        Column("metric"),
        Column("model", "number"),
        Column("layers", "number"),
        Column("median_difference", "number"),
        Column("smaller", "number"),
        Column("larger", "number"),
    )
    found = [paired for paired in comparison.paired if paired.metric in _SHOWN and paired.layers]
    places = {name: place for place, name in enumerate(_SHOWN)}
    found.sort(key=lambda paired: (places[paired.metric], paired.model))
    rows = tuple(
        (paired.metric, paired.model + 1, paired.layers, paired.median, paired.smaller, paired.larger)
        for paired in found
    )
    note = "the model's number less that of model 1, over matched layers of the same shape"
    return Table(title="Layers as pairs", columns=columns, rows=rows, footnotes=(note,))


def flow_table(comparison: Comparison) -> Table:
    """Alpha over the depth of each model, by kind of matrix; only kinds that have a depth.

    Args:
        comparison: from `eigentail.compare`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> flow_table(compare(et.example(), et.example())).rows
        ()
    """
    columns = (
        Column("model", "number"),
        Column("kind"),
        Column("blocks", "number", 1),
        Column("level", "number"),
        Column("std", "number", 2),
        Column("slope", "number"),
        Column("slope_lo", "number", 3),
        Column("slope_hi", "number", 3),
        Column("jump", "number", 1),
        Column("to_block", "number", 2),
        Column("stable", "text"),
    )
    words = {None: None, True: "yes", False: "no"}
    rows = tuple(
        (
            model + 1, flow.kind or "all", flow.blocks, flow.level, flow.std,
            flow.slope, flow.slope_low, flow.slope_high, flow.jump, flow.jump_to, words[flow.stable],
        )
        for model, flows in enumerate(comparison.flows)
        for flow in flows
        if flow.blocks > 1
    )  # fmt: skip
    note = "level: mean alpha; slope: per block, with its 90 % interval; jump: the largest step between blocks"
    return Table(title="Alpha over depth", columns=columns, rows=rows, footnotes=(note,))


def matched_table(comparison: Comparison) -> Table:
    """One row for each matched layer: the exponents, and what each further model adds to the first.

    Args:
        comparison: from `eigentail.compare`.

    Returns:
        The table; every metric that all models have is in it, most of them for files only.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> table = matched_table(compare(et.example(), et.example()))
        >>> [column.name for column in table.columns if column.rank == 0]
        ['name', 'd_alpha']
    """
    metrics = list(comparison.layers[0].values) if comparison.layers else []
    metrics.sort(key=lambda name: list(_SHOWN).index(name) if name in _SHOWN else len(_SHOWN))
    columns = [
        Column("name", "name"),
        *(Column(f"name_{model + 1}", "name", FILES_ONLY) for model in range(1, len(comparison.names))),
        Column("kind", "text", 7),
        Column("block", "number", 8),
        Column("matched_by", "text", 6),
        Column("same_shape", "text", 5 if any(not layer.match.same_shape for layer in comparison.layers) else 8),
        *(column for name in metrics for column in _metric_columns(name, len(comparison.names))),
    ]
    rows = tuple(
        (
            layer.name,
            *layer.match.names[1:],
            layer.kind,
            layer.block,
            layer.match.how.value,
            "yes" if layer.match.same_shape else "no",
            *(cell for name in metrics for cell in _metric_cells(name, layer)),
        )
        for layer in comparison.layers
    )
    models = ", ".join(f"{place} is {name}" for place, name in enumerate(comparison.names, 1))
    notes = (f"{models}; d_: less the number of model 1; from and to: its 90 % interval",)
    return Table(title="Matched layers", columns=tuple(columns), rows=rows, footnotes=notes)


def alone_table(comparison: Comparison) -> Table:
    """The layers that only one model has.

    Args:
        comparison: from `eigentail.compare`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> alone_table(compare(et.example(), et.example())).rows
        ()
    """
    columns = (Column("model", "number"), Column("layers", "number"), Column("for example", "name"))
    rows = tuple(
        (model + 1, len(names), ", ".join(names[:_EXAMPLES]) + (", ..." if len(names) > _EXAMPLES else ""))
        for model, names in enumerate(comparison.alignment.unmatched)
        if names
    )
    return Table(title="Layers of one model only", columns=columns, rows=rows)


def _order(ranking: Ranking) -> str:
    """The models by number, the smallest value first; those without the number are left out."""
    known = [model for model in ranking.order if not math.isnan(ranking.values[model])]
    text = str(known[0] + 1) if known else ""
    for before, model in pairwise(known):
        text += f" {'=' if ranking.values[model] == ranking.values[before] else '<'} {model + 1}"
    return text or "-"


def _chances(ranking: Ranking) -> str:
    """The chance of each step that has one."""
    known = [chance for chance in ranking.chances if not math.isnan(chance)]
    return ", ".join(f"{chance:.2f}" for chance in known) or "-"


def _metric_columns(name: str, models: int) -> Iterator[Column]:
    """Of one metric: its value in each model, the differences to the first, and their intervals."""
    rank = _SHOWN.get(name, FILES_ONLY)
    for model in range(1, models + 1):
        yield Column(f"{name}_{model}", "number", 1 if name == "alpha" else FILES_ONLY)
    for model in range(2, models + 1):
        end = f"_{model}" if models > 2 else ""
        yield Column(f"d_{name}{end}", "number", rank)
        if name in _WITH_INTERVAL:
            ends_rank = _INTERVAL_RANK if name == "alpha" else FILES_ONLY
            yield Column(f"d_{name}_from{end}", "number", ends_rank)
            yield Column(f"d_{name}_to{end}", "number", ends_rank)


def _metric_cells(name: str, layer: MatchedLayer) -> Iterator[Cell]:
    """In the order of `_metric_columns`."""
    yield from layer.values[name]
    for difference in layer.differences[name]:
        yield difference.value
        if name in _WITH_INTERVAL:
            yield difference.low
            yield difference.high
