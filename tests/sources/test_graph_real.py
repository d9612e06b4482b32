"""Graphs that other people trained and saved: as many weights as are known to be in them, the same in two formats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from shared import NO_SHARED_DATA, shared_data

from eigentail.sources import open_source
from eigentail.sources.checkpoint import flatten

DATA = shared_data() or Path("nowhere")
MODELS = sorted(path for suffix in ("onnx", "pb", "caffemodel") for path in (DATA / "models").rglob(f"*.{suffix}"))
pytestmark = pytest.mark.skipif(not MODELS, reason=NO_SHARED_DATA)

Array = np.ndarray[Any, Any]


def weights_in(path: Path) -> dict[str, Array]:
    """Every array of numbers with two axes or more."""
    with closing(open_source(path)) as source:
        wanted = (spec for spec in source.tensors() if len(spec.shape) > 1 and spec.dtype.startswith("float"))
        return {spec.name: source.read(spec) for spec in wanted}


def known(path: Path) -> Mapping[str, Any]:
    manifest = json.loads((DATA / "models" / "MANIFEST.json").read_text(encoding="utf-8"))
    return next(entry for entry in manifest if entry["path"] == str(path.relative_to(DATA / "models")))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_as_many_weights_as_are_known_to_be_in_it(path: Path) -> None:
    found, entry = weights_in(path), known(path)
    assert len(found) == entry["n_weight_tensors"]
    assert sum(array.size for array in found.values()) == entry["n_params_2d_plus"]
    sizes = sorted(sorted(array.shape) for array in found.values())
    assert sizes == sorted(sorted(shape) for _, shape in entry["shapes"])


@pytest.mark.parametrize("path", [path for path in MODELS if path.suffix == ".onnx"], ids=lambda path: path.name)
def test_every_value_is_the_librarys(path: Path) -> None:
    graph = onnx.load(path).graph
    expected = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = weights_in(path)
    for array in found.values():
        assert any(np.array_equal(array, other) for other in expected.values() if other.shape == array.shape)


def test_the_same_net_in_two_formats_and_from_torch() -> None:
    import torch

    folder = DATA / "models" / "Linzaer__Ultra-Light-Fast-Generic-Face-Detector-1MB"
    one = list(weights_in(folder / "version-slim-320_simplified.onnx").values())
    other = list(weights_in(folder / "slim-320.caffemodel").values())
    assert len(one) == len(other) == 42
    of_one, of_other = sorted(map(_key, one)), sorted(map(_key, other))
    assert of_one == of_other
    loaded = torch.load(folder / "version-slim-320.pth", weights_only=True, map_location="cpu")
    tensors = flatten(loaded, lambda leaf: isinstance(leaf, torch.Tensor))
    heads = {name: tensor for name, tensor in tensors.items() if "headers" in name and name.endswith("weight")}
    found = weights_in(folder / "version-slim-320_simplified.onnx")
    for name, tensor in heads.items():
        assert isinstance(tensor, torch.Tensor)
        np.testing.assert_array_equal(found[name], tensor.numpy())


def _key(array: Array) -> tuple[tuple[int, ...], bytes]:
    return array.shape, array.tobytes()
