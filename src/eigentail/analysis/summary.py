"""The model in a few numbers: plain means over the layers with an ok fit, and how many there were."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median
from typing import Final

from eigentail.records import NAN, LayerReport, Summary, Verdict
from eigentail.settings import Settings

# Means of these say nothing about a model.
_OF_SHAPE: Final = frozenset({"N", "M", "Q", "rf", "num_evals"})
_P_VALUES: Final = frozenset(
    {"alpha_p", "noise_p", "gof_p", "p_lognormal", "p_exponential", "p_truncated", "p_stretched"}
)
_SPREADS: Final = frozenset({"alpha_lo", "alpha_hi", "alpha_lo_matrix", "alpha_hi_matrix", "alpha_null_sd"})
_NOT_AVERAGED: Final = _OF_SHAPE | _P_VALUES | _SPREADS
# Layers of which nothing could be said.
_NOT_JUDGED: Final = (Verdict.FAILED, Verdict.UNDECIDED, Verdict.TOO_SMALL)
# Which verdict stands for a model of whose layers as many earned one as another: the one to look at.
_GRAVEST: Final = (
    Verdict.TRAP,
    Verdict.RANK_COLLAPSE,
    Verdict.UNTRAINED,
    Verdict.NOT_POWER_LAW,
    Verdict.UNDER_TRAINED,
    Verdict.OVER_TRAINED,
    Verdict.WELL_TRAINED,
)


def summarise(rows: Iterable[LayerReport], skipped: int, settings: Settings) -> Summary:
    """The summary of a model.

    A layer enters the averages when its fit is ok and, with `embeddings="apart"`, when it is not an embedding (the
    papers' rule: their largest eigenvalue is of another order). A failure never enters, and neither does NaN.

    Args:
        rows: the layers measured.
        skipped: how many tensors were not.
        settings: which metrics, and what to do with embeddings.

    Returns:
        Means, medians, means by kind of matrix, counts.

    Example:
        >>> summarise([], skipped=3, settings=Settings()).layers_skipped
        3
    """
    measured = list(rows)
    fitted = [row for row in measured if row.fit.ok]
    averaged = [row for row in fitted if settings.embeddings == "averaged" or not is_embedding(row)]
    names = [name for name in (measured[0].metrics if measured else ()) if name not in _NOT_AVERAGED]
    kinds = sorted({row.layer.kind for row in fitted})
    verdict, reason = judge_model(measured)
    return Summary(
        mean={name: _over(fmean, averaged, name) for name in names},
        median={name: _over(median, averaged, name) for name in names},
        by_kind={
            kind: {name: _over(fmean, [row for row in fitted if row.layer.kind == kind], name) for name in names}
            for kind in kinds
        },
        verdict=verdict,
        reason=reason,
        verdicts=dict(sorted(Counter(row.verdict.value for row in measured).items())),
        layers_ok=len(fitted),
        layers_failed=len(measured) - len(fitted),
        layers_skipped=skipped,
        layers_averaged=len(averaged),
    )


def judge_model(rows: Sequence[LayerReport]) -> tuple[Verdict, str]:
    """The model's verdict: that of most of its layers, those too small or failed left out; the graver of equals.

    Args:
        rows: the layers measured.

    Returns:
        The verdict, and how many layers it rests on; too small or failed, whichever is more, where none was judged.

    Example:
        >>> judge_model([])[0].value
        'failed'
    """
    counts = Counter(row.verdict for row in rows)
    judged = {verdict: count for verdict, count in counts.items() if verdict not in _NOT_JUDGED}
    if not judged:
        return max(_NOT_JUDGED, key=lambda found: counts[found]), f"none of {len(rows)} layers could be judged"
    verdict = max(judged, key=lambda found: (judged[found], -_GRAVEST.index(found)))
    left_out = len(rows) - sum(judged.values())
    beside = f"; {left_out} could not be judged" if left_out else ""
    return verdict, f"{judged[verdict]} of {sum(judged.values())} layers judged{beside}"


def is_embedding(row: LayerReport) -> bool:
    """Whether the layer looks tokens or positions up rather than multiplying by a matrix.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import analyze
        >>> is_embedding(analyze({"transformer.wte.weight": np.eye(64)}).layers[0])
        True
    """
    return row.layer.kind.startswith("embedding.")


def _over(mean: Callable[[Iterable[float]], float], rows: Sequence[LayerReport], name: str) -> float:
    values = [row.metrics[name] for row in rows if not math.isnan(row.metrics[name])]
    return float(mean(values)) if values else NAN
