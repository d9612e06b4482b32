"""The spectrum of a product from its factors, held against the product multiplied out."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigentail.errors import LayerError
from eigentail.numerics.product import spectrum_of_product
from eigentail.records.low_rank import LowRank

SIDES = st.integers(1, 12)


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@given(SIDES, SIDES, SIDES, st.integers(1, 4), st.booleans(), st.floats(-100, 100).filter(lambda s: abs(s) > 1e-3))
def test_the_eigenvalues_are_those_of_the_product(
    rows: int, columns: int, rank: int, count: int, is_shared: bool, scale: float
) -> None:
    product = LowRank(
        left=drawn(1, 1 if is_shared else count, rows, rank), right=drawn(2, count, rank, columns), scale=scale
    )
    dense = np.linalg.svd(scale * (product.left @ product.right), compute_uv=False)
    found = spectrum_of_product(product, scale=0.5)
    np.testing.assert_allclose(
        found.eigenvalues, np.sort(0.5 * dense**2, axis=None), rtol=1e-9, atol=1e-12 * dense.max() ** 2
    )
    assert found.rank <= count * min(rank, rows, columns)
    assert (found.shape, found.count) == ((max(rows, columns), min(rows, columns)), count)


def test_small_singular_values_keep_their_digits() -> None:
    """Squared, the smallest of these would lie below the rounding of the largest."""
    wanted = np.array([1.0, 1e-5, 1e-9])
    left = np.linalg.qr(drawn(3, 50, 3))[0] * wanted
    found = spectrum_of_product(LowRank(left=left[None], right=np.linalg.qr(drawn(4, 40, 3))[0].T[None]))
    np.testing.assert_allclose(np.sqrt(found.positive), wanted[::-1], rtol=1e-5)
    assert found.rank == 3


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_a_direction_that_rounding_alone_makes_is_zero(dtype: type) -> None:
    low = drawn(5, 64, 2) @ drawn(6, 2, 6)  # rank 2 in a factor of width 6, before it is stored
    found = spectrum_of_product(LowRank(left=low.astype(dtype)[None], right=drawn(7, 1, 6, 48).astype(dtype)))
    assert found.rank == 2


def test_a_stored_factor_keeps_every_direction_that_it_has() -> None:
    found = spectrum_of_product(
        LowRank(left=drawn(8, 1, 64, 6).astype(ml_dtypes.bfloat16), right=drawn(9, 1, 6, 48).astype(ml_dtypes.bfloat16))
    )
    assert (found.rank, found.stored) == (6, "bfloat16")


@pytest.mark.parametrize("power", [-140, 140])
def test_the_range_of_the_factors_does_not_matter(power: int) -> None:
    left, right = drawn(10, 1, 20, 3), drawn(11, 1, 3, 10)
    plain = spectrum_of_product(LowRank(left=left, right=right))
    far = spectrum_of_product(LowRank(left=left * 10.0**power, right=right * 10.0**-power, scale=2.0))
    np.testing.assert_allclose(far.positive, 4 * plain.positive, rtol=1e-9)


def test_zeros_have_no_direction() -> None:
    found = spectrum_of_product(LowRank(left=drawn(1, 1, 9, 2), right=np.zeros((1, 2, 5))))
    assert (found.rank, found.eigenvalues.tolist()) == (0, [0.0] * 5)


@pytest.mark.parametrize(
    ("value", "scale", "sentence"),
    [
        (np.nan, 1.0, "1 of 6 values of a factor are NaN or infinite"),
        (1.0, float("inf"), "the scale of the product is inf"),
        (1e200, 1e200, "leave the range of float64"),
    ],
)
def test_what_is_no_number_is_told(value: float, scale: float, sentence: str) -> None:
    left = np.ones((1, 3, 2))
    left[0, 0, 0] = value
    with pytest.raises(LayerError, match=sentence):
        spectrum_of_product(LowRank(left=left, right=np.ones((1, 2, 4)), scale=scale))
