"""FIT -> laws: does another law tell the tail better than a power law?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.law import Law, laws
from eigentail.records import NAN, Fit

POWER_LAW: Final = "power_law"
# Fewer values tell no two laws apart.
FEWEST: Final = 10
# An alternative is preferred below these p: Clauset, Shalizi & Newman's for Vuong's test, the usual one where nested.
_LEVEL: Final = 0.1
_NESTED_LEVEL: Final = 0.05
# A ratio smaller than this share of the log-likelihood is made by rounding.
_ROUNDING: Final = 1e-14


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """The power law against one alternative. NaN where they could not be compared.

    Attributes:
        R: log-likelihood of the power law less that of the alternative; positive: the power law is more likely.
        normalised: R over its standard deviation, sqrt(n) times that of one value's part.
        p: the probability of an |R| as large if both laws were equally near the truth.

    Example:
        >>> Ratio().p
        nan
    """

    R: float = NAN
    normalised: float = NAN
    p: float = NAN


class Laws(msgspec.Struct, frozen=True, kw_only=True):
    """What the tail follows.

    Attributes:
        best: the law the evidence supports; empty where there is none.
        ratios: the power law against each alternative, by its name.

    Example:
        >>> Laws().of("lognormal").R
        nan
    """

    best: str = ""
    ratios: Mapping[str, Ratio] = msgspec.field(default_factory=dict)

    def of(self, name: str) -> Ratio:
        """The ratio against the law of that name; NaN where there is none."""
        return self.ratios.get(name, Ratio())


def compare_laws(values: NDArray[np.float64], fit: Fit) -> Laws:
    """The power law against every other registered law on one tail, each fitted to it by maximum likelihood.

    p is Vuong's, erfc(|R| / sqrt(2 n var)), and for an alternative that has the power law among its members that of
    2 |R| as chi-square with one degree of freedom (up to twice too large, as the member lies on the edge). The
    lognormal and the stretched exponential law have the power law as a limit: against them R is never positive, and
    Vuong's p, which is kept because the literature has it, errs on the side of the power law. (The exponential law is
    no neighbour of the power law; both are members of the power law with cutoff.)

    The best law is the power law unless alternatives are significantly better: R < 0 with p < 0.1 (nested: 0.05).
    Among those it is the one with the largest log-likelihood less half its number of parameters times ln n (Schwarz).
    Akaike's penalty, a constant, would go on giving some exponential samples to laws that contain the exponential one,
    however large they are; ln n does not.

    Args:
        values: positive, ascending; shape (n,).
        fit: of these values; those from its xmin to its xmax are the tail.

    Returns:
        Empty where the fit is not ok, or fewer than 10 values, or only equal ones, are in the tail, or its
        ends are further apart than the range of float64.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 5 and appendix C; Vuong, Econometrica 57 (1989);
    Schwarz, Annals of Statistics 6 (1978).

    Example:
        >>> from eigentail.records import FitStatus
        >>> values = 1 - np.log(1 - np.arange(1000) / 1000)  # exponential from 1 on
        >>> found = compare_laws(values, Fit(status=FitStatus.OK, xmin=1.0, xmax=values[-1]))
        >>> found.best, found.of("exponential").R < 0
        ('exponential', True)
    """
    logs = _tail(values, fit)
    if len(logs) < FEWEST or not 0 <= logs[0] < logs[-1] < np.inf:
        return Laws()
    with np.errstate(all="ignore"):
        own = _log_likelihoods(laws[POWER_LAW], logs)
        ratios = {law.name: _ratio(own, law, logs) for law in laws.values() if law.name != POWER_LAW}
    return Laws(best=_best(ratios, len(logs)), ratios=ratios)


def _tail(values: NDArray[np.float64], fit: Fit) -> NDArray[np.float64]:
    """ln(x / xmin) of the values fitted; empty where no fit is ok."""
    if not fit.ok:
        return np.empty(0)
    with np.errstate(all="ignore"):
        logs: NDArray[np.float64] = np.log(values[(values >= fit.xmin) & (values <= fit.xmax)] / fit.xmin)
    return logs


def _log_likelihoods(law: Law, logs: NDArray[np.float64]) -> NDArray[np.float64]:
    return law.log_likelihoods(logs, law.fit(logs))


def _ratio(own: NDArray[np.float64], law: Law, logs: NDArray[np.float64]) -> Ratio:
    """The power law against a law, from the power law's own log-likelihoods."""
    differences = own - _log_likelihoods(law, logs)
    total = float(differences.sum())
    spread = math.sqrt(len(logs)) * float(differences.std())
    if not math.isfinite(total) or not math.isfinite(spread):
        return Ratio()
    if abs(total) <= _ROUNDING * float(np.abs(own).sum()) or spread == 0:
        return Ratio(R=0.0, normalised=0.0, p=1.0)
    normalised = total / spread
    # sqrt(|R|) is the argument of erfc that gives the upper tail of chi-square at 2 |R|
    p = math.erfc(math.sqrt(abs(total)) if law.nested else abs(normalised) / math.sqrt(2))
    return Ratio(R=total, normalised=normalised, p=p)


def _best(ratios: Mapping[str, Ratio], n: int) -> str:
    """The power law, or the most likely of those significantly better, after Schwarz's penalty."""
    better = {
        name: -ratio.R - laws[name].parameters * math.log(n) / 2
        for name, ratio in ratios.items()
        if ratio.R < 0 and ratio.p < (_NESTED_LEVEL if laws[name].nested else _LEVEL)
    }
    return max(better, key=better.__getitem__, default=POWER_LAW)
