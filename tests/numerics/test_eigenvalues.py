"""Every route to the eigenvalues against LAPACK's drivers, and what each promises besides."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from eigentail.numerics import eigenvalues, spectrum_of
from eigentail.numerics import kernels as compiled
from eigentail.numerics.eigenvalues import eigenvalues_of
from eigentail.numerics.kernels import Kernels, blas, kernels

Matrix = np.ndarray[Any, np.dtype[Any]]
WIDTH = 48  # of the band: columns of a panel
# Around a whole number of vectors and of panels; where one, two, and no columns are left for the last reflection.
SIZES = [1, 2, 3, 7, 8, 9, 17, WIDTH - 1, WIDTH, WIDTH + 1, WIDTH + 2, 2 * WIDTH, 2 * WIDTH + 1, 5 * WIDTH, 203, 300]
WIDTHS = (64, 32, 16)  # of vectors, in bytes


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
    blocks_of_zeros,
    apart,
    zeros,
]
# Columns or eigenvalues that are alike round alike, and where an eigenvalue lies in one place all errors of that place
# are its own: they add up, in LAPACK's own routes too.
ALIKE = [constant, nearly_constant, repeated, waves, identity, diagonal]


def eps(kind: Callable[..., Matrix], few: int, dtype: str = "float64") -> float:
    """What an eigenvalue may be off by, over the largest."""
    return float(np.finfo(dtype).eps) * (64 if kind in ALIKE else few)


def gram(kind: Callable[[np.random.Generator, int], Matrix], side: int, dtype: str = "float64") -> Matrix:
    weights = kind(np.random.default_rng(side), side).astype(dtype)
    return weights.T @ weights


def by_bisection(matrix: Matrix) -> Matrix:
    """Right to about 1 eps of the largest; LAPACK's default for values alone is off by 10 to 50."""
    bound = 2 * np.linalg.norm(matrix) + 1
    return scipy.linalg.eigh(matrix, eigvals_only=True, driver="evx", subset_by_value=(-bound, bound))


def of_width(vector_bytes: int) -> Kernels | None:
    """The kernels for vectors of that width; None where they were not compiled or this processor has none so wide."""
    if kernels() is None:
        return None
    library = ctypes.CDLL(str(compiled.LIBRARY))
    there = vector_bytes <= library.eigentail_vector_bytes() and hasattr(library, f"large_f64_{vector_bytes}")
    return Kernels(library, vector_bytes) if there else None


Route = Callable[[Matrix], Matrix]
ROUTES: dict[str, Route] = {}
for found in filter(None, map(of_width, WIDTHS)):
    ROUTES[f"one stage, {found.vector_bytes} bytes"] = lambda matrix, of=found: of.eigenvalues(matrix[None])[0]
    ROUTES[f"two stages, {found.vector_bytes} bytes"] = lambda matrix, of=found: of.large(matrix.copy(), 2)


@pytest.fixture(params=sorted(ROUTES) or ["none"])
def route(request: pytest.FixtureRequest) -> Route:
    if kernels() is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    return ROUTES[request.param]


@pytest.mark.parametrize("kind", [*KINDS, *ALIKE])
@pytest.mark.parametrize("side", SIZES)
def test_equals_lapacks_drivers(route: Route, kind: Callable[..., Matrix], side: int) -> None:
    matrix = gram(kind, side)
    found = route(matrix)
    assert found.dtype == np.float64
    assert (np.diff(found) >= 0).all()
    for expected in (np.linalg.eigvalsh(matrix), by_bisection(matrix)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=eps(kind, 50) * np.linalg.norm(matrix, 2))


@pytest.mark.parametrize("kind", [*KINDS, *ALIKE])
@pytest.mark.parametrize("side", [WIDTH + 2, 203, 300])
def test_float32_is_within_a_few_eps_of_float64(route: Route, kind: Callable[..., Matrix], side: int) -> None:
    matrix = gram(kind, side, "float32")
    expected = np.linalg.eigvalsh(matrix.astype(np.float64))
    np.testing.assert_allclose(route(matrix), expected, rtol=0, atol=eps(kind, 10, "float32") * abs(expected).max())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(side=st.integers(1, 150), seed=st.integers(0, 2**32 - 1))
def test_any_symmetric_matrix_of_either_sign(route: Route, side: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).standard_normal((side, side))
    matrix = matrix + matrix.T
    expected = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(route(matrix), expected, rtol=0, atol=60 * np.finfo("f8").eps * abs(expected).max())


@pytest.mark.parametrize(("side", "elements"), [(3, range(-3, 4)), (4, (-1, 0, 1)), (5, (0, 1, 2)), (7, (0, 1))])
def test_every_small_matrix_of_three_diagonals_converges(side: int, elements: Sequence[int]) -> None:
    """Two sweeps at once could leave some as they are: with shifts at both eigenvalues of a corner, a path of three."""
    if (found := kernels()) is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    drawn = np.array(list(product(elements, repeat=2 * side - 1)), np.float64)
    stack = np.zeros((len(drawn), side, side))
    at = np.arange(side)
    stack[:, at, at] = drawn[:, :side]
    stack[:, at[:-1], at[1:]] = stack[:, at[1:], at[:-1]] = drawn[:, side:]
    np.testing.assert_allclose(found.eigenvalues(stack), np.linalg.eigvalsh(stack), rtol=0, atol=1e-13)


def test_one_large_direction_does_not_drown_the_zeros(route: Route) -> None:
    """Where a panel was found as a small difference of large numbers, the false eigenvalues were 7 eps."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((768, 100)) @ rng.standard_normal((100, 768))
    weights = weights * np.exp(rng.standard_normal(768)) * 2 + 5 * rng.standard_normal(768)
    weights = weights.astype(np.float32)
    values = route(weights.T @ weights)
    assert abs(values[: 768 - 101]).max() < 4 * np.finfo("f4").eps * values[-1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("power", [-40, 3, 40])
def test_a_power_of_two_scales_exactly(route: Route, dtype: str, power: int) -> None:
    matrix = gram(gaussian, 150, dtype)
    np.testing.assert_array_equal(route(np.ldexp(matrix, power)), np.ldexp(route(matrix), power))


@pytest.mark.parametrize("size", [1e-290, 1e-200, 1e-12, 1e12, 1e195, 1e300])
def test_size_does_not_matter(route: Route, size: float) -> None:
    matrix = gram(pareto, 150)
    plain = route(matrix / matrix.max())
    scaled = route(matrix / matrix.max() * size) / size
    np.testing.assert_allclose(scaled, plain, rtol=0, atol=60 * np.finfo("f8").eps * plain[-1])


def test_the_order_of_rows_and_columns_does_not_matter(route: Route) -> None:
    matrix = gram(pareto, 203)
    order = np.random.default_rng(0).permutation(203)
    expected = route(matrix)
    found = route(matrix[order][:, order].copy())
    np.testing.assert_allclose(found, expected, rtol=0, atol=60 * np.finfo("f8").eps * expected[-1])


def test_the_same_matrix_gives_the_same_bits(route: Route) -> None:
    matrix = gram(pareto, 300)
    np.testing.assert_array_equal(route(matrix), route(matrix))


@pytest.mark.parametrize("two_stages_from", [2, 1000])
def test_a_stack_is_its_matrices(monkeypatch: pytest.MonkeyPatch, two_stages_from: int) -> None:
    monkeypatch.setattr(eigenvalues, "TWO_STAGES_FROM", {"float64": two_stages_from})
    stack = np.stack([gram(kind, 60) for kind in KINDS])
    found = eigenvalues_of(stack.copy())
    assert found.shape == (len(KINDS), 60)
    np.testing.assert_array_equal(found, [eigenvalues_of(matrix.copy()) for matrix in stack])


@pytest.mark.parametrize("shape", [(0, 5, 5), (1, 0, 0), (0, 0)])
def test_nothing_has_no_eigenvalues(shape: tuple[int, ...]) -> None:
    assert eigenvalues_of(np.zeros(shape)).shape == shape[:-1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_how_many_chase_the_band_changes_no_bit(dtype: str) -> None:
    if (found := kernels()) is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    matrix = gram(pareto, 400, dtype)
    with threadpool_limits(1, "blas"):
        alone = found.large(matrix.copy(), 1)
        for threads in (2, 3, 40):
            np.testing.assert_array_equal(found.large(matrix.copy(), threads), alone)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("side", [561, 1123])
def test_a_matrix_that_is_multiplied_in_halves(dtype: str, side: int) -> None:
    if (found := kernels()) is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    matrix = gram(pareto, side, dtype)
    expected = by_bisection(matrix.astype(np.float64))
    atol = 60 * np.finfo(dtype).eps * expected[-1]
    np.testing.assert_allclose(found.large(matrix, 2), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_large_one_takes_two_stages_and_is_used_up(dtype: str) -> None:
    if kernels() is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    side = eigenvalues.TWO_STAGES_FROM[dtype]
    for size, used in ((side - 1, False), (side, True)):
        matrix = gram(gaussian, size, dtype)
        before = matrix.copy()
        found = eigenvalues_of(matrix)
        assert (matrix != before).any() == used
        digits = 1e-6 if dtype == "float32" else 1e-13
        assert float(found.sum()) == pytest.approx(float(np.trace(before, dtype=np.float64)), rel=digits)
        assert float((found**2).sum()) == pytest.approx(float(np.sum(before.astype(np.float64) ** 2)), rel=digits)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_no_kernel_was_compiled_numpy_serves(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(eigenvalues, "kernels", lambda: None)
    matrix = gram(gaussian, 100, dtype)
    np.testing.assert_array_equal(eigenvalues_of(matrix), np.linalg.eigvalsh(matrix, "U"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_no_blas_can_be_called_numpy_serves(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(eigenvalues, "TWO_STAGES_FROM", {dtype: 2})
    monkeypatch.setattr(compiled, "addresses", lambda dtype: None)
    matrix = gram(gaussian, 100, dtype)
    np.testing.assert_array_equal(eigenvalues_of(matrix), np.linalg.eigvalsh(matrix, "U"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpys_blas_and_scipys_give_the_same(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    if (found := kernels()) is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    matrix, weights = gram(pareto, 203, dtype), gaussian(np.random.default_rng(0), 203).astype(dtype)
    for of in (blas._of_numpy, blas._of_scipy):
        addresses = of("d" if dtype == "float64" else "s")
        assert addresses is not None
        monkeypatch.setattr(compiled, "addresses", lambda _, found=addresses: found)
        values = found.large(matrix.copy(), 1)
        np.testing.assert_allclose(values, by_bisection(matrix), rtol=0, atol=50 * np.finfo(dtype).eps * values[-1])
        for rows in (weights, np.asfortranarray(weights)):
            total = np.triu(matrix)
            assert found.add_product(rows, total)
            expected = np.triu(matrix + weights.T @ weights)
            np.testing.assert_allclose(total, expected, rtol=0, atol=50 * np.finfo(dtype).eps * expected.max())


@pytest.mark.parametrize("declared", [{"symm": "void (char *)"}, {"symmetric": blas._DECLARED["symm"]}])
def test_a_routine_that_is_declared_otherwise_is_not_called(
    monkeypatch: pytest.MonkeyPatch, declared: dict[str, str]
) -> None:
    monkeypatch.setattr(blas, "_DECLARED", declared)
    assert blas._of_scipy("d") is None


def test_a_library_with_other_names_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_AFFIXES", (("no_", "_such"),))
    assert blas._of_numpy("d") is None
    monkeypatch.setattr(blas, "blas_libraries", lambda kind: [])
    assert blas._of_numpy("d") is None


def test_what_is_below_the_diagonal_is_not_read(route: Route) -> None:
    matrix = gram(pareto, 203)
    upper = np.where(np.tri(203, k=-1) > 0, np.nan, matrix)
    np.testing.assert_array_equal(route(upper), route(matrix))


def test_no_library_is_no_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compiled, "LIBRARY", tmp_path / "kernels.so")
    kernels.cache_clear()
    assert kernels() is None
    kernels.cache_clear()


def test_the_interpreter_lock_is_free_meanwhile(route: Route) -> None:
    matrix = gram(gaussian, 1500)
    ticks: list[float] = []
    worker = threading.Thread(target=route, args=(matrix,))
    worker.start()
    while worker.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.0005)
    # had it been held, the longest pause would be nearly all of the time
    assert len(ticks) > 10
    assert max(np.diff(ticks)) < 0.8 * (ticks[-1] - ticks[0])


def test_what_is_no_number_ends_and_is_told(route: Route) -> None:
    """The caller looks for it before; a kernel that ran for ever would be worse than an error."""
    matrix = gram(gaussian, 60)
    matrix[7, 9] = matrix[9, 7] = np.nan
    with pytest.raises(np.linalg.LinAlgError, match="did not converge"):
        route(matrix)


@pytest.mark.parametrize("stored", ["float64", "float32", "float16"])
@pytest.mark.parametrize("rank", [1, 40, 200])
@pytest.mark.parametrize("stages", [1, 2])
def test_the_rank_of_a_spectrum_is_seen(monkeypatch: pytest.MonkeyPatch, stages: int, stored: str, rank: int) -> None:
    monkeypatch.setattr(eigenvalues, "TWO_STAGES_FROM", {"float64": 2 if stages == 2 else 10**6})
    rng = np.random.default_rng(rank)
    left, right = (np.linalg.qr(rng.standard_normal((side, rank)))[0] for side in (350, 200))
    weights = (left @ right.T * np.sqrt(350)).astype(stored)
    spectrum = spectrum_of(weights[None], precision="float64")
    assert spectrum.rank == rank
    expected = np.linalg.svd(weights.astype(np.float64), compute_uv=False)[::-1] ** 2
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=0, atol=1e-12 * expected[-1])
