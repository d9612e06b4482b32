"""Clauset's fit without "fingers": a few largest values whose gap to the rest makes the exponent spuriously large."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.numerics.estimators.clauset import clauset
from eigentail.numerics.tail import Estimator
from eigentail.records import Fit

_MOST_FINGERS: Final = 10
_LOWERED: Final = 1.0


def clip_fingers(values: NDArray[np.float64]) -> Fit:
    """Clauset's fit without as few of the largest values as lower alpha by 1 or more; of all values if none do.

    One value is left out, then two, and so on up to ten or half of all, until alpha is at most the raw one less 1.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Returns:
        The fit, with how many values were left out (`fingers`), the exponent of all of them (`raw_alpha`), and the
        largest value that was kept as `xmax`.

    Source: WeightWatcher's `fix_fingers="clip_xmax"`, which leaves out two at first, so never one, and reports one
    fewer than it left out.

    Example:
        >>> values = 100 + 100 * np.linspace(0, 1, 60) ** 4
        >>> fit = clip_fingers(values)
        >>> fit.fingers, fit.raw_alpha == clauset(values).alpha
        (0, True)
    """
    raw = clauset(values)
    for fingers in range(1, min(_MOST_FINGERS, len(values) // 2) + 1):
        kept = values[:-fingers]
        if kept[0] == kept[-1]:
            break
        fit = clauset(kept)
        if fit.alpha <= raw.alpha - _LOWERED:
            return replace(fit, fingers=fingers, raw_alpha=raw.alpha)
    return replace(raw, raw_alpha=raw.alpha)


ESTIMATOR = Estimator(
    name="clip-fingers",
    title="clauset, without up to 10 largest values that raise alpha by 1",
    fit=clip_fingers,
    on_scale=True,
)
