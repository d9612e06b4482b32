"""What ONNX operations take as weights, by operation and input, and how these lie in torch's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Final

from eigentail.sources.graphs.formed import Formed, blocks, one_of, reshaped
from eigentail.sources.graphs.nodes import Node
from eigentail.sources.graphs.tensors import Part, Role, factors

# Followed through on the way from a constant to what uses it, by this input.
HANDS_ON: Final[Mapping[str, int]] = dict.fromkeys((
    "Identity", "Cast", "CastLike", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Dropout",
    "QuantizeLinear", "DequantizeLinear", "com.microsoft.QuantizeLinear", "com.microsoft.DequantizeLinear",
), 0)  # fmt: skip

# The operations that layers are not made of: a constant that only these use is no weight.
ASIDE: Final = frozenset({
    "Mul", "Div", "Sub", "Pow", "Mod", "Where", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And",
    "Or", "Xor", "Not", "Max", "Min", "Concat", "Pad", "Slice", "Split", "Expand", "Tile", "Range", "Resize",
    "Upsample", "Clip", "OneHot", "TopK", "Shape", "Size", "Sum", "Mean", "GatherElements", "GatherND", "ScatterND",
    "ScatterElements", "Scatter", "ConstantOfShape", "NonMaxSuppression", "DFT", "STFT", "MelWeightMatrix",
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceL1", "CumSum", "Trilu",
    "BitShift", "GridSample", "RoiAlign", "MaxRoiPool", "Sqrt", "Log", "Exp", "Neg", "Abs", "Transpose", "Reshape",
    "Squeeze", "Unsqueeze", "Flatten", "Cast", "If", "Loop",
})  # fmt: skip

# These move values about: what they make of a weight may still be one.
CARRIERS: Final = frozenset({*HANDS_ON, "Slice", "Concat", "Split", "Expand", "Tile", "Pad"})

# The blocks of rows in torch's order: ONNX has an LSTM's gates as i, o, f, c and a GRU's as z, r, h.
GATES: Final[Mapping[str, tuple[int, ...]]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}


def _multiplied(node: Node, values: Formed) -> Sequence[Part]:
    """The second factor: inputs as rows."""
    return factors(values, inputs_first=True)


def _multiplying(node: Node, values: Formed) -> Sequence[Part]:
    """The first factor: outputs as rows."""
    return factors(values, inputs_first=False)


def _second(node: Node, values: Formed) -> Sequence[Part]:
    return factors(values, inputs_first=not node.attributes.get("transB"))


def _first(node: Node, values: Formed) -> Sequence[Part]:
    return factors(values, inputs_first=bool(node.attributes.get("transA")))


def _kernel(node: Node, values: Formed) -> Sequence[Part]:
    return (Part("weight", values, groups=_groups(node, values)),)


def _transposed_kernel(node: Node, values: Formed) -> Sequence[Part]:
    return (Part("weight", values, groups=_groups(node, values), transposed=True),)


def _groups(node: Node, values: Formed) -> int:
    groups = node.attributes.get("group", 1)
    fits = isinstance(groups, int) and groups > 0 and values.shape and values.shape[0] % groups == 0
    return groups if fits else 0


def _rows(node: Node, values: Formed) -> Sequence[Part]:
    """A table from which rows are taken."""
    return (Part("weight", values),)


def _bias(node: Node, values: Formed) -> Sequence[Part]:
    return (Part("bias", values),)


def _gates(word: str) -> Role:
    def parts(node: Node, values: Formed) -> Sequence[Part]:
        if len(values.shape) != 3:
            return (Part("weight", values),)
        order, depth = GATES[node.op], _depth(node)
        return [
            Part(f"weight_{word}_l{depth}{'_reverse' * at}", blocks(one_of(values, at), order), named=True)
            for at in range(min(values.shape[0], 2))
        ]

    return parts


def _depth(node: Node) -> int:
    """Which layer of a stack it is: PyTorch counts the operations of one module, "/rnn/LSTM", "/rnn/LSTM_1"."""
    at = node.name.rpartition("_")[2]
    return int(at) if at.isdecimal() and len(at) < 4 else 0


def _all_biases(node: Node, values: Formed) -> Sequence[Part]:
    """The biases of all gates and directions in a row."""
    return (Part(f"bias_l{_depth(node)}", reshaped(values, (prod(values.shape),)), named=True),)


ROLES: Final[Mapping[tuple[str, int], Role]] = {
    ("MatMul", 0): _multiplying,
    ("MatMul", 1): _multiplied,
    ("MatMulInteger", 0): _multiplying,
    ("MatMulInteger", 1): _multiplied,
    ("QLinearMatMul", 0): _multiplying,
    ("QLinearMatMul", 3): _multiplied,
    ("Gemm", 0): _first,
    ("Gemm", 1): _second,
    ("Gemm", 2): _bias,
    ("Conv", 1): _kernel,
    ("Conv", 2): _bias,
    ("ConvInteger", 1): _kernel,
    ("QLinearConv", 3): _kernel,
    ("DeformConv", 1): _kernel,
    ("ConvTranspose", 1): _transposed_kernel,
    ("ConvTranspose", 2): _bias,
    ("Gather", 0): _rows,
    ("Einsum", 1): _rows,
    **{(op, 1): _gates("ih") for op in GATES},
    **{(op, 2): _gates("hh") for op in GATES},
    **{(op, 3): _all_biases for op in GATES},
    ("com.microsoft.FusedMatMul", 0): _first,
    ("com.microsoft.FusedMatMul", 1): _second,
    ("com.microsoft.FusedGemm", 1): _second,
    ("com.microsoft.GemmFastGelu", 1): _multiplied,
    ("com.microsoft.FusedConv", 1): _kernel,
    ("com.microsoft.Attention", 1): _multiplied,
    ("com.microsoft.MatMulNBits", 1): _multiplying,
    ("com.microsoft.MatMulNBits", 5): _bias,
    ("com.microsoft.GatherBlockQuantized", 0): _rows,
    ("com.microsoft.MatMulIntegerToFloat", 1): _multiplied,
    ("com.microsoft.DynamicQuantizeMatMul", 1): _multiplied,
    ("com.microsoft.QGemm", 3): _second,
}
