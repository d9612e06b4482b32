"""What would be analysed, what not and why, and the cost: from the headers alone."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from eigentail.errors import SourceError, UsageError
from eigentail.layers import group, select
from eigentail.metrics import chosen
from eigentail.numerics.tail import estimator_named
from eigentail.records import Layer, Skip, SourceRef
from eigentail.settings import Settings
from eigentail.sources import WeightSource, opened
from eigentail.sources.targets import short_name


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The work, before it is done.

    Attributes:
        source: where the weights are.
        settings: how they would be measured.
        layers: what would be measured, in model order.
        skipped: what would not, each with its reason.
        metrics: the numbers each layer would get.
        stored: bytes of all tensors there are, read or not.
        origin: where they come from ("org/name@0123456"), or "" for this machine.
        shard: (i, n): part i of n of the layers of the model.

    Example:
        >>> import numpy as np
        >>> work = describe({"fc.weight": np.ones((64, 32)), "fc.bias": np.ones(64)})
        >>> [layer.name for layer in work.layers], [skip.name for skip in work.skipped], work.nbytes
        (['fc'], ['fc.bias'], 16384)
    """

    source: SourceRef
    settings: Settings
    layers: tuple[Layer, ...]
    skipped: tuple[Skip, ...]
    metrics: tuple[str, ...]
    stored: int = 0
    origin: str = ""
    shard: tuple[int, int] = (0, 1)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors that would be read, each counted once."""
        read = {spec.name: spec.nbytes for layer in self.layers for spec in layer.tensors}
        return sum(read.values())

    @property
    def flops(self) -> float:
        """Floating-point operations of the exact spectra."""
        return sum(layer.flops for layer in self.layers)

    def __repr__(self) -> str:
        from eigentail.reports import description_page, render  # as the methods of ModelReport

        return render(description_page(self), "brief")

    def _repr_html_(self) -> str:
        from eigentail.reports import description_page, render

        return render(description_page(self), "notebook")

    def to_pandas(self) -> Any:
        """The layers as a pandas DataFrame, one row each.

        Raises:
            UsageError: pandas is not installed.
        """
        from eigentail.reports import description_page, to_pandas

        return to_pandas(description_page(self))


def describe(target: object, settings: Settings = Settings(), *, shard: tuple[int, int] = (0, 1)) -> Description:
    """Say what `analyze` would do, without reading a weight.

    Args:
        target: a file, a folder, or a live object: a module, a state dict, a mapping of arrays.
        settings: what to measure.
        shard: (i, n): of the layers, dearest first, every n-th from the i-th on.

    Returns:
        The layers, the skips and the cost.

    Raises:
        SourceError: the target cannot be read or holds no matrix large enough.
        UsageError: an unknown metric or estimator, or a pattern that matches nothing.

    Example:
        >>> import numpy as np
        >>> describe({"fc.weight": np.ones((64, 32))}).layers[0].shape
        (64, 32)
    """
    with opened(target) as source:
        return described(source, settings, shard)


def described(source: WeightSource, settings: Settings, shard: tuple[int, int] = (0, 1)) -> Description:
    """The description of a source that is already open; see `describe`.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources import open_source
        >>> "alpha" in described(open_source({"fc.weight": np.ones((64, 32))}), Settings()).metrics
        True
    """
    estimator_named(settings.tail)  # an unknown word is told before any work is done
    names = tuple(metric.name for metric in chosen(settings.metrics))
    found = group(source.tensors(), source.config)
    selected = select(found, settings)
    if not selected.layers:
        raise SourceError("no layer to analyse", where=source.ref.target, hint=_why_none(selected.skipped))
    return Description(
        source=source.ref,
        settings=settings,
        layers=_shard(selected.layers, shard),
        skipped=selected.skipped,
        metrics=names,
        stored=sum(spec.nbytes for spec in source.tensors() if not spec.tied_to),
        origin=short_name(source.ref.target),
        shard=shard,
    )


def dearest_first(layers: tuple[Layer, ...]) -> list[Layer]:
    """The order of work: the longest first, so that the end is not spent waiting for one.

    Example:
        >>> dearest_first(())
        []
    """
    return sorted(layers, key=lambda layer: (-layer.flops, layer.index))


def _shard(layers: tuple[Layer, ...], shard: tuple[int, int]) -> tuple[Layer, ...]:
    i, n = shard
    if not 0 <= i < n:
        raise UsageError(f"shard {i} of {n}", hint="shards are counted from 0")
    return tuple(sorted(dearest_first(layers)[i::n], key=lambda layer: layer.index))


def _why_none(skipped: tuple[Skip, ...]) -> str:
    """The most telling reason: that of the largest tensor left out."""
    if not skipped:
        return "the file holds no tensors"
    largest = max(skipped, key=lambda skip: math.prod(skip.shape))
    size = "x".join(map(str, largest.shape)) or "scalar"
    return f"{len(skipped)} tensors were skipped; the largest, {largest.name} ({size}): {largest.reason}"
