"""numpy's own files: one array (.npy) or a zip archive of arrays (.npz). Pickled objects in them are never loaded."""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.archives.inflated import announce, member_range
from eigentail.sources.archives.zips import open_archive
from eigentail.sources.coded import CodedSource
from eigentail.sources.config import read_config
from eigentail.sources.jax_files.source import jax_source, stored_at
from eigentail.sources.place import place
from eigentail.sources.placed import Placed, PlacedSource, nbytes_of, plain_names
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import REFETCH, RangeReader, open_range

MAGIC: Final = b"\x93NUMPY"
PREFIX: Final = 12  # the magic, the version and the longest length of the header
MAX_HEADER: Final = 65_536
NUMBERS: Final = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c8|c16|V[1-9]\d{0,3})")
OTHERS: Final = {"O": "object", "U": "str", "S": "bytes", "M": "datetime64", "m": "timedelta64", "f": "longdouble"}


def open_npy(ref: SourceRef) -> PlacedSource:
    """Open a file that holds one array; the tensor takes the name of the file.

    Raises:
        SourceError: the header is not numpy's, or the file is shorter or longer than it says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "fc.npy"
        >>> np.save(path, np.zeros((3, 2), np.float16))
        >>> source = open_npy(SourceRef("npy", str(path)))
        >>> source.tensors()[0].name, source.tensors()[0].shape, source.tensors()[0].dtype
        ('fc', (3, 2), 'float16')
        >>> source.close()
    """
    reader = open_range(ref.target)
    try:
        return PlacedSource(ref, reader, [_array(Path(ref.target).stem, reader, ref.target)])
    except BaseException:
        reader.close()
        raise


def open_npz(ref: SourceRef) -> PlacedSource | CodedSource:
    """Open an archive of arrays, compressed or not; "/" in a name becomes ".".

    One of Flax, which keeps "layer/kernel" beside "layer/bias", is shown in torch's conventions.

    Raises:
        SourceError: the archive is damaged, holds one name twice, would unpack to far more than it is, or an array in
            it is not as long as its header says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.npz"
        >>> np.savez_compressed(path, **{"block/weight": np.eye(2)})
        >>> source = open_npz(SourceRef("npz", str(path)))
        >>> [(spec.name, source.read(spec).tolist()) for spec in source.tensors()]
        [('block.weight', [[1.0, 0.0], [0.0, 1.0]])]
        >>> source.close()
    """
    reader = open_range(ref.target)
    try:
        archive = open_archive(reader, ref.target)
        placed = list(_members(reader, archive, ref.target))
        paths = [tuple(member.filename.removesuffix(".npy").split("/")) for member in _arrays(archive)]
        if not _is_flax(paths):
            return PlacedSource(ref, reader, placed)
        arrays = [stored_at(path, array) for path, array in zip(paths, placed, strict=True)]
        return jax_source(ref, reader, arrays, read_config(place(ref.target).parent))
    except BaseException:
        reader.close()
        raise


def _arrays(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [member for member in archive.infolist() if member.filename.endswith(".npy")]


def _is_flax(paths: Sequence[tuple[str, ...]]) -> bool:
    """Whether some layer has a kernel beside a bias or a scale, by names with slashes as Flax joins them."""
    kernels = {path[:-1] for path in paths if len(path) > 1 and path[-1] == "kernel"}
    return any(path[:-1] in kernels for path in paths if path[-1] in ("bias", "scale"))


def _members(reader: RangeReader, archive: zipfile.ZipFile, where: str) -> Iterator[Placed]:
    """The arrays of an archive, in its order."""
    members = _arrays(archive)
    names = [member.filename.removesuffix(".npy") for member in members]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SourceError(f"the archive holds {twice!r} twice", where=where)
    dotted = [name.replace("/", ".") for name in names]
    plain = plain_names(dotted if len(set(dotted)) == len(names) else names, where)
    announce(reader, members)
    for member, name in zip(members, plain.values(), strict=True):
        try:
            inside = member_range(reader, archive, member)
        except SourceError as error:
            raise SourceError(error.what, where=where, hint=error.hint) from error
        yield _array(name, inside, where)


def _array(name: str, reader: RangeReader, where: str) -> Placed:
    """One array, its header checked against the bytes there are."""
    try:
        shape, fortran, descr, offset = _read_header(reader)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        what = str(error) or "it is nested too deeply"
        raise SourceError(
            f"array {name!r} has a header that is not numpy's ({what[:80]})", where=where, hint=REFETCH
        ) from error
    held = reader.size - offset
    stored = np.dtype(descr) if isinstance(descr, str) and NUMBERS.fullmatch(descr) else None
    nbytes = nbytes_of(shape, 8 * stored.itemsize if stored else 8)
    if nbytes is None:
        raise SourceError(f"array {name!r} has an impossible shape ({str(shape)[:80]})", where=where)
    if stored and nbytes != held:
        raise SourceError(
            f"array {name!r} needs {nbytes} bytes for its shape {shape}, but {held} are there",
            where=where,
            hint=REFETCH,
        )
    kind = stored.name if stored else _other(descr)
    spec = TensorSpec(name=name, shape=shape, dtype=kind, nbytes=held)
    return Placed(spec=spec, reader=reader, offset=offset, stored=stored, fortran=fortran)


def _read_header(reader: RangeReader) -> tuple[tuple[int, ...], bool, object, int]:
    """Shape, order, type and where the data begin.

    numpy's own reader would do, but it reads as much as the length field says before it looks at its limit, and it
    warns about files from Python 2, which are common among old checkpoints.
    """
    prefix = bytes(reader.read(0, min(PREFIX, reader.size)))
    if len(prefix) < PREFIX or not prefix.startswith(MAGIC):
        raise ValueError("it does not begin as one")
    major = prefix[6]
    if major not in (1, 2, 3):
        raise ValueError(f"its version is {major}")
    begin = 10 if major == 1 else 12
    length = int.from_bytes(prefix[8:begin], "little")
    if length > MAX_HEADER or begin + length > reader.size:
        raise ValueError(f"it says it is {length} bytes long")
    text = bytes(reader.read(begin, length)).decode("utf-8" if major == 3 else "latin-1")
    header: Any = ast.literal_eval(re.sub(r"(?<=\d)L(?=[,)])", "", text).strip())  # Python 2 wrote (3L, 4L)
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("it does not tell type, order and shape")
    if type(header["fortran_order"]) is not bool or not isinstance(header["shape"], tuple):
        raise ValueError("its order or shape is of the wrong kind")
    return header["shape"], header["fortran_order"], header["descr"], begin + length


def _other(descr: object) -> str:
    """A word for a type that holds no plain numbers."""
    return OTHERS.get(descr.lstrip("<>|=")[:1], "unknown") if isinstance(descr, str) else "structured"


def _is_npz(probe: Probe) -> bool:
    """A zip archive with an array in it; the other kind of archive with tensors has a pickle instead."""
    names = {name.rpartition("/")[2] for name in probe.members}
    return "data.pkl" not in names and any(name.endswith(".npy") for name in names)


FORMAT: Final = (
    Format(
        name="npy",
        title="a numpy array",
        suffixes=(".npy",),
        claims=lambda probe: probe.head.startswith(MAGIC),
        open=open_npy,
    ),
    Format(
        name="npz",
        title="numpy arrays",
        suffixes=(".npz",),
        claims=_is_npz,
        open=open_npz,
    ),
)
