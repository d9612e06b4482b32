"""safetensors: an 8-byte length, a JSON header, dense bytes. Everything is checked once, when the file is opened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Final

import msgspec

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.formats.recognised import looks_like
from eigentail.sources.placed import Placed, PlacedSource, nbytes_of, plain_names
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import REFETCH, RangeReader, open_range

LENGTH_BYTES: Final = 8
MAX_HEADER: Final = 100_000_000  # the format's own limit
_DIGITS: Final = re.compile(r"([0-9]+)")

# Word in the header: canonical name, bits of one element.
TYPES: Final[Mapping[str, tuple[str, int]]] = {
    "F64": ("float64", 64),
    "F32": ("float32", 32),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F6_E2M3": ("float6_e2m3fn", 6),
    "F6_E3M2": ("float6_e3m2fn", 6),
    "F4": ("float4_e2m1fn", 4),
    "I64": ("int64", 64),
    "I32": ("int32", 32),
    "I16": ("int16", 16),
    "I8": ("int8", 8),
    "U64": ("uint64", 64),
    "U32": ("uint32", 32),
    "U16": ("uint16", 16),
    "U8": ("uint8", 8),
    "BOOL": ("bool", 8),
    "C64": ("complex64", 64),
}


class _Entry(msgspec.Struct, frozen=True):
    """One checked line of the header; `begin` and `end` count from the end of the header."""

    name: str
    dtype: str
    bits: int
    shape: tuple[int, ...]
    begin: int
    end: int


def open_safetensors(ref: SourceRef) -> PlacedSource:
    """Open a safetensors file.

    Args:
        ref: what `identify` says of it.

    Raises:
        SourceError: the header is not what the format allows, or the file is shorter or longer than it says.

    Example:
        >>> import struct, tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> header = b'{"w":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}}'
        >>> _ = path.write_bytes(struct.pack("<Q", len(header)) + header + bytes([1, 2]))
        >>> source = open_safetensors(SourceRef("safetensors", str(path)))
        >>> source.tensors()[0].shape, source.read(source.tensors()[0]).tolist()
        ((2, 1), [[1], [2]])
        >>> source.close()
    """
    reader = open_range(ref.target)
    try:
        header, data = _read_header(reader, ref.target)
        entries = [_entry(name, value, ref.target) for name, value in header.items() if name != "__metadata__"]
        _check_cover(entries, reader.size - data, ref.target)
        return PlacedSource(ref, reader, _placed(entries, reader, data, ref.target))
    except BaseException:
        reader.close()
        raise


def _read_header(reader: RangeReader, where: str) -> tuple[dict[str, Any], int]:
    """The header, and where the data begin."""
    if reader.size < LENGTH_BYTES:
        raise _damaged(f"the file is {reader.size} bytes long, shorter than the length of its header", where)
    length = int.from_bytes(reader.read(0, LENGTH_BYTES), "little")
    if length > MAX_HEADER:
        raise _damaged(f"the header says it is {length} bytes long; the format allows {MAX_HEADER}", where)
    if LENGTH_BYTES + length > reader.size:
        raise _damaged(f"the header says it is {length} bytes long, but the file ends at {reader.size}", where)
    try:
        text = bytes(reader.read(LENGTH_BYTES, length)).decode("utf-8")
        header = json.loads(text, object_pairs_hook=partial(_without_duplicates, where))
    except RecursionError as error:
        raise _damaged("the header is nested too deeply", where) from error
    except ValueError as error:
        raise _damaged(f"the header is not JSON ({str(error)[:80]})", where) from error
    if not isinstance(header, dict):
        raise _damaged("the header is JSON, but not a table of tensors", where)
    return header, LENGTH_BYTES + length


def _without_duplicates(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, unless it says something twice: two readers could then see two models in one file."""
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _damaged(f"the header names {twice[:80]!r} twice", where)
    return table


def _entry(name: str, value: object, where: str) -> _Entry:
    """One line of the header, checked by itself."""
    if not isinstance(value, dict):
        raise _damaged(f"the header's entry for tensor {name!r} is not a table", where)
    word, shape, offsets = value.get("dtype"), value.get("shape"), value.get("data_offsets")
    if not isinstance(word, str) or word not in TYPES:
        raise SourceError(
            f"tensor {name!r} has the type {word!r}, which is not known here",
            where=where,
            hint="is the file damaged, or of a newer version of the format?",
        )
    dtype, bits = TYPES[word]
    nbytes = nbytes_of(shape, bits)
    if nbytes is None:
        raise _damaged(f"tensor {name!r} has an impossible shape ({str(shape)[:80]})", where)
    if not isinstance(offsets, list) or [type(at) for at in offsets] != [int, int] or offsets[0] < 0:
        raise _damaged(f"tensor {name!r} does not say where it begins and ends", where)
    begin, end = offsets
    if begin > end:
        raise _damaged(f"tensor {name!r} ends before it begins ({begin} to {end})", where)
    if end - begin != nbytes:
        raise _damaged(f"tensor {name!r} has {end - begin} bytes, but its shape and type need {nbytes}", where)
    return _Entry(name, dtype, bits, tuple(value["shape"]), begin, end)


def _check_cover(entries: list[_Entry], size: int, where: str) -> None:
    """The tensors must tile the data: no byte twice, none outside, none left over, as the format demands."""
    ordered = sorted(entries, key=lambda entry: (entry.begin, entry.end))
    for one, other in pairwise(ordered):
        if other.begin < one.end:
            raise _damaged(f"tensors {one.name!r} and {other.name!r} overlap", where)
        if other.begin > one.end:
            raise _damaged(f"there is a gap between tensors {one.name!r} and {other.name!r}", where)
    if ordered and ordered[0].begin > 0:
        raise _damaged(f"there is a gap before tensor {ordered[0].name!r}", where)
    end = ordered[-1].end if ordered else 0
    if end > size:
        raise _damaged(f"the tensors need {end} bytes, but the file holds {size} after its header", where)
    if end < size:
        raise _damaged(f"{size - end} bytes at the end belong to no tensor", where)


def _placed(entries: list[_Entry], reader: RangeReader, data: int, where: str) -> Iterator[Placed]:
    """What the source needs to know of each tensor, in the order a reader counts.

    The library that writes these files sorts by size of type and by letters ("h.10" before "h.2"): whatever order the
    model had is lost.
    """
    names = plain_names((entry.name for entry in entries), where)
    for entry in sorted(entries, key=lambda entry: _counted(entry.name)):
        spec = TensorSpec(name=names[entry.name], shape=entry.shape, dtype=entry.dtype, nbytes=entry.end - entry.begin)
        stored = dtype_of(entry.dtype) if entry.bits >= 8 else None  # numpy has no packed elements
        yield Placed(spec=spec, reader=reader, offset=data + entry.begin, stored=stored)


def _counted(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names by their value; a digit run that is too long for a number is text."""
    return [(int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in _DIGITS.split(name)]


def _damaged(what: str, where: str) -> SourceError:
    return SourceError(what, where=where, hint=REFETCH)


def _claims(probe: Probe) -> bool:
    """By content, or by name where the content is not known to be anything else: a damaged file is still one."""
    if probe.is_folder:
        return False
    begins_like_one = probe.head[4:9] == b"\0\0\0\0{"  # a length below 2^32, and the first brace
    return begins_like_one or (probe.name.endswith(".safetensors") and looks_like(probe) is None)


FORMAT: Final = Format(
    name="safetensors", title="safetensors", suffixes=(".safetensors",), claims=_claims, open=open_safetensors
)
