"""What the HTML form holds beside its tables: policy, data, record, findings, charts."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import HOSTILE, failed_row, layer_row, report_of
from msgspec.structs import replace

import eigentail as et
from eigentail.analysis.study import study
from eigentail.records import ModelReport, Spectrum, Verdict
from eigentail.reports import render, report_page
from eigentail.reports.compare_charts import comparison_exhibit
from eigentail.reports.diff_charts import difference_exhibit
from eigentail.reports.findings import report_findings, report_subject
from eigentail.reports.layer_charts import POINTS, flow_charts
from eigentail.reports.study_charts import studies_exhibit
from eigentail.reports.study_tables import trends_table
from eigentail.reports.table import cell_text

PAGE = Path(__file__).resolve().parents[2] / "src" / "eigentail" / "reports" / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))


def block(text: str, name: str) -> str:
    """What stands in one element of script."""
    return re.search(rf'<script[^>]* id="{name}">(.*?)</script>', text, re.DOTALL)[1]


def blocked_layers(count: int, kinds: int = 2) -> ModelReport:
    rows = []
    for i in range(count):
        row = layer_row(i % 5, "x", alpha=2 + (i % 50) / 10)
        layer = replace(
            row.layer, index=i, name=f"h.{i // kinds}.{i % kinds}", kind=f"kind{i % kinds}", block=i // kinds
        )
        rows.append(replace(row, layer=layer))
    return report_of(*rows)


class TestDocument:
    def test_the_policy_allows_this_style_and_this_script_only(self):
        text = render(report_of(layer_row(0, "fc")), "html")
        policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
        inside = {"style-src": re.search("<style>(.*?)</style>", text, re.DOTALL)[1]}
        inside["script-src"] = re.search('<script id="program">(.*?)</script>', text, re.DOTALL)[1]
        digests = {
            name: base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for name, part in inside.items()
        }
        parts = [part.strip() for part in policy.split(";")]
        assert parts[0] == "default-src 'none'"
        for name, digest in digests.items():
            assert f"{name} 'sha256-{digest}'" in parts
        assert "unsafe" not in policy

    def test_no_element_has_a_style_or_a_handler_of_its_own(self):
        text = render(report_of(layer_row(0, "fc")), "html").split("<body")[1].split("<script")[0]
        assert not re.search(r"<[^>]*\s(style|on\w+)=", text)

    @pytest.mark.parametrize("name", ["fc", *HOSTILE.values()], ids=["plain", *HOSTILE.keys()])
    def test_the_record_is_inside_and_ends_nothing(self, name):
        report = report_of(layer_row(0, name))
        text = block(render(report, "html"), "record")
        assert not set(text) & set("<>&\u2028\u2029\u202e")
        if name == HOSTILE["surrogate"]:  # which no JSON can hold
            assert text == ""
        else:
            assert json.loads(text) == json.loads(report.to_json())

    def test_every_cell_is_inside_as_it_is_read(self):
        page = report_page(report_of(layer_row(0, HOSTILE["markup"]), failed_row(1, "z")))
        data = json.loads(block(render(page, "html"), "data"))
        assert data["rows"] == [[cell_text(cell) for cell in row] for row in page.main.rows]
        assert [name for name, _ in data["columns"]] == [column.name for column in page.main.columns]

    def test_names_of_other_scripts_stay_readable(self):
        data = json.loads(block(render(report_of(layer_row(0, HOSTILE["unicode"])), "html"), "data"))
        assert HOSTILE["unicode"] in data["rows"][0]

    def test_what_is_read_first_stands_first(self):
        text = render(report_of(layer_row(0, "fc")), "html")
        places = [text.index(f"<h2>{title}</h2>") for title in ("Findings", "What was analysed", "Model", "Layers")]
        assert places == sorted(places)
        heads = re.findall(r'<th scope="col"[^>]*>([^<]*)<', text.split('id="rows"')[1])
        assert heads[:5] == ["index", "name", "tail", "verdict", "alpha"]

    def test_the_other_forms_make_no_charts(self, monkeypatch):
        def never() -> Any:
            raise AssertionError("drawn for nothing")

        page = replace(report_page(report_of(layer_row(0, "fc"))), exhibit=never)
        for form in ("table", "csv", "markdown", "json"):
            assert render(page, form)
        with pytest.raises(AssertionError, match="drawn for nothing"):
            render(page, "html")


class TestFindings:
    def test_each_verdict_has_a_sentence_with_names(self):
        rows = [layer_row(i, f"fc{i}", verdict=Verdict.UNTRAINED) for i in range(5)]
        said = report_findings(report_of(*rows, layer_row(5, "a"), layer_row(6, "b"), failed_row(7, "z")))
        assert said == (
            "1 layer could not be measured: z.",
            "5 layers cannot be told apart from untrained: fc0, fc1, fc2 and 2 more.",
            "2 layers are well trained: a and b.",
        )

    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_every_verdict_can_be_said_of_one_and_of_many(self, verdict):
        one = report_findings(report_of(layer_row(0, "a", verdict=verdict)))
        many = report_findings(report_of(*(layer_row(i, f"a{i}", verdict=verdict) for i in range(1200))))
        assert len(one) == len(many) == 1
        assert re.search(r"\b1 layer\b.*: a\.$", one[0])
        assert re.search(r"\b1,200 layers\b.* and 1,197 more\.$", many[0])

    def test_a_name_cannot_turn_a_finding_around(self):
        assert "\u202e" not in report_findings(report_of(layer_row(0, HOSTILE["right-to-left"])))[0]

    def test_the_subject_counts_weights_and_types(self):
        told = dict(report_subject(report_of(layer_row(0, "a"), failed_row(1, "b"))))
        assert told["weights in them"] == f"{2 * 64 * 40:,}"
        assert told["stored as"] == "float32 (2 layers)"
        assert told["layers with an exponent"] == "1"


class TestFlow:
    def test_every_exponent_is_one_point(self):
        report = blocked_layers(20)
        chart, *alone = flow_charts(report.layers)
        points = {(x, y) for series in chart.series for x, y in zip(series.x, series.y, strict=True)}
        assert points == {(float(row.layer.block), float(f"{row.fit.alpha:.6g}")) for row in report.layers}
        assert [one.name for one in alone] == ["kind0", "kind1"]
        assert alone[0].series[0].low == tuple(pytest.approx(y - 0.5) for y in alone[0].series[0].y)

    def test_layers_without_blocks_are_told_by_their_place(self):
        chart = flow_charts(report_of(layer_row(0, "a"), failed_row(1, "b"), layer_row(2, "c")).layers)[0]
        assert chart.series[0].x == (0.0, 2.0)
        assert chart.x.label == "place in the model"
        assert chart.caption == "2 of 3 layers; 1 without an exponent."

    def test_no_exponent_no_chart(self):
        assert flow_charts(report_of(failed_row(0, "a")).layers) == ()

    @pytest.mark.parametrize("in_blocks", [True, False])
    def test_too_many_points_become_medians(self, in_blocks):
        report = blocked_layers(POINTS + 500)
        rows = [row if in_blocks else replace(row, layer=replace(row.layer, block=None)) for row in report.layers]
        chart = flow_charts(rows)[0]
        assert sum(len(series.x) for series in chart.series) < len(rows)
        assert "median" in chart.caption
        for series in flow_charts(rows)[1:]:
            one = series.series[0]
            assert all(low <= y <= high for low, y, high in zip(one.low, one.y, one.high, strict=True))


class TestOtherCharts:
    def test_a_comparison_has_the_numbers_of_both(self):
        random = np.random.default_rng(0)
        nets = [{f"h.{i}.fc.weight": random.standard_t(3, (80, 60)) for i in range(3)} for _ in range(2)]
        comparison = et.compare(*nets, names=["a", "b"])
        exhibit = comparison_exhibit(comparison)
        alpha = next(chart for chart in exhibit.charts if chart.name == "alpha")
        for model, series in enumerate(alpha.series):
            expected = [row.fit.alpha for row in comparison.reports[model].layers]
            assert series.y == tuple(pytest.approx(value, rel=1e-5) for value in expected)
        assert [seen.name for seen in exhibit.seen[0]] == ["a", "b"]

    def test_a_diff_has_the_change_of_each_layer(self):
        random = np.random.default_rng(0)
        base = {f"h.{i}.fc.weight": random.standard_normal((80, 60)) for i in range(3)}
        other = {
            name: w + (0.1 * random.standard_normal(w.shape) if i else 0) for i, (name, w) in enumerate(base.items())
        }
        difference = et.diff(base, other)
        exhibit = difference_exhibit(difference)
        change = next(chart for chart in exhibit.charts if chart.name == "change")
        assert {x for series in change.series for x in series.x} == {1.0, 2.0}
        assert [len(seen) for seen in exhibit.seen] == [0, 1, 1]
        assert exhibit.seen[1][0].n == difference.layers[1].change.spectrum.rank

    def test_a_study_has_its_models_and_its_line(self):
        found = study("nature2021-resnet")
        chart = next(chart for chart in studies_exhibit((found,)).charts if chart.name == "alpha_weighted")
        points, line = chart.series
        assert points.names == tuple(model.name for model in found.models)
        assert points.y == tuple(model.model.value for model in found.models)
        trend = found.metrics["alpha_weighted"]
        assert line.y[0] == pytest.approx(trend.slope * line.x[0] + trend.intercept, rel=1e-4)
        assert f"R2 {cell_text(trend.r2)}" in chart.caption

    def test_a_chart_of_a_study_belongs_to_its_row(self):
        found = study("nature2021-resnet")
        rows = trends_table((found,)).rows
        charts = studies_exhibit((found,)).charts
        assert [rows[chart.row][0] for chart in charts] == [chart.name for chart in charts]
        assert len(charts) == len(rows)

    def test_a_loss_has_a_line_of_its_own_sign(self):
        models = [{"fc.weight": np.random.default_rng(i).standard_t(2.2 + i, (80, 60))} for i in range(4)]
        reports = [et.analyze(model) for model in models]
        series = study_of(reports, [1.0, 2.0, 3.0, 4.5])
        lines = 0
        for chart in studies_exhibit((series,)).charts:
            points, *line = chart.series
            if line:
                lines += 1
                fitted = np.polyval(np.polyfit(points.x, points.y, 1), line[0].x)
                assert line[0].y == tuple(pytest.approx(value, rel=1e-3) for value in fitted)
        assert lines > 3


def study_of(reports: list[ModelReport], losses: list[float]) -> Any:
    """A study of reports, where a lower value is the better model."""
    from eigentail.analysis.study import study as run
    from eigentail.records.study import Series, SeriesModel

    models = tuple(
        SeriesModel(name=f"m{i}", value=loss, target=report)
        for i, (report, loss) in enumerate(zip(reports, losses, strict=True))
    )
    return run(Series(name="s", title="t", higher_is_better=False, models=models, metric="loss"))


class TestScripts:
    @pytest.mark.parametrize("path", [*SCRIPTS, PAGE / "style.css"], ids=lambda path: path.name)
    def test_a_file_of_the_page_is_small(self, path):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400

    @pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
    def test_data_never_become_markup_or_code(self, path):
        text = path.read_text(encoding="utf-8")
        banned = (
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\(|XMLHttp|import\("
        )
        assert not re.search(banned, text)
        assert "</script" not in text
        addresses = set(re.findall(r"https?://[^\"'\s]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not a place

    def test_every_script_is_in_the_page(self):
        text = render(report_of(layer_row(0, "fc")), "html")
        for path in SCRIPTS:
            assert path.read_text(encoding="utf-8") in text


def test_spectra_of_a_report_are_few_bytes_each():
    values = np.sort(np.random.default_rng(0).pareto(2.0, 20_000) + 0.01)
    row = replace(layer_row(0, "fc"), spectrum=Spectrum(eigenvalues=values, shape=(30_000, 20_000), rank=20_000))
    few, many = (len(render(report_of(layer), "html")) for layer in (layer_row(0, "fc"), row))
    assert many - few < 1500
    assert math.isfinite(row.fit.alpha)
