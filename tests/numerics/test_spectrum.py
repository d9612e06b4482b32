"""The spectrum against singular values, in every stored dtype and at both ends of the range of floats."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.errors import LayerError
from eigentail.numerics import gram, spectrum_of

FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
STORED = [*FLOATS, "int8", "uint8", "int32", "bool"]
SHAPES = [(1, 60, 20), (1, 20, 60), (1, 32, 32), (9, 16, 8), (9, 8, 16), (4, 1, 9)]


def stored_as(name: str, values: np.ndarray) -> np.ndarray:
    """The values as a checkpoint of that type would hold them."""
    if name == "bool":
        return values > 0
    if "int" in name:
        return np.clip(np.round(values * 20), 0 if name == "uint8" else -127, 127).astype(name)
    return values.astype(getattr(ml_dtypes, name, None) or name)


def by_svd(stack: np.ndarray) -> np.ndarray:
    """The slow twin: squared singular values of every matrix, pooled."""
    singular = [np.linalg.svd(w, compute_uv=False) for w in stack.astype(np.float64)]
    return np.sort(np.concatenate(singular) ** 2)


def gaussian(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_squared_singular_values(stored: str, shape: tuple[int, int, int]) -> None:
    stack = stored_as(stored, gaussian(shape))
    spectrum = spectrum_of(stack, precision="float64")
    assert spectrum.shape == (max(shape[1:]), min(shape[1:]))
    assert (spectrum.count, spectrum.stored, spectrum.precision) == (shape[0], stack.dtype.name, "float64")
    expected = by_svd(stack)
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=0, atol=1e-10 * expected[-1])


@pytest.mark.parametrize("stored", FLOATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_float32_route_is_within_its_noise(stored: str, shape: tuple[int, int, int]) -> None:
    stack = stored_as(stored, gaussian(shape))
    spectrum = spectrum_of(stack, precision="float32")
    expected = by_svd(stack)
    assert spectrum.precision == "float32"
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=0, atol=16 * np.finfo("f4").eps * expected[-1])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_order_and_orientation_do_not_matter(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((rows, columns))
    eigenvalues = spectrum_of(weights[None]).eigenvalues
    shuffled = weights[rng.permutation(rows)][:, rng.permutation(columns)]
    for other in (shuffled, weights.T):
        np.testing.assert_allclose(spectrum_of(other[None]).eigenvalues, eigenvalues, atol=1e-12 * eigenvalues[-1])


@pytest.mark.parametrize("stored", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("power", [1, -3, 10])
def test_a_power_of_two_scales_exactly(stored: str, power: int) -> None:
    stack = stored_as(stored, gaussian((1, 40, 24)))
    scaled = spectrum_of((stack * np.asarray(2.0**power, stack.dtype)).astype(stack.dtype))
    plain = spectrum_of(stack)
    np.testing.assert_array_equal(scaled.eigenvalues, plain.eigenvalues * 4.0**power)
    assert scaled.rank == plain.rank


def test_the_scale_is_multiplied_onto_every_eigenvalue() -> None:
    stack = gaussian((9, 16, 8))
    np.testing.assert_array_equal(spectrum_of(stack, scale=0.5).eigenvalues, spectrum_of(stack).eigenvalues / 2)
    assert spectrum_of(stack, scale=0.5).scale == 0.5


@pytest.mark.parametrize("stored", [*FLOATS, "int8"])
@pytest.mark.parametrize("shape", [(128, 128), (256, 64), (48, 200)])
@pytest.mark.parametrize("rank", [1, 3, 8])
@pytest.mark.parametrize("precision", ["float64", "auto"])
def test_low_rank_is_seen_through_the_rounding_of_storage(
    stored: str, shape: tuple[int, int], rank: int, precision: str
) -> None:
    if stored == "int8":
        left, right = (np.random.default_rng(rank).integers(-3, 4, (side, rank)) for side in shape)
        weights = (left @ right.T).astype(np.int32)
    else:
        left, right = (np.linalg.qr(gaussian((side, rank), rank))[0] for side in shape)
        weights = stored_as(stored, left @ right.T * np.sqrt(shape[0]))
    spectrum = spectrum_of(weights[None], precision=precision)  # type: ignore[arg-type]
    assert spectrum.rank == rank
    assert (spectrum.eigenvalues >= 0).all()


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("shape", [(1, 128, 16), (9, 12, 96)])
def test_full_rank_loses_nothing(stored: str, shape: tuple[int, int, int]) -> None:
    stack = stored_as(stored, gaussian(shape, seed=4))
    assert spectrum_of(stack, precision="float64").rank == np.linalg.matrix_rank(stack.astype(np.float64)).sum()


@pytest.mark.parametrize("stored", STORED)
def test_zeros_have_rank_zero(stored: str) -> None:
    spectrum = spectrum_of(np.zeros((2, 12, 10), stored_as(stored, np.zeros(1)).dtype))
    assert spectrum.rank == 0
    assert not spectrum.eigenvalues.any()
    assert spectrum.positive.size == 0


@pytest.mark.parametrize(
    ("stored", "size"),
    [
        ("float64", 1e150),
        ("float64", 1e-150),
        ("float32", 1e38),
        ("float32", 1e-30),
        ("bfloat16", 1e38),
        ("bfloat16", 1e-30),
        ("float16", 1e4),
    ],
)
@pytest.mark.parametrize("precision", ["float64", "float32", "auto"])
def test_huge_and_tiny_weights_survive(stored: str, size: float, precision: str) -> None:
    weights = stored_as(stored, np.random.default_rng(0).uniform(-1, 1, (1, 40, 30)) * size)
    exponent = -int(np.floor(np.log2(size)))
    expected = by_svd(np.ldexp(weights.astype(np.float64), exponent))
    spectrum = spectrum_of(weights, precision=precision)  # type: ignore[arg-type]
    found = np.ldexp(spectrum.eigenvalues, 2 * exponent)
    tolerance = 1e-10 if spectrum.precision == "float64" else 16 * np.finfo("f4").eps
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * expected[-1])
    assert spectrum.rank == 30


@pytest.mark.parametrize("size", [1e180, 1e-170])
def test_squares_beyond_float64_are_told(size: float) -> None:
    with pytest.raises(LayerError, match="the squares of the weights leave the range of float64: rescale the weights"):
        spectrum_of(gaussian((1, 20, 20)) * size)


@pytest.mark.parametrize("stored", FLOATS)
@pytest.mark.parametrize("shape", [(1, 30, 20), (4, 8, 8)])
def test_values_that_are_not_finite_are_counted(stored: str, shape: tuple[int, int, int]) -> None:
    values = gaussian(shape)
    values.flat[[3, 17]] = np.nan
    if stored not in ("float8_e4m3fn",):  # that type has no infinity
        values.flat[40] = np.inf
    stack = stored_as(stored, values)
    broken = np.count_nonzero(~np.isfinite(stack.astype(np.float64)))
    assert broken >= 2
    with pytest.raises(LayerError, match=f"^{broken} of {values.size} weights are NaN or infinite$"):
        spectrum_of(stack)


def test_a_sum_that_overflows_is_not_mistaken_for_an_infinite_weight() -> None:
    stack = np.full((1, 8, 8), 3e38, np.float32)
    assert spectrum_of(stack, precision="float32").lambda_max == pytest.approx(64 * float(np.float32(3e38)) ** 2)


def test_auto_stays_in_float32_where_nothing_drowns() -> None:
    assert spectrum_of(stored_as("bfloat16", gaussian((1, 400, 100)))).precision == "float32"


def test_auto_goes_to_float64_where_small_eigenvalues_would_drown() -> None:
    weights = gaussian((1, 400, 100))
    weights[0] += 30.0  # one direction five orders of magnitude above the others
    stack = stored_as("bfloat16", weights)
    spectrum = spectrum_of(stack)
    assert spectrum.precision == "float64"
    np.testing.assert_array_equal(spectrum.eigenvalues, spectrum_of(stack, precision="float64").eigenvalues)


@pytest.mark.parametrize("stored", ["float32", "float64", "int32"])
def test_auto_is_float64_for_more_than_16_bits(stored: str) -> None:
    assert spectrum_of(stored_as(stored, gaussian((1, 20, 10)))).precision == "float64"


@pytest.mark.parametrize("shape", [(1, 200, 30), (1, 30, 200), (20, 12, 9)])
def test_block_boundaries_change_nothing(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int]) -> None:
    stack = gaussian(shape)
    whole = spectrum_of(stack).eigenvalues
    monkeypatch.setattr(gram, "BLOCK_BYTES", 777)
    np.testing.assert_allclose(spectrum_of(stack).eigenvalues, whole, rtol=0, atol=1e-12 * whole[-1])


@pytest.mark.parametrize("size", [1.0, 1e150])
def test_the_weights_are_not_touched_and_the_result_cannot_be(size: float) -> None:
    stack = gaussian((1, 30, 20)) * size
    before = stack.copy()
    stack.setflags(write=False)
    spectrum = spectrum_of(stack, scale=0.5)
    np.testing.assert_array_equal(stack, before)
    with pytest.raises(ValueError, match="read-only"):
        spectrum.eigenvalues[0] = 1.0


def test_strides_do_not_matter() -> None:
    big = gaussian((60, 80))
    view = big[::2, ::-3]
    np.testing.assert_allclose(spectrum_of(view[None]).eigenvalues, by_svd(view[None]), atol=1e-10 * 1000)
