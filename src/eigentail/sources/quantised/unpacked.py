"""Codes of a few bits out of bytes and words, and codes with their groups' scales as numbers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]

# The eight magnitudes of a 4-bit float with two bits of exponent and one of mantissa, then the same below zero.
E2M1: Final = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], dtype=np.float32)


def unpacked(words: NDArray[Any], bits: int, count: int) -> Codes:
    """Codes that lie bit by bit one after another along the last axis, the lowest bits first.

    Args:
        words: integers of any size, read as one stream of bits.
        bits: of one code, 1 to 8.
        count: codes along the last axis; the stream has at least as many.

    Returns:
        The last axis replaced by `count` codes.

    Example:
        >>> unpacked(np.array([[0x87654321]], np.uint32), 4, 8).tolist()
        [[1, 2, 3, 4, 5, 6, 7, 8]]
        >>> unpacked(np.array([0b10_001_000 - 256, 0b110], np.int8), 3, 4).tolist()
        [0, 1, 2, 3]
    """
    stream = np.ascontiguousarray(words)
    stream = stream.astype(stream.dtype.newbyteorder("<"), copy=False).view(np.uint8)
    if bits == 8:
        return stream[..., :count]
    if 8 % bits == 0:
        codes = np.empty((*stream.shape, 8 // bits), dtype=np.uint8)
        for at in range(8 // bits):
            np.right_shift(stream, at * bits, out=codes[..., at])
        codes &= (1 << bits) - 1
        return codes.reshape(*stream.shape[:-1], -1)[..., :count]
    return _straddling(stream, bits)[..., :count]


def _straddling(stream: Codes, bits: int) -> Codes:
    """Codes whose size does not divide a byte: eight of them take as many bytes as one has bits."""
    short = -stream.shape[-1] % bits
    if short:
        stream = np.concatenate([stream, np.zeros((*stream.shape[:-1], short), np.uint8)], axis=-1)
    runs = stream.reshape(*stream.shape[:-1], -1, bits)
    codes = np.empty((*runs.shape[:-1], 8), dtype=np.uint8)
    for at in range(8):
        byte, shift = divmod(at * bits, 8)
        code = runs[..., byte] >> shift
        if shift + bits > 8:
            code = code | (runs[..., byte + 1] << (8 - shift))
        codes[..., at] = code & ((1 << bits) - 1)
    return codes.reshape(*stream.shape[:-1], -1)


def looked_up(packed: Codes, values: Floats, *, high_first: bool) -> Floats:
    """The numbers that two 4-bit codes a byte stand for.

    Args:
        packed: the bytes.
        values: the sixteen numbers.
        high_first: the upper half of a byte comes first.

    Returns:
        The last axis twice as long.

    Example:
        >>> looked_up(np.array([0x21], np.uint8), E2M1, high_first=False).tolist()
        [0.5, 1.0]
    """
    every = np.arange(256)
    halves = (every >> 4, every & 15) if high_first else (every & 15, every >> 4)
    pairs = np.stack([values[halves[0]], values[halves[1]]], axis=-1)
    found: Floats = np.take(pairs, packed, axis=0).reshape(*packed.shape[:-1], -1)
    return found


def grouped(codes: NDArray[Any], zeros: NDArray[Any] | int, scales: NDArray[Any], groups: NDArray[np.intp]) -> Floats:
    """(code - zero) * scale, where zeros and scales belong to groups of the last axis.

    The difference is exact; the product is exact for scales of 16 bits and rounded once for those of 32.

    Args:
        codes: whole numbers below 2^9, shape (..., n).
        zeros: shape (..., number of groups), or one number for all.
        scales: shape (..., number of groups).
        groups: the group of each of the n.

    Returns:
        Shape (..., n).

    Example:
        >>> grouped(np.array([[1, 2, 3]]), 2, np.array([[0.5, 2.0]]), np.array([0, 0, 1])).tolist()
        [[-0.5, 0.0, 2.0]]
    """
    found: Floats = codes.astype(np.float32)
    found -= zeros if isinstance(zeros, int) else zeros.astype(np.float32)[..., groups]
    found *= scales.astype(np.float32)[..., groups]
    return found


def runs_of(count: int, size: int) -> NDArray[np.intp]:
    """The group of each of `count` neighbours when `size` of them make one.

    Example:
        >>> runs_of(5, 2).tolist()
        [0, 0, 1, 1, 2]
    """
    return np.arange(count) // min(size, count)


def powers_of_two(exponents: NDArray[np.uint8]) -> Floats:
    """Scales stored as a biased exponent (E8M0): 2^(e - 127), and NaN for 255.

    Args:
        exponents: one byte each.

    Returns:
        Exact, the smallest one below the normal numbers of float32.

    Source: OCP Microscaling Formats (MX) Specification 1.0, section 5.4.1.

    Example:
        >>> powers_of_two(np.array([127, 130, 255], np.uint8)).tolist()
        [1.0, 8.0, nan]
    """
    table: Floats = np.append(np.ldexp(np.float32(1), np.arange(255) - 127), np.float32(np.nan))
    return table[exponents]


def scaled_runs(values: Floats, scales: NDArray[Any]) -> Floats:
    """Values times the scale of their run: every scale belongs to as many neighbours of the last axis.

    Args:
        values: shape (..., n), changed in place.
        scales: shape (..., number of runs), which divides n.

    Example:
        >>> scaled_runs(np.array([[1, 2, 3, 4]], np.float32), np.array([[1.0, 10.0]], np.float32)).tolist()
        [[1.0, 2.0, 30.0, 40.0]]
    """
    runs = values.reshape(*scales.shape, -1)
    runs *= scales[..., None]
    return runs.reshape(values.shape)
