"""MessagePack as Flax writes it: a tree of dicts whose arrays are found and left where they lie."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NoReturn, final

from eigentail.errors import SourceError
from eigentail.sources.ranges import REFETCH, RangeReader

MAX_DEPTH: Final = 64
MAX_NODES: Final = 400_000
MAX_NAME: Final = 4096
MAX_AXES: Final = 64
WINDOW: Final = 512

_ARRAY, _SCALAR = 1, 3  # the extension types in which Flax keeps arrays
# First byte to the form of the length that follows, or of the number itself.
_BIN: Final = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
_EXT: Final = {0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}
_FIXEXT: Final = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_NUMBER: Final = {
    0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
    0xCA: ">f", 0xCB: ">d",
}  # fmt: skip
_STR: Final = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_LIST: Final = {0xDC: ">H", 0xDD: ">I"}
_MAP: Final = {0xDE: ">H", 0xDF: ">I"}
_CONSTANT: Final = {0xC0: None, 0xC2: False, 0xC3: True}


class Extent(NamedTuple):
    """One array: what the file says of it, and where its bytes are.

    Example:
        >>> Extent((2,), "float32", 40, 8).nbytes
        8
    """

    shape: tuple[object, ...]
    dtype: str
    offset: int
    nbytes: int


class Left(NamedTuple):
    """Bytes that are no array and were not read.

    Example:
        >>> Left(40, 8).nbytes
        8
    """

    offset: int
    nbytes: int


def read_tree(reader: RangeReader, where: str) -> Mapping[str, Any]:
    r"""The tree in a MessagePack file, with an `Extent` in the place of every array; their bytes are not read.

    Args:
        reader: the file.
        where: its path, for error messages.

    Returns:
        Dicts by words, lists as dicts by numbers; scalars; `Extent` and `Left`.

    Raises:
        SourceError: the file is damaged, is no dict at its top, or is deeper or larger than any checkpoint.

    Source: the MessagePack specification; `_ndarray_to_bytes` and `_MsgpackExtType` in flax/serialization.py.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> array = b"\x93" + b"\x91\x02" + b"\xa5uint8" + b"\xc4\x02" + b"ab"
        >>> packed = b"\x81" + b"\xa1w" + b"\xc7" + bytes([len(array), 1]) + array
        >>> read_tree(BytesRange(packed), "m.msgpack")
        {'w': Extent(shape=(2,), dtype='uint8', offset=17, nbytes=2)}
    """
    walk = _Walk(reader, where)
    tree = walk.value(0)
    if not isinstance(tree, dict):
        walk.refuse("holds no tree of arrays by name")
    if walk.at != reader.size:
        walk.refuse(f"goes on for {reader.size - walk.at} bytes after its tree")
    return tree


@final
class _Walk:
    """One pass over a file that reads what is between the arrays, a window at a time."""

    def __init__(self, reader: RangeReader, where: str) -> None:
        self._reader, self._where = reader, where
        self._window, self._start, self._nodes = b"", 0, 0
        self.at = 0

    def refuse(self, what: str) -> NoReturn:
        raise SourceError(what, where=self._where, hint=REFETCH)

    def value(self, depth: int) -> Any:
        """What begins here, taken in; arrays and long bytes are stepped over."""
        self._nodes += 1
        if depth > MAX_DEPTH:
            self.refuse(f"holds dicts nested more than {MAX_DEPTH} deep")
        if self._nodes > MAX_NODES:
            self.refuse(f"holds more than {MAX_NODES:,} values, which no checkpoint does")
        code = self._take(1)[0]
        if code < 0x80 or code >= 0xE0:
            return code if code < 0x80 else code - 0x100
        if code in _CONSTANT:
            return _CONSTANT[code]
        if code in _NUMBER:
            return self._number(_NUMBER[code])
        if code in _EXT or code in _FIXEXT:
            return self._extension(self._length(code, _EXT, 0) if code in _EXT else _FIXEXT[code])
        if 0xA0 <= code < 0xC0 or code in _STR:
            return self._text(self._length(code, _STR, code & 0x1F))
        if code in _BIN:
            return self._step_over(self._length(code, _BIN, 0))
        return self._container(code, depth)

    def _container(self, code: int, depth: int) -> dict[str, Any]:
        if code < 0x90 or code in _MAP:
            return self._dict(self._length(code, _MAP, code & 0x0F), depth)
        if code < 0xA0 or code in _LIST:
            count = self._checked(self._length(code, _LIST, code & 0x0F), 1)
            return {str(at): self.value(depth + 1) for at in range(count)}
        return self.refuse(f"byte {self.at - 1} is {code:#x}, with which nothing in MessagePack begins")

    def _dict(self, count: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(self._checked(count, 2)):
            key = self.value(depth + 1)
            if not isinstance(key, str | int):
                self.refuse("has a name that is no word")
            if str(key) in found:
                self.refuse(f"has two values called {str(key)[:80]!a}")
            found[str(key)] = self.value(depth + 1)
        return found

    def _extension(self, nbytes: int) -> Extent | Left:
        """An array by its own header, and right behind it the next value; anything else is stepped over."""
        (kind,) = self._take(1)
        begin, end = self.at, self.at + nbytes
        if end > self._reader.size:
            self.refuse(f"a value ends at byte {end}, but the file at {self._reader.size}")
        if kind not in (_ARRAY, _SCALAR):
            return self._step_over(nbytes)
        extent = self._array()
        if self.at != end:
            self.refuse(f"the array at byte {begin} does not fill its {nbytes} bytes")
        return extent

    def _array(self) -> Extent:
        """(shape, name of the type, bytes)."""
        if self._take(1)[0] != 0x93:
            self.refuse(f"the array at byte {self.at - 1} is not one of shape, type and bytes")
        code = self._take(1)[0]
        axes = self._length(code, _LIST, code & 0x0F) if 0x90 <= code < 0xA0 or code in _LIST else MAX_AXES + 1
        if axes > MAX_AXES:
            self.refuse(f"the array at byte {self.at - 1} has no shape that an array can have")
        shape, dtype, data = tuple(self._flat() for _ in range(axes)), self._flat(), self._flat()
        if not isinstance(dtype, str) or not isinstance(data, Left):
            self.refuse(f"the array that ends at byte {self.at} is not one of shape, type and bytes")
        return Extent(shape, dtype, data.offset, data.nbytes)

    def _flat(self) -> Any:
        """A value that holds no others."""
        code = self._take(1)[0]
        if 0x80 <= code < 0xA0 or code in (*_LIST, *_MAP, *_EXT, *_FIXEXT):
            self.refuse(f"the array before byte {self.at} is not one of shape, type and bytes")
        self.at -= 1
        return self.value(MAX_DEPTH)

    def _length(self, code: int, codes: Mapping[int, str], fixed: int) -> int:
        return int(self._number(codes[code])) if code in codes else fixed

    def _number(self, form: str) -> int | float:
        number: int | float = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return number

    def _checked(self, count: int, least: int) -> int:
        """A count, if there are as many bytes left as it needs at least."""
        if count * least > self._reader.size - self.at:
            self.refuse(f"says at byte {self.at} that {count} values follow, more than the file can hold")
        return count

    def _text(self, nbytes: int) -> str | Left:
        """A name; a text longer than any name is stepped over."""
        if nbytes > MAX_NAME:
            return self._step_over(nbytes)
        try:
            return self._take(nbytes).decode()
        except UnicodeDecodeError:
            return self.refuse(f"a name before byte {self.at} is not UTF-8")

    def _step_over(self, nbytes: int) -> Left:
        left = Left(self.at, nbytes)
        if self.at + nbytes > self._reader.size:
            self.refuse(f"a value ends at byte {self.at + nbytes}, but the file at {self._reader.size}")
        self.at += nbytes
        return left

    def _take(self, n: int) -> bytes:
        """The next bytes, out of the window that was read last where they are in it."""
        begin = self.at - self._start
        if not 0 <= begin <= begin + n <= len(self._window):
            if self.at + n > self._reader.size:
                self.refuse(f"the file ends at byte {self._reader.size}, inside a value")
            self._start, begin = self.at, 0
            self._window = bytes(self._reader.read(self.at, min(max(n, WINDOW), self._reader.size - self.at)))
        self.at += n
        return self._window[begin : begin + n]
