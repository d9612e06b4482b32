"""ONNX on the wire: the operations and constants of a model and of the graphs inside it. No weight is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, final

from eigentail.sources.graphs.constants import MAX_PIECES, Constant
from eigentail.sources.graphs.nodes import MAX_INPUTS, MAX_NODES, Graph, Node
from eigentail.sources.graphs.protobuf import BYTES, VARINT, Field, Message
from eigentail.sources.placed import MAX_AXES
from eigentail.sources.ranges import RangeReader

# The number of a type: its name, and the field its values are in when they are not raw.
TYPES: Final[Mapping[int, tuple[str, int]]] = {
    1: ("float32", 4),
    2: ("uint8", 5),
    3: ("int8", 5),
    4: ("uint16", 5),
    5: ("int16", 5),
    6: ("int32", 5),
    7: ("int64", 7),
    8: ("str", 6),
    9: ("bool", 5),
    10: ("float16", 5),
    11: ("float64", 10),
    12: ("uint32", 11),
    13: ("uint64", 11),
    14: ("complex64", 4),
    15: ("complex128", 10),
    16: ("bfloat16", 5),
    17: ("float8_e4m3fn", 5),
    18: ("float8_e4m3fnuz", 5),
    19: ("float8_e5m2", 5),
    20: ("float8_e5m2fnuz", 5),
    21: ("uint4", 5),
    22: ("int4", 5),
    23: ("float4_e2m1fn", 5),
    24: ("float8_e8m0fnu", 5),
}
_IN_VARINTS: Final = frozenset({5, 7, 11})
_OWN_DOMAINS: Final = ("", "ai.onnx")

# What a file says of values kept elsewhere in, the file that holds them with offset and length out.
Elsewhere = Callable[[Mapping[str, str]], tuple[RangeReader, int, int]]
# An operation, its constant if it is one, and the graphs inside it.
_RawNode = tuple[Node, Constant | None, list[Message]]


def read_graph(model: Message, reader: RangeReader, elsewhere: Elsewhere) -> Graph:
    """Every operation and constant of a model.

    Args:
        model: the whole file.
        reader: the same, for the values that lie in it.
        elsewhere: finds the values that do not.

    Raises:
        SourceError: it is no model, or two constants have one name.

    Source: onnx.proto of ONNX 1.19, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

    Example:
        >>> from eigentail.sources.graphs.protobuf import read_message
        >>> from eigentail.sources.ranges import open_range
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> node = bytes([0x0A, 1]) + b"w" + bytes([0x22, 4]) + b"Relu"
        >>> graph = bytes([0x0A, len(node)]) + node
        >>> _ = path.write_bytes(bytes([0x08, 8, 0x3A, len(graph)]) + graph)
        >>> reader = open_range(str(path))
        >>> [(node.op, node.inputs) for node in read_graph(read_message(reader, "x"), reader, None).nodes]
        [('Relu', ('w',))]
        >>> reader.close()
    """
    found = _Reader(reader, elsewhere)
    for field in model.fields():
        if field.number == 7:
            found.graph(model.message(field), "", {})
    return Graph(found.nodes, found.constants)


@final
class _Reader:
    """One pass over a model; the values of a graph inside another are called by its place, so that none are mixed.

    The numbers below are those of the fields in onnx.proto.
    """

    def __init__(self, reader: RangeReader, elsewhere: Elsewhere) -> None:
        self._reader, self._elsewhere = reader, elsewhere
        self._parts = 0
        self.nodes: list[Node] = []
        self.constants: dict[str, Constant] = {}

    def graph(self, message: Message, scope: str, outer: Mapping[str, str]) -> None:
        """Take in a graph and those inside it."""
        raw, held, own = self._parts_of(message)
        own.update(constant.name for constant in held)
        names = {**outer, **{name: scope + name for name in own}} if scope else outer
        for constant in held:
            self._keep(constant.name, constant, names, message)
        for at, (node, value, inside) in enumerate(raw):
            if value is not None and node.outputs:
                self._keep(node.outputs[0], value, names, message)
            self._add(node, names)
            for branch, graph in enumerate(inside):
                self.graph(graph, f"{scope}{node.name or node.op}[{at}.{branch}].", names)

    def _parts_of(self, message: Message) -> tuple[list[_RawNode], list[Constant], set[str]]:
        """The operations and constants of one graph, and the names of the values that are its own."""
        raw: list[_RawNode] = []
        held: list[Constant] = []
        own: set[str] = set()
        for field in message.fields():
            match field.number:
                case 1:
                    self._count(message)
                    raw.append(self._node(message.message(field)))
                    own.update(raw[-1][0].outputs)
                case 5:
                    self._count(message)
                    held.append(self._tensor(message.message(field)))
                case 11:
                    own.update(_texts(message.message(field), 1))
                case 15:
                    self._count(message)
                    held.append(self._sparse(message.message(field)))
        return raw, held, own

    def _count(self, message: Message) -> None:
        self._parts += 1
        if self._parts > MAX_NODES:
            message.refuse(f"has more than {MAX_NODES:,} operations and constants")

    def _keep(self, name: str, constant: Constant, names: Mapping[str, str], message: Message) -> None:
        known = names.get(name, name)
        if known in self.constants:
            message.refuse(f"has two constants of the name {known[:80]!r}")
        self.constants[known] = constant

    def _add(self, node: Node, names: Mapping[str, str]) -> None:
        inputs = tuple(names.get(name, name) for name in node.inputs)
        outputs = tuple(names.get(name, name) for name in node.outputs)
        made = Node(op=node.op, name=node.name, inputs=inputs, outputs=outputs, attributes=node.attributes)
        self.nodes.append(made)

    def _node(self, message: Message) -> _RawNode:
        """An operation, its constant if it is one, and the graphs inside it."""
        inputs, outputs, name, op, domain = [], [], "", "", ""
        attributes: dict[str, Any] = {}
        inside: list[Message] = []
        constant = None
        for field in message.fields():
            match field.number:
                case 1:
                    inputs.append(message.text(field))
                case 2:
                    outputs.append(message.text(field))
                case 3:
                    name = message.text(field)
                case 4:
                    op = message.text(field)
                case 7:
                    domain = message.text(field)
                case 5:
                    word, value, graphs = self._attribute(message.message(field))
                    inside += graphs
                    constant = value if word == "value" and isinstance(value, Constant) else constant
                    if not isinstance(value, Constant):
                        attributes[word] = value
            if len(inputs) > MAX_INPUTS or len(attributes) > MAX_INPUTS:
                message.refuse(f"has an operation {name[:80]!r} of more than {MAX_INPUTS:,} inputs or attributes")
        kind = op if domain in _OWN_DOMAINS else f"{domain}.{op}"
        node = Node(op=kind, name=name, inputs=tuple(inputs), outputs=tuple(outputs), attributes=attributes)
        return node, constant if kind == "Constant" else None, inside

    def _attribute(self, message: Message) -> tuple[str, object, list[Message]]:
        """Its name, its value if that is a whole number, a few of them, a text or a tensor, and its graphs."""
        name = ""
        value: object = None
        numbers: list[int] = []
        graphs: list[Message] = []
        for field in message.fields():
            match field.number:
                case 1:
                    name = message.text(field)
                case 3:
                    value = message.integer(field)
                case 4 if field.size <= MAX_AXES:
                    value = message.content(field, MAX_AXES).decode("utf-8", "replace")
                case 5:
                    value = self._tensor(message.message(field))
                case 6 | 11:
                    graphs.append(message.message(field))
                case 8 if len(numbers) <= MAX_AXES and field.size <= 10 * MAX_AXES:
                    numbers += message.integers(field, MAX_AXES)
        return name, numbers or value, graphs

    def _sparse(self, message: Message) -> Constant:
        """A tensor of which only some values are stored: it is named, and not read."""
        values = next((message.message(field) for field in message.fields() if field.number == 1), message)
        dims = [n for field in message.fields() if field.number == 3 for n in message.integers(field, MAX_AXES)]
        name = self._tensor(values).name
        return Constant(
            name=name,
            dtype="sparse",
            shape=tuple(dims),
            reader=self._reader,
            flaw="is stored sparsely, which is not read",
        )

    def _tensor(self, message: Message) -> Constant:
        """A tensor: its name, its type, its shape and where its values lie."""
        kind, name, elsewhere = 0, "", False
        shape: list[int] = []
        places: dict[int, list[Field]] = {}
        where: dict[str, str] = {}
        for field in message.fields():
            match field.number:
                case 1:
                    shape += message.integers(field, MAX_AXES)
                case 2:
                    kind = message.integer(field)
                case 8:
                    name = message.text(field)
                case 13:
                    where.update([_entry(message.message(field))])
                case 14:
                    elsewhere = message.integer(field) == 1
                case 4 | 5 | 7 | 9 | 10 | 11:
                    places.setdefault(field.number, []).append(field)
            if len(shape) > MAX_AXES or len(where) > MAX_AXES or len(places.get(field.number, ())) > MAX_PIECES:
                message.refuse(f"has a tensor {name[:80]!r} in too many pieces")
        dtype, typed = TYPES.get(kind, (f"type-{kind}", 0))
        if elsewhere:
            reader, offset, size = self._elsewhere(where)
            return Constant(name=name, dtype=dtype, shape=tuple(shape), reader=reader, pieces=((offset, size),))
        raw = places.get(9)
        return Constant(
            name=name,
            dtype=dtype,
            shape=tuple(shape),
            reader=self._reader,
            pieces=_stretches(message, raw or places.get(typed, []), typed if not raw else 0),
            varints=not raw and typed in _IN_VARINTS,
        )


def _stretches(message: Message, fields: list[Field], typed: int) -> tuple[tuple[int, int], ...]:
    """Where the values are: packed in one stretch, or each in a field of its own."""
    for field in fields:
        if field.kind != BYTES and (not typed or (field.kind == VARINT) != (typed in _IN_VARINTS)):
            message.refuse(f"has at byte {field.begin} values of another kind than their type has")
    return tuple((field.begin, field.size) for field in fields)


def _entry(message: Message) -> tuple[str, str]:
    """A pair of texts."""
    pair = {field.number: message.text(field) for field in message.fields() if field.number in (1, 2)}
    return pair.get(1, ""), pair.get(2, "")


def _texts(message: Message, number: int) -> list[str]:
    return [message.text(field) for field in message.fields() if field.number == number]
