"""Each law: its density is one, its fit is the most likely, its limits are those of the books."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law_samples import CLEAR, Values, clear, exponential, lognormal, power_law, truncated_power_law
from scipy import integrate, stats

from eigentail.numerics.law import Parameters, laws

NAMES = sorted(laws)


def logs_of(i: int, seed: int, n: int = 300) -> Values:
    values = clear(i, seed, n)
    return np.log(values / values[0])


def likelihood(name: str, logs: Values, parameters: Parameters) -> float:
    return float(laws[name].log_likelihoods(logs, parameters).sum())


def test_the_folder_holds_the_five() -> None:
    assert NAMES == ["exponential", "lognormal", "power_law", "stretched_exponential", "truncated_power_law"]
    assert [name for name in NAMES if laws[name].nested] == ["power_law", "truncated_power_law"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("i", range(len(CLEAR)))
def test_the_density_integrates_to_one(name: str, i: int) -> None:
    law, logs = laws[name], logs_of(i, 1)
    parameters = law.fit(logs)
    assert len(parameters) == law.parameters

    def density(t: float) -> float:
        with np.errstate(under="ignore"):
            return float(np.exp(law.log_likelihoods(np.array([t]), parameters))[0])

    ends = (0, *np.quantile(logs, [0.1, 0.5, 0.9]), logs[-1], 3 * logs[-1], 30 * logs[-1])
    total = sum(integrate.quad(density, *pair, epsabs=1e-11)[0] for pair in itertools.pairwise(ends))
    assert total == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("i", range(len(CLEAR)))
def test_nothing_near_the_fit_is_more_likely(name: str, i: int) -> None:
    logs = logs_of(i, 2)
    best = laws[name].fit(logs)
    rng = np.random.default_rng(i)
    for size in (1e-1, 1e-3):
        for _ in range(20):
            other = tuple(value * float(np.exp(size * rng.standard_normal())) for value in best)
            assert likelihood(name, logs, other) <= likelihood(name, logs, best) + 1e-9


@pytest.mark.parametrize("name", ["lognormal", "stretched_exponential", "truncated_power_law"])
@pytest.mark.parametrize("i", range(len(CLEAR)))
def test_no_law_that_can_be_a_power_law_is_less_likely_than_it(name: str, i: int) -> None:
    for seed in range(10):
        logs = logs_of(i, seed)
        straight = likelihood("power_law", logs, laws["power_law"].fit(logs))
        assert likelihood(name, logs, laws[name].fit(logs)) >= straight - 1e-10 * abs(straight)


@pytest.mark.parametrize("name", ["lognormal", "stretched_exponential"])
def test_where_the_power_law_is_the_limit_the_numbers_are_its_own(name: str) -> None:
    logs = np.array([0.0, 0.1, 0.2, 0.3, 5.0])
    assert np.mean(logs**2) > 2 * np.mean(logs) ** 2
    parameters = laws[name].fit(logs)
    assert 0.0 in parameters
    own = laws["power_law"].log_likelihoods(logs, laws["power_law"].fit(logs))
    assert laws[name].log_likelihoods(logs, parameters) == pytest.approx(own, rel=1e-14)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1.1, 6), st.integers(10, 60))
def test_the_limit_is_met_exactly_where_the_condition_says(seed: int, alpha: float, n: int) -> None:
    logs = np.log(power_law(np.random.default_rng(seed), n, alpha))
    straight = np.mean(logs**2) >= 2 * np.mean(logs) ** 2
    assert (laws["lognormal"].fit(logs)[1] == 0) == straight
    assert (laws["stretched_exponential"].fit(logs)[0] == 0) == straight


def test_the_lognormal_is_scipys_truncated_normal() -> None:
    logs = logs_of(4, 0)
    slope, bend = laws["lognormal"].fit(logs)
    sigma = 1 / math.sqrt(2 * bend)
    mu = -slope * sigma**2
    expected = stats.truncnorm.logpdf(logs, -mu / sigma, np.inf, loc=mu, scale=sigma)
    assert laws["lognormal"].log_likelihoods(logs, (slope, bend)) == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_the_stretched_exponential_is_scipys_weibull() -> None:
    logs = logs_of(7, 0)
    beta, log_slope = laws["stretched_exponential"].fit(logs)
    x, scale = np.exp(logs), (math.exp(log_slope) / beta) ** (-1 / beta)
    expected = stats.weibull_min.logpdf(x, beta, scale=scale) + logs - stats.weibull_min.logsf(1, beta, scale=scale)
    assert laws["stretched_exponential"].log_likelihoods(logs, (beta, log_slope)) == pytest.approx(expected, rel=1e-10)


def test_an_alpha_of_zero_is_the_exponential_law() -> None:
    logs = np.log(1 + np.arange(1, 50) / 20)  # flat, then nothing: more convex than any exponential law
    alpha, rate = laws["truncated_power_law"].fit(logs)
    assert (alpha, rate) == (0.0, laws["exponential"].fit(logs)[0])
    found = likelihood("truncated_power_law", logs, (alpha, rate))
    assert found == pytest.approx(likelihood("exponential", logs, (rate,)), rel=1e-12)


def test_a_rate_of_zero_is_the_power_law() -> None:
    logs = np.array([0.0] * 9 + [3.0])
    assert laws["truncated_power_law"].fit(logs) == (pytest.approx(laws["power_law"].fit(logs)[0]), 0.0)


def test_recovers_what_was_drawn() -> None:
    rng, n = np.random.default_rng(0), 40_000
    alpha, rate = laws["truncated_power_law"].fit(np.log(truncated_power_law(rng, n, 1.7, 0.03)))
    assert (alpha, rate) == (pytest.approx(1.7, abs=0.03), pytest.approx(0.03, rel=0.1))
    slope, bend = laws["lognormal"].fit(np.log(lognormal(rng, n, 0.5, 0.8)))
    assert (bend, -slope / (2 * bend)) == (pytest.approx(1 / (2 * 0.8**2), rel=0.04), pytest.approx(0.5, abs=0.03))
    beta, _ = laws["stretched_exponential"].fit(np.log(exponential(rng, n, 0.3)))
    assert beta == pytest.approx(1, abs=0.02)
    assert laws["exponential"].fit(np.log(exponential(rng, n, 0.3)))[0] == pytest.approx(0.3, rel=0.02)
