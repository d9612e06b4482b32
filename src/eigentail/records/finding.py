"""What one matrix shows: its spectrum, the tail fitted to it, how the fit ended and what that says."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAN: Final = float("nan")


class FitStatus(StrEnum):
    """How a fit ended. `sentence` says it to the user; only `ok` carries numbers.

    Example:
        >>> FitStatus.FLAT.sentence
        'all eigenvalues are equal: an orthogonal or identity matrix has no tail'
    """

    OK = "ok"
    TOO_FEW = "too-few"
    FLAT = "flat"
    RANK_ONE = "rank-one"
    ZERO = "zero"
    NON_FINITE = "non-finite"
    UNREADABLE = "unreadable"
    LOST = "lost"

    @property
    def sentence(self) -> str:
        """What happened, in plain words."""
        return _SENTENCES[self]

    @property
    def is_failure(self) -> bool:
        """Whether the layer could not be measured at all, as opposed to having been measured and found odd."""
        return self in (FitStatus.NON_FINITE, FitStatus.UNREADABLE, FitStatus.LOST)


_SENTENCES: Final = {
    FitStatus.OK: "a power law was fitted to the tail",
    FitStatus.TOO_FEW: "too few non-zero eigenvalues for a fit",
    FitStatus.FLAT: "all eigenvalues are equal: an orthogonal or identity matrix has no tail",
    FitStatus.RANK_ONE: "one eigenvalue is all there is: the matrix has rank one",
    FitStatus.ZERO: "every weight is zero",
    FitStatus.NON_FINITE: "some weights are NaN, infinite, or beyond what float64 can square",
    FitStatus.UNREADABLE: "the tensor could not be read",
    FitStatus.LOST: "its worker died every time it was measured",
}


class Verdict(StrEnum):
    """What the numbers say about a layer, in the literature's words.

    Example:
        >>> Verdict("well-trained").name
        'WELL_TRAINED'
    """

    WELL_TRAINED = "well-trained"
    UNDER_TRAINED = "under-trained"
    OVER_TRAINED = "over-trained"
    UNTRAINED = "untrained"
    TOO_SMALL = "too-small"
    NOT_POWER_LAW = "not-power-law"
    UNDECIDED = "undecided"
    RANK_COLLAPSE = "rank-collapse"
    TRAP = "trap"
    FAILED = "failed"


class Phase(StrEnum):
    """The phases of Martin & Mahoney, from an untrained matrix to a collapsed one. `sentence` says it to the user.

    Source: Martin & Mahoney, JMLR 22 (2021), section 4.

    Example:
        >>> Phase("bulk+spikes").sentence
        'noise with a few isolated eigenvalues far above its edge'
    """

    RANDOM_LIKE = "random-like"
    BLEEDING_OUT = "bleeding-out"
    BULK_SPIKES = "bulk+spikes"
    BULK_DECAY = "bulk-decay"
    HEAVY_TAILED = "heavy-tailed"
    RANK_COLLAPSE = "rank-collapse"

    @property
    def sentence(self) -> str:
        """What the spectrum looks like, in plain words."""
        return _PHASES[self]


_PHASES: Final = {
    Phase.RANDOM_LIKE: "the spectrum is that of noise",
    Phase.BLEEDING_OUT: "noise with a few eigenvalues that hug its edge from above",
    Phase.BULK_SPIKES: "noise with a few isolated eigenvalues far above its edge",
    Phase.BULK_DECAY: "noise whose upper edge decays into a tail",
    Phase.HEAVY_TAILED: "a tail makes up the spectrum, and noise does not describe the rest",
    Phase.RANK_COLLAPSE: "a large part of the eigenvalues is zero",
}


class Spectrum(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The eigenvalues of W^T W: squared singular values, not divided by N.

    Attributes:
        eigenvalues: ascending, float64, read-only, zeros included; shape (n,).
        shape: (N, M) of one matrix.
        count: the number of matrices pooled.
        rank: how many eigenvalues are not zero at the stored precision.
        precision: of the computation ("float64" or "float32").
        stored: the dtype the weights were stored in.
        scale: the factor every eigenvalue was multiplied by (the convolution convention).
        device: where it was computed: "cpu", or the name of a card ("cuda:0").
        note: why it was not computed where that was asked for, or "".

    Example:
        >>> import numpy as np
        >>> spectrum = Spectrum(eigenvalues=np.array([0.0, 1.0, 4.0]), shape=(4, 3), rank=2)
        >>> spectrum.positive.tolist(), spectrum.lambda_max
        ([1.0, 4.0], 4.0)
    """

    eigenvalues: NDArray[np.float64]
    shape: tuple[int, int]
    rank: int
    count: int = 1
    precision: str = "float64"
    stored: str = "float64"
    scale: float = 1.0
    device: str = "cpu"
    note: str = ""

    @property
    def positive(self) -> NDArray[np.float64]:
        """The eigenvalues that are not zero, ascending."""
        return self.eigenvalues[len(self.eigenvalues) - self.rank :]

    @property
    def lambda_max(self) -> float:
        """The largest eigenvalue, the squared spectral norm."""
        return float(self.eigenvalues[-1])


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A power law rho(x) ~ x^-alpha on x >= xmin, or the reason why there is none. NaN unless the status is ok.

    Attributes:
        status: how the fit ended.
        law: the law fitted.
        alpha: exponent of the density.
        sigma: the standard error of alpha for independent samples; of a power law, (alpha - 1) / sqrt(tail).
        xmin: where the tail begins, in units of the eigenvalues; NaN where the estimator took a sample of its own.
        xmax: the largest value fitted.
        D: the Kolmogorov-Smirnov distance between tail and law.
        tail: the number of eigenvalues at or above xmin.
        rate: of the exponential cutoff e^(-rate x), per unit of the eigenvalues; NaN for a law that has none.
        fingers: how many of the largest values were left out before the fit.
        raw_alpha: the exponent with nothing left out; NaN where the estimator never leaves anything out.
        detail: more about a failure than the status says ("3 of 4096 values").

    Example:
        >>> Fit(status=FitStatus.ZERO).alpha
        nan
    """

    status: FitStatus
    law: str = "power_law"
    alpha: float = NAN
    sigma: float = NAN
    xmin: float = NAN
    xmax: float = NAN
    D: float = NAN
    tail: int = 0
    rate: float = NAN
    fingers: int = 0
    raw_alpha: float = NAN
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a number to use."""
        return self.status is FitStatus.OK
