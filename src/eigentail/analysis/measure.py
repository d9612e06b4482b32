"""One layer: bytes enter here and die here. Runs in any thread."""

from __future__ import annotations

from eigentail.analysis.evidence import Evidence
from eigentail.analysis.verdict import judge
from eigentail.errors import EigentailError, LayerError, SourceError
from eigentail.layers import matrices, read_part
from eigentail.metrics import chosen
from eigentail.records import NAN, Fit, FitStatus, Layer, LayerReport
from eigentail.settings import Settings
from eigentail.sources import WeightSource


def measure(layer: Layer, *, source: WeightSource, settings: Settings) -> LayerReport:
    """Read a layer, find its spectrum and tail, and say what they mean.

    Args:
        layer: which one.
        source: where its tensors are; it is only read.
        settings: what to measure.

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
        arrays = [source.read(spec, read_part(layer)) for spec in layer.tensors]
        seen = Evidence(layer, matrices(layer, arrays), settings)
        fit = seen.fit
    except (SourceError, LayerError) as error:
        if settings.strict:
            raise LayerError(error.what, where=layer.name, hint=error.hint) from error
        return _failed(layer, settings, error)
    values = {metric.name: seen.value(metric) for metric in chosen(settings.metrics)}
    verdict, reason = judge(layer, seen.spectrum, fit)
    return LayerReport(layer=layer, fit=fit, verdict=verdict, metrics=values, spectrum=seen.spectrum, reason=reason)


def _failed(layer: Layer, settings: Settings, error: EigentailError) -> LayerReport:
    """A report of what the header alone still tells."""
    status = FitStatus.NON_FINITE if isinstance(error, LayerError) else FitStatus.UNREADABLE
    fit = Fit(status=status, detail=str(error))
    values = {
        metric.name: metric.compute(layer) if metric.needs == ("layer",) else NAN for metric in chosen(settings.metrics)
    }
    verdict, reason = judge(layer, None, fit)
    return LayerReport(layer=layer, fit=fit, verdict=verdict, metrics=values, reason=reason)
