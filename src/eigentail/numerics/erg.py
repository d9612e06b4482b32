"""The exact-renormalisation-group condition det X = 1 on the top of a spectrum, in logarithms: nothing overflows."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_TINY: Final = float(np.finfo(np.float64).tiny)


def relative_logs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln(lambda / mean) of positive eigenvalues.

    Args:
        values: positive, ascending, at least one; shape (n,).

    Returns:
        Natural logarithms, ascending; shape (n,).

    Source: Martin & Hinrichs, SETOL (2025), arXiv 2507.17912: eigenvalues normalised to sum to their number.

    Example:
        >>> relative_logs(np.array([1.0, 3.0])).round(4).tolist()
        [-0.6931, 0.4055]
    """
    relative = np.maximum(values / values[-1], _TINY)  # 300 orders of magnitude apart, the quotient is zero
    logs: NDArray[np.float64] = np.log(relative) - np.log(relative.mean())
    return logs


def erg_tail(values: NDArray[np.float64]) -> int:
    """How many of the largest eigenvalues it takes until their product, at mean one, falls below one.

    The eigenvalue that brings the product below one is counted, as WeightWatcher's `detX_constraint` does; its direct
    product overflows from 4,096 eigenvalues on. The product of all is below one unless all are equal: then every one
    is counted.

    Args:
        values: positive, ascending; shape (n,).

    Returns:
        k from 1 to n, or 0 where there are no values.

    Source: Martin & Hinrichs, SETOL (2025), arXiv 2507.17912, the TraceLog condition sum ln lambda = 0.

    Example:
        >>> erg_tail(np.array([0.25, 1.0, 1.0, 4.0])), erg_tail(np.ones(5))
        (4, 5)
    """
    if len(values) == 0 or values[0] == values[-1]:
        return len(values)
    below = np.cumsum(relative_logs(values)[::-1]) < 0
    return int(below.argmax()) + 1 if below.any() else len(values)
