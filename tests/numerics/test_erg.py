"""The ERG tail: against products of exact fractions, and against WeightWatcher where its product does not overflow."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectra import SYNTHETIC, synthetic

from eigentail.metrics.families import erg as family
from eigentail.numerics import spectrum_of
from eigentail.numerics.erg import erg_tail, relative_logs
from eigentail.numerics.estimators.clauset import clauset
from eigentail.records import Fit, FitStatus, Spectrum

METRICS = {metric.name: metric for metric in family.METRICS}


def exact_tail(values: list[int]) -> int:
    """The first product below one, in whole numbers."""
    product, mean = Fraction(1), Fraction(sum(values), len(values))
    for k, value in enumerate(reversed(values), start=1):
        product *= value / mean
        if product < 1:
            return k
    return len(values)


def spectrum_from(values: np.ndarray) -> Spectrum:
    return Spectrum(eigenvalues=values, shape=(len(values), len(values)), rank=len(values))


def weightwatcher_tail(values: np.ndarray) -> int:
    with oracles.quarantine():
        from weightwatcher.RMT_Util import detX_constraint

        return int(detX_constraint(values)[0])


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40).map(sorted))
def test_equals_exact_fractions(values: list[int]) -> None:
    exact = exact_tail(values)
    found = erg_tail(np.array(values, dtype=np.float64))
    if found != exact:  # a product of exactly one, seen from the wrong side of the last digit
        logs = np.log(np.array(values[::-1]) / np.mean(values))
        assert abs(logs[: min(found, exact)].sum()) < 1e-12


@pytest.mark.parametrize("i", SYNTHETIC)
def test_equals_weightwatcher_up_to_500(i: int) -> None:
    values = synthetic(i)[:500]
    assert erg_tail(values) == weightwatcher_tail(values)


@pytest.mark.parametrize("n", [4096, 8192, 20_000])
def test_nothing_overflows(n: int) -> None:
    values = np.sort(np.random.default_rng(n).lognormal(0, 1, n))
    total, count = 0.0, 0
    for value in values[::-1]:
        total, count = total + math.log(value / values.mean()), count + 1
        if total < 0:
            break
    assert erg_tail(values) == count


def test_the_peer_overflows_at_8192() -> None:
    values = np.sort(np.random.default_rng(8192).lognormal(0, 1, 8192))
    assert weightwatcher_tail(values) != erg_tail(values)


@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0**-40, 1e-6, 1e6, 2.0**40]))
def test_the_scale_does_not_matter(seed: int, factor: float) -> None:
    values = np.sort(np.random.default_rng(seed).lognormal(0, 2, 60))
    np.testing.assert_allclose(relative_logs(values * factor), relative_logs(values), rtol=0, atol=1e-12)
    assert erg_tail(values * factor) == erg_tail(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], 0), ([3.0], 1), ([2.0] * 7, 7), ([1e-320, 1.0, 1e300], 2), ([5e-324, 1e-323], 2), ([1e-15] * 3 + [1e15], 2)],
)
def test_odd_spectra(values: list[float], expected: int) -> None:
    assert erg_tail(np.array(values)) == expected


def test_the_metrics_by_hand() -> None:
    # mean 4: products from the top 3, 3 * 1/2 = 3/2, 3/2 * 1/4 = 3/8 < 1
    spectrum = spectrum_from(np.array([1.0, 1.0, 2.0, 12.0]))
    fit = Fit(status=FitStatus.OK, alpha=2.0, xmin=2.0, xmax=12.0, tail=2)
    have = {"spectrum": spectrum, "fit": fit}
    values = {name: metric.compute(**{need: have[need] for need in metric.needs}) for name, metric in METRICS.items()}
    expected = {"num_ERG_spikes": 3, "ERG_gap": 1, "delta_lambda_min": (2 - 1) / 4, "trace_log": math.log(3 / 2) / 2}
    assert values == pytest.approx(expected)


def test_zero_eigenvalues_do_not_enter() -> None:
    weights = np.random.default_rng(0).standard_normal((1, 30, 20))
    padded = np.concatenate([weights, np.zeros((1, 30, 5))], axis=2)
    compute = METRICS["num_ERG_spikes"].compute
    assert compute(spectrum=spectrum_of(padded)) == compute(spectrum=spectrum_of(weights))


def test_without_a_fit_there_is_no_gap() -> None:
    have = {"spectrum": spectrum_of(np.zeros((1, 9, 9))), "fit": Fit(status=FitStatus.ZERO)}
    for metric in METRICS.values():
        assert math.isnan(metric.compute(**{need: have[need] for need in metric.needs}))


def test_delta_lambda_min_has_the_sign_of_alpha_less_two() -> None:
    # exact quantiles of a pure power law: under-regularised above alpha 2, over-regularised below
    u = (np.arange(2000) + 0.5) / 2000
    deltas = []
    for alpha in (1.6, 4.0):
        values = 3 * (1 - u) ** (-1 / (alpha - 1))
        body = np.linspace(1e-3, 3, 2000, endpoint=False)
        values = np.sort(np.concatenate([body, values]))
        deltas.append(METRICS["delta_lambda_min"].compute(spectrum=spectrum_from(values), fit=clauset(values)))
    assert deltas[0] < 0 < deltas[1]
