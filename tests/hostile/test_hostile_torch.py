"""A table: a torch file made to harm or broken by accident -> the sentence the user reads."""

from __future__ import annotations

import gc
import io
import os
import pickle
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import read_all, within
from torch import nn

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources import open_source
from eigentail.sources.formats import torch_legacy, torch_zip

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
HEAD = MAGIC + pickle.dumps(1001, 2)


EXECUTED: list[str] = []


def harm() -> None:
    EXECUTED.append("harm")


class Call:
    """Pickles to a call of whatever it is given."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


def packed(pickled: bytes, **members: bytes) -> bytes:
    """A zip archive as torch lays one out; `data_0` stands for data/0."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("net/data.pkl", pickled)
        for name, data in members.items():
            archive.writestr(f"net/{name.replace('_', '/', 1)}", data)
    return file.getvalue()


def deflated() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", tensor_pickle(), zipfile.ZIP_STORED)
        archive.writestr("net/data/0", bytes(1 << 24))
    return file.getvalue()


def deflated_pickle() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", bytes(1 << 24))
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tensor_pickle(
    *, numel: object = 6, offset: object = 0, shape: object = (2, 3), stride: object = (3, 1), key: object = "0"
) -> bytes:
    """The pickle of {"w": one float32 tensor}, with any description of it."""
    body = b"\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\n"
    parts = [plain(key), b"U\x03cpu", plain(numel), b"tQ", plain(offset), plain(shape), plain(stride)]
    return body + b"".join(parts) + b"\x89}tRs."


def plain(value: object) -> bytes:
    """The opcodes that push a value, without the frame around them."""
    return pickle.dumps(value, 2)[2:-1].replace(b"q\x00", b"").replace(b"q\x01", b"")


def legacy(pickled: bytes, keys: object = ("0",), system: object = SYSTEM, rest: bytes = b"") -> bytes:
    return HEAD + pickle.dumps(system, 2) + pickled + pickle.dumps(list(keys), 2) + rest  # type: ignore[call-overload]


def saved(obj: object, *, new: bool) -> bytes:
    file = io.BytesIO()
    torch.save(obj, file, _use_new_zipfile_serialization=new)
    return file.getvalue()


def old_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            archive.addfile(tarfile.TarInfo(name))
    return file.getvalue()


def nested(depth: int, opener: bytes, closer: bytes) -> bytes:
    return b"\x80\x02" + opener * depth + closer * (depth - 1) + b"."


def laughs(levels: int) -> bytes:
    """Each list holds the one before twice: 2^levels paths in a few bytes."""
    body = b"\x80\x02]q\x00"
    for level in range(levels):
        body += b"](h" + bytes([level]) + b"h" + bytes([level]) + b"eq" + bytes([level + 1])
    return body + b"."


def hash_bomb() -> bytes:
    """A dict whose key is a tuple of tuples of tuples: hashing it recurses in C until the stack is gone."""
    return b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"Ns."


EVIL = {
    "os.system": Call(os.system, "exit 1"),
    "eval": Call(eval, "1/0"),
    "exec in a list": [Call(exec, "raise SystemExit")],
    "getattr": Call(getattr, "", "join"),
    "a bound method by name": Call(print, "printed"),
    "numpy.load": Call(__import__("numpy").load, "x"),
    "torch.load": {"w": Call(torch.load, "x")},
    "a function of the host": Call(harm),
    "a thread": Call(__import__("threading").Thread),
}

ASKS = r"the pickle asks for .*, which is not on the list of harmless things: nothing was executed: save the state dict"
DAMAGED = "the pickle inside is damaged"

CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    **{f"zip: {name}": (lambda evil=evil: packed(pickle.dumps(evil)), ASKS) for name, evil in EVIL.items()},
    **{f"legacy: {name}": (lambda evil=evil: legacy(pickle.dumps(evil, 2)), ASKS) for name, evil in EVIL.items()},
    "os.system, named": (lambda: packed(pickle.dumps(Call(os.system, "x"))), r"asks for (posix|nt)\.system, which"),
    "protocol 0": (lambda: packed(b"cos\nsystem\n(S'x'\ntR."), r"asks for os\.system"),
    "INST": (lambda: packed(b"(S'x'\nios\nsystem\n."), r"asks for os\.system"),
    "OBJ": (lambda: packed(b"(cos\nsystem\nS'x'\no."), r"asks for os\.system"),
    "a name that repaints the terminal": (lambda: packed(b"cos\x1b[2J\nx\n."), r"asks for os\\x1b\[2J\.x, which"),
    "an extension code": (lambda: packed(b"\x80\x02\x82\x01."), r"asks for extension 1, which is not on the list"),
    "a call of a tensor": (
        lambda: packed(tensor_pickle()[:-1] + b"U\x01xU\x01y\x86R."),
        "something is called that is no function",
    ),
    "a call of a call's answer": (lambda: packed(b"\x80\x02ctorch\ndevice\n)R)R."), "called that is no function"),
    "a class from a call": (lambda: packed(b"\x80\x02ctorch\ndevice\n)R)\x81."), "called that is no function"),
    "named arguments": (
        lambda: packed(b"\x80\x04ccollections\nOrderedDict\n)}U\x01aNs\x92."),
        "called with named arguments",
    ),
    "state for one of our functions": (
        lambda: packed(b"\x80\x02ctorch\nSize\n}U\x04makeNsb."),
        "state is given to something that has none",
    ),
    "slots of one of our types": (
        lambda: packed(b"\x80\x02ctorch\nfloat32\nN}U\x05dtypeU\x06objects\x86b."),
        "state is given to something that has none",
    ),
    "a key in one of our functions": (
        lambda: packed(b"\x80\x02ctorch\nSize\nNNs."),
        "set in something that is no dict",
    ),
    "append to one of our functions": (lambda: packed(b"\x80\x02ctorch\nSize\nNa."), "appended to what is no list"),
    "a whole module": (
        lambda: saved(nn.Sequential(nn.Linear(2, 2)), new=True),
        r"holds a pickled module \(torch\.nn\.modules\.container\.Sequential\), not a state dict: nothing was executed",
    ),
    "a whole module, legacy": (
        lambda: saved(nn.Linear(2, 2), new=False),
        r"holds a pickled module \(torch\.nn\.modules\.linear\.Linear\), not a state dict",
    ),
    "a memo index of 2^31": (lambda: packed(b"\x80\x02N" + b"r\xff\xff\xff\x7f" + b"."), "holds no tensors"),
    "a memo index of 2^32, legacy": (
        lambda: legacy(b"\x80\x02}" + b"r\xff\xff\xff\xff" + b".", keys=()),
        "holds no tensors",
    ),
    "2^62 bytes": (lambda: packed(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"."), f"{DAMAGED} .*are asked"),
    "2^62 bytes, legacy": (lambda: legacy(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"."), DAMAGED),
    "a string of 4 GB": (lambda: packed(b"\x80\x02X\xff\xff\xff\xff."), DAMAGED),
    "a frame of 2^62": (lambda: packed(b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"."), DAMAGED),
    "a bytearray of 2^40": (lambda: packed(b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"."), DAMAGED),
    "a bytearray by a call": (
        lambda: packed(b"\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R."),
        "holds no tensors",
    ),
    "a list of a long range": (
        lambda: packed(b"\x80\x02c__builtin__\nlist\nc__builtin__\nrange\nJ\xff\xff\xff\x7f\x85R\x85R."),
        DAMAGED,
    ),
    "a line without end": (lambda: legacy(b"c" + b"a" * (2 << 20)), f"{DAMAGED} .*a line has no end"),
    "a million digits": (lambda: packed(b"I" + b"9" * (1 << 20) + b"\n."), DAMAGED),
    "nested lists": (lambda: packed(nested(100_000, b"]", b"a")), "holds containers nested more than 64 deep"),
    "nested tuples": (lambda: packed(b"\x80\x02)" + b"\x85" * 100_000 + b"."), "nested more than 64 deep"),
    "nested marks": (lambda: packed(b"\x80\x02" + b"(" * 100_000 + b"."), DAMAGED),
    "a billion laughs": (lambda: packed(laughs(60)), "holds no tensors"),
    "more laughs": (lambda: packed(laughs(200)), "nested more than 64 deep"),
    "a key that ends the process": (lambda: packed(hash_bomb()), "has a key that is neither a word nor a number"),
    "a key of 10^6 digits": (
        lambda: packed(b"\x80\x02}\x8b\x00\x00\x10\x00" + b"\x7f" * (1 << 20) + b"Ns."),
        "has a key that is neither",
    ),
    "wrong types": (lambda: packed(b"\x80\x02K\x01K\x02b."), "state is given to something that has none"),
    "an empty stack": (lambda: packed(b"\x80\x02R."), DAMAGED),
    "an unknown opcode": (lambda: packed(b"\x80\x02\xff."), DAMAGED),
    "a memo that is not there": (lambda: packed(b"\x80\x02h\x07."), f"{DAMAGED} .*Memo value not found"),
    "protocol 99": (lambda: packed(b"\x80\x63N."), f"{DAMAGED} .*unsupported pickle protocol: 99"),
    "no pickle at all": (lambda: packed(b""), DAMAGED),
    "an odd persistent id": (lambda: packed(b"\x80\x02U\x04fileQ."), DAMAGED),
    "a storage of no known class": (
        lambda: packed(b"\x80\x02(U\x07storagecos\nsystem\nU\x010U\x03cpuK\x06tQ."),
        r"asks for os\.system",
    ),
    "a storage smaller than its tensor": (
        lambda: packed(tensor_pickle(), data_0=bytes(20)),
        r"tensor 'w' needs bytes 0 to 24 of its storage, which holds 20",
    ),
    "a tensor beyond what its storage claims": (
        lambda: packed(tensor_pickle(numel=5), data_0=bytes(24)),
        r"tensor 'w' needs bytes 0 to 24 of its storage, which holds 20",
    ),
    "an offset beyond the end": (lambda: packed(tensor_pickle(offset=1), data_0=bytes(24)), "needs bytes 4 to 28"),
    "a negative stride": (
        lambda: packed(tensor_pickle(stride=(-3, 1)), data_0=bytes(24)),
        "negative or no whole number",
    ),
    "a negative offset": (lambda: packed(tensor_pickle(offset=-1), data_0=bytes(24)), "negative or no whole number"),
    "a negative size": (lambda: packed(tensor_pickle(shape=(-2, 3)), data_0=bytes(24)), "negative or no whole number"),
    "a size of 2^80": (lambda: packed(tensor_pickle(shape=(1 << 80, 3)), data_0=bytes(24)), "negative or no whole"),
    "a size that is a word": (lambda: packed(tensor_pickle(shape=("a", 3)), data_0=bytes(24)), "or no whole number"),
    "a storage of 2^61 values": (lambda: packed(tensor_pickle(numel=1 << 61), data_0=bytes(8)), "which holds 8"),
    "fewer strides than sizes": (lambda: packed(tensor_pickle(stride=(3,)), data_0=bytes(24)), "2 sizes and 1 strides"),
    "a shape that is a list": (lambda: packed(tensor_pickle(shape=[2, 3]), data_0=bytes(24)), "are not a tuple"),
    "65 axes": (
        lambda: packed(tensor_pickle(shape=(1,) * 65, stride=(1,) * 65), data_0=bytes(24)),
        "65 sizes and 65 strides",
    ),
    "10^18 values by strides of zero": (
        lambda: packed(tensor_pickle(shape=(10**9, 10**9), stride=(0, 0)), data_0=bytes(24)),
        r"tensor 'w' claims the shape \(1000000000, 1000000000\) from a storage of 24 bytes",
    ),
    "an empty tensor of 10^18 columns": (
        lambda: packed(tensor_pickle(shape=(0, 10**18), stride=(0, 0)), data_0=bytes(24)),
        "claims the shape",
    ),
    "no such storage": (lambda: packed(tensor_pickle()), "lies in storage '0', which the file does not hold"),
    "a storage key with a path": (lambda: packed(tensor_pickle(key="../../x"), data_0=bytes(24)), "does not hold"),
    "big-endian": (lambda: packed(tensor_pickle(), data_0=bytes(24), byteorder=b"big"), "on a big-endian machine"),
    "big-endian, legacy": (
        lambda: legacy(tensor_pickle(), system={"little_endian": False}),
        "on a big-endian machine",
    ),
    "a program": (
        lambda: packed(b"\x80\x02}.", **{"code_net.py": b"pass"}),
        r"is a TorchScript archive.*torch\.jit\.load",
    ),
    "a program without code": (lambda: packed(b"\x80\x02}.", **{"constants.pkl": b""}), "is a TorchScript archive"),
    "a compressed bomb": (deflated, "the member 'data/0' is compressed, which torch never does"),
    "a compressed pickle": (deflated_pickle, "the member 'data.pkl' is compressed, which torch never does"),
    "a zip without a pickle": (lambda: zipped(a=b"b"), "is a zip archive without tensors in it"),
    "no zip": (lambda: b"PK\x03\x04" + bytes(100), "is not a whole zip archive|not a whole one"),
    "nothing": (lambda: b"", "damaged|not a whole zip archive|empty"),
    "a tar archive of torch 0.1": (old_tar, "is a tar archive of torch 0.1"),
    "a plain pickle": (lambda: pickle.dumps({"w": [1.0]}, 2), "a plain pickle, not a PyTorch checkpoint"),
    "a legacy file of other magic": (
        lambda: pickle.dumps(1 << 78, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2),
        "does not begin as a torch file does|not a PyTorch checkpoint|PyTorch file from before",
    ),
    "storages that nobody names": (lambda: legacy(b"\x80\x02}.", keys=("9",)), "lists storages that no tensor names"),
    "keys that are no list": (
        lambda: HEAD + pickle.dumps(SYSTEM, 2) + tensor_pickle() + pickle.dumps({"0": 1}, 2),
        "lists storages that no tensor names",
    ),
    "a length of -1": (
        lambda: legacy(tensor_pickle(), rest=struct.pack("<q", -1) + bytes(24)),
        "storage '0' has -1 values, but the file ends",
    ),
    "a length of 2^62": (
        lambda: legacy(tensor_pickle(), rest=struct.pack("<q", 1 << 62) + bytes(24)),
        "storage '0' has 4611686018427387904 values, but the file ends at byte",
    ),
    "a legacy storage too short": (
        lambda: legacy(tensor_pickle(), rest=struct.pack("<q", 5) + bytes(24)),
        "needs bytes 0 to 24 of its storage, which holds 20",
    ),
    "no tensors": (lambda: saved({"epoch": 3}, new=True), "holds no tensors: is this the file with the weights"),
}


@pytest.fixture(autouse=True)
def _nothing_runs_away(tmp_path: Path) -> Iterator[None]:
    """No case may take long or much memory, and none may be executed."""
    with within(200 << 20, 20):
        yield
    assert not EXECUTED


@pytest.mark.parametrize("case", CASES)
def test_the_sentence(tmp_path: Path, case: str) -> None:
    make, sentence = CASES[case]
    path = tmp_path / "net.pt"
    path.write_bytes(make())
    with pytest.raises(SourceError, match=sentence) as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", [torch_zip.FORMAT, torch_legacy.FORMAT], ids=lambda form: form.name)
@pytest.mark.parametrize("data", [b"", b"\x80", b"PK\x05\x06" + bytes(18), b"text", pickle.dumps([1]), zipped(a=b"b")])
def test_a_format_refuses_what_is_not_its_own(tmp_path: Path, form: Any, data: bytes) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=re.escape(str(path))):
        form.open(SourceRef(form.name, str(path)))


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_a_file_cut_anywhere_is_a_sentence(tmp_path: Path, new: bool) -> None:
    whole = saved({"state_dict": nn.Linear(5, 3).state_dict(), "optimizer": {"lr": 0.1}}, new=new)
    path = tmp_path / "net.pt"
    for end in [*range(0, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:end])
        with pytest.raises(SourceError, match=re.escape(str(path))):
            read_all(path)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_a_flipped_byte_is_a_sentence_or_another_value(tmp_path: Path, new: bool) -> None:
    whole = bytearray(saved({"a.weight": torch.ones(5, 3), "b.weight": torch.ones(3)}, new=new))
    path = tmp_path / "net.pt"
    for at in range(0, len(whole), 3):
        broken = whole.copy()
        broken[at] ^= 0xFF
        path.write_bytes(broken)
        with suppress(SourceError):
            read_all(path)


def test_no_file_is_left_open_by_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(packed(pickle.dumps(EVIL["eval"])))
    for _ in range(10):  # an open file that is forgotten is a ResourceWarning, and warnings are errors
        with pytest.raises(SourceError):
            open_source(path)
    gc.collect()
