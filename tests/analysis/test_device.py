"""The same report wherever the spectra are computed, and it says where that was."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from nets import convnet, mlp

import eigentail as et
from eigentail.records import ModelReport
from eigentail.settings import Settings
from eigentail.store import SpectrumStore

REPO = Path(__file__).resolve().parents[2]
NETS = sorted((REPO / "zoo").rglob("*.safetensors"))[::9][:2]
THERE = Settings(device="torch:cpu")
HERE = Settings(device="cpu")


def assert_same(there: ModelReport, here: ModelReport, rtol: float = 1e-10) -> None:
    assert [row.name for row in there.layers] == [row.name for row in here.layers]
    for one, other in zip(there.layers, here.layers, strict=True):
        assert (one.verdict, one.fit.status, one.fit.tail) == (other.verdict, other.fit.status, other.fit.tail)
        assert one.metrics == pytest.approx(dict(other.metrics), rel=rtol, abs=rtol, nan_ok=True), one.name


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_the_nets_of_the_zoo_show_the_same(path: Path) -> None:
    there, here = (
        et.analyze(path, replace(settings, precision="float64", layers=("0:7",))) for settings in (THERE, HERE)
    )
    assert_same(there, here)
    assert {row.device for row in there.layers} == {"torch:cpu"}
    assert {row.device for row in here.layers} == {"cpu"}


@pytest.mark.parametrize("metrics", [("default",), ("*",)])
@pytest.mark.parametrize("net", [mlp, convnet])
def test_every_metric_is_the_same(net: object, metrics: tuple[str, ...]) -> None:
    there, here = (et.analyze(net(), replace(settings, metrics=metrics, shuffles=3)) for settings in (THERE, HERE))
    assert_same(there, here, 1e-9 if metrics == ("*",) else 1e-10)  # p-values of resamples see the tenth digit


def test_float32_is_within_its_noise() -> None:
    weights = {name: array.astype(np.float16) for name, array in mlp().items()}
    there, here = (et.analyze(weights, settings) for settings in (THERE, HERE))
    for one, other in zip(there.layers, here.layers, strict=True):
        assert one.spectrum.precision == other.spectrum.precision
        atol = 16 * np.finfo("f4").eps * other.spectrum.lambda_max
        np.testing.assert_allclose(one.spectrum.eigenvalues, other.spectrum.eigenvalues, rtol=0, atol=atol)
        assert one.fit.alpha == pytest.approx(other.fit.alpha, rel=1e-3)


@pytest.mark.parametrize("using", [et.serial, et.threads(3)])
def test_every_executor_can_use_it(using: object) -> None:
    assert_same(et.analyze(mlp(), THERE, using=using), et.analyze(mlp(), HERE))


def test_the_settings_of_a_worker_travel() -> None:
    assert pickle.loads(pickle.dumps(THERE)) == THERE


def test_a_report_says_where_and_is_read_back(tmp_path: Path) -> None:
    report = et.analyze(mlp(), THERE)
    report.save(tmp_path / "report.json")
    again = et.load(tmp_path / "report.json")
    assert [row.device for row in again.layers] == ["torch:cpu"] * len(report.layers)
    assert again.layers[0].spectrum.device == "torch:cpu"
    rows = json.loads(report.to_json())["layers"]
    assert {row["device"] for row in rows} == {"torch:cpu"}
    assert "notes" not in rows[0]
    assert f"spectra computed on torch:cpu ({len(rows)})" in repr(report)
    assert "spectra computed" not in repr(et.analyze(mlp(), HERE))


def test_a_card_that_fails_leaves_a_note_and_the_numbers_of_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    solve = torch.linalg.eigvalsh

    def small_only(part: torch.Tensor) -> torch.Tensor:
        if part.shape[-1] > 60:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return solve(part)

    monkeypatch.setattr(torch.linalg, "eigvalsh", small_only)
    report, plain = et.analyze(mlp(), THERE), et.analyze(mlp(), HERE)
    assert_same(report, plain)
    note = "computed on the CPU: torch:cpu: too little memory"
    seen = {row.name: (row.device, row.notes) for row in report.layers}
    alone = {"fc1": ("cpu", (note,)), "fc2": ("cpu", (note,)), "fc3": ("torch:cpu", ()), "head": ("torch:cpu", ())}
    assert seen == {name: alone[name] for name in seen}
    report.save(tmp_path / "report.json")
    assert et.load(tmp_path / "report.json").layers["fc1"].notes == (note,)
    assert f"2 layers: {note}" in " ".join(repr(report).split())


def test_a_layer_without_a_spectrum_ran_nowhere() -> None:
    (row,) = et.analyze({"w": np.full((20, 20), np.nan)}, THERE).layers
    assert (row.device, row.notes) == ("", ())
    assert math.isnan(row.fit.alpha)


def test_the_store_knows_no_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SpectrumStore(tmp_path / "home")
    first = et.analyze(mlp(), THERE, store=store)

    def never(*_: object) -> None:
        raise AssertionError("a spectrum was computed")

    monkeypatch.setattr("eigentail.numerics.processor.eigenvalues_of", never)
    second = et.analyze(mlp(), HERE, store=store)
    assert {row.device for row in second.layers} == {"torch:cpu"}  # where the numbers are from
    assert_same(second, first, 0)


def test_shards_from_different_machines_make_one_report() -> None:
    parts = [et.analyze(mlp(), settings, shard=(i, 2)) for i, settings in enumerate((THERE, HERE))]
    merged = et.merge(parts)
    assert_same(merged, et.analyze(mlp(), HERE))
    assert {row.device for row in merged.layers} == {"torch:cpu", "cpu"}


def test_a_difference_is_the_same_and_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    base = mlp()
    tuned = base | {"fc1.weight": base["fc1.weight"] + np.float32(0.01)}
    solved: list[int] = []
    solve = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda part: (solved.append(1), solve(part))[1])
    there = et.diff(base, tuned, THERE)
    assert len(solved) > len(there.layers)
    here = et.diff(base, tuned, HERE)
    for one, other in zip(there.layers, here.layers, strict=True):
        assert (one.outcome, one.change.rank) == (other.outcome, other.change.rank)
        assert one.other.alpha == pytest.approx(other.other.alpha, rel=1e-10, nan_ok=True)


@pytest.mark.parametrize("ask", [et.analyze, lambda target, settings: et.diff(target, target, settings)])
def test_one_that_is_not_there_is_told_before_anything_is_read(ask: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(et.UsageError, match=r"^device: no cuda:3 here: "):
        ask(mlp(), Settings(device="cuda:3"))
