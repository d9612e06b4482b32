"""Clauset's fit with xmin near the peak of the histogram: the published cure for "fingers", in one unit."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.smallest_distance import smallest_distance_fit, tails_of
from eigentail.numerics.tail import Estimator
from eigentail.records import Fit

_BINS: Final = 100
_WINDOW: Final = (0.95, 1.5)
# What lies on an edge but for rounding lies inside, whatever the unit.
_SLACK: Final = 1e-9


def peak(values: NDArray[np.float64]) -> Fit:
    """The power law with the smallest distance among those whose xmin lies near the peak of the spectrum.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Returns:
        The fit, with xmin in the units of the values; too few where only the largest value lies near the peak.

    Source: WeightWatcher's `fix_fingers="xmin_peak"` and AlphaPruning, 2410.10912, which compare the lower end of the
    window in log10 with the values themselves and so have no lower end wherever it is negative.

    Example:
        >>> body, tail = np.linspace(0.5, 1, 500), 1 / (1 - np.arange(500) / 500)  # alpha = 2 above 1
        >>> fit = peak(np.concatenate([body, tail]))
        >>> bool(0.9 < fit.xmin < 1.5), round(fit.alpha, 1)
        (True, 2.0)
    """
    return smallest_distance_fit(values, *peak_window(values))


def peak_window(values: NDArray[np.float64]) -> tuple[int, int]:
    """The indices from which to which a tail may begin: the values within 0.95 to 1.5 times the peak.

    The peak is the lower edge of the fullest of 100 equal bins of log10 from the smallest to the largest value, the
    first of equals. Over many decades a bin is wider than the window; where no value lies in the window, the first
    one above it is all there is to choose from.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Returns:
        The first index and the one behind the last, the largest value included where it lies in the window.

    Source: AlphaPruning, 2410.10912; with both ends of the window in the units of the values.

    Example:
        >>> peak_window(np.array([1.0, 7.0, 10.0, 10.01, 16.0, 99.0]))
        (2, 4)
    """
    logs = tails_of(values).logs
    width = -logs[0] / _BINS
    bins = np.minimum(((logs - logs[0]) / width + _SLACK).astype(np.intp), _BINS - 1)
    edge = logs[0] + width * int(np.argmax(np.bincount(bins)))
    first, last = np.searchsorted(logs, edge + np.log(_WINDOW) + (-_SLACK, _SLACK))
    return int(first), max(int(last), int(first) + 1)


ESTIMATOR = Estimator(
    name="peak", title="clauset, xmin at 0.95 to 1.5 times the histogram's peak", fit=peak, on_scale=True
)
