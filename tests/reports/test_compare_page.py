"""A comparison as tables, sentences, JSON, and in every form."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from made_reports import HOSTILE, failed_row, layer_row, report_of

import eigentail as et
from eigentail.analysis.compare import compare
from eigentail.records.comparison import Comparison
from eigentail.reports import render
from eigentail.reports.compare_page import SCHEMA_VERSION, comparison_page

FILES = sorted((Path(et.__file__).parent / "zoo" / "digits_noise").glob("*.safetensors"))


@pytest.fixture(scope="module")
def three() -> Comparison:
    return compare(*FILES[:3], names=["a", "b", "c"])


def test_every_row_has_a_cell_for_every_column(three: Comparison) -> None:
    page = comparison_page(three)
    for table in (page.main, *page.overview, *page.appendix):
        assert {len(row) for row in table.rows} <= {len(table.columns)}
        assert len({column.name for column in table.columns}) == len(table.columns)


def test_the_table_of_layers_holds_every_value_and_every_difference(three: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(render(comparison_page(three), "csv"))))
    assert [row["name"] for row in rows] == ["fc1", "fc2", "fc3"]
    for row, layer in zip(rows, three.layers, strict=True):
        for metric, values in layer.values.items():
            for at, value in enumerate(values, 1):
                cell = row[f"{metric}_{at}"]
                assert math.isnan(value) if cell == "" else float(cell) == value
            for at, difference in enumerate(layer.differences[metric], 2):
                cell = row[f"d_{metric}_{at}"].removeprefix("'")
                assert math.isnan(difference.value) if cell == "" else float(cell) == difference.value
        assert float(row["d_alpha_from_2"].removeprefix("'")) < float(row["d_alpha_2"].removeprefix("'"))


def test_the_json_is_the_record(three: Comparison) -> None:
    document = json.loads(three.to_json())
    assert document["schema_version"] == SCHEMA_VERSION
    assert [model["name"] for model in document["models"]] == ["a", "b", "c"]
    for model, report in zip(document["models"], three.reports, strict=True):
        assert model["summary"]["alpha"] == report.summary["alpha"]
        assert model["source"]["target"] == report.source.target
        assert model["settings"]["conv_scale"] == "weightwatcher"
    ranking = next(r for r in document["rankings"] if r["metric"] == "alpha_weighted")
    assert (ranking["smaller_is_better"], len(ranking["chances"])) == (True, 2)
    assert document["layers"][0]["differences"]["alpha"][1]["value"] == three.layers[0].differences["alpha"][1].value
    assert document["layers"][0]["match"]["how"] == "name"
    assert next(r["chances"] for r in document["rankings"] if r["metric"] == "log_norm") == [None, None]


@pytest.mark.parametrize("form", ["table", "markdown", "html", "csv", "json"])
def test_every_form_shows_it(three: Comparison, form: str, tmp_path: Path) -> None:
    text = render(comparison_page(three), form)
    assert "fc2" in text
    assert text.endswith("\n")


def test_what_people_see(three: Comparison, tmp_path: Path) -> None:
    assert "Matched layers" in repr(three)
    assert "<table" in three._repr_html_()
    three.to_html(tmp_path / "c.html")
    assert "Order by the means" in (tmp_path / "c.html").read_text(encoding="utf-8")
    lead = "\n".join(comparison_page(three).lead)
    assert "By alpha_weighted, the smallest first: a " in lead
    assert "the order holds with a chance of 0." in lead
    notes = [note for table in comparison_page(three).overview for note in table.footnotes]
    assert any("smaller is better in the papers' series" in note for note in notes)
    assert any("taken for independent" in note for note in notes)


def test_equal_models_are_said_to_be_identical_and_tied() -> None:
    page = comparison_page(compare(FILES[0], FILES[0], names=["a", "b"]))
    assert page.lead[0] == "a and b are identical: every layer has the same numbers."
    order = next(table for table in page.overview if table.title.startswith("Order"))
    assert {row[1] for row in order.rows} == {"1 = 2"}


def test_models_without_a_common_layer_still_have_a_page() -> None:
    page = comparison_page(compare(report_of(layer_row(0, "a.x")), report_of(layer_row(0, "b.y"), layer_row(1, "b.z"))))
    assert page.main.rows == ()
    assert page.lead[0] == "The models share no layer: 3 layers stand alone, and layers cannot be compared."
    assert [row[:2] for row in page.appendix[0].rows] == [(1, 1), (2, 2)]
    assert render(page, "csv") == "name,name_2,kind,block,matched_by,same_shape\n"


def test_a_model_of_failed_layers_has_no_place() -> None:
    page = comparison_page(compare(report_of(failed_row(0, "fc")), report_of(layer_row(0, "fc"))))
    assert not any("smallest first" in sentence for sentence in page.lead)
    order = next(table for table in page.overview if table.title.startswith("Order"))
    assert {row[1:3] for row in order.rows} == {("2", "-")}


# Half a character is no name that a source lets through, and JSON has no way to write it.
@pytest.mark.parametrize(
    ("name", "form"),
    [
        pytest.param(name, form, id=f"{form} {what}")
        for what, name in HOSTILE.items()
        for form in ("table", "markdown", "html", "csv", "json")
        if (what, form) != ("surrogate", "json")
    ],
)
def test_a_hostile_name_stays_a_name(name: str, form: str) -> None:
    report = report_of(layer_row(0, name), *(layer_row(i, f"fc{i}") for i in range(1, 6)))
    other = report_of(layer_row(0, name, alpha=5.0), layer_row(1, "fc1"), layer_row(2, f"{name}.more"))
    text = render(comparison_page(compare(report, other, names=[name, f"{name} too"])), form)
    assert "<script>" not in text or form in ("csv", "json", "table")
    if form in ("table", "markdown", "html"):
        assert not {"\x1b", "\x00", "\x07", "\u202e"} & set(text)
