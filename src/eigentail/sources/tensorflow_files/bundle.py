"""A TensorFlow checkpoint: an index of tensors, and files of their bytes beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.elsewhere import BytesRange, closed_range
from eigentail.sources.graphs.constants import Constant
from eigentail.sources.graphs.protobuf import Message, read_message
from eigentail.sources.place import place
from eigentail.sources.placed import MAX_AXES
from eigentail.sources.ranges import RangeReader
from eigentail.sources.tensorflow_files.graph import TYPES
from eigentail.sources.tensorflow_files.sstable import entries

OBJECT_GRAPH: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
MAX_SHARDS: Final = 100_000
MAX_TENSORS: Final = 100_000
MAX_OBJECT_GRAPH: Final = 64 << 20
_STRING: Final = 7


class Bundle(msgspec.Struct, frozen=True, eq=False):
    """What a checkpoint holds.

    Attributes:
        tensors: by their keys, in the index's order.
        full_names: the name that the program had for a variable, by its key; empty for checkpoints of sessions.

    Example:
        >>> Bundle({}, {}).full_names
        {}
    """

    tensors: Mapping[str, Constant]
    full_names: Mapping[str, str]


class _Entry(msgspec.Struct, frozen=True):
    """One checked line of the index."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    sliced: bool
    checksum: int


def read_bundle(index: RangeReader, where: str) -> Bundle:
    """The tensors of a checkpoint; no weight is read.

    Args:
        index: the file that ends in ".index".
        where: where it lies; the others lie beside it.

    Raises:
        SourceError: it is no index of a checkpoint, or a file beside it is missing or too short.

    Source: tensor_bundle.proto and tensor_bundle.cc in
        https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/util/tensor_bundle.

    Example:
        >>> read_bundle(BytesRange(b"short"), "m.index")
        Traceback (most recent call last):
        eigentail.errors.SourceError: m.index: is 5 bytes long, too short for a table: the file is damaged or was ...
    """
    shards: dict[int, RangeReader] = {}
    found: dict[str, _Entry] = {}
    count = 0
    for key, value in entries(index, where):
        message = read_message(BytesRange(value), where)
        if not key:
            count = _shards(message)
        elif not key.startswith(b"\0"):  # the pieces of a tensor that is stored in slices
            found[_text(key, where)] = _entry(message)
            if len(found) > MAX_TENSORS:
                raise SourceError(f"lists more than {MAX_TENSORS:,} tensors", where=where)
    if not count:
        raise SourceError("is a table, but not the index of a checkpoint", where=where)
    tensors = {}
    for name, entry in found.items():
        if not 0 <= entry.shard < count:
            raise SourceError(f"puts {name[:80]!r} into file {entry.shard} of {count}", where=where)
        if entry.shard not in shards:
            shards[entry.shard] = _shard(where, entry.shard, count)
        tensors[name] = _constant(name, entry, shards[entry.shard], where)
    graph = tensors.pop(OBJECT_GRAPH, None)
    names = _full_names(graph, where) if graph is not None else {}
    twice = set(_kept_twice(found, names))
    return Bundle({key: tensor for key, tensor in tensors.items() if key not in twice}, names)


def _kept_twice(found: Mapping[str, _Entry], names: Mapping[str, str]) -> Iterator[str]:
    """The keys of variables that are stored under another key too, as Keras does in what it exports."""
    seen: set[tuple[object, ...]] = set()
    for key in sorted(found, reverse=True):
        entry, name = found[key], names.get(key, "")
        same = (name, entry.dtype, entry.shape, entry.size, entry.checksum)
        if "/" in name and same in seen:
            yield key
        seen.add(same)


def _text(key: bytes, where: str) -> str:
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"has the key {key[:80]!r}, which is not UTF-8", where=where) from error


def _shards(message: Message) -> int:
    """The number of files, from the first line of the index."""
    facts = {field.number: message.integer(field) for field in message.fields() if field.number in (1, 2)}
    if facts.get(2, 0) != 0:
        message.refuse("was written on a big-endian machine, which is not read")
    count = facts.get(1, 0)
    if not 0 < count <= MAX_SHARDS:
        message.refuse(f"says that it has {count} files of weights")
    return count


def _entry(message: Message) -> _Entry:
    facts = dict.fromkeys((1, 3, 4, 5), 0)
    checksum = 0
    shape: tuple[int, ...] = ()
    sliced = False
    for field in message.fields():
        if field.number in facts:
            facts[field.number] = message.integer(field)
        elif field.number == 2:
            shape = _shape(message.message(field))
        elif field.number == 6:
            checksum = int.from_bytes(message.bytes_of(field), "little")
        elif field.number == 7:
            sliced = True
    return _Entry(facts[1], shape, facts[3], facts[4], facts[5], sliced, checksum)


def _shape(message: Message) -> tuple[int, ...]:
    sizes: list[int] = []
    for field in message.fields():
        if field.number == 2 and len(sizes) <= MAX_AXES:
            axis = message.message(field)
            sizes.append(next((axis.integer(part) for part in axis.fields() if part.number == 1), 0))
    return tuple(sizes)


def _shard(where: str, at: int, count: int) -> RangeReader:
    """One of the files beside the index."""
    path = f"{where.removesuffix('.index')}.data-{at:05d}-of-{count:05d}"
    if not place(path).is_file():
        hint = "fetch it into the same folder"
        raise SourceError(f"the weights file {place(path).name} beside it is missing", where=where, hint=hint)
    return closed_range(path)


def _constant(name: str, entry: _Entry, file: RangeReader, where: str) -> Constant:
    if entry.offset < 0 or entry.size < 0 or entry.offset + entry.size > file.size:
        raise SourceError(
            f"puts {name[:80]!r} at bytes {entry.offset} to {entry.offset + entry.size} of a file of {file.size}",
            where=where,
            hint="the weights file was cut short: fetch it again",
        )
    dtype, _ = TYPES.get(entry.dtype, (f"type-{entry.dtype}", 0))
    flaw = "is stored in slices, which is not read" if entry.sliced else ""
    if entry.dtype == _STRING and not flaw:
        flaw = "holds texts, of which no array of numbers can be made"
    return Constant(
        name=name,
        dtype=dtype,
        shape=entry.shape,
        reader=file,
        pieces=((entry.offset, entry.size),),
        flaw=flaw,
    )


def _full_names(graph: Constant, where: str) -> dict[str, str]:
    """From key to full name, from the graph of Python objects that TensorFlow 2 stores as one text."""
    ((offset, size),) = graph.pieces
    if not 0 < size <= MAX_OBJECT_GRAPH:
        return {}
    data = bytes(graph.reader.read(offset, size))
    names: dict[str, str] = {}
    try:
        # A list of texts: their lengths, a checksum of these, the texts.
        start = next(at for at, byte in enumerate(data) if byte < 128) + 5
        objects = read_message(BytesRange(data), where, start, size - start)
        for field in objects.fields():
            if field.number == 1:
                names.update(_of_object(objects.message(field)))
    except (SourceError, StopIteration):
        return {}  # it only adds names; the tensors are in the index
    return {key: name for key, name in names.items() if key and name}


def _of_object(node: Message) -> Iterator[tuple[str, str]]:
    """Key and full name of what an object keeps."""
    for field in node.fields():
        if field.number == 2:
            attribute = node.message(field)
            texts = {part.number: attribute.text(part) for part in attribute.fields() if part.number in (2, 3)}
            yield texts.get(3, ""), texts.get(2, "")
