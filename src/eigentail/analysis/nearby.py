"""The order of work for weights that lie elsewhere: what lies together in a file is fetched and measured together."""

from __future__ import annotations

from collections.abc import Sequence

from eigentail.analysis.describe import dearest_first
from eigentail.layers import read_part
from eigentail.records import Layer
from eigentail.sources import WeightSource
from eigentail.sources.far.reading import Extent, FarRange
from eigentail.sources.far.windows import WINDOW
from eigentail.sources.protocol import Located


def in_order(source: WeightSource, layers: Sequence[Layer]) -> list[Layer]:
    """The layers in the order of work; the far files among the source's are told what will be read of them.

    Args:
        source: open.
        layers: to be measured, each once.

    Returns:
        The dearest first; of a far source, groups of neighbours as long as one window, that with the dearest layer
        first.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import describe
        >>> from eigentail.sources import open_source
        >>> source = open_source({"a.weight": np.eye(16), "b.weight": np.eye(32)})
        >>> [layer.name for layer in in_order(source, describe(source).layers)]
        ['b', 'a']
    """
    ordered = dearest_first(tuple(layers))
    if not isinstance(source, Located):
        return ordered
    extents = {layer.index: _extents(source, layer) for layer in ordered}
    _announce([extent for found in extents.values() for extent in found])
    near = [layer for layer in ordered if extents[layer.index]]
    groups = _groups(near, {index: found[0] for index, found in extents.items() if found})
    groups += [[layer] for layer in ordered if not extents[layer.index]]
    groups.sort(key=lambda group: (-group[0].flops, group[0].index))
    return [layer for group in groups for layer in group]


def _extents(source: Located, layer: Layer) -> list[Extent]:
    """Where the tensors of a layer lie, the first in the file before the others."""
    found = (source.extent(spec, read_part(layer)) for spec in layer.tensors)
    return sorted((extent for extent in found if extent is not None), key=lambda extent: extent.offset)


def _announce(extents: Sequence[Extent]) -> None:
    ranges: dict[FarRange, list[tuple[int, int]]] = {}
    for reader, offset, n in extents:
        ranges.setdefault(reader, []).append((offset, n))
    for reader, of_one in ranges.items():
        reader.expect(of_one)


def _groups(layers: Sequence[Layer], first: dict[int, Extent]) -> list[list[Layer]]:
    """Neighbours in one file, as far as one window reaches."""
    files = {reader: at for at, reader in enumerate(dict.fromkeys(extent.reader for extent in first.values()))}
    groups: list[list[Layer]] = []
    start = -1, -1
    for layer in sorted(layers, key=lambda layer: (files[first[layer.index].reader], first[layer.index].offset)):
        reader, offset, n = first[layer.index]
        if not groups or files[reader] != start[0] or offset + n - start[1] > WINDOW:
            groups.append([])
            start = files[reader], offset
        groups[-1].append(layer)
    return [dearest_first(tuple(group)) for group in groups]
