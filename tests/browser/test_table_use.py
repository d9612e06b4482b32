"""The table of layers: sorted, filtered and chosen from, by mouse and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shown import html_of, long_html, net

Open = Callable[..., Any]


def names(page: Any) -> list[str]:
    return page.locator("#rows tbody tr[data-row] td.name").all_text_contents()


def column(page: Any, name: str) -> list[str]:
    heads = [text.split()[0] for text in page.locator("#rows thead th").all_text_contents()]
    return page.locator(f"#rows tbody tr[data-row] td:nth-child({heads.index(name) + 1})").all_text_contents()


def head(page: Any, name: str) -> Any:
    return page.locator("#rows thead th", has=page.locator(f"button:text-matches('^{name} ')"))


def test_a_heading_sorts_up_down_and_back(opened: Open) -> None:
    page = opened(html_of("analyze"))
    before = names(page)
    alphas = [float(text) for text in column(page, "alpha")]
    assert alphas not in (sorted(alphas), sorted(alphas, reverse=True))
    for order, expected in (
        ("ascending", sorted(alphas)),
        ("descending", sorted(alphas, reverse=True)),
        ("none", alphas),
    ):
        head(page, "alpha").locator("button").click()
        assert [float(text) for text in column(page, "alpha")] == expected
        assert head(page, "alpha").get_attribute("aria-sort") == order
    assert names(page) == before


def test_a_heading_is_pressed_by_enter(opened: Open) -> None:
    page = opened(html_of("analyze"))
    head(page, "alpha").locator("button").focus()
    page.keyboard.press("Enter")
    assert column(page, "alpha") == sorted(column(page, "alpha"), key=float)
    assert page.text_content("#said") == "Sorted by alpha, ascending."


def test_only_one_heading_is_sorted(opened: Open) -> None:
    page = opened(html_of("analyze"))
    for name in ("alpha", "name"):
        head(page, name).locator("button").click()
    sorts = [one.get_attribute("aria-sort") for one in page.locator("#rows thead th").all()]
    assert [sort for sort in sorts if sort not in (None, "none")] == ["ascending"]


def test_words_sort_by_the_numbers_in_them(opened: Open) -> None:
    page = opened(long_html(1000))
    head(page, "name").locator("button").click()
    assert names(page)[:9][-1] == "blocks.2.part0"


def test_every_other_table_sorts_too(opened: Open) -> None:
    page = opened(html_of("study"))
    section = page.locator("section", has=page.locator("h2:text-is('Models')"))
    cells = section.locator("tbody td:nth-child(3)")
    section.locator("thead th:nth-child(3) button").click()
    sizes = [float(text) for text in cells.all_text_contents()]
    assert len(set(sizes)) > 4
    assert sizes == sorted(sizes)


FILTERS: dict[str, Callable[[str, float], bool]] = {
    "part3": lambda name, alpha: name.endswith("part3"),
    "BLOCKS.10. part": lambda name, alpha: name.startswith("blocks.10."),
    "alpha<2": lambda name, alpha: alpha < 2,
    "alpha>=7 part0": lambda name, alpha: alpha >= 7 and name.endswith("part0"),
    "no such layer": lambda name, alpha: False,
    "": lambda name, alpha: True,
}


def test_a_filter_leaves_what_matches(opened: Open) -> None:
    page = opened(long_html(1000))
    every = [(f"blocks.{i // 4}.part{i % 4}", 1.5 + (i * 7919 % 600) / 100) for i in range(1000)]
    for text, holds in FILTERS.items():
        expected = [name for name, alpha in every if holds(name, float(f"{alpha:.4g}"))]
        page.get_by_label("Filter layers").fill(text)
        page.wait_for_selector(f"#count:text-is('{len(expected):,} of 1,000 rows')")
        assert names(page)[:20] == expected[:20]
        assert page.text_content("#said") == f"{len(expected):,} of 1,000 rows match."


def test_a_layer_is_chosen_by_a_click(opened: Open) -> None:
    page = opened(html_of("analyze"))
    name = net().layers[3].name
    page.locator("#rows tbody tr", has_text=name).locator("td.number").last.click()
    assert page.text_content("#chosen h2") == f"Chosen: {name}"
    assert page.locator("#chosen svg[role=img]").count() == 2
    assert net().layers[3].verdict.value in page.text_content("#chosen .lead")
    assert f"{len(net().layers[3].spectrum.positive)} eigenvalues" in page.text_content("#chosen .note")
    assert page.text_content("#said").startswith(f"Chosen: {name}.")
    assert page.locator("#rows tbody tr[aria-current]").count() == 1
    assert page.evaluate("document.querySelector('#chosen h2').getBoundingClientRect().bottom <= innerHeight")


def test_a_row_of_a_study_brings_its_chart(opened: Open) -> None:
    page = opened(html_of("study"))
    page.locator("#rows tbody tr", has_text="alpha_weighted").locator("button").click()
    assert page.locator("#charts select option:checked").text_content() == "alpha_weighted"
    assert "alpha_weighted" in page.locator("#charts svg[role=img]").get_attribute("aria-label")


def test_a_layer_is_chosen_by_the_keyboard_alone(opened: Open) -> None:
    page = opened(html_of("analyze"))
    page.get_by_label("Filter layers").focus()
    while page.evaluate("document.activeElement.closest('tbody') === null"):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.text_content("#chosen h2") == f"Chosen: {net().layers[2].name}"
    assert page.evaluate("document.activeElement.textContent") == net().layers[2].name


def test_arrows_go_through_rows_that_were_not_in_the_page(opened: Open) -> None:
    page = opened(long_html(1000))
    page.locator("#rows .frame").focus()
    page.keyboard.press("ArrowDown")
    for _ in range(45):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "blocks.11.part2"
    row = page.locator("#rows tbody tr[data-row='46']").bounding_box()
    frame = page.locator("#rows .frame").bounding_box()
    assert frame["y"] <= row["y"]
    assert row["y"] + row["height"] <= frame["y"] + frame["height"] + 1


def test_rows_are_where_the_scrollbar_says(opened: Open) -> None:
    page = opened(long_html(1000))
    page.locator("#rows .frame").evaluate("frame => { frame.scrollTop = 500 * 38; }")
    page.wait_for_selector("#rows tbody tr[data-row='505']")
    row = page.locator("#rows tbody tr[data-row='505']").bounding_box()
    frame = page.locator("#rows .frame").bounding_box()
    head_height = page.locator("#rows thead").bounding_box()["height"]
    assert abs(row["y"] - frame["y"] - head_height - 5 * 38) < 4
    assert page.locator("#rows tbody tr[data-row='505']").get_attribute("aria-rowindex") == "507"


def test_a_mark_of_the_chart_chooses_its_layer(opened: Open) -> None:
    page = opened(html_of("analyze"))
    page.select_option("#charts select", label="mlp.up")
    page.locator("#charts").scroll_into_view_if_needed()
    marks = page.locator("#charts svg[role=img] path.points").bounding_box()
    alphas = [net().layers[i].fit.alpha for i in (1, 3, 5)]
    last, down = net().layers[5], (max(alphas) - alphas[-1]) / (max(alphas) - min(alphas))
    at = (marks["x"] + marks["width"] - 4, marks["y"] + 4 + down * (marks["height"] - 8))
    page.mouse.move(*at)
    assert last.name in page.text_content("#charts .reading")
    page.mouse.click(*at)
    assert page.text_content("#chosen h2") == f"Chosen: {last.name}"


def test_the_report_is_copied_as_its_json(opened: Open) -> None:
    page = opened(html_of("analyze"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#copy")
    page.wait_for_selector("#copy:text-is('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied) == json.loads(net().to_json())
