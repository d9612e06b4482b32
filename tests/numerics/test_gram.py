"""The Gram matrix: the smaller side, block by block, whatever the blocks."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from eigentail.numerics import gram
from eigentail.numerics.gram import blocks, grams
from eigentail.numerics.kernels import kernels

FLOAT64 = np.dtype("float64")


@pytest.fixture(params=["compiled", "numpy"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By the library's own routine at every size, where it can be called, and by numpy."""
    monkeypatch.setattr(gram, "_ADDED_FROM", 1)
    if request.param == "numpy":
        monkeypatch.setattr(gram, "kernels", lambda: None)
    return str(request.param)


def found(stack: np.ndarray) -> np.ndarray:
    """What is on and above the diagonals: no more is promised."""
    return np.triu(np.concatenate([part.reshape(-1, *part.shape[-2:]) for part in grams(stack, FLOAT64)]))


def one_by_one(stack: np.ndarray) -> list[np.ndarray]:
    """The slow twin: a plain product for each matrix."""
    return [w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T for w in stack.astype(np.float64)]


@pytest.mark.parametrize("shape", [(1, 40, 12), (1, 12, 40), (1, 9, 9), (7, 11, 5), (7, 5, 11), (3, 1, 4)])
def test_equals_plain_products(shape: tuple[int, int, int]) -> None:
    stack = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(found(stack), np.triu(one_by_one(stack)), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shape", [(1, 40, 12), (1, 12, 40), (7, 11, 5)])
@pytest.mark.parametrize("block_bytes", [1, 500, 10**9])
def test_block_size_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], block_bytes: int
) -> None:
    stack = np.random.default_rng(1).standard_normal(shape)
    monkeypatch.setattr(gram, "BLOCK_BYTES", block_bytes)
    np.testing.assert_allclose(found(stack), np.triu(one_by_one(stack)), rtol=1e-12, atol=1e-12)


def test_small_blocks_are_small_and_cover_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "BLOCK_BYTES", 3 * 8 * 4)
    array = np.arange(40.0).reshape(10, 4)
    parts = list(blocks(array, FLOAT64))
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert all(part.base is not None for part in parts)
    np.testing.assert_array_equal(np.concatenate(parts), array)


def test_a_stack_is_batched_by_the_bytes_after_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "BLOCK_BYTES", 2 * 6 * 4 * 8)
    stack = np.ones((5, 6, 4), np.float16)
    assert [part.shape for part in grams(stack, FLOAT64)] == [(2, 4, 4), (2, 4, 4), (1, 4, 4)]


def test_a_power_of_two_as_factor_is_exact_even_out_of_the_range_of_float32() -> None:
    stack = np.random.default_rng(2).standard_normal((1, 20, 8))
    (plain,) = grams(stack, np.dtype("float32"))
    (scaled,) = grams(stack * 2.0**200, np.dtype("float32"), 2.0**-200)
    np.testing.assert_array_equal(plain, scaled)


def test_a_matrix_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no rows in a matrix of shape \(0, 0\)"):
        list(grams(np.zeros((1, 0, 0)), FLOAT64))


@pytest.mark.parametrize("order", ["rows", "columns", "neither"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_the_order_of_the_weights_in_memory_changes_nothing(order: str, dtype: str) -> None:
    weights = np.random.default_rng(3).standard_normal((70, 30)).astype(dtype)
    inside = np.zeros((140, 90), dtype)
    inside[::2, ::3] = weights
    stored = {"rows": weights, "columns": np.asfortranarray(weights), "neither": inside[::2, ::3]}[order]
    for stack in (stored[None], stored.T[None]):
        np.testing.assert_allclose(found(stack), np.triu(one_by_one(weights[None])), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("order", ["rows", "columns", "inside", "neither"])
@pytest.mark.parametrize("shape", [(2, 1), (33, 17), (100, 64), (512, 300), (1100, 513)])
def test_weights_in_bfloat16_are_multiplied_as_they_are_stored(order: str, shape: tuple[int, int]) -> None:
    weights = np.random.default_rng(4).standard_normal(shape).astype(ml_dtypes.bfloat16)
    inside = np.zeros((2 * shape[0], 3 * shape[1]), weights.dtype)
    inside[::2, ::3] = inside[: shape[0], 1 : shape[1] + 1] = weights
    whole, neither = inside[: shape[0], 1 : shape[1] + 1], np.zeros_like(inside)
    neither[::2, ::3] = weights
    stored = {"rows": weights, "columns": np.asfortranarray(weights), "inside": whole, "neither": neither[::2, ::3]}
    expected = np.triu(weights.astype(np.float64).T @ weights.astype(np.float64))
    for stack in (stored[order][None], stored[order].T[None]):
        (gram,) = grams(stack, np.dtype("float32"))
        assert gram.dtype == np.float32
        np.testing.assert_allclose(np.triu(gram), expected, rtol=0, atol=2e-6 * expected.max())


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e38, 1e-30])
def test_what_float32_cannot_square_is_no_number_or_nothing_in_bfloat16(broken: float) -> None:
    weights = np.eye(80, dtype=ml_dtypes.bfloat16)
    weights[40, 40] = broken
    with np.errstate(over="ignore", invalid="ignore"):
        (gram,) = grams(weights[None], np.dtype("float32"))
    assert gram[40, 40] == 0 if broken == 1e-30 else not np.isfinite(gram[40, 40])
    assert gram[0, 0] == 1


def test_so_many_threads_multiply_bfloat16_to_the_same_bits() -> None:
    if (found := kernels()) is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    weights = np.random.default_rng(5).standard_normal((1200, 700)).astype(ml_dtypes.bfloat16)
    totals = [np.zeros((700, 700), np.float32) for _ in range(3)]
    done = [found.add_product_of_bfloat16(weights, total, n) for n, total in zip((1, 2, 40), totals, strict=True)]
    assert done == [found.tiles] * 3
    for total in totals[1:]:
        np.testing.assert_array_equal(total, totals[0])
    assert not found.add_product_of_bfloat16(weights.astype(np.float32), totals[0], 1)


def test_bfloat16_in_a_table_with_other_columns_is_not_read_as_if_alone() -> None:
    table = np.zeros(100, np.dtype([("flag", "u1"), ("weights", ml_dtypes.bfloat16, (70,))]))
    table["weights"] = weights = np.random.default_rng(6).standard_normal((100, 70)).astype(ml_dtypes.bfloat16)
    (gram,) = grams(table["weights"][None], np.dtype("float32"))
    expected = weights.astype(np.float64).T @ weights.astype(np.float64)
    np.testing.assert_allclose(np.triu(gram), np.triu(expected), rtol=0, atol=2e-6 * expected.max())
