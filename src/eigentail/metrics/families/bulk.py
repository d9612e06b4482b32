"""What noise explains of a spectrum: the Marchenko-Pastur bulk, its edges, and what stands above."""

from __future__ import annotations

from eigentail.metrics.metric import Scaling, metric
from eigentail.numerics.marchenko_pastur import Bulk
from eigentail.records import NAN, Spectrum


@metric("standard deviation of the entries that explain the bulk", Scaling(power=1))
def sigma_mp(bulk: Bulk) -> float:
    """Of the weights as they are measured; WeightWatcher's is of weights scaled to a mean eigenvalue of one."""
    return bulk.sigma


@metric("upper edge of the bulk", Scaling(power=2))
def bulk_max(bulk: Bulk) -> float:
    """sigma^2 (sqrt N + sqrt M)^2, N and M less the spikes, in units of the eigenvalues."""
    return bulk.upper


@metric("lower edge of the bulk", Scaling(power=2))
def bulk_min(bulk: Bulk) -> float:
    """sigma^2 (sqrt N - sqrt M)^2, N and M less the spikes; 0 for square matrices."""
    return bulk.lower


@metric("eigenvalues above the bulk's edge and its Tracy-Widom margin")
def num_spikes(bulk: Bulk) -> float:
    """Tracy-Widom margin included; noise shows one in fewer than 1 of 100 layers."""
    return float(bulk.spikes) if bulk.ok else NAN


@metric("upper edge of the bulk over the largest eigenvalue")
def mp_softrank(bulk: Bulk, spectrum: Spectrum) -> float:
    """Near 1 for noise, near 0 for a heavy tail (Martin & Mahoney, JMLR 22 (2021), section 3).

    Not cut at 1: the largest eigenvalue of noise lies on average 1.2 Tracy-Widom scales below the edge (5 % at
    M = 128), and what is above 1 says so.
    """
    return bulk.upper / spectrum.lambda_max if bulk.ok else NAN


@metric("Kolmogorov-Smirnov distance between the bulk and the Marchenko-Pastur law")
def mp_distance(bulk: Bulk) -> float:
    """Over the positive eigenvalues that are no spikes; noise is within 3 / M at M = 64, 4 / M at M = 2048."""
    return bulk.distance


METRICS = (sigma_mp, bulk_max, bulk_min, num_spikes, mp_softrank, mp_distance)
