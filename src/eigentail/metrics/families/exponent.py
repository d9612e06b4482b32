"""The tail's exponent and what is built on it."""

from __future__ import annotations

import math

import numpy as np

from eigentail.metrics.metric import Scaling, metric
from eigentail.records import NAN, Fit, Spectrum


@metric("exponent of the power-law tail")
def alpha(fit: Fit) -> float:
    """rho(lambda) ~ lambda^-alpha for lambda >= xmin (Martin & Mahoney 2021, section 3)."""
    return fit.alpha


@metric("alpha times log10 of the largest eigenvalue", Scaling(per_decade="2alpha"))
def alpha_weighted(fit: Fit, spectrum: Spectrum) -> float:
    """Alpha-hat: alpha log10 lambda_max (Martin, Peng & Mahoney, Nature Communications 2021, equation 3)."""
    return fit.alpha * math.log10(spectrum.lambda_max) if fit.ok else NAN


@metric("log10 of the alpha-Schatten norm to the power alpha", Scaling(per_decade="2alpha"))
def log_alpha_norm(fit: Fit, spectrum: Spectrum) -> float:
    """log10 sum lambda^alpha over the whole spectrum, summed relative to its largest term: no exponent overflows."""
    if not fit.ok:
        return NAN
    powers = fit.alpha * np.log(spectrum.positive / spectrum.lambda_max)
    largest = float(powers.max())  # 0, but for the negative exponents that a truncated law may have
    relative = largest + math.log(float(np.sum(np.exp(powers - largest))))
    return fit.alpha * math.log10(spectrum.lambda_max) + relative / math.log(10)


@metric("standard error of alpha for independent samples")
def sigma(fit: Fit) -> float:
    """(alpha - 1) / sqrt(tail)."""
    return fit.sigma


@metric("Kolmogorov-Smirnov distance between tail and power law")
def D(fit: Fit) -> float:
    """The distance at the chosen xmin."""
    return fit.D


@metric("where the tail begins", Scaling(power=2))
def xmin(fit: Fit) -> float:
    """The smallest eigenvalue of the tail."""
    return fit.xmin


@metric("the largest eigenvalue fitted", Scaling(power=2))
def xmax(fit: Fit) -> float:
    """The largest eigenvalue of the tail."""
    return fit.xmax


@metric("eigenvalues in the tail")
def num_pl_spikes(fit: Fit) -> float:
    """The number of eigenvalues at or above xmin."""
    return float(fit.tail) if fit.xmin > 0 else NAN


@metric("Hill estimate of alpha on the upper half of the spectrum")
def alpha_hill(spectrum: Spectrum) -> float:
    """1 + k / sum ln(lambda_(n-i+1) / lambda_(n-k)), k = n/2, over non-zero eigenvalues (TempBalance, 2312.00359).

    Comparable only between matrices of equal aspect ratio: noise alone gives 2.1 at Q = 1 and 4.5 at Q = 8.
    """
    values = spectrum.positive
    k = len(values) // 2
    if k < 1:
        return NAN
    logs = np.log(values / values[-1])
    total = float(np.sum(logs[-k:] - logs[-k - 1])) if len(values) > k else 0.0
    return 1 + k / total if total > 0 else NAN


METRICS = (alpha, alpha_weighted, log_alpha_norm, sigma, D, xmin, xmax, num_pl_spikes, alpha_hill)
