"""How far alpha may be off when rows and columns of the matrix are left out."""

from __future__ import annotations

from eigentail.metrics.metric import metric
from eigentail.numerics.jackknife import Jackknife


@metric("lower end of the 90 % interval of alpha, by leaving out rows and columns")
def alpha_lo_matrix(jackknife: Jackknife) -> float:
    """Normal in ln(alpha - 1), from the jackknife's standard error."""
    return jackknife.alpha_lo


@metric("upper end of the 90 % interval of alpha, by leaving out rows and columns")
def alpha_hi_matrix(jackknife: Jackknife) -> float:
    """Normal in ln(alpha - 1), from the jackknife's standard error."""
    return jackknife.alpha_hi


METRICS = (alpha_lo_matrix, alpha_hi_matrix)
