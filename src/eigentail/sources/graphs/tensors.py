"""From the uses of constants to tensors: what is a weight, how it lies, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from math import prod
from typing import Final

import msgspec

from eigentail.errors import SourceError
from eigentail.records import TensorSpec
from eigentail.sources.graphs.formed import Formed, one_of, reshaped, spec_of, turned
from eigentail.sources.graphs.names import dotted, own_name, unique, users_name
from eigentail.sources.graphs.nodes import Node

# What stands before the names of constants that no layer is made of; `layers/families/graph.toml` skips them by it.
CONSTANTS: Final = "constants."
MAX_STACKED: Final = 4_096
MAX_TENSORS: Final = 200_000
FLOATS: Final = frozenset({"float16", "float32", "float64", "bfloat16"})


class Part(msgspec.Struct, frozen=True, eq=False):
    """A weight as torch would have it.

    Attributes:
        word: what it is in its layer ("weight", "bias", "weight_ih_l0").
        values: in torch's order of axes.
        groups: of a convolution, where known.
        transposed: a transposed convolution.
        named: the word belongs to the name even where the constant has a name of its own.

    Example:
        >>> Part("bias", None).groups
        0
    """

    word: str
    values: Formed
    groups: int = 0
    transposed: bool = False
    named: bool = False


class Used(msgspec.Struct, frozen=True, eq=False):
    """A constant and the first operation that tells what it is.

    Attributes:
        name: what the file calls the constant.
        node: the operation, None when nothing uses it.
        parts: the weights it holds, () when it is none.
        plain: its values as they are stored.
        is_constant: only operations use it that no layer is made of.

    Example:
        >>> Used("w", None, (), None).is_constant
        False
    """

    name: str
    node: Node | None
    parts: tuple[Part, ...]
    plain: Formed
    is_constant: bool = False


def named(found: Iterable[Used]) -> Iterator[tuple[TensorSpec, Formed]]:
    """The tensors with their names, none twice.

    Args:
        found: every constant, in the order to be shown.

    Raises:
        SourceError: there are more than 200,000.

    Example:
        >>> import numpy as np
        >>> eye = Formed(shape=(2, 2), dtype="float64", nbytes=32, make=lambda part: np.eye(2))
        >>> node = Node(op="MatMul", name="/fc/MatMul", inputs=("x", "onnx::MatMul_3"), outputs=("y",))
        >>> [spec.name for spec, _ in named([Used("onnx::MatMul_3", node, (Part("weight", eye),), eye)])]
        ['fc.weight']
    """
    every = ((used, part) for used in found for part in used.parts or (Part("", used.plain),))
    parts = list(islice(every, MAX_TENSORS + 1))
    if len(parts) > MAX_TENSORS:
        raise SourceError(f"holds more than {MAX_TENSORS:,} tensors")
    wanted = ((_name(used, part), dotted(used.name)) for used, part in parts)
    for name, (_, part) in zip(unique(wanted), parts, strict=True):
        spec = spec_of(name, part.values)
        yield (
            msgspec.structs.replace(spec, groups=part.groups, conv_transposed=part.transposed),
            part.values,
        )


def _name(used: Used, part: Part) -> str:
    """Its own name if that tells something, else that of what uses it."""
    own, user = own_name(used.name), used.node.name if used.node else ""
    if used.is_constant:
        return CONSTANTS + dotted(used.name)
    if part.named:
        if own.endswith(part.word):
            return own
        beside = f"{own or dotted(used.name)}.{part.word}"
        return beside if "." in own else users_name(user, part.word) or beside  # a single word is seldom a place
    return own or (users_name(user, part.word) if part.word else "") or dotted(used.name)


def factors(values: Formed, *, inputs_first: bool) -> Sequence[Part]:
    """The matrices of a product, outputs as rows: one, or one for each entry of the axes before the last two.

    Args:
        values: what is multiplied with.
        inputs_first: the rows are the inputs as it is stored.

    Example:
        >>> import numpy as np
        >>> stored = Formed(shape=(2, 3, 4), dtype="float64", nbytes=192, make=lambda part: np.ones((2, 3, 4)))
        >>> [(part.word, part.values.shape) for part in factors(stored, inputs_first=True)]
        [('0.weight', (4, 3)), ('1.weight', (4, 3))]
    """
    count = prod(values.shape[:-2])
    if len(values.shape) < 3 or not 0 < count <= MAX_STACKED:
        return (Part("weight", matrix(values, inputs_first=inputs_first)),)
    stack = matrix(reshaped(values, (count, *values.shape[-2:])), inputs_first=inputs_first)
    if count == 1:
        return (Part("weight", one_of(stack, 0)),)
    return [Part(f"{at}.weight", one_of(stack, at), named=True) for at in range(count)]


def matrix(values: Formed, *, inputs_first: bool) -> Formed:
    """A matrix, or a stack of them, with its outputs as rows.

    Args:
        values: two axes or more.
        inputs_first: the rows are the inputs as it is stored.

    Example:
        >>> import numpy as np
        >>> stored = Formed(shape=(3, 2), dtype="float64", nbytes=48, make=lambda part: np.ones((3, 2)))
        >>> matrix(stored, inputs_first=True).shape
        (2, 3)
    """
    axes = list(range(len(values.shape)))
    return turned(values, [*axes[:-2], axes[-1], axes[-2]]) if inputs_first and len(axes) > 1 else values


def is_told(values: Formed) -> bool:
    """Whether a constant that is no weight would be taken for one, or for codes of one: its name then says that.

    Args:
        values: as they are stored.

    Example:
        >>> import numpy as np
        >>> scale = Formed(dtype="float32", shape=(4,), nbytes=16, make=lambda part: np.ones(4, np.float32))
        >>> is_told(scale), is_told(reshaped(scale, (2, 2)))
        (False, True)
    """
    return len(values.shape) > 1 or values.dtype not in FLOATS


Role = Callable[[Node, Formed], Sequence[Part]]
