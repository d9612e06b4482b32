"""A graph of operations, as far as it tells what its constants are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.graphs.constants import Constant

MAX_STEPS: Final = 100
MAX_NODES: Final = 200_000
MAX_INPUTS: Final = 10_000


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One operation.

    Attributes:
        op: its kind, with the domain in front where that is not the format's own ("com.microsoft.MatMulNBits").
        name: what the file calls it, or "".
        inputs: the values it works on, "" where one is left out.
        outputs: the values it makes.
        attributes: whole numbers, lists of them and short texts that belong to it.

    Example:
        >>> Node(op="MatMul", name="fc/MatMul", inputs=("x", "w"), outputs=("y",)).attributes
        {}
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = {}


class Graph(msgspec.Struct, frozen=True, eq=False):
    """Every operation and every constant; names inside subgraphs and functions are made their own by the readers.

    Attributes:
        nodes: in the file's order.
        constants: by the name of the value, in the file's order.

    Example:
        >>> graph = Graph([Node(op="Identity", name="", inputs=("w",), outputs=("w/read",))], {})
        >>> graph.makers()["w/read"].op
        'Identity'
    """

    nodes: list[Node]
    constants: dict[str, Constant]

    def makers(self) -> dict[str, Node]:
        """The operation that makes a value, by the value."""
        return {output: node for node in self.nodes for output in node.outputs}


# What an odd or wrong graph makes of the steps that its constants go: these are then shown as they are stored.
NOT_UNDERSTOOD: Final = (SourceError, ValueError, LookupError, TypeError, ArithmeticError)


class Origin(msgspec.Struct, frozen=True):
    """The constant that a value comes from, and the operations it passes on the way.

    Attributes:
        name: the constant.
        way: the operations, the nearest to the constant first.

    Example:
        >>> Origin("w").way
        ()
    """

    name: str
    way: tuple[Node, ...] = ()


class Use(NamedTuple):
    """A place where a constant goes into an operation.

    Attributes:
        node: the operation.
        slot: which of its inputs it is.
        origin: the constant, and what lies between.

    Example:
        >>> Use(Node(op="MatMul", name="fc", inputs=("x", "w"), outputs=("y",)), 1, Origin("w")).origin.name
        'w'
    """

    node: Node
    slot: int
    origin: Origin


@final
class Origins:
    """Looks up where values come from.

    Args:
        graph: the graph.
        hands_on: the operations a value is followed through, each with the input that it came in by.

    Example:
        >>> from eigentail.sources.graphs.constants import Constant
        >>> stored = Constant(name="w", dtype="float32", shape=(2, 2), reader=None)
        >>> graph = Graph([Node(op="Identity", name="", inputs=("w",), outputs=("w/read",))], {"w": stored})
        >>> found = Origins(graph, {"Identity": 0}).of("w/read")
        >>> found.name, len(found.way)
        ('w', 1)
    """

    def __init__(self, graph: Graph, hands_on: Mapping[str, int]) -> None:
        self._nodes, self._constants = graph.nodes, graph.constants
        self._makers, self._hands_on = graph.makers(), hands_on
        self._found: dict[str, Origin | None] = {}

    def of(self, value: str) -> Origin | None:
        """The origin of a value, None when it is computed from what the net is given."""
        if value not in self._found:
            self._found[value] = self._followed(value)
        return self._found[value]

    def _followed(self, value: str) -> Origin | None:
        way: list[Node] = []
        while value not in self._constants:
            node = self._makers.get(value)
            slot = self._hands_on.get(node.op) if node else None
            if node is None or slot is None or slot >= len(node.inputs) or len(way) >= MAX_STEPS:
                return None
            way.append(node)
            value = node.inputs[slot]
        return Origin(value, tuple(reversed(way)))

    def uses(self) -> dict[str, list[Use]]:
        """Where each constant is used, in the order in which they are; to hand something on is no use of it."""
        found: dict[str, list[Use]] = {}
        for node in self._nodes:
            for slot, name in enumerate(node.inputs):
                origin = None if self._hands_on.get(node.op) == slot else self.of(name)
                if origin is not None:
                    found.setdefault(origin.name, []).append(Use(node, slot, origin))
        return found

    def maker(self, value: str) -> Node | None:
        """The operation that makes a value, None for what goes into the graph."""
        return self._makers.get(value)
