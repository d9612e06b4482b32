"""The matrix interval: against a plain loop, and by its coverage on matrices whose exponent is known."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from eigentail.metrics.families import jackknife as family
from eigentail.numerics import fit_tail, spectrum_of
from eigentail.numerics.jackknife import Jackknife, jackknife
from eigentail.numerics.tail import estimators
from eigentail.records import Fit, FitStatus


def pareto_matrix(seed: int, index: float, rows: int, columns: int) -> NDArray[np.float64]:
    rng = np.random.default_rng((seed, rows, columns))
    shape = (1, rows, columns)
    return (1 + rng.pareto(index, shape)) * rng.choice([-1.0, 1.0], shape)


def tail_of(stack: NDArray[np.float64], name: str) -> Fit:
    return fit_tail(spectrum_of(stack), estimators[name])


def mean_as_fit(stack: NDArray[np.float64]) -> Fit:
    return Fit(status=FitStatus.OK, alpha=2 + float(stack.mean()))


def test_of_a_mean_it_is_the_standard_error() -> None:
    # the jackknife of a mean is exact when each group is one row: the standard error of the row means
    stack = np.random.default_rng(0).standard_normal((1, 10, 10))
    rows, columns = (stack[0].mean(axis=axis).std(ddof=1) / math.sqrt(10) for axis in (0, 1))
    found = jackknife(stack, mean_as_fit, seed=3)
    assert found.se == pytest.approx(math.sqrt((rows**2 + columns**2) / 2))
    assert found.replicas == 20


def test_of_a_mean_of_many_it_is_near_the_standard_error() -> None:
    errors = [
        jackknife(np.random.default_rng(seed).standard_normal((2, 100, 50)), mean_as_fit, seed=seed).se
        for seed in range(50)
    ]
    assert np.mean(errors) == pytest.approx(1 / math.sqrt(2 * 100 * 50), rel=0.1)


def test_every_group_is_left_out_once() -> None:
    seen: list[NDArray[np.float64]] = []

    def watched(stack: NDArray[np.float64]) -> Fit:
        seen.append(stack)
        return mean_as_fit(stack)

    stack = np.arange(2 * 23 * 14, dtype=np.float64).reshape(2, 23, 14)
    jackknife(stack, watched, seed=0)
    missing = [set(stack.ravel()) - set(part.ravel()) for part in seen[1:]]
    for groups in (missing[:10], missing[10:]):
        assert sorted(value for group in groups for value in group) == stack.ravel().tolist()
    assert sorted({part.shape for part in seen}) == [(2, 20, 14), (2, 21, 14), (2, 23, 12), (2, 23, 13), (2, 23, 14)]


def test_the_interval_is_normal_in_the_logarithm_of_alpha_less_one() -> None:
    stack = pareto_matrix(0, 1.5, 64, 48)
    found, alpha = jackknife(stack, partial(tail_of, name="clauset"), seed=0), tail_of(stack, "clauset").alpha
    reach = 1.6449 * found.se / (alpha - 1)
    ends = [math.log(end - 1) for end in (found.alpha_lo, found.alpha_hi)]
    assert ends == pytest.approx([math.log(alpha - 1) - reach, math.log(alpha - 1) + reach])
    assert 1 < found.alpha_lo < alpha < found.alpha_hi


def test_the_seed_decides() -> None:
    stack = pareto_matrix(1, 1.5, 40, 30)
    one, same, other = (jackknife(stack, partial(tail_of, name="hill"), seed=seed) for seed in (4, 4, 5))
    assert one == same != other


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_does_not_matter(factor: float) -> None:
    stack = pareto_matrix(2, 1.5, 40, 30)
    one, other = (jackknife(w, partial(tail_of, name="clauset"), seed=0) for w in (stack, stack * factor))
    assert (one.alpha_lo, one.alpha_hi, one.se) == pytest.approx((other.alpha_lo, other.alpha_hi, other.se), rel=1e-9)


# Around the mean over matrices, not the theory: the estimator's bias is not the interval's. Means of 300 matrices.
@pytest.mark.parametrize(
    ("name", "index", "centre"),
    [("clauset", 1.0, 1.48), ("clauset", 1.5, 1.89), ("hill", 1.0, 1.40), ("hill", 1.5, 1.65)],
)
def test_it_covers_what_the_estimator_measures(name: str, index: float, centre: float) -> None:
    found = [jackknife(pareto_matrix(s, index, 128, 128), partial(tail_of, name=name), seed=s) for s in range(25)]
    covered = np.mean([one.alpha_lo <= centre <= one.alpha_hi for one in found])
    assert covered >= 0.76  # 90 % less 2.3 deviations
    widths = np.mean([one.se for one in found])
    spread = np.std([tail_of(pareto_matrix(s, index, 128, 128), name).alpha for s in range(25)])
    assert 0.6 * spread < widths < 2.5 * spread


@pytest.mark.parametrize(
    "stack",
    [np.zeros((1, 30, 20)), np.eye(16)[None], np.ones((1, 30, 20)), np.ones((1, 1, 40)), pareto_matrix(0, 1, 8, 8)],
    ids=["zeros", "flat", "rank one", "one row", "too few once columns are out"],
)
def test_without_a_tail_there_is_no_interval(stack: NDArray[np.float64]) -> None:
    found = jackknife(stack, partial(tail_of, name="clauset"), seed=0)
    assert np.isnan([found.alpha_lo, found.alpha_hi, found.se]).all()
    assert found.replicas == 0


def test_equal_refits_are_a_point() -> None:
    found = jackknife(np.ones((1, 20, 20)), mean_as_fit, seed=0)
    assert (found.alpha_lo, found.alpha_hi, found.se) == (3, 3, 0)


def test_an_error_of_any_size_is_an_interval() -> None:
    def wild(stack: NDArray[np.float64]) -> Fit:
        return Fit(status=FitStatus.OK, alpha=1 + 1e-12 if stack.shape == (1, 20, 20) else float(stack[0, 0, 0]))

    found = jackknife(np.random.default_rng(0).random((1, 20, 20)) * 1e9, wild, seed=0)
    assert (found.alpha_lo, found.alpha_hi) == (1, math.inf)


@pytest.mark.parametrize("alpha", [1.0, 0.5, -2.0])
def test_an_exponent_of_one_or_less_has_an_interval_too(alpha: float) -> None:
    stack = np.random.default_rng(0).standard_normal((1, 20, 20))
    centre = float(stack.mean())
    found = jackknife(stack, lambda w: Fit(status=FitStatus.OK, alpha=alpha + float(w.mean()) - centre), seed=0)
    assert (found.alpha_lo, found.alpha_hi) == pytest.approx((alpha - 1.6449 * found.se, alpha + 1.6449 * found.se))
    assert found.se > 0


def test_infinite_refits_are_no_interval() -> None:
    def wild(stack: NDArray[np.float64]) -> Fit:
        return Fit(status=FitStatus.OK, alpha=2.0 if stack.shape == (1, 20, 20) else math.inf)

    assert math.isnan(jackknife(np.ones((1, 20, 20)), wild, seed=0).alpha_hi)


def test_the_metrics_are_its_ends() -> None:
    found = Jackknife(alpha_lo=1.5, alpha_hi=2.5, se=0.3, replicas=20)
    assert {metric.name: metric.compute(jackknife=found) for metric in family.METRICS} == {
        "alpha_lo_matrix": 1.5,
        "alpha_hi_matrix": 2.5,
    }
