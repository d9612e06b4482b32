"""A report saved before the null, the interval, the phases and the model's verdict existed is still read and shown."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from eigentail.analysis import load
from eigentail.records import FitStatus, ModelReport, Verdict
from eigentail.reports import render, report_page

OLDER = {
    "schema_version": 1,
    "tool": {"name": "eigentail", "eigentail": "0.1.0", "python": "3.11.7", "numpy": "2.0.0"},
    "source": {"format": "safetensors", "target": "net.safetensors", "fingerprint": "1:2"},
    "settings": {
        "metrics": ["*"],
        "layers": ["*"],
        "kinds": ["*"],
        "min_evals": 8,
        "max_evals": None,
        "tail": "clauset",
        "conv": "pooled",
        "conv_scale": "weightwatcher",
        "precision": "auto",
        "embeddings": "apart",
        "strict": False,
    },
    "summary": {
        "alpha": 2.5,
        "alpha_weighted": None,
        "median": {"alpha": 2.5, "alpha_weighted": None},
        "by_kind": {"dense": {"alpha": 2.5, "alpha_weighted": None}},
        "verdicts": {"well-trained": 1},
        "layers_ok": 1,
        "layers_failed": 0,
        "layers_skipped": 1,
        "layers_averaged": 1,
    },
    "layers": [
        {
            "index": 0,
            "name": "fc1",
            "kind": "dense",
            "block": None,
            "shape": [192, 64],
            "count": 1,
            "num_evals": 64,
            "status": "ok",
            "verdict": "well-trained",
            "reason": "alpha 2.50 is between 2 and 6",
            "metrics": {"alpha": 2.5, "alpha_weighted": None},
            "fit": {
                "law": "power_law",
                "alpha": 2.5,
                "sigma": 0.2,
                "xmin": 1.0,
                "xmax": 9.0,
                "D": 0.05,
                "tail": 30,
                "detail": "",
            },
        }
    ],
    "skipped": [{"name": "fc1.bias", "shape": [192], "reason": "a vector"}],
}


@pytest.fixture
def older(tmp_path: Path) -> ModelReport:
    path = tmp_path / "older.json"
    path.write_text(json.dumps(OLDER), encoding="utf-8")
    return load(path)


def test_what_it_says_is_kept_and_what_it_does_not_is_not_there(older: ModelReport) -> None:
    row = older.layers["fc1"]
    assert (row.fit.status, row.fit.alpha, row.verdict) == (FitStatus.OK, 2.5, Verdict.WELL_TRAINED)
    assert older.summary["alpha"] == 2.5
    assert math.isnan(older.summary["alpha_weighted"])
    assert (row.phase, row.best_law, row.fit.fingers) == (None, "", 0)
    assert math.isnan(row.fit.rate)
    assert math.isnan(row.fit.raw_alpha)


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "html", "json"])
def test_every_form_shows_it(older: ModelReport, form: str) -> None:
    text = render(older, form)
    assert "fc1" in text
    assert "well-trained" in text
    assert "alpha_null: " not in text


def test_the_verdict_on_the_model_is_that_of_its_layers(older: ModelReport) -> None:
    assert report_page(older).lead == (
        "The model: well-trained, 1 of 1 layers judged.",
        "1 layer: 1 well-trained.",
        "Mean over 1 layer: alpha 2.500, alpha_weighted -.",
    )


def test_saved_again_it_is_the_same(older: ModelReport, tmp_path: Path) -> None:
    older.save(tmp_path / "again.json")
    again = load(tmp_path / "again.json")
    assert again.layers["fc1"].fit.alpha == 2.5
    assert again.summary.verdicts == older.summary.verdicts
