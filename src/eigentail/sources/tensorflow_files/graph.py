"""TensorFlow's GraphDef on the wire: operations, functions and constants. No weight is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, final

import msgspec

from eigentail.sources.graphs.constants import MAX_PIECES, Constant
from eigentail.sources.graphs.nodes import MAX_INPUTS, MAX_NODES, Graph, Node
from eigentail.sources.graphs.protobuf import BYTES, VARINT, Field, Message
from eigentail.sources.placed import MAX_AXES
from eigentail.sources.ranges import RangeReader

# The number of a type: its name, and the field its values are in when they are not in `tensor_content`.
TYPES: Final[Mapping[int, tuple[str, int]]] = {
    1: ("float32", 5),
    2: ("float64", 6),
    3: ("int32", 7),
    4: ("uint8", 7),
    5: ("int16", 7),
    6: ("int8", 7),
    7: ("str", 8),
    8: ("complex64", 9),
    9: ("int64", 10),
    10: ("bool", 11),
    11: ("int8", 7),
    12: ("uint8", 7),
    13: ("int32", 7),
    14: ("bfloat16", 13),
    15: ("int16", 7),
    16: ("uint16", 7),
    17: ("uint16", 7),
    18: ("complex128", 12),
    19: ("float16", 13),
    22: ("uint32", 16),
    23: ("uint64", 17),
    24: ("float8_e5m2", 18),
    25: ("float8_e4m3fn", 18),
    29: ("int4", 7),
    30: ("uint4", 7),
}
_IN_VARINTS: Final = frozenset({7, 10, 11, 13, 16, 17})
_CONTENT: Final = 4
_CHOOSING: Final = frozenset({"If", "StatelessIf", "Case", "StatelessCase"})
_INSIDE: Final = "::"  # between a function and the name of a value in it


def read_graph(graph: Message, reader: RangeReader) -> Graph:
    """Every operation and constant of a graph and of its functions.

    Args:
        graph: a GraphDef.
        reader: the file it lies in.

    Raises:
        SourceError: it is no graph, or two of its operations have one name.

    Source: graph.proto, node_def.proto, attr_value.proto, tensor.proto and function.proto in
        https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.graphs.protobuf import read_message
        >>> from eigentail.sources.ranges import open_range
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> node = bytes([0x0A, 1]) + b"a" + bytes([0x12, 4]) + b"Relu" + bytes([0x1A, 3]) + b"x:0"
        >>> _ = path.write_bytes(bytes([0x0A, len(node)]) + node)
        >>> reader = open_range(str(path))
        >>> [(node.op, node.inputs) for node in read_graph(read_message(reader, "x"), reader).nodes]
        [('Relu', ('x',))]
        >>> reader.close()
    """
    found = _Reader(reader)
    for field in graph.fields():
        if field.number == 1:
            found.node(graph.message(field), "")
        elif field.number == 2:
            library = graph.message(field)
            for function in library.fields():
                if function.number == 1:
                    found.function(library.message(function))
    return Graph([*found.nodes(), *found.handed()], found.constants)


@final
class _Reader:
    """One pass over a graph. The numbers below are those of the fields in the files named above."""

    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader
        self._arguments: dict[str, list[str]] = {}
        self._nodes: list[tuple[Node, list[str]]] = []
        self.constants: dict[str, Constant] = {}

    def nodes(self) -> Iterator[Node]:
        """The operations; what calls a function uses nothing itself."""
        for node, functions in self._nodes:
            calls = any(function in self._arguments for function in functions)
            yield msgspec.structs.replace(node, inputs=()) if calls else node

    def handed(self) -> Iterator[Node]:
        """What functions are given, as operations that hand it on; the first call counts."""
        given: set[str] = set()
        for node, functions in self._nodes:
            for function in functions:
                arguments = () if function in given else self._arguments.get(function, ())
                given.add(function)
                for value, argument in zip(node.inputs[node.op in _CHOOSING :], arguments, strict=False):
                    yield Node(op="Identity", name="", inputs=(value,), outputs=(f"{function}{_INSIDE}{argument}",))

    def function(self, message: Message) -> None:
        """Take in a function."""
        scope, bodies = "", []
        arguments: list[str] = []
        for field in message.fields():
            if field.number == 1:
                signature = message.message(field)
                for part in signature.fields():
                    if part.number == 1:
                        scope = signature.text(part)
                    elif part.number == 2:
                        arguments += _texts(signature.message(part), 1)
            elif field.number == 3:
                bodies.append(message.message(field))
        self._arguments[scope] = arguments
        for body in bodies:
            self.node(body, f"{scope}{_INSIDE}")

    def node(self, message: Message, scope: str) -> None:
        """Take in an operation."""
        name = op = ""
        inputs: list[str] = []
        attributes: dict[str, Any] = {}
        for field in message.fields():
            match field.number:
                case 1:
                    name = message.text(field)
                case 2:
                    op = message.text(field)
                case 3:
                    inputs.append(message.text(field))
                case 5:
                    attributes.update(self._entry(message.message(field)))
            if len(inputs) > MAX_INPUTS or len(attributes) > MAX_INPUTS:
                message.refuse(f"has an operation {name[:80]!r} of more than {MAX_INPUTS:,} inputs or attributes")
        if len(self._nodes) + len(self.constants) >= MAX_NODES:
            message.refuse(f"has more than {MAX_NODES:,} operations and constants")
        own = scope + name
        values = tuple(scope + text.partition(":")[0] for text in inputs if not text.startswith("^"))
        value = attributes.pop("value", None)
        if op == "Const" and isinstance(value, Constant):
            if own in self.constants:
                message.refuse(f"has two constants of the name {own[:80]!r}")
            self.constants[own] = msgspec.structs.replace(value, name=name)
            return
        called = [name for key, names in attributes.items() if key.startswith(_INSIDE) for name in names]
        node = Node(op=op, name=name, inputs=values, outputs=(own,), attributes=attributes)
        self._nodes.append((node, called or [op]))

    def _entry(self, message: Message) -> dict[str, Any]:
        """A named attribute; the functions in it under a key of their own."""
        key, value = "", None
        functions: list[str] = []
        for field in message.fields():
            if field.number == 1:
                key = message.text(field)
            elif field.number == 2:
                value = self._value(message.message(field), functions)
        return {key: value, **({_INSIDE + key: functions} if functions else {})}

    def _value(self, message: Message, functions: list[str]) -> Any:
        """An attribute: a number, a short text or a constant."""
        for field in message.fields():
            match field.number:
                case 1:
                    inside = message.message(field)
                    for part in inside.fields():
                        if part.number == 9:
                            functions += _texts(inside.message(part), 1)
                case 2 if field.size <= 4 * MAX_AXES:
                    return message.content(field, 4 * MAX_AXES).decode("utf-8", "replace")
                case 3 | 5 | 6:
                    return message.integer(field)
                case 8:
                    return self._tensor(message.message(field))
                case 10:
                    functions += _texts(message.message(field), 1)
        return None

    def _tensor(self, message: Message) -> Constant:
        """A constant: its type, its shape and where its values lie."""
        kind = 0
        shape: list[int] = []
        places: dict[int, list[Field]] = {}
        for field in message.fields():
            match field.number:
                case 1:
                    kind = message.integer(field)
                case 2:
                    shape = _shape(message.message(field))
                case 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 16 | 17 | 18:
                    places.setdefault(field.number, []).append(field)
            if len(places.get(field.number, ())) > MAX_PIECES:
                message.refuse("has a constant in too many pieces")
        dtype, typed = TYPES.get(kind % 100, (f"type-{kind}", 0))
        whole = [field for field in places.get(_CONTENT, []) if field.size]
        fields = whole or places.get(typed, [])
        for field in fields:
            if field.kind != BYTES and (whole or (field.kind == VARINT) != (typed in _IN_VARINTS)):
                message.refuse(f"has at byte {field.begin} values of another kind than their type has")
        return Constant(
            name="",
            dtype=dtype,
            shape=tuple(shape),
            reader=self._reader,
            pieces=tuple((field.begin, field.size) for field in fields),
            varints=not whole and typed in _IN_VARINTS,
            repeated=not whole,
            flaw="" if typed not in (8, 0) else f"is stored as {dtype}, of which no array of numbers can be made",
        )


def _shape(message: Message) -> list[int]:
    """The sizes of a TensorShapeProto."""
    sizes = []
    for field in message.fields():
        if field.number == 2:
            dim = message.message(field)
            sizes.append(next((dim.integer(part) for part in dim.fields() if part.number == 1), 0))
            if len(sizes) > MAX_AXES:
                message.refuse(f"has a constant of more than {MAX_AXES} axes")
    return sizes


def _texts(message: Message, number: int) -> list[str]:
    return [message.text(field) for field in message.fields() if field.number == number]
