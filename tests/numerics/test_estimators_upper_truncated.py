"""A power law that ends: its likelihood against a general optimiser, a full scan, and the peer's filter."""

from __future__ import annotations

import math

import numpy as np
import oracles
import pytest
from draws import ending_power_law, power_law
from scipy.optimize import brentq
from spectra import Values, synthetic, with_ties

from eigentail.numerics.estimators import upper_truncated as module
from eigentail.numerics.estimators.upper_truncated import tilt_of, upper_truncated
from eigentail.records import FitStatus


def cdf(t: Values, end: float, slope: float) -> Values:
    """Of t = ln(x / xmin) up to `end`, for alpha = 1 + slope."""
    if abs(slope * end) < 1e-8:
        return t / end
    if slope < 0:
        return (np.exp(slope * (end - t)) - np.exp(slope * end)) / (1 - np.exp(slope * end))
    return (1 - np.exp(-slope * t)) / (1 - math.exp(-slope * end))


def scan(values: Values) -> tuple[float, float, float]:
    """xmin, alpha and D: each candidate's mean of t is matched by root finding on the law's mean."""
    best = (math.nan, math.nan, math.inf)
    for start, xmin in enumerate(values[: max(1, len(values) - 19)]):
        if start and values[start - 1] == xmin:
            continue
        t = np.log(values[start:-1] / xmin)
        end = math.log(values[-1] / xmin)
        if t[-1] <= 0:
            continue
        y = brentq(too_high, -1e6, 1e6, args=(t.mean() / end,), xtol=1e-13, rtol=1e-14)
        shares = np.searchsorted(t, t) / len(t)
        distance = float(np.max(np.abs(cdf(t, end, y / end) - shares)))
        if distance < best[2] - 1e-13:
            best = (float(xmin), 1 + y / end, distance)
    return best


def too_high(y: float, goal: float) -> float:
    return mean_at(y) - goal


def mean_at(y: float) -> float:
    """Of z under e^(-y z) on [0, 1]."""
    if abs(y) < 1e-3:
        return 0.5 - y / 12 + y**3 / 720
    return 1 / y - (1 / math.expm1(y) if y < 700 else 0.0)


@pytest.mark.parametrize("i", range(0, 160, 9))
def test_equals_a_scan(i: int) -> None:
    for values in (synthetic(i), with_ties(i)):
        fit = upper_truncated(values)
        xmin, alpha, distance = scan(values)
        assert pytest.approx(distance, rel=1e-9) == fit.D
        assert (fit.xmin, fit.alpha) == pytest.approx((xmin, alpha), rel=1e-8)
        assert fit.xmax == values[-1]


@pytest.mark.parametrize("block", [1, 7, 10**6])
@pytest.mark.parametrize("probes", [1, 5, 1000])
def test_the_number_of_probes_changes_nothing(monkeypatch: pytest.MonkeyPatch, block: int, probes: int) -> None:
    samples = [synthetic(i) for i in range(12)]
    before = [upper_truncated(values) for values in samples]
    monkeypatch.setattr(module, "_PROBE_BLOCK", block)
    monkeypatch.setattr(module, "_PROBES", probes)
    assert [upper_truncated(values) for values in samples] == before


@pytest.mark.parametrize(
    "y", [-5000.0, -30.0, -1.0, -0.11, -0.09, -1e-9, 0.0, 1e-9, 0.05, 0.0999, 0.1001, 3.0, 1e3, 1e8]
)
def test_the_tilt_has_the_mean_it_is_asked_for(y: float) -> None:
    """A tilt is known as well as its mean: that is rounded to 1e-16 and has a slope of at most 1/12."""
    assert float(tilt_of(np.array([mean_at(y)]))[0]) == pytest.approx(y, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("n", [300, 2000])
@pytest.mark.parametrize(("alpha", "end"), [(0.5, 20.0), (1.0, 20.0), (2.0, 10.0), (2.5, 20.0), (4.0, 5.0)])
def test_recovers_the_exponent(alpha: float, end: float, n: int) -> None:
    """The choice of xmin widens the spread, so 20 errors in standard errors may have a mean of up to 1."""
    fits = [upper_truncated(ending_power_law(alpha, end, n, seed)) for seed in range(20)]
    errors = np.array([(fit.alpha - alpha) / fit.sigma for fit in fits])
    assert abs(errors.mean()) < 1
    assert np.abs(errors).max() < 5


def test_where_nothing_ends_it_is_the_power_law() -> None:
    fits = [upper_truncated(power_law(2.5, 2000, seed)) for seed in range(10)]
    assert np.mean([fit.alpha for fit in fits]) == pytest.approx(2.5, abs=0.1)


def test_the_error_is_that_of_the_information() -> None:
    """Against the second difference of the log-likelihood of all but the largest value."""
    values = ending_power_law(2.0, 10.0, 500, 3)
    fit = upper_truncated(values)
    t = np.log(values[(values >= fit.xmin) & (values < fit.xmax)] / fit.xmin)
    end = math.log(fit.xmax / fit.xmin)

    def likelihood(slope: float) -> float:
        return len(t) * math.log(slope / -math.expm1(-slope * end)) - slope * float(t.sum())

    slope, h = fit.alpha - 1, 1e-4
    curvature = (likelihood(slope + h) - 2 * likelihood(slope) + likelihood(slope - h)) / h**2
    assert fit.sigma == pytest.approx(1 / math.sqrt(-curvature), rel=1e-5)
    assert abs(likelihood(slope + h) - likelihood(slope - h)) / (2 * h) < 1e-3  # it is the maximum, too


def test_the_published_shortcut_is_biased_and_this_is_not() -> None:
    """WeightWatcher and `powerlaw` drop what lies above xmax and fit a law that never ends."""
    samples = [ending_power_law(2.0, 10.0, 1000, seed) for seed in range(8)]
    with oracles.quarantine():
        import powerlaw

        filtered = [float(powerlaw.Fit(v, xmin=v[0], xmax=v[-1], verbose=False).power_law.alpha) for v in samples]
    errors = np.array([(upper_truncated(values).alpha - 2) for values in samples])
    peer = np.array(filtered) - 2
    standard = 1.5 / math.sqrt(1000)
    assert peer.mean() > 5 * standard
    assert abs(errors.mean()) < 2 * standard


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 1.0, 1.0, 2.0], [3.0] * 30 + [4.0]])
def test_one_value_below_the_largest_is_too_few(values: list[float]) -> None:
    fit = upper_truncated(np.array(values))
    assert (fit.status, fit.detail) == (FitStatus.TOO_FEW, "the values below the largest are all equal")


def test_a_tail_has_twenty_values() -> None:
    assert min(upper_truncated(synthetic(i)).tail for i in range(40)) >= 20
    assert upper_truncated(np.arange(1.0, 12.0)).tail == 11
