"""A real net gives the same numbers from every format that can hold it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from format_writers import WRITERS

import eigentail as et
from eigentail.sources import open_source

NET = "digits_noise/noise_000"
# One array to a file, and one architecture.
CANNOT = {"npy", "llama2c"}


@pytest.mark.parametrize("name", sorted(set(WRITERS) - CANNOT))
def test_a_net_of_the_zoo(name: str, tmp_path: Path) -> None:
    with closing(open_source(et.example(NET))) as source:
        arrays = {spec.name: np.array(source.read(spec)) for spec in source.tensors()}
    expected = et.analyze(et.example(NET))
    found = et.analyze(WRITERS[name](tmp_path, arrays))
    assert {row.name: row.verdict for row in found.layers} == {row.name: row.verdict for row in expected.layers}
    for row in expected.layers:
        other = found.layers[row.name]
        assert other.layer.shape == row.layer.shape
        assert set(other.metrics) == set(row.metrics)
        for metric, value in row.metrics.items():
            assert other.metrics[metric] == pytest.approx(value, rel=1e-6, nan_ok=True), metric
    for metric in ("alpha", "alpha_weighted", "log_alpha_norm", "log_norm"):
        assert found.summary[metric] == pytest.approx(expected.summary[metric], rel=1e-6)
