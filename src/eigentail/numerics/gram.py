"""The Gram matrix of the smaller side, accumulated block by block so that the weights are never held twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.execution import blas_threads
from eigentail.numerics.kernels import kernels
from eigentail.records import BLOCK_BYTES

# Smaller ones are made by numpy: finding the library takes a millisecond, once.
_ADDED_FROM: Final = 64


def grams(stack: NDArray[Any], dtype: np.dtype[Any], factor: float = 1.0) -> Iterator[NDArray[Any]]:
    """W^T W of tall matrices, W W^T of wide ones: the same non-zero eigenvalues at the smaller size.

    Args:
        stack: any real dtype, shape (count, rows, columns).
        dtype: of the arithmetic, float64 or float32.
        factor: multiplied onto the weights first; a power of two changes no digit.

    Yields:
        One matrix of shape (M, M) when the stack holds one, else batches of shape (some, M, M), in order. What is below
        the diagonal may be left out (zero): symmetric matrices are given by what is on and above it.

    Example:
        >>> [part.tolist() for part in grams(np.array([[[1, 0, 0], [0, 2, 0]]]), np.dtype("float64"))]
        [[[1.0, 0.0], [0.0, 4.0]]]
    """
    tall = stack if stack.shape[1] >= stack.shape[2] else stack.transpose(0, 2, 1)
    if len(tall) == 1:
        yield _gram(tall[0], dtype, factor)
        return
    for batch in blocks(tall, dtype):
        # in one pass: the positions of a kernel lie side by side in memory, each of its matrices far apart
        yield _each(np.ascontiguousarray(batch if factor == 1.0 else _scaled(batch, dtype, factor), dtype))


def blocks(array: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """The array along its first axis, in views of at most `BLOCK_BYTES` once converted to the dtype.

    Example:
        >>> [len(block) for block in blocks(np.zeros((5, 2)), np.dtype("float64"))]
        [5]
    """
    step = max(1, BLOCK_BYTES // max(1, dtype.itemsize * int(np.prod(array.shape[1:]))))
    for start in range(0, len(array), step):
        yield array[start : start + step]


def _each(batch: NDArray[Any]) -> NDArray[Any]:
    """The Gram matrices of several, each by itself where half of it can be left out."""
    compiled, side = kernels(), batch.shape[2]
    if compiled and side >= _ADDED_FROM:
        totals = np.zeros((len(batch), side, side), batch.dtype)
        if all(compiled.add_product(rows, total) for rows, total in zip(batch, totals, strict=True)):
            return totals
    product: NDArray[Any] = np.matmul(batch.transpose(0, 2, 1), batch)
    return product


def _gram(tall: NDArray[Any], dtype: np.dtype[Any], factor: float) -> NDArray[Any]:
    """One Gram matrix as a sum over blocks of rows."""
    if not len(tall):
        raise ValueError(f"no rows in a matrix of shape {tall.shape}")
    compiled = kernels()
    if compiled and tall.shape[1] >= _ADDED_FROM:
        total = np.zeros((tall.shape[1], tall.shape[1]), dtype)
        as_stored = dtype == np.float32 and factor == 1.0
        if as_stored and compiled.add_product_of_bfloat16(tall, total, blas_threads()):
            return total
        if all(compiled.add_product(_contiguous(_scaled(rows, dtype, factor)), total) for rows in blocks(tall, dtype)):
            return total
    return _gram_by_numpy(tall, dtype, factor)


def _gram_by_numpy(tall: NDArray[Any], dtype: np.dtype[Any], factor: float) -> NDArray[Any]:
    """The same in a matrix more, and whole."""
    total, spare = np.zeros((tall.shape[1], tall.shape[1]), dtype), None
    for rows in blocks(tall, dtype):
        block = _scaled(rows, dtype, factor)
        # numpy sees one operand twice and calls the symmetric kernel: half the work
        spare = np.matmul(block.T, block, out=spare)
        total += spare
        del block  # before the next one is made
    return total


def _contiguous(block: NDArray[Any]) -> NDArray[Any]:
    """In the order it has, if that is one that BLAS can read."""
    return block if block.flags.f_contiguous else np.ascontiguousarray(block)


def _scaled(block: NDArray[Any], dtype: np.dtype[Any], factor: float) -> NDArray[Any]:
    """The block in the arithmetic's dtype; scaled in float64 first where the dtype's range might not hold it."""
    if factor == 1.0:
        return np.asarray(block, dtype=dtype)
    return np.asarray(np.asarray(block, dtype=np.float64) * factor, dtype=dtype)
