"""The table of bad files: each ends in its sentence, fast, in little memory, and with no other kind of error."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from harness import ends_in, is_harmless
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.sources import open_source

MEMORY = 8 << 20
SECONDS = 2.0

Make = Callable[[Path], Path]
TABLE: dict[str, tuple[Make, str]] = {}


def case(sentence: str) -> Callable[[Make], Make]:
    """Put a maker of a bad file into the table, with the sentence it must end in."""

    def put(make: Make) -> Make:
        TABLE[make.__name__.strip("_")] = make, sentence
        return make

    return put


def add(name: str, content: bytes, sentence: str, file: str = "model.safetensors") -> None:
    def make(folder: Path) -> Path:
        (folder / file).write_bytes(content)
        return folder / file

    TABLE[name] = make, sentence


def raw(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(shape: object, begin: object, end: object, dtype: object = "U8") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def npy(header: bytes, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def described(shape: str, descr: str = "'<f4'", data: bytes = b"") -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode(), data)


def npz(content: bytes, name: str = "w.npy", packed: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        archive.writestr(name, content)
    return file.getvalue()


# What is no weights file at all.
add("empty", b"", "is an empty file: was the download or the copy finished?")
add("text", b"hello, world\n", "model.safetensors: is a text file, not weights: what can be read: ")
add("web page", b"\n<!DOCTYPE html><html>", "is a web page: was the download behind a login?")
add("lfs", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the weights themselves: run git")
add("json", b'{"model_type": "gpt2"}', "is a JSON file, not weights: give the folder it lies in", "config.json")
add("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(80), "begins like an HDF5 file but is not a whole one (", "m.h5")
add("onnx", b"\x08\x08\x12\x07pytorch" + bytes(80), "has at byte 11 what is no field of a message", "m.onnx")
add("gzip", b"\x1f\x8b\x08\0" + bytes(80), "is a gzip archive: unpack it and give the weights file inside", "m.gz")
add("pdf", b"%PDF-1.7\n\xff\xfe", "is a PDF document: what can be read", "m.pdf")
add(
    "pickle",
    b"\x80\x04\x95" + bytes(80),
    "is a plain pickle, not a PyTorch checkpoint: pickles are not loaded",
    "m.pkl",
)
add("noise", b"\x01\xfe\x9a\xff" * 20, "is no weights file that is known here (it begins with 01 fe 9a ff 01", "m.bin")
add("zip", npz(b"x", "readme.txt"), "is a zip archive without tensors in it: unpack it", "m.pt")
add("nul in text", b"ab\0cd" * 10, "is no weights file that is known here (it begins with 61 62 00", "m")

# safetensors: every rule of the format, broken.
OFTEN = "the file is damaged or was cut short: fetch it again"
add("three bytes", b"\x10\0\0", f"the file is 3 bytes long, shorter than the length of its header: {OFTEN}")
add("length 2^63", (2**63).to_bytes(8, "little") + b"{}", "the header says it is 9223372036854775808 bytes long; the f")
add(
    "length beyond the file",
    (999).to_bytes(8, "little") + b"{}",
    "the header says it is 999 bytes long, but the file e",
)
add("header of noise", raw(b"\xff\xfe\xfd\xfc"), "the header is not JSON ('utf-8' codec")
add("header cut", raw(b'{"w": {'), "the header is not JSON (Expecting property name")
add("header array", raw([1, 2]), "the header is JSON, but not a table of tensors")
add("header of bricks", raw(b'{"a":' * 10**5), "the header is nested too deeply")
add("brackets", raw(b"[" * 10**5), "the header is nested too deeply")
add("huge number", raw(b'{"w":' + b"9" * 5000 + b"}"), "the header is not JSON (Exceeds the limit")
add("twice", raw(b'{"w":{},"w":{}}'), "the header names 'w' twice")
add("twice inside", raw(b'{"w":{"dtype":"U8","dtype":"U8"}}'), "the header names 'dtype' twice")
add("entry no table", raw({"w": 7}), "the header's entry for tensor 'w' is not a table")
add("unknown type", raw({"w": entry([1], 0, 1, "F7")}, b"x"), "tensor 'w' has the type 'F7', which is not known here")
add("type no word", raw({"w": entry([1], 0, 1, ["U8"])}, b"x"), "tensor 'w' has the type ['U8']")
add("negative", raw({"w": entry([-1], 0, 1)}, b"x"), "tensor 'w' has an impossible shape ([-1])")
add("product overflow", raw({"w": entry([2**62 - 1] * 3, 0, 1)}, b"x"), "tensor 'w' has an impossible shape ([46116")
add("hidden overflow", raw({"w": entry([0, 2**61, 2**61], 0, 0)}), "tensor 'w' has an impossible shape ([0, ")
add("float shape", raw({"w": entry([1.0], 0, 1)}, b"x"), "tensor 'w' has an impossible shape ([1.0])")
add("true shape", raw({"w": entry([True], 0, 1)}, b"x"), "tensor 'w' has an impossible shape ([True])")
add("too many axes", raw({"w": entry([1] * 65, 0, 1)}, b"x"), "tensor 'w' has an impossible shape")
add("no shape", raw({"w": {"dtype": "U8", "data_offsets": [0, 1]}}, b"x"), "tensor 'w' has an impossible shape (None)")
add("no offsets", raw({"w": {"dtype": "U8", "shape": [1]}}, b"x"), "tensor 'w' does not say where it begins and ends")
add("negative offset", raw({"w": entry([1], -1, 0)}, b"x"), "tensor 'w' does not say where it begins and ends")
add("backwards", raw({"w": entry([1], 1, 0)}, b"x"), "tensor 'w' ends before it begins (1 to 0)")
add("wrong size", raw({"w": entry([2], 0, 1)}, b"x"), "tensor 'w' has 1 bytes, but its shape and type need 2")
add("half a byte", raw({"w": entry([3], 0, 1, "F4")}, b"x"), "tensor 'w' has an impossible shape ([3])")
add("overlap", raw({"a": entry([2], 0, 2), "b": entry([2], 1, 3)}, b"xyz"), "tensors 'a' and 'b' overlap")
add("gap", raw({"a": entry([1], 0, 1), "b": entry([1], 2, 3)}, b"xyz"), "there is a gap between tensors 'a' and 'b'")
add("gap in front", raw({"a": entry([1], 1, 2)}, b"xy"), "there is a gap before tensor 'a'")
add("data cut", raw({"w": entry([9], 0, 9)}, b"xyz"), "the tensors need 9 bytes, but the file holds 3 after its header")
add("data left over", raw({"w": entry([1], 0, 1)}, b"xyz"), "2 bytes at the end belong to no tensor")
add("no tensors", raw({}), "holds no tensors: is this the file with the weights?")
add("half a letter", raw(b'{"\\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"), "is not valid Unicode")
add("offset 2^70", raw({"w": entry([1], 2**70, 2**70 + 1)}, b"x"), "there is a gap before tensor 'w'")

# numpy
add("npy cut", b"\x93NUMPY\x01\x00", "array 'w' has a header that is not numpy's (it does not begin as one)", "w.npy")
add(
    "npy version",
    b"\x93NUMPY\x09\x00" + bytes(20),
    "array 'w' has a header that is not numpy's (its version is 9)",
    "w.npy",
)
add("npy length", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", "(it says it is 4294967295 bytes long)", "w.npy")
add(
    "npy shape lies",
    described("(1000, 1000)"),
    "array 'w' needs 4000000 bytes for its shape (1000, 1000), but 0",
    "w.npy",
)
add(
    "npy too short a shape",
    described("(1,)", data=bytes(8)),
    "array 'w' needs 4 bytes for its shape (1,), but 8",
    "w.npy",
)
add("npy negative", described("(-1,)"), "array 'w' has an impossible shape ((-1,))", "w.npy")
add("npy huge", described("(0, 1000000000000000000000)"), "array 'w' has an impossible shape", "w.npy")
add(
    "npy code",
    npy(b"__import__('os').system('true')"),
    "array 'w' has a header that is not numpy's (malformed",
    "w.npy",
)
add("npy bricks", npy(b"(" * 60000), "array 'w' has a header that is not numpy's (", "w.npy")
add("npy no table", npy(b"[1, 2]\n\n\n"), "that is not numpy's (it does not tell type, order and shape)", "w.npy")
add("npy odd order", npy(b"{'descr': '<f4', 'fortran_order': 1, 'shape': ()}"), "its order or shape is of the", "w.npy")
add("npz cut", npz(described("()", data=bytes(4)))[:-30], "begins like a zip archive but is not a whole one", "m.npz")
add("npz no array", npz(b"hello"), "m.npz: array 'w' has a header that is not numpy's (it does not begin", "m.npz")


def directory_of(nbytes: int, large: bool) -> bytes:
    """A small archive whose last record says that its directory takes so many bytes."""
    content = bytearray(npz(described("()", data=bytes(4))))
    end = content.rfind(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<I", 0xFFFFFFFF if large else nbytes)
    record = b"PK\x06\x06" + bytes(36) + struct.pack("<Q", nbytes) + bytes(8)
    return bytes(content[:end]) + (record if large else b"") + bytes(content[end:])


add("npz directory", directory_of(2 << 30, False), "the archive's directory takes 2,147,483,648 bytes", "m.npz")
add(
    "npz directory behind a comment",
    directory_of(2 << 30, False)[:-2] + b"\x09\x00eigentail",
    "the archive's directory takes 2,147,483,648 bytes",
    "m.npz",
)
add("npz large directory", directory_of(2 << 40, True), "the archive's directory takes 2,199,023,255,552", "m.npz")


@case("the member 'w.npy' would unpack")
def _npz_bomb(folder: Path) -> Path:
    content = described("(20000000,)", data=bytes(80_000_000))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("w.npy", content)
    (folder / "m.npz").write_bytes(file.getvalue())
    return folder / "m.npz"


@case("the member 'w.npy' is packed in an unusual way")
def _npz_bzip2(folder: Path) -> Path:
    (folder / "m.npz").write_bytes(npz(described("()", data=bytes(4)), packed=zipfile.ZIP_BZIP2))
    return folder / "m.npz"


@case("array 'w' needs 400000000 bytes for its shape (100000000,), but 4 are there")
def _npz_lying_shape(folder: Path) -> Path:
    (folder / "m.npz").write_bytes(npz(described("(100000000,)", data=bytes(4)), packed=zipfile.ZIP_DEFLATED))
    return folder / "m.npz"


@case("the member 'w.npy' is encrypted")
def _npz_encrypted(folder: Path) -> Path:
    content = bytearray(npz(described("()", data=bytes(4))))
    listed = content.index(b"PK\x01\x02")
    content[listed + 8] |= 1
    (folder / "m.npz").write_bytes(content)
    return folder / "m.npz"


@case("the member 'w.npy' ends beyond the file")
def _npz_long_member(folder: Path) -> Path:
    content = bytearray(npz(described("()", data=bytes(4))))
    listed = content.index(b"PK\x01\x02")
    struct.pack_into("<II", content, listed + 20, 10**9, 10**9)
    (folder / "m.npz").write_bytes(content)
    return folder / "m.npz"


@case("the archive holds 'w' twice")
def _npz_twice(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "m.npz", "w") as archive:
        archive.writestr("w.npy", described("()", data=bytes(4)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("w.npy", described("()", data=bytes(4)))
    return folder / "m.npz"


@case("no such file or folder: did you mean model.safetensors?")
def _missing(folder: Path) -> Path:
    (folder / "model.safetensors").touch()
    return folder / "modle.safetensors"


@case("does not exist either")
def _missing_folder(folder: Path) -> Path:
    return folder / "no" / "such.pt"


@case("file name too long")
def _long_name(folder: Path) -> Path:
    return folder / ("a" * 5000)


@case("is neither a file nor a folder")
def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "model.pt")
    return folder / "model.pt"


@case("holds no weights: looked for an index, shards or one file ending in .safetensors, .bin")
def _folder_without_weights(folder: Path) -> Path:
    (folder / "README.md").write_text("hello")
    return folder


@case("saved_model.pb: is an empty file: was the download or the copy finished?")
def _saved_model(folder: Path) -> Path:
    (folder / "saved_model.pb").touch()
    return folder


@case("is a DeepSpeed ZeRO checkpoint, which is not read: convert it")
def _zero(folder: Path) -> Path:
    (folder / "zero_to_fp32.py").touch()
    return folder


@case("holds no weights")
def _folder_named_as_a_file(folder: Path) -> Path:
    (folder / "model.safetensors").mkdir()
    return folder / "model.safetensors"


@case("a.safetensors: is an empty file")
def _folder_with_an_empty_file(folder: Path) -> Path:
    (folder / "a.safetensors").touch()
    return folder


def index(folder: Path, content: str) -> Path:
    (folder / "model.safetensors.index.json").write_text(content)
    return folder


@case("2 of 2 shards are missing (a.safetensors, b.safetensors): fetch them into the same folder")
def _missing_shards(folder: Path) -> Path:
    return index(folder, json.dumps({"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}))


@case("names the shard '../../etc/passwd', which is not in its folder")
def _upwards(folder: Path) -> Path:
    return index(folder, json.dumps({"weight_map": {"a": "../../etc/passwd"}}))


@case("names the shard '/etc/passwd', which is not in its folder")
def _absolute(folder: Path) -> Path:
    return index(folder, json.dumps({"weight_map": {"a": "/etc/passwd"}}))


@case("names the shard 'model.safetensors.index.json', which is not in its folder")
def _itself(folder: Path) -> Path:
    return index(folder, json.dumps({"weight_map": {"a": "model.safetensors.index.json"}}))


@case("names the shard '', which is not in its folder")
def _nameless(folder: Path) -> Path:
    return index(folder, json.dumps({"weight_map": {"a": ""}}))


@case("is not JSON (Expecting")
def _index_cut(folder: Path) -> Path:
    return index(folder, '{"weight_map": {"a":')


@case("is not JSON (maximum recursion depth")
def _index_bricks(folder: Path) -> Path:
    return index(folder, '{"a":' * 10**5)


@case("has no weight_map from tensors to files")
def _index_empty(folder: Path) -> Path:
    return index(folder, '{"weight_map": {}}')


@case("1 of 3 shards are missing (the first is number 2)")
def _hole(folder: Path) -> Path:
    for at in (1, 3):
        (folder / f"model-0000{at}-of-00003.safetensors").write_bytes(raw({f"w{at}": entry([1], 0, 1)}, b"x"))
    return folder


@case("is not a JSON object")
def _broken_config(folder: Path) -> Path:
    (folder / "model.safetensors").write_bytes(raw({"w": entry([1], 0, 1)}, b"x"))
    (folder / "config.json").write_text("[")
    return folder


@pytest.mark.parametrize("name", TABLE)
def test_a_bad_file_ends_in_its_sentence(tmp_path: Path, name: str) -> None:
    make, sentence = TABLE[name]
    target = make(tmp_path)
    ends_in(sentence, target, MEMORY, SECONDS)


def test_a_member_that_unpacks_to_less_than_it_says_ends_in_a_sentence(tmp_path: Path) -> None:
    content = bytearray(npz(described("(4096,)", data=np.random.default_rng(0).bytes(16384)), packed=8))
    content[200] ^= 0xFF
    (tmp_path / "m.npz").write_bytes(content)
    with closing(open_source(tmp_path / "m.npz")) as source, pytest.raises(SourceError, match="cannot be unpacked"):
        source.read(source.tensors()[0])


GOOD = {
    "a.safetensors": raw({"a": entry([2, 2], 0, 4), "b": entry([2], 4, 8, "F16")}, bytes(range(8))),
    "a.npz": npz(described("(2, 2)", data=bytes(range(16)))),
    "packed.npz": npz(described("(2, 2)", data=bytes(range(16))), packed=zipfile.ZIP_DEFLATED),
    "a.npy": described("(2, 2)", data=bytes(range(16))),
}


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_either_harmless_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    content = bytearray(GOOD[name])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / name
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    is_harmless(path)
