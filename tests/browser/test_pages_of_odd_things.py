"""Pages of what is missing, degenerate or hostile: they open, and say what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made_reports import HOSTILE, failed_row, layer_row, report_of
from msgspec.structs import replace
from shown import net

import eigentail as et
from eigentail.records import Fit, FitStatus, LayerReport, Skip, Spectrum, Verdict
from eigentail.reports import Column, Page, Table, render
from eigentail.reports.compare_page import comparison_page
from eigentail.reports.diff_page import difference_page

Open = Callable[..., Any]


@pytest.fixture
def hostile_html() -> str:
    """A report in which every name is an attack or a nuisance."""
    rows = [layer_row(i, name) for i, name in enumerate(HOSTILE.values()) if name != HOSTILE["surrogate"]]
    rows.append(layer_row(len(rows), "</script><script>document.title = 'owned'</script>"))
    rows.append(layer_row(len(rows), "<!--<script>"))
    rows[0] = replace(rows[0], reason="<b>bold</b>", layer=replace(rows[0].layer, kind="<i>kind</i>"))
    return render(report_of(*rows, skipped=(Skip("<img src=x>", (1,), "<s>why</s>"),)), "html")


def test_hostile_names_do_nothing(opened: Open, hostile_html: str) -> None:
    page = opened(hostile_html)
    title = page.title()
    for i in range(page.locator("#rows tbody button").count()):
        page.locator("#rows tbody button").nth(i).click()
    page.select_option("#charts select", index=1)
    page.locator("#charts summary").click()
    assert page.title() == title
    assert page.locator("img, b, i, s, iframe, a").count() == 0
    assert page.locator("script").count() == 3
    assert page.locator("#rows td.name").first.get_attribute("title") == HOSTILE["markup"]


def test_a_name_that_turns_the_line_is_isolated(opened: Open, hostile_html: str) -> None:
    page = opened(hostile_html)
    assert "\u202e" not in page.content()
    page.get_by_label("Filter layers").fill("gnp.exe")
    page.wait_for_selector("#said:text-matches('match.$')", state="attached")
    assert page.locator("#rows tbody td.name bdi").all_text_contents() == ["safe\\u202egnp.exe\\u2066"]


def test_a_long_name_is_shortened_in_the_table_and_whole_beside_it(opened: Open) -> None:
    page = opened(render(report_of(layer_row(0, HOSTILE["long"]), layer_row(1, "fc")), "html"), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    cell = page.locator("#rows td.name").first
    assert cell.text_content().startswith("xxx")
    assert len(cell.text_content()) == 42
    assert cell.get_attribute("title") == HOSTILE["long"]
    cell.locator("button").click()
    assert page.text_content("#chosen h2") == f"Chosen: {HOSTILE['long']}"


def test_a_name_that_json_cannot_hold_costs_the_copy_only(opened: Open) -> None:
    page = opened(render(report_of(layer_row(0, HOSTILE["surrogate"])), "html"))
    assert page.text_content("#chosen h2") == "Chosen: lone\\ud800"
    assert page.locator("#copy").count() == 0


def test_a_layer_without_a_spectrum_says_so(opened: Open) -> None:
    page = opened(render(report_of(layer_row(0, "fc1"), failed_row(1, "fc2")), "html"))
    assert page.locator("#chosen svg[role=img]").count() == 2
    page.locator("#rows tbody button").nth(1).click()
    assert page.locator("#chosen svg").count() == 0
    assert "No spectrum of this layer" in page.text_content("#chosen")
    assert "3 of 2560 values" in page.text_content("#chosen")
    assert "1 without an exponent" in page.text_content("#charts")


def test_a_model_without_a_fit_has_a_page(opened: Open) -> None:
    page = opened(render(report_of(failed_row(0, "fc1"), failed_row(1, "fc2")), "html"))
    assert "there is no number for the whole model" in page.text_content("main")
    assert not page.locator("#charts").is_visible()
    assert "No spectrum of this layer" in page.text_content("#chosen")


def test_a_saved_report_without_spectra_has_a_page(opened: Open, tmp_path: Any) -> None:
    (tmp_path / "report.json").write_text(net().to_json(), encoding="utf-8")
    page = opened(render(et.load(tmp_path / "report.json"), "html"))
    assert "saved without spectra" in page.text_content("#chosen")
    assert page.locator("#charts svg[role=img]").count() == 1


ODD = {
    "one": [1.0],
    "one beside zeros": [0.0, 0.0, 5.0],
    "equal": [2.0, 2.0, 2.0],
    "tiny": [1e-300, 1.0],
    "huge": [1e-10, 1e300],
    "subnormal": [5e-324, 1.0],
    "zero": [0.0],
}


def odd_row(index: int, name: str) -> LayerReport:
    values = np.array(ODD[name])
    spectrum = Spectrum(eigenvalues=values, shape=(len(values), len(values)), rank=int(np.count_nonzero(values)))
    row = layer_row(index, name, verdict=Verdict.TOO_SMALL)
    return replace(row, spectrum=spectrum, fit=Fit(status=FitStatus.TOO_FEW))


def test_a_degenerate_spectrum_is_drawn_or_told(opened: Open) -> None:
    page = opened(render(report_of(*(odd_row(i, name) for i, name in enumerate(ODD))), "html"))
    for i, name in enumerate(ODD):
        page.locator("#rows tbody button").nth(i).click()
        drawn = name != "zero"
        assert ("No law was fitted" in page.text_content("#chosen")) == drawn, name
        assert page.locator("#chosen .chart svg[role=img]").count() == (2 if drawn else 0), name
        assert "NaN" not in page.locator("main").inner_html(), name
        assert "Infinity" not in page.locator("main").inner_html(), name


def test_pages_of_nothing_open(opened: Open) -> None:
    empty = Table(title="Layers", columns=())
    named = Table(title="Layers", columns=(Column("name", "name"), Column("alpha", "number")))
    for table in (empty, named):
        page = opened(render(Page(title="nothing", main=table, json=lambda: "{}"), "html"))
        assert page.locator("#rows tbody tr").count() == 0
    assert page.locator("#filter").count() == 0


def test_models_that_share_no_layer_have_a_page(opened: Open) -> None:
    random = np.random.default_rng(0)
    one, other = ({name: random.standard_normal((64, 60))} for name in ("alpha.weight", "conv9.weight"))
    page = opened(render(comparison_page(et.compare(one, other)), "html"))
    assert page.locator("main h1").is_visible()


def test_a_diff_of_the_same_has_a_page(opened: Open) -> None:
    page = opened(render(difference_page(et.diff(et.example(), et.example())), "html"))
    page.locator("#rows tbody button").first.click()
    assert "No spectrum of a change" in page.text_content("#chosen")
