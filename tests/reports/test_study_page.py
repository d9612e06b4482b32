"""Studies in every form."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from eigentail.analysis.study import studies, study
from eigentail.records.study import Series, SeriesModel, Study
from eigentail.records.trend import Trend
from eigentail.reports import render
from eigentail.reports.study_page import studies_page
from eigentail.reports.study_tables import groups_table, headline_table, models_table, printed_table, trends_table
from eigentail.settings import Settings


@pytest.fixture(scope="module")
def measured() -> Study:
    return study("zoo-digits_noise")


def named(name: str, group: str = "") -> Study:
    values = [3.0, 1.0, 2.0, 5.0, 4.0, 6.0]
    models = tuple(
        SeriesModel(
            name=f"{name}{at}", value=value, metrics={"alpha": -value, "odd": 1.0}, group=group and "ab"[at % 2]
        )
        for at, value in enumerate(values)
    )
    return study(Series(name="made", title=f"{name} nets", higher_is_better=True, models=models, caveats=(name,)))


def test_csv_has_every_metric_and_statistic_of_every_study(measured: Study) -> None:
    table = list(csv.DictReader(io.StringIO(render(studies_page((measured,)), "csv"))))
    assert [row["number"] for row in table] == [*measured.metrics, "parameters", "layers"]
    for row in table:
        trend: Trend = {**measured.metrics, **measured.baselines}[row["number"]]
        told = float(row["tau"]) if row["tau"] else math.nan
        assert repr(told) == repr(trend.kendall_tau)
    both = list(csv.DictReader(io.StringIO(render(studies_page(studies("nature2021")), "csv"))))
    assert len({row["series"] for row in both}) == 5


def test_two_ways_of_counting_are_told_apart(measured: Study) -> None:
    slices = study("zoo-digits_noise", Settings(conv="per-slice"))
    columns = [column.name for column in trends_table((measured, slices)).columns]
    assert columns[:2] == ["counted", "number"]
    assert "per conv slice: " in render(studies_page((measured, slices)), "text")


def test_json_is_typed_and_nan_is_null(measured: Study) -> None:
    document = json.loads(measured.to_json())
    assert (document["schema_version"], document["series"], document["n"]) == (1, "zoo-digits_noise", 5)
    assert document["metrics"]["log_norm"]["kendall_tau"] == -1.0
    assert document["metrics"]["log_norm"]["partial_tau"] is None  # all are of one size
    assert set(document["baselines"]) == {"parameters", "layers"}
    assert document["models"][0]["value"] == pytest.approx(97.992472)
    assert document["models"][0]["reading"]["layers"] == 3
    assert document["caveats"]
    assert all({"name", "sentence"} == set(finding) for finding in document["findings"])


def test_json_of_several_is_a_list_of_the_same(measured: Study) -> None:
    document = json.loads(render(studies_page((measured, measured)), "json"))
    assert document["schema_version"] == 1
    assert document["studies"][0] == document["studies"][1] == json.loads(measured.to_json())


def test_printed_numbers_stand_beside_the_recomputed_ones() -> None:
    table = printed_table(studies("nature2021-resnet"))
    assert [row[-1] for row in table.rows].count("no") == 1
    wrong = next(row for row in table.rows if row[-1] == "no")
    assert wrong[:3] == ("log_alpha_norm", "r2", "0.9")
    assert wrong[4] == pytest.approx(0.0542, abs=1e-3)


@pytest.mark.parametrize("form", ["text", "markdown", "html", "csv", "json"])
def test_nothing_in_a_name_can_become_markup_or_a_formula(form: str) -> None:
    text = render(studies_page((named('=<script>"&|\n'),)), form)
    assert "<script>" not in text.replace("\\<script", "") or form in ("text", "json", "csv")
    if form == "csv":
        assert "\n=" not in text
    if form == "text":
        assert "\\n" in text


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_caveats_and_findings_are_in_every_form_for_people(form: str, measured: Study) -> None:
    text = " ".join(render(studies_page((measured,)), form).split())
    assert "test labels are never shuffled" in text
    assert "one exchanged pair makes it" in text
    assert "trained by this project" in text or form == "text"


def test_the_headline_stands_alone_where_there_are_many_metrics(measured: Study) -> None:
    names = [row[0] for row in headline_table((measured,)).rows]
    assert names[:2] == ["log_norm", "log_spectral_norm"]
    assert names[-2:] == ["parameters", "layers"]
    assert len(names) == 9


def test_groups_have_their_own_columns() -> None:
    found = named("x", group="yes")
    table = groups_table((found,))
    assert [column.name for column in table.columns] == ["metric", "all models", "a", "b"]
    assert table.rows[0] == ("alpha", -1.0, -1.0, -1.0)
    assert [column.name for column in models_table((found,)).columns][:2] == ["model", "group"]


def test_findings_are_sentences_and_names_are_left_as_they_are(measured: Study) -> None:
    lead = studies_page((measured,)).lead
    assert all(sentence.endswith(".") and not sentence.endswith("..") for sentence in lead)
    assert lead[0].startswith("The better models")


def test_a_study_shows_itself(measured: Study, tmp_path) -> None:
    assert repr(measured).startswith("MLPs of width 192 on digits")
    assert measured._repr_html_().startswith("<div>")
    measured.to_html(tmp_path / "study.html")
    assert "Reading" in (tmp_path / "study.html").read_text(encoding="utf-8")
