"""Dense tensors that lie whole in a file: their names, their place, and how the bytes become arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from math import prod
from typing import Any, Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.config import read_config
from eigentail.sources.far.reading import Extent, extent_in
from eigentail.sources.names import normalise
from eigentail.sources.place import place
from eigentail.sources.ranges import RangeReader

MAX_AXES: Final = 64  # numpy has no more
MAX_BYTES: Final = 2**62  # numpy counts bytes in a signed 64-bit integer


class Placed(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One dense tensor and where its bytes are.

    Attributes:
        spec: what the header tells of it.
        reader: what holds the bytes.
        offset: where they begin in the reader.
        stored: the type of one element, byte order included; None when no array can be made of it.
        fortran: the first axis runs fastest, not the last.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"abcdef")
        >>> spec = TensorSpec(name="w", shape=(3, 2), dtype="uint8", nbytes=6)
        >>> placed = Placed(spec=spec, reader=LocalRange(path), offset=0, stored=np.dtype("uint8"))
        >>> array_at(placed, part=(2, 3)).tolist()
        [[101, 102]]
        >>> placed.reader.close()
    """

    spec: TensorSpec
    reader: RangeReader
    offset: int
    stored: np.dtype[Any] | None
    fortran: bool = False


@final
class PlacedSource:
    """A file of dense tensors, opened.

    Args:
        ref: what opens it again.
        reader: the file itself, closed with the source.
        tensors: what the header tells, in the file's order.

    Raises:
        SourceError: there is no tensor; on `read`, one the file does not have, or whose type cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources import open_source
        >>> path = Path(tempfile.mkdtemp()) / "fc.npy"
        >>> np.save(path, np.eye(2))
        >>> source = open_source(path)
        >>> [(spec.name, spec.dtype, source.read(spec).tolist()) for spec in source.tensors()]
        [('fc', 'float64', [[1.0, 0.0], [0.0, 1.0]])]
        >>> source.close()
    """

    def __init__(self, ref: SourceRef, reader: RangeReader, tensors: Iterable[Placed]) -> None:
        self.ref = ref
        self._reader = reader
        self._placed = {placed.spec.name: placed for placed in tensors}
        if not self._placed:
            raise SourceError("holds no tensors", where=ref.target, hint="is this the file with the weights?")

    def __reduce__(self) -> tuple[object, ...]:
        from eigentail.sources.identify import open_source

        return open_source, (self.ref,)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The `config.json` in the same folder, or nothing."""
        return read_config(place(self.ref.target).parent)

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, in the file's order."""
        return tuple(placed.spec for placed in self._placed.values())

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
        """The tensor, or rows `part` of it, as a read-only array."""
        if spec.name not in self._placed:
            raise SourceError(f"there is no tensor {spec.name!r}", where=self.ref.target)
        try:
            return array_at(self._placed[spec.name], part)
        except SourceError as error:
            raise SourceError(error.what, where=error.where or self.ref.target, hint=error.hint) from error

    def extent(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> Extent | None:
        """Where the bytes that `read` would ask for lie, if that is in a far file."""
        placed = self._placed.get(spec.name)
        if placed is None:
            return None
        start, stop = _bytes_of(placed, part)
        return extent_in(placed.reader, placed.offset + start, stop - start)

    def close(self) -> None:
        """Close the file. Arrays already read stay valid."""
        self._reader.close()


def array_at(placed: Placed, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
    """The array a place describes; only the bytes of the rows asked for are read.

    Args:
        placed: the tensor.
        part: first and last row (exclusive) of the first axis, or None for all.

    Returns:
        A read-only array in the stored type and the machine's byte order; a view of the file where that is possible.

    Raises:
        SourceError: the type is not one of numbers, the rows do not exist, or the bytes cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(bytes(range(6)))
        >>> spec = TensorSpec(name="w", shape=(3, 2), dtype="uint8", nbytes=6)
        >>> reader = LocalRange(path)
        >>> array_at(Placed(spec=spec, reader=reader, offset=0, stored=np.dtype("uint8")), part=(1, 3)).tolist()
        [[2, 3], [4, 5]]
        >>> reader.close()
    """
    spec, stored = placed.spec, placed.stored
    if stored is None:
        raise SourceError(f"tensor {spec.name!r} is stored as {spec.dtype}, of which no array of numbers can be made")
    if part is not None:
        check_rows(spec, part)
    start, stop = _bytes_of(placed, part)
    window = placed.reader.read(placed.offset + start, stop - start)
    flat = np.frombuffer(window, dtype=stored)
    flat.setflags(write=False)
    if placed.fortran:
        array = flat.reshape(spec.shape[::-1]).T
        return native(array if part is None else array[part[0] : part[1]])
    return native(flat.reshape(spec.shape if part is None else (part[1] - part[0], *spec.shape[1:])))


def check_rows(spec: TensorSpec, part: tuple[int, int]) -> None:
    """Refuse rows that a tensor does not have.

    Raises:
        SourceError: the rows are not within the first axis.

    Example:
        >>> check_rows(TensorSpec(name="w", shape=(3, 2), dtype="uint8", nbytes=6), (1, 4))
        Traceback (most recent call last):
        eigentail.errors.SourceError: tensor 'w' of shape (3, 2) has no rows 1 to 4
    """
    if not spec.shape or not 0 <= part[0] <= part[1] <= spec.shape[0]:
        raise SourceError(f"tensor {spec.name!r} of shape {spec.shape} has no rows {part[0]} to {part[1]}")


def nbytes_of(shape: object, bits: int) -> int | None:
    """The bytes a dense tensor takes, or None when its shape is not one an array can have.

    Args:
        shape: what a header says; anything.
        bits: the size of one element.

    Example:
        >>> nbytes_of([2, 3], 32), nbytes_of([2, -3], 32), nbytes_of([2**60, 2**60], 32), nbytes_of([3], 4)
        (24, None, None, None)
    """
    if not isinstance(shape, list | tuple) or len(shape) > MAX_AXES:
        return None
    if not all(type(size) is int and 0 <= size < MAX_BYTES for size in shape):
        return None
    if prod(max(size, 1) for size in shape) * bits > 8 * MAX_BYTES:  # an empty axis must not hide a huge one
        return None
    whole, rest = divmod(prod(shape) * bits, 8)
    return None if rest else whole


def plain_names(raw: Iterable[str], where: str) -> dict[str, str]:
    """From the name in a file to the name users see: wrapper prefixes removed, unless two would become one.

    Args:
        raw: names as stored.
        where: the file, for the error.

    Raises:
        SourceError: a name is not valid Unicode (half of a surrogate pair cannot be printed).

    Example:
        >>> plain_names(["module.fc.weight"], "x.npz")
        {'module.fc.weight': 'fc.weight'}
        >>> plain_names(["module.w", "w"], "x.npz")
        {'module.w': 'module.w', 'w': 'w'}
    """
    names = {name: normalise(name) for name in raw}
    for name in names:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise SourceError(f"the tensor name {name!a} is not valid Unicode", where=where)
    count = Counter(names.values())
    return {name: short if count[short] == 1 else name for name, short in names.items()}


def _bytes_of(placed: Placed, part: tuple[int, int] | None) -> tuple[int, int]:
    """First and last byte (exclusive) to read, counted from the tensor's own beginning."""
    spec = placed.spec
    if part is None or placed.fortran:
        return 0, spec.nbytes
    row = spec.nbytes // spec.shape[0] if spec.shape[0] else 0
    return part[0] * row, part[1] * row


def native(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same numbers in this machine's byte order; a copy that is read-only where they had to be swapped.

    Example:
        >>> native(np.array([1.0], dtype=">f4")).dtype.isnative
        True
    """
    if array.dtype.isnative:
        return array
    swapped = array.astype(array.dtype.newbyteorder("="))
    swapped.setflags(write=False)
    return swapped
