"""Flax's own files (`flax_model.msgpack`, `checkpoint_100`): a MessagePack tree of arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.archives.inflated import StoredRange
from eigentail.sources.archives.stretches import Stretches
from eigentail.sources.coded import CodedSource
from eigentail.sources.config import read_config
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.jax_files.msgpack_tree import Extent, read_tree
from eigentail.sources.jax_files.source import Stored, jax_source, stored_at
from eigentail.sources.place import place
from eigentail.sources.placed import Placed, nbytes_of
from eigentail.sources.protocol import Format
from eigentail.sources.ranges import RangeReader, open_range

# A dict of up to 15 or up to 2^16 entries, and its first name.
_BEGIN: Final = re.compile(rb"(?:[\x81-\x8f]|\xde\x00.|\xde[^\x00].)(?:[\xa1-\xbf]|\xd9.)[\x20-\x7e]", re.DOTALL)
_CHUNKED: Final = "__msgpack_chunked_array__"
_NUMBERS: Final = frozenset("biufcV")
_REFETCH: Final = "the file is damaged: fetch it again"


def open_flax(ref: SourceRef) -> CodedSource:
    """Open a file of Flax; arrays are found by one pass over what lies between them, and read when asked for.

    Raises:
        SourceError: the file is damaged, or an array's shape and its bytes contradict each other.

    Example:
        >>> open_flax(SourceRef("flax-msgpack", "no/such.msgpack"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.msgpack: no such file or directory
    """
    reader = open_range(ref.target)
    try:
        arrays = list(_arrays(read_tree(reader, ref.target), (), reader, ref.target))
        return jax_source(ref, reader, arrays, read_config(place(ref.target).parent))
    except BaseException:
        reader.close()
        raise


def _arrays(tree: Mapping[str, Any], path: tuple[str, ...], reader: RangeReader, where: str) -> Iterator[Stored]:
    """Every array below a node of the tree."""
    for name, node in tree.items():
        here = (*path, name)
        if isinstance(node, Extent):
            yield _stored(here, node.shape, [node], reader, where)
        elif isinstance(node, dict) and _CHUNKED in node:
            shape, extents = _chunks(here, node, where)
            yield _stored(here, shape, extents, reader, where)
        elif isinstance(node, dict):
            yield from _arrays(node, here, reader, where)


def _chunks(path: tuple[str, ...], node: Mapping[str, Any], where: str) -> tuple[tuple[object, ...], list[Extent]]:
    """The shape and the pieces of an array that was too long for one value."""
    lists = [node.get(key) for key in ("shape", "chunks")]
    if all(isinstance(held, dict) and list(held) == [str(at) for at in range(len(held))] for held in lists):
        shape, extents = (tuple(held.values()) for held in lists if held is not None)
        kinds = {extent.dtype for extent in extents if isinstance(extent, Extent)}
        if len(kinds) == 1 and all(isinstance(extent, Extent) for extent in extents):
            return shape, list(extents)
    raise SourceError(f"array {_word(path)} is in pieces that do not make one", where=where, hint=_REFETCH)


def _stored(
    path: tuple[str, ...], shape: tuple[object, ...], extents: Sequence[Extent], reader: RangeReader, where: str
) -> Stored:
    """One array, its description checked against its bytes."""
    held, kind = sum(extent.nbytes for extent in extents), _kind(extents[0].dtype)
    nbytes = nbytes_of(shape, 8 * kind.itemsize) if kind else held
    if nbytes is None or nbytes_of(shape, 8) is None:
        raise SourceError(f"array {_word(path)} has an impossible shape {str(shape)[:80]}", where=where)
    if nbytes != held:
        raise SourceError(
            f"array {_word(path)} needs {nbytes} bytes for its shape {shape}, but {held} are there",
            where=where,
            hint=_REFETCH,
        )
    sizes = tuple(size for size in shape if isinstance(size, int))
    spec = TensorSpec(name="", shape=sizes, dtype=kind.name if kind else extents[0].dtype[:40], nbytes=held)
    data = Stretches([StoredRange(reader, extent.offset, extent.nbytes) for extent in extents])
    return stored_at(path, Placed(spec=spec, reader=data, offset=0, stored=kind))


def _kind(name: str) -> np.dtype[Any] | None:
    """The type of a name that numpy or ml_dtypes has; None for one of no numbers."""
    try:
        kind = dtype_of(name)
    except (TypeError, ValueError, SyntaxError):
        return None
    return kind if kind.kind in _NUMBERS and kind.itemsize and kind.names is None and not kind.subdtype else None


def _word(path: tuple[str, ...]) -> str:
    return ascii(".".join(path)[:80])


FORMAT: Final = Format(
    name="flax-msgpack",
    title="a Flax checkpoint",
    suffixes=(".msgpack",),
    claims=lambda probe: _BEGIN.match(probe.head) is not None,
    open=open_flax,
)
