"""From an ONNX graph to its weights: followed back from what uses them, dequantised on the way, in torch's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.sources.coded import Rows
from eigentail.sources.graphs.constants import formed, small
from eigentail.sources.graphs.dequantise import blockwise, scaled
from eigentail.sources.graphs.formed import Formed, reshaped, turned
from eigentail.sources.graphs.names import own_name
from eigentail.sources.graphs.nodes import MAX_STEPS, NOT_UNDERSTOOD, Graph, Node, Origin, Origins, Use
from eigentail.sources.graphs.onnx_roles import ASIDE, CARRIERS, GATES, HANDS_ON, ROLES
from eigentail.sources.graphs.tensors import FLOATS, Used, is_told
from eigentail.sources.placed import MAX_AXES

MOST_ASKED: Final = 1_000_000
# (scales, zero points, axis) of the codes that an operation takes, by operation and input.
_SCALED: Final[Mapping[tuple[str, int], tuple[int, int, int]]] = {
    ("QLinearMatMul", 0): (1, 2, 0),
    ("QLinearMatMul", 3): (4, 5, -1),
    ("QLinearConv", 3): (4, 5, 0),
    ("com.microsoft.QGemm", 3): (4, 5, -1),
    ("com.microsoft.MatMulIntegerToFloat", 1): (3, 5, -1),
    ("com.microsoft.DynamicQuantizeMatMul", 1): (2, 3, -1),
}
_INTEGER: Final[Mapping[tuple[str, int], tuple[int, int]]] = {  # (zero points, axis)
    ("MatMulInteger", 1): (3, -1),
    ("ConvInteger", 1): (3, 0),
}


def used_constants(graph: Graph) -> Iterator[Used]:
    """Every constant of a graph with what it is, in the order in which they are used.

    Args:
        graph: the operations and constants.

    Raises:
        SourceError: a constant is not what its header says.

    Source: https://onnx.ai/onnx/operators and, for com.microsoft, ContribOperators.md of ONNX Runtime.

    Example:
        >>> from eigentail.sources.graphs.constants import Constant
        >>> stored = Constant(name="w", dtype="float32", shape=(3, 2), reader=None, pieces=((0, 24),))
        >>> node = Node(op="MatMul", name="fc", inputs=("x", "w"), outputs=("y",))
        >>> [used.parts[0].values.shape for used in used_constants(Graph([node], {"w": stored}))]
        [(2, 3)]
    """
    return _Weights(graph).all()


@final
class _Weights:
    """One pass over a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._origins = graph, Origins(graph, HANDS_ON)
        self._values = {name: formed(constant) for name, constant in graph.constants.items()}
        self._users: dict[str, list[Node]] = {}
        self._asked = 0
        for node in graph.nodes:
            for name in dict.fromkeys(node.inputs):
                self._users.setdefault(name, []).append(node)

    def all(self) -> Iterator[Used]:
        """Every constant once: the first use that makes it a weight counts, else the first of all."""
        uses = self._origins.uses()
        for name, places in uses.items():
            yield self._used(name, places)
        for name, values in self._values.items():
            if name not in uses:
                # Nothing uses it, or nothing but what hands it on to the outputs.
                yield Used(self._graph.constants[name].name or name, None, (), values)

    def _used(self, name: str, places: list[Use]) -> Used:
        plain, own = self._values[name], self._graph.constants[name].name or name
        for node, slot, origin in places:
            role = ROLES.get((node.op, slot))
            if role is not None:
                values = self._taken(node, slot, origin)
                return Used(own, node, tuple(role(node, values)) if values else (), plain)
        node = places[0][0]
        aside = all(self._is_aside(name, user, slot, plain) for user, slot, _ in places)
        return Used(own, node, (), plain, is_constant=aside and is_told(plain))

    def _is_aside(self, name: str, node: Node, slot: int, plain: Formed) -> bool:
        """Whether a use says that a constant is no weight; what nobody named and is only added is none either."""
        if node.op in ("DequantizeLinear", "QuantizeLinear", *GATES) or slot in _scales_of(node):
            return True
        if node.op in CARRIERS and (slot == 0 or node.op == "Concat") and self._becomes_weight(node):
            return False
        return node.op in ASIDE or (node.op == "Add" and len(plain.shape) > 1 and not own_name(name))

    def _becomes_weight(self, node: Node) -> bool:
        """Whether what is moved about ends up where an operation takes its weights."""
        waiting, seen = list(node.outputs), set(node.outputs)
        while waiting and len(seen) < MAX_STEPS:
            value = waiting.pop()
            for user in self._users_of(value):
                if any((user.op, slot) in ROLES for slot, name in enumerate(user.inputs) if slot and name == value):
                    return True
                onward = set(user.outputs) - seen if user.op in CARRIERS else set()
                seen |= onward
                waiting += onward
        return False

    def _users_of(self, value: str) -> Iterator[Node]:
        """Who uses a value; nobody any more once more has been asked than any honest graph asks for."""
        for user in self._users.get(value, ()):
            self._asked += len(user.inputs)
            if self._asked > MOST_ASKED:
                return
            yield user

    def _taken(self, node: Node, slot: int, origin: Origin) -> Formed | None:
        """The values as they reach the operation, None where what lies between is not understood."""
        values = self._values[origin.name]
        try:
            for step in _without_round_trip(origin.way, values):
                values = self._through(step, values)
            return self._decoded(node, slot, values)
        except NOT_UNDERSTOOD:
            return None

    def _through(self, node: Node, values: Formed) -> Formed:
        """The values behind one of the operations that hand on."""
        match node.op.removeprefix("com.microsoft."):
            case "Transpose":
                axes = node.attributes.get("perm") or list(range(len(values.shape)))[::-1]
                if sorted(axes) != list(range(len(values.shape))):
                    raise ValueError("not an order of axes")
                return turned(values, axes)
            case "Reshape":
                return reshaped(values, _filled(self._numbers(node, 1), values.shape))
            case "Flatten":
                at = node.attributes.get("axis", 1)
                return reshaped(values, (prod(values.shape[:at]), prod(values.shape[at:])))
            case "Squeeze":
                axes = self._axes(node) or [at for at, size in enumerate(values.shape) if size == 1]
                gone = {axis % len(values.shape) for axis in axes}
                return reshaped(values, [size for at, size in enumerate(values.shape) if at not in gone])
            case "Unsqueeze":
                return reshaped(values, _unsqueezed(values.shape, self._axes(node)))
            case "DequantizeLinear":
                axis = node.attributes.get("axis", 1)
                return self._dequantised(node, values, (1, 2, axis), node.attributes.get("block_size", 0))
        return values

    def _decoded(self, node: Node, slot: int, values: Formed) -> Formed:
        """What an operation that takes codes makes of them."""
        if node.op == "com.microsoft.MatMulNBits" and slot == 1:
            return self._blocks_of_bits(node, values)
        if node.op == "com.microsoft.GatherBlockQuantized" and slot == 0:
            return self._blocks_of_rows(node, values)
        if values.dtype in FLOATS:
            return values
        if (node.op, slot) in _SCALED:
            scale, zero, axis = _SCALED[node.op, slot]
            turn = axis == -1 and node.attributes.get("transB")
            return self._dequantised(node, values, (scale, zero, 0 if turn else axis), 0)
        if (node.op, slot) in _INTEGER:
            return self._behind(node, slot, values)
        return values

    def _dequantised(self, node: Node, codes: Formed, slots: tuple[int, int, int], block: int) -> Formed:
        scale = self._input(node, slots[0])
        if scale is None:
            raise ValueError("scales that the graph computes")
        axis = slots[2] if len(codes.shape) > 1 else 0
        return scaled(codes, scale, _widened(self._input(node, slots[1]), scale), axis, block)

    def _blocks_of_bits(self, node: Node, packed: Formed) -> Formed:
        scale, bits = self._input(node, 2), node.attributes.get("bits", 4)
        if scale is None or self._input(node, 4) is not None:
            raise ValueError("no scales, or columns in another order")
        block, columns = node.attributes["block_size"], node.attributes["K"]
        if len(packed.shape) == 2:  # the first version of the operation had no axis of blocks
            packed = reshaped(packed, (packed.shape[0], -(-columns // block), block * bits // 8))
        return blockwise(packed, scale, self._input(node, 3), columns, bits)

    def _blocks_of_rows(self, node: Node, codes: Formed) -> Formed:
        """A table of codes; a byte holds two where there are four bits."""
        scale, block = self._input(node, 2), node.attributes.get("block_size", 128)
        axis = node.attributes.get("quantize_axis", 1) % len(codes.shape)
        if scale is None or axis != len(codes.shape) - 1:
            raise ValueError("scales along another axis")
        if codes.dtype == "uint8":
            bits = node.attributes.get("bits", 4)
            columns = codes.shape[-1] * 8 // bits
            rows = prod(codes.shape[:-1])
            packed = reshaped(codes, (rows, scale.shape[-1], block * bits // 8))
            flat = blockwise(packed, scale, self._input(node, 3), columns, bits)
            return reshaped(flat, (*codes.shape[:-1], columns))
        return scaled(codes, scale, self._input(node, 3), axis, block)

    def _behind(self, node: Node, slot: int, codes: Formed) -> Formed:
        """Codes whose scale is multiplied in behind the operation: (codes - zero point) x that scale."""
        zero, axis = _INTEGER[node.op, slot]
        scale = self._scale_behind(node)
        if scale is None:
            raise ValueError("no scale that is constant")
        if scale.shape not in ((), (1,)):
            scale = reshaped(scale, (prod(scale.shape),))
        return scaled(codes, scale, _widened(self._input(node, zero), scale), axis)

    def _scale_behind(self, node: Node) -> Formed | None:
        """The constant factor of the scale that the result is multiplied with."""
        after = self._users_of(node.outputs[0]) if node.outputs else ()
        cast = next((user for user in after if user.op == "Cast" and user.outputs), node)
        product = next((user for user in self._users_of(cast.outputs[0]) if user.op == "Mul"), None)
        if product is None:
            return None
        other = next((name for name in product.inputs if name != cast.outputs[0]), "")
        both = self._origins.maker(other)
        candidates = both.inputs if both is not None and both.op == "Mul" else (other,)
        return next((found for name in candidates if (found := self._value(name)) is not None), None)

    def _input(self, node: Node, slot: int) -> Formed | None:
        return self._value(node.inputs[slot]) if slot < len(node.inputs) and node.inputs[slot] else None

    def _value(self, name: str) -> Formed | None:
        """A value that is a constant, or the same in another shape or type."""
        origin = self._origins.of(name)
        if origin is None:
            return None
        values = self._values[origin.name]
        for step in origin.way:
            values = self._through(step, values)
        return values

    def _axes(self, node: Node) -> list[int]:
        axes = node.attributes.get("axes")
        return axes if isinstance(axes, list) else self._numbers(node, 1)

    def _numbers(self, node: Node, slot: int) -> list[int]:
        """A short list of whole numbers that an operation takes as an input."""
        if slot >= len(node.inputs):
            return []
        constant = self._graph.constants.get(node.inputs[slot])
        if constant is not None:
            return [int(number) for number in small(constant, MAX_AXES).reshape(-1)]
        maker = self._origins.maker(node.inputs[slot])
        listed = maker.attributes.get("value_ints", maker.attributes.get("value_int")) if maker else None
        if listed is None:
            raise ValueError("numbers that the graph computes")
        return [listed] if isinstance(listed, int) else list(listed)


def _scales_of(node: Node) -> tuple[int, ...]:
    """The inputs of an operation that are scales and zero points."""
    if node.op in ("com.microsoft.MatMulNBits", "com.microsoft.GatherBlockQuantized"):
        return (2, 3, 4)
    return {
        "QLinearConv": (1, 2, 4, 5, 6, 7),
        "QLinearMatMul": (1, 2, 4, 5, 6, 7),
        "MatMulInteger": (2, 3),
        "ConvInteger": (2, 3),
        "com.microsoft.QGemm": (1, 2, 4, 5, 7, 8),
        "com.microsoft.MatMulIntegerToFloat": (2, 3, 4, 5),
        "com.microsoft.DynamicQuantizeMatMul": (2, 3),
    }.get(node.op, ())


def _without_round_trip(way: tuple[Node, ...], values: Formed) -> tuple[Node, ...]:
    """The way without quantising and dequantising again: the stored values are the better ones."""
    rounded = ("QuantizeLinear", "DequantizeLinear")
    if values.dtype not in FLOATS:
        return way
    return tuple(step for step in way if step.op.removeprefix("com.microsoft.") not in rounded)


def _filled(shape: list[int], before: tuple[int, ...]) -> list[int]:
    """The shape a Reshape makes: 0 keeps a size, -1 takes what is left."""
    kept = [before[at] if size == 0 else size for at, size in enumerate(shape)]
    known = prod(size for size in kept if size != -1)
    return [prod(before) // max(known, 1) if size == -1 else size for size in kept]


def _unsqueezed(shape: tuple[int, ...], axes: list[int]) -> list[int]:
    total = len(shape) + len(axes)
    new = {axis % total for axis in axes}
    sizes = iter(shape)
    return [1 if at in new else next(sizes) for at in range(total)]


def _widened(zero: Formed | None, scale: Formed) -> Formed | None:
    """Zero points in the shape of the scales: one may stand for all."""
    if zero is None or zero.shape == scale.shape or prod(zero.shape) != 1:
        return zero
    one = reshaped(zero, (1,))

    def make(part: Rows) -> NDArray[Any]:
        return np.broadcast_to(one.make(None)[0], scale.shape)

    return msgspec.structs.replace(zero, shape=scale.shape, make=make)
