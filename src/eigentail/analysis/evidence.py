"""What can be known of one layer, each thing made at most once and only when a metric asks for it."""

from __future__ import annotations

from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from eigentail.analysis.once import once
from eigentail.backends import placed
from eigentail.metrics import Metric
from eigentail.numerics import fit_tail, noise_of, spectrum_of
from eigentail.numerics.comparison import Laws, compare_laws
from eigentail.numerics.goodness import Goodness, goodness_of_fit
from eigentail.numerics.interval import Interval, interval_of
from eigentail.numerics.jackknife import Jackknife, jackknife
from eigentail.numerics.marchenko_pastur import Bulk, fit_bulk
from eigentail.numerics.noise import Noise
from eigentail.numerics.null import Null, null_by_shuffle, null_by_table
from eigentail.numerics.product import spectrum_of_product
from eigentail.numerics.shuffle import Shuffled, shuffled
from eigentail.numerics.tail import estimator_named
from eigentail.numerics.vectors import Vectors, vectors_of
from eigentail.records import NAN, Fit, Layer, Spectrum
from eigentail.records.low_rank import LowRank
from eigentail.settings import Settings
from eigentail.store import SpectrumStore, address_of

# Of a product of two thin factors random weights of its shape tell nothing, and its entries are never made.
_NOT_OF_A_PRODUCT: Final = frozenset({"null", "noise", "bulk", "shuffled", "vectors", "jackknife"})


@final
class Evidence:
    """The ingredients of every metric, by name; choosing the metrics chooses the work.

    Example:
        >>> from eigentail.analysis import describe
        >>> layer = describe({"fc.weight": np.eye(16)}).layers[0]
        >>> Evidence(layer, 2 * np.eye(16)[None], Settings()).spectrum.lambda_max
        4.0
    """

    def __init__(
        self, layer: Layer, stack: NDArray[Any] | LowRank, settings: Settings, store: SpectrumStore | None = None
    ) -> None:
        self.layer = layer
        self._given = stack
        self._settings = settings
        self._store = store
        self._scale = conv_scale(layer, settings)
        self._device = placed(settings.device, layer.flops)
        self._estimator = estimator_named(settings.tail)

    @once
    def spectrum(self) -> Spectrum:
        """The eigenvalues, in the convention for convolutions that the settings name."""
        if isinstance(self._given, LowRank):  # sooner computed than looked up
            return spectrum_of_product(self._given, scale=self._scale)
        if self._store is None:
            return self._spectrum_of(self._stack)
        address = address_of(self._stack, precision=self._settings.precision, scale=self._scale)
        spectrum = self._store.get(address)
        if spectrum is None:
            spectrum = self._spectrum_of(self._stack)
            self._store.put(address, spectrum)
        return spectrum

    @once
    def fit(self) -> Fit:
        """The tail, by the estimator that the settings name."""
        return self._fit_of(self.spectrum, self._given)

    @once
    def _fitted(self) -> NDArray[np.float64]:
        """What was fitted, body and tail: eigenvalues, or the estimator's own sample; without clipped fingers."""
        values = self._values_of(self.spectrum, self._given)
        return values[: len(values) - self.fit.fingers]

    @once
    def interval(self) -> Interval:
        """Of the exponent, the choice of xmin included."""
        return interval_of(self._fitted, self.fit, self._estimator, seed=self._settings.seed)

    @once
    def null(self) -> Null:
        """What an untrained copy of the layer would show, in the way that the settings name."""
        if isinstance(self._given, LowRank):
            return Null()
        match self._settings.null:
            case "table":
                return null_by_table(self.spectrum, self._estimator)
            case "shuffle":
                return null_by_shuffle(self.shuffled, self._estimator, fewest=self._settings.min_evals)
            case "none":
                return Null()

    @once
    def noise(self) -> Noise:
        """Whether random weights show as much."""
        return Noise() if isinstance(self._given, LowRank) else noise_of(self.spectrum)

    @once
    def bulk(self) -> Bulk:
        """The Marchenko-Pastur law of the bulk, and what stands above it."""
        return fit_bulk(self.spectrum)

    @once
    def shuffled(self) -> Shuffled:
        """The layer with its entries in random order, several times."""
        settings = self._settings
        return shuffled(
            self._stack,
            seed=settings.seed,
            replicas=settings.shuffles,
            precision=settings.precision,
            scale=self._scale,
            device=self._device,
        )

    @once
    def vectors(self) -> Vectors:
        """How localised the eigenvectors are."""
        return vectors_of(self._stack, scale=self._scale)

    @once
    def laws(self) -> Laws:
        """The power law against other laws."""
        return compare_laws(self._fitted, self.fit)

    @once
    def goodness(self) -> Goodness:
        """How often samples of the fitted law fit worse."""
        return goodness_of_fit(self._fitted, self.fit, self._estimator, seed=self._settings.seed)

    @once
    def jackknife(self) -> Jackknife:
        """The spread of the exponent when rows and columns are left out."""

        def fit(stack: NDArray[Any]) -> Fit:
            return self._fit_of(self._spectrum_of(stack), stack)

        return jackknife(self._stack, fit, seed=self._settings.seed)

    @property
    def on_scale(self) -> bool:
        """Whether the thresholds of the literature apply to the estimator that the settings name."""
        return self._estimator.on_scale

    def value(self, metric: Metric) -> float:
        """One metric of this layer; NaN where a product of two factors has none."""
        if isinstance(self._given, LowRank) and not _NOT_OF_A_PRODUCT.isdisjoint(metric.needs):
            return NAN
        return float(metric.compute(**{name: getattr(self, name) for name in metric.needs}))

    @property
    def _stack(self) -> NDArray[Any]:
        """The weights where they are there entry by entry."""
        if isinstance(self._given, LowRank):
            raise TypeError("a product of two factors has no entries")
        return self._given

    def _spectrum_of(self, stack: NDArray[Any]) -> Spectrum:
        return spectrum_of(stack, precision=self._settings.precision, scale=self._scale, device=self._device)

    def _fit_of(self, spectrum: Spectrum, stack: NDArray[Any] | LowRank) -> Fit:
        has_own = self._estimator.sample is not None and not isinstance(stack, LowRank)
        sample = self._values_of(spectrum, stack) if has_own else None
        return fit_tail(spectrum, self._estimator, fewest=self._settings.min_evals, values=sample)

    def _values_of(self, spectrum: Spectrum, stack: NDArray[Any] | LowRank) -> NDArray[np.float64]:
        if self._estimator.sample is None or isinstance(stack, LowRank):
            return spectrum.positive
        return self._estimator.sample(stack)


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
