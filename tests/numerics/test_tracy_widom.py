"""The law of the largest eigenvalue: against its Fredholm determinant, and against matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eigentail.numerics import tracy_widom
from eigentail.numerics.tracy_widom import edge_law, quantile, tail_probability
from eigentail.numerics.wishart import wishart


def fredholm(s: float) -> float:
    """1 - det(1 - K) with K(x, y) = Ai((x + y) / 2) / 2 on (s, infinity), free of cancellation in the far tail."""
    from scipy.special import airy

    nodes, weights = np.polynomial.legendre.leggauss(120)
    x, roots = s + 12 * (nodes + 1), np.sqrt(12 * weights)
    kernel = np.outer(roots, roots) * airy((x[:, None] + x) / 2)[0] / 2
    return float(-np.expm1(np.log1p(-np.linalg.eigvalsh(kernel)).sum()))


def test_the_table_is_the_determinant() -> None:
    made = [math.log(fredholm(s)) for s in tracy_widom._STEPS]
    np.testing.assert_allclose(tracy_widom._LOG_TAILS, made, rtol=1e-5)


@pytest.mark.parametrize("s", np.linspace(-4.9, 11.9, 41))
def test_between_the_steps_it_is_good_to_a_third_of_a_percent(s: float) -> None:
    assert tail_probability(s) == pytest.approx(fredholm(s), rel=0.003)


@pytest.mark.parametrize(("s", "tail"), [(-1.2685, 0.5), (0.4501, 0.1), (0.9793, 0.05), (2.0234, 0.01), (3.2724, 1e-3)])
def test_the_published_quantiles(s: float, tail: float) -> None:
    assert quantile(tail) == pytest.approx(s, abs=0.003)


@pytest.mark.parametrize("tail", np.geomspace(0.5, 1e-30, 40))
def test_quantile_and_tail_are_inverse(tail: float) -> None:
    assert tail_probability(quantile(tail)) == pytest.approx(tail, rel=1e-9)


def test_beyond_the_table_it_goes_on_falling() -> None:
    assert tail_probability(14.0) == pytest.approx(fredholm(14.0), rel=0.2)
    assert 0 < tail_probability(60.0) < tail_probability(30.0) < tail_probability(12.0)


def test_the_ends() -> None:
    assert (tail_probability(-50.0), quantile(1.0), quantile(0.0)) == (1.0, -5.0, math.inf)
    assert [tail_probability(s) for s in (1e6, 1e300, math.inf)] == [0, 0, 0]
    assert math.isnan(tail_probability(math.nan))


@pytest.mark.parametrize(("N", "M"), [(2, 2), (8, 8), (64, 4), (64, 64), (400, 20)])
@pytest.mark.parametrize("tail", [0.1, 0.01])
def test_matrices_pass_a_quantile_as_often_as_it_says(N: int, M: int, tail: float) -> None:
    rng = np.random.default_rng((N, M))
    centre, scale = edge_law(N, M)
    draws = 4000
    passed = np.mean([wishart(N, M, rng)[-1] > centre + quantile(tail) * scale for _ in range(draws)])
    assert abs(passed - tail) < 0.2 * tail + 3 * math.sqrt(tail / draws)


def test_the_edge_law_does_not_ask_which_side_is_longer() -> None:
    assert edge_law(300, 7) == pytest.approx(edge_law(7, 300), rel=1e-14)
    assert all(math.isfinite(value) for value in edge_law(1, 1))
