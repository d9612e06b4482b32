"""How far the exponent can be trusted: its interval, and what untrained weights of the same shape would show."""

from __future__ import annotations

from eigentail.metrics.metric import Scaling, metric
from eigentail.numerics.interval import Interval
from eigentail.numerics.noise import Noise
from eigentail.numerics.null import Null
from eigentail.records import Fit, Spectrum


@metric("lower end of the 90 % interval of alpha")
def alpha_lo(interval: Interval) -> float:
    """Semi-parametric bootstrap, xmin chosen anew each time (Clauset, Shalizi & Newman 2009, section 4.1)."""
    return interval.low


@metric("upper end of the 90 % interval of alpha")
def alpha_hi(interval: Interval) -> float:
    """See `alpha_lo`."""
    return interval.high


@metric("alpha of untrained weights of the shape: the median")
def alpha_null(null: Null) -> float:
    """Half of all untrained matrices of this shape show a larger one."""
    return null.alpha.median


@metric("alpha of untrained weights of the shape: the standard deviation")
def alpha_null_sd(null: Null) -> float:
    """The null of alpha is skewed: use alpha_p."""
    return null.alpha.sd


@metric("distance of alpha from its null, in deviations of its side")
def alpha_z(null: Null, fit: Fit) -> float:
    """(alpha - median) over the distance from the median to the 16 % or 84 % point, whichever is on its side."""
    return null.alpha.z(fit.alpha)


@metric("share of untrained weights with an alpha this low")
def alpha_p(null: Null, fit: Fit) -> float:
    """Empirical, from quantiles; never below the smallest that was simulated (0.001 in the table)."""
    return null.alpha.below(fit.alpha)


@metric("D of untrained weights of the shape: the median")
def D_null(null: Null) -> float:
    """Half of all untrained matrices of this shape show a larger one."""
    return null.D.median


@metric("largest eigenvalue of untrained weights of the shape and norm", Scaling(power=2))
def lambda_max_null(null: Null, spectrum: Spectrum) -> float:
    """The median over untrained matrices of the layer's own Frobenius norm."""
    return null.lambda_max.median * float(spectrum.eigenvalues.mean())


@metric("stable rank of untrained weights of the shape: the median")
def stable_rank_null(null: Null, spectrum: Spectrum) -> float:
    """The number of eigenvalues over the median of lambda_max / mean."""
    return len(spectrum.eigenvalues) / null.lambda_max.median


@metric("share of untrained weights with a spectrum as far from noise")
def noise_p(noise: Noise) -> float:
    """Largest eigenvalue, second moment and distance to the Marchenko-Pastur law, the smallest p times three."""
    return noise.p


METRICS = (
    alpha_lo,
    alpha_hi,
    alpha_null,
    alpha_null_sd,
    alpha_z,
    alpha_p,
    D_null,
    lambda_max_null,
    stable_rank_null,
    noise_p,
)
