"""The ERG (TraceLog, det X = 1) condition, and how far the power-law tail is from it."""

from __future__ import annotations

from eigentail.metrics.metric import metric
from eigentail.numerics.erg import erg_tail, relative_logs
from eigentail.records import NAN, Fit, Spectrum


@metric("eigenvalues in the ERG tail")
def num_ERG_spikes(spectrum: Spectrum) -> float:
    """The fewest largest eigenvalues, at mean one, whose product is below one (SETOL, 2507.17912).

    Zeros do not enter the mean; in WeightWatcher's they do.
    """
    return float(erg_tail(spectrum.positive)) if spectrum.rank else NAN


@metric("eigenvalues in the ERG tail less those in the power-law tail")
def ERG_gap(spectrum: Spectrum, fit: Fit) -> float:
    """num_ERG_spikes - num_pl_spikes: near 0 where alpha is near 2."""
    return float(erg_tail(spectrum.positive) - fit.tail) if fit.xmin > 0 else NAN


@metric("where the power-law tail begins less where the ERG tail does, in mean eigenvalues")
def delta_lambda_min(spectrum: Spectrum, fit: Fit) -> float:
    """(xmin - the smallest eigenvalue of the ERG tail) / mean of the positive ones (SETOL, 2507.17912).

    It goes to 0 as alpha goes to 2 from above and is negative for an over-regularised layer.
    """
    values = spectrum.positive
    if not fit.ok or len(values) == 0:
        return NAN
    relative = values / values[-1]
    return float((fit.xmin / values[-1] - relative[-erg_tail(values)]) / relative.mean())


@metric("mean of ln(lambda / mean) over the power-law tail")
def trace_log(spectrum: Spectrum, fit: Fit) -> float:
    """0 where the power-law tail fulfils the ERG condition; the mean is over non-zero eigenvalues."""
    if not fit.ok:
        return NAN
    tail = relative_logs(spectrum.positive)[spectrum.positive >= fit.xmin]
    return float(tail.mean()) if len(tail) else NAN


METRICS = (num_ERG_spikes, ERG_gap, delta_lambda_min, trace_log)
