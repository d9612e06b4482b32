"""What would be done, from headers alone."""

from __future__ import annotations

import numpy as np
import pytest
from nets import Wrapped, convnet, mlp

import eigentail as et
from eigentail.analysis.describe import dearest_first


def refuse(name: str) -> None:
    raise AssertionError(f"{name} was read")


def test_no_weight_is_read() -> None:
    source = Wrapped(mlp(), refuse)
    assert [layer.name for layer in et.describe(source).layers] == ["fc1", "fc2", "fc3", "head"]
    assert not source.closed  # it was handed in open


def test_the_cost() -> None:
    work = et.describe(mlp())
    assert work.nbytes == 4 * (96 * 64 + 80 * 96 + 60 * 80 + 10 * 60)
    sides = [(96, 64), (96, 80), (80, 60), (60, 10)]
    assert work.flops == pytest.approx(sum(n * m**2 + 4 / 3 * m**3 for n, m in sides))


def test_a_tensor_of_many_layers_is_read_once() -> None:
    work = et.describe(convnet(), et.Settings(conv="per-slice"))
    assert len(work.layers) == 9 + 1
    assert work.nbytes == 4 * (32 * 16 * 9 + 64 * 64)


def test_it_says_what_analyze_does() -> None:
    for net in (mlp(), convnet()):
        work, report = et.describe(net), et.analyze(net)
        assert list(work.layers) == [row.layer for row in report.layers]
        assert work.skipped == report.skipped
        assert set(work.metrics) == set(report.layers[0].metrics)


def test_the_dearest_come_first_and_equals_in_model_order() -> None:
    weights = {name: np.ones(shape) for name, shape in [("a", (20, 20)), ("b", (60, 50)), ("c", (20, 20))]}
    assert [layer.name for layer in dearest_first(et.describe(weights).layers)] == ["b", "a", "c"]


@pytest.mark.parametrize("n", [2, 3])
def test_shards_part_the_layers(n: int) -> None:
    shards = [et.describe(mlp(), shard=(i, n)).layers for i in range(n)]
    assert sorted(layer.index for shard in shards for layer in shard) == [0, 1, 2, 3]
    assert all(list(shard) == sorted(shard, key=lambda layer: layer.index) for shard in shards)
    assert et.describe(mlp(), shard=(0, n)).layers != et.describe(mlp(), shard=(1, n)).layers


def test_too_small_is_told_with_the_largest() -> None:
    weights = {"fc.weight": np.ones((7, 30)), "small.weight": np.ones((3, 3)), "b": np.ones(5)}
    with pytest.raises(et.SourceError, match=r"no layer to analyse: 3 tensors were skipped; the largest, fc \(30x7\)"):
        et.describe(weights)


def test_an_empty_source_is_told() -> None:
    with pytest.raises(et.SourceError, match="no tensors"):
        et.describe({})
