"""What the shape of a layer says before any weight is read."""

from __future__ import annotations

from eigentail.metrics.metric import metric
from eigentail.records import Layer


@metric("the larger side of the matrix")
def N(layer: Layer) -> float:
    """The larger of rows and columns."""
    return float(layer.shape[0])


@metric("the smaller side of the matrix")
def M(layer: Layer) -> float:
    """The smaller of rows and columns."""
    return float(layer.shape[1])


@metric("aspect ratio N / M")
def Q(layer: Layer) -> float:
    """N / M, at least 1."""
    return layer.shape[0] / layer.shape[1]


@metric("matrices pooled: the kernel positions of a convolution")
def rf(layer: Layer) -> float:
    """The number of matrices whose eigenvalues are pooled ("receptive field")."""
    return float(layer.count)


@metric("number of eigenvalues, zeros included")
def num_evals(layer: Layer) -> float:
    """M times the matrices pooled."""
    return float(layer.num_evals)


METRICS = (N, M, Q, rf, num_evals)
