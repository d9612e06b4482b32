"""How a convolution kernel becomes matrices: its layout, its groups, and when it has none worth measuring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eigentail.layers.families import Rule
from eigentail.layers.geometry import matrix_shape
from eigentail.layers.names import Names, base_of, resolved
from eigentail.records import Cut, TensorSpec

_SMALLEST_GROUP: Final = 8
_DEPTHWISE: Final = "depthwise: one input channel per group, its slices are vectors"


def depthwise_channels(specs: Iterable[TensorSpec]) -> frozenset[int]:
    """The channel counts at which a kernel with one input channel can only be depthwise.

    A file does not tell groups, and the first convolution of a net on grey images or sound has one input channel
    too. Depthwise kernels come in numbers, and another convolution makes the channels they work on.

    Example:
        >>> def conv(*shape): return TensorSpec(name=f"c{shape}.weight", shape=shape, dtype="float32", nbytes=4)
        >>> sorted(depthwise_channels([conv(32, 3, 3, 3), conv(32, 1, 3, 3), conv(32, 1, 5, 5)]))
        [32]
        >>> sorted(depthwise_channels([conv(16, 1, 3, 3), conv(16, 16, 3, 3)]))
        []
    """
    kernels = [spec.shape for spec in specs if len(spec.shape) > 2 and spec.shape[0] > 1]
    alone = [shape[0] for shape in kernels if shape[1] == 1]
    made = {shape[0] for shape in kernels if shape[1] > 1}
    return frozenset(channels for channels in alone if channels in made) if len(alone) > 1 else frozenset()


def cut_convolution(spec: TensorSpec, rule: Rule | None, names: Names, depthwise: frozenset[int]) -> Cut | str:
    """The cut of a kernel, or why it is left out.

    Args:
        spec: the kernel, (out, in, positions...) or transposed (in, out, positions...).
        rule: what the families say of it.
        names: the tensors beside it.
        depthwise: see `depthwise_channels`.

    Returns:
        A cut that makes one matrix a position and group, or a sentence.

    Example:
        >>> spec = TensorSpec(name="c.weight", shape=(64, 4, 3, 3), dtype="float32", nbytes=9216, groups=16)
        >>> cut_convolution(spec, None, Names([spec]), frozenset())
        'grouped convolution: each of the 16 groups is only 4x4'
    """
    transposed = spec.conv_transposed or _bias_says_transposed(spec, names)
    groups = spec.groups or _groups_of_inputs(spec, rule, names)
    cut = Cut(view="conv-transposed" if transposed else "conv", groups=groups)
    if spec.shape[1] == 1 and (groups > 1 or (not spec.groups and spec.shape[0] in depthwise)):
        return _DEPTHWISE
    _, rows, columns = matrix_shape(cut, spec.shape)
    if groups > 1 and min(rows, columns) < _SMALLEST_GROUP:
        return f"grouped convolution: each of the {groups} groups is only {rows}x{columns}"
    return "one output channel: its slices are vectors" if rows == 1 else cut


def _bias_says_transposed(spec: TensorSpec, names: Names) -> bool:
    """A bias has one value for every output: where it fits the second axis only, that is the outputs'."""
    bias, shape = names.bias(base_of(spec.name)), spec.shape
    return bias is not None and bias == (shape[1],) and shape[0] != shape[1]


def _groups_of_inputs(spec: TensorSpec, rule: Rule | None, names: Names) -> int:
    """The groups that follow from the channels the layer before makes; 1 when nothing is known or nothing fits."""
    base, expression = base_of(spec.name), rule.inputs if rule else ""
    if not expression or resolved(base, expression.partition("[")[0]) == base:
        return 1
    inputs = names.size(base, expression)
    if not inputs or inputs % spec.shape[1]:
        return 1
    groups = inputs // spec.shape[1]
    return groups if spec.shape[0] % groups == 0 else 1
