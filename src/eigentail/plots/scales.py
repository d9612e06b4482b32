"""How far an axis reaches, and which of many things are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import ArrayLike, NDArray

from eigentail.plots.drawing import Axis, Limits, Numbers

MOST: Final = 200
_PAD: Final = 0.05
_SMALLEST, _LARGEST = 1e-300, 1e300


def numbers(values: ArrayLike) -> Numbers:
    """An array as the plain floats that a drawing holds.

    Example:
        >>> numbers(np.arange(2))
        (0.0, 1.0)
    """
    return tuple(np.asarray(values, dtype=np.float64).tolist())


def linear(label: str, values: Iterable[float], *also: float) -> Axis:
    """A linear axis that holds all finite values, with a little room.

    Args:
        label: of the axis.
        values: what is drawn.
        also: further values that must be seen: zero, a threshold.

    Example:
        >>> linear("alpha", [2.0, 4.0]).limits
        (1.9, 4.1)
    """
    known = [value for value in (*values, *also) if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    room = _PAD * (high / 2 - low / 2) * 2 or _PAD * abs(high) or 1.0
    return Axis(label=label, limits=_apart(low - room, high + room))


def whole(label: str, values: Iterable[float]) -> Axis:
    """A linear axis of things that are counted.

    Example:
        >>> whole("block", [0.0, 3.0]).scale
        'whole'
    """
    return replace(linear(label, values), scale="whole")


def logarithmic(label: str, values: Iterable[float]) -> Axis:
    """A logarithmic axis that holds all positive finite values, with a little room.

    Example:
        >>> [round(end, 2) for end in logarithmic("x", [1.0, 100.0]).limits]
        [0.79, 125.89]
    """
    known = [value for value in values if 0 < value < math.inf] or [1.0]
    low, high = math.log10(min(known)), math.log10(max(known))
    room = _PAD * (high - low) or 0.5
    ends = (max(10.0 ** max(low - room, -300.0), _SMALLEST), min(10.0 ** min(high + room, 300.0), _LARGEST))
    return Axis(label=label, limits=ends, scale="log")


def named(label: str, names: Iterable[str]) -> Axis:
    """An axis that counts things: the first at 0, the second at 1.

    Example:
        >>> named("block", ["0", "1"]).limits
        (-0.5, 1.5)
    """
    called = tuple(names)
    return Axis(label=label, limits=(-0.5, max(len(called), 1) - 0.5), names=called)


def spread(n: int, most: int = MOST) -> NDArray[np.intp]:
    """Indices of at most so many of n things, the first and the last among them, evenly spaced.

    Example:
        >>> spread(5, 3).tolist(), spread(2, 3).tolist()
        ([0, 2, 4], [0, 1])
    """
    if n <= most:
        return np.arange(n)
    found: NDArray[np.intp] = np.unique(np.linspace(0, n - 1, most).round().astype(np.intp))
    return found


def _apart(low: float, high: float) -> Limits:
    """Ends that differ and are finite."""
    low, high = max(low, -_LARGEST), min(high, _LARGEST)
    return (low, high) if low < high else (low - 1.0, high + 1.0)
