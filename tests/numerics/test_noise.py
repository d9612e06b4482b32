"""Random weights are told from trained ones by the whole spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import eigentail as et
from eigentail.numerics import Noise, noise_of, spectrum_of
from eigentail.numerics.marchenko_pastur import cdf
from eigentail.numerics.noise import LEVEL, statistics_of
from eigentail.numerics.wishart import untrained_spectrum
from eigentail.records import Spectrum

SHAPES = (
    (1, 50, 50),
    (1, 64, 256),
    (1, 100, 60),
    (1, 128, 128),
    (1, 200, 50),
    (1, 300, 200),
    (1, 512, 64),
    (1, 400, 400),
    (9, 32, 16),
    (9, 64, 64),
)
ENTRIES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
    "uniform": lambda rng, shape: rng.uniform(-0.05, 0.05, shape),
    "signs": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
}


def is_noise(spectrum: Spectrum) -> bool:
    return noise_of(spectrum).is_noise


@pytest.mark.parametrize("entries", ENTRIES)
def test_random_weights_are_told_random(entries: str) -> None:
    told = [
        is_noise(spectrum_of(ENTRIES[entries](np.random.default_rng((seed, *shape)), shape)))
        for shape in SHAPES
        for seed in range(20)
    ]
    assert np.mean(told) >= 0.95


@pytest.mark.parametrize("shape", [(1, 300, 200), (9, 64, 64)])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_size_of_the_weights_does_not_matter(shape: tuple[int, int, int], factor: float) -> None:
    weights = np.random.default_rng(1).standard_normal(shape) * factor
    assert is_noise(spectrum_of(weights))
    assert not is_noise(spectrum_of(weights + 0.5 * factor))


@pytest.mark.parametrize("shape", [(1, 128, 128), (1, 512, 64), (1, 400, 400)])
def test_a_spike_is_not_random(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(shape)
    left, right = rng.standard_normal(shape[1]), rng.standard_normal(shape[2])
    spike = np.outer(left / np.linalg.norm(left), right / np.linalg.norm(right))
    edge = np.sqrt(shape[1]) + np.sqrt(shape[2])
    assert is_noise(spectrum_of(noise))
    assert not is_noise(spectrum_of(noise + 1.5 * edge * spike))


def test_one_eigenvalue_beyond_the_edge_is_enough() -> None:
    values = spectrum_of(np.random.default_rng(4).standard_normal((1, 400, 400))).eigenvalues.copy()
    assert is_noise(Spectrum(eigenvalues=values, shape=(400, 400), rank=400))
    values[-1] = 1.15 * 1600  # the second moment hardly notices
    assert not is_noise(Spectrum(eigenvalues=values, shape=(400, 400), rank=400))


def test_flatter_than_noise_is_no_sign_of_training() -> None:
    values = np.linspace(0, 800, 400)  # of mean 400 as noise has it, and well within the edge at 1600
    found = noise_of(Spectrum(eigenvalues=values, shape=(400, 400), rank=399))
    assert found.p_distance < LEVEL / 3
    assert (found.heavier, found.is_noise) == (False, True)


def test_slices_of_an_orthogonal_kernel_are_not_trained() -> None:
    rng = np.random.default_rng(5)
    kernels = [np.linalg.qr(rng.standard_normal((64 * 9, 64)))[0].T.reshape(64, 64, 9) for _ in range(20)]
    assert all(is_noise(spectrum_of(kernel.transpose(2, 0, 1))) for kernel in kernels)


@pytest.mark.parametrize(("shape", "count"), [((64, 64), 1), ((150, 100), 1), ((300, 50), 1), ((64, 48), 9)])
def test_noise_is_called_trained_once_in_a_hundred(shape: tuple[int, int], count: int) -> None:
    rng = np.random.default_rng(6)
    draws = 500
    alarms = sum(not is_noise(untrained_spectrum(shape, rng, count)) for _ in range(draws))
    assert alarms <= draws * LEVEL + 3 * np.sqrt(draws * LEVEL)


def test_the_statistics_by_their_definitions() -> None:
    from scipy.stats import kstest

    weights = np.random.default_rng(7).standard_normal((90, 60))
    values = np.linalg.svd(weights, compute_uv=False) ** 2
    found = statistics_of(spectrum_of(weights[None]))
    variance = float(np.mean(weights**2))
    assert found.distance / 60 == pytest.approx(kstest(values / (90 * variance), lambda x: cdf(x, 1.5)).statistic)
    second = float(np.mean(values**2)) / (variance**2 * 90 * 151)
    assert found.second == pytest.approx((second - 1) * np.sqrt(90 * 60), rel=1e-9)
    root, other = np.sqrt(89.5), np.sqrt(59.5)
    scale = (root + other) * (1 / root + 1 / other) ** (1 / 3)
    assert found.peak == pytest.approx((values.max() / variance - (root + other) ** 2) / scale, rel=1e-9)


def test_three_questions_are_paid_for_by_the_factor_three() -> None:
    assert Noise(p_peak=0.2, p_second=0.1, p_distance=0.5, heavier=True).p == pytest.approx(0.3)
    assert Noise(p_peak=0.5, p_second=0.6, p_distance=0.7, heavier=True).p == 1.0
    assert Noise(p_peak=0.5, p_second=0.6, p_distance=0.001, heavier=False).p == 1.0
    assert np.isnan(Noise().p)
    assert not Noise().is_noise


def test_columns_of_unequal_size_are_not_random() -> None:
    noise = np.random.default_rng(3).standard_normal((1, 300, 200))
    assert not is_noise(spectrum_of(noise * np.linspace(0.2, 1.8, 200)))


def test_zeros_are_not_random() -> None:
    assert not is_noise(spectrum_of(np.zeros((1, 60, 60))))


@pytest.mark.parametrize("name", ["fc1", "fc2"])
def test_trained_layers_are_not_random(name: str) -> None:
    spectrum = et.analyze(et.example()).layers[name].spectrum
    assert spectrum is not None
    assert not is_noise(spectrum)
