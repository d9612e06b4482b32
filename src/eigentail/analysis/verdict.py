"""What the numbers say about a layer, in the literature's words, and one sentence why."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from eigentail.numerics.interval import Interval
from eigentail.numerics.noise import Noise
from eigentail.numerics.null import Null
from eigentail.records import Fit, FitStatus, Layer, Spectrum, Verdict

# Below this many eigenvalues the exponent of noise looks healthy (docs/trust.md), so none is judged.
FEWEST_TO_JUDGE: Final = 50
OVER_TRAINED: Final = 2.0
UNDER_TRAINED: Final = 6.0
# A tail is called no power law when its distance is both large and beyond the 5 % point of Kolmogorov's law.
_LARGE_DISTANCE: Final = 0.1
_KOLMOGOROV_5_PERCENT: Final = 1.358
_COLLAPSED_SHARE: Final = 0.5

_WITHOUT_FIT: Final = {
    FitStatus.TOO_FEW: Verdict.TOO_SMALL,
    FitStatus.FLAT: Verdict.NOT_POWER_LAW,
    FitStatus.RANK_ONE: Verdict.RANK_COLLAPSE,
    FitStatus.ZERO: Verdict.RANK_COLLAPSE,
    FitStatus.NON_FINITE: Verdict.FAILED,
    FitStatus.UNREADABLE: Verdict.FAILED,
    FitStatus.LOST: Verdict.FAILED,
}

# How a fit may end where there are few eigenvalues because there cannot be more.
_OF_FEW: Final = (FitStatus.TOO_FEW, FitStatus.RANK_ONE, FitStatus.FLAT)


class Signs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a verdict rests on.

    Attributes:
        layer: which one.
        fit: its tail, or why there is none.
        spectrum: None when the weights could not be read.
        noise: whether random weights show as much.
        null: what untrained copies show.
        interval: of the exponent.
        by: which estimator made the fit, where it is not the one that the user chose.
        traps: the number of correlation traps; 0 where the entries were not shuffled.

    Example:
        >>> from eigentail.analysis import describe
        >>> import numpy as np
        >>> Signs(layer=describe({"w": np.eye(64)}).layers[0], fit=Fit(status=FitStatus.FLAT)).traps
        0
    """

    layer: Layer
    fit: Fit
    spectrum: Spectrum | None = None
    noise: Noise = Noise()
    null: Null = Null()
    interval: Interval = Interval()
    by: str = ""
    traps: int = 0


class Rule(NamedTuple):
    """One line of the table: the verdict, when it holds, and the sentence.

    Example:
        >>> RULES[-1].verdict.value
        'well-trained'
    """

    verdict: Verdict
    holds: Callable[[Signs], bool]
    why: Callable[[Signs], str]


def judge(signs: Signs) -> tuple[Verdict, str]:
    """The verdict and its reason: the first rule of `RULES` that holds.

    In this order: a product of two thin factors, which has no more eigenvalues than its rank and no null; what
    collapsed (half of the eigenvalues zero); what has no fit; what is too small (fewer than 50 eigenvalues); traps,
    where the entries were shuffled; what random weights show as well; what is no power law (D above 0.1 and above
    1.358 / sqrt(tail)); then alpha and its whole interval below 2 over-trained, above 6 under-trained; an alpha above
    6 that may be 3 is undecided; else well trained. (The best layers lie at 2: an alpha of 1.97 +- 0.3 is no
    accusation.) How often each is wrong is measured in docs/trust.md.

    Source: thresholds of Martin, Peng & Mahoney 2021 and WeightWatcher; the order is this project's.

    Example:
        >>> from eigentail.analysis import describe
        >>> import numpy as np
        >>> layer = describe({"fc.weight": np.eye(64)}).layers[0]
        >>> judge(Signs(layer=layer, fit=Fit(status=FitStatus.FLAT)))[0].value
        'not-power-law'
    """
    is_fewer = signs.layer.rank > 0 and signs.fit.status in _OF_FEW
    if signs.spectrum is None or not (signs.fit.ok or is_fewer or _collapsed(signs)):
        return _WITHOUT_FIT[signs.fit.status], signs.fit.detail or signs.fit.status.sentence
    rule = next(rule for rule in RULES if rule.holds(signs))
    return rule.verdict, rule.why(signs)


def _collapsed(signs: Signs) -> bool:
    rank = signs.spectrum.rank if signs.spectrum else 0
    return 0 < rank < _COLLAPSED_SHARE * signs.layer.num_evals and not signs.layer.rank


def _zeros(signs: Signs) -> str:
    zeros = signs.layer.num_evals - (signs.spectrum.rank if signs.spectrum else 0)
    return f"{zeros} of {signs.layer.num_evals} eigenvalues are zero"


def _alpha(signs: Signs, where: str) -> str:
    """The exponent, how far it may be off, and what untrained weights would show."""
    interval, null = signs.interval, signs.null.alpha.median
    spread = "" if math.isnan(interval.low) else f" ({interval.low:.2f} to {interval.high:.2f})"
    untrained = "" if math.isnan(null) else f"; {signs.null.copies} show {null:.1f}"
    return f"alpha{signs.by} {signs.fit.alpha:.2f}{spread} is {where}{untrained}"


def _surely_below(signs: Signs, threshold: float) -> bool:
    """Whether alpha lies below a threshold for sure: its whole interval, where there is one."""
    return signs.fit.alpha < threshold and not signs.interval.high >= threshold


def _surely_above(signs: Signs, threshold: float) -> bool:
    """The same of above."""
    return signs.fit.alpha > threshold and not signs.interval.low <= threshold


def beyond_thresholds(fit: Fit) -> bool:
    """Whether the verdict asks for the interval of this exponent: it is not between the thresholds.

    Example:
        >>> [beyond_thresholds(Fit(status=FitStatus.OK, alpha=alpha)) for alpha in (1.9, 3.0, 6.5)]
        [True, False, True]
    """
    return fit.alpha < OVER_TRAINED or fit.alpha > UNDER_TRAINED


def _between(signs: Signs) -> str:
    if signs.fit.alpha < OVER_TRAINED:
        return f"not told apart from {OVER_TRAINED:g}"
    return f"between {OVER_TRAINED:g} and {UNDER_TRAINED:g}"


def _product(signs: Signs) -> str:
    """What is said of a change of low rank."""
    rank, evals = signs.layer.rank * signs.layer.count, signs.layer.num_evals
    return f"a product of rank {rank}: at most {rank} of {evals} eigenvalues, and no null to judge them by"


RULES: Final = (
    Rule(Verdict.TOO_SMALL, lambda signs: signs.layer.rank > 0, _product),
    Rule(Verdict.RANK_COLLAPSE, _collapsed, _zeros),
    Rule(
        Verdict.TOO_SMALL,
        lambda signs: signs.layer.num_evals < FEWEST_TO_JUDGE,
        lambda signs: f"{signs.layer.num_evals} eigenvalues are too few to judge: {FEWEST_TO_JUDGE} are needed",
    ),
    Rule(
        Verdict.TRAP,
        lambda signs: signs.traps > 0,
        lambda signs: f"{signs.traps} eigenvalues come from a few huge entries or from their mean",
    ),
    Rule(
        Verdict.UNTRAINED,
        lambda signs: signs.noise.is_noise,
        lambda signs: f"{100 * signs.noise.p:.0f} % of random matrices show a spectrum like this",
    ),
    Rule(
        Verdict.NOT_POWER_LAW,
        lambda signs: max(_LARGE_DISTANCE, _KOLMOGOROV_5_PERCENT / math.sqrt(signs.fit.tail)) < signs.fit.D,
        lambda signs: f"the tail is {signs.fit.D:.2f} away from a power law",
    ),
    Rule(
        Verdict.OVER_TRAINED,
        lambda signs: _surely_below(signs, OVER_TRAINED),
        lambda signs: _alpha(signs, f"below {OVER_TRAINED:g}"),
    ),
    Rule(
        Verdict.UNDER_TRAINED,
        lambda signs: _surely_above(signs, UNDER_TRAINED),
        lambda signs: _alpha(signs, f"above {UNDER_TRAINED:g}"),
    ),
    Rule(
        Verdict.UNDECIDED,
        lambda signs: signs.fit.alpha > UNDER_TRAINED,
        lambda signs: _alpha(signs, f"above {UNDER_TRAINED:g}, but not told apart from it"),
    ),
    Rule(
        Verdict.WELL_TRAINED,
        lambda signs: True,
        lambda signs: _alpha(signs, _between(signs)),
    ),
)
