"""The bundled nets: their study files are whole, they are small enough to ship, and untrained is told from trained."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import eigentail as et

REPO = Path(__file__).resolve().parents[2]
SHIPPED = REPO / "src" / "eigentail" / "zoo"
STUDIES = sorted([*(REPO / "zoo").glob("*.toml"), *SHIPPED.glob("*.toml")])


def study(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_there_are_the_series_that_were_promised() -> None:
    assert {path.stem for path in STUDIES} == {"digits_noise", "digits_width", "gpt_demo", "gpt_steps", "gpt_width"}


def test_the_zoo_is_small() -> None:
    assert size_of(SHIPPED) < 2_000_000
    assert size_of(SHIPPED) + size_of(REPO / "zoo") < 15_000_000


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_names_nets_that_are_there_and_what_they_reached(path: Path) -> None:
    found = study(path)
    assert {"title", "dataset", "metric", "higher_is_better", "source", "caveats"} <= set(found)
    for model in found["models"]:
        assert (path.parent / model["file"]).is_file()
        assert model["value"] > 0
    assert len({model["name"] for model in found["models"]}) == len(found["models"])


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_net_is_read_whole_and_the_parameters_are_those_of_the_study(path: Path) -> None:
    from eigentail.sources import opened

    for model in study(path)["models"]:
        with opened(path.parent / model["file"]) as source:
            sizes = [spec.nbytes // (2 if spec.dtype == "bfloat16" else 4) for spec in source.tensors()]
        assert sum(sizes) == model["parameters"]


def test_every_layer_of_an_untrained_net_is_called_untrained_and_few_of_a_trained_one() -> None:
    before, after = (et.analyze(SHIPPED / "gpt_demo" / f"{name}.safetensors") for name in ("init", "trained"))
    assert dict(before.summary.verdicts) == {"untrained": len(before.layers)}
    assert after.summary.verdicts.get("untrained", 0) <= len(after.layers) // 10


def test_digits_nets_are_at_least_128_wide() -> None:
    for name in ("digits_noise", "digits_width"):
        path = next(path for path in STUDIES if path.stem == name)
        for model in study(path)["models"]:
            assert et.analyze(path.parent / model["file"]).layers["fc2"].layer.shape[1] >= 128
