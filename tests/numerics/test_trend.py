"""The statistics of one series, against scipy and against all orders gone through by hand."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eigentail.numerics.rank_correlation import jackknifed_tau, kendall, spearman
from eigentail.numerics.trend import holm, partial_tau, trend_of
from eigentail.records.trend import Trend

NAN = float("nan")
few_levels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=6)
any_float = st.floats(allow_nan=True, allow_infinity=True, width=64)


def columns(n: int, seed: int, levels: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    y = x + rng.standard_normal(n)
    return (np.round(x * levels), np.round(y * levels)) if levels else (x, y)


def numbers(trend: Trend) -> list[float]:
    return [value for field in trend.__struct_fields__ if isinstance(value := getattr(trend, field), float)]


@pytest.mark.parametrize("n", [3, 4, 5, 8, 9, 19, 33])
def test_without_ties_all_is_as_scipy_has_it(n: int) -> None:
    for seed in range(5):
        x, y = columns(n, seed)
        found = trend_of(x, y)
        exact = scipy.stats.kendalltau(x, y, method="exact")
        assert found.kendall_p_by == "exact"
        assert found.kendall_tau == pytest.approx(exact.statistic, abs=1e-12)
        assert found.kendall_p == pytest.approx(exact.pvalue, rel=1e-9)
        assert found.spearman == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
        line = scipy.stats.linregress(x, y)
        assert (found.slope, found.intercept) == pytest.approx((line.slope, line.intercept))
        assert found.r2 == pytest.approx(line.rvalue**2)
        assert found.rmse == pytest.approx(np.sqrt(np.mean((y - line.intercept - line.slope * x) ** 2)))


@pytest.mark.parametrize("n", [9, 20, 60])
def test_with_ties_and_many_models_it_is_the_normal_approximation(n: int) -> None:
    for seed in range(5):
        x, y = columns(n, seed, levels=1)
        found, peer = kendall(x, y), scipy.stats.kendalltau(x, y, method="asymptotic")
        assert found.by == "asymptotic"
        assert (found.value, found.p) == pytest.approx((peer.statistic, peer.pvalue), rel=1e-9)
        rho = scipy.stats.spearmanr(x, y)
        assert (spearman(x, y).value, spearman(x, y).p) == pytest.approx((rho.statistic, rho.pvalue), rel=1e-9)


def test_many_models_without_ties_are_counted_to_fifty_and_approximated_beyond() -> None:
    for n, by in ((50, "exact"), (51, "asymptotic")):
        x, y = columns(n, 1)
        found, peer = kendall(x, y), scipy.stats.kendalltau(x, y, method=by)
        assert found.by == by
        assert found.p == pytest.approx(peer.pvalue, rel=1e-9)


@given(few_levels)
@settings(max_examples=25, deadline=None)
def test_with_few_models_p_is_the_share_of_all_orders(rows: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = kendall(x, y), spearman(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(found[0].value)
        assert math.isnan(found[1].value)
        return
    orders = [np.array(order) for order in permutations(y)]
    for mine, peer in zip(found, (scipy.stats.kendalltau, scipy.stats.spearmanr), strict=True):
        own = peer(x, y).statistic
        assert mine.value == pytest.approx(own, abs=1e-12)
        shuffled = np.array([peer(x, order).statistic for order in orders])
        assert mine.p == pytest.approx(np.mean(np.abs(shuffled) >= abs(own) - 1e-9))


@pytest.mark.parametrize(("n", "p"), [(3, 1 / 3), (4, 1 / 12), (5, 1 / 60), (6, 1 / 360)])
def test_a_perfect_order_has_the_chance_of_two_orders_in_all(n: int, p: float) -> None:
    found = trend_of(np.arange(n), -np.arange(n))
    assert (found.kendall_tau, found.spearman) == (-1.0, -1.0)
    assert (found.kendall_p, found.spearman_p) == pytest.approx((p, p))


def test_a_perfect_order_of_many_never_has_no_chance_at_all() -> None:
    found = trend_of(np.arange(12), np.arange(12))
    assert found.spearman_p == pytest.approx(2 / math.factorial(12))


def test_equal_values_share_their_mean_rank() -> None:
    x = np.array([1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 9.0])
    y = np.array([2.0, 1.0, 1.0, 5.0, 5.0, 4.0, 4.0])
    assert spearman(x, y).value == pytest.approx(np.corrcoef(scipy.stats.rankdata(x), scipy.stats.rankdata(y))[0, 1])
    assert kendall(x, y).value == pytest.approx(scipy.stats.kendalltau(x, y).statistic)
    assert kendall(x, y).by == "enumerated"


@pytest.mark.parametrize("levels", [0, 1])
def test_leaving_one_out_is_leaving_one_out(levels: int) -> None:
    x, y = columns(9, 4, levels)
    rest = [(np.delete(x, at), np.delete(y, at)) for at in range(9)]
    taus = [scipy.stats.kendalltau(*pair).statistic for pair in rest]
    shares = [scipy.stats.linregress(*pair).rvalue ** 2 for pair in rest]
    found = trend_of(x, y)
    assert jackknifed_tau(x, y) == pytest.approx(taus)
    assert (found.tau_low, found.tau_high) == pytest.approx((min(taus), max(taus)))
    assert (found.r2_low, found.r2_high) == pytest.approx((min(shares), max(shares)))


def test_three_models_leave_nothing_when_one_is_left_out() -> None:
    found = trend_of([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    assert all(math.isnan(end) for end in (found.tau_low, found.tau_high, found.r2_low, found.r2_high))


def test_models_that_lack_a_number_are_left_out_and_counted() -> None:
    found = trend_of([1.0, NAN, 2.0, 3.0, math.inf, 4.0], [1.0, 9.0, 2.0, 3.0, 7.0, NAN])
    assert (found.n, found.left_out) == (3, 3)
    assert found.kendall_tau == 1.0


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([], [], "0 models: a trend needs 3"),
        ([1.0], [1.0], "1 model: a trend needs 3"),
        ([1.0, 2.0], [1.0, 2.0], "2 models: a trend needs 3"),
        ([1.0, 2.0, NAN], [1.0, 2.0, 3.0], "2 models: a trend needs 3"),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], "the same for all models"),
        ([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], "all models have the same value"),
    ],
)
def test_where_there_is_no_trend_there_is_a_reason(x: list[float], y: list[float], reason: str) -> None:
    found = trend_of(x, y)
    assert found.reason == reason
    assert all(math.isnan(value) for value in numbers(found))


@given(st.lists(st.tuples(any_float, any_float), max_size=9))
@settings(max_examples=150, deadline=None)
def test_odd_numbers_neither_warn_nor_leave_their_ranges(rows: list[tuple[float, float]]) -> None:
    found = trend_of([x for x, _ in rows], [y for _, y in rows])
    for tau in (found.kendall_tau, found.spearman, found.tau_low, found.tau_high):
        assert math.isnan(tau) or -1 <= tau <= 1
    for share in (found.kendall_p, found.spearman_p, found.r2):
        assert math.isnan(share) or 0 <= share <= 1 + 1e-9
    assert bool(found.reason) == math.isnan(found.kendall_tau)


@pytest.mark.parametrize("factor", [1e-300, 1e-6, 1e6, 1e300])
def test_the_unit_does_not_matter(factor: float) -> None:
    x, y = columns(8, 2)
    plain, scaled = trend_of(x, y), trend_of(x * factor, y)
    assert (scaled.kendall_tau, scaled.kendall_p, scaled.spearman) == (
        plain.kendall_tau,
        plain.kendall_p,
        plain.spearman,
    )
    assert (scaled.r2, scaled.rmse) == pytest.approx((plain.r2, plain.rmse), rel=1e-9)


def test_numbers_that_only_rounding_tells_apart_are_the_same() -> None:
    third = 1 / 3
    assert trend_of([third, np.nextafter(third, 1), third], [1.0, 2.0, 3.0]).reason == "the same for all models"
    assert trend_of([1.0, 1 + 1e-9, 1 - 1e-9], [1.0, 2.0, 3.0]).reason == ""


def test_a_small_spread_on_a_large_value_keeps_its_line() -> None:
    x, y = columns(7, 5)
    assert trend_of(x + 1e6, y).r2 == pytest.approx(trend_of(x, y).r2, rel=1e-6)


def test_partial_tau_is_kendalls_formula() -> None:
    rng = np.random.default_rng(3)
    x, y, z = rng.standard_normal((3, 10))
    xy, xz, yz = (scipy.stats.kendalltau(*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_tau(x, y, z) == pytest.approx(expected)


def test_what_size_orders_by_itself_leaves_no_partial_tau() -> None:
    x, y = columns(6, 0)
    assert math.isnan(partial_tau(x, y, y))
    assert math.isnan(partial_tau(x, y, np.ones(6)))
    assert math.isnan(partial_tau(x[:2], y[:2], np.arange(2)))
    assert math.isnan(partial_tau([NAN] * 6, y, np.arange(6)))


def test_holm_is_the_step_down_rule_as_it_reads() -> None:
    given_p = np.random.default_rng(0).random(12) ** 3
    found = holm(given_p)
    ordered = np.sort(given_p)
    for p, corrected in zip(given_p, found, strict=True):
        rank = int(np.searchsorted(ordered, p))
        assert corrected == pytest.approx(max(min(1.0, (12 - k) * ordered[k]) for k in range(rank + 1)))


def test_holm_counts_only_what_was_tested() -> None:
    assert holm([NAN, 0.02, NAN])[1] == 0.02
    assert math.isnan(holm([NAN, 0.02])[0])
    assert holm([]) == ()
    assert holm([0.7, 0.9]) == (1.0, 1.0)
