"""A quantised model is analysed as the weights it stands for, and the report says what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from quantised_models import SCHEMES, llama, quantised, save

import eigentail as et

MODEL = llama(np.random.default_rng(3))


@pytest.mark.parametrize("name", SCHEMES)
def test_it_equals_the_analysis_of_the_weights_it_stands_for(name: str, tmp_path: Path) -> None:
    quantise, word, config = SCHEMES[name]
    stored, expected = quantised(MODEL, quantise)
    settings = et.Settings(metrics=("alpha", "log_norm", "stable_rank"), min_evals=20)
    found = et.analyze(save(tmp_path / "model", stored, config), settings)
    wanted = et.analyze(expected, settings)
    assert [row.name for row in wanted.layers] != []
    assert {row.name for row in found.layers} == {row.name for row in wanted.layers}
    for row in wanted.layers:
        twin = found.layers[row.name]
        assert twin.layer.shape == row.layer.shape
        assert twin.layer.kind == row.layer.kind
        assert twin.quantised == (word if "_proj" in row.name else "")
        for metric, value in row.metrics.items():
            assert twin.metrics[metric] == pytest.approx(value, rel=1e-6, nan_ok=True), (row.name, metric)
