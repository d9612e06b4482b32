"""Checkpoints that other people trained and saved, against torch's own reader."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from shared import NO_SHARED_DATA, shared_data

from eigentail.sources import WeightSource, open_source
from eigentail.sources.checkpoint import flatten

MODELS = sorted(
    path
    for suffix in ("th", "pth", "model")
    for path in ((shared_data() or Path("nowhere")) / "models").rglob(f"*.{suffix}")
)


@pytest.mark.skipif(not MODELS, reason=NO_SHARED_DATA)
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_every_value_is_torchs(path: Path) -> None:
    loaded = torch.load(path, weights_only=True, map_location="cpu")
    expected = flatten(loaded, lambda leaf: isinstance(leaf, torch.Tensor))
    with closing(open_source(path)) as source:
        assert_equal(source, expected)


def assert_equal(source: WeightSource, expected: Mapping[str, object]) -> None:
    assert [spec.name for spec in source.tensors()] == list(expected)
    for spec in source.tensors():
        tensor = expected[spec.name]
        assert isinstance(tensor, torch.Tensor)
        array = source.read(spec)
        assert array.dtype == tensor.numpy().dtype
        assert np.array_equal(array, tensor.numpy())
        if spec.shape:
            middle = (spec.shape[0] // 3, 2 * spec.shape[0] // 3)
            assert np.array_equal(source.read(spec, middle), array[slice(*middle)])


@pytest.mark.skipif(not MODELS, reason=NO_SHARED_DATA)
def test_three_nets_in_one_file_stay_apart() -> None:
    (path,) = (path for path in MODELS if path.name == "mnist_small_0_3.pth")
    with closing(open_source(path)) as source:
        names = [spec.name for spec in source.tensors()]
    assert [name for name in names if name.endswith(".0.weight")] == ["0.0.weight", "1.0.weight", "2.0.weight"]


@pytest.mark.skipif(not MODELS, reason=NO_SHARED_DATA)
def test_the_residual_nets_lose_their_wrapper() -> None:
    (path,) = (path for path in MODELS if path.name.startswith("resnet20-"))
    with closing(open_source(path)) as source:
        assert source.tensors()[0].name == "conv1.weight"
