"""How Keras lays out the weights of its layers, and how the same numbers are laid out elsewhere: (out, in, ...)."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Final

import msgspec

from eigentail.sources.turned import Turn

Shape = tuple[int, ...]

# What a layer does with its kernel, by the name of its class as Keras writes it for groups and default names.
ROLES: Final = {
    **dict.fromkeys(("dense",), "dense"),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution1d", "convolution2d", "convolution3d"), "conv"),
    **dict.fromkeys(("atrous_convolution1d", "atrous_convolution2d"), "conv"),
    **dict.fromkeys(("conv1d_transpose", "conv2d_transpose", "conv3d_transpose", "deconvolution2d"), "transposed"),
    **dict.fromkeys(("depthwise_conv1d", "depthwise_conv2d"), "depthwise"),
    **dict.fromkeys(("separable_conv1d", "separable_conv2d", "separable_convolution2d"), "separable"),
    **dict.fromkeys(("lstm", "gru", "simple_rnn", "lstm_cell", "gru_cell", "simple_rnn_cell"), "recurrent"),
    **dict.fromkeys(("cu_dnnlstm", "cu_dnngru", "conv_lstm1d", "conv_lstm2d", "conv_lstm3d"), "recurrent"),
    **dict.fromkeys(("conv_lstm1d_cell", "conv_lstm2d_cell", "conv_lstm3d_cell"), "recurrent"),
    **dict.fromkeys(("multi_head_attention", "group_query_attention", "grouped_query_attention"), "attention"),
    **dict.fromkeys(("einsum_dense",), "einsum"),
    **dict.fromkeys(("embedding",), "embedding"),
    **dict.fromkeys(("batch_normalization", "layer_normalization", "group_normalization"), "norm"),
    **dict.fromkeys(("p_re_lu",), "slope"),
}
# The same of the layers inside an attention layer, which Keras calls by what they do.
PARTS: Final = {
    **dict.fromkeys(("query", "key", "value", "query_dense", "key_dense", "value_dense"), "attention"),
    **dict.fromkeys(("attention_output", "output_dense"), "attention"),
}
_KERNEL: Final = ("kernel", "bias")
LEAVES: Final = {
    **dict.fromkeys(("dense", "conv", "transposed", "depthwise", "attention", "einsum"), _KERNEL),
    "separable": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "recurrent": ("kernel", "recurrent_kernel", "bias"),
    "embedding": ("embeddings",),
}
# Layers that keep vectors only, by how many there are; others of these classes are told by number.
ALL_VECTORS: Final = {
    ("norm", 4): ("gamma", "beta", "moving_mean", "moving_variance"),
    ("norm", 2): ("gamma", "beta"),
    ("slope", 1): ("alpha",),
}
# One number a channel, whatever the shape they are kept in: not matrices that map.
VECTORS: Final = frozenset({
    "alpha", "beta", "bias", "gamma", "moving_mean", "moving_variance", "running_mean", "running_std",
})  # fmt: skip
_GRU_TO_TORCH: Final = (1, 0, 2)  # Keras has update, reset, new; torch has reset, update, new
_GATES: Final = {"i": "i", "f": "f", "c": "g", "o": "o", "z": "z", "r": "r", "h": "n"}


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """One array of a Keras layer.

    Attributes:
        leaf: what Keras calls it ("kernel").
        shape: as stored.
        role: what its layer does with its kernel, or "".
        inner: the name of the innermost layer it belongs to.
        config: the configuration of the layer, or nothing.
        beside: the arrays of the same layer, itself included: name to shape.

    Example:
        >>> Weight(leaf="kernel", shape=(8, 4), role="dense", inner="fc", beside={"kernel": (8, 4)}).leaf
        'kernel'
    """

    leaf: str
    shape: Shape
    role: str
    inner: str
    beside: Mapping[str, Shape]
    config: Mapping[str, Any] = {}


class Shown(msgspec.Struct, frozen=True):
    """How an array is shown.

    Attributes:
        leaf: the last part of its name.
        turn: how its axes are put, None to leave them.
        groups: of a convolution, where known, else 0.
        transposed: a transposed convolution: (in, out, ...).

    Example:
        >>> Shown("weight").groups
        0
    """

    leaf: str
    turn: Turn | None = None
    groups: int = 0
    transposed: bool = False


def shown(weight: Weight) -> Shown:
    """The name and the layout that torch would give an array of Keras.

    Dense kernels become (out, in), convolutions (out, in, positions...), depthwise ones (in * multiplier, 1,
    positions...), transposed ones (in, out, positions...), recurrent kernels (gates * units, in) with the gates in
    torch's order. Arrays that belong to no known layer stay as they are.

    Args:
        weight: the array and what is known of its layer.

    Source: `build` of the layers in keras/src/layers of Keras 3.15; `preprocess_weights_for_loading` of Keras 2.3 for
        the layouts of Keras 1.

    Example:
        >>> kernel = Weight(leaf="kernel", shape=(3, 3, 8, 16), role="conv", inner="c", beside={})
        >>> shown(kernel).leaf, shown(kernel).turn.shape
        ('weight', (16, 8, 3, 3))
    """
    leaf, axes = weight.leaf, len(weight.shape)
    if leaf in VECTORS:
        return Shown(leaf, _merged(weight.shape) if axes > 1 else None)
    if axes == 2 and leaf[:2] in ("W_", "U_") and leaf[2:] in _GATES:
        side = "ih" if leaf[0] == "W" else "hh"
        return Shown(f"weight_{side}.{_GATES[leaf[2:]]}", _transposed(weight.shape))
    if axes < 2 or leaf not in ("kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "W"):
        return Shown(leaf)
    if "recurrent_kernel" in weight.beside:
        return _recurrent(weight)
    if weight.role in ("attention", "einsum"):
        return Shown("weight", _contraction(weight))
    if axes == 2:
        return Shown("weight", _transposed(weight.shape))
    return _convolution(weight)


def _merged(shape: Shape) -> Turn:
    return Turn(tuple(range(len(shape))), (prod(shape),))


def _transposed(shape: Shape) -> Turn:
    return Turn((1, 0), shape[::-1])


def _permuted(shape: Shape, axes: Shape) -> Turn:
    return Turn(axes, tuple(shape[axis] for axis in axes))


def _last_first(axes: int) -> Shape:
    """The order of axes that brings (positions..., a, b) to (b, a, positions...)."""
    return (axes - 1, axes - 2, *range(axes - 2))


def _recurrent(weight: Weight) -> Shown:
    """The kernels of LSTM, GRU and plain recurrent layers, convolutional ones included."""
    leaf = "weight_hh" if weight.leaf == "recurrent_kernel" else "weight_ih"
    *_, units, gates = weight.beside["recurrent_kernel"]
    turn = _permuted(weight.shape, _last_first(len(weight.shape)))
    is_gru = units > 0 and gates == 3 * units and turn.shape[0] == gates
    return Shown(leaf, Turn(turn.axes, turn.shape, _GRU_TO_TORCH) if is_gru else turn)


def _convolution(weight: Weight) -> Shown:
    shape, axes = weight.shape, len(weight.shape)
    if weight.leaf == "depthwise_kernel" or weight.role == "depthwise":
        channels, multiplier, *positions = shape[-2:] + shape[:-2]
        order = (axes - 2, axes - 1, *range(axes - 2))
        leaf = "depthwise.weight" if "pointwise_kernel" in weight.beside else "weight"
        return Shown(leaf, Turn(order, (channels * multiplier, 1, *positions)), groups=channels)
    if weight.leaf == "pointwise_kernel":
        return Shown("pointwise.weight", _permuted(shape, _last_first(axes)), groups=1)
    if axes == 3 and not weight.role:
        return Shown("weight")  # three axes may be anything
    if weight.role == "transposed":
        return Shown("weight", _permuted(shape, _last_first(axes)), transposed=True)
    turn = None if _is_theano(weight) else _permuted(shape, _last_first(axes))
    return Shown("weight", turn, groups=_groups(weight.config, (turn.shape if turn else shape)[0]))


def _groups(config: Mapping[str, Any], outputs: int) -> int:
    """What the configuration says; Keras before 2.3 had no groups, so silence in one means a plain convolution."""
    groups = config.get("groups", 1) if config else 0
    return groups if type(groups) is int and groups > 0 and outputs % groups == 0 else 0


def _is_theano(weight: Weight) -> bool:
    """Whether a kernel is (out, in, positions...), as Keras 1 had it for Theano, and files for TensorFlow too."""
    shape, config = weight.shape, weight.config
    outputs = config.get("filters", config.get("nb_filter", next(iter(weight.beside.get("bias", ())), None)))
    first, last = bool(shape[0] == outputs), bool(shape[-1] == outputs)
    if first != last:
        return first
    size = _kernel_size(config)
    if size and (shape[2:] == size) != (shape[:-2] == size):
        return shape[2:] == size
    if weight.leaf != "W":
        return False
    ordering = config.get("dim_ordering")
    if ordering in ("th", "tf"):
        return bool(ordering == "th")
    return prod(shape[2:]) < prod(shape[:-2])


def _kernel_size(config: Mapping[str, Any]) -> Shape:
    size = config.get("kernel_size", [config.get("nb_row"), config.get("nb_col")])
    return tuple(size) if isinstance(size, list) else ()


def _contraction(weight: Weight) -> Turn | None:
    """The matrix of a contraction: the axes it makes as rows, those it sums over as columns."""
    axes = tuple(range(len(weight.shape)))
    if weight.role == "einsum":
        made = _made(weight.config.get("equation"), len(weight.shape)) or _biased(weight)
    else:
        made = axes[-1:] if weight.inner in ("attention_output", "output_dense") else axes[1:]
    if not made:
        return None
    summed = tuple(axis for axis in axes if axis not in made)
    sizes = [prod(weight.shape[axis] for axis in side) for side in (made, summed)]
    return Turn((*made, *summed), tuple(sizes))


def _biased(weight: Weight) -> tuple[int, ...]:
    """The axes at the end that have a bias each, the last one of a matrix; none when the bias tells nothing."""
    bias = weight.beside.get("bias", ())
    made = tuple(range(len(weight.shape) - max(len(bias), 1), len(weight.shape)))
    return made if weight.shape[made[0] :] == bias or len(weight.shape) == 2 else ()


def _made(equation: object, axes: int) -> tuple[int, ...]:
    """The axes of a kernel that an einsum equation has in its output; none where one of them is in all three terms."""
    if not isinstance(equation, str) or equation.count(",") != 1 or equation.count("->") != 1:
        return ()
    terms, output = equation.replace(" ", "").split("->")
    inputs, kernel = terms.split(",")
    if len(kernel) != axes or set(kernel) & set(inputs) & set(output):
        return ()
    return tuple(at for at, letter in enumerate(kernel) if letter in output)
