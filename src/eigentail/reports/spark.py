"""CURVE -> a picture one line high: how many eigenvalues there are of each size, the fitted tail apart."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.reports.table import Curve

WIDTH: Final = 10
STROKE: Final = "|"
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "._-~=+*#"
# In eigenvalues: what the straight line between two neighbours puts into the gap between them is nothing.
_NOTHING: Final = 0.5
# In decades below the median: the smallest few stretch over many more, and would leave no room for the rest.
_DOWN: Final = 1.5


class Spark(msgspec.Struct, frozen=True):
    """Two strips of characters, together `WIDTH` wide.

    Attributes:
        bulk: the eigenvalues below xmin; all of them where there is no fit.
        tail: a stroke and those the law was fitted to, or "".

    Example:
        >>> Spark("▃█████", "|▅▂▁").tail
        '|▅▂▁'
    """

    bulk: str
    tail: str = ""


def spark(curve: Curve, plain: bool = False) -> Spark:
    """A histogram, both axes logarithmic, drawn in blocks of eight heights.

    Args:
        curve: share of eigenvalues at or above each size, both log10, from `tail_curve`.
        plain: in ASCII, for a terminal that has no blocks.

    Returns:
        Strips in which a space is no eigenvalue, the lowest block about one and the highest the most. Those far below
        the median are drawn in the first place, and those of one size alone in the last.

    Example:
        >>> drawn = spark(Curve(x=(0.0, 1.0, 2.0, 3.0), y=(0.0, -0.1, -1.0, -2.0), start=1.0, slope=-1.0), plain=True)
        >>> drawn.bulk, drawn.tail
        ('===', '|#*=~-_')
    """
    x, y = np.asarray(curve.x), np.asarray(curve.y)
    heights, right = _PLAIN if plain else _BLOCKS, float(x[-1])
    if not x[0] < right:
        return Spark(" " * (WIDTH - 1) + heights[-1])
    left = max(float(x[0]), float(np.interp(math.log10(2), -y, x)) - _DOWN)
    has_fit = math.isfinite(curve.start)
    start = min(max(curve.start, left), right) if has_fit else right
    below = _below((start - left) / (right - left)) if has_fit else WIDTH
    beyond = WIDTH - len(STROKE) - below if has_fit else 0
    edges = np.concatenate([np.linspace(left, start, below + 1)[:below], np.linspace(start, right, beyond + 1)])
    strip = _strip(_counts(x, y, edges), heights)
    return Spark(strip[:below], STROKE + strip[below:] if has_fit else "")


def _below(share: float) -> int:
    """The characters of the bulk, whose part of the width is given: one for either part at the least."""
    free = WIDTH - len(STROKE)
    return min(max(round(share * free), int(share > 0)), free - 1)


def _counts(x: NDArray[np.float64], y: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eigenvalues between the edges, by straight lines between the points; the outer ones take what lies outside."""
    n = 10.0 ** -y[-1]
    above: NDArray[np.float64] = n * np.power(10.0, np.interp(edges, x, y))
    above[0], above[-1] = n, 0.0
    return -np.diff(above)


def _strip(counts: NDArray[np.float64], heights: str) -> str:
    """One character for each count: log of the count between one and the most."""
    most = math.log(max(float(counts.max()), 2.0))
    levels = [math.log(max(count, 1.0)) / most * (len(heights) - 1) for count in counts.tolist()]
    return "".join(
        heights[round(level)] if count >= _NOTHING else " " for level, count in zip(levels, counts, strict=True)
    )
