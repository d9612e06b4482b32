"""REPORT -> what stands out, and what it is about: a sentence for each verdict that layers earned."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from math import prod
from typing import Final

from eigentail.records import ModelReport, Verdict
from eigentail.reports.table import visible

_EXAMPLES: Final = 3

# In the order in which they are looked at: what may be broken, what was not learned, what cannot be told.
_SENTENCES: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.FAILED: ("1 layer could not be measured", "{n} layers could not be measured"),
    Verdict.RANK_COLLAPSE: (
        "1 layer has collapsed (most of its eigenvalues are zero)",
        "{n} layers have collapsed (most of their eigenvalues are zero)",
    ),
    Verdict.TRAP: (
        "1 layer has eigenvalues that come from a few huge entries or from their mean",
        "{n} layers have eigenvalues that come from a few huge entries or from their mean",
    ),
    Verdict.UNTRAINED: (
        "1 layer cannot be told apart from untrained",
        "{n} layers cannot be told apart from untrained",
    ),
    Verdict.UNDER_TRAINED: (
        "1 layer is under-trained (alpha and its whole interval above 6)",
        "{n} layers are under-trained (alpha and its whole interval above 6)",
    ),
    Verdict.OVER_TRAINED: (
        "1 layer is over-trained (alpha and its whole interval below 2)",
        "{n} layers are over-trained (alpha and its whole interval below 2)",
    ),
    Verdict.NOT_POWER_LAW: ("the tail of 1 layer is no power law", "the tails of {n} layers are no power law"),
    Verdict.UNDECIDED: (
        "1 layer is undecided (alpha above 6, its interval not)",
        "{n} layers are undecided (alpha above 6, their intervals not)",
    ),
    Verdict.TOO_SMALL: ("1 layer is too small to be judged", "{n} layers are too small to be judged"),
    Verdict.WELL_TRAINED: ("1 layer is well trained", "{n} layers are well trained"),
}


def report_findings(report: ModelReport) -> tuple[str, ...]:
    """What the layers show, a sentence for each verdict, with the first few names.

    Args:
        report: from `eigentail.analyze`.

    Example:
        >>> import eigentail as et
        >>> report_findings(et.analyze(et.example()))[-1]
        '2 layers are well trained: fc1 and fc2.'
    """
    named: dict[Verdict, list[str]] = {}
    for row in report.layers:
        named.setdefault(row.verdict, []).append(visible(row.name))
    return tuple(
        f"{_counted(_SENTENCES[verdict], len(named[verdict]))}: {_names(named[verdict])}."
        for verdict in _SENTENCES
        if verdict in named
    )


def report_subject(report: ModelReport) -> tuple[tuple[str, str], ...]:
    """What was analysed: where it is from, how large it is, what its weights are stored in.

    Args:
        report: from `eigentail.analyze`.

    Returns:
        Name and value of each fact; a fact that the report does not hold is left out.

    Example:
        >>> import eigentail as et
        >>> dict(report_subject(et.analyze(et.example())))["weights in them"]
        '51,072'
    """
    return tuple(_subject(report))


def _subject(report: ModelReport) -> Iterator[tuple[str, str]]:
    yield "source", visible(report.source.target)
    yield "format", report.source.format
    yield "layers analysed", f"{len(report.layers):,}"
    yield "weights in them", f"{sum(prod(row.layer.shape) * row.layer.count for row in report.layers):,}"
    stored = _stored(report)
    if stored:
        yield "stored as", ", ".join(f"{name} ({count:,} layers)" for name, count in stored.items())
    yield "tensors left out", f"{len(report.skipped):,}"
    alphas = sum(math.isfinite(row.fit.alpha) for row in report.layers)
    yield "layers with an exponent", f"{alphas:,}"


def _stored(report: ModelReport) -> dict[str, int]:
    """The dtype or quantisation of the layers, the most frequent first."""
    counts: dict[str, int] = {}
    for row in report.layers:
        tensors = row.layer.tensors
        name = tensors[0].dtype if tensors else row.spectrum.stored if row.spectrum is not None else ""
        if name:
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _counted(sentence: tuple[str, str], n: int) -> str:
    return sentence[0] if n == 1 else sentence[1].format(n=f"{n:,}")


def _names(names: list[str]) -> str:
    """The first few, and how many more."""
    shown, more = names[:_EXAMPLES], len(names) - _EXAMPLES
    if more > 0:
        return f"{', '.join(shown)} and {more:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
