"""The JSON document: its keys, its nulls, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nets import convnet, essence, heavy, mlp

import eigentail as et
from eigentail.records import ModelReport


def broken() -> ModelReport:
    """A report with every kind of missing number."""
    weights = {**mlp(), "dead.weight": np.zeros((64, 64), np.float32), "flat.weight": np.eye(64, dtype=np.float32)}
    weights["fc2.weight"][0, 0] = np.nan
    return et.analyze(weights, et.Settings(metrics=("alpha*", "log_*", "N", "rank_loss")))


def decoded(report: ModelReport) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(report.to_json(), parse_constant=refuse)


def test_the_keys_are_those_of_the_published_schema() -> None:
    document = decoded(et.analyze(convnet()))
    assert list(document) == ["schema_version", "tool", "source", "settings", "summary", "layers", "skipped"]
    assert document["schema_version"] == 1
    assert document["tool"]["name"] == "eigentail"
    assert {"name", "kind", "block", "shape", "num_evals", "status", "verdict", "metrics"} <= set(document["layers"][0])
    assert document["layers"][0]["shape"] == [32, 16]
    assert {"alpha", "layers_ok", "layers_failed", "layers_skipped"} <= set(document["summary"])
    assert "spectrum" not in document["layers"][0]


def test_a_skip_is_name_shape_and_reason() -> None:
    (skipped,) = decoded(et.analyze(mlp()))["skipped"]
    assert {key: skipped[key] for key in ("name", "shape")} == {"name": "fc1.bias", "shape": [96]}
    assert set(skipped) == {"name", "shape", "reason"}


def test_the_settings_in_the_document_are_settings_again() -> None:
    settings = et.Settings(metrics=("alpha",), conv="flatten", min_evals=9)
    document = decoded(et.analyze(convnet(), settings))
    from eigentail.settings import parse_settings

    assert parse_settings(document["settings"]) == settings


def test_what_does_not_exist_is_null() -> None:
    document = decoded(broken())
    layers = {row["name"]: row for row in document["layers"]}
    assert layers["dead"]["metrics"]["log_norm"] is None
    assert layers["fc2"]["metrics"]["alpha"] is None
    assert layers["fc2"]["metrics"]["N"] == 96
    assert layers["flat"]["fit"]["alpha"] is None
    assert layers["flat"]["status"] == "flat"
    assert (document["summary"]["layers_ok"], document["summary"]["layers_failed"]) == (3, 3)


@pytest.mark.parametrize("report", [broken(), et.analyze(convnet())], ids=["broken", "convnet"])
def test_saved_and_loaded_it_is_the_same_report(report: ModelReport, tmp_path: Path) -> None:
    report.save(tmp_path / "r.json")
    again = et.load(tmp_path / "r.json")
    assert [essence(row) for row in again.layers] == [essence(row) for row in report.layers]
    assert again.to_json() == report.to_json()
    assert repr(again.summary) == repr(report.summary)
    assert (again.source, again.settings, again.skipped) == (report.source, report.settings, report.skipped)
    assert dict(again.versions) == dict(report.versions)
    for before, after in zip(report.layers, again.layers, strict=True):
        assert after.layer.num_evals == before.layer.num_evals
        if before.spectrum is not None and after.spectrum is not None:
            assert (after.spectrum.rank, after.spectrum.scale) == (before.spectrum.rank, before.spectrum.scale)
            assert not after.spectrum.eigenvalues.flags.writeable


def test_the_printed_document_can_be_loaded_but_has_no_spectra(tmp_path: Path) -> None:
    report = et.analyze(mlp())
    path = tmp_path / "r.json"
    path.write_text(report.to_json())
    again = et.load(path)
    assert again.to_json() == report.to_json()
    assert {row.spectrum for row in again.layers} == {None}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "not a report of eigentail"),
        (b"hello", "not a report of eigentail"),
        (b"[]", "not a report of eigentail"),
        (b"{}", "not a report of eigentail"),
        (b'{"schema_version": "x"}', "not a report of eigentail"),
        (b'{"schema_version": 2}', "schema version 2, this program reads 1: update eigentail"),
        (b"\xff\xfe\x00", "not a report of eigentail"),
    ],
)
def test_what_is_no_report_is_told(text: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(text)
    with pytest.raises(et.SourceError, match=f"r.json: .*{sentence}"):
        et.load(tmp_path / "r.json")


@pytest.mark.parametrize(
    "damage",
    [
        {"layers": 3},
        {"layers": [{"name": "fc1"}]},
        {"summary": {"alpha": "high"}},
        {"summary": {"layers_ok": None}},
        {"settings": {"conv": "poled"}},
        {"settings": {"volume": 11}},
    ],
)
def test_a_damaged_report_is_told(damage: dict[str, Any], tmp_path: Path) -> None:
    document = {**decoded(et.analyze({"fc.weight": heavy(64, 64, 0)})), **damage}
    (tmp_path / "r.json").write_text(json.dumps(document))
    with pytest.raises(et.EigentailError, match=r"not a report of eigentail|unknown value 'poled'"):
        et.load(tmp_path / "r.json")


def test_a_spectrum_that_is_cut_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    et.analyze({"fc.weight": heavy(64, 64, 0)}).save(path)
    document = json.loads(path.read_text())
    document["layers"][0]["spectrum"]["eigenvalues"] = "AAAA"
    path.write_text(json.dumps(document))
    with pytest.raises(et.SourceError, match="not a report of eigentail"):
        et.load(path)


def test_a_report_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(et.SourceError, match=r"no-such\.json: no such file or directory"):
        et.load(tmp_path / "no-such.json")
