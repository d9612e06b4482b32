"""The picture of a spectrum in one line."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigentail.records import Spectrum
from eigentail.reports.spark import STROKE, WIDTH, spark
from eigentail.reports.table import Curve
from eigentail.reports.tables import tail_curve

SIZES = st.lists(st.floats(1e-12, 1e12), min_size=2, max_size=200)


def curve_of(values: np.ndarray, xmin: float = math.nan) -> Curve:
    values = np.sort(np.asarray(values, float))
    curve = tail_curve(Spectrum(eigenvalues=values, shape=(len(values), len(values)), rank=len(values)), 3.0, xmin)
    assert curve is not None
    return curve


def pareto(n: int, alpha: float) -> np.ndarray:
    """The quantiles of a power law from 1 on."""
    return ((np.arange(n) + 0.5) / n) ** (-1 / (alpha - 1))


@given(SIZES, st.floats(1e-13, 1e13) | st.just(math.nan))
def test_it_has_one_width_and_the_stroke_only_where_there_is_a_fit(values: list[float], xmin: float) -> None:
    curve = curve_of(values, xmin)
    drawn = spark(curve)
    assert len(drawn.bulk + drawn.tail) == WIDTH
    assert STROKE not in drawn.bulk + drawn.tail[1:]
    if max(curve.x) - min(curve.x) > 1e-9:
        assert bool(drawn.tail) == (not math.isnan(xmin))


@given(SIZES, st.floats(1e-13, 1e13), st.integers(-3, 3))
def test_it_does_not_depend_on_the_unit(values: list[float], xmin: float, decades: int) -> None:
    curve = curve_of(values, xmin)
    moved = Curve(x=tuple(x + 2.0**decades for x in curve.x), y=curve.y, start=curve.start + 2.0**decades)
    one, other = spark(curve), spark(moved)
    assert (len(one.bulk), len(one.tail)) == (len(other.bulk), len(other.tail)) or len(set(values)) < len(values)


@given(SIZES, st.floats(1e-13, 1e13))
def test_the_ascii_picture_is_the_same_one(values: list[float], xmin: float) -> None:
    blocks, plain = spark(curve_of(values, xmin)), spark(curve_of(values, xmin), plain=True)
    same = dict(zip(" |▁▂▃▄▅▆▇█", " |._-~=+*#", strict=True))
    assert "".join(same[char] for char in blocks.bulk + blocks.tail) == plain.bulk + plain.tail
    assert (plain.bulk + plain.tail).isascii()


@pytest.mark.parametrize("alpha", [1.8, 2.5, 4.0, 8.0])
def test_a_power_law_falls_from_left_to_right(alpha: float) -> None:
    drawn = spark(curve_of(pareto(2000, alpha), 1.0))
    assert drawn.bulk == ""
    heights = [" ▁▂▃▄▅▆▇█".index(char) for char in drawn.tail[1:]]
    assert heights[0] == 8
    assert all(left >= right for left, right in pairwise(heights[:-1]))  # the last has the end


def test_the_stroke_stands_where_the_fit_begins() -> None:
    values = np.geomspace(1.0, 1e3, 400)
    for place in range(1, 9):
        drawn = spark(curve_of(values, 10.0 ** (1.5 * place / 9)))  # from 10^0 on, 1.5 decades below the median
        assert len(drawn.bulk) == max(round(9 * (1.5 * place / 9) / 3), 1)


def test_outliers_stand_apart() -> None:
    drawn = spark(curve_of(np.r_[np.linspace(1, 4, 500), 1e5]))
    assert drawn.bulk.endswith(" ▁")
    assert drawn.bulk.startswith("█") or drawn.bulk.startswith("▇")
    assert spark(curve_of(np.ones(50), 1.0)).bulk == " " * 9 + "█"


def test_those_far_below_the_median_are_in_the_first_place() -> None:
    drawn = spark(curve_of(np.r_[np.full(45, 1e-9), np.geomspace(1, 10, 55)]))
    assert drawn.bulk[0] == "█"
    assert drawn.bulk[1:4] == "   "
