"""Bad Flax, Orbax, distributed PyTorch and NeMo files: each ends in its sentence, fast, in little memory."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax_writer
import msgpack
import numpy as np
import pytest
import torch
from harness import ends_in, read_all
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)

from eigentail.errors import SourceError

MEMORY = 128 << 20
SECONDS = 5.0
OFTEN = "the file is damaged or was cut short: fetch it again"
TABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {}


def add(name: str, target: str, make: Callable[[Path], object], sentence: str) -> None:
    assert name not in TABLE
    TABLE[name] = target, make, sentence


def file(name: str, content: bytes | Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content if isinstance(content, bytes) else content())


# Flax
def array(shape: Any = (2, 3), dtype: Any = "float32", data: Any = bytes(24), kind: int = 1) -> msgpack.ExtType:
    return msgpack.ExtType(kind, msgpack.packb((shape, dtype, data)))


def flax(name: str, content: Any, sentence: str) -> None:
    packed = content if isinstance(content, bytes) or callable(content) else msgpack.packb(content)
    add(f"flax {name}", "m.msgpack", file("m.msgpack", packed), sentence)


def deep(n: int) -> bytes:
    return b"\x81\xa1a" * n + b"\xc0"


GOOD = msgpack.packb({"fc": {"kernel": array()}})
flax("no arrays", {"aa": 1}, "holds no tensors: is this the file with the weights?")
flax("too short", {"fc": array(data=bytes(20))}, "array 'fc' needs 24 bytes for its shape (2, 3), but 20 are there")
flax("too long", {"fc": array(data=bytes(28))}, "array 'fc' needs 24 bytes for its shape (2, 3), but 28 are there")
flax("shape of 2^40", {"fc": array(shape=(2**40,))}, "array 'fc' needs 4398046511104 bytes for its shape")
flax("shape overflow", {"fc": array(shape=(2**62, 2**62))}, "array 'fc' has an impossible shape (4611686018427387904,")
flax("shape hidden", {"fc": array(shape=(0, 2**62, 2**62), data=b"")}, "array 'fc' has an impossible shape (0, 4611")
flax("shape negative", {"fc": array(shape=(-2, -3))}, "array 'fc' has an impossible shape (-2, -3)")
flax("shape of words", {"fc": array(shape=("a", 3))}, "array 'fc' has an impossible shape ('a', 3)")
flax("shape of a million", {"fc": array(shape=(1,) * 65536)}, "has no shape that an array can have")
flax("shape no list", {"fc": array(shape=7)}, "has no shape that an array can have")
flax("shape in shape", {"fc": array(shape=((1,), 3))}, "is not one of shape, type and bytes")
flax("type no word", {"fc": array(dtype=7)}, "is not one of shape, type and bytes")
flax("no bytes", {"fc": array(data=7)}, "is not one of shape, type and bytes")
flax("empty array", {"fc": msgpack.ExtType(1, b"\x93")}, "the file ends at byte 7, inside a value")
flax("array of two", {"fc": msgpack.ExtType(1, msgpack.packb((1, 2)))}, "is not one of shape, type and bytes")
flax("more in an array", {"fc": msgpack.ExtType(1, array().data + b"x")}, "does not fill its 39 bytes")
flax(
    "arrays in arrays",
    lambda: b"\x81\xa2fc" + b"\xc9\0\x0f\0\0\x01\x93" * 100_000 + bytes(1 << 20),
    "has no shape that an array can have",
)
flax("bytes beyond", b"\x81\xa2fc\xc7\xff\x01\x93\x91\x02", "a value ends at byte 262, but the file at 10")
flax("4 GB of bytes", b"\x81\xa2fc\xc6\xff\xff\xff\xff" + bytes(90), "a value ends at byte 4294967304, but the file at")
flax("2^32 entries", b"\x82\xa2fc\xdf\xff\xff\xff\xff" + bytes(90), "that 4294967295 values follow, more than the file")
flax(
    "2^32 in a list", b"\x82\xa2fc\xdd\xff\xff\xff\xff" + bytes(90), "that 4294967295 values follow, more than the fil"
)
flax("2^16 entries", b"\xde\xff\xff\xa2fc\xc0", "says at byte 3 that 65535 values follow, more than the file can hold")
flax("deep", deep(70), "holds dicts nested more than 64 deep")
flax("very deep", lambda: deep(1_000_000), "holds dicts nested more than 64 deep")
flax("deep lists", b"\x81\xa2fc" + b"\x91" * 100_000 + b"\xc0", "holds dicts nested more than 64 deep")
flax("deep names", b"\x82\xa2fc\xc0" + b"\x81" * 100_000, "holds dicts nested more than 64 deep")
flax(
    "a million values",
    lambda: b"\x81\xa2fc\xdd\x00\x0f\x42\x40" + bytes(1_000_000),
    "holds more than 400,000 values, which no checkpoint does",
)
flax("name of a dict", b"\x82\xa2fc\xc0\x80\xc0", "has a name that is no word")
flax("name of bytes", b"\x82\xa2fc\xc0\xc4\x01a\xc0", "has a name that is no word")
flax("name of noise", b"\x82\xa2fc\xc0\xa2\xff\xfe\xc0", "a name before byte 8 is not UTF-8")
flax("name twice", b"\x82\xa2fc\xc0\xa2fc\xc0", "has two values called 'fc'")
flax("never used", b"\x81\xa2fc\xc1", "is 0xc1, with which nothing in MessagePack begins")
flax("goes on", GOOD + b"x", f"goes on for 1 bytes after its tree: {OFTEN}")
flax("piece missing", {"fc": {"__msgpack_chunked_array__": True, "shape": {"0": 6}}}, "array 'fc' is in pieces that do")
flax(
    "pieces of two types",
    {
        "fc": {
            "__msgpack_chunked_array__": True,
            "shape": {"0": 4},
            "chunks": {"0": array((2,), "float32", bytes(8)), "1": array((4,), "float16", bytes(8))},
        }
    },
    "array 'fc' is in pieces that do not make one",
)
flax(
    "pieces too few",
    {"fc": {"__msgpack_chunked_array__": True, "shape": {"0": 9}, "chunks": {"0": array((2,), "float32", bytes(8))}}},
    "array 'fc' needs 36 bytes for its shape (9,), but 8 are there",
)
flax("array and group", {"a": {"kernel": array()}, "a/kernel": {"b": array()}}, "'kernel' is both an array and a group")


# Orbax
def orbax(name: str, sentence: str, make: Callable[[Path], object]) -> None:
    def folder(place: Path) -> None:
        tree = {"fc": {"kernel": np.ones((8, 4), np.float32)}}
        jax_writer.orbax(place / "m", tree, ocdbt=False)
        make(place / "m")

    add(f"orbax {name}", "m", folder, sentence)


def header(**changed: object) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        path = folder / "fc.kernel" / ".zarray"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return make


def listed(*paths: tuple[Any, ...]) -> Callable[[Path], object]:
    return lambda folder: (folder / "_METADATA").write_text(jax_writer.metadata(list(paths)))


def text(content: str | bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "_METADATA").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


LIST = "is not the list of arrays that Orbax writes"
orbax("list cut", LIST, lambda folder: text((folder / "_METADATA").read_bytes()[:50])(folder))
orbax("list of noise", LIST, text(b"{\xff\xfe"))
orbax("list without tree", LIST, text("{}"))
orbax("list of lists", LIST, text('{"tree_metadata": []}'))
orbax("list deep", LIST, text('{"tree_metadata": ' * 100_000))
orbax("list empty", "holds no tensors", text('{"tree_metadata": {}}'))
orbax("keys of floats", LIST, text('{"tree_metadata": {"w": {"key_metadata": [{"key": 1.5}]}}}'))
orbax("no keys", "names the array '', which cannot lie in the folder", listed(()))
orbax("way out", "names the array '../../etc/passwd', which cannot lie in the folder", listed(("../../etc/passwd",)))
orbax("way out in two", "names the array './/x', which cannot lie in the folder", listed(("", "//x")))
orbax("absolute", "names the array '/etc/passwd', which cannot lie in the folder", listed(("/etc/passwd",)))
orbax("end of text", "which cannot lie in the folder", listed(("a\0b",)))
orbax("not there", "array 'fc.bias' is in the list, but not in the folder", listed(("fc", "kernel"), ("fc", "bias")))
orbax("list too long", "is longer than 64 MiB", lambda folder: _sparse(folder / "_METADATA", b"{", 65 << 20))
HEADER = "array 'fc.kernel' has a header that is not zarr's"
SHAPE = "array 'fc.kernel' has an impossible shape"
orbax("header cut", HEADER, lambda folder: (folder / "fc.kernel" / ".zarray").write_text('{"shape"'))
orbax("header a list", HEADER, lambda folder: (folder / "fc.kernel" / ".zarray").write_text("[]"))
orbax("type of nothing", HEADER, header(dtype="<q9"))
orbax("type of fields", HEADER, header(dtype={"a": 1}))
orbax("type of objects", SHAPE, header(dtype="|O"))
orbax("shape negative", SHAPE, header(shape=[-8, 4]))
orbax("shape of words", SHAPE, header(shape="84"))
orbax("shape overflow", SHAPE, header(shape=[2**62, 2**62]))
orbax("chunks of 0", SHAPE, header(chunks=[0, 4]))
orbax("chunks of one axis", SHAPE, header(chunks=[8]))
orbax("chunks of 2^60", "has chunks that are larger than itself", header(chunks=[2**20, 2**40]))
orbax("a million chunks", "is cut into more than 1,048,576 chunks", header(shape=[2**40, 4], chunks=[1, 1]))
orbax("far too large", "would unpack to 17,592,186,044,416", header(shape=[2**40, 4], chunks=[2**30, 4]))
orbax(
    "another driver",
    "array 'fc.kernel' cannot be read",
    header(compressor={"id": "http", "url": "http://127.0.0.1:9/"}),
)
orbax("chunk cut", "array 'fc.kernel' cannot be read", lambda folder: (folder / "fc.kernel" / "0.0").write_bytes(b"x"))
orbax("manifest empty", "the list of its arrays cannot be read", lambda folder: (folder / "manifest.ocdbt").touch())
orbax(
    "manifest of noise",
    "the list of its arrays cannot be read",
    lambda folder: (folder / "manifest.ocdbt").write_bytes(b"\x0c\xdb\x3a\x2a" + b"\xff" * 200),
)
add(
    "orbax without list",
    "m",
    lambda place: ((place / "m").mkdir(), (place / "m" / "manifest.ocdbt").touch()),
    "is an OCDBT database without the list _METADATA of its arrays: save it again",
)


def _sparse(path: Path, begin: bytes, size: int) -> None:
    with path.open("wb") as opened_file:
        opened_file.write(begin)
        opened_file.truncate(size)


# Distributed PyTorch
def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


CHUNK = saved(torch.ones(8, 4))


def metadata(size: Any = (8, 4), chunks: Any = None, kind: Any = torch.float32, **info: Any) -> Metadata:
    chunks = [((0, 0), (8, 4))] if chunks is None else chunks
    place = {"relative_path": "__0_0.distcp", "offset": 0, "length": len(CHUNK)} | info
    spec = TensorStorageMetadata(
        TensorProperties(kind), torch.Size(size), [ChunkStorageMetadata(*map(torch.Size, chunk)) for chunk in chunks]
    )
    places = {MetadataIndex("w", chunk[0]): _StorageInfo(**place) for chunk in chunks}
    return Metadata({"w": spec, "step": BytesStorageMetadata()}, None, places)


def dcp(name: str, listed: object, sentence: str, content: bytes | None = CHUNK) -> None:
    def folder(place: Path) -> None:
        (place / "m").mkdir()
        (place / "m" / ".metadata").write_bytes(listed if isinstance(listed, bytes) else pickle.dumps(listed))
        (place / "m" / "more.distcp").touch()
        if content is not None:
            (place / "m" / "__0_0.distcp").write_bytes(content)

    add(f"dcp {name}", "m", folder, sentence)


class Call:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


MAKE_UP = "of tensor 'w' do not make up its shape (8, 4)"
NOWHERE = "tensor 'w' has a chunk that is nowhere"
dcp("calls", Call(exec, "raise SystemExit"), "the pickle asks for builtins.exec, which is not on the list of harmless")
dcp("calls inside", Metadata({}, Call(print, "x"), {}), "the pickle asks for builtins.print, which is not on")
dcp(
    "state that calls", Call(Metadata, Call(print, "x")), "the pickle asks for builtins.print, which is not on the list"
)
dcp("list cut", pickle.dumps(metadata())[:100], "the pickle inside is damaged")
dcp("no list", {"epoch": 3}, "is not the list of a distributed checkpoint")
dcp("empty list", Metadata({}, None, {}), "holds no tensors")
dcp("no places", Metadata({"w": metadata().state_dict_metadata["w"]}, None, {}), NOWHERE)
dcp("file missing", metadata(), "no such file or directory", None)
dcp("file cut", metadata(), f"chunks take {len(CHUNK):,} bytes of __0_0.distcp, which has 90", CHUNK[:90])
dcp("way out", metadata(relative_path="../x"), NOWHERE)
dcp("absolute", metadata(relative_path="/etc/passwd"), NOWHERE)
dcp("path of bytes", metadata(relative_path=b"x"), NOWHERE)
dcp("offset negative", metadata(offset=-1), NOWHERE)
dcp("offset 2^63", metadata(offset=2**63), NOWHERE)
dcp("offset true", metadata(offset=True), NOWHERE)
dcp("packed", metadata(transform_descriptors=["zstd"]), NOWHERE)
dcp("offset wrong", metadata(offset=64, length=1000), "the pickle inside is damaged", CHUNK)
dcp("length 0", metadata(length=0), "tensor 'w' has a chunk larger than its bytes")
dcp("length 2^60", metadata(length=2**60), "bytes of __0_0.distcp, which has", CHUNK)
dcp("shape too large", metadata(size=(9, 4)), "the 1 chunks of tensor 'w' do not make up its shape (9, 4)")
dcp("shape 2^40", metadata(size=(2**40, 4)), "do not make up its shape (1099511627776, 4)")
dcp("all 2^40", metadata((2**40, 4), [((0, 0), (2**40, 4))]), "tensor 'w' has a chunk larger than its bytes")
dcp("shape overflow", metadata((2**40, 2**40), [((0, 0), (2**40, 2**40))]), "is described in an unknown way")
dcp("no chunks", metadata(chunks=[]), f"the 0 chunks {MAKE_UP}")
dcp("chunk twice", metadata((16, 4), [((0, 0), (8, 4))] * 2), "do not make up its shape (16, 4)", CHUNK * 2)
dcp("overlap", metadata((12, 4), [((0, 0), (8, 4)), ((4, 0), (4, 4))]), "do not make up its shape (12, 4)", CHUNK * 2)
dcp("chunk outside", metadata(chunks=[((4, 0), (8, 4))]), f"the 1 chunks {MAKE_UP}")
dcp("chunk of one axis", metadata(chunks=[((0,), (32,))]), f"the 1 chunks {MAKE_UP}")
dcp(
    "one place for all",
    metadata((800, 4), [((8 * at, 0), (8, 4)) for at in range(100)]),
    "bytes of __0_0.distcp, which",
)
dcp("another type", metadata(kind=torch.int32), "tensor 'w': __0_0.distcp holds another chunk than the list says")
dcp("type of nothing", metadata(kind=None), "tensor 'w' is described in an unknown way")
dcp("another shape", metadata((4, 8), [((0, 0), (4, 8))]), "holds another chunk than the list says")
OTHER = saved({"a": torch.ones(8, 4), "b": torch.ones(1)})
dcp("two tensors", metadata(length=len(OTHER)), "holds another chunk than the list says", OTHER)
dcp("chunk of noise", metadata(), "pickle", b"\x80" * len(CHUNK))
EVIL = saved({"w": torch.ones(8, 4)}).replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_vX")
dcp("chunk that calls", metadata(length=len(EVIL)), "asks for torch._utils._rebuild_tensor_vX", EVIL)
add(
    "dcp without list",
    "m",
    lambda place: ((place / "m").mkdir(), (place / "m" / "__0_0.distcp").touch()),
    "is a distributed PyTorch checkpoint without its list .metadata: was it copied without hidden files?",
)


def nested_records() -> bytes:
    """A list whose records refer to themselves: `Metadata` as the value of its own fields."""
    cls = b"c" + b"torch.distributed.checkpoint.metadata\nMetadata\n"
    return b"\x80\x02" + cls + b")\x81q\x00}(X\x13\0\0\0state_dict_metadatah\x00X\x0c\0\0\0storage_datah\x00ub."


dcp("a list in itself", nested_records(), "is not the list of a distributed checkpoint")


# NeMo
def tar(members: dict[str, bytes], mode: Any = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def nemo(name: str, content: bytes | Callable[[], bytes], sentence: str) -> None:
    add(f"nemo {name}", "m.nemo", file("m.nemo", content), sentence)


def patched(at: int, field: bytes, *, whole: bool = True) -> bytes:
    content = bytearray(tar({"model_weights.ckpt": CHUNK}))
    content[at : at + len(field)] = field
    if whole:
        total = sum(content[:148]) + sum(content[156:512]) + 8 * 32
        content[148:156] = b"%06o\0 " % total
    return bytes(content)


WEIGHTS = {"model_weights.ckpt": CHUNK}
CUT = "the archive is damaged or was cut short: fetch it again"
nemo(
    "no weights", tar({"model_config.yaml": b"a: 1"}), "is a NeMo archive without model_weights.ckpt and without a dis"
)
nemo("cut", tar(WEIGHTS)[:1000], f"the member at byte 0 ends beyond the archive: {CUT}")
nemo("sum wrong", patched(0, b"N", whole=False), f"has no tar header at byte 0: {CUT}")
nemo("size 2^33", patched(124, b"77777777777\0"), "the member at byte 0 ends beyond the archive")
nemo("size 2^80", patched(124, b"\x80" + b"\xff" * 11), "the member at byte 0 ends beyond the archive")
nemo("size of words", patched(124, b"eigentail\0"), "the member at byte 0 ends beyond the archive")
nemo("weights of noise", tar({"model_weights.ckpt": b"\x80\x02" + bytes(90)}), "the pickle inside is damaged")
nemo("weights that call", tar({"model_weights.ckpt": EVIL}), "asks for torch._utils._rebuild_tensor_vX")
nemo("link", lambda: _linked(), "is a NeMo archive without model_weights.ckpt")
nemo("long record", lambda: _record(b"x", bytes(70_000)), "has a record of 70,000 bytes in front of a member")
nemo("odd record", lambda: _record(b"x", b"9999 path=x\n"), "has a record that is not one of pax")
nemo("record of 2^60", lambda: _record(b"x", b"33 size=123456789012345678901234\n"), "ends beyond the archive")
nemo("gzip bomb", lambda: gzip.compress(bytes(300 << 20), 1), "is packed with gzip and holds more than 192 MiB, of whi")
nemo("gzip cut", gzip.compress(tar(WEIGHTS))[:-200], "is packed with gzip and ends early")
nemo("gzip of noise", b"\x1f\x8b" + b"\xff" * 90, "is packed with gzip and damaged")
nemo("gzip of text", gzip.compress(b"eigentail" * 200), "has no tar header at byte 0")
nemo("no archive", b"eigentail" * 90, "is a text file, not weights")
nemo(
    "file not in it",
    lambda: tar({"model_weights/.metadata": pickle.dumps(metadata())}),
    "the archive does not hold '__0_0.distcp', which its list names",
)
nemo(
    "way out",
    lambda: tar({"a/.metadata": pickle.dumps(metadata(relative_path="../b")), "b": CHUNK}),
    "tensor 'w' has a chunk that is nowhere",
)


def _linked() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("model_weights.ckpt")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


def _record(kind: bytes, body: bytes) -> bytes:
    content = bytearray(tar({"record": body}))
    content[156:157] = kind
    content[148:156] = b"%06o\0 " % (sum(content[:148]) + sum(content[156:512]) + 8 * 32)
    return bytes(content[: 512 + -(-len(body) // 512) * 512]) + tar(WEIGHTS)


@pytest.mark.parametrize("name", TABLE)
def test_a_bad_file_ends_in_its_sentence(tmp_path: Path, name: str) -> None:
    target, make, sentence = TABLE[name]
    make(tmp_path)
    ends_in(sentence, tmp_path / target, 300 << 20 if "bomb" in name else MEMORY, SECONDS, read_all)


def test_a_flax_file_cut_anywhere_is_a_sentence(tmp_path: Path) -> None:
    for end in range(1, len(GOOD)):
        (tmp_path / "m.msgpack").write_bytes(GOOD[:end])
        with pytest.raises(SourceError):
            read_all(tmp_path / "m.msgpack")


def test_numbers_of_every_width_are_stepped_over(tmp_path: Path) -> None:
    odd = [0, -1, 200, -200, 2**31, -(2**31), 2**63, -(2**63), 0.5, True, None, "x" * 300, b"y" * 70_000, {"a": 1}]
    (tmp_path / "m.msgpack").write_bytes(msgpack.packb({"odd": odd, "fc": array(), "c": msgpack.ExtType(2, b"zz")}))
    read_all(tmp_path / "m.msgpack")


def test_a_link_out_of_the_folder_is_followed_by_nobody_but_the_system(tmp_path: Path) -> None:
    """The cache of the Hub is made of links, so links are read; a name with a way out is not."""
    dcp_folder = tmp_path / "m"
    TABLE["dcp way out"][1](tmp_path)
    (tmp_path / "x").write_bytes(CHUNK)
    with pytest.raises(SourceError, match="nowhere"):
        read_all(dcp_folder)
