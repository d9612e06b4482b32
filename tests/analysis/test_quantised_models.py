"""A quantised model is analysed as the weights it stands for, and the report says what it is."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from quantised_models import SCHEMES, llama, quantised, save

import eigentail as et
from eigentail.analysis.document import load
from eigentail.reports import description_page, render
from eigentail.sources import open_source

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


FEW = et.Settings(metrics=("alpha",), min_evals=20)


def written(folder: Path, name: str = "gptq 4") -> Path:
    quantise, _, config = SCHEMES[name]
    return save(folder / "model", quantised(MODEL, quantise)[0], config)


def test_the_report_says_what_is_quantised(tmp_path: Path) -> None:
    report = et.analyze(written(tmp_path), FEW)
    assert "Quantised: 14 of 15 layers, gptq-4." in render(report, "text")
    assert "gptq-4" in render(report, "csv")
    page = json.loads(report.to_json())
    assert [row.get("quantised", "") for row in page["layers"]] == [row.quantised for row in report.layers]
    report.save(tmp_path / "report.json")
    again = et.load(tmp_path / "report.json")
    assert [row.quantised for row in again.layers] == [row.quantised for row in report.layers]


def test_a_report_of_plain_weights_says_nothing_of_it() -> None:
    report = et.analyze(MODEL, FEW)
    assert "uantised" not in render(report, "text") + render(report, "csv") + report.to_json()


def test_a_report_from_before_is_read(tmp_path: Path) -> None:
    page = json.loads(et.analyze(written(tmp_path), FEW).to_json())
    for row in page["layers"]:
        row.pop("quantised", None)
    (tmp_path / "old.json").write_text(json.dumps(page))
    assert {row.quantised for row in load(tmp_path / "old.json").layers} == {""}


def test_describe_tells_it_from_the_header(tmp_path: Path) -> None:
    page = description_page(et.describe(written(tmp_path), FEW))
    assert "Quantised: 14 of 15 layers, gptq-4." in page.lead
    assert {row[-1] for row in page.main.rows} == {"gptq-4", "float32"}
    layers = json.loads(page.json())["layers"]
    assert {(row["dtype"], row.get("quantised", "")) for row in layers} == {("float32", "gptq-4"), ("float32", "")}


def test_a_layer_with_scales_that_are_no_numbers_fails_alone(tmp_path: Path) -> None:
    stored, expected = quantised(MODEL, SCHEMES["gptq 4"][0])
    stored["model.layers.0.mlp.up_proj.scales"][0, 0] = np.nan
    report = et.analyze(save(tmp_path / "model", stored, {}), FEW)
    failed = [row for row in report.layers if not row.fit.ok]
    assert [row.name for row in failed] == ["model.layers.0.mlp.up_proj"]
    assert failed[0].reason == "32 of 15360 weights are NaN or infinite"
    assert failed[0].quantised == "gptq-4"
    assert len(report.layers) == sum(array.ndim > 1 for array in expected.values())


def test_a_missing_part_is_the_reason_to_skip(tmp_path: Path) -> None:
    stored, _ = quantised(MODEL, SCHEMES["gptq 4"][0])
    del stored["model.layers.0.mlp.up_proj.scales"], stored["model.layers.1.mlp.up_proj.qweight"]
    report = et.analyze(save(tmp_path / "model", stored, {}), FEW)
    reasons = {skip.name: skip.reason for skip in report.skipped}
    said = "quantised (GPTQ), but its part '{}' is missing"
    assert reasons["model.layers.0.mlp.up_proj.qweight"] == said.format("scales")
    assert reasons["model.layers.1.mlp.up_proj.qzeros"] == said.format("qweight")
    assert len(report.layers) == 13


def test_the_original_and_its_quantised_copy_can_be_subtracted(tmp_path: Path) -> None:
    found = et.diff(MODEL, str(written(tmp_path)), FEW)
    change = found.layer("model.layers.0.mlp.up_proj").change
    assert 0.001 < change.relative < 0.2


def test_compare_says_that_rounding_adds_noise(tmp_path: Path) -> None:
    marks = et.compare(MODEL, str(written(tmp_path)), settings=FEW).marks
    assert any(mark.about == "dtype" and "gptq-4" in mark.sentence for mark in marks)


def test_experts_of_gpt_oss_are_split_as_those_of_any_other_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    stored = {"model.layers.0.self_attn.sinks": np.ones(4, np.float32)}
    for name, rows, columns in (("gate_up_proj", 128, 64), ("down_proj", 64, 64)):
        blocks = rng.integers(0, 256, (2, rows, columns // 32, 16), np.uint8)
        stored[f"model.layers.0.mlp.experts.{name}_blocks"] = blocks
        stored[f"model.layers.0.mlp.experts.{name}_scales"] = rng.integers(120, 124, blocks.shape[:3], np.uint8)
    folder = save(tmp_path / "model", stored, {"model_type": "gpt_oss"})
    with closing(open_source(folder)) as source:
        plain = {spec.name: source.read(spec) for spec in source.tensors()}
    found, wanted = et.analyze(folder, FEW), et.analyze(plain, FEW)
    assert [row.name for row in found.layers] == [row.name for row in wanted.layers]
    assert {row.layer.kind for row in found.layers} == {"expert.gate", "expert.up", "expert.down"}
    assert {row.quantised for row in found.layers} == {"mxfp4"}
    assert [row.fit.alpha for row in found.layers] == [row.fit.alpha for row in wanted.layers]


def test_decoded_weights_are_counted_as_memory(tmp_path: Path) -> None:
    plain = {layer.name: layer for layer in et.describe(MODEL, FEW).layers}
    for layer in et.describe(written(tmp_path), FEW).layers:
        assert layer.memory >= plain[layer.name].memory
        assert layer.tensors[0].nbytes <= plain[layer.name].tensors[0].nbytes
