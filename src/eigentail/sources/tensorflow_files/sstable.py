"""Sorted tables as LevelDB writes them, of which TensorFlow makes the index of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, NoReturn

from eigentail.errors import SourceError
from eigentail.sources.ranges import REFETCH, RangeReader

FOOTER: Final = 48
MAGIC: Final = (0xDB4775248B80FB57).to_bytes(8, "little")
MAX_TABLE: Final = 16 << 20
MAX_KEY: Final = 4_096

_TRAILER: Final = 5  # how the block is packed, and its checksum
_POLYNOMIAL: Final = 0x82F63B78
_MASK: Final = 0xA282EAD8


def entries(reader: RangeReader, where: str) -> Iterator[tuple[bytes, bytes]]:
    """Every key and value of a table, in order.

    Args:
        reader: the file.
        where: what it is called in errors.

    Raises:
        SourceError: it is no such table, a block of it is packed or has another checksum than it should, or it is
            longer than 16 MiB.

    Source: https://github.com/google/leveldb/blob/main/doc/table_format.md; the blocks as in table/block_builder.cc.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> list(entries(BytesRange(b"short"), "x"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: x: is 5 bytes long, too short for a table: the file is damaged or was cut short...
    """
    if reader.size < FOOTER:
        _refuse(f"is {reader.size} bytes long, too short for a table", where)
    if reader.size > MAX_TABLE:
        _refuse(f"is {reader.size:,} bytes long, where a table has at most {MAX_TABLE:,}", where)
    data = bytes(reader.read(0, reader.size))
    if data[-8:] != MAGIC:
        _refuse("does not end as a table does", where)
    footer = data[-FOOTER:-8]
    _, at = _handle(footer, 0, where)
    index, _ = _handle(footer, at, where)
    last = b""
    for _, handle in _block(data, index, where):
        place, _ = _handle(handle, 0, where)
        for key, value in _block(data, place, where):
            if last and key <= last:
                _refuse(f"has the key {key[:80]!r} twice or out of order", where)
            last = key
            yield key, value


def crc32c(data: bytes) -> int:
    """The checksum of Castagnoli's polynomial.

    Args:
        data: what to sum.

    Source: RFC 3720, appendix B.4.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    table, value = _table(), 0xFFFF_FFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ (value >> 8)
    return value ^ 0xFFFF_FFFF


def masked(checksum: int) -> int:
    """A checksum as it is stored beside data that may hold checksums themselves.

    Source: https://github.com/google/leveldb/blob/main/util/crc32c.h.

    Example:
        >>> masked(0)
        2726488792
    """
    return (((checksum >> 15) | (checksum << 17)) + _MASK) & 0xFFFF_FFFF


def _block(data: bytes, place: tuple[int, int], where: str) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block; a key repeats the beginning of the one before."""
    begin, size = place
    if begin + size + _TRAILER > len(data):
        _refuse(f"has a block at bytes {begin} to {begin + size}, but ends at {len(data)}", where)
    content, kind = data[begin : begin + size], data[begin + size]
    stored = int.from_bytes(data[begin + size + 1 : begin + size + _TRAILER], "little")
    if masked(crc32c(data[begin : begin + size + 1])) != stored:
        _refuse(f"has a block at byte {begin} whose checksum is not the one stored with it", where)
    if kind != 0:
        hint = "save the checkpoint again with TensorFlow, which packs no index"
        raise SourceError(
            f"has a block at byte {begin} that is packed (Snappy), which is not read", where=where, hint=hint
        )
    restarts = int.from_bytes(content[-4:], "little")
    end = size - 4 - 4 * restarts
    if size < 4 or end < 0:
        _refuse(f"has a block at byte {begin} that does not say where its keys begin", where)
    at, key = 0, b""
    while at < end:
        shared, at = _number(content, at, end, where)
        own, at = _number(content, at, end, where)
        length, at = _number(content, at, end, where)
        if shared > len(key) or at + own + length > end or shared + own > MAX_KEY:
            _refuse(f"has an entry in the block at byte {begin} that goes beyond it", where)
        key = key[:shared] + content[at : at + own]
        yield key, content[at + own : at + own + length]
        at += own + length


def _handle(data: bytes, at: int, where: str) -> tuple[tuple[int, int], int]:
    """Where a block begins and its size."""
    begin, at = _number(data, at, len(data), where)
    size, at = _number(data, at, len(data), where)
    return (begin, size), at


def _number(data: bytes, at: int, end: int, where: str) -> tuple[int, int]:
    """A number of varying length, and where it ends."""
    value = 0
    for place, byte in enumerate(data[at : min(at + 10, end)]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    return _refuse("has a number that does not end", where)


@cache
def _table() -> tuple[int, ...]:
    """What each byte adds to the checksum."""
    found = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        found.append(value)
    return tuple(found)


def _refuse(what: str, where: str) -> NoReturn:
    raise SourceError(what, where=where, hint=REFETCH)
