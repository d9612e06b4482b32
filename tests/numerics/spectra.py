"""Samples and spectra that the fits are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tflite import float_tensors

Values = NDArray[np.float64]
# A Fourier transform that a net carries: two values repeated, told apart by rounding alone.
NOT_TRAINED = "speech_features/"
SIZES = (20, 33, 50, 64, 100, 128, 200, 300, 400, 512)


def pareto(rng: np.random.Generator, n: int) -> Values:
    return 1 + rng.pareto(rng.uniform(0.5, 5), n)


def body_and_tail(rng: np.random.Generator, n: int) -> Values:
    tail = 3 * (1 + rng.pareto(rng.uniform(1, 3), n // 4))
    return np.concatenate([rng.uniform(0.01, 3, n - len(tail)), tail])


def lognormal(rng: np.random.Generator, n: int) -> Values:
    return rng.lognormal(rng.uniform(-3, 3), rng.uniform(0.3, 2), n)


def exponential(rng: np.random.Generator, n: int) -> Values:
    return rng.exponential(rng.uniform(0.01, 100), n)


def marchenko_pastur(rng: np.random.Generator, n: int) -> Values:
    weights = rng.standard_normal((n + 10 + int(rng.integers(n)), n))
    return np.linalg.eigvalsh(weights.T @ weights)


def truncated(rng: np.random.Generator, n: int) -> Values:
    values = 1 + rng.pareto(1.5, 20 * n)
    return values[values < 50][:n]


KINDS: tuple[Callable[[np.random.Generator, int], Values], ...] = (
    pareto,
    body_and_tail,
    lognormal,
    exponential,
    marchenko_pastur,
    truncated,
)


SYNTHETIC = range(200)


@cache
def synthetic(i: int) -> Values:
    """The i-th ascending spectrum: kinds and sizes take turns."""
    values = np.sort(KINDS[i % len(KINDS)](np.random.default_rng(i), SIZES[i // len(KINDS) % len(SIZES)]))
    values.setflags(write=False)
    return values


def with_ties(i: int) -> Values:
    """The same rounded until many values are equal; the largest may be among them."""
    values = synthetic(i)
    rounded = np.round(values / values[-1] * 60) / 60
    return rounded[rounded > 0]


def kernel_spectra(tensors: Iterator[tuple[str, NDArray[np.float32]]]) -> Iterator[tuple[str, Values]]:
    """The spectrum of each matrix and, pooled, of each (out, in, height, width) kernel; 20 values or more, no ties."""
    for name, tensor in tensors:
        if tensor.ndim not in (2, 4) or name.startswith(NOT_TRAINED):
            continue
        stack = tensor.reshape(*tensor.shape[:2], -1).transpose(2, 0, 1).astype(np.float64)
        values = np.sort(np.linalg.svd(stack, compute_uv=False).ravel() ** 2)
        values = values[values > 1e-12 * values[-1]]
        if len(values) >= 20 and (np.diff(values) > 0).all():
            yield name, values


def torch_tensors(path: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The tensors of a checkpoint, read by torch itself."""
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, tensor in state.get("state_dict", state).items():
        yield name, tensor.detach().numpy()


def trained(path: Path) -> list[tuple[str, Values]]:
    """The spectra of a net in the shared data."""
    return list(kernel_spectra(float_tensors(path) if path.suffix == ".tflite" else torch_tensors(path)))
