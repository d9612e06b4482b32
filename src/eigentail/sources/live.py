"""Models in memory: PyTorch modules, state dicts, mappings and streams of arrays. No framework is ever imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.checkpoint import flatten
from eigentail.sources.in_memory import (
    array_of,
    config_of,
    convolutions,
    is_array,
    is_module,
    memory_of,
    spec_of,
)
from eigentail.sources.placed import check_rows

LIVE: Final = "live"
_ACCEPTED: Final = (
    "give a path, a PyTorch module, a state dict, a mapping from names to arrays, pairs of name and array, or an array"
)


@final
class LiveSource:
    """Tensors that are in memory already. They are held by reference until the source is dropped, and never changed.

    Args:
        ref: a description; nothing can be opened by it.
        leaves: name to array, as `flatten` gives them.
        facts: groups and transposition of convolutions, by the identity of their weight.
        config: the model's own configuration, or nothing.

    Raises:
        SourceError: there is no tensor, or one without values; on `read`, no array can be made of it; when pickled.

    Example:
        >>> source = open_live({"w": np.eye(2)})
        >>> source.read(source.tensors()[0]).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(
        self,
        ref: SourceRef,
        leaves: Mapping[str, Any],
        facts: Mapping[int, tuple[int, bool]],
        config: Mapping[str, Any],
    ) -> None:
        self.ref, self.config = ref, config
        if not leaves:
            raise SourceError("holds no tensors", where=ref.target, hint=_ACCEPTED)
        self._leaves = dict(leaves)
        self._specs = _with_facts([spec_of(name, leaf, ref.target) for name, leaf in leaves.items()], leaves, facts)

    def __reduce__(self) -> NoReturn:
        raise SourceError(
            "a live model cannot travel to another process", where=self.ref.target, hint="save it, or use threads"
        )

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, in the model's order."""
        return self._specs

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
        """The tensor as a read-only array: a view of the model's memory, or a copy when it lies on another device."""
        if spec.name not in self._leaves:
            raise SourceError(f"there is no tensor {spec.name!r}", where=self.ref.target)
        if part is not None:
            check_rows(spec, part)
        try:
            view = array_of(self._leaves[spec.name], part).view()
        except (RuntimeError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0][:120]
            raise SourceError(
                f"tensor {spec.name!r} cannot be made an array ({reason})", where=self.ref.target
            ) from error
        view.setflags(write=False)
        return view

    def close(self) -> None:
        """Nothing: the model belongs to the caller."""


def open_live(target: object) -> LiveSource:
    """Take a model in memory for a source.

    Args:
        target: a `torch.nn.Module`, a state dict (nested or wrapped as in a checkpoint), a mapping from names to
            arrays (numpy, PyTorch, JAX, anything numpy understands), pairs of name and array (an iterator is read to
            its end and its arrays are held until they are analysed), or one array, which is called "weight".

    Raises:
        SourceError: it is none of these, or its weights are not loaded yet.

    Example:
        >>> open_live(iter([("a", np.eye(2)), ("b", np.eye(3))])).tensors()[1].shape
        (3, 3)
        >>> open_live(7)
        Traceback (most recent call last):
        eigentail.errors.SourceError: int: is no model: give a path, a PyTorch module, ...
    """
    ref = SourceRef(LIVE, describe_live(target))
    if is_module(target):
        module: Any = target
        leaves = flatten(dict(module.state_dict(keep_vars=True)), is_array, ref.target)
        return LiveSource(ref, leaves, convolutions(module), config_of(module))
    held = target if isinstance(target, Mapping) or is_array(target) else _paired(target, ref.target)
    return LiveSource(ref, flatten(held, is_array, ref.target), {}, {})


def describe_live(target: object) -> str:
    """A word for a model in memory: its class.

    Raises:
        SourceError: no source can be made of it.

    Example:
        >>> describe_live(np.eye(2))
        'ndarray'
    """
    kind = type(target).__name__
    if isinstance(target, Mapping | Iterable) or is_module(target) or is_array(target):
        return kind
    raise SourceError("is no model", where=kind, hint=_ACCEPTED)


def _with_facts(
    specs: Iterable[TensorSpec], leaves: Mapping[str, Any], facts: Mapping[int, tuple[int, bool]]
) -> tuple[TensorSpec, ...]:
    """The specs with what the model knows beyond shape and type."""
    owners: dict[object, str] = {}
    # A weight is never tied to its averaged copy or to optimizer state: those are not analysed, so it would be lost.
    for name in sorted(leaves, key=lambda name: name.startswith(("ema.", "optimizer."))):
        owners.setdefault(memory_of(leaves[name]), name)
    full = []
    for spec in specs:
        owner = owners[memory_of(leaves[spec.name])]
        tied_to = owner if owner != spec.name and spec.nbytes else ""
        groups, conv_transposed = facts.get(id(leaves[spec.name]), (0, False))
        full.append(msgspec.structs.replace(spec, tied_to=tied_to, groups=groups, conv_transposed=conv_transposed))
    return tuple(full)


def _paired(target: object, where: str) -> dict[str, object]:
    """Pairs of name and array as a mapping."""
    held: dict[str, object] = {}
    for pair in target if isinstance(target, Iterable) else ():
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and is_array(pair[1])):
            raise SourceError("holds something that is no pair of name and array", where=where, hint=_ACCEPTED)
        if pair[0] in held:
            raise SourceError(f"gives two arrays the name {pair[0]!r}", where=where)
        held[pair[0]] = pair[1]
    return held
