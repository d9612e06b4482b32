"""docs/trust.md holds what its script measures, and nothing in place of it."""

from __future__ import annotations

import re

import pytest
from experiments import page

TEXT = page.PAGE.read_text(encoding="utf-8")
TABLES = re.findall(r"<!-- ([\w-]+): begin -->\n(.*?)<!-- \1: end -->\n", TEXT, re.DOTALL)
FIGURES = re.findall(r"\]\((figures/[\w.]+)\)", TEXT)


@pytest.mark.parametrize(("name", "content"), TABLES, ids=[name for name, _ in TABLES])
def test_every_place_holds_a_table(name: str, content: str) -> None:
    lines = content.strip().splitlines()
    assert len(lines) >= 3
    assert len({line.count("|") for line in lines}) == 1


def test_every_number_in_a_table_was_put_there_by_the_script() -> None:
    by_hand = re.sub(r"<!-- ([\w-]+): begin -->.*?<!-- \1: end -->", "", TEXT, flags=re.DOTALL)
    assert not re.search(r"^\|.*\d\.\d %", by_hand, re.MULTILINE)


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_there_and_small(figure: str) -> None:
    path = page.PAGE.parent / figure
    assert path.read_text(encoding="utf-8").startswith("<?xml")
    assert path.stat().st_size < 60_000
    assert f"{path.stem}.svg" in {found.name for found in page.FIGURES.iterdir()}


def test_a_table_is_put_between_its_comments() -> None:
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    made = page.put(text, "x", page.table(("n", "word"), [("1.5 %", "one"), ("2", "two")]))
    assert made == (
        "a\n<!-- x: begin -->\n\n| n | word |\n| ---: | --- |\n| 1.5 % | one |\n| 2 | two |\n\n<!-- x: end -->\nb\n"
    )
    with pytest.raises(SystemExit, match="no place for y"):
        page.put(text, "y", "")
