"""The list of a distributed PyTorch checkpoint (`.metadata`): its tensors, and in which file each chunk of them is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import PurePosixPath
from typing import Any, Final, TypeGuard

import msgspec
import numpy as np

from eigentail.errors import SourceError
from eigentail.sources.checkpoint import flatten
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.placed import nbytes_of
from eigentail.sources.torch_files.harmless import Record, StoredType

MOST_COMPARED: Final = 2048
_DAMAGED: Final = "the checkpoint is damaged or was copied in part: fetch it again"

Shape = tuple[int, ...]


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """One block of a tensor, saved by one process.

    Attributes:
        offsets: its first index along every axis.
        sizes: its extent.
        file: the file that holds it, below the folder of the checkpoint.
        begin: the first byte there.
        nbytes: the bytes it takes there.

    Example:
        >>> Chunk(offsets=(8, 0), sizes=(8, 4), file="__1_0.distcp", begin=0, nbytes=1400).sizes
        (8, 4)
    """

    offsets: Shape
    sizes: Shape
    file: str
    begin: int
    nbytes: int


class Sharded(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor, in chunks.

    Attributes:
        shape: the sizes of its axes.
        dtype: the type of its values.
        chunks: what together holds every value once.

    Example:
        >>> chunk = Chunk(offsets=(0,), sizes=(4,), file="__0_0.distcp", begin=0, nbytes=1400)
        >>> Sharded(shape=(4,), dtype="float32", chunks=(chunk,)).nbytes
        16
    """

    shape: Shape
    dtype: str
    chunks: tuple[Chunk, ...]

    @property
    def nbytes(self) -> int:
        """The bytes of its values."""
        return prod(self.shape) * dtype_of(self.dtype).itemsize


def read_metadata(tree: object, where: str) -> dict[str, Sharded]:
    """The tensors of a checkpoint by their names in the model.

    Args:
        tree: what the pickle in `.metadata` held.
        where: its path, for error messages.

    Raises:
        SourceError: it is no such list, or the chunks of a tensor do not make it up.

    Source: torch/distributed/checkpoint/metadata.py and filesystem.py of torch 2.13.

    Example:
        >>> read_metadata({"epoch": 3}, ".metadata")
        Traceback (most recent call last):
        eigentail.errors.SourceError: .metadata: is not the list of a distributed checkpoint: ...
    """
    top = _fields(tree, "Metadata")
    specs, storage = top.get("state_dict_metadata"), top.get("storage_data")
    if not isinstance(specs, dict) or not isinstance(storage, dict):
        raise SourceError("is not the list of a distributed checkpoint", where=where, hint=_DAMAGED)
    places = dict(_places(storage))
    tensors = {
        name: _sharded(name, fields, places, where)
        for name, spec in specs.items()
        if isinstance(name, str) and (fields := _fields(spec, "TensorStorageMetadata"))
    }
    planned = top.get("planner_data")
    tree = _nested(tensors, planned if isinstance(planned, dict) else {})
    found = flatten(tree, lambda leaf: type(leaf) is Sharded, where)
    return {name: tensor for name, tensor in found.items() if isinstance(tensor, Sharded)}


def _fields(value: object, kind: str) -> Mapping[str, Any]:
    """The fields of a record of this kind; none of anything else."""
    is_it = type(value) is Record and value.kind == kind and isinstance(value.state, dict)
    return value.state if is_it and isinstance(value, Record) else {}


def _places(storage: Mapping[object, object]) -> Iterator[tuple[tuple[object, object], Mapping[str, Any]]]:
    """Name and offsets of every stored item, and where it is."""
    for key, value in storage.items():
        index, info = _fields(key, "MetadataIndex"), _fields(value, "_StorageInfo")
        name, offset = index.get("fqn"), index.get("offset")
        if info and isinstance(name, str) and (offset is None or _is_shape(offset)):
            yield (name, offset), info


def _sharded(
    name: str, fields: Mapping[str, Any], places: Mapping[tuple[object, object], Mapping[str, Any]], where: str
) -> Sharded:
    shape, dtype, listed = fields.get("size"), _dtype(fields.get("properties")), fields.get("chunks")
    nbytes = nbytes_of(shape, 8 * dtype_of(dtype).itemsize) if dtype else None
    if nbytes is None or not isinstance(shape, tuple) or not isinstance(listed, list):
        raise SourceError(f"tensor {name[:80]!a} is described in an unknown way", where=where, hint=_DAMAGED)
    chunks = []
    for item in listed:
        chunk = _fields(item, "ChunkStorageMetadata")
        offsets, sizes = chunk.get("offsets"), chunk.get("sizes")
        info = places.get((name, offsets)) if _is_shape(offsets) else None
        if info is None or not (_is_shape(offsets) and _is_shape(sizes) and _is_place(info)):
            raise SourceError(f"tensor {name[:80]!a} has a chunk that is nowhere", where=where, hint=_DAMAGED)
        place = (info["relative_path"], info["offset"], info["length"])
        if prod(sizes) * dtype_of(dtype).itemsize > place[2]:
            raise SourceError(f"tensor {name[:80]!a} has a chunk larger than its bytes", where=where, hint=_DAMAGED)
        chunks.append(Chunk(offsets=offsets, sizes=sizes, file=place[0], begin=place[1], nbytes=place[2]))
    if not _make_up(shape, chunks):
        raise SourceError(
            f"the {len(chunks)} chunks of tensor {name[:80]!a} do not make up its shape {shape}",
            where=where,
            hint=_DAMAGED,
        )
    return Sharded(shape=shape, dtype=dtype, chunks=tuple(chunks))


def _dtype(properties: object) -> str:
    """The type of a tensor's values: the first of its properties."""
    state = properties.state if type(properties) is Record else None
    first = state[0] if isinstance(state, tuple) and state else None
    first = state.get("dtype") if isinstance(state, dict) else first
    return first.dtype if type(first) is StoredType else ""


def _is_shape(value: object) -> TypeGuard[Shape]:
    return isinstance(value, tuple) and all(type(size) is int and 0 <= size < 1 << 62 for size in value)


def _is_place(info: Mapping[str, Any]) -> bool:
    """Whether the place of a chunk is a plain name below the folder, and its bytes are not packed by an extension."""
    name, path = info.get("relative_path"), PurePosixPath(str(info.get("relative_path")))
    is_plain = isinstance(name, str) and not any(letter in name for letter in '\\:\0"') and ".." not in path.parts
    numbers = (info.get("offset"), info.get("length"))
    return (
        is_plain
        and bool(path.parts)
        and not path.is_absolute()
        and all(type(number) is int and 0 <= number < 1 << 62 for number in numbers)
        and not info.get("transform_descriptors")
    )


def _make_up(shape: Shape, chunks: Sequence[Chunk]) -> bool:
    """Whether chunks hold every value of a tensor exactly once, as far as that can be told in a short time."""
    for chunk in chunks:
        if len(chunk.offsets) != len(shape) or len(chunk.sizes) != len(shape):
            return False
        if any(at + n > size for at, n, size in zip(chunk.offsets, chunk.sizes, shape, strict=True)):
            return False
    filled = [chunk for chunk in chunks if prod(chunk.sizes)]
    if sum(prod(chunk.sizes) for chunk in filled) != prod(shape):
        return False
    if len(filled) < 2 or len(filled) > MOST_COMPARED:
        return True
    first = np.array([chunk.offsets for chunk in filled])
    last = first + np.array([chunk.sizes for chunk in filled])
    apart = [np.any((last[at] <= first[at + 1 :]) | (last[at + 1 :] <= first[at]), axis=1) for at in range(len(filled))]
    return all(map(np.all, apart))


def _nested(tensors: Mapping[str, Sharded], planned: Mapping[object, object]) -> dict[str, Any]:
    """The tensors in the containers they were saved from, as far as the list tells; else by their first word."""
    tree: dict[str, Any] = {}
    for name, tensor in tensors.items():
        path = planned.get(name)
        words = [str(word) for word in path] if isinstance(path, tuple) and _is_path(path) else name.split(".", 1)
        node = tree
        for word in words[:-1]:
            node = node.setdefault(word, {})
            if not isinstance(node, dict):
                break
        if not isinstance(node, dict) or words[-1] in node:
            tree[name] = tensor  # two paths meet: the whole name is what keeps them apart
        else:
            node[words[-1]] = tensor
    return tree


def _is_path(path: tuple[object, ...]) -> bool:
    return 0 < len(path) < 64 and all(type(word) is str or (type(word) is int and abs(word) < 1 << 62) for word in path)
