"""The overlap of leading singular subspaces is that of scipy's principal angles."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from eigentail.errors import LayerError
from eigentail.numerics.subspace import overlap_of
from eigentail.records.difference import Overlap


def by_angles(one: np.ndarray, two: np.ndarray, k: int) -> tuple[float, float]:
    """From full singular value decompositions."""
    u, _, v = np.linalg.svd(one)
    p, _, q = np.linalg.svd(two)
    pairs = ((u[:, :k], p[:, :k]), (v[:k].T, q[:k].T))
    left, right = (float(np.mean(np.cos(scipy.linalg.subspace_angles(*pair)) ** 2)) for pair in pairs)
    return left, right


def floor_for(matrix: np.ndarray, k: int) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False)[k - 1] ** 2)


@pytest.mark.parametrize("shape", [(40, 25), (25, 40), (30, 30), (2, 9)])
@pytest.mark.parametrize("noise", [0.0, 0.3, 3.0])
@pytest.mark.parametrize("size", [1.0, 1e-140, 1e140])
def test_as_by_principal_angles(shape: tuple[int, int], noise: float, size: float) -> None:
    rng = np.random.default_rng(7)
    one = rng.standard_normal(shape)
    two = one + noise * rng.standard_normal(shape)
    k = min(5, *shape)
    found = overlap_of(size * one[None], size * two[None], floor=floor_for(one, k) * size**2)
    assert found.k == k
    assert (found.left, found.right) == pytest.approx(by_angles(one, two, k), abs=1e-9)


def test_pooled_matrices_are_averaged_by_their_directions() -> None:
    rng = np.random.default_rng(1)
    base, other = rng.standard_normal((3, 20, 12)), rng.standard_normal((3, 20, 12))
    base[1] *= 3
    floor = 60.0
    ks = [int((np.linalg.svd(matrix, compute_uv=False) ** 2 >= floor).sum()) for matrix in base]
    assert len(set(ks)) > 1
    pairs = [(k, by_angles(a, b, k)) for k, a, b in zip(ks, base, other, strict=True) if k]
    found = overlap_of(base, other, floor=floor)
    assert found.k == sum(ks)
    assert found.left == pytest.approx(sum(k * left for k, (left, _) in pairs) / sum(ks), abs=1e-9)
    assert found.right == pytest.approx(sum(k * right for k, (_, right) in pairs) / sum(ks), abs=1e-9)


def test_only_so_many_directions_are_compared() -> None:
    rng = np.random.default_rng(2)
    one, two = rng.standard_normal((30, 20)), rng.standard_normal((30, 20))
    found = overlap_of(one[None], two[None], floor=1e-9, most=4)
    assert found.k == 4
    assert (found.left, found.right) == pytest.approx(by_angles(one, two, 4), abs=1e-9)


def test_chance_gives_the_share_of_the_dimensions() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.standard_normal((2, 200, 100))
    found = overlap_of(one[None], two[None], floor=floor_for(one, 40))
    assert found.left == pytest.approx(40 / 200, abs=0.03)
    assert found.right == pytest.approx(40 / 100, abs=0.03)


def test_directions_that_the_other_lacks_are_not_found_in_it() -> None:
    base = np.diag([4.0, 3.0, 2.0, 1.0])[None]
    other = np.diag([4.0, 0.0, 0.0, 0.0])[None]
    assert overlap_of(base, other, floor=4.0) == Overlap(k=3, left=1 / 3, right=1 / 3)
    assert overlap_of(base, np.zeros_like(base), floor=4.0) == Overlap(k=3, left=0.0, right=0.0)


def test_without_a_direction_there_is_no_overlap() -> None:
    eye = np.eye(4)[None]
    for floor in (np.nan, 0.0, 2.0):
        found = overlap_of(eye, eye, floor=floor)
        assert found.k == 0
        assert np.isnan([found.left, found.right]).all()


def test_what_is_not_finite_is_told() -> None:
    bad = np.full((1, 4, 4), np.nan)
    with pytest.raises(LayerError, match="NaN or infinite"):
        overlap_of(bad, bad, floor=1.0)
