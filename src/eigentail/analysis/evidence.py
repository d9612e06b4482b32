"""What can be known of one layer, each thing made at most once and only when a metric asks for it."""

from __future__ import annotations

from typing import Any, final

from numpy.typing import NDArray

from eigentail.metrics import Metric
from eigentail.numerics import fit_tail, spectrum_of
from eigentail.numerics.tail import estimators
from eigentail.records import Fit, Layer, Spectrum
from eigentail.settings import Settings


@final
class Evidence:
    """The ingredients of every metric, by name; choosing the metrics chooses the work.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import describe
        >>> layer = describe({"fc.weight": np.eye(16)}).layers[0]
        >>> Evidence(layer, 2 * np.eye(16)[None], Settings()).spectrum.lambda_max
        4.0
    """

    def __init__(self, layer: Layer, stack: NDArray[Any], settings: Settings) -> None:
        self.layer = layer
        self._stack = stack
        self._settings = settings
        self._spectrum: Spectrum | None = None
        self._fit: Fit | None = None

    # Not functools.cached_property: up to Python 3.11 it holds one lock for all instances while it computes, and
    # threads would measure one layer at a time.
    @property
    def spectrum(self) -> Spectrum:
        """The eigenvalues, in the convention for convolutions that the settings name."""
        if self._spectrum is None:
            scale = conv_scale(self.layer, self._settings)
            self._spectrum = spectrum_of(self._stack, precision=self._settings.precision, scale=scale)
        return self._spectrum

    @property
    def fit(self) -> Fit:
        """The tail, by the estimator that the settings name."""
        if self._fit is None:
            self._fit = fit_tail(self.spectrum, estimators[self._settings.tail], fewest=self._settings.min_evals)
        return self._fit

    def value(self, metric: Metric) -> float:
        """One metric of this layer."""
        return float(metric.compute(**{name: getattr(self, name) for name in metric.needs}))


def conv_scale(layer: Layer, settings: Settings) -> float:
    """The factor on a layer's eigenvalues.

    `weightwatcher` multiplies convolution weights by sqrt(1/2) when the kernel positions are pooled (or flattened),
    and by sqrt(positions/2) when each is a matrix of its own; `paper` multiplies every matrix, dense ones too, by
    sqrt(positions/2).

    Source: Martin, Peng & Mahoney 2021, supplementary notes; WeightWatcher's `conv2d_norm`.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import describe
        >>> conv_scale(describe({"conv.weight": np.ones((16, 16, 3, 3))}).layers[0], Settings())
        0.5
    """
    is_conv = layer.kind == "conv"
    if settings.conv_scale == "none" or (settings.conv_scale == "weightwatcher" and not is_conv):
        return 1.0
    if settings.conv_scale == "weightwatcher" and settings.conv != "per-slice":
        return 0.5
    return _positions(layer) / 2


def _positions(layer: Layer) -> int:
    """Kernel positions of the tensor: the axes behind the first two, 1 for a dense matrix."""
    positions = 1
    if layer.kind == "conv":
        for size in layer.tensors[0].shape[2:]:
            positions *= size
    return positions
