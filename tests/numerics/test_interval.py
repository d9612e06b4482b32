"""The interval of alpha: how often it holds the truth, and the quick refits against exact ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from experiments import coverage, refits
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eigentail.numerics.interval import interval_of
from eigentail.numerics.tail import estimators
from eigentail.records import Fit, FitStatus

CLAUSET = estimators["clauset"]


def sample(n: int, seed: int, alpha: float = 2.5) -> NDArray[np.float64]:
    return coverage.half_body(np.random.default_rng(seed), n, alpha)


def as_promised(rows: list[coverage.Row]) -> bool:
    """From 85 to 95 %, up to two standard errors of so many trials."""
    share = coverage.pooled(rows)
    chance = 2 * math.sqrt(share * (1 - share) / sum(row.trials for row in rows))
    return 0.85 - chance <= share <= 0.95 + chance


@pytest.mark.parametrize(("design", "estimator"), coverage.MEASURED[:4])
@pytest.mark.parametrize("n", [100, 500])
def test_it_holds_the_truth_in_nine_cases_of_ten(design: str, estimator: str, n: int) -> None:
    assert as_promised(coverage.samples([(design, estimator)], sizes=[n], trials=30 if n == 500 else 60))


@pytest.mark.parametrize("n", [50, 2000])
def test_it_does_so_at_either_end_of_the_sizes(n: int) -> None:
    assert as_promised(coverage.samples([("power law", "clauset")], sizes=[n], trials=25 if n == 2000 else 100))


@pytest.mark.parametrize(("n", "alpha"), [(50, 5.0), (100, 1.8)])
def test_it_does_so_where_a_body_passes_for_tail(n: int, alpha: float) -> None:
    rows = coverage.samples([("body 4/5, tail 1/5", "clauset")], sizes=[n], alphas=[alpha], trials=200)
    assert as_promised(rows)
    assert rows[0].share > 0.82  # a bootstrap that takes the fit for the truth stays below


def test_the_jackknife_holds_the_truth_of_pareto_entries() -> None:
    rows = coverage.matrices([(128, 128)], trials=25)
    assert coverage.pooled([row for row in rows if row.estimator == "jackknife"]) >= 0.8


@pytest.mark.parametrize("design", coverage.DESIGNS)
@pytest.mark.parametrize("n", [200, 4096])
def test_quick_refits_spread_as_exact_ones_do(design: str, n: int) -> None:
    (row,) = refits.rows([design], sizes=[n], samples=3)
    assert 0.88 <= row.mean <= 1.12


def test_the_choice_of_xmin_is_part_of_it() -> None:
    values = sample(1000, seed=3)
    fit = CLAUSET.fit(values)
    found = interval_of(values, fit, CLAUSET, seed=0)
    fixed = 2 * 1.6449 * (fit.alpha - 1) / math.sqrt(fit.tail)  # had xmin been known
    assert fixed < found.high - found.low < 3 * fixed


@pytest.mark.parametrize("factor", [1e-6, 1e6, 2.0**-900])
def test_scale_does_not_matter(factor: float) -> None:
    values = sample(300, seed=1)
    ends = [interval_of(scaled, CLAUSET.fit(scaled), CLAUSET, seed=0) for scaled in (values, values * factor)]
    assert [ends[1].low, ends[1].high] == pytest.approx([ends[0].low, ends[0].high], rel=1e-9)


def test_the_seed_decides() -> None:
    values = sample(200, seed=2)
    one, same, other = (interval_of(values, CLAUSET.fit(values), CLAUSET, seed=seed) for seed in (4, 4, 5))
    assert one == same != other


def test_more_resamples_change_little() -> None:
    values = sample(500, seed=5)
    fit = CLAUSET.fit(values)
    few, many = (interval_of(values, fit, CLAUSET, seed=0, resamples=number) for number in (200, 2000))
    assert (few.resamples, many.resamples) == (200, 2000)
    assert [few.low, few.high] == pytest.approx([many.low, many.high], abs=0.15 * (many.high - many.low))


def test_without_a_fit_or_without_a_refit_there_is_none() -> None:
    values = sample(100, seed=0)
    assert math.isnan(interval_of(values, Fit(status=FitStatus.TOO_FEW), CLAUSET, seed=0).low)
    peak = estimators["peak"]
    assert peak.refit is None
    assert math.isnan(interval_of(values, peak.fit(values), peak, seed=0).high)


@pytest.mark.parametrize("name", ["clauset", "clauset-min-tail", "hill"])
@settings(max_examples=60, deadline=None)
@given(
    logs=st.lists(st.floats(-35, 35), min_size=2, max_size=40),
    copies=st.integers(1, 3),
    scale=st.sampled_from([1.0, 1e-300, 1e290]),
)
def test_odd_values_give_an_interval_around_alpha_or_none(
    name: str, logs: list[float], copies: int, scale: float
) -> None:
    values = np.sort(np.repeat(np.exp(logs), copies)) * scale
    if values[0] == values[-1] or values[0] <= 0 or not np.isfinite(values[-1]):
        return
    estimator = estimators[name]
    fit = estimator.fit(values)
    found = interval_of(values, fit, estimator, seed=0, resamples=20)
    assert math.isnan(found.low) == math.isnan(found.high)
    assert math.isnan(found.low) or found.low <= fit.alpha * (1 + 1e-12)
    assert math.isnan(found.high) or fit.alpha <= found.high * (1 + 1e-12)
