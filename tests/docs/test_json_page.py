"""docs/report_json.md names every field of the JSON of compare, diff and study, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigentail as et
from eigentail.records.study import Series, SeriesModel

REPO = Path(__file__).resolve().parents[2]
PAGE = (REPO / "docs" / "report_json.md").read_text(encoding="utf-8")
Fields = dict[str, set[str]]

# Objects that the report has too, and objects whose keys are data.
OF_A_REPORT = {
    "Compare": {"models[].source", "models[].settings", "models[].tool", "models[].summary"},
    "Diff": {"tool", "base", "other", "settings"},
    "Study": {"settings"},
}
KEYED = {
    "Compare": {"layers[].values", "layers[].differences"},
    "Diff": {"by_kind", "outcomes"},
    "Study": {"metrics", "groups", "groups{}", "models[].metrics"},
}
KEYS_ARE_NAMED_TOO = {"baselines"}


def said(verb: str) -> Fields:
    """The object to its fields, as the page has them."""
    section = PAGE.split(f"## {verb}\n")[1].split("\n## ")[0]
    found: Fields = {}
    for where, fields in re.findall(r"^\| (top|`.*?`) \| (.*?) \| .* \|$", section, re.MULTILINE):
        for place in re.findall(r"`(.*?)`", where) or [""]:
            named = re.findall(r"`(\w+)`", fields)
            assert not found.setdefault(place, set()) & set(named), (place, named)
            found[place] |= set(named)
    return found


def objects(value: Any, verb: str, path: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every object of a document with its keys."""
    if isinstance(value, dict) and path not in OF_A_REPORT[verb]:
        keyed = path in KEYED[verb]
        if not keyed:
            yield path, set(value)
        for key, inner in value.items():
            step = "{}" if keyed or path in KEYS_ARE_NAMED_TOO else f".{key}" if path else key
            yield from objects(inner, verb, path + step)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner, verb, f"{path}[]")


def printed(verb: str, *documents: str) -> Fields:
    """The object to its fields, over several documents: no single one has everything."""
    found: Fields = {}
    for document in documents:
        for path, keys in objects(json.loads(document), verb):
            found.setdefault(path, keys)
            assert found[path] == keys, path
    return found


def net(seed: int = 0, *, louder: str = "") -> dict[str, np.ndarray]:
    """Six blocks of heavy-tailed weights; one of them may be louder than the others."""
    rng = np.random.default_rng(seed)
    names = [f"blocks.{block}.fc.weight" for block in range(6)]
    weights = {name: rng.standard_t(2.5, size=(64, 64)) for name in names}
    return {name: array * (1000.0 if name == louder else 1.0) for name, array in weights.items()}


def test_compare() -> None:
    louder, narrow = net(louder="blocks.2.fc.weight"), {"blocks.0.fc.weight": np.eye(32), "other.weight": np.eye(64)}
    made = printed("Compare", et.compare(net(), louder).to_json(), et.compare(net(), narrow).to_json())
    assert {"findings[]", "marks[]", "models[].flow[]"} <= set(made)
    assert said("Compare") == made


def test_diff() -> None:
    base = {**net(), "head.bias": np.ones(8), "gone.weight": np.eye(64)}
    other = {**net(1), "head.bias": np.zeros(8)}
    some = et.diff(base, other, et.Settings(layers=("blocks.*",)))
    made = printed("Diff", et.diff(base, other).to_json(), some.to_json())
    assert {"tensors[]", "skipped[]", "layers[].change", "layers[].overlap"} <= set(made)
    assert said("Diff") == made


def test_study() -> None:
    published = [SeriesModel(name=str(n), value=n, group="ab"[n % 2], metrics={"alpha": 3.0 - n}) for n in range(6)]
    grouped = Series(name="grouped", title="", higher_is_better=True, models=tuple(published))
    documents = [et.study("zoo-digits_noise"), et.study("nature2021-vgg"), et.study(grouped)]
    made = printed("Study", *(document.to_json() for document in documents))
    assert {"groups{}{}", "printed[]", "findings[]", "models[].reading"} <= set(made)
    assert said("Study") == made


@pytest.mark.parametrize(("name", "verb"), [("compare", "Compare"), ("diff", "Diff"), ("study", "Study")])
def test_the_page_has_a_section_for_each_verb(name: str, verb: str) -> None:
    assert f"`eigentail {name} " in PAGE.split(f"## {verb}\n")[1].split("\n## ")[0]
