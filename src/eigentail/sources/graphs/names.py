"""What the tensors of a graph are called: by their own names where these say something, else by who uses them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from eigentail.sources.names import normalise

# No exporter makes names as long as this, and a file that has could stall the matching.
_LONGEST_NAME: Final = 1000

# What exporters call what nobody named: numbers, "onnx::MatMul_12", "/fc/Constant_output_0", "const_fold_opt__7".
_NOBODYS: Final = re.compile(
    r"\d+|onnx::\w+|(.*/)?Constant(_\d+)?(_output_\d+)?|const(_\w*)?_+\d+|val_\d+|(.*/)?\w+_output_\d+"
    r"|_?v?_?\d+|(.*[/.])?(ReadVariableOp|resource)"
)
_READING: Final = re.compile(r"(/ReadVariableOp(_\d+)?|/resource|/read|/Read|/Enter|/Identity)+$")
_OPERATION: Final = re.compile(
    r"[/.](MatMul|Conv[123]?D?|Gemm|BiasAdd|BatchMatMul(V2)?|depthwise|convolution|Tensordot|LSTM|GRU|RNN|Gather|Add|"
    r"ConvTranspose|conv_transpose|DepthwiseConv2dNative|conv[23]d_transpose|einsum|Einsum|MatMulNBits|FusedMatMul|FusedConv|"
    r"QLinearConv|QLinearMatMul|MatMulInteger|ConvInteger|QGemm|GatherBlockQuantized|embedding_lookup)(_\d+|_quant|_Q4)*$"
)
# Where a layer has two weights and its operations tell which is which: the base, the operation, and torch's word.
_CELL: Final = re.compile(r"(?P<base>(.*/)?(\w+_)?(lstm|gru|simple_rnn)_cell(_\d+)?)/(?P<op>MatMul(_1)?)")
_SEPARABLE: Final = re.compile(r"(?P<base>.*)/separable_conv\dd(_\d+)?(?P<op>/depthwise)?")
_OF_CELL: Final = {"MatMul": "weight_ih", "MatMul_1": "weight_hh"}


def own_name(name: str) -> str:
    """The name of a constant with dots for slashes, "" when it tells nothing of the model.

    Args:
        name: what the file says.

    Example:
        >>> own_name("dense_1/kernel/read"), own_name("fc/MatMul/ReadVariableOp:0"), own_name("onnx::MatMul_12")
        ('dense_1.kernel', '', '')
    """
    if len(name) > _LONGEST_NAME:
        return dotted(name)
    plain = re.sub(r":\d+$", "", name)
    stripped = _READING.sub("", plain)
    if _NOBODYS.fullmatch(plain) or (stripped != plain and _OPERATION.search(stripped)) or ";" in name:
        return ""
    return normalise(dotted(stripped))


def users_name(node: str, word: str) -> str:
    """The name of what an operation uses, "" when the operation has no name that tells something.

    Args:
        node: what the file calls the operation.
        word: what it is there ("weight").

    Example:
        >>> users_name("/layers.0/fc/MatMul", "weight"), users_name("Conv_12", "weight"), users_name("", "weight")
        ('layers.0.fc.weight', '', '')
    """
    if ";" in node or len(node) > _LONGEST_NAME:
        return ""
    place = "/" + node.strip("/")
    if word == "weight" and (cell := _CELL.fullmatch(place)):
        place, word = cell["base"], _OF_CELL[cell["op"]]
    elif word == "weight" and (parted := _SEPARABLE.fullmatch(place)):
        place, word = parted["base"], f"{'depthwise' if parted['op'] else 'pointwise'}.weight"
    base = dotted(_OPERATION.sub("", place))
    return f"{normalise(base)}.{word}" if base and not re.fullmatch(r"[A-Z]\w*_?\d*", base) else ""


def dotted(name: str) -> str:
    """A path as a name: dots for slashes, none at the ends.

    Example:
        >>> dotted("/encoder/layer_0/kernel")
        'encoder.layer_0.kernel'
    """
    return re.sub(r"[/.]+", ".", name).strip(".")


def unique(wanted: Iterable[tuple[str, str]]) -> list[str]:
    """One name each: the wanted one, or the other where it is taken, or that with a number.

    Args:
        wanted: (what it would be called, what it is called in the file).

    Example:
        >>> unique([("fc.weight", "a"), ("fc.weight", "b"), ("b", "b")])
        ['fc.weight', 'b', 'b.1']
    """
    taken: set[str] = set()
    numbers: dict[str, Iterator[int]] = {}
    found = []
    for name, other in wanted:
        base = other or name or "tensor"
        free = next((word for word in (name, other) if word and word not in taken), "")
        while not free or free in taken:
            free = f"{base}.{next(numbers.setdefault(base, count(1)))}"
        taken.add(free)
        found.append(free)
    return found
