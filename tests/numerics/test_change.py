"""Two arrays entry by entry, the rank of their difference beyond rounding, and the levels of quantised weights."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from eigentail.numerics import spectrum_of
from eigentail.numerics.change import entries_of, rank_of_change
from eigentail.numerics.levels import held, is_coarser, levels_of
from eigentail.numerics.roundoff import unit_roundoff

RNG = np.random.default_rng(5)
W = RNG.standard_normal((1, 96, 64)).astype(np.float32)
FORMATS = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}


def test_counts_and_norms_are_those_of_a_plain_count() -> None:
    base, other = RNG.integers(-2, 3, (2, 3, 40, 30)).astype(np.float64)
    seen = entries_of(base, other)
    assert seen.size == base.size
    assert seen.changed == int((base != other).sum())
    assert seen.gained == int(((base != 0) & (other == 0)).sum())
    assert seen.moved == seen.changed - seen.gained
    assert (seen.zeros_base, seen.zeros_other) == (int((base == 0).sum()), int((other == 0).sum()))
    assert seen.norm_base == pytest.approx(np.linalg.norm(base), rel=1e-12)
    assert seen.norm_change == pytest.approx(np.linalg.norm(other - base), rel=1e-12)
    cosine = (base * other).sum() / np.linalg.norm(base) / np.linalg.norm(other)
    assert seen.cosine == pytest.approx(cosine, abs=1e-12)


@pytest.mark.parametrize("size", [1e-300, 1e-6, 1e6, 1e300])
def test_no_scale_leaves_the_range(size: float) -> None:
    other = W.astype(np.float64) + 0.1 * RNG.standard_normal(W.shape)
    seen, plain = entries_of(size * W.astype(np.float64), size * other), entries_of(W.astype(np.float64), other)
    assert seen.relative == pytest.approx(plain.relative, rel=1e-9)
    assert seen.cosine == pytest.approx(plain.cosine, rel=1e-9)


def test_what_is_not_finite_is_counted_and_the_same_nan_is_the_same() -> None:
    base, other = W.copy(), W.copy()
    base[0, 0, 0] = other[0, 0, 0] = np.nan
    other[0, 1, 1] = np.inf
    seen = entries_of(base, other)
    assert (seen.broken_base, seen.broken_other, seen.changed) == (1, 2, 1)
    assert math.isnan(seen.relative)


def test_integers_are_compared_as_integers() -> None:
    base = np.array([[[2**53]]], np.int64)
    assert entries_of(base, base + 1).changed == 1


@pytest.mark.parametrize("name", FORMATS)
def test_rounding_explains_a_cast_and_nothing_else(name: str) -> None:
    cast = W.astype(FORMATS[name])
    assert entries_of(W, cast, name).moved == 0
    assert entries_of(W, cast, name).changed > 0.9 * W.size
    assert entries_of(W, cast).moved == entries_of(W, cast).changed
    assert entries_of(W, 1.02 * W, name).moved == W.size


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_that_holds_every_value(name: str) -> None:
    cast = W.astype(FORMATS[name])
    assert held(cast) == held(cast.astype(np.float32)) == held(cast.astype(np.float64)) == name
    assert held(W) == held(W.astype(np.float64)) == "float32"
    assert held(W + np.float64(1e-12)) == "float64"
    assert held(np.zeros(0)) == "float64"
    assert is_coarser(name, "float32")


@pytest.mark.parametrize("rank", [1, 3, 12])
@pytest.mark.parametrize("step", [1e-4, 1e-2, 1.0])
def test_the_rank_of_a_change_survives_the_rounding_of_the_sum(rank: int, step: float) -> None:
    update = step * RNG.standard_normal((96, rank)) @ RNG.standard_normal((rank, 64))
    merged = (W + update).astype(np.float32)
    change = spectrum_of(merged - W)
    found = rank_of_change(change, float(np.linalg.norm(merged)), unit_roundoff(np.dtype("float32")))
    assert (found.rank, found.low) == (rank, True)


def test_a_change_of_low_rank_in_sixteen_bits() -> None:
    base = W.astype(ml_dtypes.bfloat16).astype(np.float32)
    merged = (base + 0.3 * RNG.standard_normal((96, 4)) @ RNG.standard_normal((4, 64))).astype(ml_dtypes.bfloat16)
    change = spectrum_of(merged.astype(np.float32) - base)
    roundoff = unit_roundoff(np.dtype(ml_dtypes.bfloat16))
    found = rank_of_change(change, float(np.linalg.norm(merged.astype(float))), roundoff)
    assert (found.rank, found.low) == (4, True)
    exact = rank_of_change(change, float(np.linalg.norm(merged.astype(float))), 0.0)
    assert not exact.low


@pytest.mark.parametrize("rank", [17, 64])
def test_a_change_of_many_directions_is_none_of_low_rank(rank: int) -> None:
    change = spectrum_of(RNG.standard_normal((1, 96, rank)) @ RNG.standard_normal((rank, 64)))
    assert not rank_of_change(change, 100.0, 2.0**-24).low


def test_steps_of_rounding_alone_have_no_rank() -> None:
    stored = W.astype(ml_dtypes.bfloat16).astype(np.float32)
    change = spectrum_of(stored - W)
    found = rank_of_change(change, float(np.linalg.norm(W)), unit_roundoff(np.dtype(ml_dtypes.bfloat16)))
    assert (found.rank, found.low) == (0, False)


def quantised(bits: int, axis: int | None) -> np.ndarray:
    largest = np.abs(W).max() if axis is None else np.abs(W).max(axis, keepdims=True)
    step = largest / (2 ** (bits - 1) - 1)
    return (np.rint(W / step) * step).astype(np.float32)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("axis", [None, 1, 2])
def test_few_levels_are_found_whatever_their_scale_belongs_to(bits: int, axis: int | None) -> None:
    seen = levels_of(quantised(bits, axis))
    assert seen.few
    assert seen.distinct < 2**bits


def test_blocks_of_32_with_a_scale_each() -> None:
    blocks = RNG.standard_normal((128, 512)).astype(np.float32).reshape(-1, 32)
    step = np.abs(blocks).max(1, keepdims=True) / 7
    assert levels_of((np.rint(blocks / step) * step).reshape(1, 128, 512)).few


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("shape", [(1, 2, 2), (1, 64, 9), (9, 16, 16), (1, 128, 2048)])
def test_plain_weights_have_many(dtype: type, shape: tuple[int, ...]) -> None:
    assert not levels_of(RNG.standard_normal(shape).astype(dtype)).few


def test_pruned_weights_have_many() -> None:
    pruned = np.where(RNG.random((1, 64, 512)) < 0.9, 0, RNG.standard_normal((1, 64, 512)))
    assert not levels_of(pruned).few


@pytest.mark.parametrize("values", [np.zeros((1, 8, 8)), np.ones((1, 8, 8)), np.full((1, 8, 8), np.nan), W[:, :0]])
def test_odd_weights_have_no_levels(values: np.ndarray) -> None:
    assert not levels_of(values).few
