"""The Tracy-Widom law of the largest eigenvalue of noise, real matrices (beta = 1), and its centring and scale."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

# Natural logarithms of P(TW1 > s) for s = -5 to 12 in steps of 1/4, from the Fredholm determinant of Ferrari & Spohn
# (J. Phys. A 38 (2005), L557) by Gauss-Legendre quadrature (Bornemann, Math. Comp. 79 (2010)): the test makes it anew.
# fmt: off
_LOG_TAILS: Final = np.array([
    -0.000277956, -0.000712436, -0.00168757, -0.00370919, -0.00759646, -0.0145597, -0.0262353, -0.0446542,
    -0.0721408, -0.111159, -0.164141, -0.233326, -0.320646, -0.427658, -0.555519, -0.705009, -0.876565, -1.07034,
    -1.28624, -1.524, -1.78324, -2.06347, -2.36415, -2.68471, -3.02457, -3.38315, -3.75989, -4.15425, -4.56572,
    -4.9938, -5.43804, -5.89801, -6.3733, -6.86352, -7.36832, -7.88736, -8.42032, -8.9669, -9.52682, -10.0998,
    -10.6856, -11.284, -11.8947, -12.5176, -13.1524, -13.7989, -14.457, -15.1264, -15.807, -16.4987, -17.2012,
    -17.9144, -18.6382, -19.3724, -20.1169, -20.8715, -21.6362, -22.4108, -23.1952, -23.9893, -24.793, -25.6061,
    -26.4286, -27.2604, -28.1013, -28.9513, -29.8103, -30.6781, -31.5548,
])
# fmt: on
_STEPS: Final = np.linspace(-5.0, 12.0, len(_LOG_TAILS))


def edge_law(N: float, M: float) -> tuple[float, float]:
    """Centre and scale of the largest eigenvalue of W^T W, for N x M independent entries of variance one.

    (lambda_max - centre) / scale follows the Tracy-Widom law to order M^(-2/3). The sides enter less one half, which
    treats both alike and holds from M = 2 on: for 2 x 2 matrices the 99 % point is passed by 1.05 % (measured).
    Johnstone's N - 1 and M is the same in the limit, and asks too much of narrow matrices (0.5 % at 64 x 4).

    Args:
        N: one side, at least 1.
        M: the other.

    Returns:
        Centre and scale, in units of the eigenvalues of W^T W (not divided by N).

    Source: Ma, Bernoulli 18 (2012), theorem 2; Johnstone, Annals of Statistics 29 (2001), theorem 1.1.

    Example:
        >>> centre, scale = edge_law(400, 100)
        >>> round(centre, 1), round(scale, 1)
        (897.7, 15.9)
    """
    a, b = math.sqrt(N - 0.5), math.sqrt(M - 0.5)
    return (a + b) ** 2, (a + b) * (1 / a + 1 / b) ** (1 / 3)


def tail_probability(s: float) -> float:
    """P(TW1 > s): how often noise has its largest eigenvalue more than s scales above its centre.

    Good to 0.3 % of the probability from s = -5 to 12; above, the leading exponent exp(-2/3 s^(3/2)) goes on, and
    below it is one.

    Args:
        s: distance from the centre in scales, see `edge_law`.

    Returns:
        A probability; NaN for NaN.

    Source: Tracy & Widom, Communications in Mathematical Physics 177 (1996), 727.

    Example:
        >>> round(tail_probability(2.0234), 4)
        0.01
    """
    if s > _STEPS[-1]:
        return math.exp(_LOG_TAILS[-1] + (_STEPS[-1] ** 1.5 - s * math.sqrt(s)) / 1.5)
    return float(np.exp(np.interp(s, _STEPS, _LOG_TAILS, left=0.0)))


def quantile(tail: float) -> float:
    """The point s that the Tracy-Widom law passes with a given probability: the inverse of `tail_probability`.

    Args:
        tail: P(TW1 > s), above 0 and below 1.

    Returns:
        s in scales; -5 for any tail above 0.9998, infinity for 0.

    Source: Tracy & Widom, Communications in Mathematical Physics 177 (1996), 727.

    Example:
        >>> round(quantile(0.01), 2), round(quantile(1e-6), 2)
        (2.02, 6.26)
    """
    log = math.log(tail) if tail > 0 else -math.inf
    if log < _LOG_TAILS[-1]:
        return float((_STEPS[-1] ** 1.5 + 1.5 * (_LOG_TAILS[-1] - log)) ** (2 / 3))
    return float(np.interp(-log, -_LOG_TAILS, _STEPS))
