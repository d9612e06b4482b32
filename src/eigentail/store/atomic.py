"""A file appears whole or not at all."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from eigentail.errors import UsageError


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write to a neighbour and rename it: a reader never sees half of it, a full disk loses nothing.

    Args:
        path: the file to write or replace.
        content: its new bytes.

    Raises:
        UsageError: the path is a folder, its folder does not exist or may not be written to, or the disk is full.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_atomically(folder / "a.txt", b"whole")
        >>> (folder / "a.txt").read_bytes()
        b'whole'
        >>> write_atomically(folder / "b" / "a.txt", b"whole")
        Traceback (most recent call last):
        eigentail.errors.UsageError: ...a.txt: cannot be written (no such file or directory): choose another place
    """
    target = Path(path).resolve()
    neighbour = target.with_name(f".{target.name[:50]}.{uuid4().hex[:8]}")
    try:
        with neighbour.open("xb") as file:  # opened plainly, so that it gets the rights every new file gets
            file.write(content)
        neighbour.replace(target)
    except BaseException as error:
        neighbour.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot be written ({reason})", where=str(path), hint="choose another place") from error
