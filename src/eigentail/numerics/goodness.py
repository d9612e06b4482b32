"""FIT -> p: could a power law have left a distance as large as the fit's?"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.tail import Estimator
from eigentail.records import NAN, Fit

# No drawn value is larger than e^this times the smallest: a ratio that float64 can still hold.
_RANGE: Final = 700.0


class Goodness(msgspec.Struct, frozen=True, kw_only=True):
    """How plausible the power law is.

    Attributes:
        p: the share of samples from the fit that fit worse; small: not a power law. NaN where there is no fit.
        resamples: how many samples were fitted; p is known to about 1 / (2 sqrt(resamples)).

    Example:
        >>> Goodness().p
        nan
    """

    p: float = NAN
    resamples: int = 0


def goodness_of_fit(
    values: NDArray[np.float64], fit: Fit, estimator: Estimator, *, seed: int, resamples: int = 200
) -> Goodness:
    """Clauset's p-value: the share of samples drawn from the fit whose own distance D is at least the fit's.

    Each sample is as large as the values: the number in the tail is binomial, the tail is drawn from the power law,
    the body from the values below xmin with replacement; the estimator chooses xmin anew. Reject below 0.1. Clauset's
    test takes the values as independent; eigenvalues repel each other, fit better than that, and pass too easily.

    Args:
        values: positive, ascending; shape (n,).
        fit: of these values, by this estimator.
        estimator: fits the samples.
        seed: the same seed gives the same p.
        resamples: how many samples; a p known to 0.01 takes 2,500.

    Returns:
        p and the number of samples that could be fitted; NaN and 0 where the fit is not ok, not of a power law,
        or the values are further apart than the range of float64.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 4.1.

    Example:
        >>> from eigentail.numerics.tail import estimators
        >>> values = np.linspace(1, 2, 300)  # flat, then nothing: no power law
        >>> fit = estimators["clauset"].fit(values)
        >>> goodness_of_fit(values, fit, estimators["clauset"], seed=0, resamples=50).p < 0.1
        True
    """
    if not fit.ok or fit.law != "power_law" or not (fit.alpha > 1 and fit.D >= 0):
        return Goodness()
    with np.errstate(all="ignore"):
        relative = values / values[-1]
        xmin = fit.xmin / values[-1]
    if not relative[0] > 0:
        return Goodness()
    rng = np.random.default_rng(seed)
    samples = (_sample(rng, relative, xmin, fit.alpha) for _ in range(resamples))
    fits = [estimator.fit(sample) for sample in samples if sample[0] < sample[-1]]
    distances = np.array([other.D for other in fits if other.ok])
    if len(distances) == 0:
        return Goodness()
    return Goodness(p=float(np.mean(distances >= fit.D)), resamples=len(distances))


def _sample(rng: np.random.Generator, values: NDArray[np.float64], xmin: float, alpha: float) -> NDArray[np.float64]:
    """As many values as there are, ascending: the body drawn from itself, the tail from the law."""
    body = values[values < xmin]
    tail = rng.binomial(len(values), 1 - len(body) / len(values))
    highest = max(_RANGE + math.log(values[0] / xmin), 0.0)
    drawn = xmin * np.exp(np.minimum(rng.exponential(1 / (alpha - 1), tail), highest))
    below = rng.choice(body, len(values) - tail) if len(body) else body
    return np.sort(np.concatenate([below, drawn]))
