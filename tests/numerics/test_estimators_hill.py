"""Hill's estimator: its formula written plainly, the metric of the same name, and many samples at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from draws import power_law
from spectra import SYNTHETIC, Values, synthetic, with_ties

from eigentail.metrics.families.exponent import alpha_hill
from eigentail.numerics.estimators.hill import hill, hill_at, hill_refit
from eigentail.records import Spectrum


def plainly(values: Values, fraction: float) -> tuple[float, float, float]:
    """The exponent, xmin and distance by their definitions, in plain loops over descending values."""
    descending = sorted(values, reverse=True)
    k = max(1, math.floor(fraction * len(values)))
    xmin = descending[k]
    alpha = 1 + k / sum(math.log(x / xmin) for x in descending[:k])
    tail = [x for x in values if x >= xmin]
    gaps = [abs(1 - (x / xmin) ** (1 - alpha) - sum(y < x for y in tail) / len(tail)) for x in tail]
    return alpha, float(xmin), max(gaps)


@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.37, 0.999])
@pytest.mark.parametrize("i", range(0, 200, 11))
def test_equals_its_formula(i: int, fraction: float) -> None:
    for values in (synthetic(i), with_ties(i)):
        fit = hill(values, fraction)
        if not fit.ok:
            continue
        alpha, xmin, distance = plainly(values, fraction)
        assert (fit.alpha, fit.D) == pytest.approx((alpha, distance), rel=1e-9)
        assert fit.xmin == xmin
        assert fit.sigma == pytest.approx((alpha - 1) / math.sqrt(max(1, int(fraction * len(values)))), rel=1e-9)


@pytest.mark.parametrize("i", SYNTHETIC)
def test_equals_the_metric(i: int) -> None:
    values = synthetic(i)
    spectrum = Spectrum(eigenvalues=values, shape=(len(values), len(values)), rank=len(values))
    assert hill(values).alpha == pytest.approx(alpha_hill.compute(spectrum), rel=1e-13)


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("alpha", [1.5, 2.5, 4.0])
def test_recovers_the_exponent(alpha: float, fraction: float) -> None:
    """Over 20 samples the errors, in standard errors, are near a standard normal: 4 / sqrt(20) bounds their mean."""
    fits = [hill(power_law(alpha, 2000, seed), fraction) for seed in range(20)]
    errors = np.array([(fit.alpha - alpha) / fit.sigma for fit in fits])
    assert abs(errors.mean()) < 4 / np.sqrt(20)
    assert 0.5 < errors.std() < 1.6


@pytest.mark.parametrize("fraction", [0.5, 0.1])
def test_many_samples_at_once_equal_one_after_another(fraction: float) -> None:
    rng = np.random.default_rng(0)
    values = synthetic(50)
    samples = np.sort(values[rng.integers(0, len(values), (30, len(values)))], axis=1)
    expected = [hill(sample, fraction).alpha for sample in samples]
    assert hill_refit(np.log(samples), fraction).alphas == pytest.approx(np.array(expected), rel=1e-12)


def test_a_sample_with_a_flat_tail_has_no_exponent() -> None:
    found = hill_refit(np.log([[1.0, 2.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0]])).alphas
    assert np.isnan(found).tolist() == [True, False]


def test_the_variant_uses_its_number_everywhere() -> None:
    tenth = hill_at(0.1)
    logs = np.log(synthetic(50))[None]
    assert tenth.fit(synthetic(50)).alpha == hill(synthetic(50), 0.1).alpha
    assert tenth.refit is not None
    assert tenth.refit(logs).alphas == pytest.approx(tenth.fit(synthetic(50)).alpha, rel=1e-12)
    assert tenth.at is not None
    assert tenth.at(0.2).name == "hill:0.2"
