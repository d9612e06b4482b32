"""How the power law stands against other laws, and how plausible it is by itself."""

from __future__ import annotations

from eigentail.metrics.metric import metric
from eigentail.numerics.comparison import Laws
from eigentail.numerics.goodness import Goodness


@metric("log-likelihood ratio of power law against lognormal")
def R_lognormal(laws: Laws) -> float:
    """Positive: the power law is more likely (Clauset, Shalizi & Newman 2009, section 5)."""
    return laws.of("lognormal").R


@metric("p-value of R_lognormal")
def p_lognormal(laws: Laws) -> float:
    """Vuong's test."""
    return laws.of("lognormal").p


@metric("log-likelihood ratio of power law against exponential")
def R_exponential(laws: Laws) -> float:
    """Positive: the power law is more likely."""
    return laws.of("exponential").R


@metric("p-value of R_exponential")
def p_exponential(laws: Laws) -> float:
    """Vuong's test."""
    return laws.of("exponential").p


@metric("log-likelihood ratio of power law against power law with cutoff")
def R_truncated(laws: Laws) -> float:
    """Never positive: the power law is the one without cutoff."""
    return laws.of("truncated_power_law").R


@metric("p-value of R_truncated")
def p_truncated(laws: Laws) -> float:
    """Chi-square with one degree of freedom, as the laws are nested."""
    return laws.of("truncated_power_law").p


@metric("log-likelihood ratio of power law against stretched exponential")
def R_stretched(laws: Laws) -> float:
    """Never positive: the power law is a limit of the other."""
    return laws.of("stretched_exponential").R


@metric("p-value of R_stretched")
def p_stretched(laws: Laws) -> float:
    """Vuong's test."""
    return laws.of("stretched_exponential").p


@metric("p-value of the power law by bootstrap")
def gof_p(goodness: Goodness) -> float:
    """The share of samples drawn from the fit that fit worse; reject below 0.1."""
    return goodness.p


METRICS = (
    R_lognormal,
    p_lognormal,
    R_exponential,
    p_exponential,
    R_truncated,
    p_truncated,
    R_stretched,
    p_stretched,
    gof_p,
)
