"""docs/scale.md holds what its script makes, from shapes that add up to the published sizes."""

from __future__ import annotations

import sys
import tomllib
from math import prod
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
import scale  # noqa: E402
from measured.page import put  # noqa: E402

MODELS = {model["name"]: model for model in tomllib.loads((SCRIPTS / "large_models.toml").read_text())["models"]}
# Parameters as their papers tell them, in billions.
PUBLISHED = {"Llama 3 70B": 70.6, "Llama 3.1 405B": 405.8, "Kimi K2 (MoE, 1T)": 1040}


def test_the_page_is_what_the_script_makes() -> None:
    text = scale.PAGE.read_text(encoding="utf-8")
    made = text
    for name, content in scale.tables(scale.machine_on_file()).items():
        assert f"<!-- {name}: begin -->" in text
        made = put(made, name, content)
    assert made == text


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_matrices_add_up_to_the_model(name: str) -> None:
    total = sum(prod(shape) for _, shape in scale.shapes(MODELS[name]))
    assert total / 1e9 == pytest.approx(PUBLISHED[name], rel=0.02)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_matrix_is_recognised(name: str) -> None:
    work = scale.describe({**MODELS[name], "blocks": 2, **({"experts": 8} if "experts" in MODELS[name] else {})})
    assert work.skipped == ()
    assert "dense" not in {layer.kind for layer in work.layers}
