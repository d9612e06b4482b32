"""From a TensorFlow graph to its weights: followed back from what uses them, and turned to torch's order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.sources.coded import Rows
from eigentail.sources.graphs.constants import formed, small
from eigentail.sources.graphs.formed import Formed, reshaped, turned
from eigentail.sources.graphs.names import own_name
from eigentail.sources.graphs.nodes import NOT_UNDERSTOOD, Graph, Node, Origin, Origins, Use
from eigentail.sources.graphs.tensors import Used, is_told
from eigentail.sources.placed import MAX_AXES
from eigentail.sources.tensorflow_files.roles import ASIDE, HANDS_ON, ROLES

_LEVELS: Final = 255  # of the 8-bit codes that Dequantize takes


def used_constants(graph: Graph) -> Iterator[Used]:
    """Every constant of a graph with what it is, in the order in which they are used.

    Args:
        graph: the operations and constants.

    Raises:
        SourceError: a constant is not what its header says.

    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops.

    Example:
        >>> from eigentail.sources.graphs.constants import Constant
        >>> stored = Constant(name="fc/W", dtype="float32", shape=(3, 2), reader=None, pieces=((0, 24),))
        >>> node = Node(op="MatMul", name="fc/MatMul", inputs=("x", "fc/W"), outputs=("fc/MatMul",))
        >>> [used.parts[0].values.shape for used in used_constants(Graph([node], {"fc/W": stored}))]
        [(2, 3)]
    """
    return _Weights(graph).all()


@final
class _Weights:
    """One pass over a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._origins = graph, Origins(graph, HANDS_ON)
        self._values = {name: formed(constant) for name, constant in graph.constants.items()}

    def all(self) -> Iterator[Used]:
        """Every constant once: the first use that makes it a weight counts, else the first of all."""
        uses = self._origins.uses()
        for name, places in uses.items():
            yield self._used(name, places)
        for name, values in self._values.items():
            if name not in uses:
                yield Used(self._graph.constants[name].name, None, (), values)

    def _used(self, key: str, places: Sequence[Use]) -> Used:
        plain, name = self._values[key], self._graph.constants[key].name
        for node, slot, origin in places:
            role = ROLES.get((node.op, slot))
            if role is not None:
                values = self._taken(origin)
                return Used(name, node, tuple(role(node, values)) if values else (), plain)
        aside = all(self._is_aside(name, node, plain) for node, _, _ in places)
        return Used(name, places[0][0], (), plain, is_constant=aside and is_told(plain))

    def _is_aside(self, name: str, node: Node, plain: Formed) -> bool:
        """Whether a use says that a constant is no weight; what nobody named and is only added is none either."""
        added = node.op in ("Add", "AddV2") and len(plain.shape) > 1 and not own_name(name)
        return added or node.op in ASIDE or HANDS_ON.get(node.op) is not None

    def _taken(self, origin: Origin) -> Formed | None:
        """The values as they reach the operation, None where what lies between is not understood."""
        values = self._values[origin.name]
        try:
            for step in origin.way:
                values = self._through(step, values)
        except NOT_UNDERSTOOD:
            return None
        return values

    def _through(self, node: Node, values: Formed) -> Formed:
        """The values behind one of the operations that hand on; one that only adds an axis of size 1 is left out."""
        match node.op:
            case "Transpose":
                axes = self._numbers(node, 1)
                if sorted(axes) != list(range(len(values.shape))):
                    raise ValueError("not an order of axes")
                return turned(values, axes)
            case "Reshape":
                shape = self._numbers(node, 1)
                known = prod(size for size in shape if size != -1)
                return reshaped(values, [prod(values.shape) // max(known, 1) if size == -1 else size for size in shape])
            case "Dequantize":
                return self._dequantised(node, values)
        return values

    def _dequantised(self, node: Node, codes: Formed) -> Formed:
        """Eight-bit codes spread evenly from a smallest to a largest value."""
        mode = node.attributes.get("mode", "MIN_COMBINED")
        if mode not in ("MIN_COMBINED", "MIN_FIRST") or codes.dtype not in ("uint8", "int8"):
            raise ValueError("codes of another kind")
        low, high = (float(small(self._graph.constants[node.inputs[at]], 1).reshape(())) for at in (1, 2))
        shift = 128 if codes.dtype == "int8" else 0

        def make(part: Rows) -> NDArray[np.float32]:
            steps = codes.make(part).astype(np.float32) + np.float32(shift)
            return steps * np.float32((high - low) / _LEVELS) + np.float32(low)

        return msgspec.structs.replace(codes, dtype="float32", make=make)

    def _numbers(self, node: Node, slot: int) -> list[int]:
        origin = self._origins.of(node.inputs[slot])
        if origin is None:
            raise ValueError("numbers that the graph computes")
        return [int(number) for number in small(self._graph.constants[origin.name], MAX_AXES).reshape(-1)]
