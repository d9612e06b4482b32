"""A path that may lie elsewhere: what formats need of one, whichever it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, final

import msgspec

from eigentail.errors import SourceError, did_you_mean
from eigentail.sources.ranges import RangeReader
from eigentail.sources.targets import HUB, is_plain, scheme_of

MAX_WHOLE: Final = 100_000_000


class Place(Protocol):
    """The part of `pathlib.Path` that is there for every place; a local one is a `Path` itself."""

    @property
    def name(self) -> str:
        """The last part."""

    @property
    def stem(self) -> str:
        """The last part without its suffix."""

    @property
    def suffix(self) -> str:
        """The ending, with its dot."""

    @property
    def parent(self) -> Place:
        """The folder it lies in."""

    def __truediv__(self, name: str, /) -> Place:
        """What lies in it under a name."""

    def exists(self) -> bool:
        """Whether there is a file or a folder."""

    def is_file(self) -> bool:
        """Whether it is a file."""

    def is_dir(self) -> bool:
        """Whether it is a folder."""

    def iterdir(self) -> Iterable[Place]:
        """What lies in a folder."""

    def stat(self) -> Any:
        """The size, as `st_size`."""

    def read_bytes(self) -> bytes:
        """All of a file: look at its size first."""


class Stat(msgspec.Struct, frozen=True):
    """What is known of a far file.

    Attributes:
        st_size: its length in bytes.

    Example:
        >>> Stat(5).st_size
        5
    """

    st_size: int


class Store(Protocol):
    """Somewhere else, as a tree of files."""

    @property
    def base(self) -> str:
        """What stands before every path ("hf://org/name@0123")."""

    def size(self, path: str, /) -> int | None:
        """The bytes of a file; None where there is none."""

    def children(self, path: str, /) -> Sequence[str] | None:
        """The names in a folder; None where there is none, or it cannot be listed."""

    def version(self, path: str, /) -> str:
        """What changes when the content of a file, or of anything in a folder, does; "" where nothing tells."""

    def open(self, path: str, /) -> RangeReader:
        """The bytes of a file that is there."""


@final
class FarPath:
    """A file or folder elsewhere, as a `Place`.

    Args:
        store: where.
        path: in the store, "" for all of it.

    Raises:
        SourceError: on use, the store cannot be reached or refuses.

    Example:
        >>> from eigentail.sources.far.hub import HubStore
        >>> store = HubStore("org/name", "0123", {"unet/config.json": 2, "model.safetensors": 9})
        >>> far = FarPath(store)
        >>> [path.name for path in far.iterdir()], (far / "unet").is_dir(), str(far / "model.safetensors")
        (['model.safetensors', 'unet'], True, 'hf://org/name@0123/model.safetensors')
    """

    def __init__(self, store: Store, path: str = "") -> None:
        self.store, self.path = store, path
        pure = PurePosixPath(path.partition("?")[0] or store.base)  # of a web address, what a server is asked beside
        self.name, self.stem, self.suffix = pure.name, pure.stem, pure.suffix

    def __str__(self) -> str:
        return f"{self.store.base}/{self.path}" if self.path else self.store.base

    def __repr__(self) -> str:
        return f"FarPath({str(self)!r})"

    @property
    def parent(self) -> FarPath:
        """The folder it lies in; the top is its own."""
        return FarPath(self.store, self.path.rpartition("/")[0])

    def __truediv__(self, name: str) -> FarPath:
        if not is_plain(name):
            raise SourceError(f"has no place for {name!r}", where=str(self))
        return FarPath(self.store, f"{self.path}/{name}" if self.path else name)

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.store.size(self.path) is not None

    def is_dir(self) -> bool:
        """Whether it is a folder that can be listed."""
        return self.store.children(self.path) is not None

    def iterdir(self) -> Iterable[FarPath]:
        """What lies in a folder, by name."""
        names = self.store.children(self.path)
        if names is None:
            raise SourceError("cannot be listed", where=str(self), hint="give a file in it")
        return [self / name for name in sorted(names) if is_plain(name)]

    def stat(self) -> Stat:
        """The size."""
        size = self.store.size(self.path)
        if size is None:
            raise self.missing()
        return Stat(size)

    def version(self) -> str:
        """What changes with the content."""
        return self.store.version(self.path)

    def open(self) -> RangeReader:
        """The bytes of a file."""
        self.stat()
        return self.store.open(self.path)

    def read_bytes(self) -> bytes:
        """All of a file, of no more than 100 MB."""
        if self.stat().st_size > MAX_WHOLE:
            raise SourceError(f"is longer than {MAX_WHOLE:,} bytes", where=str(self))
        reader = self.open()
        try:
            return bytes(reader.read(0, reader.size))
        finally:
            reader.close()

    def missing(self) -> SourceError:
        """What to say where there is nothing: the nearest names in the same folder."""
        near = self.store.children(self.path.rpartition("/")[0]) or ()
        hint = did_you_mean(self.name, near) if near else "check the spelling"
        return SourceError("no such file or folder", where=str(self), hint=hint)


def place(target: str) -> Place:
    """The place that the target of a reference names.

    Args:
        target: a path, or an address.

    Returns:
        A `Path`, or a `FarPath` for an address.

    Raises:
        SourceError: an address of a kind that is not read, or the store behind it refuses.

    Example:
        >>> place("/m/model.npz").suffix
        '.npz'
        >>> place("memory://bucket/model.npz").parent.is_file()
        False
    """
    scheme = scheme_of(target)
    if not scheme:
        return Path(target)
    if scheme == HUB:
        from eigentail.sources.far.hub import hub_place

        return hub_place(target)
    if scheme in ("http", "https"):
        from eigentail.sources.far.web_store import web_place

        return web_place(target)
    from eigentail.sources.far.buckets import bucket_place

    return bucket_place(target)
