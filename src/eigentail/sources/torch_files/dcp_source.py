"""A distributed PyTorch checkpoint as a source: a tensor is put together from the chunks that hold it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.archives.inflated import StoredRange
from eigentail.sources.coded import Coded, CodedSource, Rows
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.jax_files.stacks import stacks
from eigentail.sources.ranges import RangeFile, RangeReader
from eigentail.sources.torch_files.bounded import MAX_PICKLE_BYTES, Bounded
from eigentail.sources.torch_files.dcp_metadata import Chunk, Sharded, read_metadata
from eigentail.sources.torch_files.storage import Contents
from eigentail.sources.torch_files.strided import TensorRef, flaw, rows, view
from eigentail.sources.torch_files.unpickle import unpickle

_DAMAGED: Final = "the checkpoint is damaged or was copied in part: fetch it again"

OpenFile = Callable[[str], RangeReader]
Understand = Callable[[RangeReader, str], Contents]


def dcp_source(
    ref: SourceRef,
    owner: RangeReader,
    metadata: RangeReader,
    files: tuple[OpenFile, Understand],
    config: Mapping[str, Any],
) -> CodedSource:
    """A checkpoint by its list.

    Args:
        ref: what opens it again.
        owner: closed with the source.
        metadata: the list, a pickle.
        files: what opens a file by its name in the list, and what understands the torch file that a chunk is.
        config: what lies beside it of the architecture.

    Raises:
        SourceError: the list is damaged or asks for anything but what such lists are made of; on reading, a file is
            missing or is not what the list says.

    Example:
        >>> import pickle
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> reader = BytesRange(pickle.dumps(print))
        >>> dcp_source(SourceRef("torch-dcp", "x"), reader, reader, (None, None), {})
        Traceback (most recent call last):
        eigentail.errors.SourceError: x: the pickle asks for builtins.print, which is not on the list of harmless ...
    """
    if metadata.size > MAX_PICKLE_BYTES:
        raise SourceError(f"is longer than {MAX_PICKLE_BYTES >> 20} MiB, too long for a list", where=ref.target)
    pickled = Bounded(io.BufferedReader(RangeFile(metadata)), metadata.size)
    tensors = read_metadata(unpickle(pickled, ref.target).tree, ref.target)
    _check_files(tensors.values(), files[0], ref.target)
    reader = _Reader(*files, ref.target)
    return CodedSource(ref, owner, list(_coded(tensors, reader)), config)


def _check_files(tensors: Iterable[Sharded], open_file: OpenFile, where: str) -> None:
    """Refuse chunks that take more bytes than their files have: what they claim is to be allocated."""
    taken: dict[str, tuple[int, int]] = {}
    for tensor in tensors:
        for chunk in tensor.chunks:
            end, total = taken.get(chunk.file, (0, 0))
            taken[chunk.file] = max(end, chunk.begin + chunk.nbytes), total + chunk.nbytes
    for name, (end, total) in taken.items():
        file = open_file(name)
        file.close()
        if max(end, total) > file.size:
            raise SourceError(
                f"chunks take {max(end, total):,} bytes of {name[:80]}, which has {file.size:,}",
                where=where,
                hint=_DAMAGED,
            )


def _coded(tensors: Mapping[str, Sharded], reader: _Reader) -> Iterator[Coded]:
    """Every tensor; where layers are stacked in one, as Megatron saves them, every layer of it."""
    paths = {tuple(name.split(".")): name for name in tensors if not name.startswith(("optimizer.", "ema."))}
    stacked = stacks({path: tensors[name].shape for path, name in paths.items()})
    modules = {
        name: next((path[:end] for end in range(1, len(path)) if path[:end] in stacked), ())
        for path, name in paths.items()
    }
    for name, tensor in tensors.items():
        module = modules.get(name, ())
        if not module or stacked[module][0] != 0:
            yield Coded(_spec(name, tensor.shape, tensor), reader.whole(name, tensor))
            continue
        front = ".".join(module)
        for at in range(tensor.shape[0]):
            spec = _spec(f"{front}.{at}{name[len(front) :]}", tensor.shape[1:], tensor)
            yield Coded(spec, reader.layer(name, tensor, at))


def _spec(name: str, shape: tuple[int, ...], tensor: Sharded) -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=tensor.dtype, nbytes=prod(shape) * dtype_of(tensor.dtype).itemsize)


class _Reader:
    """Reads chunks; a file is open only while one of its chunks is read, as there may be thousands of them."""

    def __init__(self, open_file: OpenFile, understand: Understand, where: str) -> None:
        self._open, self._understand, self._where = open_file, understand, where

    def whole(self, name: str, tensor: Sharded) -> Callable[[Rows], NDArray[Any]]:
        """What gives a tensor, or some of its rows."""

        def make(part: Rows) -> NDArray[Any]:
            if not tensor.shape:
                return self._chunk(name, tensor, tensor.chunks[0], None)
            return self._rows(name, tensor, part or (0, tensor.shape[0]))

        return make

    def layer(self, name: str, tensor: Sharded, at: int) -> Callable[[Rows], NDArray[Any]]:
        """What gives one layer of a stack."""

        def make(part: Rows) -> NDArray[Any]:
            array: NDArray[Any] = self._rows(name, tensor, (at, at + 1))[0]
            return array if part is None else array[slice(*part)]

        return make

    def _rows(self, name: str, tensor: Sharded, part: tuple[int, int]) -> NDArray[Any]:
        first, end = part
        held = [
            (chunk, (max(first, chunk.offsets[0]), min(end, chunk.offsets[0] + chunk.sizes[0])))
            for chunk in tensor.chunks
            if prod(chunk.sizes)
        ]
        touched = [(chunk, common) for chunk, common in held if common[0] < common[1]]
        if len(touched) == 1:
            chunk, (begin, stop) = touched[0]
            found = self._chunk(name, tensor, chunk, (begin - chunk.offsets[0], stop - chunk.offsets[0]))
            if found.shape == (end - first, *tensor.shape[1:]):
                return found
        whole = np.zeros((end - first, *tensor.shape[1:]), dtype_of(tensor.dtype))
        for chunk, (begin, stop) in touched:
            inner = (slice(at, at + n) for at, n in zip(chunk.offsets[1:], chunk.sizes[1:], strict=True))
            here = self._chunk(name, tensor, chunk, (begin - chunk.offsets[0], stop - chunk.offsets[0]))
            whole[slice(begin - first, stop - first), *inner] = here
        return whole

    def _chunk(self, name: str, tensor: Sharded, chunk: Chunk, part: Rows) -> NDArray[Any]:
        """A chunk, or rows of it, where it lies."""
        file = self._open(chunk.file)
        try:
            contents = self._understand(StoredRange(file, chunk.begin, chunk.nbytes), self._where)
            found = self._tensor(name, tensor, chunk, contents)
            wanted = found if part is None else rows(found, part)
            return view(wanted, contents.storages[wanted.storage.key].read(*wanted.window))
        finally:
            file.close()

    def _tensor(self, name: str, tensor: Sharded, chunk: Chunk, contents: Contents) -> TensorRef:
        """The one tensor that a chunk's file is, checked against the list."""
        found = next(iter(contents.tensors.values())) if len(contents.tensors) == 1 else None
        if found is None or (found.shape, found.dtype) != (chunk.sizes, tensor.dtype):
            raise self._refusal(name, chunk, "holds another chunk than the list says")
        storage = contents.storages.get(found.storage.key)
        if wrong := flaw(found, None if storage is None else storage.size):
            raise self._refusal(name, chunk, f"holds a chunk that {wrong}")
        return found

    def _refusal(self, name: str, chunk: Chunk, what: str) -> SourceError:
        return SourceError(f"tensor {name[:80]!a}: {chunk.file[:80]} {what}", where=self._where, hint=_DAMAGED)
