"""CURVE -> the coordinates of a small drawing. No markup here: the template holds it."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from eigentail.reports.table import Curve

WIDTH: Final = 120
HEIGHT: Final = 36
_MARGIN: Final = 2


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Coordinates in a box of 120 x 36, the origin at the top left.

    Attributes:
        points: the curve, as "x,y x,y".
        fitted: the straight line of the law over the part it was fitted to, or "".
        words: what the picture shows, for those who cannot see it.

    Example:
        >>> Drawing(points="0,0 1,1", fitted="", words="a line").points
        '0,0 1,1'
    """

    points: str
    fitted: str
    words: str


def drawing(curve: Curve) -> Drawing:
    """Place a curve in its box.

    Args:
        curve: at least two points.

    Example:
        >>> drawing(Curve(x=(0.0, 1.0), y=(0.0, -1.0))).points
        '2.0,2.0 118.0,34.0'
    """
    points = _placed(curve, list(zip(curve.x, curve.y, strict=True)))
    if not (math.isfinite(curve.start) and math.isfinite(curve.slope)):
        return Drawing(points=points, fitted="", words="share of eigenvalues at or above each size, no fit")
    begin = min(range(len(curve.x)), key=lambda i: abs(curve.x[i] - curve.start))
    x, y = curve.start, curve.y[begin]
    # The line ends where it leaves the box, at the bottom or at the right.
    stop = min(curve.x[-1], x + (curve.y[-1] - y) / curve.slope) if curve.slope < 0 else curve.x[-1]
    fitted = _placed(curve, [(x, y), (stop, y + curve.slope * (stop - x))])
    words = f"share of eigenvalues at or above each size; the fitted line falls with slope {curve.slope:.2f}"
    return Drawing(points=points, fitted=fitted, words=words)


def _placed(curve: Curve, points: list[tuple[float, float]]) -> str:
    """The points in the box, y downwards."""
    left, right, bottom, top = min(curve.x), max(curve.x), min(curve.y), max(curve.y)
    across, down = (right - left) or 1.0, (top - bottom) or 1.0
    return " ".join(
        f"{_MARGIN + (x - left) / across * (WIDTH - 2 * _MARGIN):.1f},"
        f"{_MARGIN + (top - y) / down * (HEIGHT - 2 * _MARGIN):.1f}"
        for x, y in points
    )
