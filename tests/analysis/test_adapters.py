"""Adapters in the river: measured from their factors, and diffed as what they add."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import eigentail as et
from eigentail.analysis.diff import diff
from eigentail.records import Verdict
from eigentail.records.difference import Deed
from eigentail.settings import Settings
from eigentail.sources import open_source
from eigentail.sources.adapters.merged import Merged

PEFT = Path(__file__).resolve().parents[1] / "fixtures" / "peft"
RNG = np.random.default_rng(1)


def pair(module: str, out: int, width: int, rank: int) -> dict[str, np.ndarray]:
    return {
        f"{module}.lora_A.weight": 0.1 * RNG.standard_normal((rank, width)),
        f"{module}.lora_B.weight": 0.1 * RNG.standard_normal((out, rank)),
    }


def net() -> dict[str, np.ndarray]:
    return {
        "layers.0.self_attn.q_proj.weight": RNG.standard_t(3, (96, 64)),
        "layers.0.mlp.up_proj.weight": RNG.standard_t(3, (128, 64)),
        "conv.weight": RNG.standard_t(3, (48, 32, 3, 3)),
        "layers.0.norm.weight": np.ones(64),
    }


def test_a_change_has_the_numbers_of_its_product_multiplied_out() -> None:
    factors = pair("layers.0.self_attn.q_proj", 96, 64, 8)
    dense = factors["layers.0.self_attn.q_proj.lora_B.weight"] @ factors["layers.0.self_attn.q_proj.lora_A.weight"]
    row = et.analyze(factors).layers[0]
    twin = et.analyze({"layers.0.self_attn.q_proj.weight": dense}).layers[0]
    assert (row.name, row.layer.kind, row.layer.block) == ("layers.0.self_attn.q_proj", "attention.q", 0)
    for name in ("stable_rank", "log_norm", "log_spectral_norm", "entropy", "matrix_rank", "rank_loss", "num_evals",
                 "alpha"):  # fmt: skip
        assert row.metrics[name] == pytest.approx(twin.metrics[name], rel=1e-9), name
    assert row.verdict is Verdict.TOO_SMALL
    assert row.reason == "a product of rank 8: at most 8 of 64 eigenvalues, and no null to judge them by"
    assert row.phase is None
    assert all(math.isnan(row.metrics[name]) for name in ("alpha_null", "noise_p", "num_spikes"))


@pytest.mark.parametrize("rank", [1, 4, 60])
def test_whatever_its_rank_a_change_is_not_judged_by_a_null_that_is_not_its_own(rank: int) -> None:
    report = et.analyze(pair("fc", 256, 128, rank), Settings(metrics=("*",)))
    assert report.layers[0].verdict is Verdict.TOO_SMALL
    assert report.layers[0].metrics["matrix_rank"] == rank


def test_the_report_says_the_rank_the_alpha_and_the_scale(tmp_path: Path) -> None:
    report = et.analyze(PEFT / "rs")
    assert {row.notes for row in report.layers} == {("rsLoRA r = 4, alpha = 8: scale 4 (alpha / sqrt(r))",)}
    assert "rsLoRA r = 4, alpha = 8: scale 4" in repr(report)
    report.save(tmp_path / "r.json")
    assert et.load(tmp_path / "r.json").layers[0].notes == report.layers[0].notes


@pytest.mark.parametrize("conv", ["pooled", "flatten", "per-slice"])
def test_a_kernel_is_cut_as_it_would_be_whole(conv: str) -> None:
    down, up = RNG.standard_normal((3, 16, 3, 3)), RNG.standard_normal((24, 3, 1, 1))
    kernel = np.einsum("or,rikl->oikl", up[:, :, 0, 0], down)
    settings = Settings(conv=conv, min_evals=2)
    rows = et.analyze({"conv.lora_A.weight": down, "conv.lora_B.weight": up}, settings).layers
    twins = et.analyze({"conv.weight": kernel}, settings).layers
    assert [row.name for row in rows] == [row.name for row in twins]
    for row, twin in zip(rows, twins, strict=True):
        assert row.spectrum is not None
        np.testing.assert_allclose(
            row.spectrum.eigenvalues, twin.spectrum.eigenvalues, rtol=1e-9, atol=1e-12 * twin.spectrum.lambda_max
        )


def test_a_fused_weight_is_split_as_its_base_is() -> None:
    """Of [q, k, v] each part is the part of the second factor that belongs to it."""
    down, up = RNG.standard_normal((4, 64)), RNG.standard_normal((192, 4))
    beside = pair("h.0.attn.c_proj", 64, 64, 4)
    found = et.analyze({"h.0.attn.c_attn.lora_A.weight": down, "h.0.attn.c_attn.lora_B.weight": up, **beside})
    for at, part in enumerate("qkv"):
        row = found.layers[f"h.0.attn.c_attn.{part}"]
        wanted = np.linalg.svd(up[64 * at : 64 * at + 64] @ down, compute_uv=False)[:4] ** 2
        np.testing.assert_allclose(row.spectrum.positive[::-1], wanted, rtol=1e-9)


def test_diff_with_an_adapter_is_diff_with_the_merged_model() -> None:
    base = net()
    adapter = {**pair("layers.0.self_attn.q_proj", 96, 64, 4), **pair("layers.0.mlp.up_proj", 128, 64, 4)}
    adapter |= {
        "conv.lora_A.weight": RNG.standard_normal((3, 32, 3, 3)),
        "conv.lora_B.weight": RNG.standard_normal((48, 3, 1, 1)),
    }
    merged = Merged(open_source(base), [open_source(adapter)])
    whole = {spec.name: np.array(merged.read(spec)) for spec in merged.tensors()}
    wanted = diff(base, whole)
    for found in (diff(base, adapter), diff(open_source(base), merged)):
        assert (found.sentence, found.deed) == (wanted.sentence, wanted.deed)
        for row, twin in zip(found.layers, wanted.layers, strict=True):
            assert (row.name, row.outcome, row.change.rank) == (twin.name, twin.outcome, twin.change.rank)
            for name in ("relative", "norm", "stable_rank", "entropy"):
                assert getattr(row.change, name) == pytest.approx(getattr(twin.change, name), rel=1e-6), name
            assert row.overlap.left == pytest.approx(twin.overlap.left, rel=1e-6)
            assert row.log_norm_drift == pytest.approx(twin.log_norm_drift, rel=1e-6)
            top = twin.change.spectrum.lambda_max
            np.testing.assert_allclose(
                row.change.spectrum.eigenvalues, twin.change.spectrum.eigenvalues, rtol=1e-6, atol=1e-9 * top
            )


@pytest.mark.parametrize("name", ["plain", "rs", "conv", "embedding", "fan", "patterns"])
def test_diff_with_a_saved_adapter_agrees_with_what_peft_merged(name: str) -> None:
    folder = PEFT / name
    adapters = "+".join(map(str, [folder, *folder.glob("second")]))
    settings = Settings(min_evals=2)
    wanted = diff(folder / "base.safetensors", folder / "merged.safetensors", settings)
    found = diff(folder / "base.safetensors", f"{folder / 'base.safetensors'}+{adapters}", settings)
    for row, twin in zip(found.layers, wanted.layers, strict=True):
        assert row.change.relative == pytest.approx(twin.change.relative, rel=1e-6)
        if row.change.relative > 0:
            norm = twin.change.spectrum.lambda_max
            np.testing.assert_allclose(
                row.change.spectrum.eigenvalues, twin.change.spectrum.eigenvalues, rtol=1e-6, atol=1e-6 * norm
            )


def test_the_rank_of_what_was_added_is_seen_through_the_rounding_of_the_base() -> None:
    """Sixteen bits of the base hide most of a small change; its factors do not."""
    base = {"fc.weight": RNG.standard_normal((128, 96)).astype(np.float16)}
    adapter = {name: (0.1 * values).astype(np.float16) for name, values in pair("fc", 128, 96, 6).items()}
    found = diff(base, adapter).layers[0]
    assert (found.change.rank, found.change.low_rank) == (6, True)


def test_a_dora_is_diffed_as_it_merges() -> None:
    folder = PEFT / "dora"
    found = diff(folder / "base.safetensors", folder, Settings(min_evals=2))
    wanted = diff(folder / "base.safetensors", folder / "merged.safetensors", Settings(min_evals=2))
    assert found.deed is wanted.deed is not Deed.NOTHING
    assert found.relative == pytest.approx(wanted.relative, rel=1e-5)


def test_the_cost_is_that_of_the_factors() -> None:
    work = et.describe(pair("fc", 4096, 4096, 8))
    (layer,) = work.layers
    assert work.nbytes == 2 * 8 * 4096 * 8
    assert layer.memory < 8 * 2**20
    assert layer.flops < 1e7
