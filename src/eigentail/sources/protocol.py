"""What a source of weights offers, and what a format must say to be found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, final, runtime_checkable

import msgspec

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.records.low_rank import Factors
from eigentail.sources.place import FarPath, Place
from eigentail.sources.ranges import open_range

if TYPE_CHECKING:
    from eigentail.sources.far.reading import Extent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEAD_BYTES: Final = 64


class WeightSource(Protocol):
    """Named tensors, header first.

    A source pickles to its reference and opens itself again on the other side, unless it is live.
    """

    @property
    def ref(self) -> SourceRef:
        """What opens this source again."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Architecture facts that lie beside the weights (an HF `config.json`), or nothing."""

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, in the source's own order, without reading a weight."""

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
        """The tensor in its stored dtype, or rows `part` of its first axis; a view where possible, never written to.

        Raises:
            SourceError: the bytes cannot be read.
        """

    def close(self) -> None:
        """Let go of files. Arrays already read stay valid."""


@runtime_checkable
class Located(Protocol):
    """A source that knows where its tensors lie in a far file, so that neighbours can be fetched together."""

    def extent(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> Extent | None:
        """Where the bytes that `read` would ask for lie; None for bytes at hand, or that must be unpacked."""


class Factored(WeightSource, Protocol):
    """A source some of whose tensors are products of two thin factors: those whose `TensorSpec.rank` is not 0."""

    def factors(self, spec: TensorSpec) -> Factors:
        """The factors of such a tensor; nothing is multiplied out.

        Raises:
            SourceError: they cannot be read, or there are none.
        """


@final
class Probe:
    """What is known of a path before any format is chosen: its name and its first bytes.

    Raises:
        SourceError: there is nothing at the path.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "Model.PT"
        >>> _ = path.write_bytes(b"PK")
        >>> Probe(path).name, Probe(path).head
        ('model.pt', b'PK')
    """

    def __init__(self, path: Place) -> None:
        self.path = path
        if not path.exists():
            raise _missing(path)
        self.is_folder = path.is_dir()
        self.name = path.name.lower()

    @cached_property
    def head(self) -> bytes:
        """The first 64 bytes of a file."""
        if self.is_folder:
            return b""
        reader = open_range(str(self.path))
        try:
            return bytes(reader.read(0, min(reader.size, HEAD_BYTES)))
        finally:
            reader.close()

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names inside a zip archive, or nothing."""
        if not self.head.startswith(b"PK\x03\x04"):
            return ()
        reader = open_range(str(self.path))
        try:
            from eigentail.sources.archives.zips import open_archive  # few formats are archives

            with open_archive(reader, str(self.path)) as archive:
                return tuple(archive.namelist())
        finally:
            reader.close()


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of file is recognised and opened. A module of `sources/formats` offers one as `FORMAT`.

    Attributes:
        name: the word in `SourceRef.format`.
        title: what people call it.
        suffixes: the usual endings, for the list in error messages; recognition goes by content.
        claims: whether a probed path is of this format.
        open: opens a reference to it.

    Example:
        >>> from eigentail.sources.identify import formats
        >>> formats["safetensors"].suffixes
        ('.safetensors',)
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    claims: Callable[[Probe], bool]
    open: Callable[[SourceRef], WeightSource]


def fingerprint(path: Path) -> str:
    """Size and time of change: what can be known of a file without reading it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"tail")
        >>> fingerprint(path).startswith("4:")
        True
    """
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def _missing(path: Place) -> SourceError:
    if isinstance(path, FarPath):
        return path.missing()
    return SourceError("no such file or folder", where=str(path), hint=_neighbour(path))


def _neighbour(path: Place) -> str:
    """A hint for a path that does not exist: the nearest name in the same folder."""
    import difflib

    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist either"
    names = [entry.name for entry in path.parent.iterdir()]
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {close[0]}?" if close else "check the spelling"
