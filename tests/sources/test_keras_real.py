"""Other people's Keras files, beside the repository: every one reads, with as many weights as are known to be in it."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from shared import NO_SHARED_DATA, shared_data

import eigentail as et
from eigentail.layers import group
from eigentail.sources import open_source

SHARED = shared_data()
MODELS = SHARED / "models" if SHARED else Path()
LISTED: list[dict[str, Any]] = json.loads((MODELS / "MANIFEST.json").read_text()) if SHARED else []
RECORDS = {record["path"]: record for record in LISTED if record["path"].endswith((".h5", ".hdf5"))}
EPOCHS = sorted(path for path in RECORDS if "mini_XCEPTION" in path)

pytestmark = pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)


@pytest.mark.parametrize("path", RECORDS)
def test_every_weight_is_there_and_none_of_the_optimizers(path: str) -> None:
    record = RECORDS[path]
    source = open_source(MODELS / path)
    weights = [spec for spec in source.tensors() if len(spec.shape) > 1 and not spec.name.startswith("optimizer.")]
    assert len(weights) == record["n_weight_tensors"] == len(record["shapes"])
    assert sum(prod(spec.shape) for spec in weights) == record["n_params_2d_plus"]
    with h5py.File(MODELS / path) as file:
        stored = sorted(float(np.linalg.norm(file[name][()])) for name, _ in record["shapes"])
    read = sorted(float(np.linalg.norm(np.float32(source.read(spec)))) for spec in weights)
    np.testing.assert_allclose(read, stored, rtol=1e-5)
    assert {spec.name.rpartition(".")[0] for spec in weights}.isdisjoint({""})
    source.close()


def test_kernels_in_the_order_of_theano_stay_as_they_are() -> None:
    source = open_source(MODELS / "keunwoochoi__music-auto_tagging-keras/music_tagger_crnn_weights_tensorflow.h5")
    shapes = {spec.name: spec.shape for spec in source.tensors()}
    assert [shapes[f"conv{at}.weight"] for at in range(1, 5)] == [
        (64, 1, 3, 3),
        (128, 64, 3, 3),
        (128, 128, 3, 3),
        (128, 128, 3, 3),
    ]
    assert shapes["gru1.weight_ih.r"] == (32, 128)
    source.close()


def test_the_gates_of_lstms_are_parted() -> None:
    source = open_source(MODELS / "breizhn__DTLN/DTLN_norm_40h.h5")
    layers = {layer.name: layer for layer in group(source.tensors()).layers}
    assert layers["lstm.weight_ih.i"].shape == (257, 128)
    assert [name for name in layers if name.startswith("lstm_2.weight_hh")] == [f"lstm_2.weight_hh.{g}" for g in "ifgo"]
    source.close()


def test_eight_epochs_of_one_net_are_analysed() -> None:
    assert len(EPOCHS) == 8
    for path in EPOCHS:
        report = et.analyze(MODELS / path)
        names = [row.layer.name for row in report.layers]
        assert len(names) == 14
        assert "separable_conv2d_8.pointwise" in names
        pointwise = report.layers[names.index("separable_conv2d_8.pointwise")]
        with h5py.File(MODELS / path) as file:
            kernel = file["model_weights/separable_conv2d_8/separable_conv2d_8_1/pointwise_kernel:0"][0, 0]
        stable_rank = (np.linalg.norm(kernel) / np.linalg.norm(kernel, 2)) ** 2
        assert pointwise.metrics["stable_rank"] == pytest.approx(stable_rank, rel=1e-5)
