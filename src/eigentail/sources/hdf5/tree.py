"""The tree of an HDF5 file: its arrays and where their bytes lie, and a few of its texts. No array is read by h5py."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count, takewhile
from types import ModuleType
from typing import Any, Final, final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.hdf5.places import OPAQUE, Place, extended, placed_at
from eigentail.sources.hdf5.texts import TextReader
from eigentail.sources.ranges import REFETCH, RangeFile, RangeReader

MAX_DEPTH: Final = 64
MAX_OBJECTS: Final = 50_000

Path = tuple[str, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One array of the file.

    Attributes:
        path: the names of the groups around it, and its own.
        place: its shape, its type and its bytes.
        address: where its header lies; headers are written in the order in which arrays are made.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> data = BytesRange(bytes(4))
        >>> import numpy as np
        >>> place = Place(shape=(), kind="float32", nbytes=4, reader=data, offset=0, stored=np.dtype("float32"))
        >>> Found(path=("dense", "bias"), place=place, address=96).path[-1]
        'bias'
    """

    path: Path
    place: Place
    address: int


class Tree(msgspec.Struct, frozen=True, eq=False):
    """What a file holds.

    Attributes:
        arrays: in the order of the file's own lists.
        texts: (path of a group, name of an attribute) to the text or texts there.

    Example:
        >>> Tree(arrays=(), texts={((), "keras_version"): ("2.1.0",)}).text((), "keras_version")
        '2.1.0'
    """

    arrays: tuple[Found, ...]
    texts: dict[tuple[Path, str], tuple[str, ...]]

    def text(self, path: Path, name: str) -> str:
        """An attribute that is one text, or ""."""
        return next(iter(self.texts.get((path, name), ())), "")


def read_tree(reader: RangeReader, where: str) -> Tree:
    """List an HDF5 file. Links out of the file are refused, never followed.

    h5py has one lock for all files and calls back into Python for every byte, so it is only asked where things are;
    the bytes themselves are then read like those of any other format.

    Args:
        reader: the bytes of the file.
        where: its path, for error messages.

    Raises:
        SourceError: h5py is not installed; the file is damaged, or holds links, arrays that lie elsewhere, or arrays
            packed in a way that is not read.

    Source: HDF5 File Format Specification 3.0, The HDF Group.

    Example:
        >>> import tempfile
        >>> import h5py
        >>> import numpy as np
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = tempfile.mkdtemp() + "/m.h5"
        >>> with h5py.File(path, "w") as file:
        ...     _ = file.create_dataset("dense/kernel", data=np.eye(2))
        >>> reader = LocalRange(path)
        >>> [(found.path, found.place.shape) for found in read_tree(reader, path).arrays]
        [(('dense', 'kernel'), (2, 2))]
        >>> reader.close()
    """
    h5py = _h5py(where)
    try:
        with h5py.File(io.BufferedReader(RangeFile(reader)), "r") as file:
            walk = _Walk(h5py, reader, where)
            arrays = tuple(walk.arrays(file.id, ()))
            return Tree(arrays, walk.texts)
    except SourceError as error:
        raise SourceError(error.what, where=error.where or where, hint=error.hint) from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        what = str(error).strip("'\"")[:120]
        raise SourceError(
            f"begins like an HDF5 file but is not a whole one ({what})", where=where, hint=REFETCH
        ) from error


@final
class _Walk:
    """One pass over the groups, each once, bounded in depth and in count."""

    def __init__(self, h5py: ModuleType, reader: RangeReader, where: str) -> None:
        self._h5py, self._reader, self._where = h5py, reader, where
        self.texts: dict[tuple[Path, str], tuple[str, ...]] = {}
        self._texts = TextReader(reader)
        self._groups: set[int] = set()
        self._objects = 0

    def arrays(self, group: Any, path: Path) -> Iterator[Found]:
        """Every array at or under a group."""
        address = self._h5py.h5o.get_info(group).addr
        if address in self._groups:
            return
        self._groups.add(address)
        if len(path) > MAX_DEPTH:
            raise SourceError(f"holds groups nested more than {MAX_DEPTH} deep", where=self._where)
        self._keep_texts(address, path)
        self._count(group.get_num_objs())
        for raw in group:
            child = (*path, raw.decode("utf-8", errors="surrogateescape"))
            self._check_link(group, raw, child)
            yield from self._children(group, raw, child)

    def _children(self, group: Any, raw: bytes, path: Path) -> Iterator[Found]:
        opened = self._h5py.h5o.open(group, raw)
        if isinstance(opened, self._h5py.h5g.GroupID):
            yield from self.arrays(opened, path)
        elif isinstance(opened, self._h5py.h5d.DatasetID):
            name = ".".join(path).encode("utf-8", errors="replace").decode()
            place = placed_at(self._h5py, opened, name, self._reader)
            address = self._h5py.h5o.get_info(opened).addr
            if place is not None:
                yield Found(path=path, place=self._named(place, address), address=address)

    def _named(self, place: Place, address: int) -> Place:
        """The same with the type that Keras writes beside bytes that HDF5 has no word for."""
        return extended(place, self._texts.texts(address).get("dtype", ())) if place.kind == OPAQUE else place

    def _count(self, more: int) -> None:
        self._objects += more
        if self._objects > MAX_OBJECTS:
            raise SourceError(f"holds more than {MAX_OBJECTS:,} groups and arrays", where=self._where)

    def _check_link(self, group: Any, raw: bytes, path: Path) -> None:
        """Refuse a name that stands for something at another place, in this file or in another."""
        if group.links.get_info(raw).type != self._h5py.h5l.TYPE_HARD:
            raise SourceError(
                f"{'/'.join(path)!a} is a link to another place, and links are not followed",
                where=self._where,
                hint="save the weights again, as Keras does it, in one file",
            )

    def _keep_texts(self, address: int, path: Path) -> None:
        """The attributes that tell names, order and configuration."""
        found = self._texts.texts(address)
        for name in ("name", "layer_names", "model_config"):
            # Keras parts a list that is too long for one attribute, and numbers the parts.
            parts = [found.get(name, ()), *takewhile(bool, (found.get(f"{name}{at}", ()) for at in count()))]
            self.texts[path, name] = tuple(text for part in parts for text in part)


def _h5py(where: str) -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        hint = 'pip install "eigentail[keras]"'
        raise SourceError(
            "is an HDF5 file, and h5py, which reads them, is not installed", where=where, hint=hint
        ) from error
    found: ModuleType = h5py
    return found
