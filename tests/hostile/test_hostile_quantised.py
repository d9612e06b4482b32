"""Bad GGUF, TFLite and llama2.c files: each ends in its sentence, fast, in little memory."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import llama2c_writer
import numpy as np
import pytest
import tflite_writer as tfl
from gguf_writer import info, pair, raw, text
from harness import ends_in, is_harmless
from tflite_writer import Weight, model, scales

MEMORY = 64 << 20
SECONDS = 5.0
TABLE: dict[str, tuple[str, Callable[[], bytes], str]] = {}
OFTEN = "the file is damaged or was cut short: fetch it again"


def add(name: str, content: bytes | Callable[[], bytes], sentence: str, file: str) -> None:
    assert name not in TABLE
    TABLE[name] = file, content if callable(content) else lambda: content, sentence


def gguf(name: str, content: bytes | Callable[[], bytes], sentence: str) -> None:
    add(f"gguf {name}", content, sentence, "m.gguf")


def tflite(name: str, content: bytes | Callable[[], bytes], sentence: str) -> None:
    add(f"tflite {name}", content, sentence, "m.tflite")


def llama(name: str, content: bytes | Callable[[], bytes], sentence: str) -> None:
    add(f"llama2c {name}", content, sentence, "m.bin")


# GGUF
ONE = info("w", (4,))
DATA = bytes(16)


def word(code: str, *numbers: int) -> bytes:
    return struct.pack("<" + code, *numbers)


def head(tensors: int, pairs: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + word("IQQ", version, tensors, pairs) + rest


gguf("magic alone", b"GGUF", f"the file is 4 bytes long, shorter than a GGUF header: {OFTEN}")
gguf("no counts", b"GGUF" + word("I", 3), "the file ends inside the header, which asks for 8 bytes at 8")
gguf("one count", b"GGUF" + word("IQ", 3, 0), "the file ends inside the header, which asks for 8 bytes at 16")
gguf("version 0", b"GGUF" + bytes(64), "is GGUF of version 0; versions 1 to 3 are read")
gguf("version 4", head(0, 0, version=4), "is GGUF of version 4; versions 1 to 3 are read: is there a newer eigentail?")
gguf(
    "tensors 2^63", head(2**63, 0, bytes(64)), "the header says it has 9223372036854775808 tensors, more than the file"
)
gguf("pairs 2^40", head(0, 2**40, bytes(64)), "the header says it has 1099511627776 metadata, more than the file can")
gguf("many tensors", lambda: head(100_001, 0, bytes(1 << 20)), "the header has more than 100000 entries: no model")
gguf("no tensors", raw([]), "holds no tensors: is this the file with the weights?")
gguf("vocabulary only", raw([], b"", [pair("tokenizer.ggml.model", 8, text("gpt2"))]), "holds a vocabulary and no weig")
gguf(
    "adapter",
    raw([ONE], DATA, [pair("general.type", 8, text("adapter"))]),
    "is a LoRA adapter in GGUF, which is not read: give the adapter it was converted from",
)
gguf("key 2^60", head(1, 1, word("Q", 2**60) + bytes(64)), "a name in the header is 1152921504606846976 bytes long")
gguf("key cut", head(0, 1, word("Q", 30) + b"general"), "the file ends inside the header, which asks for 30 bytes")
gguf("key no text", head(0, 1, text(b"\xff\xfe") + word("I", 4) + bytes(64)), "a name in the header is not UTF-8")
gguf("key twice", raw([ONE], DATA, [pair("a", 0, b"1")] * 2), "the header has the key 'a' twice")
gguf("value of type 13", raw([ONE], DATA, [pair("a", 13, bytes(8))]), "the key 'a' has a value of type 13, which the")
gguf("string 2^63", raw([ONE], DATA, [pair("a", 8, word("Q", 2**63))]), "which asks for 9223372036854775808 bytes at")
gguf(
    "array 2^62",
    raw([ONE], DATA, [pair("a", 9, word("IQ", 4, 2**62))]),
    "the file ends inside the header, which asks for 18446744073709551616 bytes",
)
gguf(
    "array of strings 2^62",
    raw([ONE], DATA, [pair("a", 9, word("IQ", 8, 2**62))]),
    "the header says it has 4611686018427387904 strings in one array, more than the file can hold",
)
gguf("array of 13", raw([ONE], DATA, [pair("a", 9, word("IQ", 13, 1) + bytes(8))]), "has a value of type 13")
gguf(
    "arrays in arrays",
    raw([ONE], DATA, [pair("a", 9, word("IQ", 9, 1) * 500)]),
    "the key 'a' has arrays in arrays, deeper than 4",
)
gguf(
    "strings by the million",
    lambda: raw([ONE], DATA, [pair("a", 9, word("IQ", 8, 3_000_000) + bytes(24_000_000))]),
    "the header has more than 2000000 strings: no vocabulary has so many",
)
gguf(
    "arrays by the hundred thousand",
    lambda: raw([ONE], DATA, [pair("a", 9, word("IQ", 9, 200_000) + word("IQ", 4, 0) * 200_000)]),
    "the header has more than 100000 entries: no model has so many",
)
gguf("alignment 0", raw([ONE], DATA, [pair("general.alignment", 4, word("I", 0))]), "says an alignment of 0, which is")
gguf("alignment 24", raw([ONE], DATA, [pair("general.alignment", 4, word("I", 24))]), "says an alignment of 24, which")
gguf("alignment 2^31", raw([ONE], DATA, [pair("general.alignment", 4, word("I", 2**31))]), "says an alignment of 21474")
gguf(
    "alignment text", raw([ONE], DATA, [pair("general.alignment", 8, text("32"))]), "says an alignment of 32, which is"
)
gguf("alignment true", raw([ONE], DATA, [pair("general.alignment", 7, b"\1")]), "says an alignment of True, which is")
gguf("table cut", head(1, 0, text("w") + word("I", 2)), "the file ends inside the header, which asks for 8 bytes")
gguf("five axes", raw([info("w", (1,) * 5)], DATA), "tensor 'w' has 5 axes; the format allows 4")
gguf("axes 2^32", raw([text("w") + word("I", 2**32 - 1)], DATA), "tensor 'w' has 4294967295 axes; the format allows 4")
gguf("name no text", raw([info(b"\xff\xff", (4,))], DATA), "a name in the header is not UTF-8")
gguf("name twice", raw([info("w", (4,)), info("w", (4,), 0, 32)], bytes(48)), "the header names the tensor 'w' twice")
gguf("type 99", raw([info("w", (4,), 99)], DATA), "tensor 'w' has the type number 99, which is not known here: is the")
gguf("withdrawn type", raw([info("w", (32,), 31)], DATA), "tensor 'w' is stored as q4_0_4_4, a type that llama.cpp has")
gguf("half a block", raw([info("w", (33, 2), 8)], DATA), "tensor 'w' has rows of 33 values, no multiple of 32 (q8_0)")
gguf("scalar of codes", raw([info("w", (), 8)], DATA), "tensor 'w' has rows of 1 values, no multiple of 32 (q8_0)")
gguf("product overflow", raw([info("w", (2**40, 2**40))], DATA), "tensor 'w' has an impossible shape (1099511627776, ")
gguf(
    "hidden overflow", raw([info("w", (0, 2**40, 2**40))], DATA), "tensor 'w' has an impossible shape (1099511627776, "
)
gguf("one axis 2^64", raw([info("w", (2**64 - 1,))], DATA), "tensor 'w' has an impossible shape (18446744073709551615,")
gguf("too large", raw([info("w", (2**20, 2**20))], DATA), "needs the bytes 96 to 4398046511200, but the file ends at")
gguf("data cut", raw([ONE], DATA[:-1]), "tensor 'w' needs the bytes 64 to 80, but the file ends at 79")
gguf("offset 2^63", raw([info("w", (4,), 0, 2**63)], DATA), "tensor 'w' needs the bytes 9223372036854775872 to")
gguf("offset odd", raw([info("w", (4,), 0, 8)], DATA * 2), "tensor 'w' does not begin at a multiple of 32")
gguf("overlap", raw([info("a", (16,)), info("b", (16,), 0, 32)], bytes(96)), "tensors 'a' and 'b' overlap")
gguf("same place", raw([info("a", (16,)), info("b", (16,))], bytes(96)), "tensors 'a' and 'b' overlap")
gguf(
    "big-endian codes",
    raw([info("w", (32,), 8, order=">")], bytes(34), order=">"),
    "is big-endian and quantised (q8_0)",
)
gguf(
    "one of a million parts",
    raw([ONE], DATA, [pair("split.count", 4, word("I", 10**6))]),
    "is one of 1000000 parts of a model, and its name does not tell those of the others",
)
add(
    "gguf parts missing",
    raw([ONE], DATA, [pair("split.count", 2, word("H", 9))]),
    "8 of 9 parts are missing (the first is x-00002-of-00009.gguf): fetch them into the same folder",
    "x-00001-of-00009.gguf",
)
add("ggml", b"lmgg" + bytes(80), "is a GGML file, which is not read", "m.bin")
add("ggjt", b"tjgg" + bytes(80), "is a GGML file, which is not read", "m.bin")

# TFLite
W = Weight("w/MatMul", np.ones((4, 4), np.float32))


def weight(**changed: object) -> bytes:
    return model([W._replace(**changed)])


def patched(at: int, value: int, code: str = "I") -> bytes:
    content = bytearray(model([W]))
    struct.pack_into("<" + code, content, at, value)
    return bytes(content)


ROOT = struct.unpack_from("<I", model([W]))[0]
VTABLE = ROOT - struct.unpack_from("<i", model([W]), ROOT)[0]
TENSOR = {0: np.array([4, 4], "<i4"), 1: ("b", 0), 2: ("I", 1), 3: "w"}
BUFFERS = [{}, {0: bytes(64)}]


def graph(tensor: tfl.Table, operators: object = (), **changed: object) -> bytes:
    return model([], _2=[{0: [tensor], 3: list(operators)}], **({"_4": BUFFERS} | changed))


def operator(number: int, inputs: list[int]) -> tfl.Table:
    return {0: ("I", number), 1: np.array(inputs, "<i4"), 2: np.array([0], "<i4")}


tflite("eight bytes", b"\x1c\0\0\0TFL3", "an offset leads to bytes 28 to 32, but the file ends at 8")
tflite("root beyond", patched(0, 2**31), "an offset leads to bytes 2147483648 to 2147483652, but the file ends at")
tflite("vtable in front", patched(ROOT, 2**31 - 1, "i"), "an offset leads to bytes -")
tflite("vtable of 3 bytes", patched(VTABLE, 3, "H"), "has a list of fields of 3 bytes")
tflite("vtable odd", patched(VTABLE, 13, "H"), "has a list of fields of 13 bytes")
tflite("field outside", patched(VTABLE + 6, 999, "H"), "lies outside it")
tflite("no model", bytes([12, 0, 0, 0, *b"TFL3", 4, 0, 4, 0, 4, 0, 0, 0]), "holds no tensors: is this the file with")
tflite("no constants", model([]), "holds no tensors: is this the file with the weights?")
tflite("shape lies", weight(shape=(9, 9)), "tensor 'w/MatMul' has 64 bytes, but its shape and type need 324")
tflite("shape negative", weight(shape=(-4, -4)), "tensor 'w/MatMul' has an impossible shape (-4, -4)")
tflite("shape overflow", weight(shape=(2**31 - 1,) * 4), "tensor 'w/MatMul' has an impossible shape (2147483647,")
tflite("shape of a million", weight(shape=(1,) * 100_000), "tensor 'w/MatMul' has an impossible shape (1, 1, ")
tflite("shape too long", lambda: weight(shape=(1,) * 1_100_000), "has a list of 1100000 numbers where sizes, places or")
tflite(
    "sparse and negative", weight(shape=(-4, -4), extra={6: {}}), "tensor 'w/MatMul' has an impossible shape (-4, -4)"
)
tflite("zero-size axis", weight(shape=(0, 4)), "tensor 'w/MatMul' has 64 bytes, but its shape and type need 0")
tflite("type 77", graph(TENSOR | {1: ("b", 77)}), "tensor 'w' has the type number 77, which is not known here")
tflite("type -1", graph(TENSOR | {1: ("b", -1)}), "tensor 'w' has the type number -1, which is not known here")
tflite("buffer 9", graph(TENSOR | {2: ("I", 9)}), "tensor 'w' is in buffer 9, and there are 2")
tflite("name of noise", graph(TENSOR | {3: b"\xff\xfe"}), "a name is not UTF-8")
tflite("name 100 kB", graph(TENSOR | {3: "n" * 100_000}), "a name is 100000 bytes long")
tflite(
    "buffer outside",
    graph(TENSOR, _4=[{}, {1: ("Q", 2**60), 2: ("Q", 64)}]),
    "a buffer lies at bytes 1152921504606846976 to 1152921504606847040, but the file ends at",
)
tflite(
    "buffer 2^64", graph(TENSOR, _4=[{}, {1: ("Q", 64), 2: ("Q", 2**64 - 1)}]), "a buffer lies at bytes 64 to 1844674"
)
tflite(
    "code 5", graph(TENSOR, [operator(5, [0])]), "an operator has a number, an input or an output that does not exist"
)
tflite(
    "input 7", graph(TENSOR, [operator(0, [7])], _1=[{}]), "an operator has a number, an input or an output that does"
)
tflite(
    "input -2", graph(TENSOR, [operator(0, [-2])], _1=[{}]), "an operator has a number, an input or an output that do"
)
tflite(
    "three scales",
    model([Weight("w", np.ones((4, 4), np.int8), quantisation=scales([1, 2, 3]))]),
    "tensor 'w' has 3 scales and 0 zero points on 4 channels",
)
tflite(
    "two zeros",
    model([Weight("w", np.ones((4, 4), np.int8), quantisation=scales([1, 2, 3, 4], [0, 0]))]),
    "tensor 'w' has 4 scales and 2 zero points on 4 channels",
)
tflite(
    "axis 9",
    model([Weight("w", np.ones((4, 4), np.int8), quantisation=scales([1, 2, 3, 4], axis=9))]),
    "tensor 'w' has 4 scales and 0 zero points on 1 channels",
)


def many(field: int) -> bytes:
    """A list of a million tables that are all the same one."""
    content = bytearray(tfl.serialise({1: [{}], 2: [{0: [], 3: []}], 4: [{}]}))
    table = struct.unpack_from("<I", content)[0]
    vtable = table - struct.unpack_from("<i", content, table)[0]
    at = table + struct.unpack_from("<H", content, vtable + 4 + 2 * field)[0]
    child = struct.unpack_from("<I", content, at)[0] + at + 4
    target = child + struct.unpack_from("<I", content, child)[0]
    content += bytes(-len(content) % 4)
    struct.pack_into("<I", content, at, len(content) - at)
    items = target - (len(content) + 4 + 4 * np.arange(1_000_000))
    return bytes(content + struct.pack("<I", 1_000_000) + items.astype(np.uint32).tobytes())


for name, field in (("codes", 1), ("graphs", 2), ("buffers", 4)):
    tflite(f"a million {name}", lambda field=field: many(field), "has a list of 1000000 tables: no network has so many")

tflite(
    "a million inputs",
    lambda: graph(TENSOR, [operator(0, [0] * 1_000_000)], _1=[{}]),
    "has operators with more than 500000 inputs: no network has so many",
)

# llama2.c
ARRAYS = llama2c_writer.random_arrays(16, 8, 1)
NEW = llama2c_writer.version_1(ARRAYS)
OLD = llama2c_writer.version_0(ARRAYS)
CODES = llama2c_writer.version_2(ARRAYS, 8)


def sizes(*numbers: int, version: int = 1, group: int = 0) -> bytes:
    return struct.pack("<4s8iBi", b"24ka", version, *numbers, 1, group).ljust(256, b"\0")


llama("header cut", NEW[:100], f"the file is shorter than its header: {OFTEN}")
llama("magic alone", NEW[:4], "the file is shorter than its header")
llama(
    "version 7", sizes(16, 8, 1, 4, 2, 50, 16, version=7), "is a llama2.c checkpoint of version 7; 0, 1 and 2 are read"
)
llama("one byte short", NEW[:-1], f"the header asks for a file of {len(NEW)} bytes, but this one has {len(NEW) - 1}")
llama("one byte more", NEW + b"x", f"the header asks for a file of {len(NEW)} bytes, but this one has {len(NEW) + 1}")
llama("header alone", NEW[:256], f"the header asks for a file of {len(NEW)} bytes, but this one has 256")
llama("no layers", sizes(16, 8, 0, 4, 2, 50, 16), "the header has impossible sizes (16, 8, 0, 4, 2, 50, 16)")
llama("negative", sizes(-16, 8, 1, 4, 2, 50, 16), "the header has impossible sizes (-16, 8,")
llama(
    "layers by the billion", sizes(16, 8, 2**31 - 1, 4, 2, 50, 16), "the header has impossible sizes (16, 8, 2147483647"
)
llama("all huge", sizes(2**30, 2**30, 9999, 4, 2, 2**30, 16), "the header asks for a file of 276678102761446188253440")
llama("five heads", sizes(16, 8, 1, 5, 1, 50, 16), "the header has 5 heads and 1 key heads on a width of 16")
llama("odd heads", sizes(12, 8, 1, 4, 2, 50, 16), "the header has 4 heads and 2 key heads on a width of 12")
llama(
    "groups of 7", sizes(16, 8, 1, 4, 2, 50, 16, version=2, group=7), "has groups of 7 weights, which do not fit the m"
)
llama("groups of 0", sizes(16, 8, 1, 4, 2, 50, 16, version=2), "the header has groups of 0 weights, which do not fit")
llama(
    "groups of -8", sizes(16, 8, 1, 4, 2, 50, 16, version=2, group=-8), "the header has groups of -8 weights, which do"
)
llama("no scales", CODES[:460] + b"\xff" * (len(CODES) - 460), "there are no scales where version 2 has them")
llama("old, one byte short", OLD[:-1], "is no weights file that is known here")
llama("old, header alone", OLD[:28], "is no weights file that is known here")


@pytest.mark.parametrize("name", TABLE)
def test_a_bad_file_ends_in_its_sentence(tmp_path: Path, name: str) -> None:
    file, make, sentence = TABLE[name]
    (tmp_path / file).write_bytes(make())
    ends_in(sentence, tmp_path / file, MEMORY, SECONDS)


WHOLE = {
    "m.gguf": raw(
        [info("a", (8, 2)), info("b", (32,), 8, 64)],
        bytes(64 + 34),
        [pair("general.architecture", 8, text("llama")), pair("x", 9, word("IQ3I", 4, 3, 1, 2, 3))],
    ),
    "m.tflite": model([W, Weight("c/Conv2D", np.ones((2, 1, 1, 2), np.int8), 3, quantisation=scales([1.0]))]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_cut_at_any_byte_is_a_sentence_or_whole_without_its_end(tmp_path: Path, name: str) -> None:
    """What a flatbuffer ends with may be names and operators that nobody follows."""
    content, failed = WHOLE[name], 0
    for end in range(len(content)):
        (tmp_path / name).write_bytes(content[:end])
        failed += not is_harmless(tmp_path / name)
    assert failed >= len(content) - (0 if name == "m.gguf" else 16)
