"""What TensorFlow's operations take as weights, by operation and input, and how these lie in torch's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Final

from eigentail.sources.graphs.formed import Formed, reshaped, turned
from eigentail.sources.graphs.nodes import Node
from eigentail.sources.graphs.tensors import Part, Role, factors

# Followed through on the way from a constant to what uses it, by this input.
HANDS_ON: Final[Mapping[str, int]] = dict.fromkeys((
    "Identity", "ReadVariableOp", "Enter", "RefEnter", "Switch", "RefSwitch", "Snapshot", "StopGradient",
    "CheckNumerics", "PreventGradient", "Cast", "ExpandDims", "Transpose", "Reshape", "Dequantize",
    "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel", "FakeQuantWithMinMaxArgs",
), 0)  # fmt: skip

# The operations that layers are not made of: a constant that only these use is no weight.
ASIDE: Final = frozenset({
    "Mul", "Sub", "RealDiv", "Div", "Pow", "Maximum", "Minimum", "Equal", "NotEqual", "Greater", "GreaterEqual", "Less",
    "LessEqual", "LogicalAnd", "LogicalOr", "Select", "SelectV2", "Where", "Concat", "ConcatV2", "Pad", "PadV2",
    "MirrorPad", "Slice", "StridedSlice", "Split", "SplitV", "Tile", "Fill", "Range", "Pack", "Unpack", "BroadcastTo",
    "ResizeBilinear", "ResizeNearestNeighbor", "OneHot", "TopKV2", "Sum", "Mean", "Max", "Min", "Prod", "ArgMax",
    "Transpose", "Reshape", "ExpandDims", "Squeeze", "Shape", "GatherNd", "ScatterNd", "SquaredDifference", "Rsqrt",
    "Sqrt", "Exp", "Log", "Neg", "Abs", "NonMaxSuppressionV3", "CropAndResize", "Mfcc", "MatrixBandPart", "Cumsum",
})  # fmt: skip


def _product(transposed: str) -> Role:
    """The second factor of a product: inputs as rows unless it is turned."""

    def parts(node: Node, values: Formed) -> Sequence[Part]:
        return factors(values, inputs_first=not node.attributes.get(transposed))

    return parts


def _first(transposed: str) -> Role:
    """The first factor of a product: outputs as rows unless it is turned."""

    def parts(node: Node, values: Formed) -> Sequence[Part]:
        return factors(values, inputs_first=bool(node.attributes.get(transposed)))

    return parts


def kernel(values: Formed) -> Formed:
    """A kernel (positions..., in, out) as torch has it, (out, in, positions...).

    Args:
        values: three axes or more; others are left alone.

    Example:
        >>> kernel(Formed(shape=(3, 3, 8, 16), dtype="float32", nbytes=4608, make=lambda part: None)).shape
        (16, 8, 3, 3)
    """
    axes = len(values.shape)
    return turned(values, (axes - 1, axes - 2, *range(axes - 2))) if axes > 1 else values


def depthwise(values: Formed) -> Formed:
    """A kernel (positions..., channels, multiplier) as torch has it, (channels x multiplier, 1, positions...).

    Args:
        values: three axes or more; others are left alone.

    Example:
        >>> depthwise(Formed(shape=(3, 3, 8, 2), dtype="float32", nbytes=576, make=lambda part: None)).shape
        (16, 1, 3, 3)
    """
    axes = len(values.shape)
    if axes < 3:
        return values
    first = turned(values, (axes - 2, axes - 1, *range(axes - 2)))
    return reshaped(first, (prod(first.shape[:2]), 1, *first.shape[2:]))


def _kernel(node: Node, values: Formed) -> Sequence[Part]:
    # A kernel of one input channel could be taken for a depthwise one, for which there is an operation of its own.
    alone = len(values.shape) > 2 and values.shape[-2] == 1
    return (Part("weight", kernel(values), groups=int(alone)),)


def _depthwise(node: Node, values: Formed) -> Sequence[Part]:
    channels = values.shape[-2] if len(values.shape) > 2 else 0
    return (Part("weight", depthwise(values), groups=channels),)


def _transposed_kernel(node: Node, values: Formed) -> Sequence[Part]:
    return (Part("weight", kernel(values), transposed=True),)


def _rows(node: Node, values: Formed) -> Sequence[Part]:
    """A table from which rows are taken."""
    return (Part("weight", values),)


def _vector(word: str) -> Role:
    def parts(node: Node, values: Formed) -> Sequence[Part]:
        return (Part(word, values),)

    return parts


def _contraction(node: Node, values: Formed) -> Sequence[Part]:
    """The second factor of an einsum: the axes it makes as rows, those it sums over as columns."""
    inputs, _, output = str(node.attributes.get("equation", "")).replace(" ", "").partition("->")
    given, _, letters = inputs.partition(",")
    if len(letters) != len(values.shape) or not letters.isalpha() or set(letters) & set(given) & set(output):
        return (Part("weight", values),)
    made = [at for at, letter in enumerate(letters) if letter in output]
    summed = [at for at, letter in enumerate(letters) if letter not in output]
    sizes = [prod(values.shape[at] for at in side) for side in (made, summed)]
    return (Part("weight", reshaped(turned(values, (*made, *summed)), sizes)),)


ROLES: Final[Mapping[tuple[str, int], Role]] = {
    ("MatMul", 0): _first("transpose_a"),
    ("MatMul", 1): _product("transpose_b"),
    ("_FusedMatMul", 1): _product("transpose_b"),
    ("SparseMatMul", 1): _product("transpose_b"),
    **{(op, 0): _first("adj_x") for op in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")},
    **{(op, 1): _product("adj_y") for op in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")},
    **{(op, 1): _kernel for op in ("Conv2D", "Conv3D", "_FusedConv2D", "Conv")},
    **{(op, 1): _depthwise for op in ("DepthwiseConv2dNative", "_FusedDepthwiseConv2dNative")},
    **{(op, 1): _transposed_kernel for op in ("Conv2DBackpropInput", "Conv3DBackpropInputV2")},
    **{(op, 0): _rows for op in ("Gather", "GatherV2", "ResourceGather", "EmbeddingLookup")},
    ("Einsum", 1): _contraction,
    ("BlockLSTM", 4): _product("-"),
    ("BlockLSTMV2", 4): _product("-"),
    ("LSTMBlockCell", 3): _product("-"),
    ("BiasAdd", 1): _vector("bias"),
    **{
        (op, 1 + at): _vector(word)
        for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
        for at, word in enumerate(("gamma", "beta", "moving_mean", "moving_variance"))
    },
}
