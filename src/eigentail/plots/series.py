"""Things that differ in their names only: which has which role, and which number of which layer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from eigentail.errors import UsageError, did_you_mean
from eigentail.plots.drawing import SERIES, Limits, Mark, Role, Rule
from eigentail.plots.words import counted, shown
from eigentail.records import LayerReport

ALPHA: Final = "alpha"
# Values this many times beyond nine tenths of all would press the others flat.
_FAR: Final = 3.0
_OTHERS: Final = "others"


def roles_of(names: Iterable[str]) -> dict[str, tuple[Role, str]]:
    """A role and a label for each name, the most frequent first; beyond six the rest share the last.

    Args:
        names: one for each thing, in any order.

    Example:
        >>> [label for _, label in roles_of(["mlp", "attention", "mlp"]).values()]
        ['mlp', 'attention']
    """
    counts = Counter(names)
    ordered = [name for name, _ in counts.most_common()]
    alone = ordered if len(ordered) <= len(SERIES) else ordered[: len(SERIES) - 1]
    found = {name: (role, shown(name)) for name, role in zip(alone, SERIES, strict=False)}
    rest = len(ordered) - len(alone)
    return found | {name: (SERIES[-1], f"{rest} {_OTHERS}") for name in ordered[len(alone) :]}


def checked(metric: str, known: Iterable[str]) -> str:
    """The metric, once it is sure that somebody has it.

    Args:
        metric: its name.
        known: the metrics there are; none where nothing was measured.

    Raises:
        UsageError: others are known, and this one is not.

    Example:
        >>> checked("alhpa", ["alpha"])
        Traceback (most recent call last):
        eigentail.errors.UsageError: no metric 'alhpa' here: did you mean alpha?
    """
    names = list(dict.fromkeys(known))
    if names and metric not in names:
        raise UsageError(f"no metric {metric!r} here", hint=did_you_mean(metric, names))
    return metric


def numbered(rows: Iterable[LayerReport], metric: str) -> list[LayerReport]:
    """The layers that have the number, and a fit where it is the exponent's.

    Raises:
        UsageError: no layer knows the metric.

    Example:
        >>> numbered([], "alpha")
        []
    """
    rows = list(rows)
    checked(metric, (name for row in rows for name in row.metrics))
    return [row for row in rows if math.isfinite(row.metrics.get(metric, math.nan))]


def not_drawn(rows: Sequence[LayerReport], drawn: Sequence[LayerReport], metric: str) -> str:
    """How many layers lack the number, or "".

    Example:
        >>> not_drawn([], [], "alpha")
        ''
    """
    lacking = len(rows) - len(drawn)
    return f"{lacking:,} of {counted(len(rows), 'layer')} have no {metric} and are not drawn" if lacking else ""


def nothing_drawn(rows: Sequence[LayerReport], metric: str) -> str:
    """Why no layer can be drawn.

    Example:
        >>> nothing_drawn([], "alpha")
        'The report has no layer.'
    """
    return f"None of {counted(len(rows), 'layer')} has a number for {metric}." if rows else "The report has no layer."


def thresholds(metric: str) -> tuple[Mark, ...]:
    """The lines of the literature, where the metric is the exponent.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021).

    Example:
        >>> [mark.at for mark in thresholds("alpha")], thresholds("log_norm")
        ([2.0, 6.0], ())
    """
    if metric != ALPHA:
        return ()
    label = "2 and 6 (well-trained between)"
    return Rule(role=Role.THRESHOLD, axis="y", at=2.0, label=label), Rule(role=Role.THRESHOLD, axis="y", at=6.0)


def across(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """The same lines for an exponent that runs from left to right.

    Example:
        >>> [mark.axis for mark in across(thresholds("alpha"))]
        ['x', 'x']
    """
    return tuple(
        Rule(role=mark.role, axis="x", at=mark.at, label=mark.label) for mark in marks if isinstance(mark, Rule)
    )


def near(values: Sequence[float]) -> tuple[Limits, int]:
    """The range that is worth an axis, and how many values lie far above it.

    Args:
        values: finite, at least one.

    Example:
        >>> near([2.0] * 30 + [4.0] * 30 + [90.0])
        ((2.0, 4.0), 1)
    """
    low, usual, high = (float(end) for end in np.quantile(values, (0.0, 0.9, 1.0)))
    if high - low <= _FAR * (usual - low) or len(values) < 10:
        return (low, high), 0
    kept = [value for value in values if value <= low + _FAR * (usual - low)]
    return (low, max(kept)), len(values) - len(kept)


def interval_of(metrics: Mapping[str, float], metric: str) -> tuple[float, float]:
    """The 90 % interval of the exponent; of any other metric, and where there is none, the value itself.

    Example:
        >>> interval_of({"alpha": 3.0, "alpha_lo": 2.5, "alpha_hi": 3.5}, "alpha")
        (2.5, 3.5)
    """
    value = metrics[metric]
    low, high = metrics.get("alpha_lo", math.nan), metrics.get("alpha_hi", math.nan)
    return (low, high) if metric == ALPHA and math.isfinite(low + high) else (value, value)
