"""Every metric of one matrix or stack, without the rooms that read files."""

from __future__ import annotations

import numpy as np

from eigentail.metrics import metrics
from eigentail.numerics import fit_tail, spectrum_of
from eigentail.numerics.tail import estimators
from eigentail.records import Layer, Spectrum


def layer_of(spectrum: Spectrum) -> Layer:
    """A layer of the spectrum's shape."""
    return Layer(index=0, name="w", kind="dense", block=None, tensors=(), shape=spectrum.shape, count=spectrum.count)


def values_of(spectrum: Spectrum) -> dict[str, float]:
    """All registered metrics of a spectrum."""
    fit = fit_tail(spectrum, estimators["clauset"], fewest=2)
    have = {"layer": layer_of(spectrum), "spectrum": spectrum, "fit": fit}
    return {name: metric.compute(**{need: have[need] for need in metric.needs}) for name, metric in metrics.items()}


def values_of_weights(stack: np.ndarray) -> dict[str, float]:
    """All registered metrics of weights."""
    return values_of(spectrum_of(stack))
