"""Norms of the weights, from the spectrum. A matrix of zeros has none of the logarithms."""

from __future__ import annotations

import math

from eigentail.metrics.metric import Scaling, metric
from eigentail.records import NAN, Spectrum


@metric("log10 of the squared Frobenius norm", Scaling(per_decade=2.0))
def log_norm(spectrum: Spectrum) -> float:
    """log10 sum lambda (Martin, Peng & Mahoney, Nature Communications 2021, equation 1)."""
    return _log10(float(spectrum.eigenvalues.sum()))


@metric("log10 of the squared spectral norm", Scaling(per_decade=2.0))
def log_spectral_norm(spectrum: Spectrum) -> float:
    """log10 lambda_max."""
    return _log10(spectrum.lambda_max)


@metric("the largest eigenvalue, the squared spectral norm", Scaling(power=2))
def lambda_max(spectrum: Spectrum) -> float:
    """The largest eigenvalue of W^T W."""
    return spectrum.lambda_max


@metric("squared Frobenius norm over squared spectral norm")
def stable_rank(spectrum: Spectrum) -> float:
    """The sum of the eigenvalues over the largest, between 1 and the number of eigenvalues."""
    return float(spectrum.eigenvalues.sum()) / spectrum.lambda_max if spectrum.rank else NAN


METRICS = (log_norm, log_spectral_norm, lambda_max, stable_rank)


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else NAN
