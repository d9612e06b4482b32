"""What a constant of a TFLite net is, told by the operators it goes into: its name, and the order of its axes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from eigentail.sources.tensorflow_files.lite_graph import BATCH_MATMUL, CONV_2D, DEPTHWISE, Constant, Use

# Ends of names that tell the operation and not the layer.
_OPERATIONS: Final = re.compile(
    r"/(Tensordot|MatMul|Conv[123]D|convolution|depthwise|depthwise_kernel|conv2d_transpose|conv_transpose|GatherV2|"
    r"embedding_lookup|Einsum|einsum|BiasAdd|Add|ReadVariableOp|resource|kernel|bias|weights?|read|ExpandDims|"
    r"ExpandDims_1|pseudo_qconst)$"
)
# An LSTM that was not fused: its input goes through the first product of the cell, its state through the second.
_CELL: Final = re.compile(r"(?P<stem>.*lstm_cell\w*)/MatMul(?P<state>_1)?")
_SAYS_NOTHING: Final = re.compile(r"(arith\.constant|tfl\.pseudo|cst|constant)[\w.]*|\d*")


class Role(msgspec.Struct, frozen=True):
    """What an operator does with one of its inputs.

    Attributes:
        word: "weight" or "bias", or what stands before ".weight" in the name of one of several matrices.
        axes: the file's axes in torch's order, () for as they are.
        transposed: torch's layout is that of a transposed convolution.
        operations: the words in a name by which the converter means this operation.

    Example:
        >>> WEIGHTS[3, 1].axes
        (0, 3, 1, 2)
    """

    word: str = "weight"
    axes: tuple[int, ...] = ()
    transposed: bool = False
    operations: tuple[str, ...] = ()


_GATHER: Final = 36  # also picks from tables of indices, which nobody learned
_BIAS: Final = Role(word="bias", operations=("BiasAdd",))
_GATES: Final = ("input", "forget", "cell", "output")


def _lstm(first: int, direction: str = "") -> dict[int, Role]:
    """The eight matrices of a direction, from its first input on."""
    sides = [f"{direction}{side}_to_{gate}" for side in ("input", "recurrent") for gate in _GATES]
    return {first + at: Role(word=word) for at, word in enumerate(sides)}


_LSTM: Final = {**_lstm(1), 16: Role(word="projection")}
_BOTH_LSTM: Final = {
    **_lstm(1, "forward_"),
    16: Role(word="forward_projection"),
    **_lstm(18, "backward_"),
    33: Role(word="backward_projection"),
}
_RNN: Final = {1: Role(word="input_to_hidden"), 2: Role(word="recurrent_to_hidden")}
_BOTH_RNN: Final = {
    1: Role(word="forward_input_to_hidden"),
    2: Role(word="forward_recurrent_to_hidden"),
    5: Role(word="backward_input_to_hidden"),
    6: Role(word="backward_recurrent_to_hidden"),
}
_OPERATORS: Final[Mapping[int, Mapping[int, Role]]] = {
    CONV_2D: {1: Role(axes=(0, 3, 1, 2), operations=("Conv2D", "convolution")), 2: _BIAS},
    DEPTHWISE: {1: Role(axes=(3, 0, 1, 2), operations=("depthwise",)), 2: _BIAS},
    7: {1: Role()},  # EMBEDDING_LOOKUP
    9: {1: Role(operations=("MatMul",)), 2: _BIAS},  # FULLY_CONNECTED
    16: _LSTM,
    24: _RNN,
    27: {1: Role(word="feature"), 2: Role(word="time")},  # SVDF
    35: _RNN,
    _GATHER: {0: Role()},
    44: _LSTM,
    46: _BOTH_RNN,
    52: _BOTH_LSTM,
    67: {1: Role(axes=(3, 0, 1, 2), transposed=True), 3: _BIAS},  # TRANSPOSE_CONV
    BATCH_MATMUL: {0: Role(operations=("MatMul",)), 1: Role(axes=(1, 0), operations=("MatMul",))},
    132: {1: Role(axes=(4, 3, 0, 1, 2), operations=("Conv3D", "convolution")), 2: _BIAS},  # CONV_3D
    140: {1: Role(axes=(4, 3, 0, 1, 2), transposed=True)},  # CONV_3D_TRANSPOSE
}
WEIGHTS: Final[Mapping[tuple[int, int], Role]] = {
    (operator, slot): role for operator, slots in _OPERATORS.items() for slot, role in slots.items()
}
# Where learned tables are added or joined, and where what happens inside is not told: ADD, CONCATENATION, CALL,
# CUSTOM, DELEGATE, IF, WHILE, and two of StableHLO.
_MAY_LEARN: Final = frozenset({0, 2, 31, 32, 51, 118, 119, 171, 197})


def role_of(constant: Constant) -> tuple[Use, Role] | None:
    """The first use that says what a constant is, and what that is; None when no operator tells.

    Args:
        constant: what the file says of it.

    Example:
        >>> dense = Constant(name="w", shape=(8, 4), dtype="int8", offset=0, nbytes=32, uses=(Use(9, 1, "y"),))
        >>> role_of(dense)[1].word
        'weight'
    """
    for use in constant.uses:
        role = WEIGHTS.get((use.operator, use.slot))
        if role and (use.operator != _GATHER or constant.dtype.startswith("float") or constant.scales):
            return use, _as_laid_out(constant, use, role)
    return None


def _as_laid_out(constant: Constant, use: Use, role: Role) -> Role:
    """The role, with the axes as they are where the operator does not see the constant itself or takes it turned."""
    as_is = use.turned or (use.operator == BATCH_MATMUL and (use.option or len(constant.shape) > 3))
    fits = len(role.axes) == min(len(constant.shape), 2 if use.operator == BATCH_MATMUL else 9)
    return msgspec.structs.replace(role, axes=()) if as_is or not fits else role


def names_of(constants: Sequence[Constant]) -> list[str]:
    """A name for each, none twice: the layer's where the operator tells, the converter's own otherwise.

    Tables of numbers that go into operations no layer with weights is made of are called `constants.*`.

    Args:
        constants: in the file's order.

    Example:
        >>> dense = Constant(
        ...     name="net/fc/MatMul", shape=(8, 4), dtype="int8", offset=0, nbytes=32, uses=(Use(9, 1, "y"),)
        ... )
        >>> table = Constant(
        ...     name="anchors", shape=(9, 4), dtype="float32", offset=0, nbytes=144, uses=(Use(18, 1, "z"),)
        ... )
        >>> names_of([dense, table])
        ['net.fc.weight', 'constants.anchors']
    """
    short = [_name(constant) for constant in constants]
    count = Counter(short)
    taken: dict[str, None] = {}
    for constant, name in zip(constants, short, strict=True):
        own = name if count[name] == 1 else _dotted(constant.name) or name
        while own in taken:
            own = f"{own}.{len(taken)}"
        taken[own] = None
    return list(taken)


def _name(constant: Constant) -> str:
    found = role_of(constant)
    if found is None:
        learned = any(use.operator in _MAY_LEARN or use.turned for use in constant.uses)
        is_table = len(constant.shape) > 1 and (constant.dtype.startswith("float") or constant.scales is not None)
        own = _dotted(constant.name) or "unnamed"
        return f"constants.{own}" if is_table and not learned else own
    use, role = found
    if cell := _CELL.fullmatch(constant.name):
        return f"{_dotted(cell['stem'])}.{'weight_hh' if cell['state'] else 'weight_ih'}"
    if role.word == "bias" and len(constant.shape) > 1:
        return _dotted(constant.name)
    several = role.word not in ("weight", "bias")
    stem = _stem(use.output if several or _SAYS_NOTHING.fullmatch(constant.name) else constant.name, role)
    return f"{stem}.{role.word}.weight" if several else f"{stem}.{role.word}"


def _stem(name: str, role: Role) -> str:
    """The layer's part of a name; a converter joins the names of all it has fused with ";"."""
    parts = name.split(";")
    stem = next((part for part in parts if set(role.operations) & set(part.split("/")[1:])), parts[0])
    while found := _OPERATIONS.search(stem):
        stem = stem[: found.start()]
    return _dotted(stem).removesuffix(".weight").removesuffix(".bias") or "unnamed"


def _dotted(name: str) -> str:
    return name.strip("/").replace("/", ".")
