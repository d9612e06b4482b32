"""What an Orbax checkpoint says of itself: which arrays it has, and how each is cut into chunks."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from eigentail.errors import SourceError
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.placed import nbytes_of

MAX_TREE: Final = 64 << 20
MAX_ARRAYS: Final = 200_000
MAX_CHUNKS: Final = 1 << 20
_HINT: Final = "the checkpoint is damaged or was copied in part: fetch it again"
_EMPTY: Final = frozenset({"Dict", "List", "Tuple", "NamedTuple", "None", "String", "string"})


class _Key(msgspec.Struct):
    key: str | int


class _Value(msgspec.Struct):
    value_type: str = ""
    skip_deserialize: bool = False


class _Entry(msgspec.Struct):
    key_metadata: list[_Key]
    value_metadata: _Value = msgspec.field(default_factory=_Value)


class _Metadata(msgspec.Struct):
    tree_metadata: dict[str, _Entry]
    use_zarr3: bool | None = False


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """The arrays of a checkpoint, by their place in its tree.

    Attributes:
        paths: one for every array.
        use_zarr3: their headers are of the third version of zarr, not the second.

    Example:
        >>> Tree(paths=(("params", "fc", "kernel"),), use_zarr3=False).paths[0][-1]
        'kernel'
    """

    paths: tuple[tuple[str, ...], ...]
    use_zarr3: bool


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """One array: its sizes, and those of the chunks it is cut into.

    Attributes:
        shape: the sizes of its axes.
        chunk: those of one chunk.
        kind: the type of its elements.

    Example:
        >>> Grid(shape=(6, 4), chunk=(3, 4), kind=np.dtype("float32")).nbytes
        96
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    kind: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """The bytes of all its elements."""
        return prod(self.shape) * self.kind.itemsize


def read_tree(path: Path) -> Tree:
    """The arrays that `_METADATA` names.

    Args:
        path: the file.

    Raises:
        SourceError: it is too long, no such JSON, or names an array outside the checkpoint.

    Source: `InternalTreeMetadata` of orbax-checkpoint 0.12.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "_METADATA"
        >>> _ = path.write_text('{"tree_metadata": {"w": {"key_metadata": [{"key": "w", "key_type": 2}]}}}')
        >>> read_tree(path).paths
        (('w',),)
    """
    where = str(path)
    if path.stat().st_size > MAX_TREE:
        raise SourceError(f"is longer than {MAX_TREE >> 20} MiB, too long for a list of arrays", where=where)
    try:
        metadata = msgspec.json.decode(path.read_bytes(), type=_Metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(
            f"is not the list of arrays that Orbax writes ({str(error)[:100]})", where=where, hint=_HINT
        ) from error
    entries = [entry for entry in metadata.tree_metadata.values() if _is_array(entry.value_metadata)]
    if len(entries) > MAX_ARRAYS:
        raise SourceError(f"names more than {MAX_ARRAYS:,} arrays, which no checkpoint has", where=where)
    paths = tuple(tuple(str(key.key) for key in entry.key_metadata) for entry in entries)
    _check_paths(paths, where)
    return Tree(paths=paths, use_zarr3=bool(metadata.use_zarr3))


def _is_array(value: _Value) -> bool:
    return not value.skip_deserialize and value.value_type not in _EMPTY


def _check_paths(paths: Iterable[tuple[str, ...]], where: str) -> None:
    """Refuse a name that as a path would lead out of the folder."""
    for path in paths:
        words = ".".join(path).split("/")
        if not path or any(word in ("", ".", "..") for word in words) or "\0" in words[-1] or "\\" in words[-1]:
            raise SourceError(f"names the array {'.'.join(path)[:80]!a}, which cannot lie in the folder", where=where)


def read_grid(header: bytes, name: str, where: str) -> Grid:
    """The grid that an array's own header (`.zarray` or `zarr.json`) tells.

    Args:
        header: the JSON.
        name: the array, for error messages.
        where: the checkpoint, for error messages.

    Raises:
        SourceError: no such JSON, an impossible shape, or chunks larger than the array or too many.

    Source: the zarr specifications, version 2 and version 3 with regular grids.

    Example:
        >>> read_grid(b'{"shape": [6, 4], "chunks": [3, 4], "dtype": "<f4"}', "w", "x").chunk
        (3, 4)
    """
    try:
        said = msgspec.json.decode(header, type=dict[str, Any])
        chunk = said["chunks"] if "chunks" in said else said["chunk_grid"]["configuration"]["chunk_shape"]
        shape, kind = said["shape"], dtype_of(said["dtype"] if "dtype" in said else said["data_type"])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError, ValueError, SyntaxError) as error:
        raise SourceError(f"array {name[:80]!a} has a header that is not zarr's", where=where, hint=_HINT) from error
    sizes = [nbytes_of(given, 8 * kind.itemsize) for given in (shape, chunk)]
    if kind.hasobject or None in sizes or len(shape) != len(chunk) or 0 in chunk:
        raise SourceError(f"array {name[:80]!a} has an impossible shape ({str(shape)[:80]})", where=where, hint=_HINT)
    if any(part > max(size, 1) for part, size in zip(chunk, shape, strict=True)):
        raise SourceError(f"array {name[:80]!a} has chunks that are larger than itself", where=where, hint=_HINT)
    if prod(-(-size // part) for size, part in zip(shape, chunk, strict=True)) > MAX_CHUNKS:
        raise SourceError(f"array {name[:80]!a} is cut into more than {MAX_CHUNKS:,} chunks", where=where, hint=_HINT)
    return Grid(shape=tuple(shape), chunk=tuple(chunk), kind=kind)
