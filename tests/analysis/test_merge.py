"""Shards of a model, merged, are the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nets import essence, mlp

import eigentail as et
from eigentail.analysis import Interrupted
from eigentail.records import Shards


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


def test_a_missing_shard_is_named_and_what_is_there_united_on_request() -> None:
    whole = et.analyze(mlp())
    parts = [et.analyze(mlp(), shard=(i, 4)) for i in range(4)]
    with pytest.raises(et.UsageError, match=r"of 4 shards 2/4 is missing or not finished: .* with --partial"):
        et.merge([parts[0], parts[3], parts[1]])
    some = et.merge([parts[3], parts[0], parts[3]], partial=True)
    assert some.shards == Shards(of=4, held=(0, 3))
    assert {row.name for row in some.layers} == {row.name for part in (parts[0], parts[3]) for row in part.layers}
    assert "A part of the model: of 4 shards 1/4 and 2/4 are missing or not finished." in repr(some)
    assert et.merge([some, parts[1], parts[2]]).to_json() == whole.to_json() == et.merge([some, whole]).to_json()


def test_shards_of_different_numbers_are_not_mixed() -> None:
    half, quarter = et.analyze(mlp(), shard=(0, 2)), et.analyze(mlp(), shard=(1, 4))
    with pytest.raises(et.UsageError, match="the layers were dealt into 2 and into 4 shards: merge those of one"):
        et.merge([half, quarter], partial=True)
    rest = et.analyze(mlp(), shard=(1, 2))
    assert et.merge([half, quarter, rest]).to_json() == et.analyze(mlp()).to_json()


def test_a_shard_that_was_interrupted_counts_as_missing() -> None:
    class Stopping:
        def started(self, work: object) -> None: ...

        def finished(self, row: object) -> None:
            raise KeyboardInterrupt

    parts = [et.analyze(mlp(), shard=(i, 2)) for i in range(2)]
    for shard, sentence in (((1, 2), "of 2 shards 1/2 is missing"), ((0, 1), "the analysis was not finished")):
        with pytest.raises(Interrupted) as stopped:
            et.analyze(mlp(), shard=shard, progress=Stopping())
        with pytest.raises(et.UsageError, match=sentence):
            et.merge([stopped.value.report] + parts[:1] * (shard[1] - 1))
        assert et.merge([stopped.value.report, *parts]).to_json() == et.analyze(mlp()).to_json()


def test_many_missing_shards_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "part.json"
    et.analyze(mlp(), shard=(1, 10**9)).save(path)
    begins = "of 1000000000 shards 0/1000000000, 2/1000000000,"
    with pytest.raises(et.UsageError, match=f"{begins} .* and 999,999,991 more are missing"):
        et.merge([et.load(path)])


@pytest.mark.parametrize("shards", [{"of": 2, "held": [2]}, {"of": 0, "held": []}, {"of": 3, "held": [1, 1]}])
def test_shards_that_cannot_be_are_refused(shards: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "part.json"
    document = json.loads(et.analyze(mlp(), shard=(0, 2)).to_json())
    assert document["shards"] == {"of": 2, "held": [0]}
    path.write_text(json.dumps({**document, "shards": shards}))
    with pytest.raises(et.SourceError, match="not a report of eigentail"):
        et.load(path)


def test_more_shards_than_layers_leave_some_empty() -> None:
    parts = [et.analyze(mlp(), shard=(i, 9)) for i in range(9)]
    assert et.merge(parts).to_json() == et.analyze(mlp()).to_json()


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_that_does_not_exist_is_told(shard: tuple[int, int]) -> None:
    with pytest.raises(et.UsageError, match=f"shard {shard[0]} of {shard[1]}: shards are counted from 0"):
        et.analyze(mlp(), shard=shard)
