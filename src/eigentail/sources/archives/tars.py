"""Tar archives: where the bytes of each member lie. Nothing is unpacked."""

from __future__ import annotations

from typing import Final

from eigentail.errors import SourceError
from eigentail.sources.archives.inflated import StoredRange
from eigentail.sources.ranges import RangeReader

BLOCK: Final = 512
MAX_MEMBERS: Final = 100_000
MAX_RECORD: Final = 1 << 16

_FILE, _LONG_NAME, _PAX, _PAX_ALL = (b"0", b"\0", b"7"), b"L", b"x", b"g"
_DAMAGED: Final = "the archive is damaged or was cut short: fetch it again"


def tar_members(reader: RangeReader, where: str) -> dict[str, StoredRange]:
    """The files in an archive, by their names without "./" in front; the last of one name counts.

    Args:
        reader: the archive.
        where: its path, for error messages.

    Raises:
        SourceError: it is damaged, or a member ends beyond it.

    Source: POSIX.1-2001, pax interchange format; the GNU extensions for long names and large sizes.

    Example:
        >>> import io, tarfile
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> file = io.BytesIO()
        >>> with tarfile.open(fileobj=file, mode="w") as archive:
        ...     member = tarfile.TarInfo("./w")
        ...     member.size = 4
        ...     archive.addfile(member, io.BytesIO(b"tail"))
        >>> members = tar_members(BytesRange(file.getvalue()), "a.tar")
        >>> {name: bytes(member.read(0, member.size)) for name, member in members.items()}
        {'w': b'tail'}
    """
    found: dict[str, StoredRange] = {}
    extra: dict[str, str] = {}
    at, seen = 0, 0
    while at + BLOCK <= reader.size and any(header := bytes(reader.read(at, BLOCK))):
        seen += 1
        if seen > MAX_MEMBERS or not _is_header(header):
            what = f"has more than {MAX_MEMBERS:,} members" if seen > MAX_MEMBERS else f"has no tar header at byte {at}"
            raise SourceError(what, where=where, hint=_DAMAGED)
        kind, size = header[156:157], _size(header, extra)
        if size < 0 or at + BLOCK + size > reader.size:
            raise SourceError(f"the member at byte {at} ends beyond the archive", where=where, hint=_DAMAGED)
        body = StoredRange(reader, at + BLOCK, size)
        if kind in _FILE:
            found[extra.get("path", _name(header)).removeprefix("./")] = body
        extra = _extra(kind, body, where) if kind in (_LONG_NAME, _PAX) else {} if kind != _PAX_ALL else extra
        at += BLOCK + size + -size % BLOCK
    return found


def _is_header(header: bytes) -> bool:
    """Whether the sum of a header's bytes is the one it states."""
    said = header[148:156].split(b"\0")[0].strip()
    return said.isdigit() and len(said) < 8 and _octal(said) == sum(header[:148]) + sum(header[156:]) + 8 * 32


def _octal(digits: bytes) -> int:
    return int(digits, 8) if digits and set(digits) <= set(b"01234567") else 0 if not digits else -1


def _size(header: bytes, extra: dict[str, str]) -> int:
    """The size of a member; -1 for one that cannot be read."""
    if "size" in extra:
        return int(extra["size"]) if extra["size"].isdecimal() and len(extra["size"]) < 19 else -1
    if header[124] & 0x80:
        return int.from_bytes(header[125:136], "big")
    return _octal(header[124:136].split(b"\0")[0].strip())


def _name(header: bytes) -> str:
    name, prefix = (part.split(b"\0")[0].decode("utf-8", "replace") for part in (header[:100], header[345:500]))
    return f"{prefix}/{name}" if prefix and header[257:263] == b"ustar\0" else name


def _extra(kind: bytes, body: StoredRange, where: str) -> dict[str, str]:
    """What a record says of the member after it: its name, and its size where the header has no room."""
    if body.size > MAX_RECORD:
        raise SourceError(f"has a record of {body.size:,} bytes in front of a member", where=where, hint=_DAMAGED)
    data = bytes(body.read(0, body.size))
    if kind == _LONG_NAME:
        return {"path": data.split(b"\0")[0].decode("utf-8", "replace")}
    found: dict[str, str] = {}
    while data:
        digits, _, _ = data.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 6 else 0
        if not len(digits) < length <= len(data):
            raise SourceError("has a record that is not one of pax", where=where, hint=_DAMAGED)
        key, _, value = data[len(digits) + 1 : length - 1].decode("utf-8", "replace").partition("=")
        found[key] = value
        data = data[length:]
    return {key: value for key, value in found.items() if key in ("path", "size")}
