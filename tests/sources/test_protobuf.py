"""The walker: it finds what was written, at any place of a window, and reads no more than the structure."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_writers import onnx_model
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from wire import number, packed, real, text, varint

from eigentail.errors import SourceError
from eigentail.sources.elsewhere import BytesRange
from eigentail.sources.graphs.constants import varints
from eigentail.sources.graphs.onnx_model import read_graph
from eigentail.sources.graphs.protobuf import BYTES, FIXED32, VARINT, read_message
from eigentail.sources.ranges import RangeReader


class Counted:
    """Bytes of which it is known how many were read."""

    def __init__(self, data: bytes) -> None:
        self._inner, self.size, self.read_bytes = BytesRange(data), len(data), 0

    def read(self, offset: int, n: int) -> memoryview:
        self.read_bytes += n
        return self._inner.read(offset, n)

    def close(self) -> None:
        pass


def walked(reader: RangeReader) -> list[tuple[int, int, int | bytes]]:
    message = read_message(reader, "x")
    return [
        (field.number, field.kind, message.content(field, 1 << 30) if field.kind == BYTES else field.value)
        for field in message.fields()
    ]


NUMBERS = st.tuples(st.integers(1, 2**28), st.just(VARINT), st.integers(0, 2**64 - 1))
STRETCHES = st.tuples(st.integers(1, 2**28), st.just(BYTES), st.binary(max_size=3000))


@given(st.lists(NUMBERS | STRETCHES, max_size=40))
def test_every_field_is_found_as_it_was_written(fields: list[tuple[int, int, int | bytes]]) -> None:
    data = b"".join(number(at, value) if isinstance(value, int) else text(at, value) for at, _, value in fields)
    assert walked(BytesRange(data)) == fields


@pytest.mark.parametrize("before", range(1000, 1060))
def test_fields_on_the_border_of_a_window_are_whole(before: int) -> None:
    fields = text(1, bytes(before)) + number(2, 2**63) + real(3, 1.5) + text(4, b"tail") + number(5, 7)
    inside = text(9, fields)
    message = read_message(BytesRange(inside), "x")
    (outer,) = message.fields()
    inner = message.message(outer)
    found = {field.number: field for field in inner.fields()}
    assert inner.integer(found[2]) == -(2**63)
    assert found[3].kind == FIXED32
    assert np.frombuffer(inner.bytes_of(found[3]), "<f4")[0] == 1.5
    assert inner.text(found[4]) == "tail"
    assert inner.integer(found[5]) == 7


def test_only_the_structure_is_read() -> None:
    layer = text(1, "name") + text(2, bytes(1_000_000))
    reader = Counted(b"".join(text(7, layer) for _ in range(20)))
    message = read_message(reader, "x")
    names = []
    for field in message.fields():
        inner = message.message(field)
        names += [inner.text(part) for part in inner.fields() if part.number == 1]
    assert names == ["name"] * 20
    assert reader.read_bytes < 20 * 5_000


def test_it_sees_what_the_formats_own_library_sees() -> None:
    nodes = [helper.make_node("Relu", [f"a{at}"], [f"a{at + 1}"], name=f"n{at}", alpha=at) for at in range(300)]
    model = onnx_model({f"w{at}": np.full((at, 2), at, np.float32) for at in range(1, 50)}, nodes)
    data = bytes(model.SerializeToString())
    reader = BytesRange(data)
    graph = read_graph(read_message(reader, "x"), reader, lambda entries: (reader, 0, 0))
    again = onnx.ModelProto.FromString(data).graph
    assert [(node.name, *node.inputs, *node.outputs, node.attributes["alpha"]) for node in graph.nodes] == [
        (node.name, *node.input, *node.output, node.attribute[0].i) for node in again.node
    ]
    assert {name: held.shape for name, held in graph.constants.items()} == {
        tensor.name: tuple(tensor.dims) for tensor in again.initializer
    }


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60))
def test_lists_of_numbers_packed_or_one_by_one(values: list[int]) -> None:
    together = read_message(BytesRange(packed(1, values)), "x")
    alone = read_message(BytesRange(b"".join(number(1, value) for value in values)), "x")
    assert [value for field in together.fields() for value in together.integers(field, 64)] == values
    assert [value for field in alone.fields() for value in alone.integers(field, 64)] == values


@given(st.lists(st.integers(0, 2**64 - 1), max_size=300))
def test_many_numbers_at_once_are_the_same_as_one_by_one(values: list[int]) -> None:
    data = b"".join(varint(value) for value in values)
    assert varints(data, np.dtype(np.uint64)).tolist() == values
    assert varints(data, np.dtype(np.int64)).tolist() == [value - (value >> 63 << 64) for value in values]


def test_many_numbers_over_the_border_of_a_step() -> None:
    values = np.random.default_rng(0).integers(0, 2**40, 100_000)
    data = b"".join(varint(int(value)) for value in values)
    np.testing.assert_array_equal(varints(data, np.dtype(np.int64)), values)


def test_a_stretch_that_is_not_there_is_refused() -> None:
    with pytest.raises(SourceError, match="has 4 bytes where 12 are needed"):
        read_message(BytesRange(bytes(4)), "x", begin=2, size=10)
