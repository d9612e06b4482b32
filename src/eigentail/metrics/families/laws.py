"""How the power law stands against other laws, and how plausible it is by itself."""

from __future__ import annotations

from typing import Final

from eigentail.metrics.metric import Metric, Scaling, metric
from eigentail.numerics.comparison import Laws
from eigentail.numerics.goodness import Goodness

_NEVER: Final = "Never positive: the power law is "
# Column -> the law's registered name, its name in words, how R and p are to be read.
_OTHERS: Final = {
    "lognormal": ("lognormal", "lognormal", _NEVER + "a limit of the other", "Vuong's test."),
    "exponential": ("exponential", "exponential", "Positive: the power law is more likely", "Vuong's test."),
    "truncated": (
        "truncated_power_law",
        "power law with cutoff",
        _NEVER + "the one without cutoff",
        "Chi-square with one degree of freedom, as the laws are nested.",
    ),
    "stretched": ("stretched_exponential", "stretched exponential", _NEVER + "a limit of the other", "Vuong's test."),
}


def _pair(column: str) -> tuple[Metric, Metric]:
    """The ratio of the power law against one other, and its p-value."""
    name, words, ratio, p_value = _OTHERS[column]
    title = f"log-likelihood ratio of power law against {words}"

    def R(laws: Laws) -> float:
        return laws.of(name).R

    def p(laws: Laws) -> float:
        return laws.of(name).p

    R.__doc__, p.__doc__ = f"{ratio} (Clauset, Shalizi & Newman 2009, section 5).", p_value
    return (
        Metric(name=f"R_{column}", title=title, scaling=Scaling(), needs=("laws",), compute=R),
        Metric(name=f"p_{column}", title=f"p-value of R_{column}", scaling=Scaling(), needs=("laws",), compute=p),
    )


@metric("p-value of the power law by bootstrap")
def gof_p(goodness: Goodness) -> float:
    """The share of samples drawn from the fit that fit worse; reject below 0.1."""
    return goodness.p


METRICS = (*(found for column in _OTHERS for found in _pair(column)), gof_p)
