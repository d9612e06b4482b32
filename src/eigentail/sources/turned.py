"""Arrays shown with their axes in another order than the file has them: views, as far as that goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.placed import PlacedSource, check_rows


class Turn(msgspec.Struct, frozen=True):
    """How a stored array is shown. Applied in the order of the fields.

    Attributes:
        axes: the stored axes in their new order.
        shape: the sizes then, neighbouring axes merged.
        blocks: the order of as many equal parts of the first axis, or () to leave them; only this needs a copy.

    Example:
        >>> turned(np.arange(6).reshape(2, 3), Turn((1, 0), (3, 2), (1, 0, 2))).tolist()
        [[1, 4], [0, 3], [2, 5]]
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    blocks: tuple[int, ...] = ()


def turned(array: NDArray[np.generic], turn: Turn) -> NDArray[np.generic]:
    """The array as it is to be shown, read-only.

    Args:
        array: as stored.
        turn: what to do with it.

    Example:
        >>> kernel = np.zeros((3, 3, 8, 2))
        >>> turned(kernel, Turn((2, 3, 0, 1), (16, 1, 3, 3))).base is not None
        True
    """
    shown = array.transpose(turn.axes).reshape(turn.shape)
    if turn.blocks:
        parts = np.split(shown, len(turn.blocks))
        shown = np.concatenate([parts[at] for at in turn.blocks])
    shown.setflags(write=False)
    return shown


@final
class TurnedSource:
    """A file of dense tensors, some of them shown with their axes in another order.

    Args:
        inner: the file, each tensor as it is stored; closed with this source.
        specs: each tensor as it is shown, by the same names.
        turns: how, for those that are not shown as they are stored.
        config: what the file says of the architecture.

    Raises:
        SourceError: on `read`, as the inner source.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources import open_source
        >>> path = Path(tempfile.mkdtemp()) / "w.npy"
        >>> np.save(path, np.arange(6).reshape(2, 3))
        >>> specs = (TensorSpec(name="w", shape=(3, 2), dtype="int64", nbytes=48),)
        >>> source = TurnedSource(open_source(path), specs, {"w": Turn((1, 0), (3, 2))}, {})
        >>> source.read(specs[0], (1, 3)).tolist()
        [[1, 4], [2, 5]]
        >>> source.close()
    """

    def __init__(
        self, inner: PlacedSource, specs: tuple[TensorSpec, ...], turns: Mapping[str, Turn], config: Mapping[str, Any]
    ) -> None:
        self.ref: SourceRef = inner.ref
        self.config = config
        self._inner, self._specs, self._turns = inner, specs, turns

    def __reduce__(self) -> tuple[object, ...]:
        from eigentail.sources.identify import open_source

        return open_source, (self.ref,)

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, as it is shown."""
        return self._specs

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
        """The tensor, or rows `part` of it; a turned one is read whole, because its rows lie scattered."""
        turn = self._turns.get(spec.name)
        if turn is None:
            return self._inner.read(spec, part)
        if part is not None:
            check_rows(spec, part)
        shown = turned(self._inner.read(spec), turn)
        return shown if part is None else shown[part[0] : part[1]]

    def close(self) -> None:
        """Close the file. Arrays already read stay valid."""
        self._inner.close()
