"""What is left when the entries change places: correlation traps, and how far the layer is from its own entries."""

from __future__ import annotations

import math
import statistics

from eigentail.metrics.metric import Scaling, metric
from eigentail.numerics.distance import density_distance, jensen_shannon
from eigentail.numerics.shuffle import Shuffled
from eigentail.records import NAN, Spectrum


@metric("correlation traps: eigenvalues that a few huge entries, or a mean, make")
def num_traps(shuffled: Shuffled) -> float:
    """Eigenvalues of the permuted matrix beyond its bulk, the median over permutations, summed over matrices."""
    return float(shuffled.num_traps)


@metric("largest eigenvalue of the permuted matrix over the edge of its bulk")
def trap_strength(shuffled: Shuffled) -> float:
    """The median over permutations, of the matrix where it is largest; about 1 without traps."""
    return shuffled.trap_strength


@metric("eigenvalues of the permuted matrix beyond its bulk")
def rand_num_spikes(shuffled: Shuffled) -> float:
    """The mean over permutations, summed over matrices: chance counts, as it does not in num_traps."""
    return math.fsum(trap.spikes for trap in shuffled.traps)


@metric("distance between the sorted eigenvalues and those of the permuted matrix")
def rand_distance(spectrum: Spectrum, shuffled: Shuffled) -> float:
    """Jensen-Shannon distance, natural logarithm, of the i-th largest eigenvalues' shares; the mean over permutations.

    WeightWatcher's quantity, of one permutation there. It compares eigenvalues rank by rank, not densities.
    """
    return statistics.fmean(jensen_shannon(spectrum.eigenvalues, one.eigenvalues) for one in shuffled.spectra)


@metric("distance between the spectral density and that of the permuted matrix")
def rand_distance_density(spectrum: Spectrum, shuffled: Shuffled) -> float:
    """Jensen-Shannon distance of base 2 (0 to 1) of histograms in log10 lambda, four bins to a decade."""
    return density_distance(spectrum, shuffled.spectra)


@metric("largest eigenvalue of the permuted matrix", Scaling(power=2))
def max_rand_eval(shuffled: Shuffled) -> float:
    """The mean over permutations; a largest of all would grow with their number."""
    return statistics.fmean(one.lambda_max for one in shuffled.spectra)


@metric("largest eigenvalue of the permuted matrix over the layer's own")
def ww_softrank(spectrum: Spectrum, shuffled: Shuffled) -> float:
    """max_rand_eval / lambda_max: near 1 for noise."""
    if spectrum.lambda_max == 0:
        return NAN
    return statistics.fmean(one.lambda_max / spectrum.lambda_max for one in shuffled.spectra)


@metric("largest eigenvalue less that of the permuted matrix", Scaling(power=2))
def ww_maxdist(spectrum: Spectrum, shuffled: Shuffled) -> float:
    """lambda_max - max_rand_eval."""
    return statistics.fmean(spectrum.lambda_max - one.lambda_max for one in shuffled.spectra)


@metric("standard deviation of the entries that make the permuted bulk", Scaling(power=1))
def rand_sigma_mp(shuffled: Shuffled) -> float:
    """From the Marchenko-Pastur law of the permuted matrix; root mean square over matrices that have a bulk."""
    variances = [trap.sigma**2 for trap in shuffled.traps if trap.sigma > 0]
    return math.sqrt(statistics.fmean(variances)) if variances else NAN


@metric("upper edge of the permuted bulk", Scaling(power=2))
def rand_bulk_max(shuffled: Shuffled) -> float:
    """The mean over permutations, and over matrices that have a bulk."""
    edges = [trap.edge for trap in shuffled.traps if trap.edge > 0]
    return statistics.fmean(edges) if edges else NAN


@metric("upper edge of the permuted bulk over the largest eigenvalue of the permuted matrix")
def rand_mp_softrank(shuffled: Shuffled) -> float:
    """1 / trap_strength: 1 without traps, towards 0 with them."""
    return 1 / shuffled.trap_strength


METRICS = (
    num_traps,
    trap_strength,
    rand_num_spikes,
    rand_distance,
    rand_distance_density,
    max_rand_eval,
    ww_softrank,
    ww_maxdist,
    rand_sigma_mp,
    rand_bulk_max,
    rand_mp_softrank,
)
