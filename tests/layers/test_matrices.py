"""Arrays to matrices: convolutions against a loop over positions, views where they are possible."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import header

from eigentail.errors import SourceError
from eigentail.layers import group, matrices, read_part, select
from eigentail.records import Layer
from eigentail.settings import Settings

KERNELS = [(16, 12, 3, 5), (16, 20, 7), (16, 16, 2, 3, 2), (20, 18, 1, 1)]


def layers_of(shape: tuple[int, ...], settings: Settings, **facts: object) -> tuple[Layer, ...]:
    (spec,) = header("conv.weight " + "x".join(map(str, shape)))
    return select(group([msgspec.structs.replace(spec, **facts)]), settings).layers


def squares(stack: np.ndarray) -> np.ndarray:
    return np.sort((np.linalg.svd(stack, compute_uv=False) ** 2).ravel())


@pytest.mark.parametrize("shape", KERNELS)
def test_pooled_is_one_matrix_a_position(shape: tuple[int, ...]) -> None:
    kernel = np.random.default_rng(0).normal(size=shape)
    (layer,) = layers_of(shape, Settings())
    stack = matrices(layer, [kernel])
    assert stack.shape == (layer.count, *shape[:2])
    for matrix, position in zip(stack, np.ndindex(shape[2:]), strict=True):
        assert np.array_equal(matrix, kernel[(slice(None), slice(None), *position)])
    assert np.shares_memory(stack, kernel)


@pytest.mark.parametrize("shape", KERNELS)
@pytest.mark.parametrize(
    "facts", [{}, {"groups": 2}, {"conv_transposed": True}, {"conv_transposed": True, "groups": 2}]
)
def test_per_slice_has_the_eigenvalues_of_pooled(shape: tuple[int, ...], facts: dict[str, object]) -> None:
    kernel = np.random.default_rng(0).normal(size=shape)
    (pooled,) = layers_of(shape, Settings(min_evals=2), **facts)
    slices = layers_of(shape, Settings(conv="per-slice", min_evals=2), **facts)
    assert len(slices) == np.prod(shape[2:])
    apart = np.concatenate([squares(matrices(layer, [kernel])) for layer in slices])
    assert np.allclose(np.sort(apart), squares(matrices(pooled, [kernel])), rtol=1e-12)
    assert sum(layer.num_evals for layer in slices) == pooled.num_evals == len(apart)


@pytest.mark.parametrize("shape", KERNELS)
def test_flatten_is_out_by_everything_else(shape: tuple[int, ...]) -> None:
    kernel = np.random.default_rng(0).normal(size=shape)
    (layer,) = layers_of(shape, Settings(conv="flatten"))
    assert np.array_equal(matrices(layer, [kernel]), kernel.reshape(1, shape[0], -1))
    (turned,) = layers_of(shape, Settings(conv="flatten"), conv_transposed=True)
    assert np.array_equal(matrices(turned, [kernel]), kernel.swapaxes(0, 1).reshape(1, shape[1], -1))
    assert sorted(turned.shape) == sorted((shape[1], kernel.size // shape[1]))


@given(groups=st.integers(1, 4), out=st.integers(8, 10), inner=st.integers(8, 10), size=st.integers(1, 3))
def test_groups_are_blocks_of_outputs(groups: int, out: int, inner: int, size: int) -> None:
    kernel = np.random.default_rng(0).normal(size=(groups * out, inner, size))
    (layer,) = layers_of(kernel.shape, Settings(), groups=groups)
    expected = [kernel[g * out : (g + 1) * out, :, at] for g in range(groups) for at in range(size)]
    assert np.array_equal(matrices(layer, [kernel]), np.stack(expected))
    (flat,) = layers_of(kernel.shape, Settings(conv="flatten"), groups=groups)
    assert np.array_equal(matrices(flat, [kernel]), kernel.reshape(groups, out, inner * size))


def test_the_stored_dtype_stays_and_dense_parts_are_views() -> None:
    fused = np.ones((64, 192), np.float16)
    for layer in group(header("h.0.attn.c_attn.weight 64x192\nh.0.attn.c_proj.weight 64x64")).layers[:3]:
        stack = matrices(layer, [fused])
        assert stack.dtype == np.float16
        assert np.shares_memory(stack, fused)
        assert read_part(layer) is None  # columns: every row is needed


def test_only_the_rows_of_a_part_are_asked_for() -> None:
    layers = group(header("x.in_proj_weight 96x32\nx.out_proj.weight 32x32")).layers
    assert [read_part(layer) for layer in layers] == [(0, 32), (32, 64), (64, 96), None]


def test_a_read_only_array_is_never_written_to() -> None:
    kernel = np.ones((16, 12, 3, 3))
    kernel.setflags(write=False)
    (layer,) = layers_of(kernel.shape, Settings())
    assert not matrices(layer, [kernel]).flags.writeable


@pytest.mark.parametrize("shape", [(64, 31), (63, 32), (64, 32, 1)])
def test_an_array_that_is_not_what_the_header_said_is_refused(shape: tuple[int, ...]) -> None:
    (layer,) = group(header("fc.weight 64x32")).layers
    with pytest.raises(SourceError, match=r"fc: the array has shape .* header announced \(64, 32\)"):
        matrices(layer, [np.zeros(shape)])
