from __future__ import annotations

import json

import msgspec
import pytest

from eigentail.analysis import calibrate

FLAGS = ("--cost", "--cost", "--recalibrate")
WORDS = ("Predicted: ", "this machine", "The dearest layer, fc", "all layers", "calibrated")


@pytest.fixture(scope="module")
def measured() -> calibrate.Machine:
    return calibrate.calibrate(sides=(8, 32))


@pytest.fixture
def calibrations(measured, tmp_path, monkeypatch) -> list[int]:
    """How often this machine was measured; each time in a moment."""
    monkeypatch.setenv("EIGENTAIL_HOME", str(tmp_path / "home"))
    made = list[int]()

    def again() -> calibrate.Machine:
        made.append(1)
        return msgspec.structs.replace(measured, made=f"2026-01-{len(made):02}")

    monkeypatch.setattr(calibrate, "calibrate", again)
    return made


def test_without_asking_nothing_is_measured(run, model, calibrations):
    assert "Predicted" not in run("describe", model).stdout
    assert "cost" not in json.loads(run("describe", model, "--json").stdout)
    assert calibrations == []


def test_the_cost_in_words_and_numbers(run, model, calibrations):
    shown = run("describe", model, "--cost")
    assert (shown.exit_code, shown.stderr) == (0, "")
    for words in WORDS:
        assert words in shown.stdout
    document = json.loads(run("describe", model, "--cost", "--workers", "1", "--json").stdout)["cost"]
    assert document["hands"] == {"workers": 1, "machines": 1}
    assert document["seconds"] > document["work"] > 0
    assert [layer["name"] for layer in document["layers"]] == ["fc0", "fc1", "fc2"]
    assert (document["nbytes"], document["reading"]) == (3 * 96 * 64 * 4, None)
    assert calibrations == [1]


def test_more_machines_take_less(run, model, calibrations):
    def predicted(n: int) -> float:
        words = ("describe", model, "--workers", "1", "--machines", str(n), "--json")
        return json.loads(run(*words).stdout)["cost"]["seconds"]

    assert predicted(3) < predicted(2) < predicted(1)
    assert "3 machines of this kind" in run("describe", model, "--machines", "3").stdout


def test_measured_again_when_asked(run, model, calibrations):
    made = [json.loads(run("describe", model, flag, "--json").stdout)["cost"]["machine"]["made"] for flag in FLAGS]
    assert made == ["2026-01-01", "2026-01-01", "2026-01-02"]


@pytest.mark.parametrize("option", ["--machines", "--workers"])
def test_less_than_one_is_refused(run, model, option):
    result = run("describe", model, option, "0")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"eigentail: invalid value for '{option}'")
