"""Arrays of an adapter -> the change they make: two factors, or the tensor itself where it is no product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eigentail.records.low_rank import Factors
from eigentail.sources.adapters.change import Change
from eigentail.sources.adapters.names import Role

Arrays = Mapping[Role, NDArray[Any]]


def factors_of(change: Change, arrays: Arrays) -> Factors:
    """The two factors of a LoRA, without its scale.

    Args:
        change: of the form "LoRA".
        arrays: its parts.

    Returns:
        Views of the arrays, but where three factors have to become two.

    Source: Hu et al., "LoRA" (2021), equation 3, for B A; LyCORIS for the three factors of a kernel.

    Example:
        >>> from eigentail.records import TensorSpec
        >>> from eigentail.sources.adapters.change import changes_of
        >>> names, arrays = ("fc.lora_A.weight", "fc.lora_B.weight"), (np.ones((2, 5)), np.ones((3, 2)))
        >>> specs = [TensorSpec(name=n, shape=a.shape, dtype="float32", nbytes=1) for n, a in zip(names, arrays)]
        >>> change = changes_of(specs)[0][0]
        >>> factors_of(change, dict(zip(change.parts, arrays))).shape
        (3, 5)
    """
    if Role.EMBEDDING_DOWN in arrays:
        return Factors(left=arrays[Role.EMBEDDING_DOWN].T, right=arrays[Role.EMBEDDING_UP].T)
    down, up = arrays[Role.DOWN], arrays[Role.UP]
    up = up.reshape(up.shape[:2])
    if Role.MID in arrays:
        flat = down.reshape(down.shape[:2])
        right = np.einsum("ab...,bi->ai...", _wide(arrays[Role.MID]), _wide(flat))
        return Factors(left=up, right=right)
    if change.turned:
        return Factors(left=down.T, right=up.T)
    return Factors(left=up, right=down)


def multiplied(factors: Factors, part: tuple[int, int] | None = None) -> NDArray[Any]:
    """The product, or rows of it, in float32, or in float64 where a factor is stored in that.

    The order of the operations is that of PEFT: first the product, then its scale.

    Args:
        factors: of a tensor.
        part: first and last row (exclusive), or None for all.

    Example:
        >>> multiplied(Factors(left=np.ones((3, 2)), right=np.ones((2, 5)), scale=0.5), (0, 1)).tolist()
        [[1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    wide = _arithmetic(factors.left.dtype, factors.right.dtype)
    left = np.asarray(factors.left if part is None else factors.left[slice(*part)], dtype=wide)
    right = np.asarray(factors.right, dtype=wide)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.tensordot(left, right, axes=1) * factors.scale, dtype=wide)


def formed(change: Change, arrays: Arrays, scale: float) -> NDArray[Any]:
    """The tensor that a LoHa or a LoKr is.

    Args:
        change: of the form "LoHa" or "LoKr".
        arrays: its parts.
        scale: the number in front.

    Source: Hyeon-Woo et al., "FedPara" (ICLR 2022), for LoHa; Yeh et al., "LyCORIS" (ICLR 2024), for LoKr.

    Example:
        >>> from eigentail.records import TensorSpec
        >>> from eigentail.sources.adapters.change import changes_of
        >>> arrays = {"fc.lokr_w1": np.eye(2), "fc.lokr_w2": np.ones((1, 2))}
        >>> specs = [TensorSpec(name=n, shape=a.shape, dtype="float32", nbytes=1) for n, a in arrays.items()]
        >>> change = changes_of(specs)[0][0]
        >>> formed(change, dict(zip(change.parts, arrays.values())), 3.0).tolist()
        [[3.0, 3.0, 0.0, 0.0], [0.0, 0.0, 3.0, 3.0]]
    """
    wide = _arithmetic(*(array.dtype for array in arrays.values()))
    values = {role: np.asarray(array, dtype=wide) for role, array in arrays.items()}
    with np.errstate(over="ignore", invalid="ignore"):
        product = _loha(values) if change.form == "LoHa" else _lokr(values)
        return np.asarray(product * scale, dtype=wide).reshape(change.shape)


def _loha(values: Arrays) -> NDArray[Any]:
    """Two products, entry by entry."""
    one = _side(values, Role.HADA_T1, Role.HADA_W1_A, Role.HADA_W1_B)
    two = _side(values, Role.HADA_T2, Role.HADA_W2_A, Role.HADA_W2_B)
    return np.asarray(one * two)


def _lokr(values: Arrays) -> NDArray[Any]:
    """A Kronecker product over the first two axes."""
    one = values.get(Role.LOKR_W1)
    if one is None:
        one = _side(values, None, Role.LOKR_W1_A, Role.LOKR_W1_B)
    two = values.get(Role.LOKR_W2)
    if two is None:
        two = _side(values, Role.LOKR_T2, Role.LOKR_W2_A, Role.LOKR_W2_B)
    return np.kron(one.reshape(*one.shape, *[1] * (two.ndim - 2)), two)


def _side(values: Arrays, core: Role | None, one: Role, two: Role) -> NDArray[Any]:
    """A product of two matrices, or of those with a core between."""
    if core is None or core not in values:
        return np.asarray(values[one] @ values[two])
    # two products, not one sum over all four axes
    inner = np.einsum("ab...,br->ar...", values[core], values[two])
    return np.asarray(np.einsum("ar...,ap->pr...", inner, values[one]))


def _wide(array: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(array, dtype=_arithmetic(array.dtype))


def _arithmetic(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """float64 where something is stored in it, else float32."""
    return np.dtype("float64" if any(dtype.itemsize > 4 for dtype in dtypes) else "float32")
