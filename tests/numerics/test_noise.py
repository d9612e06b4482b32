"""Random weights are told from trained ones by the whole spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import eigentail as et
from eigentail.numerics import looks_random, spectrum_of
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


@pytest.mark.parametrize("entries", ENTRIES)
def test_random_weights_are_told_random(entries: str) -> None:
    told = [
        looks_random(spectrum_of(ENTRIES[entries](np.random.default_rng((seed, *shape)), shape)))
        for shape in SHAPES
        for seed in range(20)
    ]
    assert np.mean(told) >= 0.95


@pytest.mark.parametrize("shape", [(1, 300, 200), (9, 64, 64)])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_size_of_the_weights_does_not_matter(shape: tuple[int, int, int], factor: float) -> None:
    weights = np.random.default_rng(1).standard_normal(shape) * factor
    assert looks_random(spectrum_of(weights))
    assert not looks_random(spectrum_of(weights + 0.5 * factor))


@pytest.mark.parametrize("shape", [(1, 128, 128), (1, 512, 64), (1, 400, 400)])
def test_a_spike_is_not_random(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(shape)
    left, right = rng.standard_normal(shape[1]), rng.standard_normal(shape[2])
    spike = np.outer(left / np.linalg.norm(left), right / np.linalg.norm(right))
    edge = np.sqrt(shape[1]) + np.sqrt(shape[2])
    assert looks_random(spectrum_of(noise))
    assert not looks_random(spectrum_of(noise + 1.5 * edge * spike))


def test_one_eigenvalue_beyond_the_edge_is_enough() -> None:
    values = spectrum_of(np.random.default_rng(4).standard_normal((1, 400, 400))).eigenvalues.copy()
    assert looks_random(Spectrum(eigenvalues=values, shape=(400, 400), rank=400))
    values[-1] = 1.15 * 1600  # the second moment hardly notices
    assert not looks_random(Spectrum(eigenvalues=values, shape=(400, 400), rank=400))


def test_a_wrong_second_moment_is_enough() -> None:
    values = np.linspace(0, 800, 400)  # of mean 400 as noise has it, and well within the edge at 1600
    assert not looks_random(Spectrum(eigenvalues=values, shape=(400, 400), rank=400))


def test_columns_of_unequal_size_are_not_random() -> None:
    noise = np.random.default_rng(3).standard_normal((1, 300, 200))
    assert not looks_random(spectrum_of(noise * np.linspace(0.2, 1.8, 200)))


def test_zeros_are_not_random() -> None:
    assert not looks_random(spectrum_of(np.zeros((1, 60, 60))))


@pytest.mark.parametrize("name", ["fc1", "fc2"])
def test_trained_layers_are_not_random(name: str) -> None:
    spectrum = et.analyze(et.example()).layers[name].spectrum
    assert spectrum is not None
    assert not looks_random(spectrum)
