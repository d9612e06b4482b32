"""What would be analysed, what not and why, and the cost: from the headers alone."""

from __future__ import annotations

import math

from eigentail.analysis.fetches import fetches_of
from eigentail.errors import SourceError, UsageError
from eigentail.layers import group, select
from eigentail.metrics import chosen
from eigentail.numerics.tail import estimator_named
from eigentail.records import Layer, Skip
from eigentail.records.description import Description
from eigentail.settings import Settings
from eigentail.sources import WeightSource, opened


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
    kept = _shard(selected.layers, shard)
    return Description(
        source=source.ref,
        settings=settings,
        layers=kept,
        skipped=selected.skipped,
        metrics=names,
        fetches=fetches_of(source, (spec for layer in kept for spec in layer.tensors)),
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
