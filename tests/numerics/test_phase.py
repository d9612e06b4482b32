"""The phases of Martin & Mahoney, each told on matrices that are made to show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.numerics import fit_tail, spectrum_of
from eigentail.numerics.marchenko_pastur import Bulk, fit_bulk
from eigentail.numerics.phase import phase_of
from eigentail.numerics.tail import estimators
from eigentail.numerics.wishart import untrained_spectrum
from eigentail.records import Fit, FitStatus, Phase, Spectrum

Matrix = np.ndarray
NO_FIT = Fit(status=FitStatus.TOO_FEW)


def told(spectrum: Spectrum) -> Phase | None:
    return phase_of(spectrum, fit_tail(spectrum, estimators["clauset"]), fit_bulk(spectrum))


def noise(rng: np.random.Generator, N: int, M: int) -> Matrix:
    return rng.standard_normal((N, M))


def planted(rng: np.random.Generator, N: int, M: int, strengths: Matrix) -> Matrix:
    """Noise plus orthogonal directions, strengths in units of the threshold (N M)^(1/4) at which they leave it."""
    left = np.linalg.qr(rng.standard_normal((N, len(strengths))))[0]
    right = np.linalg.qr(rng.standard_normal((M, len(strengths))))[0]
    return noise(rng, N, M) + (N * M) ** 0.25 * (left * strengths) @ right.T


def weak_spikes(rng: np.random.Generator, N: int, M: int) -> Matrix:
    return planted(rng, N, M, rng.uniform(1.3, 1.5, 4))


def strong_spikes(rng: np.random.Generator, N: int, M: int) -> Matrix:
    return planted(rng, N, M, rng.uniform(2.5, 6, 4))


def ten_spikes(rng: np.random.Generator, N: int, M: int) -> Matrix:
    return planted(rng, N, M, rng.uniform(2, 10, 10))


def decaying(rng: np.random.Generator, N: int, M: int) -> Matrix:
    return planted(rng, N, M, 1.2 * (1 + rng.pareto(4, M // 6)))


def pareto(mu: float) -> Callable[[np.random.Generator, int, int], Matrix]:
    return lambda rng, N, M: (1 + rng.pareto(mu, (N, M))) * rng.choice([-1.0, 1.0], (N, M))


def power_law(rng: np.random.Generator, N: int, M: int) -> Matrix:
    """Eigenvalues that are an exact power law, exponent 2, with no noise about them."""
    left = np.linalg.qr(rng.standard_normal((N, M)))[0]
    return left * np.sqrt(1 + rng.pareto(1, M))


def collapsed(rng: np.random.Generator, N: int, M: int) -> Matrix:
    return rng.standard_normal((N, M // 2)) @ rng.standard_normal((M // 2, M))


MADE: dict[str, tuple[Callable[[np.random.Generator, int, int], Matrix], Phase]] = {
    "gaussian": (noise, Phase.RANDOM_LIKE),
    "uniform": (lambda rng, N, M: rng.uniform(-1, 1, (N, M)), Phase.RANDOM_LIKE),
    "weak spikes": (weak_spikes, Phase.BLEEDING_OUT),
    "strong spikes": (strong_spikes, Phase.BULK_SPIKES),
    "ten spikes": (ten_spikes, Phase.BULK_SPIKES),
    "decaying": (decaying, Phase.BULK_DECAY),
    "pareto 2": (pareto(2), Phase.BULK_DECAY),
    "pareto 1.5": (pareto(1.5), Phase.HEAVY_TAILED),
    "pareto 1": (pareto(1), Phase.HEAVY_TAILED),
    "power law": (power_law, Phase.HEAVY_TAILED),
    "half the rank": (collapsed, Phase.RANK_COLLAPSE),
}


def phases(name: str, N: int, M: int, seeds: int) -> Counter[Phase | None]:
    make = MADE[name][0]
    return Counter(told(spectrum_of(make(np.random.default_rng((seed, N)), N, M)[None])) for seed in range(seeds))


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("Q", [1, 2])
def test_a_phase_is_told_at_128(name: str, Q: int) -> None:
    found = phases(name, 128 * Q, 128, 30)
    assert found[MADE[name][1]] >= 27, found


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("Q", [1, 2])
def test_a_phase_is_told_at_512(name: str, Q: int) -> None:
    found = phases(name, 512 * Q, 512, 10)
    assert found[MADE[name][1]] >= 9, found


@pytest.mark.parametrize(
    ("N", "M", "count", "draws"),
    [(20, 20, 1, 300), (256, 64, 1, 300), (64, 64, 9, 60), (16, 16, 49, 60), (64, 4, 9, 200)],
)
def test_noise_is_told_random(N: int, M: int, count: int, draws: int) -> None:
    rng = np.random.default_rng((N, M, count))
    found = [phase_of(spectrum, NO_FIT, fit_bulk(spectrum)) for spectrum in drawn(rng, N, M, count, draws)]
    assert found.count(Phase.RANDOM_LIKE) >= 0.99 * draws


def drawn(rng: np.random.Generator, N: int, M: int, count: int, draws: int) -> list[Spectrum]:
    return [untrained_spectrum((N, M), rng, count) for _ in range(draws)]


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_neither_the_size_of_the_weights_nor_their_order_matters(name: str, factor: float) -> None:
    rng = np.random.default_rng(1)
    weights = MADE[name][0](rng, 150, 100)
    before = told(spectrum_of(weights[None]))
    assert told(spectrum_of(factor * weights[None])) is before
    assert told(spectrum_of(weights[None, rng.permutation(150)][:, :, rng.permutation(100)])) is before
    assert told(spectrum_of(weights.T[None])) is before


def test_what_cannot_be_told() -> None:
    assert told(spectrum_of(np.zeros((1, 64, 64)))) is None
    assert told(spectrum_of(np.eye(64)[None])) is None
    assert told(spectrum_of(np.random.default_rng(0).standard_normal((1, 40, 19)))) is None
    even = np.sqrt(np.linspace(1, 2, 128))  # no law of noise, and no tail
    assert told(spectrum_of(np.diag(even)[None])) is None


def test_zeros_come_before_everything_else() -> None:
    assert told(spectrum_of(np.ones((1, 64, 64)))) is Phase.RANK_COLLAPSE
    weights = np.random.default_rng(0).standard_normal((1, 64, 64))
    weights[0, :, :6] = 0
    assert told(spectrum_of(weights)) is Phase.RANDOM_LIKE
    weights[0, :, :7] = 0
    assert told(spectrum_of(weights)) is Phase.RANK_COLLAPSE


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1e300), max_size=60), st.integers(1, 9))
def test_anything_has_a_phase_or_none(values: list[float], count: int) -> None:
    found = np.sort(np.array(values + [0.0] * (-len(values) % count)))
    shape = (100, max(len(found) // count, 1))
    spectrum = Spectrum(eigenvalues=found, shape=shape, count=count, rank=int(np.count_nonzero(found)))
    assert told(spectrum) in (*Phase, None)


@pytest.mark.parametrize(
    ("spikes", "far", "distance", "phase"),
    [
        (0, 0, 0.02, Phase.RANDOM_LIKE),
        (0, 0, 0.06, None),
        (5, 0, 0.02, Phase.BLEEDING_OUT),
        (6, 0, 0.02, Phase.BULK_DECAY),
        (5, 0, 0.06, Phase.BULK_DECAY),
        (6, 4, 0.02, Phase.BULK_SPIKES),
        (6, 3, 0.02, Phase.BULK_DECAY),
        (10, 10, 0.02, Phase.BULK_SPIKES),
        (11, 11, 0.02, Phase.BULK_DECAY),
        (10, 10, 0.06, Phase.BULK_DECAY),
        (19, 19, 0.02, Phase.BULK_DECAY),
        (20, 20, 0.02, Phase.HEAVY_TAILED),
    ],
)
def test_every_row_of_the_table(spikes: int, far: int, distance: float, phase: Phase | None) -> None:
    near = spikes - far
    values = np.concatenate([np.linspace(0.1, 0.9, 100 - spikes), np.full(near, 1.4), np.full(far, 1.6)])
    spectrum = Spectrum(eigenvalues=values, shape=(100, 100), rank=100)
    bulk = Bulk(sigma=0.05, lower=0.0, upper=1.0, margin=0.1, spikes=spikes, distance=distance, share=1 - spikes / 100)
    assert phase_of(spectrum, NO_FIT, bulk) is phase


@pytest.mark.parametrize(
    ("distance", "tail", "phase"),
    [
        (0.11, 30, Phase.HEAVY_TAILED),
        (0.11, 29, Phase.BULK_DECAY),
        (0.09, 90, Phase.BULK_DECAY),
    ],
)
def test_a_power_law_over_much_of_what_noise_does_not_fit_is_heavy(distance: float, tail: int, phase: Phase) -> None:
    spectrum = Spectrum(eigenvalues=np.append(np.linspace(0.1, 0.9, 99), 1.6), shape=(100, 100), rank=100)
    bulk = Bulk(sigma=0.05, lower=0.0, upper=1.0, margin=0.1, spikes=1, distance=distance, share=0.99)
    assert phase_of(spectrum, Fit(status=FitStatus.OK, alpha=2.0, tail=tail), bulk) is phase
    assert phase_of(spectrum, NO_FIT, bulk) is Phase.BULK_DECAY
