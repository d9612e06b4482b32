"""The attributes of an HDF5 object that are text, read from its header.

HDF5's own library can be made to search a damaged heap for ever, and to copy one huge text once for every element of a
list; Python cannot stop it. Here each byte is read once, and all of them are counted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import prod
from typing import Final, NamedTuple, final

from eigentail.errors import SourceError
from eigentail.sources.ranges import RangeReader

MAX_BYTES: Final = 32 << 20
MAX_TEXTS: Final = 100_000
_ATTRIBUTE: Final = 0x0C
_CONTINUATION: Final = 0x10
_SHARED: Final = 2
_STRING: Final = 3
_VARYING: Final = 9
_PAD: Final = 8

Texts = dict[str, tuple[str, ...]]


class _Damaged(Exception):  # noqa: N818 - a way out of this file, not an error for anyone else
    """Something that no writer of HDF5 writes."""


class _Form(NamedTuple):
    """How messages lie in a header: of version 1, or of version 2 with or without the order of creation."""

    version: int
    ordered: bool


@final
class TextReader:
    """Reads the text attributes of objects, no more than so many bytes in all.

    Args:
        reader: the bytes of the file.

    Source: HDF5 File Format Specification 3.0, sections III.E (global heap), IV.A.1 (object headers), IV.A.2.d
        (datatype) and IV.A.2.m (attribute).

    Example:
        >>> import tempfile
        >>> import h5py
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = tempfile.mkdtemp() + "/m.h5"
        >>> with h5py.File(path, "w") as file:
        ...     file.attrs["name"], file.attrs["layer_names"] = "fc", [b"a", b"bc"]
        ...     address = h5py.h5o.get_info(file.id).addr
        >>> reader = LocalRange(path)
        >>> TextReader(reader).texts(address)
        {'layer_names': ('a', 'bc'), 'name': ('fc',)}
        >>> reader.close()
    """

    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader
        self._left = MAX_BYTES
        self._heaps: dict[int, dict[int, bytes]] = {}

    def texts(self, address: int) -> Texts:
        """Name to text, or texts where it is a list; attributes that are damaged or kept in another way are left out.

        Args:
            address: where the header of the object begins.

        Raises:
            SourceError: the header is damaged, or the texts of the file are too long.
        """
        try:
            found = dict(sorted(self._attributes(address)))
        except (_Damaged, struct.error, IndexError) as error:
            raise SourceError("has a header that is damaged", hint="fetch it again") from error
        return {name: texts for name, texts in found.items() if texts}

    def _bytes(self, offset: int, n: int) -> bytes:
        self._left -= n
        if self._left < 0:
            raise SourceError(f"has more than {MAX_BYTES:,} bytes of names and configuration")
        if offset + n > self._reader.size:
            raise _Damaged
        return bytes(self._reader.read(offset, n))

    def _attributes(self, address: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        form, blocks = self._header(address)
        seen: set[int] = set()
        while blocks:
            for kind, flags, data in _messages(blocks.pop(), form):
                if kind == _CONTINUATION:
                    offset, n = struct.unpack_from("<QQ", data)
                    if offset in seen:
                        raise _Damaged
                    seen.add(offset)
                    block = self._bytes(offset, n)
                    blocks.append(block if form.version == 1 else block[4:-4])
                elif kind == _ATTRIBUTE and not flags & _SHARED:
                    yield self._attribute(data)

    def _header(self, address: int) -> tuple[_Form, list[bytes]]:
        """The form of a header and its first block of messages."""
        start = self._bytes(address, 16)
        if not start.startswith(b"OHDR"):
            (size,) = struct.unpack_from("<I", start, 8)
            return _Form(1, ordered=False), [self._bytes(address + 16, size)]
        flags = start[5]
        at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(self._bytes(address + at, width), "little")
        return _Form(2, ordered=bool(flags & 4)), [self._bytes(address + at + width, size)]

    def _attribute(self, data: bytes) -> tuple[str, tuple[str, ...]]:
        """The name of an attribute and the texts in it, none when it is no text."""
        version = data[0]
        sizes = struct.unpack_from("<HHH", data, 2)
        at, parts = 9 if version == 3 else 8, []
        for size in sizes:
            parts.append(data[at : at + size])
            at += -(-size // _PAD) * _PAD if version == 1 else size
        name, kind, space = parts
        word = name.rstrip(b"\0").decode("utf-8", errors="replace")
        return word, self._values(kind, _extent(space), data[at:])

    def _values(self, kind: bytes, sizes: tuple[int, ...], data: bytes) -> tuple[str, ...]:
        """The texts of an attribute of that many elements."""
        width = int(struct.unpack_from("<I", kind, 4)[0])
        count = prod(sizes)
        if count > MAX_TEXTS or count * width > len(data):
            raise _Damaged
        elements = [data[at * width : (at + 1) * width] for at in range(count)]
        if kind[0] & 15 == _STRING:
            return tuple(_text(element) for element in elements)
        if kind[0] & 15 == _VARYING and kind[1] & 15 == 1 and width == 16:
            return tuple(_text(self._from_heap(*struct.unpack("<IQI", element))) for element in elements)
        return ()

    def _from_heap(self, n: int, address: int, index: int) -> bytes:
        """A text of its own length, of which the header has only the place."""
        if n == 0:
            return b""
        if address not in self._heaps:
            self._heaps[address] = dict(self._objects(address))
        found = self._heaps[address].get(index, b"")
        self._left -= n  # a text that many elements share counts each time
        if len(found) < n or self._left < 0:
            raise _Damaged
        return found[:n]

    def _objects(self, address: int) -> Iterator[tuple[int, bytes]]:
        """The objects of a heap by their numbers."""
        start = self._bytes(address, 16)
        if not start.startswith(b"GCOL"):
            raise _Damaged
        heap = self._bytes(address, struct.unpack_from("<Q", start, 8)[0])
        at = 16
        while at + 16 <= len(heap):
            index, _, size = struct.unpack_from("<HHxxxxQ", heap, at)
            if index == 0:
                return
            yield index, heap[at + 16 : at + 16 + size]
            at += 16 + -(-size // _PAD) * _PAD


def _messages(block: bytes, form: _Form) -> Iterator[tuple[int, int, bytes]]:
    """Kind, flags and content of the messages of a block; what is left at the end is no message."""
    at, head = 0, 8 if form.version == 1 else 6 if form.ordered else 4
    while at + head <= len(block):
        if form.version == 1:
            kind, size, flags = struct.unpack_from("<HHB", block, at)
        else:
            kind, size, flags = struct.unpack_from("<BHB", block, at)
        yield kind, flags, block[at + head : at + head + size]
        at += head + size


def _extent(space: bytes) -> tuple[int, ...]:
    """The sizes of a dataspace: () for a single value, (0,) for none."""
    version, rank = space[0], space[1]
    if version == 2 and space[3] == 2:
        return (0,)
    return struct.unpack_from(f"<{rank}Q", space, 8 if version == 1 else 4)


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", errors="replace")
