"""What a law of the tail is, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.registry import Registry

Parameters: TypeAlias = tuple[float, ...]


class Law(msgspec.Struct, frozen=True, kw_only=True):
    """A law for the values at or above xmin. A module of `numerics/laws` offers one as `LAW`.

    Everything is told in t = ln(x / xmin) >= 0, which has no units; a density of t over x is the density of x, so that
    ratios of likelihoods are those of x.

    Attributes:
        name: the word for it; `powerlaw`'s where that package has it.
        title: what it says, in a few words.
        parameters: how many numbers are fitted.
        nested: whether the power law is one of its members.
        fit: the parameters of largest likelihood, from t: shape (n,), none below zero, not all zero.
        log_likelihoods: ln of the density of t at each t, for given parameters; shape (n,).

    Example:
        >>> laws["power_law"].fit(np.array([0.0, 1.0, 2.0]))  # alpha
        (2.0,)
    """

    name: str
    title: str
    parameters: int
    nested: bool = False
    fit: Callable[[NDArray[np.float64]], Parameters]
    log_likelihoods: Callable[[NDArray[np.float64], Parameters], NDArray[np.float64]]


laws: Registry[Law] = Registry("law", "eigentail.numerics.laws", "LAW")
