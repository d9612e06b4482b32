"""Reports made from names and shapes, or from numbers, without any weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eigentail.analysis.summary import summarise
from eigentail.layers import group
from eigentail.records import (
    Fit,
    FitStatus,
    Layer,
    LayerReport,
    LayerTable,
    ModelReport,
    SourceRef,
    TensorSpec,
    Verdict,
)
from eigentail.settings import Settings

Shapes = Mapping[str, tuple[int, ...]]


def headed(shapes: Shapes, settings: Settings = Settings()) -> ModelReport:
    """A model of which only the header is known: its layers are found as in a file, and none has a number."""
    specs = [TensorSpec(name=name, shape=shape, dtype="float32", nbytes=0) for name, shape in shapes.items()]
    fit = Fit(status=FitStatus.TOO_FEW)
    rows = [LayerReport(layer=layer, fit=fit, verdict=Verdict.TOO_SMALL, metrics={}) for layer in group(specs).layers]
    return bound(rows, settings)


def numbered(rows: Sequence[Mapping[str, float]], *, kind: str = "dense", blocks: bool = True) -> ModelReport:
    """A model of layers of one shape, each with the metrics given; alpha is needed."""
    made = []
    for index, metrics in enumerate(rows):
        name = f"layers.{index}.fc" if blocks else f"fc{index}"
        layer = Layer(
            index=index, name=name, kind=kind, block=index if blocks else None, tensors=(), shape=(64, 64)
        )  # fmt: skip
        fit = Fit(status=FitStatus.OK, alpha=metrics["alpha"])
        made.append(LayerReport(layer=layer, fit=fit, verdict=Verdict.WELL_TRAINED, metrics=metrics))
    return bound(made, Settings())


def bound(rows: Sequence[LayerReport], settings: Settings) -> ModelReport:
    """The rows as a report."""
    return ModelReport(
        source=SourceRef("safetensors", "/models/made.safetensors"),
        settings=settings,
        layers=LayerTable(rows),
        skipped=(),
        summary=summarise(rows, 0, settings),
        versions={},
    )
