"""What README and docs/differences.md say of WeightWatcher 0.7.7, seen on WeightWatcher 0.7.7."""

from __future__ import annotations

import numpy as np
import oracles
import pytest

import eigentail as et


def gaussian(seed: int, rows: int = 128, columns: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


def both(weights: dict[str, np.ndarray]) -> tuple[dict[str, dict[str, float]], et.ModelReport]:
    import torch

    peer = oracles.weightwatcher_table({name: torch.from_numpy(w) for name, w in weights.items()}, pool=True)
    return peer, et.analyze(weights)


def test_a_failed_fit_is_minus_one_there_and_nothing_here() -> None:
    peer, ours = both({"zero.weight": np.zeros((128, 64), np.float32), "noise.weight": gaussian(0)})
    assert peer["zero"]["alpha"] == -1
    assert np.isnan(ours.layers["zero"].fit.alpha)
    assert ours.summary["alpha"] == ours.layers["noise"].fit.alpha


def test_the_scale_of_the_weights_changes_alpha_there_and_not_here() -> None:
    weights = np.linspace(0.3, 1.5, 64, dtype=np.float32) ** 4 * gaussian(1)
    peer, ours = both({"large.weight": weights, "small.weight": weights * np.float32(1e-4)})
    assert peer["small"]["alpha"] != pytest.approx(peer["large"]["alpha"], rel=0.01)
    assert ours.layers["small"].fit.alpha == pytest.approx(ours.layers["large"].fit.alpha, rel=1e-5)


def test_noise_passes_for_well_trained_there_and_is_told_here() -> None:
    peer, ours = both({f"noise{seed}.weight": gaussian(seed) for seed in range(20)})
    assert sum(2 < row["alpha"] < 6 for row in peer.values()) > 10
    assert sum(row.verdict == "untrained" for row in ours.layers) >= 19


def test_an_orthogonal_matrix_has_an_alpha_there_and_none_here() -> None:
    peer, ours = both({"q.weight": np.linalg.qr(gaussian(2, 64))[0].astype(np.float32)})
    assert peer["q"]["alpha"] > 1e4
    assert ours.layers["q"].fit.status == "flat"


def test_a_matrix_of_low_rank_has_full_rank_there_and_its_rank_here() -> None:
    peer, ours = both({"low.weight": gaussian(3, 100, 10) @ gaussian(4, 10, 80)})
    assert peer["low"]["matrix_rank"] == 80
    assert ours.layers["low"].metrics["matrix_rank"] == 10


def test_tied_weights_are_counted_twice_there_and_once_here() -> None:
    import torch

    shared = torch.from_numpy(gaussian(5))
    weights = {"embed.weight": shared, "head.weight": shared}
    assert set(oracles.weightwatcher_table(weights, pool=True)) == {"embed", "head"}
    assert len(et.analyze(weights).layers) == 1


def test_depthwise_kernels_are_rows_there_and_skips_here() -> None:
    kernels = {"conv1.weight": gaussian(6, 64, 27).reshape(64, 3, 3, 3)}
    kernels |= {f"dw{i}.weight": gaussian(i, 64, 9).reshape(64, 1, 3, 3) for i in range(2)}
    peer, ours = both(kernels)
    assert peer["dw0"]["M"] == 1
    assert {skip.name for skip in ours.skipped} == {"dw0.weight", "dw1.weight"}
