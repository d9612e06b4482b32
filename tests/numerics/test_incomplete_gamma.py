"""Gamma(a, x) for any real a, against closed forms, scipy where it has them, and the recurrence in a."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from eigentail.numerics.incomplete_gamma import log_upper_gamma, upper_gamma_rule
from eigentail.numerics.quadrature import between

XS = np.logspace(-12, 4, 161)


def scaled(a: float, x: float) -> float:
    """Gamma(a, x) over x^a e^-x, which neither overflows nor underflows."""
    return math.exp(float(log_upper_gamma(a, x)) - a * math.log(x) + x)


@pytest.mark.parametrize("a", [0.01, 0.3, 0.5, 1.0, 2.0, 3.7, 5.0])
def test_equals_scipy_for_positive_a(a: float) -> None:
    x = XS[XS < 500]
    expected = np.log(special.gammaincc(a, x)) + special.gammaln(a)
    assert np.abs(log_upper_gamma(a, x) - expected).max() < 1e-11


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12, 31])
def test_equals_the_exponential_integrals_for_a_of_zero_and_below(n: int) -> None:
    x = XS[XS < 500]
    expected = np.log(special.expn(n, x)) + (1 - n) * np.log(x)
    assert np.abs(log_upper_gamma(1 - n, x) - expected).max() < 1e-11


@settings(max_examples=300, deadline=None)
@given(st.floats(-30, -1e-9), st.floats(-12, 4))
def test_the_recurrence_in_a(a: float, power: float) -> None:
    # x^a e^-x = Gamma(a + 1, x) - a Gamma(a, x): both terms positive, nothing cancels, down from a in (0, 1]
    x = 10**power
    assert x * scaled(a + 1, x) - a * scaled(a, x) == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize("a", [-30.0, -7.3, -1 - 1e-9, -0.999, -1e-9, 0.0, 0.2])
@pytest.mark.parametrize("x", [1e-3, 0.2, 1.0, 3.0, 40.0])
def test_equals_an_adaptive_quadrature(a: float, x: float) -> None:
    found, _ = integrate.quad(lambda u: math.exp(a * u - x * math.expm1(u)), 0, math.log1p(60 / x), epsrel=1e-12)
    assert scaled(a, x) == pytest.approx(found, rel=1e-10)


def test_far_tails_have_a_logarithm() -> None:
    assert float(log_upper_gamma(-2.0, 1e4)) == pytest.approx(-1e4 - 3 * math.log(1e4) + math.log1p(-3e-4), rel=1e-9)
    assert float(log_upper_gamma(-30.0, 1e-12)) == pytest.approx(-30 * math.log(1e-12) - math.log(30), rel=1e-12)


def test_broadcasts() -> None:
    found = log_upper_gamma([[-1.0], [0.5]], XS)
    assert found.shape == (2, len(XS))
    assert found[0, 7] == log_upper_gamma(-1.0, XS[7])
    assert upper_gamma_rule([[-1.0], [0.5]], XS)[0].shape == (2, len(XS), 128)


@pytest.mark.parametrize("x", [0.0, -1.0, np.nan])
def test_there_is_none_where_x_is_not_positive(x: float) -> None:
    assert np.isnan(log_upper_gamma(-1.5, x))


def test_the_rule_is_exact_for_polynomials() -> None:
    points, weights = between(np.array([[-1.0], [2.0]]), np.array([[3.0], [2.5]]))
    for degree in (0, 1, 7, 40):
        exact = [(b ** (degree + 1) - a ** (degree + 1)) / (degree + 1) for a, b in ((-1.0, 3.0), (2.0, 2.5))]
        assert np.sum(weights * points**degree, axis=-1) == pytest.approx(exact, rel=1e-13)
