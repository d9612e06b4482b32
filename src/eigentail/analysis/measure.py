"""One layer: bytes enter here and die here. Runs in any thread."""

from __future__ import annotations

from typing import Any, Final, cast

from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.analysis.evidence import Evidence
from eigentail.analysis.verdict import Signs, beyond_thresholds, judge
from eigentail.errors import EigentailError, LayerError, SourceError
from eigentail.execution import LostError
from eigentail.layers import matrices, products, read_part
from eigentail.metrics import chosen
from eigentail.numerics.interval import Interval, interval_of
from eigentail.numerics.null import Null
from eigentail.numerics.phase import phase_of
from eigentail.numerics.tail import estimators, fit_tail
from eigentail.records import NAN, Fit, FitStatus, Layer, LayerReport
from eigentail.records.low_rank import LowRank
from eigentail.settings import Settings
from eigentail.sources import WeightSource
from eigentail.sources.protocol import Factored
from eigentail.store import SpectrumStore

# Whose exponents the thresholds of the literature were made for.
_OF_THE_LITERATURE: Final = "clauset"


def measure(
    layer: Layer, *, source: WeightSource, settings: Settings, store: SpectrumStore | None = None
) -> LayerReport:
    """Read a layer, find its spectrum and tail, and say what they mean.

    Args:
        layer: which one.
        source: where its tensors are; it is only read.
        settings: what to measure.
        store: asked for the spectrum first, and given it; None to compute it.

    Returns:
        The report; a layer that cannot be measured has NaN for its numbers and the reason for its verdict.

    Raises:
        LayerError: the layer cannot be measured and `settings.strict` is set.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import describe
        >>> from eigentail.sources import open_source
        >>> source = open_source({"fc.weight": np.diag([1.0] * 15 + [np.nan])})
        >>> measure(describe(source).layers[0], source=source, settings=Settings()).reason
        '1 of 256 weights are NaN or infinite'
    """
    try:
        weights = weights_of(layer, source)
        seen = Evidence(layer, weights, settings, store)
        fit = seen.fit
    except (SourceError, LayerError) as error:
        if settings.strict:
            raise LayerError(error.what, where=layer.name, hint=error.hint) from error
        return failed(layer, settings, error)
    measured = chosen(settings.metrics)
    values = {metric.name: seen.value(metric) for metric in measured}
    made = {name for metric in measured for name in metric.needs}
    told = weights.note if isinstance(weights, LowRank) else layer.tensors[0].note
    verdict, reason = judge(_signs(seen, made, settings))
    return LayerReport(
        layer=layer,
        fit=fit,
        verdict=verdict,
        metrics=values,
        spectrum=seen.spectrum,
        reason=reason,
        phase=phase_of(seen.spectrum, fit, seen.bulk) if "bulk" in made and not layer.rank else None,
        best_law=seen.laws.best if "laws" in made else "",
        device=seen.spectrum.device,
        notes=tuple(dict.fromkeys(filter(None, (told, seen.spectrum.note)))),
        quantised=layer.quantised,
    )


def weights_of(layer: Layer, source: WeightSource) -> NDArray[Any] | LowRank:
    """The matrices of a layer: entry by entry, or as the two factors that the source has of each.

    Args:
        layer: which one.
        source: where its tensors are.

    Raises:
        SourceError: they cannot be read.

    Example:
        >>> from eigentail.analysis import describe
        >>> from eigentail.sources import open_source
        >>> import numpy as np
        >>> source = open_source({"fc.lora_A.weight": np.ones((2, 16)), "fc.lora_B.weight": np.ones((32, 2))})
        >>> weights_of(describe(source).layers[0], source).shape
        (1, 32, 16)
    """
    if layer.tensors[0].rank:
        factored = cast(Factored, source)
        return products(layer, factored.factors(layer.tensors[0]))
    return matrices(layer, [source.read(spec, read_part(layer)) for spec in layer.tensors])


def _signs(seen: Evidence, made: set[str], settings: Settings) -> Signs:
    """What the verdict rests on, whatever the metrics; the rest of the evidence goes into the reason where it was made.

    Traps alone change the verdict only where some metric has paid for shuffles.
    """
    traps = seen.shuffled.num_traps if "shuffled" in made and not seen.layer.rank else 0
    signs = Signs(layer=seen.layer, fit=seen.fit, spectrum=seen.spectrum, noise=seen.noise, traps=traps)
    if not seen.on_scale:
        usual = estimators[_OF_THE_LITERATURE]
        fit = fit_tail(seen.spectrum, usual, fewest=settings.min_evals)
        is_asked = fit.ok and beyond_thresholds(fit)
        interval = interval_of(seen.spectrum.positive, fit, usual, seed=settings.seed) if is_asked else Interval()
        return replace(signs, fit=fit, interval=interval, by=f" by {_OF_THE_LITERATURE}")
    null = seen.null if "null" in made else Null()
    needs_interval = "interval" in made or beyond_thresholds(seen.fit)
    return replace(signs, null=null, interval=seen.interval if needs_interval else Interval())


def failed(layer: Layer, settings: Settings, error: EigentailError) -> LayerReport:
    """The report of a layer that could not be measured: what the header alone still tells.

    Args:
        layer: which one.
        settings: for the metrics it would have had.
        error: why.

    Example:
        >>> from eigentail.analysis import describe
        >>> import numpy as np
        >>> layer = describe({"fc.weight": np.eye(16)}).layers[0]
        >>> failed(layer, Settings(), SourceError("the disk is gone")).reason
        'the disk is gone'
    """
    status = FitStatus.NON_FINITE if isinstance(error, LayerError) else FitStatus.UNREADABLE
    status = FitStatus.LOST if isinstance(error, LostError) else status
    fit = Fit(status=status, detail=str(error))
    values = {
        metric.name: metric.compute(layer) if metric.needs == ("layer",) else NAN for metric in chosen(settings.metrics)
    }
    verdict, reason = judge(Signs(layer=layer, fit=fit))
    return LayerReport(layer=layer, fit=fit, verdict=verdict, metrics=values, reason=reason, quantised=layer.quantised)
