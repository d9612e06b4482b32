"""Protocol Buffers on the wire: the fields of a message, one by one, without reading what is long in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn, final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.ranges import REFETCH, RangeReader

MAX_DEPTH: Final = 64
MAX_FIELDS: Final = 2_000_000
MAX_TEXT: Final = 65_536
SMALLEST_PAGE: Final = 1 << 10
LARGEST_PAGE: Final = 1 << 16
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_LONGEST_VARINT: Final = 10
_LONGEST_FIELD: Final = 2 * _LONGEST_VARINT
_KINDS: Final = frozenset({VARINT, FIXED64, BYTES, FIXED32})
_SIZES: Final = {FIXED64: 8, FIXED32: 4}


class Field(msgspec.Struct, frozen=True, gc=False):
    """One field of a message.

    Attributes:
        number: which one, as the format's definition counts.
        kind: how it is written: `VARINT`, `FIXED64`, `BYTES` or `FIXED32`.
        value: the number of a varint, unsigned; 0 for the others.
        begin: where its content begins in the file.
        end: where it ends.

    Example:
        >>> Field(1, BYTES, 0, 2, 6).size
        4
    """

    number: int
    kind: int
    value: int
    begin: int
    end: int

    @property
    def size(self) -> int:
        """The bytes of its content."""
        return self.end - self.begin


@final
class _Pages:
    """Small reads of a file from one window at a time, which grows while the reading goes on in order.

    The weights lie between the small fields: a large window at every jump would read them after all.
    """

    def __init__(self, reader: RangeReader) -> None:
        self._reader, self.size = reader, reader.size
        self._page, self._begin, self._length = b"", 0, SMALLEST_PAGE
        self.fields = 0

    def window(self, at: int) -> tuple[bytes, int]:
        """Bytes that hold the twenty from `at` on, as far as the file goes, and where they begin."""
        held = self._begin + len(self._page)
        if not self._begin <= at or min(at + _LONGEST_FIELD, self.size) > held:
            onward = held - _LONGEST_FIELD <= at <= held + _LONGEST_FIELD
            self._length = min(2 * self._length, LARGEST_PAGE) if onward else SMALLEST_PAGE
            self._begin = at
            self._page = bytes(self._reader.read(at, min(self._length, self.size - at)))
        return self._page, self._begin

    def bytes_at(self, begin: int, end: int) -> bytes:
        """A short stretch."""
        page, start = self.window(begin)
        if end <= start + len(page):
            return page[begin - start : end - start]
        return bytes(self._reader.read(begin, end - begin))


@final
class Message:
    """A stretch of a file as a message: its fields are found one after the other, and what is long is left alone.

    Args:
        pages: the file; `read_message` makes it.
        begin: where the message begins.
        end: where it ends.
        where: the file, for errors.
        depth: how many messages it lies in.

    Raises:
        SourceError: on reading, what is there is no message: a length beyond the end, an unknown kind of field, a
            number that does not end, nesting of more than 64, or more than 2 million fields in all.

    Source: the Protocol Buffers encoding, https://protobuf.dev/programming-guides/encoding.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(bytes([0x08, 0x96, 0x01, 0x12, 0x04]) + b"tail")
        >>> reader = LocalRange(path)
        >>> message = read_message(reader, str(path))
        >>> [(field.number, field.value, field.size) for field in message.fields()]
        [(1, 150, 2), (2, 0, 4)]
        >>> [message.text(field) for field in message.fields() if field.number == 2]
        ['tail']
        >>> reader.close()
    """

    def __init__(self, pages: _Pages, begin: int, end: int, where: str, depth: int = 0) -> None:
        self._pages, self.begin, self.end = pages, begin, end
        self._where, self._depth = where, depth

    def fields(self) -> Iterator[Field]:
        """Every field, in the file's order."""
        at, page, start = self.begin, b"", self.end
        while at < self.end:
            if not start <= at <= start + len(page) - _LONGEST_FIELD:
                page, start = self._pages.window(at)
            tag = page[at - start]
            tag, begin = (tag, at + 1) if tag < 128 else self._varint(at)
            kind, value = tag & 7, 0
            if kind <= BYTES and kind != FIXED64:
                near = begin - start < len(page) and begin < self.end
                value = page[begin - start] if near else 128
                value, begin_of = (value, begin + 1) if value < 128 else self._varint(begin)
            if kind == VARINT:
                end = begin_of
            elif kind == BYTES:
                value, begin, end = 0, begin_of, begin_of + value
            else:
                end = begin + _SIZES.get(kind, 0)
            self._check(tag, at, end)
            yield Field(tag >> 3, kind, value, begin, end)
            at = end

    def message(self, field: Field) -> Message:
        """The message that a field holds."""
        self._expect(field, BYTES)
        if self._depth >= MAX_DEPTH:
            self.refuse(f"is nested more than {MAX_DEPTH} deep")
        return Message(self._pages, field.begin, field.end, self._where, self._depth + 1)

    def text(self, field: Field) -> str:
        """The text that a field holds, of at most 64 KiB."""
        try:
            return self.content(field, MAX_TEXT).decode("utf-8")
        except UnicodeDecodeError:
            self.refuse(f"has at byte {field.begin} a text that is not UTF-8")

    def content(self, field: Field, limit: int) -> bytes:
        """The bytes of a field, which must not be more than the limit."""
        self._expect(field, BYTES)
        if field.size > limit:
            self.refuse(f"has at byte {field.begin} {field.size:,} bytes where at most {limit:,} are expected")
        return self._pages.bytes_at(field.begin, field.end)

    def integer(self, field: Field) -> int:
        """The signed whole number that a field holds."""
        self._expect(field, VARINT)
        return _signed(field.value)

    def integers(self, field: Field, limit: int) -> list[int]:
        """The signed whole numbers of one field, packed or alone, at most as many as the limit."""
        if field.kind != BYTES:
            return [self.integer(field)]
        found, at = [], field.begin
        while at < field.end:
            value, at = self._varint(at)
            found.append(_signed(value))
            if len(found) > limit or at > field.end:
                self.refuse(f"has at byte {field.begin} a list of numbers that does not end where it should")
        return found

    def bytes_of(self, field: Field) -> bytes:
        """The bytes of a number of fixed size."""
        if field.kind not in _SIZES:
            self._expect(field, FIXED32)
        return self._pages.bytes_at(field.begin, field.end)

    def refuse(self, what: str) -> NoReturn:
        """Say that the file is not what it should be.

        Raises:
            SourceError: always.
        """
        raise SourceError(what, where=self._where, hint=REFETCH)

    def _check(self, tag: int, at: int, end: int) -> None:
        """Refuse a field that cannot be one, or one too many."""
        self._pages.fields += 1
        if self._pages.fields > MAX_FIELDS:
            self.refuse(f"has more than {MAX_FIELDS:,} fields")
        if tag < 8 or tag & 7 not in _KINDS:
            self.refuse(f"has at byte {at} what is no field of a message")
        if end > self.end:
            self.refuse(f"has a field at byte {at} that would end at {end}, where its message ends at {self.end}")

    def _expect(self, field: Field, kind: int) -> None:
        if field.kind != kind:
            self.refuse(f"has at byte {field.begin} another kind of field than its format has there")

    def _varint(self, at: int) -> tuple[int, int]:
        """The number at a place, and where it ends."""
        page, start = self._pages.window(at)
        at -= start
        value = shift = 0
        for byte in page[at : min(at + _LONGEST_VARINT, self.end - start)]:
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at + start
            shift += 7
        return self.refuse(f"has a number that does not end at byte {at + start}")


def read_message(reader: RangeReader, where: str, begin: int = 0, size: int | None = None) -> Message:
    r"""A file, or a stretch of it, as a message; nothing is read yet.

    Args:
        reader: the file.
        where: what it is called in errors.
        begin: where the message begins.
        size: how long it is, None for all the rest.

    Raises:
        SourceError: the stretch is not within the file.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"\x0a\x05tail")
        >>> reader = LocalRange(path)
        >>> list(read_message(reader, "x").fields())
        Traceback (most recent call last):
        eigentail.errors.SourceError: x: has a field at byte 0 that would end at 7, where its message ends at 6: the ...
        >>> reader.close()
    """
    end = reader.size if size is None else begin + size
    if not 0 <= begin <= end <= reader.size:
        raise SourceError(f"has {reader.size} bytes where {end} are needed", where=where, hint=REFETCH)
    return Message(_Pages(reader), begin, end, where)


def _signed(value: int) -> int:
    """A varint as the signed 64-bit number it stands for."""
    return value - (1 << 64) if value >> 63 else value
