"""Shards of a model, merged, are the model."""

from __future__ import annotations

import numpy as np
import pytest
from nets import essence, mlp

import eigentail as et


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_shards_merged_are_the_whole(n: int) -> None:
    whole = et.analyze(mlp())
    parts = [et.analyze(mlp(), shard=(i, n)) for i in range(n)]
    assert sum(len(part.layers) for part in parts) == len(whole.layers)
    for order in (parts, parts[::-1], [*parts, parts[0]]):
        merged = et.merge(order)
        assert merged.to_json() == whole.to_json()
        assert [essence(row) for row in merged.layers] == [essence(row) for row in whole.layers]


def test_merging_keeps_failures_out_of_the_averages() -> None:
    weights = mlp()
    weights["fc2.weight"][0] = np.nan
    parts = [et.analyze(weights, shard=(i, 2)) for i in range(2)]
    assert et.merge(parts).to_json() == et.analyze(weights).to_json()


def test_what_cannot_be_merged_is_told() -> None:
    report = et.analyze(mlp())
    with pytest.raises(et.UsageError, match="no reports to merge: give at least one"):
        et.merge([])
    with pytest.raises(et.UsageError, match="different settings"):
        et.merge([report, et.analyze(mlp(), et.Settings(min_evals=9))])
    with pytest.raises(et.UsageError, match="the reports are of different sources"):
        et.merge([report, et.analyze(et.example())])


def test_more_shards_than_layers_leave_some_empty() -> None:
    parts = [et.analyze(mlp(), shard=(i, 9)) for i in range(9)]
    assert et.merge(parts).to_json() == et.analyze(mlp()).to_json()


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_that_does_not_exist_is_told(shard: tuple[int, int]) -> None:
    with pytest.raises(et.UsageError, match=f"shard {shard[0]} of {shard[1]}: shards are counted from 0"):
        et.analyze(mlp(), shard=shard)
