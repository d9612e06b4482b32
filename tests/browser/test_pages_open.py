"""Every report opens from a file, asks for nothing, and can be used without a fault by the rules of accessibility."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from shown import KINDS, html_of, long_html

Open = Callable[..., Any]


def faults(page: Any, rules: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """What axe-core calls serious or critical, by all of its rules or by some."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    options = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else None
    found = axe.Axe().run(page, options=options).response["violations"]
    return [(fault["id"], fault["nodes"][0]["html"]) for fault in found if fault["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_every_verb_has_no_fault(opened: Open, kind: str) -> None:
    page = opened(html_of(kind))
    page.locator("#rows tbody button").first.click()
    assert page.locator("#charts svg[role=img]").count() == 1
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor") == "rgb(13, 17, 23)"
    assert faults(page, ("color-contrast",)) == []


def test_axe_finds_a_fault_where_there_is_one(opened: Open) -> None:
    page = opened(html_of("analyze"))
    page.evaluate("document.querySelector('#filter').labels[0].remove(), document.querySelector('html').lang = ''")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    page.evaluate("document.querySelector('.lead').style.color = '#ccc'")
    assert {name for name, _ in faults(page)} >= {"html-has-lang", "button-name", "color-contrast"}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_sticks_out_of_a_narrow_screen(opened: Open, kind: str) -> None:
    page = opened(html_of(kind), width=360)
    page.locator("#rows tbody button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    box = page.locator("#charts svg[role=img]").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_script_the_words_and_the_table_are_there(opened: Open, kind: str) -> None:
    page = opened(html_of(kind), script=False)
    assert page.locator("#rows tbody tr").count() > 0
    assert page.locator(".lead").first.is_visible()
    assert not page.locator("#charts").is_visible()
    assert page.locator("button, input, select").count() == 0


def test_a_long_table_says_without_a_script_how_much_there_is(opened: Open) -> None:
    page = opened(long_html(1000), script=False)
    assert page.locator("#rows tbody tr").count() == 200
    assert "The first 200 of 1000 rows" in page.text_content("#rows")
    assert "The first 200" not in opened(long_html(1000)).text_content("#rows")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_fits_on_paper(opened: Open, kind: str) -> None:
    page = opened(html_of(kind), width=720)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    count = (
        "(cell) => { const r = document.createRange(); r.selectNodeContents(cell); return r.getClientRects().length; }"
    )
    lines = page.evaluate(f"[...document.querySelectorAll('#rows td.number')].map({count})")
    assert max(lines) == 1  # no number is broken in two


def test_on_paper_there_are_all_rows_and_no_controls(opened: Open) -> None:
    page = opened(long_html(1000))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#rows tbody tr").count() == 1000
    assert page.locator(".lead").first.is_visible()
    assert not page.locator("#filter").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rows tbody tr").count() < 100


def test_a_thousand_layers_are_few_elements_and_few_bytes(opened: Open) -> None:
    assert len(long_html(1000)) < 8e6
    page = opened(long_html(1000))
    assert page.evaluate("document.getElementsByTagName('*').length") < 3000


def test_twenty_thousand_layers_open(opened: Open) -> None:
    page = opened(long_html(20_000))
    assert page.evaluate("document.getElementsByTagName('*').length") < 3000
    assert page.text_content("#count") == "20,000 rows"
    assert "Each point is the median" in page.text_content("#charts")
    page.locator("#rows .frame").focus()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.textContent") == "blocks.4999.part3"
    page.keyboard.press("Enter")
    assert page.text_content("#chosen h2") == "Chosen: blocks.4999.part3"
