"""Square windows: noise has one exponent at every aspect ratio, and a heavy tail still shows."""

from __future__ import annotations

import numpy as np
import pytest

from eigentail.errors import LayerError
from eigentail.numerics import spectrum_of
from eigentail.numerics.estimators.farms import ESTIMATOR, window_eigenvalues
from eigentail.numerics.estimators.hill import hill


def noise(N: int, M: int, seed: int = 0, count: int = 1) -> np.ndarray:
    return np.random.default_rng((seed, N, M)).standard_normal((count, N, M))


def alpha_of(stack: np.ndarray) -> float:
    return ESTIMATOR.fit(window_eigenvalues(stack)).alpha


def test_noise_has_one_exponent_at_every_aspect_ratio() -> None:
    windows = [alpha_of(noise(N, 256)) for N in (256, 512, 2048)]
    whole = [hill(spectrum_of(noise(N, 256)).positive).alpha for N in (256, 512, 2048)]
    assert max(windows) / min(windows) < 1.02
    assert max(whole) / min(whole) > 2  # 2.1, 2.7, 4.5


@pytest.mark.parametrize("shape", [(16, 16), (64, 16), (32, 32), (256, 32), (64, 64), (1024, 64), (128, 256)])
def test_noise_has_about_the_same_exponent_at_every_size(shape: tuple[int, int]) -> None:
    assert np.mean([alpha_of(noise(*shape, seed)) for seed in range(20)]) == pytest.approx(2.1, rel=0.05)


def test_a_heavy_tail_shows_in_the_windows() -> None:
    for N in (128, 512):
        entries = np.random.default_rng(N).pareto(1.0, (1, N, 128)) * np.random.default_rng(1).choice([-1, 1], 128)
        assert alpha_of(entries) < 1.6


def test_the_windows_are_those_of_plain_slicing() -> None:
    stack = noise(30, 21, count=3)
    side = 10
    squares = [
        matrix[row : row + side, column : column + side]
        for matrix in stack
        for row in (0, 6, 13, 20)
        for column in (0, 3, 7, 11)
    ]
    expected = np.sort(np.concatenate([np.linalg.svd(square, compute_uv=False) ** 2 for square in squares]))
    assert window_eigenvalues(stack) == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(
    ("shape", "values"),
    [((5, 5), 5), ((8, 5), 4 * 5), ((8, 8), 8), ((9, 9), 4 * 8), ((10, 9), 6 * 8), ((15, 40), 16 * 8), ((16, 16), 128)],
)
def test_small_matrices_have_fewer_windows(shape: tuple[int, int], values: int) -> None:
    assert len(window_eigenvalues(noise(*shape))) == values


def test_transposing_changes_nothing() -> None:
    stack = noise(40, 70)
    assert window_eigenvalues(stack.transpose(0, 2, 1)) == pytest.approx(window_eigenvalues(stack), rel=1e-8)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_zero_eigenvalues_are_left_out(dtype: str) -> None:
    rng = np.random.default_rng(0)
    low = (rng.standard_normal((64, 3)) @ rng.standard_normal((3, 64))).astype(dtype)
    assert len(window_eigenvalues(low[None])) == 16 * 3
    assert len(window_eigenvalues(np.zeros((2, 20, 20), dtype))) == 0


def test_weights_that_are_not_finite_are_told() -> None:
    stack = noise(20, 20)
    stack[0, 3, 4] = np.nan
    with pytest.raises(LayerError, match="NaN"):
        window_eigenvalues(stack)


def test_windows_give_no_interval() -> None:
    """They overlap: resampling their values as if they were independent would make it far too narrow."""
    assert ESTIMATOR.refit is None
    assert ESTIMATOR.sample is window_eigenvalues
