"""The power law with an exponential cutoff: integrals against mpmath, maxima against an optimiser and `powerlaw`."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import oracles
import pytest
from draws import body_and_power_law, cut_off, power_law
from scipy.optimize import minimize
from spectra import Values, synthetic, with_ties

from eigentail.numerics.cutoff import cutoff_cdf, fit_cutoffs
from eigentail.numerics.estimators.e_tpl import extended_truncated_power_law
from eigentail.numerics.estimators.peak import peak_window
from eigentail.numerics.estimators.truncated_power_law import nearest_cutoff, truncated_power_law
from eigentail.numerics.incomplete_gamma import log_upper_gamma
from eigentail.records import FitStatus


def loss(t: Values, alpha: float, rate: float) -> float:
    """Minus the mean log-likelihood of t; the normalisation by the incomplete gamma function."""
    if rate == 0:
        return (alpha - 1) * float(t.mean()) - math.log(alpha - 1)
    normaliser = float(log_upper_gamma(1 - alpha, rate)) - (1 - alpha) * math.log(rate)
    return (alpha - 1) * float(t.mean()) + rate * float(np.exp(t).mean()) + normaliser


def fitted(t: Values) -> tuple[float, float, float]:
    found = fit_cutoffs(np.array([t.mean()]), np.array([(np.expm1(t) - t).mean()]))
    return float(found.alphas[0]), float(found.rates[0]), float(found.errors[0])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 20.0])
@pytest.mark.parametrize("rate", [1e-12, 1e-6, 1e-3, 0.1, 1.0, 10.0, 100.0])
def test_the_cdf_equals_that_of_exact_arithmetic(alpha: float, rate: float) -> None:
    t = np.linspace(0, min(math.log1p(30 / rate), 40 / max(alpha - 1, 0.1)), 5)
    with mpmath.workdps(40):
        whole = mpmath.gammainc(1 - alpha, rate)
        expected = [float(1 - mpmath.gammainc(1 - alpha, rate * mpmath.exp(float(x))) / whole) for x in t]
    assert cutoff_cdf(t, alpha, rate) == pytest.approx(np.array(expected), abs=1e-10)


def test_the_cdf_without_a_cutoff_is_that_of_the_power_law() -> None:
    t = np.array([0.0, 1.0, 3.0, 200.0])
    assert cutoff_cdf(t, 3.0, 0.0) == pytest.approx(1 - np.exp(-2 * t), abs=1e-15)
    assert cutoff_cdf(t[:3], 3.0, 1e-14) == pytest.approx(1 - np.exp(-2 * t[:3]), abs=1e-10)


@pytest.mark.parametrize("seed", range(12))
def test_no_optimiser_finds_more(seed: int) -> None:
    """Nelder-Mead from three starts, kept to alpha >= 0 and rate > 0, on samples of several shapes."""
    rng = np.random.default_rng(seed)
    values = np.sort([rng.gamma(2, size=200), rng.lognormal(size=200), 1 + rng.pareto(1.5, 200)][seed % 3])
    values = values[int(rng.integers(0, 150)) :]
    t = np.log(values / values[0])
    alpha, rate, _ = fitted(t)
    assert alpha >= 0
    assert rate >= 0

    def bounded(at: Values) -> float:
        return loss(t, at[0], math.exp(at[1])) if at[0] >= 0 and abs(at[1]) < 25 else math.inf

    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 2000}
    found = [
        minimize(bounded, start, method="Nelder-Mead", options=options) for start in ((1, -1), (2.5, -4), (0.2, 1))
    ]
    best = min(found, key=lambda one: float(one.fun))
    assert loss(t, alpha, rate) <= float(best.fun) + 1e-11
    if alpha > 0 and rate > 0:
        assert (alpha, rate) == pytest.approx((best.x[0], math.exp(best.x[1])), rel=1e-4)


@pytest.mark.parametrize("length", [0.01, 0.1, 1.0, 10.0, 100.0])
def test_the_maximum_is_one_at_any_length(length: float) -> None:
    """The gradient vanishes inside, and points out of the region on its edge; tails of two values and of many."""
    for t in (np.array([0.0, length]), np.linspace(0, length, 50), length * np.linspace(0, 1, 50) ** 3):
        alpha, rate, _ = fitted(t)
        here = loss(t, alpha, rate)
        size = 1e-3 / length
        for there in (
            (alpha + size, rate),
            (max(0, alpha - size), rate),
            (alpha, rate * 1.001 + 1e-9),
            (alpha, rate * 0.999),
        ):
            if there[1] > 0 or there[0] > 1:
                assert loss(t, *there) >= here - 1e-12 * (1 + abs(here))


def test_the_edges_are_the_power_law_and_the_exponential_law() -> None:
    heavy = np.array([0.0] * 20 + [3.0])  # heavier than its own power law
    alpha, rate, error = fitted(heavy)
    assert (alpha, rate) == (pytest.approx(1 + 1 / heavy.mean()), 0.0)
    assert error == pytest.approx(alpha - 1)
    rising = np.log(np.linspace(1, 2, 50))  # a uniform law falls less than any power
    alpha, rate, _ = fitted(rising)
    assert (alpha, rate) == (0.0, pytest.approx(1 / np.expm1(rising).mean()))


def test_the_error_is_that_of_the_information() -> None:
    t = np.log(cut_off(2.0, 0.05, 2000, 1))
    alpha, rate, error = fitted(t)

    def curvature(da: float, dr: float) -> float:
        """The second difference along one direction."""
        return (loss(t, alpha + da, rate + dr) - 2 * loss(t, alpha, rate) + loss(t, alpha - da, rate - dr)) / 4e-6

    h = (2e-3, 2e-5)
    aa, rr = curvature(h[0], 0), curvature(0, h[1]) * 1e4
    ar = (curvature(*h) * 1e2 - curvature(h[0], -h[1]) * 1e2) / 4
    assert error == pytest.approx(math.sqrt(rr / (aa * rr - ar**2)), rel=1e-2)


def test_powerlaw_finds_no_more_at_the_same_xmin() -> None:
    """Its optimiser may stop early: its likelihood is at most ours; where it does not, the parameters agree."""
    near = 0
    for alpha, rate, seed in ((1.5, 0.1, 0), (2.0, 0.05, 1), (2.5, 0.02, 2)):
        values = cut_off(alpha, rate, 150, seed)
        t = np.log(values / values[0])
        ours = fitted(t)
        with oracles.quarantine():
            import powerlaw

            law = powerlaw.Fit(values / values[0], xmin=1.0, verbose=False).truncated_power_law
            theirs = float(law.alpha), float(law.Lambda)
        assert loss(t, *ours[:2]) <= loss(t, *theirs) + 1e-10
        near += theirs == pytest.approx(ours[:2], rel=0.01)
    assert near >= 2


@pytest.mark.parametrize(("alpha", "rate"), [(0.5, 0.1), (1.5, 0.01), (2.0, 0.05), (3.0, 0.02)])
@pytest.mark.parametrize("n", [300, 2000])
def test_recovers_alpha_and_rate(alpha: float, rate: float, n: int) -> None:
    """The choice of xmin widens the spread, so 12 errors in standard errors may have a mean of up to 1.2."""
    fits = [truncated_power_law(cut_off(alpha, rate, n, seed)) for seed in range(12)]
    errors = np.array([(fit.alpha - alpha) / fit.sigma for fit in fits])
    assert abs(errors.mean()) < 1.2
    assert np.abs(errors).max() < 5
    if alpha < 3:  # above, 300 values do not tell a weak cutoff
        assert np.median([fit.rate for fit in fits]) == pytest.approx(rate, rel=0.35)


def test_a_power_law_without_a_cutoff_has_hardly_any() -> None:
    fits = [truncated_power_law(power_law(2.5, 2000, seed)) for seed in range(10)]
    assert np.median([fit.rate * fit.xmin for fit in fits]) < 0.005
    assert np.mean([(fit.alpha - 2.5) / fit.sigma for fit in fits]) == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("i", [*range(0, 36, 5), 112, 148])
def test_equals_a_scan_of_its_candidates(i: int) -> None:
    for values in (synthetic(i), with_ties(i)):
        n = len(values)
        sizes = set(range(20, n + 1)) if n <= 120 else {round(float(s)) for s in np.geomspace(20, n, 100)}
        best, smallest = math.nan, math.inf
        for start in sorted(
            {int(np.searchsorted(values, values[n - size])) for size in sizes | ({n} if n < 20 else set())}
        ):
            t = np.log(values[start:] / values[start])
            if t[-1] > 0:
                shares = np.searchsorted(t, t) / len(t)
                distance = float(np.abs(cutoff_cdf(t, *fitted(t)[:2]) - shares).max())
                if distance < smallest:
                    best, smallest = float(values[start]), distance
        fit = truncated_power_law(values)
        assert pytest.approx(smallest, rel=1e-8) == fit.D
        assert fit.xmin == best


def test_there_are_at_most_a_hundred_candidates() -> None:
    values = power_law(2.5, 5000, 0)
    sizes = [truncated_power_law(values[:n]).tail for n in (20, 21, 119, 121, 5000)]
    assert all(20 <= size <= n for size, n in zip(sizes, (20, 21, 119, 121, 5000), strict=True))
    assert sizes[-1] in np.rint(np.geomspace(20, 5000, 100))


def test_no_start_is_no_fit() -> None:
    fit = nearest_cutoff(np.arange(1.0, 5.0), np.array([3]))
    assert (fit.status, fit.detail) == (FitStatus.TOO_FEW, "no value lies where the tail may begin")


@pytest.mark.parametrize("alpha", [2.0, 3.0])
def test_the_extended_law_begins_at_the_peak(alpha: float) -> None:
    """The values are a body below 1 and a tail above; the window ends at 1.5."""
    errors = []
    for seed in range(6):
        values = body_and_power_law(alpha, 4000, seed)
        fit = extended_truncated_power_law(values)
        first, last = peak_window(values)
        assert values[first] <= fit.xmin <= values[last - 1]
        assert (fit.law, fit.tail) == ("truncated_power_law", np.count_nonzero(values >= fit.xmin))
        errors.append((fit.alpha - alpha) / fit.sigma)
    assert abs(np.mean(errors)) < 2


@pytest.mark.parametrize("i", range(0, 60, 7))
def test_the_extended_law_equals_a_scan_of_the_window(i: int) -> None:
    values = synthetic(i)
    first, last = peak_window(values)
    chosen = np.unique(np.rint(np.linspace(first, last - 1, min(100, last - first))).astype(int))
    starts = [int(start) for start in chosen if values[start] < values[-1]]
    assert extended_truncated_power_law(values) == min(
        (nearest_cutoff(values, np.array([start])) for start in starts), key=lambda fit: (fit.D, fit.xmin)
    )
