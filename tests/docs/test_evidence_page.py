"""docs/evidence.md holds what its script computes, for every series that is at hand."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from experiments import exponents, page, related
from shared import NO_SHARED_DATA, shared_data

from eigentail.analysis.study import study
from eigentail.analysis.study_file import built_in

REPO = Path(__file__).resolve().parents[2]
TEXT = (REPO / "docs" / "evidence.md").read_text(encoding="utf-8")
PLACES = dict(re.findall(r"<!-- ([\w-]+): begin -->\n(.*?)<!-- \1: end -->\n", TEXT, re.DOTALL))
BY_HAND = re.sub(r"<!-- ([\w-]+): begin -->.*?<!-- \1: end -->", "", TEXT, flags=re.DOTALL)
FILLED_FROM_SHARED_DATA = "others-"
everything = cache(related.everything)


@pytest.mark.parametrize("content", PLACES.values(), ids=PLACES.keys())
def test_every_place_holds_whole_tables(content: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", content, re.MULTILINE)
    assert tables
    for lines in map(str.splitlines, tables):
        assert len(lines) >= 3
        assert len({line.count("|") for line in lines}) == 1


def test_no_trend_was_written_by_hand() -> None:
    assert not re.search(r"[+-][01]\.\d\d\b|\btau [+-]?\d", BY_HAND)


def test_no_built_in_series_is_left_out() -> None:
    names = [name for name, _ in built_in()]
    assert len(names) > 20
    assert [name for name in names if f"| {name} |" not in TEXT] == []


def test_no_shared_series_is_left_out() -> None:
    folder = shared_data()
    if folder is None:
        pytest.skip(NO_SHARED_DATA)
    names = [path.stem for path in (folder / "series").glob("*.toml")]
    assert [name for name in names if f"### {name}\n" not in TEXT] == []
    assert set(everything()) == {"published", "zoo", "others"}


@pytest.mark.parametrize("name", ["zoo-digits_noise", "nature2021-vgg"])
def test_a_series_computed_again_is_the_one_on_the_page(name: str) -> None:
    assert related.detail(study(name, related.PER_LAYER)) in TEXT


@pytest.mark.parametrize("name", ["nature2021-vgg", "nature2021-resnet", "nature2021-gpt", "nature2021-densenet"])
def test_tau_and_p_of_a_published_series_are_those_of_scipy(name: str) -> None:
    from scipy.stats import kendalltau

    series = tomllib.loads(dict(built_in())[name].read_text(encoding="utf-8"))
    sign = 1 if series["higher_is_better"] else -1
    section = TEXT.split(f"### {name}\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\S+) \| (\S+) \|", section, re.MULTILINE)
    assert len(rows) == 5
    for metric, n, tau, p in rows:
        values = [model["metrics"][metric] for model in series["models"]]
        expected = kendalltau(values, [sign * model["value"] for model in series["models"]], method="exact")
        assert int(n) == len(values)
        assert float(tau) == pytest.approx(expected.statistic, abs=0.005)
        assert float(p) == pytest.approx(expected.pvalue, abs=0.0005)


def test_the_tables_of_the_published_series_are_those_on_the_page() -> None:
    found = everything()["published"]
    made = related.tables("published", found) | exponents.tables("published", found)
    assert len(made) == 5
    for place, content in made.items():
        assert PLACES[place] == f"\n{content}\n", place


def test_places_and_tables_are_the_same() -> None:
    made = {place for origin, found in everything().items() for place in _places(origin, found)}
    missing = (
        {place for place in PLACES if place.startswith(FILLED_FROM_SHARED_DATA)} if shared_data() is None else set()
    )
    assert made | missing == set(PLACES)


def test_what_is_against_the_theory_is_said_to_be() -> None:
    against = "".join(content for place, content in PLACES.items() if place.endswith("-against"))
    for name in ("nature2021-vgg", "nature2021-gpt", "zoo-digits_width", "zoo-gpt_width", "fer2013", "kws_dnn"):
        assert name in against


@pytest.mark.parametrize(
    ("tau", "low", "high", "said"),
    [
        (-1.0, -1.0, -1.0, "as expected"),
        (0.5, 0.2, 0.7, "against"),
        (0.0, 0.0, 0.0, "undecided"),
        (-0.2, -0.5, 0.1, "undecided"),
        (float("nan"), -1.0, 1.0, "-"),
    ],
)
def test_the_direction_of_a_trend(tau: float, low: float, high: float, said: str) -> None:
    assert related.direction(related.Trend(n=5, kendall_tau=tau, tau_low=low, tau_high=high)) == said


def test_the_page_is_written_where_it_is_asked_to_be(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("a\n<!-- x: begin -->\n<!-- x: end -->\nb\n", encoding="utf-8")
    page.write({"x": "new\n"}, path)
    assert path.read_text(encoding="utf-8") == "a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb\n"


def _places(origin: str, found: list[related.Study]) -> set[str]:
    return set(related.tables(origin, found)) | set(exponents.tables(origin, found))
