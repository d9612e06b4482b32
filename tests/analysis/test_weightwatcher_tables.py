"""Layer tables against WeightWatcher 0.7.7, column by column, but for what docs/differences.md lists."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import oracles
import pytest
from shared import NO_SHARED_DATA, shared_data

import eigentail as et

RESNETS = "akamaster__pytorch_resnet_cifar10"
FACES = "Linzaer__Ultra-Light-Fast-Generic-Face-Detector-1MB"
COLUMNS = frozenset(
    [
        "alpha",
        "alpha_weighted",
        "log_alpha_norm",
        "log_norm",
        "log_spectral_norm",
        "stable_rank",
        "lambda_max",
        "xmin",
        "xmax",
        "D",
        "sigma",
        "num_pl_spikes",
        "num_evals",
        "entropy",
        "matrix_rank",
        "rank_loss",
        "Q",
        "N",
        "M",
        "rf",
    ]
)
# docs/differences.md: below 20 eigenvalues the peer fits by another rule; a slice's rf is the whole kernel's there.
OF_THE_FIT = frozenset(["alpha", "alpha_weighted", "log_alpha_norm", "xmin", "xmax", "D", "sigma", "num_pl_spikes"])


def nets(folder: str, glob: str) -> list[Any]:
    models = (shared_data() or Path("absent")) / "models"
    return [pytest.param(path, id=path.name) for path in sorted((models / folder).glob(glob))] or [
        pytest.param(Path("absent"), marks=pytest.mark.skip(reason=NO_SHARED_DATA))
    ]


def state_dict(path: Path) -> dict[str, Any]:
    import torch

    loaded = torch.load(path, weights_only=True, map_location="cpu")
    loaded = loaded.get("state_dict", loaded)
    return {name.removeprefix("module."): tensor for name, tensor in loaded.items()}


def assert_tables_agree(path: Path, *, pool: bool) -> None:
    report = et.analyze(path, et.Settings(conv="pooled" if pool else "per-slice"))
    peer = oracles.weightwatcher_table(state_dict(path), pool=pool)
    ours = {row.name: row for row in report.layers}
    # a depthwise kernel is no matrix (docs/differences.md): the peer's rows with M = 1 are skips here
    assert set(ours) == {name for name, row in peer.items() if row["M"] > 1}
    for name, row in ours.items():
        different = OF_THE_FIT if row.layer.num_evals < 20 else frozenset()
        different |= frozenset() if pool else {"rf"}
        for column in COLUMNS - different:
            assert row.metrics[column] == pytest.approx(peer[name][column], rel=1e-6, abs=1e-6), (name, column)


@pytest.mark.parametrize("path", nets(RESNETS, "*.th"))
def test_resnets_pooled(path: Path) -> None:
    assert_tables_agree(path, pool=True)


@pytest.mark.parametrize("path", nets(RESNETS, "resnet[23]*.th"))
def test_resnets_slice_by_slice(path: Path) -> None:
    assert_tables_agree(path, pool=False)


@pytest.mark.parametrize("path", nets(FACES, "version-*.pth"))
def test_face_detectors(path: Path) -> None:
    assert_tables_agree(path, pool=True)


def test_every_column_of_the_peer_that_we_name_is_compared() -> None:
    from eigentail.metrics import metrics

    weights = {"a.weight": np.random.default_rng(0).standard_normal((60, 50)).astype(np.float32)}
    peer = oracles.weightwatcher_table(weights, pool=True)["a"]
    assert set(metrics) & set(peer) == COLUMNS


@pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
def test_weighted_alpha_falls_as_the_resnets_get_better() -> None:
    folder = (shared_data() or Path()) / "models" / RESNETS
    error = {"resnet20-12fca82f": 8.27, "resnet32-d509ac18": 7.37, "resnet44-014dd654": 6.90, "resnet56-4bfd9763": 6.61}
    from_worst = sorted(error, key=lambda name: -error[name])
    alphas = [et.analyze(folder / f"{name}.th").summary["alpha_weighted"] for name in from_worst]
    assert not any(map(math.isnan, alphas))
    assert alphas == sorted(alphas, reverse=True)
    assert len(set(alphas)) == len(alphas)
