"""Members of a zip archive as ranges of bytes: where they lie when stored, unpacked as they are read when packed."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Final, final

from eigentail.errors import SourceError
from eigentail.sources.ranges import RangeReader

LOCAL_HEADER: Final = 30
STEP: Final = 1 << 20
MAX_EXPANSION: Final = 1000  # deflate's own limit is about 1030, which only bytes that are all alike come near
ALWAYS_ALLOWED: Final = 64 << 20


@final
class StoredRange:
    """A stretch of another range, counted from its own beginning.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"eigentail")
        >>> whole = LocalRange(path)
        >>> bytes(StoredRange(whole, 5, 4).read(1, 3))
        b'ail'
        >>> whole.close()
    """

    def __init__(self, whole: RangeReader, offset: int, size: int) -> None:
        self.whole, self.offset, self.size = whole, offset, size

    def read(self, offset: int, n: int) -> memoryview:
        """The bytes, where they lie."""
        _check_within(offset, n, self.size)
        return self.whole.read(self.offset + offset, n)

    def close(self) -> None:
        """Nothing: the whole is closed by its owner."""


@final
class InflatedRange:
    """A compressed member of a zip archive. Each read unpacks from the beginning and keeps only what was asked for.

    Raises:
        SourceError: on `read`, the member is damaged.

    Example:
        >>> import io
        >>> archive = zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED)
        >>> archive.writestr("a", b"eigentail")
        >>> bytes(InflatedRange(archive, archive.getinfo("a")).read(5, 4))
        b'tail'
    """

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        self._archive, self._member, self.size = archive, member, member.file_size

    def read(self, offset: int, n: int) -> memoryview:
        """Unpack the bytes."""
        _check_within(offset, n, self.size)
        with _plain_errors(self._member.filename), self._archive.open(self._member) as stream:
            _skip(stream, offset)
            buffer = bytearray(n)
            filled = 0
            while filled < n:
                chunk = stream.read(min(STEP, n - filled))
                if not chunk:
                    raise EOFError("it ends early")
                buffer[filled : filled + len(chunk)] = chunk
                filled += len(chunk)
        return memoryview(buffer).toreadonly()

    def close(self) -> None:
        """Nothing: the archive is closed by its owner."""


def member_range(whole: RangeReader, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> RangeReader:
    """A member's bytes, after checking that it is what the archive's list says.

    Args:
        whole: the archive's file.
        archive: the same file, as a zip archive.
        member: which one.

    Raises:
        SourceError: it is encrypted or oddly packed, ends beyond the file, or would unpack to 1000 times its size.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "a.zip"
        >>> with zipfile.ZipFile(path, "w") as archive:
        ...     archive.writestr("w", b"tail")
        >>> whole = LocalRange(path)
        >>> with zipfile.ZipFile(path) as archive:
        ...     bytes(member_range(whole, archive, archive.getinfo("w")).read(1, 2))
        b'ai'
        >>> whole.close()
    """
    name = member.filename
    if member.flag_bits & 1:
        raise SourceError(f"the member {name!r} is encrypted")
    start = _data_offset(whole, member)
    if start + member.compress_size > whole.size:
        raise SourceError(f"the member {name!r} ends beyond the file", hint="the file was cut short: fetch it again")
    if member.compress_type == zipfile.ZIP_STORED:
        return StoredRange(whole, start, member.compress_size)
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise SourceError(f"the member {name!r} is packed in an unusual way", hint="save the file again")
    if member.file_size > max(ALWAYS_ALLOWED, MAX_EXPANSION * member.compress_size):
        raise SourceError(
            f"the member {name!r} would unpack {member.compress_size:,} bytes to {member.file_size:,}",
            hint="this is how a zip bomb is made; it is not opened",
        )
    return InflatedRange(archive, member)


def announce(whole: RangeReader, members: Iterable[zipfile.ZipInfo]) -> None:
    """Fetch the headers that `member_range` will ask for side by side, where the archive lies elsewhere.

    Args:
        whole: the archive's file.
        members: within it.

    Raises:
        SourceError: one lies beyond the file.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"")
        >>> reader = LocalRange(path)
        >>> announce(reader, [])
        >>> reader.close()
    """
    from eigentail.sources.far.reading import read_ahead  # which knows the stretches of this file

    read_ahead(whole, [(member.header_offset, LOCAL_HEADER) for member in members])


def _data_offset(whole: RangeReader, member: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: its local header has its own lengths, which the archive's list does not repeat."""
    header = whole.read(member.header_offset, LOCAL_HEADER)
    if bytes(header[:4]) != b"PK\x03\x04":
        raise SourceError(f"the member {member.filename!r} is not where the archive's list says it is")
    return (
        member.header_offset
        + LOCAL_HEADER
        + int.from_bytes(header[26:28], "little")
        + int.from_bytes(header[28:30], "little")
    )


def _skip(stream: IO[bytes], n: int) -> None:
    while n > 0:
        n -= len(stream.read(min(STEP, n))) or n  # at the end there is nothing more to skip


def _check_within(offset: int, n: int, size: int) -> None:
    if offset < 0 or n < 0 or offset + n > size:
        raise SourceError(f"bytes {offset} to {offset + n} were asked for, but there are {size}")


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """What zipfile raises on a damaged member, as one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise SourceError(
            f"the member {name!r} cannot be unpacked ({error})", hint="the file is damaged: fetch it again"
        ) from error
