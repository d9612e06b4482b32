"""Bad ONNX, TensorFlow and Caffe files: each ends in its sentence, fast, in little memory, or does no harm."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from graph_writers import (
    bundle_entry,
    caffe_layer,
    const,
    node_def,
    onnx_model,
    table,
    write_checkpoint,
    write_graph,
    write_saved_model,
)
from harness import ends_in, is_harmless
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from wire import number, packed, real, text, varint

from eigentail.errors import SourceError
from eigentail.sources import open_source
from eigentail.sources.graphs.protobuf import MAX_DEPTH, MAX_FIELDS
from eigentail.sources.tensorflow_files.sstable import MAGIC

MEMORY = 32 << 20
SECONDS = 5.0
OFTEN = "the file is damaged or was cut short: fetch it again"

TABLE: dict[str, tuple[str, bytes, str]] = {}


def add(name: str, file: str, content: bytes, sentence: str) -> None:
    TABLE[name] = file, content, sentence


# ONNX: the version, then the graph; `tensor` is a TensorProto among the graph's constants.
def model(*graph: bytes) -> bytes:
    return number(1, 8) + text(7, b"".join(graph))


def tensor(*parts: bytes, name: str = "w", kind: int = 1, dims: tuple[int, ...] = (2, 2)) -> bytes:
    return text(5, packed(1, dims) + number(2, kind) + text(8, name) + b"".join(parts))


def beside(location: str, offset: object = 0, length: object = 16) -> bytes:
    pairs = (("location", location), ("offset", offset), ("length", length))
    return b"".join(text(13, text(1, key) + text(2, str(value))) for key, value in pairs) + number(14, 1)


VALUES = text(9, bytes(16))
FILE = "m.onnx"
add("cut length", FILE, model(tensor(VALUES))[:-9], "has a field at byte 2 that would end at")
add("length beyond its message", FILE, model(varint(5 << 3 | 2) + varint(999) + b"x"), "where its message ends at")
add("length of 2^63", FILE, model(varint(5 << 3 | 2) + varint(2**63)), "would end at 9223372036854775")
add("number without an end", FILE, b"\x08\x08" + b"\xff" * 11, "has a number that does not end at byte")
add("field number zero", FILE, number(1, 8) + number(0, 1), "has at byte 2 what is no field of a message")
add("group", FILE, number(1, 8) + varint(7 << 3 | 3), "has at byte 2 what is no field of a message")
add("graph is a number", FILE, number(1, 8) + number(7, 1), "another kind of field than its format has there")
add("name is a number", FILE, model(text(5, number(8, 3))), "another kind of field than its format has there")
add("name is no text", FILE, model(text(5, text(8, b"\xff\xfe"))), "a text that is not UTF-8")
add("name of a megabyte", FILE, model(text(5, text(8, b"a" * (1 << 20)))), "1,048,576 bytes where at most 65,536 are")
add("no tensors", FILE, model(), "holds no tensors: is this the file with the weights?")
add("two of a name", FILE, model(tensor(VALUES), tensor(VALUES)), "has two constants of the name 'w'")
add("dims 2^63", FILE, model(tensor(VALUES, dims=(2**63 - 1, 2))), "has an impossible shape (9223372036854775807, 2)")
add("dims below zero", FILE, model(tensor(VALUES, dims=(-2, -8))), "has an impossible shape (-2, -8)")
add("dims times overflow", FILE, model(tensor(VALUES, dims=(2**40, 2**40))), "has an impossible shape (1099511627776")
add("hidden overflow", FILE, model(tensor(dims=(0, 2**61, 2**61))), "has an impossible shape (0, 2305843")
add("too many axes", FILE, model(tensor(VALUES, dims=(1,) * 65)), "a list of numbers that does not end where it should")
add("axes one by one", FILE, model(text(5, number(1, 1) * 99 + text(8, "w"))), "a tensor '' in too many pieces")
add(
    "too few bytes",
    FILE,
    model(tensor(text(9, bytes(15)))),
    "has 15 bytes for the shape (2, 2) of float32, which needs",
)
add("too many bytes", FILE, model(tensor(text(9, bytes(17)))), "has 17 bytes for the shape (2, 2) of float32")
add("values of another kind", FILE, model(tensor(number(4, 3))), "values of another kind than their type has")
add("too few numbers", FILE, model(tensor(packed(7, [1]), kind=7)), "has 1 bytes for the shape (2, 2) of int64")
add("many pieces", FILE, model(tensor(real(4, 1.0) * 100_002)), "a tensor 'w' in too many pieces")
add("upwards", FILE, model(tensor(beside("../x"))), "keeps weights in '../x', which is not in its folder")
add(
    "absolute", FILE, model(tensor(beside("/etc/passwd"))), "keeps weights in '/etc/passwd', which is not in its folder"
)
add("backslashes", FILE, model(tensor(beside("..\\x"))), "which is not in its folder")
add("a NUL in it", FILE, model(tensor(beside("a\0b"))), "which is not in its folder")
add("nowhere", FILE, model(tensor(beside(""))), "keeps weights in '', which is not in its folder")
add(
    "missing",
    FILE,
    model(tensor(beside("gone"))),
    "keeps weights in 'gone', which is missing: fetch that file into the",
)
add(
    "itself, too short", FILE, model(tensor(beside(FILE, 0, 10**9))), "has weights at bytes 0 to 1000000000 of 'm.onnx'"
)
add("offset below zero", FILE, model(tensor(beside(FILE, -8, 16))), "has weights at bytes -8 to 8 of 'm.onnx'")
add("offset no number", FILE, model(tensor(beside(FILE, "x"))), "does not say in numbers where in 'm.onnx'")


def nested(times: int) -> bytes:
    graph = tensor(VALUES)
    for _ in range(times):
        graph = text(1, text(5, text(1, "body") + text(6, graph)))
    return model(graph)


add("bricks", FILE, nested(MAX_DEPTH), f"is nested more than {MAX_DEPTH} deep")

# TensorFlow's graphs.
GRAPH = "m.pb"
EYE = np.eye(4, dtype=np.float32)


def constant(value: bytes, name: str = "w") -> bytes:
    return text(1, node_def(name, "Const", (), {"value": text(8, value)}))


def shaped(*sizes: int) -> bytes:
    return number(1, 1) + text(2, b"".join(text(2, number(1, size)) for size in sizes))


add("graph cut", GRAPH, text(1, const("w", EYE))[:-3], "has a field at byte 0 that would end at")
add("no constants", GRAPH, text(1, node_def("a", "Relu", ["x"])), "holds no tensors")
add("two constants of a name", GRAPH, 2 * text(1, const("w", EYE)), "has two constants of the name 'w'")
add("size 2^62", GRAPH, constant(shaped(2**62, 2**62)), "has an impossible shape (4611686018427387904")
add("size -1", GRAPH, constant(shaped(-1, 4)), "has an impossible shape (-1, 4)")
add("one for 10^14", GRAPH, constant(shaped(10**7, 10**7) + text(5, bytes(4))), "has 4 bytes for the shape (10000000,")
add("none for 10^14", GRAPH, constant(shaped(10**7, 10**7)), "has 0 bytes for the shape (10000000, 10000000)")
add("content too short", GRAPH, constant(shaped(4, 4) + text(4, bytes(60))), "has 60 bytes for the shape (4, 4)")
add("list too long", GRAPH, constant(shaped(2) + text(5, bytes(12))), "has 12 bytes for the shape (2,) of float32")
add("half a number", GRAPH, constant(shaped(2) + text(5, bytes(6))), "has 6 bytes for the shape (2,) of float32")
add("99 axes", GRAPH, constant(shaped(*[1] * 99)), "has a constant of more than 64 axes")
add("text as a number", GRAPH, constant(number(2, 1)), "another kind of field than its format has there")

# TensorFlow's SavedModels and checkpoints.
add("saved, no graph", "saved_model.pb", number(1, 1) + text(2, number(9, 1)), "is a SavedModel without a graph")
add("saved, cut", "saved_model.pb", number(1, 1) + varint(2 << 3 | 2) + varint(99), "that would end at 103, where its")
INDEX = "m.index"
HEADER = (b"", number(1, 1) + text(3, number(1, 1)))
LINE = (b"w", bundle_entry(EYE, 0, 0))
add("index of three bytes", INDEX, b"\0\0\0", f"is 3 bytes long, too short for a table: {OFTEN}")
add("index without its end", INDEX, table([[HEADER, LINE]])[:-1], "does not end as a table does")
add("a table of others", INDEX, table([[(b"a", b"")]]), "is a table, but not the index of a checkpoint")
add("packed", INDEX, table([[HEADER, LINE]], kind=1), "that is packed (Snappy), which is not read")
add("keys backwards", INDEX, table([[LINE, LINE]]), "has the key b'w' twice or out of order")
add("entry of noise", INDEX, table([[HEADER, (b"w", b"\xff")]]), "has a number that does not end")
add("key no text", INDEX, table([[HEADER, (b"\xff", LINE[1])]]), "has the key b'\\xff', which is not UTF-8")
add("big-endian", INDEX, table([[(b"", number(1, 1) + number(2, 1))]]), "was written on a big-endian machine")
add("no files", INDEX, table([[(b"", number(1, 0) + number(9, 0))]]), "says that it has 0 files of weights")
add("2^40 files", INDEX, table([[(b"", number(1, 2**40))]]), "says that it has 1099511627776 files of weights")
add("file 7 of 1", INDEX, table([[HEADER, (b"w", bundle_entry(EYE, 7, 0))]]), "puts 'w' into file 7 of 1")
add("no file", INDEX, table([[HEADER, LINE]]), "the weights file m.data-00000-of-00001 beside it is missing")
broken = bytearray(table([[HEADER, LINE]]))
broken[4] ^= 1
add("checksum", INDEX, bytes(broken), "has a block at byte 0 whose checksum is not the one stored with it")
far = b"\0\0" + bytes(46)
footer = (varint(0) + varint(0) + varint(2**40) + varint(9)).ljust(40, b"\0") + MAGIC
add("block far away", INDEX, far + footer, "has a block at bytes 1099511627776 to 1099511627785, but ends at 96")

# Caffe.
NET = "m.caffemodel"
add("net without blobs", NET, text(1, "net") + text(100, text(1, "relu") + text(2, "ReLU")), "holds no tensors")
add("net cut", NET, text(1, "net") + caffe_layer("fc", "InnerProduct", [EYE])[:-7], "has a field at byte 5 that would")
wrong = text(100, text(1, "fc") + text(7, text(7, packed(1, [3, 3])) + text(5, bytes(16))))
add("blob too short", NET, text(1, "net") + wrong, "the constant 'fc.0' has 16 bytes for the shape (3, 3) of float32")
wrong = text(100, text(1, "fc") + text(7, text(7, packed(1, [2**62, 8])) + text(5, bytes(16))))
add("blob too large", NET, text(1, "net") + wrong, "has an impossible shape (4611686018427387904, 8)")
wrong = text(100, text(1, "fc") + text(7, number(1, -1) + number(2, -1) + text(5, bytes(4))))
add("blob of old sizes", NET, text(1, "net") + wrong, "has an impossible shape (-1, -1, 0, 0)")


@pytest.mark.parametrize("name", TABLE)
def test_a_bad_file_ends_in_its_sentence(tmp_path: Path, name: str) -> None:
    file, content, sentence = TABLE[name]
    target = tmp_path / file
    target.write_bytes(content)
    ends_in(sentence, target, MEMORY, SECONDS)


def test_there_is_an_end_to_the_fields_that_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(model(number(99, 1) * (MAX_FIELDS + 1)))
    with pytest.raises(SourceError, match="has more than 2,000,000 fields"):
        open_source(tmp_path / "m.onnx")


def test_one_value_for_many_is_as_much_as_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "m.pb").write_bytes(constant(shaped(4096, 4096) + text(5, b"\0\0\x80\x3f")))
    with closing(open_source(tmp_path / "m.pb")) as source:
        (spec,) = source.tensors()
        assert spec.nbytes == 4
        assert (source.read(spec, (0, 2)) == 1).all()


def test_a_list_that_does_not_end_is_told_on_reading(tmp_path: Path) -> None:
    for content in (b"\xff" * 16, b"\x80" * 15 + b"\x01"):
        (tmp_path / "m.onnx").write_bytes(model(tensor(text(7, content), kind=7)))
        with (
            closing(open_source(tmp_path / "m.onnx")) as source,
            pytest.raises(SourceError, match="a number in a list"),
        ):
            source.read(source.tensors()[0])


def test_types_that_hold_no_numbers_are_told_on_reading(tmp_path: Path) -> None:
    sparse = text(15, text(1, text(8, "s") + number(2, 1)) + packed(3, [4, 4]))
    (tmp_path / "m.onnx").write_bytes(model(tensor(text(6, "a"), kind=8), tensor(kind=77, name="new"), sparse))
    with closing(open_source(tmp_path / "m.onnx")) as source:
        assert [(spec.name, spec.dtype) for spec in source.tensors()] == [
            ("w", "str"),
            ("new", "type-77"),
            ("s", "sparse"),
        ]
        for spec in source.tensors():
            with pytest.raises(SourceError, match=r"of which no array of numbers can be made|stored sparsely"):
                source.read(spec)


def _onnx_bytes() -> bytes:
    w, r = np.ones((6, 4), np.float32), np.ones((1, 12, 3), np.float32)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["d"]),
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["a"]),
        helper.make_node("MatMul", ["a", "d"], ["b"]),
        helper.make_node("LSTM", ["b", "r", "r2"], ["y"], hidden_size=3),
    ]
    arrays = {"w": w, "q": np.ones((6, 4), np.int8), "s": np.float32(0.5).reshape(()), "r": r, "r2": r}
    return bytes(onnx_model(arrays, nodes).SerializeToString())


def _graph_bytes(folder: Path) -> bytes:
    held = write_graph(folder, {"w": EYE, "b": np.ones(4, np.float16)}).read_bytes()
    used = [
        node_def("i", "Identity", ["w"]),
        node_def("fc/MatMul", "MatMul", ["x", "i"], {"transpose_b": number(5, 1)}),
        node_def("r", "Reshape", ["w", "b"]),
        node_def("c", "Conv2D", ["x", "r"]),
    ]
    return held + b"".join(text(1, node) for node in used)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, bytes]]:
    """A small whole file of each format, in a folder with what belongs to it, and its bytes."""
    makes: dict[str, Callable[[Path], Path]] = {
        "onnx": lambda folder: folder / "m.onnx",
        "graph": lambda folder: folder / "m.pb",
        "caffe": lambda folder: folder / "m.caffemodel",
        "index": lambda folder: write_checkpoint(folder, {"a/kernel": EYE, "a/kernel/Adam": EYE, "b": EYE[0]}),
        "saved": lambda folder: write_saved_model(folder, {"a/kernel": EYE}),
    }
    found = {}
    for name, make in makes.items():
        folder = tmp_path_factory.mktemp(name)
        path = make(folder)
        if name == "onnx":
            path.write_bytes(_onnx_bytes())
        elif name == "graph":
            path.write_bytes(_graph_bytes(folder))
        elif name == "caffe":
            path.write_bytes(text(1, "net") + caffe_layer("fc", "InnerProduct", [EYE, EYE[0]]))
        found[name] = path, path.read_bytes()
    return found


NAMES = ("onnx", "graph", "caffe", "index", "saved")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_anywhere_is_harmless_or_ends_in_a_sentence(name: str, good: dict[str, tuple[Path, bytes]]) -> None:
    path, content = good[name]
    for end in range(len(content)):
        path.write_bytes(content[:end])
        is_harmless(path)
    path.write_bytes(content)
    with closing(open_source(path)) as source:
        assert all(source.read(spec).shape == spec.shape for spec in source.tensors())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_damage_is_either_harmless_or_a_sentence(
    name: str, good: dict[str, tuple[Path, bytes]], data: st.DataObject
) -> None:
    path, content = good[name]
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            damaged[at] = data.draw(st.integers(0, 255))
        else:
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=4))
    path.write_bytes(damaged)
    is_harmless(path)


def test_a_link_that_leads_away_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(16))
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "net" / "m.onnx").write_bytes(model(tensor(beside("link"))))
    with pytest.raises(SourceError, match="a link that leads out of its folder"):
        open_source(tmp_path / "net" / "m.onnx")


def test_a_graph_that_turns_back_on_itself_ends(tmp_path: Path) -> None:
    steps = [node_def("a", "Identity", ["b"]), node_def("b", "Identity", ["a"]), node_def("m", "MatMul", ["x", "b"])]
    (tmp_path / "m.pb").write_bytes(b"".join(text(1, step) for step in [const("w", EYE), *steps]))
    with closing(open_source(tmp_path / "m.pb")) as source:
        assert [spec.name for spec in source.tensors()] == ["w"]


# Files that make work out of few bytes: as many small parts as their size allows, all the same, or each using all.
def _many_of(part: bytes, count: int = 300_000) -> bytes:
    return model(part * count)


BUSY: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty operations": ("m.onnx", lambda: _many_of(text(1, b"")), "has more than 200,000 operations and constants"),
    "empty constants": ("m.onnx", lambda: _many_of(text(5, b"")), "has more than 200,000 operations and constants"),
    "empty nodes": ("m.pb", lambda: text(1, node_def("a", "Op")) * 300_000, "has more than 200,000 operations"),
    "inputs": ("m.onnx", lambda: model(text(1, text(1, "w") * 10_001)), "of more than 10,000 inputs or attributes"),
    "entries": (
        "m.index",
        lambda: table([[HEADER, *((b"%06d" % at, number(4, 0)) for at in range(100_001))]]),
        "lists more than 100,000 tensors",
    ),
    "stacks": (
        "m.pb",
        lambda: b"".join(
            constant(shaped(4096, 1, 1), f"w{at}") + text(1, node_def(f"m{at}", "BatchMatMul", ["x", f"w{at}"]))
            for at in range(100)
        ),
        "holds more than 200,000 tensors",
    ),
}


@pytest.mark.parametrize("name", BUSY)
def test_a_file_cannot_make_much_of_little(tmp_path: Path, name: str) -> None:
    file, make, sentence = BUSY[name]
    (tmp_path / file).write_bytes(make())
    with pytest.raises(SourceError, match=re.escape(sentence)):
        open_source(tmp_path / file)


def test_constants_that_all_go_the_same_long_way_take_no_long_time(tmp_path: Path) -> None:
    names = [f"w{at}" for at in range(2_000)]
    joins = [text(1, text(1, name) + text(2, "v") + text(4, "Concat")) for name in names]
    uses = [text(1, text(1, "v") + text(2, f"u{at}") + text(4, "Slice")) for at in range(10_000)]
    held = [tensor(VALUES, name=name) for name in names]
    (tmp_path / "m.onnx").write_bytes(model(*held, *joins, *uses))
    with closing(open_source(tmp_path / "m.onnx")) as source:
        assert len(source.tensors()) == len(names)
