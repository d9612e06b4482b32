"""The header of a GGUF file: metadata and places of tensors, every count and length checked against the file."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any, Final, final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.gguf_files.types import TYPES, WITHDRAWN, GgufType
from eigentail.sources.ranges import REFETCH, RangeReader

MAGIC: Final = b"GGUF"
VERSIONS: Final = (1, 2, 3)
MAX_AXES: Final = 4  # llama.cpp has no more
MAX_HEADER: Final = 256 << 20  # the largest vocabularies take some ten MiB
MAX_ENTRIES: Final = 100_000  # keys, tensors, arrays in arrays; the largest models have a few thousand
MAX_STRINGS: Final = 2_000_000  # in arrays; the largest vocabulary with its merges has 800,000
MAX_NAME: Final = 65_535
MAX_DEPTH: Final = 4
MAX_ALIGNMENT: Final = 1 << 20
_KEPT: Final = 4096  # elements of an array of numbers that are kept: one a block, never one a token
_FIRST: Final = 32 << 10
_MOST: Final = 4 << 20
_STRING, _ARRAY = 8, 9
_NUMBERS: Final[Mapping[int, str]] = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}


class GgufTensor(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor of the header.

    Attributes:
        name: as stored.
        shape: in numpy's order, the reverse of the file's.
        kind: its type.
        offset: where its bytes begin in the file.
        nbytes: how many there are.

    Example:
        >>> GgufTensor(name="output.weight", shape=(8, 32), kind=TYPES[8], offset=512, nbytes=272).kind.dtype
        'q8_0'
    """

    name: str
    shape: tuple[int, ...]
    kind: GgufType
    offset: int
    nbytes: int


class GgufHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a header tells.

    Attributes:
        metadata: numbers, strings and short arrays of numbers by key; a vocabulary is passed over.
        tensors: in the file's order.
        big: the file is in big-endian order.

    Example:
        >>> GgufHeader(metadata={}, tensors=(), big=False).tensors
        ()
    """

    metadata: Mapping[str, Any]
    tensors: tuple[GgufTensor, ...]
    big: bool


def read_header(reader: RangeReader) -> GgufHeader:
    """Read and check the header; no weight is touched.

    Args:
        reader: the file.

    Raises:
        SourceError: the header breaks a rule of the format or says what the file cannot hold; without `where`.

    Source: the GGUF specification, ggml/docs/gguf.md.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "m.gguf"
        >>> head = struct.pack("<4sIQQ", b"GGUF", 3, 1, 0)
        >>> info = struct.pack("<Q1sIQIQ", 1, b"w", 1, 4, 0, 0)
        >>> _ = path.write_bytes((head + info).ljust(64, b"x") + bytes(16))
        >>> reader = LocalRange(path)
        >>> tensor = read_header(reader).tensors[0]
        >>> tensor.name, tensor.shape, tensor.offset
        ('w', (4,), 64)
        >>> reader.close()
    """
    if reader.size < 8 or bytes(reader.read(0, 4)) != MAGIC:
        raise _damaged(f"the file is {reader.size} bytes long, shorter than a GGUF header")
    version = bytes(reader.read(4, 4))
    big = version[:2] == b"\0\0"  # a version below 65536, its bytes the other way round
    number = int.from_bytes(version, "big" if big else "little")
    if number not in VERSIONS:
        raise SourceError(f"is GGUF of version {number}; versions 1 to 3 are read", hint="is there a newer eigentail?")
    parser = _Parser(_Cursor(reader, 8, big), old=number == 1)
    return parser.header(reader.size)


@final
class _Cursor:
    """The bytes of a header one after the other, read in windows that grow."""

    def __init__(self, reader: RangeReader, at: int, big: bool) -> None:
        self._reader, self.at, self.big = reader, at, big
        self._order = ">" if big else "<"
        self._end = min(reader.size, MAX_HEADER)
        self._window, self._begin, self._grown = b"", at, _FIRST

    @property
    def left(self) -> int:
        """The bytes that a header may still take."""
        return self._end - self.at

    def number(self, code: str) -> Any:
        """The number of this struct code that comes next."""
        return struct.unpack(self._order + code, self.take(struct.calcsize("<" + code)))[0]

    def take(self, n: int) -> bytes:
        """The next `n` bytes."""
        if n > self.left:
            cut = "the file ends" if self._end < MAX_HEADER else f"{MAX_HEADER >> 20} MiB are over"
            raise _damaged(f"{cut} inside the header, which asks for {n} bytes at {self.at}")
        first = self.at - self._begin
        if first + n > len(self._window):
            size = min(max(n, self._grown), self.left)
            self._window, self._begin, first = bytes(self._reader.read(self.at, size)), self.at, 0
            self._grown = min(2 * self._grown, _MOST)
        self.at += n
        return self._window[first : first + n]

    def skip_strings(self, count: int, code: str) -> None:
        """Pass over strings, each behind its length: a vocabulary has hundreds of thousands."""
        length = struct.Struct(self._order + code)
        for _ in range(count):
            first = self.at - self._begin
            if first + length.size > len(self._window):
                self.skip(self.number(code))
                continue
            self.at += length.size
            self.skip(length.unpack_from(self._window, first)[0])

    def skip(self, n: int) -> None:
        """Pass over bytes without reading them."""
        if n > self.left:
            self.take(n)
        self.at += n
        if self.at > self._begin + len(self._window):
            self._window, self._begin = b"", self.at


@final
class _Parser:
    """One pass over the header."""

    def __init__(self, cursor: _Cursor, *, old: bool) -> None:
        self._cursor = cursor
        self._count = "I" if old else "Q"  # version 1 counted in 32 bits
        self._entries = self._strings = 0

    def header(self, size: int) -> GgufHeader:
        """Everything, checked."""
        tensors, pairs = self._number("tensors"), self._number("metadata")
        metadata: dict[str, Any] = {}
        for _ in range(pairs):
            self._pair(metadata)
        found = [self._tensor() for _ in range(tensors)]
        for name, times in Counter(tensor.name for tensor in found).most_common(1):
            if times > 1:
                raise _damaged(f"the header names the tensor {name[:80]!r} twice")
        alignment = _alignment(metadata)
        data = -(-self._cursor.at // alignment) * alignment
        placed = tuple(msgspec.structs.replace(tensor, offset=data + tensor.offset) for tensor in found)
        _check_places(placed, data, alignment, size)
        return GgufHeader(metadata=metadata, tensors=placed, big=self._cursor.big)

    def _number(self, of: str) -> int:
        """How many tensors or keys follow; each takes 9 bytes at the very least."""
        count = int(self._cursor.number(self._count))
        self._spend_entries(count, 9, of)
        return count

    def _spend_entries(self, count: int, least: int, of: str) -> None:
        """Refuse counts that the header cannot hold, or that would take minutes."""
        self._check_room(count, least, of)
        self._entries += count
        if self._entries > MAX_ENTRIES:
            raise SourceError(f"the header has more than {MAX_ENTRIES} entries: no model has so many")

    def _check_room(self, count: int, least: int, of: str) -> None:
        if count * least > self._cursor.left:
            raise _damaged(f"the header says it has {count} {of}, more than the file can hold")

    def _string(self, longest: int) -> str:
        length = int(self._cursor.number(self._count))
        if length > longest:
            raise _damaged(f"a name in the header is {length} bytes long")
        try:
            return self._cursor.take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise _damaged("a name in the header is not UTF-8") from error

    def _pair(self, metadata: dict[str, Any]) -> None:
        """One key and its value."""
        key = self._string(MAX_NAME)
        if key in metadata:
            raise _damaged(f"the header has the key {key[:80]!r} twice")
        metadata[key] = self._value(self._cursor.number("I"), key, 0)

    def _value(self, kind: int, key: str, depth: int) -> Any:
        """A value, or None for one that is passed over: long strings and arrays, strings in arrays."""
        if kind in _NUMBERS:
            return self._cursor.number(_NUMBERS[kind])
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY:
            raise _damaged(f"the key {key[:80]!r} has a value of type {kind}, which the format does not have")
        if depth >= MAX_DEPTH:
            raise _damaged(f"the key {key[:80]!r} has arrays in arrays, deeper than {MAX_DEPTH}")
        inner, count = self._cursor.number("I"), int(self._cursor.number(self._count))
        if inner in _NUMBERS:
            return self._row(_NUMBERS[inner], count)
        if inner == _STRING:
            self._pass_strings(count)
            return None
        self._spend_entries(count, 8, "values in one array")
        for _ in range(count):
            self._value(inner, key, depth + 1)
        return None

    def _text(self) -> str | None:
        """A string; damaged or long ones (a chat template) are nobody's business here."""
        length = int(self._cursor.number(self._count))
        if length > MAX_NAME:
            self._cursor.skip(length)
            return None
        return self._cursor.take(length).decode("utf-8", errors="replace")

    def _pass_strings(self, count: int) -> None:
        """Pass over an array of strings."""
        self._check_room(count, struct.calcsize("<" + self._count), "strings in one array")
        self._strings += count
        if self._strings > MAX_STRINGS:
            raise SourceError(f"the header has more than {MAX_STRINGS} strings: no vocabulary has so many")
        self._cursor.skip_strings(count, self._count)

    def _row(self, code: str, count: int) -> tuple[Any, ...] | None:
        """An array of numbers, kept where it is short."""
        width = struct.calcsize("<" + code)
        if count > _KEPT:
            self._cursor.skip(count * width)
            return None
        order = ">" if self._cursor.big else "<"
        return struct.unpack(f"{order}{count}{code}", self._cursor.take(count * width))

    def _tensor(self) -> GgufTensor:
        """One line of the table; the offset still counts from the end of the header."""
        name = self._string(MAX_NAME)
        axes = self._cursor.number("I")
        if axes > MAX_AXES:
            raise _damaged(f"tensor {name[:80]!r} has {axes} axes; the format allows {MAX_AXES}")
        shape = tuple(int(self._cursor.number(self._count)) for _ in range(axes))[::-1]
        number, offset = self._cursor.number("I"), self._cursor.number("Q")
        kind = _type_of(name, number)
        return GgufTensor(name=name, shape=shape, kind=kind, offset=offset, nbytes=_nbytes(name, shape, kind))


def _type_of(name: str, number: int) -> GgufType:
    """The type with this number."""
    if number in WITHDRAWN:
        what = f"tensor {name[:80]!r} is stored as {WITHDRAWN[number]}, a type that llama.cpp has withdrawn"
        raise SourceError(what, hint="make the file again with a current llama.cpp")
    if number not in TYPES:
        what = f"tensor {name[:80]!r} has the type number {number}, which is not known here"
        raise SourceError(what, hint="is the file damaged, or is there a newer eigentail?")
    return TYPES[number]


def _nbytes(name: str, shape: tuple[int, ...], kind: GgufType) -> int:
    """The bytes a tensor takes: its rows are whole blocks."""
    row = shape[-1] if shape else 1
    if row % kind.block:
        raise _damaged(f"tensor {name[:80]!r} has rows of {row} values, no multiple of {kind.block} ({kind.dtype})")
    if prod(max(size, 1) for size in shape) >= 2**62:  # an empty axis must not hide a huge one
        raise _damaged(f"tensor {name[:80]!r} has an impossible shape {shape}")
    return prod(shape) // kind.block * kind.nbytes


def _alignment(metadata: Mapping[str, Any]) -> int:
    """The multiple at which every tensor begins."""
    alignment = metadata.get("general.alignment", 32)
    usable = type(alignment) is int and 0 < alignment <= MAX_ALIGNMENT and alignment & (alignment - 1) == 0
    if not usable:
        raise _damaged(f"the header says an alignment of {str(alignment)[:80]}, which is no power of two")
    return int(alignment)


def _check_places(tensors: tuple[GgufTensor, ...], data: int, alignment: int, size: int) -> None:
    """Every tensor aligned, inside the file, and no byte in two of them."""
    end, last = data, ""
    for tensor in sorted(tensors, key=lambda tensor: (tensor.offset, tensor.nbytes)):
        if (tensor.offset - data) % alignment:
            raise _damaged(f"tensor {tensor.name[:80]!r} does not begin at a multiple of {alignment}")
        if tensor.offset + tensor.nbytes > size:
            raise _damaged(
                f"tensor {tensor.name[:80]!r} needs the bytes {tensor.offset} to {tensor.offset + tensor.nbytes}, "
                f"but the file ends at {size}"
            )
        if tensor.nbytes and tensor.offset < end:
            raise _damaged(f"tensors {last[:80]!r} and {tensor.name[:80]!r} overlap")
        if tensor.nbytes:
            end, last = tensor.offset + tensor.nbytes, tensor.name


def _damaged(what: str) -> SourceError:
    return SourceError(what, hint=REFETCH)
