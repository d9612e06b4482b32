"""Tensors that are made as they are read: stored in blocks of codes, or in another order of axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.placed import check_rows
from eigentail.sources.ranges import RangeReader

Rows = tuple[int, int] | None


class Coded(msgspec.Struct, frozen=True, eq=False):
    """One tensor and what makes it.

    Attributes:
        spec: what the header tells of it; `dtype` names what is stored, `nbytes` counts what is stored.
        make: gives the array, or some rows of its first axis; called with rows that exist.

    Example:
        >>> spec = TensorSpec(name="w", shape=(2, 2), dtype="qint8", nbytes=4)
        >>> Coded(spec, lambda part: np.eye(2, dtype=np.float32)).make(None).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    spec: TensorSpec
    make: Callable[[Rows], NDArray[Any]]


@final
class CodedSource:
    """A file whose tensors are made as they are read.

    Args:
        ref: what opens it again.
        reader: the file itself, closed with the source.
        tensors: what the header tells, in the file's order.
        config: what the file tells of the architecture, in the words of a `config.json`.

    Raises:
        SourceError: there is no tensor, or two of one name; on `read`, one the file does not have, or that cannot be
            made.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"ab")
        >>> reader = LocalRange(path)
        >>> spec = TensorSpec(name="w", shape=(2,), dtype="uint8", nbytes=2)
        >>> whole = Coded(spec, lambda part: np.frombuffer(reader.read(0, 2), np.uint8)[slice(*(part or (0, 2)))])
        >>> source = CodedSource(SourceRef("x", str(path)), reader, [whole], {})
        >>> source.read(source.tensors()[0], part=(1, 2)).tolist()
        [98]
        >>> source.close()
    """

    def __init__(
        self, ref: SourceRef, reader: RangeReader, tensors: Iterable[Coded], config: Mapping[str, Any]
    ) -> None:
        self.ref, self.config = ref, config
        self._reader = reader
        self._tensors: dict[str, Coded] = {}
        for tensor in tensors:
            if self._tensors.setdefault(tensor.spec.name, tensor) is not tensor:
                raise SourceError(f"holds two tensors called {tensor.spec.name[:80]!r}", where=ref.target)
        if not self._tensors:
            raise SourceError("holds no tensors", where=ref.target, hint="is this the file with the weights?")

    def __reduce__(self) -> tuple[object, ...]:
        from eigentail.sources.identify import open_source

        return open_source, (self.ref,)

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, in the file's order."""
        return tuple(tensor.spec for tensor in self._tensors.values())

    def read(self, spec: TensorSpec, part: Rows = None) -> NDArray[np.generic]:
        """The tensor, or rows `part` of it, as a read-only array of numbers."""
        if spec.name not in self._tensors:
            raise SourceError(f"there is no tensor {spec.name!r}", where=self.ref.target)
        tensor = self._tensors[spec.name]
        try:
            if part is not None:
                check_rows(tensor.spec, part)
            array = tensor.make(part)
        except SourceError as error:
            raise SourceError(error.what, where=error.where or self.ref.target, hint=error.hint) from error
        array.setflags(write=False)
        return array

    def close(self) -> None:
        """Close the file. Arrays already read stay valid."""
        self._reader.close()
