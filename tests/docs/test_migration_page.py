"""docs/migration.md names what both programs have: calls and options there, settings, estimators and metrics here."""

from __future__ import annotations

import inspect
import logging
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from oracles import quarantine

import eigentail as et
from eigentail import settings
from eigentail.metrics import metrics
from eigentail.numerics.tail import estimators

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "migration.md").read_text(encoding="utf-8")
CHOICES = {"conv": settings.Conv, "conv_scale": settings.ConvScale, "precision": settings.Precision}
# Columns of a table, or of the fit, that are no metrics.
OTHERS = {"index", "name", "kind", "status", "reason", "verdict"}


def table(section: str) -> list[list[str]]:
    """The cells of the rows below a heading."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]


def words(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture(scope="module")
def peer() -> type:
    with quarantine():
        import weightwatcher
    return weightwatcher.WeightWatcher


def test_the_calls_are_there(peer: type) -> None:
    for theirs, ours, *_ in table("Calls"):
        for call in re.findall(r"watcher\.(\w+)|(SVD\w+)|(analyze_\w+)", theirs):
            assert hasattr(peer, next(filter(None, call))), theirs
        for name in re.findall(r"`et\.(\w+)", ours):
            assert name in et.__all__


def test_every_option_of_the_peer_has_a_line(peer: type) -> None:
    listed = {name for row in table("Options of `analyze`") for word in words(row[0]) for name in [word.split("=")[0]]}
    listed |= {"base_model", "peft", "plot", "model"}  # among the calls
    known = set(inspect.signature(peer.analyze).parameters)
    assert listed <= known
    assert known - listed == {"self"}


def test_our_settings_exist_with_those_values() -> None:
    text = " ".join(row[1] for row in table("Options of `analyze`"))
    pairs = re.findall(r"(\w+)=\"?([\w.-]+|\()", text)
    assert len(pairs) > 10
    for name, value in pairs:
        assert name in et.Settings.__struct_fields__
        if name in CHOICES:
            assert value in get_args(CHOICES[name])
        if name == "tail":
            assert value in estimators
    for pattern in re.findall(r'"([\w*]+)"', " ".join(re.findall(r"metrics=\(([^)]*)\)", text))):
        assert pattern == "default" or any(fnmatch(name, pattern) for name in metrics)


def test_our_columns_exist() -> None:
    kept = PAGE.split("\n## Columns\n")[1].split("\n\n|")[0].partition("): ")[2]
    assert len(words(kept)) > 25
    assert set(words(kept)) <= set(metrics) | OTHERS
    for _, ours in table("Columns"):
        for word in words(ours):
            name = word.removeprefix("fit.")
            known = et.analyze(et.example()).layers[0].fit.__struct_fields__ if name != word else set(metrics) | OTHERS
            assert name in known or word == "attention.q"


def test_the_columns_are_in_the_peers_table(peer: type) -> None:
    rng = np.random.default_rng(0)
    model = {"fc.weight": torch.from_numpy(rng.standard_t(3, (80, 60)))}
    with quarantine():
        details = peer(log_level=logging.CRITICAL).analyze(
            model=model, mp_fit=True, randomize=True, ERG=True, fix_fingers="clip_xmax"
        )
    kept = PAGE.split("\n## Columns\n")[1].split("\n\n|")[0].partition("): ")[2]
    theirs = {name for row in table("Columns") for name in words(row[0])} - {"Lambda"}  # of another fit
    assert (set(words(kept)) | theirs) - set(details.columns) == set()
