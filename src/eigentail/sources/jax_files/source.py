"""The arrays of a JAX checkpoint as a source: named without wrappers, shown as torch lays the same layers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.checkpoint import flatten
from eigentail.sources.coded import Coded, CodedSource, Rows
from eigentail.sources.jax_files.layout import Path, Piece, pieces
from eigentail.sources.jax_files.stacks import stacks
from eigentail.sources.placed import Placed, array_at
from eigentail.sources.ranges import RangeReader
from eigentail.sources.turned import turned

Index = tuple[slice, ...]

_ALL: Final = slice(None)
# What T5X and the first optimizers of Flax put around the model, and what NNX puts below its arrays.
_TARGETS: Final = (("optimizer", "target"), ("opt", "target"), ("target",))
_BOXES: Final = ("value", "raw_value")
_BOXED: Final = frozenset({"kernel", "bias", "scale", "embedding", "mean", "var", "count", "key"})


class Stored(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One array as the checkpoint has it.

    Attributes:
        path: its place in the tree.
        spec: its shape, type and size; the name is not used.
        take: gives the part that a slice for each axis selects.

    Example:
        >>> import numpy as np
        >>> spec = TensorSpec(name="", shape=(2, 3), dtype="float64", nbytes=48)
        >>> Stored(path=("w",), spec=spec, take=lambda index: np.ones((2, 3))[index]).take((slice(0, 1),)).shape
        (1, 3)
    """

    path: Path
    spec: TensorSpec
    take: Callable[[Index], NDArray[Any]]


def stored_at(path: Path, placed: Placed) -> Stored:
    """An array that lies whole in a file.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> spec = TensorSpec(name="w", shape=(3, 2), dtype="uint8", nbytes=6)
        >>> placed = Placed(spec=spec, reader=BytesRange(bytes(range(6))), offset=0, stored=np.dtype("uint8"))
        >>> stored_at(("w",), placed).take((slice(1, 2), slice(None))).tolist()
        [[2, 3]]
    """

    def take(index: Index) -> NDArray[Any]:
        if not index or index[0] == _ALL:
            return array_at(placed)[index]
        return array_at(placed, (index[0].start, index[0].stop))[:, *index[1:]]

    return Stored(path=path, spec=placed.spec, take=take)


def jax_source(ref: SourceRef, reader: RangeReader, arrays: Sequence[Stored], config: Mapping[str, Any]) -> CodedSource:
    """A checkpoint of Flax, whoever wrote it, as a source.

    Args:
        ref: what opens it again.
        reader: closed with the source.
        arrays: what it holds.
        config: what lies beside it of the architecture.

    Raises:
        SourceError: no arrays, a name that cannot be printed, or two arrays of one name.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> import numpy as np
        >>> spec = TensorSpec(name="", shape=(2, 3), dtype="float64", nbytes=48)
        >>> kernel = Stored(path=("params", "fc", "kernel"), spec=spec, take=lambda index: np.ones((2, 3))[index])
        >>> source = jax_source(SourceRef("orbax", "x"), BytesRange(b""), [kernel], {})
        >>> [(spec.name, spec.shape) for spec in source.tensors()]
        [('fc.weight', (3, 2))]
    """
    by_path = {_model_path(array.path): array for array in arrays}
    if len(by_path) < len(arrays):
        by_path = {array.path: array for array in arrays}  # then they stay as they are stored
    names = _names(by_path, ref.target)
    found = list(_shown(by_path, names))
    count = Counter(part.name for part in found)
    tensors = [_coded(part, part.name if count[part.name] == 1 else part.stored_name) for part in found]
    return CodedSource(ref, reader, tensors, config)


class _Part(msgspec.Struct, frozen=True, eq=False):
    """What is shown of one array, under which name."""

    stored: Stored
    stored_name: str
    name: str
    piece: Piece
    fixed: tuple[tuple[int, int], ...]

    @property
    def axes(self) -> tuple[int, ...]:
        """The stored axes that are left, in the order in which they are shown."""
        fixed = dict(self.fixed)
        left = [axis for axis in range(len(self.stored.spec.shape)) if axis not in fixed]
        turn = self.piece.turn
        return tuple(left[axis] for axis in turn.axes) if turn else tuple(left)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes as shown."""
        turn = self.piece.turn
        return turn.shape if turn else tuple(self.stored.spec.shape[axis] for axis in self.axes)


def _model_path(path: Path) -> Path:
    """The place in the tree: a name with slashes parted, the boxes of NNX taken off."""
    parted = tuple(word for name in path for word in name.split("/")) or ("weight",)
    return parted[:-1] if parted[-1] in _BOXES and parted[-2:-1] and parted[-2] in _BOXED else parted


def _names(arrays: Mapping[Path, Stored], where: str) -> dict[Path, str]:
    """The name of every array in the model, what lies beside it marked in front."""
    tree: dict[str, Any] = {}
    for path in arrays:
        node = tree
        for word in (words := _in_front(path, arrays))[:-1]:
            node = node.setdefault(word, {})
            if not isinstance(node, dict):
                raise SourceError(f"{word[:80]!a} is both an array and a group of arrays", where=where)
        if node.setdefault(words[-1], path) is not path:
            raise SourceError(f"two arrays are both called {'.'.join(words)[:80]!a}", where=where)
    flat = flatten(tree, lambda leaf: type(leaf) is tuple, where)
    return {path: name for name, path in flat.items() if isinstance(path, tuple)}


def _in_front(path: Path, arrays: Mapping[Path, Stored]) -> Path:
    """The path as the house names things: what held the model taken off, the state beside it called the optimizer's."""
    for target in _TARGETS:
        if path[: len(target)] == target and len(path) > len(target):
            return path[len(target) :]
    is_t5x = path[0] == "state" and any(other[0] == "target" for other in arrays)
    return ("optimizer", *path[1:]) if is_t5x and len(path) > 1 else path


def _shown(arrays: Mapping[Path, Stored], names: Mapping[Path, str]) -> Iterator[_Part]:
    """Every array of the model in torch's layout, stacks of layers one by one; what lies beside it as it is."""
    model = {path: array for path, array in arrays.items() if not names[path].startswith(("optimizer.", "ema."))}
    stacked = stacks({path: array.spec.shape for path, array in model.items()})
    beside: dict[Path, dict[str, tuple[int, ...]]] = {}
    for path, array in model.items():
        beside.setdefault(path[:-1], {})[path[-1]] = array.spec.shape
    for path, array in arrays.items():
        if path not in model:
            yield _Part(array, names[path], names[path], Piece(leaf=path[-1]), ())
            continue
        module = next((path[:end] for end in range(1, len(path)) if path[:end] in stacked), None)
        if module is None:
            yield from _layer(array, path, names[path], beside[path[:-1]])
            continue
        axis, count = stacked[module]
        siblings = {leaf: _without(shape, axis) for leaf, shape in beside[path[:-1]].items()}
        rest = ".".join(path[len(module) :])
        front = names[path].removesuffix(rest)
        for at in range(count):
            yield from _layer(array, path, f"{front}{at}.{rest}", siblings, (axis, at))


def _layer(
    array: Stored,
    path: Path,
    name: str,
    beside: Mapping[str, tuple[int, ...]],
    fixed: tuple[int, int] | None = None,
) -> Iterator[_Part]:
    """What one array holds of one layer."""
    shape = beside[path[-1]]
    for piece in pieces(path, shape, beside):
        places = [fixed] if fixed else []
        if piece.at:
            axis, at = piece.at
            places.append((axis + bool(fixed and fixed[0] <= axis), at))
        leaf = path[-1]
        yield _Part(array, name, name.removesuffix(leaf) + piece.leaf, piece, tuple(places))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def _coded(part: _Part, name: str) -> Coded:
    """The tensor and how it is read."""
    spec, shape = part.stored.spec, part.shape
    size = spec.nbytes // max(prod(spec.shape), 1)
    shown = TensorSpec(name=name, shape=shape, dtype=spec.dtype, nbytes=size * prod(shape))

    def make(rows: Rows) -> NDArray[Any]:
        index = [_ALL] * len(spec.shape)
        for axis, at in part.fixed:
            index[axis] = slice(at, at + 1)
        axes = part.axes
        is_one_axis = rows is not None and bool(axes) and shape[0] == spec.shape[axes[0]]
        if rows is not None and is_one_axis:
            index[axes[0]] = slice(*rows)
        array = part.stored.take(tuple(index)).squeeze(tuple(axis for axis, _ in part.fixed))
        if part.piece.turn:
            sizes = (rows[1] - rows[0], *shape[1:]) if rows is not None and is_one_axis else shape
            array = turned(array, msgspec.structs.replace(part.piece.turn, shape=sizes))
        return array if rows is None or is_one_axis else array[slice(*rows)]

    return Coded(shown, make)
