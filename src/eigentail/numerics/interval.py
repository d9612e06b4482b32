"""How far an exponent may be off: the sample says where else its tail could begin, and from there it is drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.kernels import kernels
from eigentail.numerics.refit import Refits
from eigentail.numerics.smallest_distance import Tails, lower_bounds, tails_of
from eigentail.numerics.tail import Estimator
from eigentail.records import NAN, Fit

LEVEL: Final = 0.90
RESAMPLES: Final = 200
# The shares left out below and above. Where xmin is searched for, the search enters twice and the exponents scatter too
# much: of pure power laws more than 95 % would be covered. So more is left out above; below, where a body that is taken
# for tail hides an alpha that is small, nothing can be spared. Chosen on other draws than those of docs/trust.md.
_FIXED: Final = ((1 - LEVEL) / 2, (1 - LEVEL) / 2)
_SEARCHED: Final = (0.05, 0.10)
# Numbers drawn at a time: a megabyte, which stays in the cache of a core.
_BLOCK: Final = 1 << 17
# Samples drawn for each xmin that a resample chose: the choice needs fewer numbers than the ends.
_EACH: Final = 2
# Distance times sqrt(n) beyond which a law with an estimated exponent is rejected at 5 %.
_FAR: Final = 1.094
_TINY: Final = 1e-300
_Refit: TypeAlias = Callable[[NDArray[np.float64]], Refits]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Where the exponent lies with a probability of 90 %, had the eigenvalues been independent draws.

    Attributes:
        low: the lower end; NaN where there is no fit.
        high: the upper end.
        resamples: how many samples were refitted.

    Example:
        >>> Interval().low
        nan
    """

    low: float = NAN
    high: float = NAN
    resamples: int = 0


def interval_of(
    values: NDArray[np.float64], fit: Fit, estimator: Estimator, *, seed: int, resamples: int = RESAMPLES
) -> Interval:
    """The 90 % interval of alpha, the choice of xmin included: a bootstrap in two steps.

    First the sample is drawn again, smoothed, and the estimator chooses an xmin: where else the tail could begin, with
    an exponent alpha'. (Where the sample itself is too far from that law, xmin stays where it is.) Then a sample is
    drawn for which that is the truth: the tail from its law, what is below from the values below. The estimator finds
    alpha* in it, choosing xmin once more, and 1 + (alpha' - 1)^2 / (alpha* - 1) is an exponent that may be the true
    one, because (alpha* - 1) / (alpha' - 1) has the same law whatever alpha' when the sample is a pure power law. So a
    body that passes for a part of the tail widens the interval as often as the sample leaves that open.

    The ends leave out 5 % of these exponents below and 10 % above, as the choice of xmin has entered twice; 5 % each
    where there is no choice. Alpha itself is always held.

    Args:
        values: what was fitted, positive and ascending; shape (n,).
        fit: of these values.
        estimator: the one that made the fit; it offers `refit`.
        seed: of the random numbers; the interval depends on nothing else.
        resamples: how many.

    Returns:
        The interval; NaN where the fit is not ok or the estimator cannot refit.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 4.1 (body and tail drawn apart); Davison &
        Hinkley, Bootstrap Methods (1997), sections 3.4 (smoothing) and 5.2 (the pivot); Stephens, Journal of the
        American Statistical Association 69 (1974), 730 (when the sample is too far). Putting the two steps together
        is this project's. Eigenvalues repel each other: docs/trust.md has the coverage, for matrices too.

    Example:
        >>> from eigentail.numerics.tail import estimators
        >>> sample = np.sort(1 / np.random.default_rng(0).random(500))  # alpha = 2
        >>> clauset = estimators["clauset"]
        >>> interval = interval_of(sample, clauset.fit(sample), clauset, seed=0)
        >>> interval.low < 2 < interval.high
        True
    """
    if not fit.ok or estimator.refit is None:
        return Interval()
    tails, rng = tails_of(values), np.random.default_rng(seed)
    own = min(int(np.searchsorted(tails.starts, len(values) - fit.tail)), len(tails.starts) - 1)
    xmins, below_xmin = _chosen(tails.logs, fit.alpha, estimator.refit, rng, -(-resamples // _EACH))
    places = np.repeat(_places(tails, own, xmins), _EACH)[:resamples]
    alphas = 1 + (tails.alphas[places] - 1) * ((fit.alpha - 1) / (tails.alphas[own] - 1))
    likely = _likely(tails.logs, tails.starts[places], alphas, estimator.refit, rng)
    likely = likely[np.isfinite(likely)]
    if len(likely) <= resamples / 2:
        return Interval()
    below, above = _SEARCHED if below_xmin.min() < below_xmin.max() else _FIXED
    # as np.quantile, which does much else
    low, high = np.interp((below, 1 - above), np.linspace(0, 1, len(likely)), np.sort(likely)).tolist()
    return Interval(low=min(low, fit.alpha), high=max(high, fit.alpha), resamples=len(likely))


def _chosen(
    logs: NDArray[np.float64], alpha: float, refit: _Refit, rng: np.random.Generator, number: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The logarithms of the xmins that the estimator chooses in resamples, and how many values are below each."""
    xmins, starts = np.empty(number), np.empty(number, dtype=np.intp)
    for part in _parts(number, len(logs)):
        redrawn = _redrawn(logs, alpha, rng, len(xmins[part]))
        starts[part] = refit(redrawn).starts
        xmins[part] = redrawn[np.arange(len(redrawn)), starts[part]]
    return xmins, starts


def _places(tails: Tails, own: int, xmins: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which tail of the sample begins at each of the logarithms; its own where it is too far from that law."""
    places = np.minimum(np.searchsorted(tails.logs[tails.starts], xmins), len(tails.starts) - 1)
    there = Tails(tails.logs, tails.below, tails.starts[places], tails.alphas[places])
    places[lower_bounds(there) * np.sqrt(len(tails.logs) - there.starts) > _FAR] = own
    return places


def _likely(
    logs: NDArray[np.float64],
    starts: NDArray[np.intp],
    alphas: NDArray[np.float64],
    refit: _Refit,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Exponents that may be the true one, were each of these tails the truth once."""
    again = np.empty(len(alphas))
    for part in _parts(len(alphas), len(logs)):
        again[part] = refit(_drawn_from(logs, starts[part], alphas[part], rng)).alphas
    with np.errstate(all="ignore"):
        likely: NDArray[np.float64] = 1 + (alphas - 1) ** 2 / (again - 1)
    return likely


def _parts(samples: int, n: int) -> list[slice]:
    """So many samples of n values, as many at a time as a block holds."""
    step = max(1, _BLOCK // n)
    return [slice(at, min(at + step, samples)) for at in range(0, samples, step)]


def _redrawn(logs: NDArray[np.float64], alpha: float, rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Samples from the polygon through the order statistics, the law beyond the largest; ascending."""
    n, compiled = len(logs), kernels()
    # sums of exponentials over their total are uniform numbers in order (Renyi 1953): no sorting
    sums = rng.standard_exponential((rows, n + 1))
    if compiled:
        compiled.call("redraw_f64", rows, n, logs, alpha, sums)
        return sums[:, :-1]
    sums.cumsum(axis=1, out=sums)
    places = sums[:, :-1]
    places *= n / sums[:, -1:]
    places -= 0.5
    np.maximum(places, 0, out=places)
    beyond = np.unravel_index(np.flatnonzero(places > n - 1), places.shape)
    left = np.maximum(2 * (n - 0.5 - places[beyond]), _TINY)
    whole = places.astype(np.intp)
    places -= whole
    places *= np.diff(logs, append=logs[-1]).take(whole)
    places += logs.take(whole)
    places[beyond] = logs[-1] - np.log(left) / (alpha - 1)
    return places


def _drawn_from(
    logs: NDArray[np.float64], starts: NDArray[np.intp], alphas: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """One sample for each start: as many values below it, drawn from those there, and a tail of that exponent."""
    n, compiled = len(logs), kernels()
    drawn = rng.standard_exponential((len(starts), n + 1))
    if compiled:
        compiled.call("draw_f64", len(starts), n, logs, starts, alphas, drawn)
        return drawn[:, 1:]
    order = np.argsort(starts, kind="stable")
    sorted_starts, scales = starts[order], 1 / (alphas[order, None] - 1)
    drawn, shares = drawn[order], 1 / np.arange(n, 0, -1)
    for low, high in pairwise(np.flatnonzero(np.diff(sorted_starts, prepend=-1, append=n)).tolist()):
        start = int(sorted_starts[low])
        sums, tail = drawn[low:high, : start + 1], drawn[low:high, start + 1 :]
        sums.cumsum(axis=1, out=sums)
        sums *= start / sums[:, -1:]
        sums[:, 1:] = logs.take(sums[:, :-1].astype(np.intp))
        # ordered exponentials are sums of independent ones, each over how many are left
        tail *= shares[start:]
        tail.cumsum(axis=1, out=tail)
        tail *= scales[low:high]
        tail += logs[start]
    samples = np.empty((len(starts), n))
    samples[order] = drawn[:, 1:]
    return samples
