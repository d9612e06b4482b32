"""The same small net has the same metrics from every form in which JAX and PyTorch save it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from format_writers import WRITERS

from eigentail import analyze

RANDOM = np.random.default_rng(11)
ARRAYS = {
    "conv.weight": RANDOM.standard_normal((32, 16, 3, 3)).astype(np.float32),
    "conv.bias": RANDOM.standard_normal(32).astype(np.float32),
    "layers.0.mlp.weight": (RANDOM.pareto(2, (60, 48)) * RANDOM.choice([-1, 1], (60, 48))).astype(np.float32),
    "layers.1.mlp.weight": RANDOM.standard_normal((48, 60)).astype(np.float16),
}


def table(name: str, folder: Path) -> dict[str, dict[str, float]]:
    folder.mkdir()
    report = analyze(WRITERS[name](folder, ARRAYS))
    return {layer.name: {"evals": layer.spectrum.eigenvalues.sum(), **layer.metrics} for layer in report.layers}


@pytest.mark.parametrize("name", ["flax-msgpack", "orbax", "torch-dcp", "nemo"])
def test_metrics_are_those_of_safetensors(name: str, tmp_path: Path) -> None:
    found, expected = table(name, tmp_path / "a"), table("safetensors", tmp_path / "b")
    assert set(found) == set(expected) == {"conv", "layers.0.mlp", "layers.1.mlp"}
    for layer, metrics in expected.items():
        assert len(metrics) > 5
        for metric, value in metrics.items():
            np.testing.assert_allclose(found[layer][metric], value, rtol=1e-6, err_msg=f"{layer} {metric}")
