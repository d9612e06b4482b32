"""How finely a type divides the numbers."""

from __future__ import annotations

from typing import Any, Final

import ml_dtypes
import numpy as np

from eigentail.records import Spectrum

# An orthogonal matrix stored at unit roundoff u has eigenvalues within a few u of each other.
_FLAT_ROUNDINGS: Final = 32.0


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


def is_flat(spectrum: Spectrum) -> bool:
    """Whether all positive eigenvalues are one value, up to the rounding of the weights: an orthogonal matrix.

    Args:
        spectrum: with at least one positive eigenvalue.

    Example:
        >>> is_flat(Spectrum(eigenvalues=np.ones(8), shape=(8, 8), rank=8))
        True
    """
    values = spectrum.positive
    # orthogonal weights are made in float32 at best, whatever they are stored in
    unit = max(unit_roundoff(np.dtype(spectrum.stored)), unit_roundoff(np.dtype("float32")))
    return bool(values[-1] - values[0] <= _FLAT_ROUNDINGS * unit * values[-1])
