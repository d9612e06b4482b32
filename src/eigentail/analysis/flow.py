"""The correlation flow: alpha over the depth of a model, its level, slope, jumps and spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import fmean, median, pstdev
from typing import Final

from eigentail.analysis.ranking import NORMAL_90, averaged
from eigentail.records import NAN, LayerReport, ModelReport
from eigentail.records.comparison import Finding, Flow

CORRELATION_FLOW: Final = "correlation flow"
_FEWEST_BLOCKS: Final = 5
# Half of the band from 2 to 6 that the literature calls well trained; this project's own limit.
_LARGE_JUMP: Final = 2.0


def flows(report: ModelReport) -> tuple[Flow, ...]:
    """Alpha over depth: of all layers that enter the model's mean, then of each kind of matrix.

    Args:
        report: of the model.

    Returns:
        The flow of all kinds together first; empty when no layer has an alpha.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), for the correlation flow; Sen, JASA 63 (1968), for
        slope and interval; Liu et al. (Model Balancing), EMNLP 2024, for the deviation across layers.

    Example:
        >>> import eigentail as et
        >>> [(flow.kind, round(flow.level, 3)) for flow in flows(et.analyze(et.example()))]
        [('', 2.744), ('dense', 2.744)]
    """
    rows = averaged("alpha", report)
    kinds = list(dict.fromkeys(row.layer.kind for row in rows))
    groups = {"": rows, **{kind: [row for row in rows if row.layer.kind == kind] for kind in kinds}}
    return tuple(_flow(kind, layers) for kind, layers in groups.items() if layers)


def theil_sen(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """The median of the slopes between any two points, and the ends of its 90 % interval.

    Args:
        x: positions, all different.
        y: values, of the same number.

    Returns:
        Slope, lower end, upper end; NaN below two points. With few points the ends are the smallest and the largest
        slope, which is then less than 90 % sure.

    Source: Sen, JASA 63 (1968), section 4.

    Example:
        >>> theil_sen([0, 1, 2, 3], [0, 2, 4, 60])[0]
        11.0
    """
    slopes = sorted((y[j] - y[i]) / (x[j] - x[i]) for i, j in combinations(range(len(x)), 2))
    if not slopes:
        return NAN, NAN, NAN
    n, count = len(x), len(slopes)
    # the standard deviation of Kendall's S when there is no trend
    reach = NORMAL_90 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low, high = round((count - reach) / 2) - 1, round((count + reach) / 2)
    return median(slopes), slopes[max(low, 0)], slopes[min(high, count - 1)]


def flow_findings(names: Sequence[str], found: Sequence[Sequence[Flow]]) -> tuple[Finding, ...]:
    """The correlation flow of each model in a sentence, where it has depth enough.

    Args:
        names: of the models.
        found: the flows of each, as `flows` makes them.

    Example:
        >>> flat = Flow(kind="", blocks=9, level=3.0, std=0.2, slope=0.0, jump=0.1, jump_to=4, stable=True)
        >>> flow_findings(["net"], [[flat]])[0].sentence
        'alpha is stable over the depth of net: mean 3.00, standard deviation across layers 0.20'
    """
    said = ((model, whole[0]) for model, whole in enumerate(found) if whole and whole[0].stable is not None)
    return tuple(
        Finding(name=CORRELATION_FLOW, models=(model,), sentence=_flow_sentence(names[model], flow))
        for model, flow in said
    )


def _flow(kind: str, rows: Sequence[LayerReport]) -> Flow:
    alphas = [row.metrics["alpha"] for row in rows]
    depth = _over_depth(rows)
    slope, low, high = theil_sen(list(depth), list(depth.values()))
    jump_to, jump = _largest_step(depth)
    return Flow(
        kind=kind,
        blocks=len(depth),
        level=fmean(alphas),
        std=pstdev(alphas),
        slope=slope,
        slope_low=low,
        slope_high=high,
        jump=jump,
        jump_to=jump_to,
        stable=None if len(depth) < _FEWEST_BLOCKS else low <= 0 <= high and abs(jump) <= _LARGE_JUMP,
    )


def _over_depth(rows: Iterable[LayerReport]) -> dict[int, float]:
    """Block to the mean alpha of its layers, in the order of depth."""
    blocks: dict[int, list[float]] = {}
    for row in rows:
        if row.layer.block is not None:
            blocks.setdefault(row.layer.block, []).append(row.metrics["alpha"])
    return {block: fmean(blocks[block]) for block in sorted(blocks)}


def _largest_step(depth: Mapping[int, float]) -> tuple[int | None, float]:
    """The block that the largest step from one block to the next leads to, and that step."""
    steps = [(there, depth[there] - depth[here]) for here, there in pairwise(depth)]
    return max(steps, key=lambda step: abs(step[1]), default=(None, NAN))


def _flow_sentence(name: str, flow: Flow) -> str:
    level = f"mean {flow.level:.2f}, standard deviation across layers {flow.std:.2f}"
    if flow.stable:
        return f"alpha is stable over the depth of {name}: {level}"
    drifts = not flow.slope_low <= 0 <= flow.slope_high
    said = [f"drifts by {flow.slope:+.3f} a block"] * drifts
    said += [f"steps by {flow.jump:+.2f} at block {flow.jump_to}"] * (abs(flow.jump) > _LARGE_JUMP)
    return f"alpha {' and '.join(said)} over the depth of {name}: {level}"
