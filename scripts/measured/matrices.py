"""Matrices whose training is known, because there was none or because it was planted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Weights]


def gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> Weights:
    """Normal entries of standard deviation 0.02, as GPT-2 begins."""
    return (0.02 * rng.standard_normal(shape)).astype(np.float32)


def uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Weights:
    """Uniform entries within 1 / sqrt(fan-in), as torch's linear layers and convolutions begin (Kaiming)."""
    reach = 1 / np.sqrt(np.prod(shape[1:]))
    return rng.uniform(-reach, reach, shape).astype(np.float32)


def truncated(rng: np.random.Generator, shape: tuple[int, ...]) -> Weights:
    """Normal entries, drawn again beyond two deviations, as Keras and many transformers begin."""
    entries = rng.standard_normal(shape)
    while (beyond := np.abs(entries) > 2).any():
        entries[beyond] = rng.standard_normal(int(beyond.sum()))
    return (0.02 * entries).astype(np.float32)


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Weights:
    """Orthonormal rows or columns; a kernel is flattened to out x (in * positions) for it, as torch does."""
    flat = rng.standard_normal((shape[0], int(np.prod(shape[1:]))))
    tall = flat if flat.shape[0] >= flat.shape[1] else flat.T
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))
    return (q if tall is flat else q.T).reshape(shape).astype(np.float32)


UNTRAINED: dict[str, Draw] = {
    "Gaussian": gaussian,
    "uniform (Kaiming)": uniform,
    "truncated normal": truncated,
    "orthogonal": orthogonal,
}


def pareto(rng: np.random.Generator, shape: tuple[int, ...], mu: float) -> Weights:
    """Entries of random sign with P(|w| > x) = x^-mu: the eigenvalues' density falls as x^-(1 + mu/2)."""
    return ((1 + rng.pareto(mu, shape)) * rng.choice([-1.0, 1.0], shape)).astype(np.float32)


def body_and_tail(rng: np.random.Generator, shape: tuple[int, int], alpha: float) -> Weights:
    """Noise whose largest quarter of eigenvalues is a power law that begins where the other three quarters end."""
    u, s, v = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    tail = len(s) // 4
    draws = np.sort(rng.random(tail))  # the smallest makes the largest eigenvalue
    s[:tail] = s[tail] * draws ** (-0.5 / (alpha - 1))
    return ((u * s) @ v).astype(np.float32)
