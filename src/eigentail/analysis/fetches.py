"""What an analysis reads of sources that are not on this machine: told before a byte of weights is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eigentail.records import TensorSpec
from eigentail.records.description import Fetch
from eigentail.sources import WeightSource
from eigentail.sources.targets import DELTA, SUM, short_name

if TYPE_CHECKING:
    from eigentail.sources.adapters.merged import Merged
    from eigentail.sources.delta import Delta


def fetches_of(source: WeightSource, specs: Iterable[TensorSpec]) -> tuple[Fetch, ...]:
    """What is read of a source; of each of its parts, where it is made of several.

    Args:
        source: open.
        specs: those of its tensors that are read.

    Returns:
        One for each place that is not on this machine.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources import open_source
        >>> source = open_source({"fc.weight": np.eye(2)})
        >>> fetches_of(source, source.tensors())
        ()
    """
    wanted = {spec.name for spec in specs}
    if source.ref.format in (SUM, DELTA):
        parts = _of_parts(source, wanted)
        if parts is not None:
            return parts
    origin = short_name(source.ref.target)
    if not origin:
        return ()
    every = [spec for spec in source.tensors() if not spec.tied_to]
    read = [spec for spec in source.tensors() if spec.name in wanted]
    return (Fetch(origin, sum(spec.nbytes for spec in read), sum(spec.nbytes for spec in every)),)


def _of_parts(source: WeightSource, wanted: set[str]) -> tuple[Fetch, ...] | None:
    """What is read of each of the sources that this one is made of; None where it is not made of several."""
    from eigentail.sources.adapters.merged import Merged
    from eigentail.sources.delta import Delta

    if isinstance(source, Merged):
        own = (spec for spec in source.base.tensors() if spec.name in wanted)
        return *fetches_of(source.base, own), *_added(source, wanted)
    return fetches_of_both(source, wanted) if isinstance(source, Delta) else None


def fetches_of_both(delta: Delta, names: Iterable[str]) -> tuple[Fetch, ...]:
    """What is read of two sources that are held against each other.

    Args:
        delta: of the two; where the other is the base with an adapter, the base is read, and told of, twice.
        names: of the tensors that are read, as the base has them.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources import open_source
        >>> from eigentail.sources.delta import Delta
        >>> source = open_source({"fc.weight": np.eye(2)})
        >>> fetches_of_both(Delta(source, source), ["fc.weight"])
        ()
    """
    wanted = set(names)
    pairs = [pair for pair in delta.pairs if pair.base.name in wanted]
    one, two = [pair.base for pair in pairs], [pair.other for pair in pairs]
    return *fetches_of(delta.base, one), *fetches_of(delta.other, two)


def _added(merged: Merged, wanted: set[str]) -> tuple[Fetch, ...]:
    """What is read of the adapters: of the same tensors, under names of their own."""
    from eigentail.sources.delta import bare

    known = {bare(name) for name in wanted}
    found = ((one, [spec for spec in one.tensors() if bare(spec.name) in known]) for one in merged.adapters)
    return tuple(fetch for adapter, specs in found for fetch in fetches_of(adapter, specs))
