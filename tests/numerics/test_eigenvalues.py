"""Both routes to the eigenvalues against LAPACK's other drivers, and what the two stages promise besides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigentail.numerics import band, eigenvalues, spectrum_of
from eigentail.numerics.band import WIDTH, band_of
from eigentail.numerics.eigenvalues import eigenvalues_of
from eigentail.numerics.routine import routine_named

Matrix = np.ndarray[Any, np.dtype[Any]]
# A multiple of the width, one more, one less; where one, two, and no columns are left for the last reflection.
SIZES = [WIDTH - 1, WIDTH, WIDTH + 1, WIDTH + 2, 2 * WIDTH, 2 * WIDTH + 1, 3 * WIDTH + 2, 5 * WIDTH, 203, 300]


def gaussian(rng: np.random.Generator, side: int) -> Matrix:
    return rng.standard_normal((side + 9, side))


def pareto(rng: np.random.Generator, side: int) -> Matrix:
    return rng.choice([-1, 1], (side, side)) * (1 + rng.pareto(1.2, (side, side)))


def low_rank(rng: np.random.Generator, side: int) -> Matrix:
    return rng.standard_normal((side, 7)) @ rng.standard_normal((7, side))


def graded(rng: np.random.Generator, side: int) -> Matrix:
    return rng.standard_normal((side, side)) * np.logspace(0, -6, side)


def graded_upwards(rng: np.random.Generator, side: int) -> Matrix:
    return rng.standard_normal((side, side)) * np.logspace(-6, 0, side)


def one_direction(rng: np.random.Generator, side: int) -> Matrix:
    return rng.standard_normal((side, side)) + 30


def diagonal(rng: np.random.Generator, side: int) -> Matrix:
    return np.diag(rng.uniform(-3, 3, side))


def blocks_of_zeros(rng: np.random.Generator, side: int) -> Matrix:
    weights = rng.standard_normal((side, side))
    weights[:, side // 3 : side // 2] = 0
    weights[:, :5] = 0
    return weights


def apart(rng: np.random.Generator, side: int) -> Matrix:
    weights = np.zeros((side, side))
    weights[: side // 2, : side // 2] = rng.standard_normal((side // 2, side // 2))
    weights[side // 2 :, side // 2 :] = 1e-3 * rng.standard_normal((side - side // 2, side - side // 2))
    return weights


def identity(rng: np.random.Generator, side: int) -> Matrix:
    return np.eye(side)


def constant(rng: np.random.Generator, side: int) -> Matrix:
    return np.ones((side, side))


def nearly_constant(rng: np.random.Generator, side: int) -> Matrix:
    return 1 + 1e-13 * rng.standard_normal((side, side))


def repeated(rng: np.random.Generator, side: int) -> Matrix:
    return rng.standard_normal((side, side))[:, np.arange(side) // 6]


def waves(rng: np.random.Generator, side: int) -> Matrix:
    return np.cos(np.outer(np.arange(side), np.arange(side)) * np.pi / 50)


def zeros(rng: np.random.Generator, side: int) -> Matrix:
    return np.zeros((side, side))


KINDS = [
    gaussian,
    pareto,
    low_rank,
    graded,
    graded_upwards,
    one_direction,
    diagonal,
    blocks_of_zeros,
    apart,
    zeros,
]
# Columns or eigenvalues that are alike round alike: their errors add up, in LAPACK's own routes too.
ALIKE = [constant, nearly_constant, repeated, waves, identity]


def eps(kind: Callable[..., Matrix], few: int, dtype: str = "float64") -> float:
    """What an eigenvalue may be off by, over the largest."""
    return float(np.finfo(dtype).eps) * (64 if kind in ALIKE else few)


def gram(kind: Callable[[np.random.Generator, int], Matrix], side: int, dtype: str = "float64") -> Matrix:
    weights = kind(np.random.default_rng(side), side).astype(dtype)
    return weights.T @ weights


def dense(diagonals: Matrix) -> Matrix:
    """The slow twin of band storage: every element by its own."""
    side = diagonals.shape[1]
    matrix = np.zeros((side, side))
    for d, diagonal_ in enumerate(diagonals):
        for j in range(side - d):
            matrix[j + d, j] = matrix[j, j + d] = diagonal_[j]
    return matrix


def by_bisection(matrix: Matrix) -> Matrix:
    """Right to about 1 eps of the largest; LAPACK's default for values alone is off by 10 to 50."""
    bound = 2 * np.linalg.norm(matrix) + 1
    return scipy.linalg.eigh(matrix, eigvals_only=True, driver="evx", subset_by_value=(-bound, bound))


@pytest.fixture
def two_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eigenvalues, "TWO_STAGES_FROM", 2)


@pytest.fixture
def float32_in_one_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eigenvalues, "FLOAT32_FROM", 2)


@pytest.mark.usefixtures("two_stages")
@pytest.mark.parametrize("kind", [*KINDS, *ALIKE])
@pytest.mark.parametrize("side", SIZES)
def test_equals_the_one_stage_drivers(kind: Callable[..., Matrix], side: int) -> None:
    matrix = gram(kind, side)
    found = eigenvalues_of(matrix.copy())
    assert found.dtype == matrix.dtype
    assert (np.diff(found) >= 0).all()
    largest = np.linalg.norm(matrix, 2)
    for expected in (
        np.linalg.eigvalsh(matrix),
        scipy.linalg.eigh(matrix, eigvals_only=True, driver="evd"),
        scipy.linalg.eigh(matrix, eigvals_only=True, driver="evr"),
        by_bisection(matrix),
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=eps(kind, 50) * largest)


@pytest.mark.usefixtures("two_stages")
@pytest.mark.parametrize("kind", [*KINDS, *ALIKE])
@pytest.mark.parametrize("side", [WIDTH + 2, 203, 300])
def test_float32_is_within_a_few_eps_of_float64(kind: Callable[..., Matrix], side: int) -> None:
    matrix = gram(kind, side, "float32")
    found = eigenvalues_of(matrix.copy())
    assert found.dtype == np.float32
    expected = np.linalg.eigvalsh(matrix.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=0, atol=eps(kind, 10, "float32") * abs(expected).max())


@pytest.mark.usefixtures("two_stages")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 150), st.integers(0, 2**32 - 1))
def test_any_symmetric_matrix_of_either_sign(side: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).standard_normal((side, side))
    matrix = matrix + matrix.T
    expected = np.linalg.eigvalsh(matrix)
    found = eigenvalues_of(matrix)
    np.testing.assert_allclose(found, expected, rtol=0, atol=60 * np.finfo("f8").eps * abs(expected).max())


@pytest.mark.parametrize("kind", [*KINDS, *ALIKE])
@pytest.mark.parametrize("side", SIZES)
def test_the_band_alone_keeps_the_eigenvalues(kind: Callable[..., Matrix], side: int) -> None:
    matrix = gram(kind, side)
    expected = by_bisection(matrix)
    narrow = band_of(matrix)
    assert narrow.shape == (WIDTH + 1, side)
    for d in range(1, WIDTH + 1):
        assert not narrow[d, max(0, side - d) :].any()  # outside the matrix
    found = by_bisection(dense(narrow))
    np.testing.assert_allclose(found, expected, rtol=0, atol=eps(kind, 12) * max(expected[-1], 0))


@pytest.mark.parametrize(("rows", "columns", "delay"), [(40, 56, 32), (1, 7, 64), (64, 1000, 96), (500, 90, 512)])
def test_the_sizes_of_blocks_change_nothing(
    monkeypatch: pytest.MonkeyPatch, rows: int, columns: int, delay: int
) -> None:
    matrix = gram(gaussian, 230)
    whole = band_of(matrix.copy())
    for name, value in (("_ROWS", rows), ("_COLUMNS", columns), ("_DELAY", delay)):
        monkeypatch.setattr(band, name, value)
    np.testing.assert_allclose(abs(band_of(matrix)), abs(whole), rtol=0, atol=1e-10 * abs(whole).max())


def test_one_large_direction_does_not_drown_the_zeros() -> None:
    """Without an early subtraction the false eigenvalues were 7 eps of the largest."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((768, 100)) @ rng.standard_normal((100, 768))
    weights = weights * np.exp(rng.standard_normal(768)) * 2 + 5 * rng.standard_normal(768)
    weights = weights.astype(np.float32)
    values = np.linalg.eigvalsh(dense(band_of(weights.T @ weights)))
    assert abs(values[: 768 - 101]).max() < 3 * np.finfo("f4").eps * values[-1]


@pytest.mark.usefixtures("two_stages")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("power", [-40, 3, 40])
def test_a_power_of_two_scales_exactly(dtype: str, power: int) -> None:
    matrix = gram(gaussian, 150, dtype)
    plain = eigenvalues_of(matrix.copy())
    scaled = eigenvalues_of(np.ldexp(matrix, power))
    np.testing.assert_array_equal(scaled, np.ldexp(plain, power))


@pytest.mark.usefixtures("two_stages")
@pytest.mark.parametrize("size", [1e-200, 1e-12, 1e12, 1e195])
def test_size_does_not_matter(size: float) -> None:
    matrix = gram(pareto, 150)
    plain = eigenvalues_of(matrix / matrix.max())
    scaled = eigenvalues_of(matrix / matrix.max() * size) / size
    np.testing.assert_allclose(scaled, plain, rtol=0, atol=60 * np.finfo("f8").eps * plain[-1])


@pytest.mark.usefixtures("two_stages")
def test_the_same_matrix_gives_the_same_bits() -> None:
    matrix = gram(pareto, 300)
    np.testing.assert_array_equal(eigenvalues_of(matrix.copy()), eigenvalues_of(matrix.copy()))


def test_small_ones_and_stacks_take_one_stage_and_are_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eigenvalues, "TWO_STAGES_FROM", 50)
    monkeypatch.setattr(eigenvalues, "band_of", lambda matrix: pytest.fail("two stages"))
    stack = np.stack([gram(gaussian, 60), gram(pareto, 60)])
    for matrices in (stack, gram(gaussian, 49)):
        before = matrices.copy()
        np.testing.assert_array_equal(eigenvalues_of(matrices), np.linalg.eigvalsh(before))
        np.testing.assert_array_equal(matrices, before)


def test_a_large_one_takes_two_stages_and_is_used_up() -> None:
    side = eigenvalues.TWO_STAGES_FROM
    matrix = gram(gaussian, side, "float32")
    before = matrix.copy()
    found = eigenvalues_of(matrix)
    assert (matrix != before).any()
    trace, square = float(np.trace(before, dtype=np.float64)), float(np.sum(before.astype(np.float64) ** 2))
    assert float(found.sum(dtype=np.float64)) == pytest.approx(trace, rel=1e-6)
    assert float(np.sum(found.astype(np.float64) ** 2)) == pytest.approx(square, rel=1e-6)


@pytest.mark.usefixtures("float32_in_one_stage")
@pytest.mark.parametrize("kind", [*KINDS, *ALIKE])
@pytest.mark.parametrize("side", [2, 3, 65, 300])
def test_float32_in_one_stage_is_within_a_few_eps_of_float64(kind: Callable[..., Matrix], side: int) -> None:
    stack = np.stack([gram(kind, side, "float32"), gram(gaussian, side, "float32")])
    expected = np.linalg.eigvalsh(stack.astype(np.float64))
    found = eigenvalues_of(stack)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    atol = 10 * float(np.finfo("f4").eps) * abs(expected).max(axis=1, keepdims=True)
    assert (abs(found - expected) <= atol).all()


@pytest.mark.usefixtures("two_stages", "float32_in_one_stage")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_another_build_of_scipy_takes_numpys_way(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(eigenvalues, "routine_named", lambda name, signature: None)
    matrix = gram(gaussian, 100, dtype)
    expected = np.linalg.eigvalsh(matrix)
    np.testing.assert_array_equal(eigenvalues_of(matrix), expected)


@pytest.mark.parametrize("declared", [eigenvalues._BAND, eigenvalues._TRIDIAGONAL, eigenvalues._VALUES])
def test_this_build_of_scipy_has_the_routines(declared: tuple[str, str]) -> None:
    assert routine_named(*declared) is not None


def test_the_routine_equals_scipys_own_way_to_it() -> None:
    diagonals = np.asfortranarray(np.random.default_rng(0).standard_normal((9, 200)))
    routine = routine_named(*eigenvalues._BAND)
    assert routine is not None
    np.testing.assert_allclose(
        eigenvalues._of_band(routine, diagonals), scipy.linalg.eigvals_banded(diagonals, lower=True), atol=1e-13
    )


def test_the_interpreter_lock_is_free_during_the_second_stage() -> None:
    diagonals = np.asfortranarray(np.random.default_rng(0).standard_normal((WIDTH + 1, 2000)))
    routine = routine_named(*eigenvalues._BAND)
    assert routine is not None
    ticks: list[float] = []
    worker = threading.Thread(target=eigenvalues._of_band, args=(routine, diagonals))
    worker.start()
    while worker.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    # had it been held, the longest pause would be nearly all of the time
    assert len(ticks) > 10
    assert max(np.diff(ticks)) < 0.8 * (ticks[-1] - ticks[0])


def test_no_convergence_is_told() -> None:
    def fails(*arguments: Any) -> None:
        arguments[-1]._obj.value = 3

    with pytest.raises(np.linalg.LinAlgError, match="did not converge"):
        eigenvalues._of_band(fails, np.ones((2, 5)))


@pytest.mark.usefixtures("two_stages")
@pytest.mark.parametrize("stored", ["float64", "float32", "float16"])
@pytest.mark.parametrize("rank", [1, 40, 200])
def test_the_rank_of_a_spectrum_is_seen_through_both_stages(stored: str, rank: int) -> None:
    rng = np.random.default_rng(rank)
    left, right = (np.linalg.qr(rng.standard_normal((side, rank)))[0] for side in (350, 200))
    weights = (left @ right.T * np.sqrt(350)).astype(stored)
    spectrum = spectrum_of(weights[None], precision="float64")
    assert spectrum.rank == rank
    expected = np.linalg.svd(weights.astype(np.float64), compute_uv=False)[::-1] ** 2
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=0, atol=1e-12 * expected[-1])
