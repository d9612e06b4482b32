"""Small nets for the tests of the river."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from eigentail.errors import SourceError
from eigentail.records import LayerReport, ModelReport, SourceRef, TensorSpec
from eigentail.sources import WeightSource, open_source


def heavy(rows: int, columns: int, seed: int, dtype: str = "float32") -> np.ndarray:
    """Weights with a power-law spectrum: no verdict on them is "untrained"."""
    rng = np.random.default_rng(seed)
    n = min(rows, columns)
    left, right = (np.linalg.qr(rng.standard_normal((side, n)))[0] for side in (rows, columns))
    singular = (1 - (np.arange(n) + 0.5) / n) ** (-0.5 / 1.8)
    return ((left * singular) @ right.T).astype(dtype)


def mlp() -> dict[str, np.ndarray]:
    """Three matrices that can be judged, one that is too small, and vectors."""
    return {
        "fc1.weight": heavy(96, 64, 1),
        "fc1.bias": np.zeros(96, np.float32),
        "fc2.weight": heavy(80, 96, 2),
        "fc3.weight": heavy(60, 80, 3),
        "head.weight": heavy(10, 60, 4),
    }


def convnet() -> dict[str, np.ndarray]:
    """A convolution and a dense layer."""
    kernel = np.random.default_rng(0).standard_normal((32, 16, 3, 3)).astype(np.float32)
    return {"conv.weight": kernel, "fc.weight": heavy(64, 64, 1)}


@final
class Wrapped:
    """A source that reads as another does, but for what is put in its way."""

    def __init__(self, weights: Mapping[str, np.ndarray], before: Callable[[str], None]) -> None:
        self._inner, self._before = open_source(weights), before
        self.closed = False

    @property
    def ref(self) -> SourceRef:
        """That of the source inside."""
        return self._inner.ref

    @property
    def config(self) -> Mapping[str, Any]:
        """That of the source inside."""
        return self._inner.config

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Those of the source inside."""
        return self._inner.tensors()

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> Any:
        """What the source inside reads, if nothing is in the way."""
        self._before(spec.name)
        return self._inner.read(spec, part)

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def unreadable(name: str) -> WeightSource:
    """The MLP with one tensor that cannot be read."""

    def fail(wanted: str) -> None:
        if wanted == name:
            raise SourceError("the disk is gone", where="net.bin", hint="plug it in")

    return Wrapped(mlp(), fail)


def numbers(report: ModelReport) -> dict[str, dict[str, float]]:
    """Every metric of every layer."""
    return {row.name: dict(row.metrics) for row in report.layers}


def essence(row: LayerReport) -> tuple[object, ...]:
    """What must be equal when two reports of a layer are the same, NaN and all."""
    spectrum = None if row.spectrum is None else row.spectrum.eigenvalues.tobytes()
    return (row.name, repr(row.fit), row.verdict, repr(dict(row.metrics)), row.reason, spectrum)
