"""Correlation traps: what the permuted entries of a matrix show beyond the edge of their bulk."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec

from eigentail.numerics.marchenko_pastur import fit_bulk
from eigentail.records import NAN, Spectrum


class Traps(msgspec.Struct, frozen=True, kw_only=True):
    """What the permutations of one matrix have in common. NaN where none of them has a bulk.

    Attributes:
        number: eigenvalues beyond the edge: the median over permutations, rounded down.
        strength: the largest eigenvalue over the edge, the median over permutations; near 1 for noise.
        spikes: eigenvalues beyond the edge, the mean over permutations.
        sigma: standard deviation of the entries whose noise the bulk is, the mean over permutations.
        edge: the bulk's upper edge in units of the eigenvalues, the mean over permutations.

    Source: Martin & Hinrichs, SETOL (2025), arXiv 2507.17912, on correlation traps.

    Example:
        >>> Traps().number, Traps().strength
        (0, nan)
    """

    number: int = 0
    strength: float = NAN
    spikes: float = 0.0
    sigma: float = NAN
    edge: float = NAN


def traps_of(permuted: Sequence[Spectrum]) -> Traps:
    """The correlation traps of one matrix, from the spectra of several permutations of its entries.

    A trap is a property of the entries (a few huge ones, or a mean that is not zero), so every permutation shows it;
    chance shows in one. The median over three or more permutations therefore raises a false alarm far more rarely than
    a single one, which does in one matrix of 200.

    Args:
        permuted: spectra of one matrix each (`count` 1), at least one, in one unit.

    Returns:
        The traps; none where no permutation has a bulk (zeros, all entries equal, fewer than 8 eigenvalues).

    Source: Martin & Hinrichs, SETOL (2025), arXiv 2507.17912: lambda(W_rand) beyond the bulk edge plus the
        Tracy-Widom fluctuation.

    Example:
        >>> import numpy as np
        >>> from eigentail.numerics import spectrum_of
        >>> noise = np.random.default_rng(0).standard_normal((1, 100, 80))
        >>> noise[0, 3, 7] = 40.0
        >>> traps_of([spectrum_of(noise)]).number
        1
    """
    found = [(spectrum, bulk) for spectrum in permuted if (bulk := fit_bulk(spectrum)).ok]
    if not found:
        return Traps()
    bulks = [bulk for _, bulk in found]
    return Traps(
        number=math.floor(statistics.median(bulk.spikes for bulk in bulks)),
        strength=statistics.median(spectrum.lambda_max / bulk.upper for spectrum, bulk in found),
        spikes=statistics.fmean(bulk.spikes for bulk in bulks),
        sigma=statistics.fmean(bulk.sigma for bulk in bulks),
        edge=statistics.fmean(bulk.upper for bulk in bulks),
    )
