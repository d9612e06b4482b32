"""The page of a diff: what stands on it in every form, and the JSON document."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eigentail.analysis.diff import diff
from eigentail.records.difference import Difference, Outcome
from eigentail.reports import render, write
from eigentail.reports.diff_document import DifferenceDocument
from eigentail.reports.diff_page import difference_page, layers_table

RNG = np.random.default_rng(4)
BASE = {f"fc{i}.weight": RNG.standard_t(2.5, (96, 64)).astype(np.float32) for i in range(4)}
BASE |= {"old.weight": BASE["fc0.weight"][:48].copy(), "fc0.bias": np.zeros(96, np.float32), "fc1.bias": np.ones(96)}
OTHER = {name: values for name, values in BASE.items() if name != "old.weight"}
OTHER |= {"fc1.weight": 5 * BASE["fc1.weight"], "fc2.weight": BASE["fc2.weight"] + np.float32(0.1)}
OTHER |= {"fc0.bias": np.ones(96, np.float32), "<b>.weight": BASE["fc0.weight"].copy()}


@pytest.fixture(scope="module")
def found() -> Difference:
    return diff(BASE, OTHER)


def test_every_layer_has_a_row_and_every_row_a_cell_for_each_column(found: Difference) -> None:
    table = layers_table(found)
    assert [row[1] for row in table.rows] == ["fc0", "fc1", "fc2", "fc3", "old", "<b>"]
    assert {len(row) for row in table.rows} == {len(table.columns)}
    at = {column.name: i for i, column in enumerate(table.columns)}
    assert [row[at["outcome"]] for row in table.rows] == [
        "untouched", "damaged", "changed", "untouched", "missing-in-other", "missing-in-base",
    ]  # fmt: skip
    assert [row[at["done"]] for row in table.rows] == ["nothing", "dense", "low-rank", "nothing", "", ""]
    assert table.rows[1][at["change"]] == pytest.approx(4)
    assert table.rows[2][at["rank"]] == 1


def test_the_outcome_is_told_in_sentences(found: Difference) -> None:
    lead = difference_page(found).lead
    assert lead[0] == (
        "damaged: 2 of 4 layers changed, 1 of them looks damaged, 1 tensor beside the layers changed, "
        "1 missing in the other, 1 missing in the base."
    )
    assert lead[1].endswith("the most in fc1, by 400 %.")
    assert lead[2].startswith("What was done: not the same was done to every layer: ")
    assert lead[3].startswith("fc1 looks damaged: its norm is 5 times that before")


@pytest.mark.parametrize("form", ["text", "markdown", "html", "csv", "json"])
def test_every_form_shows_it(found: Difference, form: str) -> None:
    text = render(difference_page(found), form)
    for word in ("fc1", "damaged", "missing-in-base"):
        assert word in text
    if form == "html":
        assert "<b>" not in text.split("<body")[1].replace("&lt;b&gt;", "")


def test_what_is_no_layer_is_told_by_what_became_of_it(found: Difference) -> None:
    (table,) = [table for table in difference_page(found).appendix if table.title == "Beside the layers"]
    assert {(row[0], row[1]) for row in table.rows} == {(1, "changed"), (1, "untouched")}


def test_the_document_is_typed_and_holds_every_number(found: Difference) -> None:
    document = json.loads(found.to_json())
    assert list(document) == list(DifferenceDocument.__struct_fields__)
    assert (document["schema_version"], document["verdict"], document["tool"]["name"]) == (1, "damaged", "eigentail")
    rows = {row["name"]: row for row in document["layers"]}
    seen = found.layer("fc1")
    assert rows["fc1"]["change"]["relative"] == seen.change.relative
    assert rows["fc1"]["overlap"] == {"k": seen.overlap.k, "left": seen.overlap.left, "right": seen.overlap.right}
    assert rows["fc1"]["base"]["alpha"] == seen.base.alpha
    assert rows["old"]["change"] is rows["old"]["base"] is None
    assert rows["fc0"]["change"]["alpha"] is None
    assert [tensor["name"] for tensor in document["tensors"]] == ["fc0.bias", "fc1.bias"]
    assert "NaN" not in found.to_json()


def test_it_shows_itself_and_writes_itself(found: Difference, tmp_path: Path) -> None:
    assert "What was done" in repr(found)
    assert found._repr_html_().startswith("<div>")
    found.to_html(tmp_path / "diff.html")
    write(difference_page(found), tmp_path / "diff.json")
    assert json.loads((tmp_path / "diff.json").read_text())["outcomes"][Outcome.DAMAGED] == 1


def test_a_wider_copy_says_what_it_is_stored_in() -> None:
    wide = diff(BASE, {name: values.astype(np.float64) for name, values in BASE.items()})
    assert difference_page(wide).lead == (
        "identical: 5 layers and 2 tensors beside them have the same values.",
        "What was done: the values are the same; float32 is stored as float64 now.",
    )
