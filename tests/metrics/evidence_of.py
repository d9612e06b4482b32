"""Every metric of one matrix or stack, without the rooms that read files."""

from __future__ import annotations

import numpy as np

from eigentail.analysis.evidence import Evidence
from eigentail.metrics import metrics
from eigentail.numerics import fit_tail, noise_of
from eigentail.numerics.interval import interval_of
from eigentail.numerics.marchenko_pastur import fit_bulk
from eigentail.numerics.null import null_by_table
from eigentail.numerics.tail import estimators
from eigentail.records import Layer, Spectrum
from eigentail.settings import Settings


def layer_of(spectrum: Spectrum) -> Layer:
    """A layer of the spectrum's shape."""
    return Layer(index=0, name="w", kind="dense", block=None, tensors=(), shape=spectrum.shape, count=spectrum.count)


def values_of(spectrum: Spectrum) -> dict[str, float]:
    """The metrics that need no more than a spectrum."""
    clauset = estimators["clauset"]
    fit = fit_tail(spectrum, clauset, fewest=2)
    have = {
        "layer": layer_of(spectrum),
        "spectrum": spectrum,
        "fit": fit,
        "interval": interval_of(spectrum.positive, fit, clauset, seed=0),
        "null": null_by_table(spectrum, clauset),
        "noise": noise_of(spectrum),
        "bulk": fit_bulk(spectrum),
    }
    return {
        name: metric.compute(**{need: have[need] for need in metric.needs})
        for name, metric in metrics.items()
        if not metric.on_request
    }


def values_of_weights(stack: np.ndarray) -> dict[str, float]:
    """All registered metrics of weights, shape (count, rows, columns)."""
    shape = (max(stack.shape[1:]), min(stack.shape[1:]))
    layer = Layer(index=0, name="w", kind="dense", block=None, tensors=(), shape=shape, count=len(stack))
    seen = Evidence(layer, stack, Settings(min_evals=2, shuffles=3))
    return {name: seen.value(metric) for name, metric in metrics.items()}
