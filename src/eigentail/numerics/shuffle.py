"""The same entries in random places: what is left of a layer when only its entries are kept."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.backends import CPU, Device
from eigentail.numerics.spectrum import spectrum_of
from eigentail.numerics.traps import Traps, traps_of
from eigentail.records import NAN, Spectrum
from eigentail.settings import Precision


class Shuffled(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A layer after several permutations of its entries.

    Attributes:
        spectra: of the permuted stack, one a permutation, in the units of the layer's own spectrum.
        traps: of each matrix of the stack, in its order: each has a variance and so an edge of its own.

    Source: Martin & Hinrichs, SETOL (2025), arXiv 2507.17912, on correlation traps.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((1, 64, 48))
        >>> found = shuffled(noise, seed=0, replicas=3)
        >>> len(found.spectra), found.num_traps
        (3, 0)
    """

    spectra: tuple[Spectrum, ...]
    traps: tuple[Traps, ...]

    @property
    def num_traps(self) -> int:
        """Correlation traps, summed over matrices."""
        return sum(trap.number for trap in self.traps)

    @property
    def trap_strength(self) -> float:
        """The largest eigenvalue over the edge, of the matrix where that is largest; NaN where none has a bulk."""
        return max((trap.strength for trap in self.traps if trap.sigma > 0), default=NAN)


def shuffle(stack: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """The entries of each matrix in random order; no entry leaves its matrix.

    Args:
        stack: shape (count, rows, columns), at least one matrix, any dtype; not changed.
        rng: decides the order.

    Returns:
        A new array of the same shape and dtype.

    Source: Martin & Mahoney, JMLR 22 (2021): W randomised element by element.

    Example:
        >>> mixed = shuffle(np.arange(6).reshape(1, 2, 3), np.random.default_rng(0))
        >>> mixed.shape, sorted(mixed.ravel().tolist())
        ((1, 2, 3), [0, 1, 2, 3, 4, 5])
    """
    return np.stack([rng.permutation(matrix.ravel()).reshape(matrix.shape) for matrix in stack])


def shuffled(
    stack: NDArray[Any],
    *,
    seed: int,
    replicas: int,
    precision: Precision = "auto",
    scale: float = 1.0,
    device: Device = CPU,
) -> Shuffled:
    """Spectra and correlation traps of several permutations of the entries.

    A spike that delocalised vectors make is gone once the entries are permuted, and is no trap. Vectors whose entries
    have one sign make a mean, which is one.

    Args:
        stack: shape (count, rows, columns), any real dtype.
        seed: of the generator; the same seed gives the same permutations.
        replicas: how many permutations, at least one; three or more for traps, see `traps_of`.
        precision: as in `spectrum_of`.
        scale: as in `spectrum_of`.
        device: as in `spectrum_of`.

    Returns:
        The spectra and what they show beyond the edge.

    Raises:
        LayerError: a weight is NaN or infinite, or the eigenvalues leave the range of float64.
        ValueError: fewer than one replica.

    Source: Martin & Hinrichs, SETOL (2025), arXiv 2507.17912, on correlation traps.

    Example:
        >>> weights = np.random.default_rng(0).standard_normal((1, 64, 48))
        >>> weights[0, 5, 5] = 30.0
        >>> shuffled(weights, seed=0, replicas=3).num_traps
        1
    """
    if replicas < 1:
        raise ValueError(f"{replicas} permutations; at least one is needed")
    rng = np.random.default_rng(seed)
    spectra: list[Spectrum] = []
    apart: list[list[Spectrum]] = []
    measured = partial(spectrum_of, precision=precision, scale=scale, device=device)
    for _ in range(replicas):
        mixed = shuffle(stack, rng)
        spectra.append(measured(mixed))
        alone = mixed[:, None] if len(mixed) > 1 else ()  # a single matrix has just been done
        apart.append([measured(one) for one in alone] or spectra[-1:])
    return Shuffled(spectra=tuple(spectra), traps=tuple(traps_of(matrix) for matrix in zip(*apart, strict=True)))
