"""How finely a type divides the numbers."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np


def unit_roundoff(dtype: np.dtype[Any]) -> float:
    """The largest relative error of rounding to the dtype: half the spacing of its numbers at one; 0 for integers.

    Example:
        >>> unit_roundoff(np.dtype("float32")) == 2.0**-24, unit_roundoff(np.dtype("int8"))
        (True, 0.0)
    """
    if dtype.kind in "iub":
        return 0.0
    finfo: Any = ml_dtypes.finfo  # untyped upstream
    return float(finfo(dtype).eps) / 2
