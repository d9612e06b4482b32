"""SPECTRUM -> what is drawn of it: counts on a logarithmic scale, and the values at evenly spread ranks."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.records import NAN, Fit, LayerReport, Spectrum
from eigentail.reports.exhibit import Seen, rounded

BINS: Final = 120
FEWEST_BINS: Final = 8
RANKS: Final = 100
_STEPS: Final = 65535


def seen_layer(row: LayerReport) -> Seen | None:
    """The spectrum of a layer with its fit, the noise of its size, and its bulk.

    Args:
        row: of a report.

    Returns:
        None where the spectrum was not kept or has no value that is not zero.

    Example:
        >>> import eigentail as et
        >>> seen = seen_layer(et.analyze(et.example()).layers["fc2"])
        >>> sum(seen.counts) == seen.n, seen.N
        (True, 192)
    """
    if row.spectrum is None:
        return None
    seen = seen_spectrum(row.spectrum, row.fit)
    if seen is None:
        return None
    found = row.metrics
    return msgspec.structs.replace(
        seen,
        noise=_noise(row.spectrum),
        N=max(row.spectrum.shape),
        M=min(row.spectrum.shape),
        bulk=rounded(found.get("sigma_mp", NAN) ** 2),
        bulk_min=rounded(found.get("bulk_min", NAN)),
        bulk_max=rounded(found.get("bulk_max", NAN)),
    )


def seen_spectrum(spectrum: Spectrum, fit: Fit, name: str = "") -> Seen | None:
    """A spectrum and the law fitted to it.

    Args:
        spectrum: any.
        fit: of its tail.
        name: whose it is, where several are drawn together.

    Returns:
        None where no eigenvalue is positive and finite.

    Example:
        >>> from eigentail.records import FitStatus
        >>> spectrum = Spectrum(eigenvalues=np.array([0.0, 1.0, 100.0]), shape=(3, 3), rank=2)
        >>> seen = seen_spectrum(spectrum, Fit(status=FitStatus.TOO_FEW))
        >>> seen.n, seen.zeros, seen.low, seen.high
        (2, 1, 0.0, 2.0)
    """
    values = spectrum.positive
    if not len(values) or not (values[0] > 0 and math.isfinite(values[-1])):
        return None
    logs = np.log10(values)
    low, high = float(logs[0]), float(logs[-1])
    return Seen(
        name=name,
        n=len(values),
        zeros=len(spectrum.eigenvalues) - len(values),
        low=low,
        high=high,
        counts=_counts(logs),
        above=_above(logs),
        law=fit.law if fit.ok else "",
        alpha=rounded(fit.alpha),
        rate=rounded(fit.rate),
        xmin=rounded(fit.xmin),
        xmax=rounded(fit.xmax),
        tail=fit.tail,
        D=rounded(fit.D),
    )


@lru_cache(maxsize=1024)
def ranks(n: int) -> tuple[int, ...]:
    """The ranks at which a spectrum is drawn, counted from the largest value: n down to 1, even on a log scale.

    Args:
        n: positive eigenvalues, at least 1.

    Example:
        >>> ranks(3), len(ranks(10_000)) <= RANKS, ranks(10_000)[0]
        ((3, 2, 1), True, 10000)
    """
    if n <= RANKS:
        return tuple(range(n, 0, -1))
    step = math.log(n) / (RANKS - 1)
    return tuple(sorted({min(n, round(math.exp(step * i))) for i in range(RANKS)}, reverse=True))


def _counts(logs: NDArray[np.float64]) -> tuple[int, ...]:
    """How many values lie in each of equal parts of the way; about two root n parts, so that most are not empty."""
    way = logs[-1] - logs[0]
    if way == 0:
        return (len(logs),)
    bins = min(BINS, max(FEWEST_BINS, round(2 * math.sqrt(len(logs)))))
    places = np.minimum((logs - logs[0]) * (bins / way), bins - 1).astype(np.int64)
    return tuple(np.bincount(places, minlength=bins).tolist())


def _above(logs: NDArray[np.float64]) -> bytes:
    """The positions of the values at `ranks`."""
    way = float(logs[-1] - logs[0]) or 1.0
    picked = logs[len(logs) - np.array(ranks(len(logs)))]
    places: NDArray[np.uint16] = np.rint((picked - logs[0]) * (_STEPS / way)).astype("<u2")
    return places.tobytes()


def _noise(spectrum: Spectrum) -> float:
    """Variance of the entries of noise whose eigenvalues, zeros included, have the same mean."""
    mean = float(np.mean(spectrum.eigenvalues / spectrum.lambda_max)) * spectrum.lambda_max
    return rounded(mean / max(spectrum.shape))
