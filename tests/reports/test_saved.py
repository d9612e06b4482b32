"""Saved comparisons, differences and studies are shown again as they were shown when they were made."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

import eigentail as et
from eigentail.analysis.study import studies
from eigentail.reports import render
from eigentail.reports.compare_page import comparison_page
from eigentail.reports.diff_page import difference_page
from eigentail.reports.saved import saved_page
from eigentail.reports.study_page import studies_page
from eigentail.reports.table import Page


def weights(seed: int, more: bool = False) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {f"blocks.{i}.fc.weight": rng.standard_t(2.5, (96, 64)) for i in range(3)}
    found["flat.weight"] = np.eye(64)
    return {**found, f"only_{seed}.weight": rng.standard_normal((80, 60))} if more else found


def pages() -> dict[str, Page]:
    base, changed = weights(0), weights(0)
    changed["blocks.1.fc.weight"] = changed["blocks.1.fc.weight"] + 0.1
    changed["blocks.2.fc.weight"] = np.where(np.abs(base["blocks.2.fc.weight"]) < 1, 0, base["blocks.2.fc.weight"])
    changed["new.weight"] = np.ones((70, 50))
    broken = {**base, "flat.weight": np.full((64, 64), np.nan)}
    two, three = [weights(0, True), weights(1, True)], [weights(0), weights(0), weights(2, True)]
    return {
        "two": comparison_page(et.compare(*two)),
        "three": comparison_page(et.compare(*three, names=["a", "b|c", "<d>"])),
        "stranger": comparison_page(et.compare(weights(0), {"other.weight": np.eye(50)})),
        "diff": difference_page(et.diff(base, changed)),
        "diff of one that fails": difference_page(et.diff(base, broken)),
        "study": studies_page(studies("nature2021-vgg")),
        "studies": studies_page(studies("nature2021")),
    }


PAGES = pages()


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_shown_again_it_is_the_same_in_every_form(page: Page) -> None:
    again = saved_page(json.loads(page.json()))
    assert again is not None
    for form in ("table", "csv", "markdown", "json"):
        assert render(again, form) == render(page, form)
    assert (again.title, again.lead, again.facts) == (page.title, page.lead, page.facts)


def test_what_was_wrong_in_a_layer_is_still_said() -> None:
    document = json.loads(PAGES["study"].json())
    document["problems"] = ["VGG11: conv3: 3 of 4096 values are NaN"]
    assert saved_page(document).lead[-1] == "VGG11: conv3: 3 of 4096 values are NaN."


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, the first two of each list."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def spoilt(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(document))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


@pytest.mark.parametrize("name", ["two", "diff", "study"])
def test_any_damage_is_refused_or_shown(name: str) -> None:
    document = json.loads(PAGES[name].json())
    damages = (None, -7, "word", [], {}, [[1]])
    refused = 0
    for number, path in enumerate(places(document)):
        try:
            page = saved_page(spoilt(document, path, damages[number % len(damages)]))
        except msgspec.ValidationError:
            refused += 1
        else:
            assert page is None or render(page, "csv")
    assert refused > 20


def test_what_is_none_of_them_is_none() -> None:
    assert saved_page({}) is None
    assert saved_page(json.loads(et.analyze(et.example()).to_json())) is None
