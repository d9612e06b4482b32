"""How Flax lays out the weights of its layers, and how the same numbers are laid out elsewhere: (out, in, ...)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Final

import msgspec

from eigentail.sources.turned import Turn

Shape = tuple[int, ...]
Path = tuple[str, ...]

# Projections onto heads, (in, heads, size), and back from them, (heads, size, out).
_ONTO_HEADS: Final = frozenset({"query", "key", "value", "q", "k", "v", "q_proj", "k_proj", "v_proj"})
_FROM_HEADS: Final = frozenset({"out", "o", "o_proj", "attention_output", "output_dense", "dense", "linear"})
_QKV: Final = re.compile(r"(self_attention_|attention_)?qkv(_proj|proj)?")
# Einsums of Gemma, whose arrays are called "w": the stored axes in their new order, and the parts of a first axis.
_EINSUMS: Final[Mapping[str, tuple[tuple[int, ...], Path]]] = {
    "q_einsum": ((0, 2, 1), ()),
    "kv_einsum": ((0, 2, 1), ("k", "v")),
    "qkv_einsum": ((0, 2, 1), ("q", "k", "v")),
    "attn_vec_einsum": ((2, 0, 1), ()),
    "gating_einsum": ((0, 1), ("gate", "up")),
}
_VECTORS: Final = frozenset({"bias", "scale", "mean", "var"})


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a stored array: all of it, or what lies at one place of one axis.

    Attributes:
        leaf: the last parts of its name.
        at: (axis, index) of the part it is, or None for all.
        turn: how the axes that are left are put; None to leave them.

    Example:
        >>> Piece(leaf="weight").at is None
        True
    """

    leaf: str
    at: tuple[int, int] | None = None
    turn: Turn | None = None


def pieces(path: Path, shape: Shape, beside: Mapping[str, Shape]) -> Iterator[Piece]:
    """What torch would make of an array of Flax: one tensor, or the parts of a fused one.

    Dense kernels become (out, in), convolutions (out, in, positions...), kernels with heads (heads * size, in) and
    (out, heads * size). Embeddings, scales and all that is not known stay as they are.

    Args:
        path: the names of the modules, then that of the array.
        shape: its sizes, without an axis of layers.
        beside: the arrays of the same module, itself included: name to shape.

    Yields:
        Pieces that together hold every value once.

    Source: `param` of the modules in flax/linen of Flax 0.12 (linear.py, attention.py); `Einsum` of Gemma's modules.

    Example:
        >>> [piece.turn.shape for piece in pieces(("conv", "kernel"), (3, 3, 8, 16), {"bias": (16,)})]
        [(16, 8, 3, 3)]
        >>> [(piece.leaf, piece.turn.shape) for piece in pieces(("kv_einsum", "w"), (2, 4, 64, 32), {})]
        [('k.weight', (128, 64)), ('v.weight', (128, 64))]
    """
    leaf, parent = path[-1], path[-2] if len(path) > 1 else ""
    if leaf == "w" and parent in _EINSUMS:
        yield from _einsum(leaf, parent, shape)
    elif leaf in _EINSUMS:
        yield from _einsum(leaf, leaf, shape)
    elif leaf in _VECTORS and len(shape) > 1:
        yield Piece(leaf=leaf, turn=Turn(tuple(range(len(shape))), (prod(shape),)))
    elif leaf == "kernel" and len(shape) > 1:
        yield Piece(leaf="weight", turn=_kernel(parent, shape, beside.get("bias", ())))
    else:
        yield Piece(leaf=leaf)


def _einsum(leaf: str, einsum: str, shape: Shape) -> Iterator[Piece]:
    order, parts = _EINSUMS[einsum]
    if len(shape) != len(order) + bool(parts) or (parts and shape[0] != len(parts)):
        yield Piece(leaf=leaf)
        return
    turn = _joined(shape[bool(parts) :], order, 2 if order == (0, 2, 1) else 1)
    front = "" if leaf == "w" else f"{leaf}."
    if not parts:
        yield Piece(leaf=f"{front}weight", turn=turn)
    yield from (Piece(leaf=f"{front}{name}.weight", at=(0, at), turn=turn) for at, name in enumerate(parts))


def _kernel(parent: str, shape: Shape, bias: Shape) -> Turn | None:
    """A kernel's way to (out, in, ...); None where its axes may be anything."""
    axes = tuple(range(len(shape)))
    if len(shape) == 2:
        return Turn((1, 0), shape[::-1])
    made = _made(parent, shape, bias)
    if made:
        return _joined(shape, (*axes[-made:], *axes[:-made]), made)
    if len(shape) == 3 and not bias and "conv" not in parent.lower():
        return None
    order = (axes[-1], axes[-2], *axes[:-2])
    return Turn(order, tuple(shape[axis] for axis in order))


def _made(parent: str, shape: Shape, bias: Shape) -> int:
    """How many axes at the end of a kernel are outputs where it maps to or from several; 0 for a convolution."""
    if 1 < len(bias) < len(shape) and shape[-len(bias) :] == bias:
        return len(bias)
    if len(shape) == 4 and _QKV.fullmatch(parent):
        return 3
    if len(shape) != 3:
        return 0
    return 2 if parent in _ONTO_HEADS and len(bias) != 1 else int(parent in _FROM_HEADS)


def _joined(shape: Shape, order: Shape, rows: int) -> Turn:
    """A matrix: the first axes of the order are its rows, the others its columns."""
    sizes = [shape[axis] for axis in order]
    return Turn(order, (prod(sizes[:rows]), prod(sizes[rows:])))
