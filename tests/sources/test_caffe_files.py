"""Caffe's models, new and old, by hand: no library that writes them installs today."""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

import numpy as np
from graph_writers import caffe_layer
from wire import number, packed, real, text

from eigentail.sources import open_source


def found_in(path: Path) -> dict[str, tuple[list[int], bool, int]]:
    with closing(open_source(path)) as source:
        return {spec.name: (list(spec.shape), spec.conv_transposed, spec.groups) for spec in source.tensors()}


def old_blob(shape: tuple[int, int, int, int], *, alone: bool = False) -> bytes:
    sizes = b"".join(number(1 + at, size) for at, size in enumerate(shape))
    values = np.arange(np.prod(shape), dtype=np.float32)
    if alone:
        return sizes + b"".join(real(5, float(value)) for value in values)
    return sizes + text(5, values.tobytes())


def test_layers_of_the_first_version_lose_the_axes_that_are_only_filled_up(tmp_path: Path) -> None:
    def layer(name: str, kind: int, *blobs: bytes) -> bytes:
        return text(2, text(4, name) + number(5, kind) + b"".join(text(6, blob) for blob in blobs))

    path = tmp_path / "old.caffemodel"
    path.write_bytes(
        text(1, "old")
        + layer("conv1", 4, old_blob((8, 3, 5, 5)), old_blob((1, 1, 1, 8)))
        + layer("up", 39, old_blob((8, 4, 2, 2)))
        + layer("ip", 14, old_blob((1, 1, 10, 72), alone=True), old_blob((1, 1, 1, 10)))
    )
    assert found_in(path) == {
        "conv1.weight": ([8, 3, 5, 5], False, 1),
        "conv1.bias": ([8], False, 0),
        "up.weight": ([8, 4, 2, 2], True, 1),
        "ip.weight": ([10, 72], False, 0),
        "ip.bias": ([10], False, 0),
    }
    with closing(open_source(path)) as source:
        spec = next(spec for spec in source.tensors() if spec.name == "ip.weight")
        np.testing.assert_array_equal(source.read(spec).reshape(-1), np.arange(720))


def test_groups_doubles_and_layers_with_blobs_of_other_kinds(tmp_path: Path) -> None:
    blob = text(7, packed(1, [8, 1, 3, 3])) + text(5, bytes(288))
    grouped = text(1, "conv/dw") + text(2, "Convolution") + text(7, blob) + text(106, number(5, 8))
    twice = struct.pack("<4d", 1, 2, 3, 4)
    double = text(100, text(1, "fc") + text(2, "InnerProduct") + text(7, text(7, packed(1, [2, 2])) + text(8, twice)))
    norm = caffe_layer("bn", "BatchNorm", [np.ones(8, np.float32), np.ones(8, np.float32), np.ones(1, np.float32)])
    again = caffe_layer("bn", "BatchNorm", [np.ones(8, np.float32)])
    path = tmp_path / "net.caffemodel"
    path.write_bytes(text(1, "net") + text(100, grouped) + double + norm + again)
    found = found_in(path)
    assert found["conv.dw.weight"] == ([8, 1, 3, 3], False, 8)
    assert list(found) == ["conv.dw.weight", "fc.weight", "bn.0", "bn.1", "bn.2", "bn.0.1"]
    with closing(open_source(path)) as source:
        assert source.read(source.tensors()[1]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
