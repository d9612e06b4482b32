"""Bad HDF5 files and bad Keras archives: each ends in its sentence, no other file is opened, nothing hangs."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from harness import ends_in, is_harmless
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.sources import open_source
from eigentail.sources.hdf5 import tree

MEMORY = 40 << 20
SECONDS = 5.0

Fill = Callable[[h5py.File], None]
TABLE: dict[str, tuple[Callable[[Path], Path], str]] = {}


def case(sentence: str, libver: str = "earliest") -> Callable[[Fill], Fill]:
    """Put what fills an HDF5 file into the table, with the sentence it must end in."""

    def put(fill: Fill) -> Fill:
        def make(folder: Path) -> Path:
            with h5py.File(folder / "m.h5", "w", libver=libver) as file:
                fill(file)
            return folder / "m.h5"

        TABLE[fill.__name__.strip("_")] = make, sentence
        return fill

    return put


def chunked(file: h5py.File, shape: tuple[int, ...], chunk: tuple[int, ...], raw: bytes | None, **how: Any) -> None:
    """One piece of an array, its packed bytes as given."""
    dataset = file.create_dataset("w", shape, "<f4", chunks=chunk, **{"compression": "gzip", **how})
    if raw is not None:
        dataset.id.write_direct_chunk((0,) * len(shape), raw)


def planned(file: h5py.File, shape: tuple[int, ...], change: Callable[[Any], None]) -> None:
    """An array made by a plan that h5py's own words cannot say."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk(shape)
    change(plan)
    made = h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(shape), dcpl=plan)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros(shape, "<f4"))


@case("'fc/w' is a link to another place, and links are not followed")
def _external_link(file: h5py.File) -> None:
    file["fc/w"] = h5py.ExternalLink("/etc/passwd", "/w")


@case("'fc/up' is a link to another place")
def _soft_loop(file: h5py.File) -> None:
    file["fc/up"] = h5py.SoftLink("/fc")


@case("'w' is a link to another place")
def _dangling(file: h5py.File) -> None:
    file["w"] = h5py.SoftLink("/nowhere")


@case("the numbers of 'w' are in another file, which is not opened")
def _external_bytes(file: h5py.File) -> None:
    pipe = f"{file.filename}.pipe"
    os.mkfifo(pipe)  # whoever opens this waits for ever
    file.create_dataset("w", (2, 2), "<f4", external=[(pipe, 0, 16)])


@case("the numbers of 'w' are in another file, which is not opened", libver="latest")
def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 2), "<f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "w", (2, 2))
    file.create_virtual_dataset("w", layout)


@case("the numbers of 'w' are in another file, which is not opened", libver="latest")
def _virtual_without_end(file: h5py.File) -> None:
    pipe = f"{file.filename}.pipe"
    os.mkfifo(pipe)
    layout = h5py.VirtualLayout((2, 2), "<f4", maxshape=(None, 2))
    source = h5py.VirtualSource(pipe, "w", (2, 2), maxshape=(None, 2))
    layout[: h5py.h5s.UNLIMITED :, :] = source[: h5py.h5s.UNLIMITED :, :]
    file.create_virtual_dataset("w", layout)


@case("holds groups nested more than 64 deep")
def _deep(file: h5py.File) -> None:
    file.create_group("/".join("g" * 70))


@case("the numbers of 'w' were never written")
def _unwritten(file: h5py.File) -> None:
    file.create_dataset("w", (1 << 20, 1 << 20), "<f4")


@case("array 'w' has an impossible shape")
def _overflow(file: h5py.File) -> None:
    file.create_dataset("w", (2**31, 2**31, 0), "<f4")


@case("0 of the 4 pieces of array 'w' were written")
def _pieces_missing(file: h5py.File) -> None:
    chunked(file, (8, 8), (4, 4), None)


@case("1 of the 4 pieces of array 'w' were written")
def _pieces_half(file: h5py.File) -> None:
    chunked(file, (8, 8), (4, 4), zlib.compress(bytes(64)))


@case("array 'w' would unpack 30 bytes to 1,073,741,824")
def _bomb(file: h5py.File) -> None:
    chunked(file, (1 << 14, 1 << 14), (1 << 14, 1 << 14), bytes(30))


@case("array 'w' is packed twice by the same filter")
def _packed_twice(file: h5py.File) -> None:
    planned(file, (8, 8), lambda plan: (plan.set_deflate(9), plan.set_deflate(9)))


@case("array 'w' is packed by filter 32000, which is not read: save it with one of gzip, shuffle, fletcher32")
def _lzf(file: h5py.File) -> None:
    file.create_dataset("w", data=np.zeros((8, 8)), compression="lzf")


@case("array 'w' is packed by filter 6, which is not read")
def _scale_and_offset(file: h5py.File) -> None:
    file.create_dataset("w", data=np.zeros((8, 8), np.int32), scaleoffset=3)


@case("has a configuration that is not JSON (Expecting")
def _config_cut(file: h5py.File) -> None:
    file.attrs["model_config"] = '{"class_name": '


@case("has a configuration that is not JSON (maximum recursion")
def _config_of_bricks(file: h5py.File) -> None:
    file.attrs["model_config"] = "[" * 100_000


@case("has a configuration of models nested more than 64 deep")
def _config_of_models(file: h5py.File) -> None:
    model: dict[str, object] = {}
    for _ in range(70):
        model = {"class_name": "Sequential", "config": {"name": "m", "layers": [model]}}
    file.attrs["model_config"] = json.dumps(model)


@case("has a configuration of 9,000,000 characters where 8,388,608 are allowed")
def _config_too_long(file: h5py.File) -> None:
    file.attrs["model_config"] = " " * 9_000_000


@case("has more than 33,554,432 bytes of names and configuration")
def _one_text_a_thousand_times(file: h5py.File) -> None:
    texts = np.array(["x" * 60_000] * 1000, dtype=object)
    file.attrs.create("layer_names", texts[:1], dtype=h5py.string_dtype())
    for at in range(30):
        group = file.create_group(f"g{at}")
        group.attrs.create("layer_names", texts[:40], dtype=h5py.string_dtype())


@case("is not valid Unicode")
def _name_of_noise(file: h5py.File) -> None:
    h5py.h5d.create(file.id, b"\xff\xfe", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((0,)))


@case("holds no tensors")
def _nothing_in_it(file: h5py.File) -> None:
    file.create_group("model_weights")


@case("holds no tensors")
def _itself(file: h5py.File) -> None:
    file["a/b"] = file["/"]
    file["a/c"] = file["/"]


def archive(path: Path, content: bytes, packed: int = zipfile.ZIP_STORED, config: bytes = b"{}") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", config)
        file.writestr("model.weights.h5", content, packed)
    return path


def good() -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened["fc/kernel"] = np.arange(400, dtype="<f4").reshape(20, 20)
        opened.create_dataset("fc/bias", data=np.zeros(20), chunks=(7,), compression="gzip", shuffle=True)
        opened.attrs["layer_names"] = ["fc"]
    return file.getvalue()


GOOD = good()


def add(name: str, make: Callable[[Path], Path], sentence: str) -> None:
    TABLE[name] = make, sentence


def lies(folder: Path, old: int, new: int) -> Path:
    """The same file with an address or a size changed wherever it stands."""
    content = GOOD.replace(struct.pack("<Q", old), struct.pack("<Q", new))
    assert content != GOOD
    (folder / "m.h5").write_bytes(content)
    return folder / "m.h5"


def bare(folder: Path, content: bytes) -> Path:
    (folder / "m.h5").write_bytes(content)
    return folder / "m.h5"


WHERE = GOOD.index(np.arange(400, dtype="<f4").tobytes())
NOT_WHOLE = "begins like an HDF5 file but is not a whole one ("
add("magic alone", lambda folder: bare(folder, GOOD[:8]), NOT_WHOLE)
add("noise after the magic", lambda folder: bare(folder, GOOD[:8] + bytes(range(256)) * 4), NOT_WHOLE)
add("half a file", lambda folder: bare(folder, GOOD[: len(GOOD) // 2]), NOT_WHOLE)
add("one byte short", lambda folder: bare(folder, GOOD[:-1]), NOT_WHOLE)
add("address beyond the end", lambda folder: lies(folder, WHERE, len(GOOD) - 5), NOT_WHOLE)
add("room too small", lambda folder: lies(folder, 1600, 8), "array 'fc.kernel' needs 1600 bytes for its shape, but 8")
add("packed", lambda folder: archive(folder / "m.keras", GOOD, zipfile.ZIP_DEFLATED), "is compressed, which Keras nev")
add("bomb", lambda folder: archive(folder / "m.keras", bytes(10**7), zipfile.ZIP_DEFLATED), "is compressed, which Ker")
add("no HDF5 in it", lambda folder: archive(folder / "m.keras", b"hello" * 99), NOT_WHOLE)
add("empty in it", lambda folder: archive(folder / "m.keras", b""), NOT_WHOLE)
add("config cut", lambda folder: archive(folder / "m.keras", GOOD, config=b"{"), "configuration that is not JSON")
add(
    "config long",
    lambda f: archive(f / "m.keras", GOOD, config=b" " * 9_000_000),
    "has 9,000,000 bytes where 8,388,608",
)


@pytest.mark.parametrize("name", TABLE)
def test_a_bad_file_ends_in_its_sentence(tmp_path: Path, name: str) -> None:
    make, sentence = TABLE[name]
    target = make(tmp_path)
    ends_in(sentence, target, MEMORY, SECONDS)


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", GOOD)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("model.weights.h5", GOOD)
    with pytest.raises(SourceError, match=re.escape("holds 'model.weights.h5' 2 times")):
        open_source(path)


def test_more_objects_than_any_model_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_OBJECTS", 20)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        for at in range(21):
            file.create_group(f"g{at}")
    with pytest.raises(SourceError, match="holds more than 20 groups and arrays"):
        open_source(tmp_path / "m.h5")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (zlib.compress(bytes(10)), "unpacks to 10 bytes where 256 are needed"),
        (zlib.compress(bytes(10**6)), "unpacks to 260 bytes where 256 are needed"),
        (b"noise", "cannot be unpacked (Error -3"),
        (zlib.compress(bytes(256))[:-8], "unpacks to"),
    ],
)
def test_a_piece_that_does_not_unpack_to_its_size_ends_in_a_sentence(tmp_path: Path, raw: bytes, sentence: str) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        chunked(file, (8, 8), (8, 8), raw)
    with (
        closing(open_source(tmp_path / "m.h5")) as source,
        pytest.raises(SourceError, match=re.escape(sentence)),
    ):
        source.read(source.tensors()[0])


def test_not_a_number_is_read_as_it_is(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["w"] = np.full((3, 3), np.nan)
    with closing(open_source(tmp_path / "m.h5")) as source:
        assert np.isnan(source.read(source.tensors()[0])).all()


def test_a_file_cut_anywhere_is_a_sentence(tmp_path: Path) -> None:
    for end in range(9, len(GOOD), 61):
        with pytest.raises(SourceError):
            open_source(bare(tmp_path, GOOD[:end]))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_either_harmless_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / "m.h5"
    path.write_bytes(content)
    is_harmless(path)
