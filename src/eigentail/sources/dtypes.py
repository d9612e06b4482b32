"""Names of stored types, as numpy and ml_dtypes spell them."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np

# Stored in codes with scales, which reading turns into float32: llama.cpp's words in lower case, TensorFlow's q-types.
DEQUANTISED: Final = frozenset({
    "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "tq1_0", "tq2_0", "mxfp4", "nvfp4",
    "iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_nl", "iq4_xs",
    "qint2", "qint4", "quint4", "qint8", "quint8", "qint16", "quint16", "qint32",
})  # fmt: skip


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
