"""Where the bytes of one HDF5 array lie, after everything the file says of it has been checked against the file."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from types import ModuleType
from typing import Any, Final

import msgspec
import numpy as np

from eigentail.errors import SourceError
from eigentail.sources.archives.inflated import ALWAYS_ALLOWED, MAX_EXPANSION
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.elsewhere import BytesRange
from eigentail.sources.hdf5.chunks import FILTERS, Chunk, ChunkedRange, Layout
from eigentail.sources.placed import nbytes_of
from eigentail.sources.ranges import RangeReader

MAX_CHUNKS: Final = 200_000
MAX_COMPACT: Final = 1 << 16  # HDF5 keeps no more than this inside a header
OPAQUE: Final = "opaque"
_EXTENDED: Final = ("bfloat16", "float8_e4m3fn", "float8_e5m2")
_ELSEWHERE: Final = "save the weights again into one file"


class Place(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An array as the file keeps it: in C order from `offset` on, in the bytes of `reader`.

    Attributes:
        shape: the sizes of its axes.
        kind: the name of its type.
        nbytes: the bytes it takes once unpacked.
        reader: what holds them.
        offset: where they begin.
        stored: the type of one element, byte order included; None when no numbers can be made of it.

    Example:
        >>> Place(shape=(2,), kind="object", nbytes=32, reader=BytesRange(b""), offset=0, stored=None).kind
        'object'
    """

    shape: tuple[int, ...]
    kind: str
    nbytes: int
    reader: RangeReader
    offset: int
    stored: np.dtype[Any] | None


def placed_at(h5py: ModuleType, dataset: Any, name: str, reader: RangeReader) -> Place | None:
    """Find the bytes of an array; None for one that is declared to hold nothing at all.

    Args:
        h5py: the library.
        dataset: the array, opened (a `DatasetID`).
        name: what it is called, for error messages.
        reader: the bytes of the file.

    Raises:
        SourceError: its bytes are in another file, were never written, end beyond this one, or are packed in a way
            that is not read or would unpack to far more than there is.

    Example:
        >>> import tempfile
        >>> import h5py
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = tempfile.mkdtemp() + "/m.h5"
        >>> with h5py.File(path, "w") as file:
        ...     _ = file.create_dataset("w", data=np.arange(3.0))
        >>> reader = LocalRange(path)
        >>> with h5py.File(path) as file:
        ...     place = placed_at(h5py, file["w"].id, "w", reader)
        >>> np.frombuffer(place.reader.read(place.offset, place.nbytes)).tolist()
        [0.0, 1.0, 2.0]
        >>> reader.close()
    """
    plan = dataset.get_create_plist()
    layout = plan.get_layout()
    # Before anything else is asked of it: the extent of a virtual array is looked up in the files it points to.
    if layout == h5py.h5d.VIRTUAL or plan.get_external_count():
        raise SourceError(f"the numbers of {name!r} are in another file, which is not opened", hint=_ELSEWHERE)
    space = dataset.get_space()
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return None
    stored, kind = _type_of(h5py, dataset)
    shape, size = tuple(int(n) for n in space.get_simple_extent_dims()), dataset.get_type().get_size()
    nbytes = nbytes_of(shape, 8 * size)
    if nbytes is None:
        raise SourceError(f"array {name!r} has an impossible shape ({str(shape)[:80]})")
    offset = 0
    holder: RangeReader | None = None
    if nbytes:
        if layout == h5py.h5d.CHUNKED:
            holder = _chunked(dataset, plan, name, (shape, size), reader)
        elif layout == h5py.h5d.COMPACT:
            holder = _compact(h5py, dataset, name, nbytes if stored is not None or kind == OPAQUE else 0)
        else:
            holder, offset = reader, _contiguous(dataset, name, nbytes, reader)
    return Place(shape=shape, kind=kind, nbytes=nbytes, reader=holder or BytesRange(b""), offset=offset, stored=stored)


def extended(place: Place, names: Sequence[str]) -> Place:
    """Bytes that HDF5 has no word for as numbers of the type that is written beside them, if it is one of these.

    Args:
        place: the array.
        names: what is written.

    Example:
        >>> place = Place(shape=(2,), kind=OPAQUE, nbytes=4, reader=BytesRange(bytes(4)), offset=0, stored=None)
        >>> extended(place, ["bfloat16"]).kind, extended(place, ["float8_e5m2"]).kind
        ('bfloat16', 'opaque')
    """
    name = next(iter(names), "")
    if name not in _EXTENDED or dtype_of(name).itemsize * prod(place.shape) != place.nbytes:
        return place
    return msgspec.structs.replace(place, kind=name, stored=dtype_of(name))


def _type_of(h5py: ModuleType, dataset: Any) -> tuple[np.dtype[Any] | None, str]:
    """The numpy type whose bytes are those in the file, and its name; None for one that is no plain number."""
    held = dataset.get_type()
    if held.get_class() == h5py.h5t.OPAQUE:
        return None, OPAQUE
    try:
        found = np.dtype(held.dtype)
        plain = found.kind in "biufc" and h5py.h5t.py_create(found, logical=True) == held
    except (TypeError, ValueError, OverflowError):
        return None, "unknown"
    if plain:
        return found, found.name
    return None, {"O": "object", "S": "bytes", "U": "str"}.get(found.kind, "structured")


def _contiguous(dataset: Any, name: str, nbytes: int, reader: RangeReader) -> int:
    """Where an array begins that lies there in one piece."""
    offset, held = dataset.get_offset(), dataset.get_storage_size()
    if offset is None:
        raise SourceError(f"the numbers of {name!r} were never written", hint="was the saving of it cut short?")
    if held < nbytes:
        raise SourceError(f"array {name!r} needs {nbytes} bytes for its shape, but {held} are set aside for it")
    if offset + nbytes > reader.size:
        raise SourceError(
            f"array {name!r} ends at byte {offset + nbytes}, but the file at {reader.size}",
            hint="the file was cut short: fetch it again",
        )
    return int(offset)


def _compact(h5py: ModuleType, dataset: Any, name: str, nbytes: int) -> BytesRange:
    """An array inside its own header, which h5py has read by now; nothing of one that is no numbers."""
    if nbytes > MAX_COMPACT:
        raise SourceError(f"array {name!r} cannot have {nbytes} bytes inside its header")
    if nbytes == 0:
        return BytesRange(b"")
    values = np.empty(dataset.shape, dataset.dtype)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return BytesRange(values.tobytes())


def _chunked(
    dataset: Any, plan: Any, name: str, sizes: tuple[tuple[int, ...], int], reader: RangeReader
) -> ChunkedRange:
    """The chunks of an array, each of which must be there and within the file."""
    shape, itemsize = sizes
    filters = tuple(int(plan.get_filter(at)[0]) for at in range(plan.get_nfilters()))
    _check_filters(filters, name)
    layout = Layout(shape, tuple(int(n) for n in plan.get_chunk()), itemsize, filters)
    whole = prod(-(-n // part) for n, part in zip(shape, layout.chunk, strict=True))
    count = dataset.get_num_chunks()
    if count > MAX_CHUNKS:
        raise SourceError(f"array {name!r} is in {count:,} pieces where {MAX_CHUNKS:,} are allowed")
    if count != whole:
        raise SourceError(f"{count} of the {whole} pieces of array {name!r} were written", hint="save it again")
    found: list[Chunk] = []
    dataset.chunk_iter(
        lambda info: found.append(Chunk(info.chunk_offset, info.filter_mask, info.byte_offset, info.size))
    )
    held = sum(piece.nbytes for piece in found)
    unpacked = max(prod(shape) * itemsize, layout.piece_bytes)
    if unpacked > max(ALWAYS_ALLOWED, MAX_EXPANSION * held):
        raise SourceError(
            f"array {name!r} would unpack {held:,} bytes to {unpacked:,}",
            hint="this is how a bomb of compressed data is made; it is not opened",
        )
    _check_pieces(found, layout, name, reader.size)
    return ChunkedRange(reader, found, layout, name)


def _check_pieces(found: list[Chunk], layout: Layout, name: str, size: int) -> None:
    """Refuse pieces outside the file or the array, and two of one place, which would leave another one empty."""
    if any(piece.byte_offset + piece.nbytes > size for piece in found):
        raise SourceError(f"a piece of array {name!r} ends beyond the file", hint="fetch it again")
    ends = list(zip(layout.shape, layout.chunk, strict=True))
    within = all(
        len(piece.start) == len(ends)
        and all(at < n and at % part == 0 for at, (n, part) in zip(piece.start, ends, strict=True))
        for piece in found
    )
    if not within or len({piece.start for piece in found}) < len(found):
        raise SourceError(f"the pieces of array {name!r} are not where they should be", hint="fetch it again")


def _check_filters(filters: tuple[int, ...], name: str) -> None:
    unknown = [code for code in filters if code not in FILTERS]
    if unknown:
        raise SourceError(
            f"array {name!r} is packed by filter {unknown[0]}, which is not read",
            hint=f"save it with one of {', '.join(FILTERS.values())}, or unpacked",
        )
    if len(set(filters)) < len(filters):
        raise SourceError(f"array {name!r} is packed twice by the same filter, which only a bomb needs")
