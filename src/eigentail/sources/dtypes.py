"""Names of stored types, as numpy and ml_dtypes spell them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def dtype_of(name: str) -> np.dtype[Any]:
    """The numpy dtype of a canonical name, the 8-bit floats and bfloat16 included.

    Args:
        name: as in `TensorSpec.dtype`.

    Raises:
        TypeError: no such type.

    Example:
        >>> dtype_of("bfloat16").itemsize, dtype_of("float32").itemsize
        (2, 4)
    """
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        extended = getattr(ml_dtypes, name, None)
        if extended is None:
            raise
        known: np.dtype[Any] = np.dtype(extended)
        return known
