"""The river on one screen: a source is opened, its layers are chosen, each is measured."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from eigentail.analysis.describe import described
from eigentail.analysis.hear import heard
from eigentail.analysis.measure import failed, measure
from eigentail.analysis.nearby import in_order
from eigentail.analysis.piece import Piece, piece_of
from eigentail.backends import settled
from eigentail.execution import Executor, LostError, serial
from eigentail.records import LayerReport
from eigentail.records.description import Description
from eigentail.settings import Settings
from eigentail.sources import WeightSource, opened
from eigentail.store import SpectrumStore


def stream(
    target: object,
    settings: Settings = Settings(),
    *,
    using: Executor = serial,
    shard: tuple[int, int] = (0, 1),
    store: SpectrumStore | None = None,
) -> Iterator[LayerReport]:
    """Each layer's report as soon as it is there, the dearest layer first.

    Args:
        target: a file, a folder, or a live object: a module, a state dict, a mapping of arrays.
        settings: what to measure.
        using: how many hands; the numbers do not depend on it.
        shard: (i, n): of the layers, dearest first, every n-th from the i-th on.
        store: where spectra are looked for first, and kept.

    Yields:
        Reports in the order they are finished.

    Raises:
        EigentailError: as `analyze`.

    Example:
        >>> import numpy as np
        >>> [row.name for row in stream({"a.weight": np.eye(16), "b.weight": np.eye(32)})]
        ['b', 'a']
    """
    with opened(target) as source:
        yield from flow(source, described(source, settings, shard), using, store)


def flow(
    source: WeightSource, work: Description, using: Executor, store: SpectrumStore | None = None
) -> Iterator[LayerReport]:
    """Measure what a description lists, the dearest layer first, or the dearest neighbours of a far file.

    Args:
        source: open; it is only read.
        work: made from that source.
        using: how many hands.
        store: where spectra are looked for first, and kept.

    Yields:
        Reports in the order they are finished; last those of layers over which workers died, as failures.

    Raises:
        LayerError: a layer failed and `settings.strict` is set.
        UsageError: the device asked for is not here.

    Example:
        >>> import numpy as np
        >>> with opened({"a.weight": np.eye(16)}) as source:
        ...     [row.name for row in flow(source, described(source, Settings()), serial)]
        ['a']
    """
    settings = replace(work.settings, device=settled(work.settings.device, work.flops))
    pieces = [piece_of(layer, settings) for layer in in_order(source, work.layers)]
    try:
        yield from heard(using, partial(_measure, source=source, settings=settings, store=store), pieces, store)
    except LostError as error:
        if settings.strict:
            raise
        for piece in error.tasks:
            yield failed(piece.layer, settings, error)


def _measure(
    piece: Piece, *, source: WeightSource, settings: Settings, store: SpectrumStore | None = None
) -> LayerReport:
    return measure(piece.layer, source=source, settings=settings, store=store)
