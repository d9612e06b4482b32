"""Scale collapse: layers whose norm jumps while alpha does not follow."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from eigentail.analysis.ranking import averaged, difference, interval
from eigentail.records import NAN, LayerReport, ModelReport
from eigentail.records.comparison import Alignment, Difference, Finding

SCALE_COLLAPSE: Final = "scale collapse"

# A modified z-score beyond this is an outlier (Iglewicz & Hoaglin 1993).
_OUTLIER: Final = 3.5
# The median absolute deviation of a normal law, in standard deviations.
_MAD: Final = 0.6744897501960817
# Spreads below these count as these: a squared norm must jump by a factor of 2.2, an exponent by 0.35.
_LEAST_SPREAD_OF_NORMS: Final = 0.1
_LEAST_SPREAD_OF_ALPHAS: Final = 0.1
# With fewer layers to hold one against, a median says nothing; and what a larger share does is no collapse of a few.
_FEWEST_LAYERS: Final = 5
_A_FEW: Final = 0.25
_REACH: Final = 3
_EXAMPLES: Final = 3


class _Jump(NamedTuple):
    """How a layer differs from what it is held against."""

    name: str
    norm: float
    alpha: Difference


def scale_collapses(names: Sequence[str], reports: Sequence[ModelReport], alignment: Alignment) -> tuple[Finding, ...]:
    """Layers whose norm jumps while alpha does not follow: from the first model to another, and within a model.

    From model to model the jump is that of log_norm between the same layers of the same shape; within a model it is
    that from the neighbours: the median of the three layers before and the three behind, of the same kind and shape. It
    counts where it is more than 3.5 robust deviations away from what the other layers do, while alpha is not, nor
    outside its own 90 % interval, and where no more than a quarter of the layers jump. Below five layers nothing is
    said. Layers that stay out of the model's mean, as embeddings do, are left out.

    Args:
        names: of the models.
        reports: of the models.
        alignment: of their layers.

    Returns:
        One finding for each further model, then one for each model by itself, in which there are such layers.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), on a distilled ResNet20, for the name; Iglewicz &
        Hoaglin, How to Detect and Handle Outliers (1993), for 3.5. The other limits are this project's own.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import analyze
        >>> from eigentail.analysis.align import align
        >>> rng = np.random.default_rng(0)
        >>> plain = {f"fc{i}.weight": rng.standard_normal((64, 64)) for i in range(8)}
        >>> reports = [analyze(plain), analyze(plain | {"fc3.weight": 10 * plain["fc3.weight"]})]
        >>> [found.layers for found in scale_collapses(("a", "b"), reports, align(reports))]
        [('fc3',), ('fc3',)]
    """
    between = [_between(names, reports, alignment, other) for other in range(1, len(reports))]
    within = [_within(names[model], report, model) for model, report in enumerate(reports)]
    return tuple(finding for finding in (*between, *within) if finding is not None)


def outliers(values: Sequence[float], least: float) -> list[bool]:
    """Which values are more than 3.5 robust deviations away from the median.

    Args:
        values: finite numbers.
        least: a spread below which values are not told from equality.

    Example:
        >>> outliers([0.0, 0.01, -0.01, 0.0, 2.0], 0.05)
        [False, False, False, False, True]
    """
    middle = median(values)
    spread = max(median(abs(value - middle) for value in values) / _MAD, least)
    return [abs(value - middle) > _OUTLIER * spread for value in values]


def _between(names: Sequence[str], reports: Sequence[ModelReport], alignment: Alignment, other: int) -> Finding | None:
    """What jumps from the first model to another."""
    mine, theirs = ({row.name: row for row in averaged("alpha", reports[model])} for model in (0, other))
    jumps = []
    for match in alignment.matches:
        first, second = mine.get(match.names[0] or ""), theirs.get(match.names[other] or "")
        if first and second and (first.layer.shape, first.layer.count) == (second.layer.shape, second.layer.count):
            jumps.append(_Jump(second.name, _step("log_norm", first, second), difference("alpha", first, second)))
    found = _collapsed(jumps)
    if not found:
        return None
    said = f"{_listed(found)} from {names[0]} to {names[other]} beyond what the other layers do, and alpha does not"
    return Finding(name=SCALE_COLLAPSE, models=(0, other), layers=tuple(found), sentence=f"{said} follow")


def _within(name: str, report: ModelReport, model: int) -> Finding | None:
    """What stands out from its neighbours."""
    groups: dict[object, list[LayerReport]] = {}
    for row in sorted(averaged("alpha", report), key=_in_depth):
        groups.setdefault((row.layer.kind, row.layer.shape, row.layer.count), []).append(row)
    found: dict[str, float] = {}
    for rows in groups.values():
        found |= _collapsed(list(_from_neighbours(rows)))
    if not found:
        return None
    said = f"in {name} {_listed(found)} beyond its neighbours of the same kind and shape, and alpha does not follow"
    return Finding(name=SCALE_COLLAPSE, models=(model,), layers=tuple(found), sentence=said)


def _in_depth(row: LayerReport) -> tuple[bool, int, list[tuple[int, str]]]:
    """The place in the network, "fc10" after "fc9": the order of the tensors in a file is anybody's."""
    words = re.split(r"(\d+)", row.name)
    natural = [(len(word) if word.isdecimal() else 0, word) for word in words]
    return row.layer.block is None, row.layer.block or 0, natural


def _from_neighbours(rows: Sequence[LayerReport]) -> Iterator[_Jump]:
    """Each layer's steps in norm and alpha from the median of those around it."""
    for at, row in enumerate(rows):
        around = [*rows[max(at - _REACH, 0) : at], *rows[at + 1 : at + 1 + _REACH]]
        if around:
            usual = median(other.metrics["alpha"] for other in around)
            low, high = interval("alpha", row)
            alpha = Difference(row.metrics["alpha"] - usual, low - usual, high - usual)
            yield _Jump(row.name, median(_step("log_norm", other, row) for other in around), alpha)


def _collapsed(jumps: Sequence[_Jump]) -> dict[str, float]:
    """The layers whose norm jumps and whose alpha does not, with the jump less what the others do."""
    known = [jump for jump in jumps if math.isfinite(jump.norm) and math.isfinite(jump.alpha.value)]
    if len(known) < _FEWEST_LAYERS:
        return {}
    norms, alphas = [jump.norm for jump in known], [jump.alpha.value for jump in known]
    jumping, following = outliers(norms, _LEAST_SPREAD_OF_NORMS), outliers(alphas, _LEAST_SPREAD_OF_ALPHAS)
    if sum(jumping) > max(_A_FEW * len(known), 1):
        return {}
    usual, usual_alpha = median(norms), median(alphas)
    return {
        jump.name: jump.norm - usual
        for jump, jumps_too, follows in zip(known, jumping, following, strict=True)
        if jumps_too and not follows and not _leaves(jump.alpha, usual_alpha)
    }


def _leaves(alpha: Difference, usual: float) -> bool:
    """Whether what the other layers do lies outside the interval; never where there is none."""
    return usual < alpha.low or usual > alpha.high


def _step(metric: str, first: LayerReport, second: LayerReport) -> float:
    return second.metrics.get(metric, NAN) - first.metrics.get(metric, NAN)


def _listed(found: Mapping[str, float]) -> str:
    """The layers with their jumps, the largest first."""
    ordered = sorted(found, key=lambda name: -abs(found[name]))
    shown = ", ".join(f"{name} by {found[name]:+.2f}" for name in ordered[:_EXAMPLES])
    more = f" and {len(found) - _EXAMPLES} more layers" if len(found) > _EXAMPLES else ""
    return f"log_norm jumps in {shown}{more}"
