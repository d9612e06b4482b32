"""How many directions a layer uses, counted and weighed."""

from __future__ import annotations

import math

import numpy as np

from eigentail.metrics.metric import metric
from eigentail.records import NAN, Spectrum


@metric("eigenvalues that are not zero")
def matrix_rank(spectrum: Spectrum) -> float:
    """The rank at the precision the weights were stored in, summed over pooled matrices."""
    return float(spectrum.rank)


@metric("eigenvalues that are zero")
def rank_loss(spectrum: Spectrum) -> float:
    """The number of eigenvalues less the rank."""
    return float(len(spectrum.eigenvalues) - spectrum.rank)


@metric("entropy of the eigenvalues, 1 when all are equal")
def entropy(spectrum: Spectrum) -> float:
    """- sum p ln p / ln rank with p = lambda / sum lambda over non-zero eigenvalues; none for rank one."""
    if spectrum.rank < 2:
        return NAN
    p = spectrum.positive / spectrum.positive.sum()
    return float(-np.sum(p * np.log(p))) / math.log(spectrum.rank)


METRICS = (matrix_rank, rank_loss, entropy)
