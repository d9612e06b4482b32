"""Whether two columns of numbers rise together, by their order alone, with p-values that hold for few of them."""

from __future__ import annotations

import math
from functools import cache
from itertools import permutations
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.records import NAN
from eigentail.records.trend import PValueBy

# All orders are gone through up to here, 40,320 of them, where there are ties: scipy is exact without them only.
_ENUMERATED: Final = 8
_COUNTED: Final = 50

Codes = NDArray[np.int64]


class RankCorrelation(msgspec.Struct, frozen=True):
    """A rank correlation and its p-value.

    Attributes:
        value: from -1 to 1; NaN where one column is constant.
        p: two-sided, of a value at least as far from zero when every order is as likely as any other.
        by: how p was found.

    Example:
        >>> RankCorrelation(-1.0, 1 / 12, "exact").value
        -1.0
    """

    value: float
    p: float = NAN
    by: PValueBy = ""


def kendall(x: NDArray[np.float64], y: NDArray[np.float64]) -> RankCorrelation:
    """Kendall's tau-b.

    The p-value is exact without ties (to 50 values), exact by enumeration with ties (to 8), and else the normal
    approximation with the variance corrected for ties.

    Args:
        x: finite, shape (n,).
        y: finite, same shape.

    Returns:
        NaN for fewer than two values or a constant column.

    Source: Kendall, Rank Correlation Methods (1970), chapters 3 to 5.

    Example:
        >>> found = kendall(np.array([1.0, 2.0, 3.0, 4.0]), np.array([9.0, 7.0, 6.0, 1.0]))
        >>> found.value, round(found.p, 4), found.by
        (-1.0, 0.0833, 'exact')
    """
    from scipy.stats import kendalltau

    a, b = _codes(x), _codes(y)
    signs = _signs(a), _signs(b)
    untied = [int(np.abs(sign).sum()) for sign in signs]
    if not all(untied):
        return RankCorrelation(NAN)
    total = int((signs[0] * signs[1]).sum())
    tau = total / math.sqrt(untied[0] * untied[1])
    n, score = len(a), abs(total) // 2
    if untied[0] == untied[1] == n * (n - 1) and n <= _COUNTED:
        return RankCorrelation(tau, float(kendalltau(a, b, method="exact").pvalue), "exact")
    if n <= _ENUMERATED:
        return RankCorrelation(tau, _enumerated(a, b, score), "enumerated")
    p = float(kendalltau(a, b, method="asymptotic").pvalue)
    return RankCorrelation(tau, max(p, _least(n)), "asymptotic")


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> RankCorrelation:
    """Spearman's rank correlation, equal values at their mean rank.

    The p-value is exact up to 8 values, with ties too, and by Student's t beyond.

    Args:
        x: finite, shape (n,).
        y: finite, same shape.

    Returns:
        NaN for fewer than two values or a constant column.

    Source: Kendall, Rank Correlation Methods (1970), chapter 2.

    Example:
        >>> found = spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0]))
        >>> round(found.value, 9), round(found.p, 4)
        (0.8, 0.3333)
    """
    from scipy.stats import spearmanr

    a, b = _twice_centred_ranks(_codes(x)), _twice_centred_ranks(_codes(y))
    n, score = len(a), int(a @ b)
    spread = math.sqrt(int(a @ a) * int(b @ b))
    if not spread:
        return RankCorrelation(NAN)
    rho = max(-1.0, min(1.0, score / spread))
    if n <= _ENUMERATED:
        share = float(np.mean(np.abs(b[_orders(n)] @ a) >= abs(score)))
        return RankCorrelation(rho, share, "enumerated")
    return RankCorrelation(rho, max(float(spearmanr(a, b).pvalue), _least(n)), "asymptotic")


def jackknifed_tau(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kendall's tau-b with each value left out in turn.

    Args:
        x: finite, shape (n,).
        y: finite, same shape.

    Returns:
        Shape (n,); NaN where what is left of a column is constant.

    Source: Kendall, Rank Correlation Methods (1970), chapter 3.

    Example:
        >>> jackknifed_tau(np.array([1.0, 2.0, 3.0, 0.0]), np.array([1.0, 2.0, 3.0, 4.0])).tolist()[-1]
        1.0
    """
    signs = _signs(_codes(x)), _signs(_codes(y))
    # Every pair is counted twice in the sum, and the pairs of one value once in its row and once in its column.
    score, *untied = (
        square.sum() - 2 * square.sum(axis=0) for square in (signs[0] * signs[1], np.abs(signs[0]), np.abs(signs[1]))
    )
    spread = np.sqrt(untied[0].astype(np.float64) * untied[1].astype(np.float64))
    return np.where(spread > 0, score / np.maximum(spread, 1.0), NAN)


def _codes(values: NDArray[np.float64]) -> Codes:
    """Each value as its place among the different ones: what ranks need, and nothing that can overflow."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _signs(codes: Codes) -> Codes:
    return np.asarray(np.sign(codes[:, None] - codes[None, :]), dtype=np.int64)


def _twice_centred_ranks(codes: Codes) -> Codes:
    """Mean ranks less their mean, doubled so that they are whole numbers."""
    counts = np.bincount(codes)
    twice = 2 * np.cumsum(counts) - counts + 1
    return (twice[codes] - len(codes) - 1).astype(np.int64)


@cache
def _orders(n: int) -> NDArray[np.int64]:
    """Every order of n things, shape (n!, n)."""
    return np.array(list(permutations(range(n))), dtype=np.int64)


def _enumerated(a: Codes, b: Codes, score: int) -> float:
    shuffled = b[_orders(len(b))]
    totals = np.zeros(len(shuffled), dtype=np.int64)
    for i in range(len(a)):
        for j in range(i):
            totals += np.sign(a[i] - a[j]) * np.sign(shuffled[:, i] - shuffled[:, j])
    return float(np.mean(np.abs(totals) >= score))


def _least(n: int) -> float:
    """Two orders of n!: no p-value is smaller."""
    return math.exp(math.log(2) - math.lgamma(n + 1))
