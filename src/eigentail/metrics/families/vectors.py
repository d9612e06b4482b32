"""How localised the eigenvectors are, in the bulk (non-zero eigenvalues below xmin) and in the tail (from xmin on)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.metrics.metric import Metric, Scaling
from eigentail.numerics.vectors import Vectors
from eigentail.records import NAN, Fit, Spectrum

Numbers = NDArray[np.float64]


def _part_ratio(vectors: Vectors) -> Numbers:
    """|v|_2 / |v|_4."""
    ratio: Numbers = vectors.participation**0.25
    return ratio


_KINDS: Final[dict[str, tuple[str, Callable[[Vectors], Numbers]]]] = {
    # Shannon's, of v^2; WeightWatcher's column of the name is that of a 100-bin histogram of |v|, another number
    "vec_entropy": ("entropy, 1 when all components are equal", lambda vectors: vectors.entropy),
    "loc_ratio": ("|v|_1 / |v|_inf", lambda vectors: vectors.localization),
    "part_ratio": ("|v|_2 / |v|_4", _part_ratio),
}
_MOMENTS: Final[dict[str, tuple[str, Callable[[Numbers], np.floating]]]] = {
    "mean": ("mean", np.mean),
    "var": ("variance of the", np.var),
}


def _part(numbers: Numbers, part: str, spectrum: Spectrum, fit: Fit) -> Numbers:
    """Those of the bulk or of the tail.

    The spectrum says how many there are: eigenvalues computed with their vectors differ from it in the last digits.
    """
    tail = int(np.count_nonzero(spectrum.eigenvalues >= fit.xmin))
    first = len(numbers) - tail
    return numbers[first:] if part == "tail" else numbers[len(numbers) - spectrum.rank : first]


def _metric(part: str, moment: str, kind: str) -> Metric:
    """One of the columns."""
    what, numbers_of = _KINDS[kind]
    word, reduce = _MOMENTS[moment]

    def compute(vectors: Vectors, spectrum: Spectrum, fit: Fit) -> float:
        numbers = _part(numbers_of(vectors), part, spectrum, fit) if fit.xmin > 0 else np.empty(0)
        return float(reduce(numbers)) if len(numbers) else NAN

    compute.__doc__ = f"The {word} {what} over the eigenvectors of the {part} (Martin & Mahoney, JMLR 22 (2021))."
    return Metric(
        name=f"{part}_{moment}_{kind}",
        title=f"{word} {what}, eigenvectors of the {part}",
        scaling=Scaling(),
        needs=("vectors", "spectrum", "fit"),
        compute=compute,
    )


METRICS = tuple(_metric(part, moment, kind) for part in ("bulk", "tail") for moment in _MOMENTS for kind in _KINDS)
