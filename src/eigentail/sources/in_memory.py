"""What can be known of one object in memory: whether it is an array, its type, its place, its numbers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import prod
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import TensorSpec
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.placed import native


@runtime_checkable
class ArrayLike(Protocol):
    """What numpy can make an array of: its own arrays, PyTorch's and JAX's, h5py's data sets.

    Example:
        >>> isinstance(np.eye(2), ArrayLike), isinstance([1, 2], ArrayLike)
        (True, False)
    """

    shape: Any
    dtype: Any

    def __array__(self) -> NDArray[Any]:
        """The numbers."""


def is_module(target: object) -> bool:
    """Whether this is a PyTorch module.

    Example:
        >>> is_module(np.eye(2))
        False
    """
    torch = _torch()
    return torch is not None and isinstance(target, torch.nn.Module)


def is_array(value: object) -> bool:
    """Whether this is one array, of numpy, PyTorch or another library that numpy understands.

    Example:
        >>> is_array(np.eye(2)), is_array({"w": np.eye(2)})
        (True, False)
    """
    return _is_tensor(value) or (isinstance(value, ArrayLike) and not isinstance(value, type))


def spec_of(name: str, leaf: Any, where: str) -> TensorSpec:
    """Name, shape and type of an array.

    Args:
        name: what it is called.
        leaf: the array.
        where: the model, for the error.

    Raises:
        SourceError: it has no values yet.

    Example:
        >>> spec_of("w", np.zeros((2, 3), np.float32), "dict").nbytes
        24
    """
    if _is_tensor(leaf):
        _check_loaded(leaf, where)
    shape = tuple(int(size) for size in leaf.shape)
    dtype = str(leaf.dtype).removeprefix("torch.")
    if isinstance(leaf.dtype, np.dtype):
        dtype = leaf.dtype.name
    return TensorSpec(name=name, shape=shape, dtype=dtype, nbytes=prod(shape) * _itemsize(leaf.dtype))


def memory_of(leaf: Any) -> object:
    """A key that two arrays share when they are the same memory, transposed or not.

    Example:
        >>> whole = np.eye(4)
        >>> memory_of(whole) == memory_of(whole.T), memory_of(whole[:2]) == memory_of(whole[::2])
        (True, False)
    """
    if isinstance(leaf, np.ndarray):
        steps = [abs(step) // max(leaf.itemsize, 1) for step in leaf.strides]
        return "numpy", leaf.__array_interface__["data"][0], leaf.size, _extent(leaf.shape, steps)
    if _is_tensor(leaf) and _is_plain(leaf) and leaf.data_ptr():
        return str(leaf.device), leaf.data_ptr(), leaf.numel(), _extent(leaf.shape, leaf.stride())
    return id(leaf)


def array_of(leaf: Any, part: tuple[int, int] | None) -> NDArray[np.generic]:
    """The numbers, without a copy where they lie in this machine's memory.

    Args:
        leaf: the array; it is not changed.
        part: rows of its first axis, or None for all.

    Raises:
        TypeError, ValueError, RuntimeError: whatever its library says when it cannot.

    Example:
        >>> array_of(np.eye(2), (1, 2)).tolist()
        [[0.0, 1.0]]
    """
    rows = leaf if part is None else leaf[part[0] : part[1]]
    if not _is_tensor(leaf):
        return native(np.asarray(rows))
    if not _is_plain(rows):
        raise TypeError("it is sparse or quantised")
    torch: Any = _torch()
    tensor = rows.detach().cpu().resolve_conj().resolve_neg()
    stored = dtype_of(str(tensor.dtype).removeprefix("torch."))
    if stored.isbuiltin == 1:
        return np.asarray(tensor.numpy())
    # numpy does not know this type, but integers of its size pass through without a copy.
    integers = {1: torch.uint8, 2: torch.int16}[stored.itemsize]
    return np.asarray(tensor.view(integers).numpy().view(stored))


def convolutions(module: Any) -> dict[int, tuple[int, bool]]:
    """Groups and whether it is a transposed one, of every convolution, by the identity of its weight.

    Args:
        module: a PyTorch module.

    Example:
        >>> import torch
        >>> conv = torch.nn.Conv2d(4, 4, 3, groups=2)
        >>> convolutions(conv)[id(conv.weight)]
        (2, False)
    """
    torch: Any = _torch()
    facts: dict[int, tuple[int, bool]] = {}
    for part in module.modules():
        if isinstance(part, torch.nn.modules.conv._ConvNd):
            # Not part.weight: a parametrisation would compute it anew, and may change its own state by that.
            own = {name: weight for name, weight in part.named_parameters(recurse=False) if name == "weight"}
            facts |= {id(weight): (part.groups, part.transposed) for weight in own.values()}
    return facts


def config_of(module: Any) -> Mapping[str, Any]:
    """The configuration that model libraries keep at `config`, or nothing.

    Example:
        >>> config_of(np.eye(2))
        {}
    """
    config: Any = getattr(module, "config", None)
    if isinstance(config, Mapping):
        return dict(config)
    found = config.to_dict() if callable(getattr(config, "to_dict", None)) else {}
    return found if isinstance(found, Mapping) else {}


def _torch() -> Any:
    """PyTorch if somebody else has imported it: without it nothing can be one of its objects."""
    return sys.modules.get("torch")


def _is_tensor(leaf: object) -> bool:
    torch = _torch()
    return torch is not None and isinstance(leaf, torch.Tensor)


def _is_plain(tensor: Any) -> bool:
    return bool(tensor.layout == _torch().strided and not tensor.is_quantized)


def _check_loaded(tensor: Any, where: str) -> None:
    """Refuse a tensor that has a shape at most."""
    if _torch().nn.parameter.is_lazy(tensor):
        raise SourceError("has layers without a shape", where=where, hint="run one batch through the module first")
    if tensor.is_meta:
        raise SourceError("the module is on the meta device", where=where, hint="load its weights first")


def _itemsize(dtype: Any) -> int:
    """Bytes of one element; numpy's and PyTorch's types both know."""
    return int(getattr(dtype, "itemsize", 0) or 0)


def _extent(shape: Any, strides: Any) -> int:
    """The elements between the first and the last one, both counted."""
    return 1 + sum((int(size) - 1) * int(step) for size, step in zip(shape, strides, strict=True))
