"""Which of the 5 + 1 phases of training a spectrum shows."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from eigentail.numerics.marchenko_pastur import Bulk
from eigentail.records import Fit, Phase, Spectrum

# Fewer eigenvalues than this cannot tell one spike from a tail.
_FEWEST: Final = 20
_COLLAPSED_ZEROS: Final = 0.1
_HEAVY_SPIKES: Final = 0.2
_HEAVY_DISTANCE: Final = 0.1
_HEAVY_TAIL: Final = 0.3
_NEAR: Final = 1.5
_FEW_NEAR: Final = 0.05
_FEW_FAR: Final = 0.1
_ISOLATED: Final = 2 / 3


def phase_of(spectrum: Spectrum, fit: Fit, bulk: Bulk) -> Phase | None:
    """The phase by numbers; the papers look at pictures, so the thresholds are this program's own.

    The first row that holds, of the rows below. Spikes are eigenvalues above `upper + margin`; a spike is far when it
    is above 1.5 `upper`; noise fits when `distance` times M is at most 1/4 + (2 + ln M / 2) / sqrt(count), which noise
    rarely passes (the tests draw it, pooled and not). M is rank / count.

    | phase | when |
    | --- | --- |
    | rank-collapse | 10 % of the eigenvalues or more are zero |
    | random-like | no spike, and noise fits |
    | None | no spike, and noise does not fit: some other law without a tail |
    | heavy-tailed | spikes are 20 % or more; or noise does not fit by 0.1 or more and the tail covers 30 % |
    | bleeding-out | noise fits; spikes are at most 5 %, and none is far |
    | bulk+spikes | noise fits; spikes are at most 10 %, and two thirds of them or more are far |
    | bulk-decay | otherwise |

    What few spikes look like is left to chance: matrices with Pareto entries of exponent 2.5 may be told bulk-decay, or
    have a few isolated spikes or a few weak ones.

    Args:
        spectrum: of one matrix, or pooled.
        fit: its tail; one that is not ok has none.
        bulk: its bulk.

    Returns:
        The phase; None also for fewer than 20 eigenvalues, for zeros, and where there is no bulk.

    Source: Martin & Mahoney, JMLR 22 (2021), section 4; the thresholds were set by simulation (see the tests).

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> from eigentail.numerics.marchenko_pastur import fit_bulk
        >>> from eigentail.records import FitStatus
        >>> noise = spectrum_of(np.random.default_rng(0).standard_normal((1, 200, 100)))
        >>> phase_of(noise, Fit(status=FitStatus.TOO_FEW), fit_bulk(noise))
        <Phase.RANDOM_LIKE: 'random-like'>
    """
    values = spectrum.positive
    if len(spectrum.eigenvalues) < _FEWEST or not len(values):
        return None
    if spectrum.rank <= (1 - _COLLAPSED_ZEROS) * len(spectrum.eigenvalues):
        return Phase.RANK_COLLAPSE
    if not bulk.ok:
        return None
    fits = _is_noise(spectrum, bulk)
    if bulk.spikes == 0:
        return Phase.RANDOM_LIKE if fits else None
    share = bulk.spikes / len(values)
    covered = fit.ok and fit.tail >= _HEAVY_TAIL * len(values)
    if share >= _HEAVY_SPIKES or (not fits and covered and bulk.distance >= _HEAVY_DISTANCE):
        return Phase.HEAVY_TAILED
    return _with_spikes(fits, share, np.count_nonzero(values > _NEAR * bulk.upper) / bulk.spikes)


def _with_spikes(fits: bool, share: float, far: float) -> Phase:
    """Told by how many of the eigenvalues are spikes, and how many of the spikes are far."""
    if fits and far == 0 and share <= _FEW_NEAR:
        return Phase.BLEEDING_OUT
    if fits and far >= _ISOLATED and share <= _FEW_FAR:
        return Phase.BULK_SPIKES
    return Phase.BULK_DECAY


def _is_noise(spectrum: Spectrum, bulk: Bulk) -> bool:
    """Whether the bulk is as near to the law as noise is: within a few spacings, fewer where matrices are pooled."""
    M = spectrum.rank / spectrum.count
    return bulk.distance * M <= 0.25 + (2 + math.log(max(M, 1.0)) / 2) / math.sqrt(spectrum.count)
