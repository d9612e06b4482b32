"""Zip archives, opened after a look at how much their directory would take."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Final

from eigentail.errors import SourceError
from eigentail.sources.ranges import REFETCH, RangeFile, RangeReader

MAX_DIRECTORY: Final = 64 << 20  # about a million members; Python takes ten times as much memory to list them
_END: Final = b"PK\x05\x06"
_END64: Final = b"PK\x06\x06"
_RECORDS: Final = 76 + 22  # what a large archive puts before the last record, and the last record
_COMMENT: Final = 65535


def open_archive(reader: RangeReader, where: str) -> zipfile.ZipFile:
    """Open a zip archive for reading.

    Args:
        reader: its bytes; closing the archive leaves it open.
        where: the path, for error messages.

    Raises:
        SourceError: it is not a whole archive, or its directory is beyond all measure.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "a.zip"
        >>> with zipfile.ZipFile(path, "w") as archive:
        ...     archive.writestr("w", b"tail")
        >>> reader = LocalRange(path)
        >>> open_archive(reader, "a.zip").namelist()
        ['w']
        >>> reader.close()
    """
    nbytes = _directory_bytes(reader)
    if nbytes > MAX_DIRECTORY:
        raise SourceError(
            f"the archive's directory takes {nbytes:,} bytes where {MAX_DIRECTORY:,} are allowed",
            where=where,
            hint="no checkpoint has so many members; it is not opened",
        )
    try:
        return zipfile.ZipFile(io.BufferedReader(RangeFile(reader)))
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
        raise SourceError(
            f"begins like a zip archive but is not a whole one ({error})",
            where=where,
            hint=REFETCH,
        ) from error


def _directory_bytes(reader: RangeReader) -> int:
    """What the last records say of the directory's size; 0 where there are none, which zipfile then tells."""
    tail = _last(reader, _RECORDS)
    if tail[-22:-18] != _END:  # only archives with a comment end otherwise: rare, and dearer to read from afar
        tail = _last(reader, _RECORDS + _COMMENT)
    sizes = [0]
    for mark, at, form in ((_END, 12, "<I"), (_END64, 40, "<Q")):
        found = tail.rfind(mark)
        if found >= 0 and found + at + struct.calcsize(form) <= len(tail):
            size = int(struct.unpack_from(form, tail, found + at)[0])
            sizes.append(size if size != 0xFFFFFFFF else 0)  # then the other record has it
    return max(sizes)


def _last(reader: RangeReader, n: int) -> bytes:
    n = min(reader.size, n)
    return bytes(reader.read(reader.size - n, n))
