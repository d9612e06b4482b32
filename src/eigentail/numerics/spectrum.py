"""The exact spectrum: Gram matrix, symmetric eigenvalues, and the rule that says which of them are zero."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.backends import CPU, Backend, CardError, Device, held
from eigentail.errors import LayerError
from eigentail.numerics.gram import blocks
from eigentail.numerics.processor import Processor
from eigentail.numerics.roundoff import unit_roundoff
from eigentail.records import Spectrum
from eigentail.settings import Precision

# Where an eigenvalue is zero the solver returns a few eps lambda_max; up to 47 in float64 and 16 in float32 where half
# of the eigenvalues are equal (`python benchmarks/eigenvalues.py`, docs/decisions/0003).
_FALSE: Final = {"float64": 64.0, "float32": 16.0}
# An eigenvalue of this many eps lambda_max is known to three digits: the error of most weights is below 8.
_THREE_DIGITS: Final = 8000.0
# float32 serves while no more than this share of a spectrum is known less well than that.
_DROWNED_SHARE: Final = 0.1
# 2^-e must be a number: subnormal weights are brought near one as far as that allows.
_SMALLEST_EXPONENT: Final = -1000
# Sums of squares outside these lost digits on the way, or are not finite: the weights are rescaled and tried again.
_SAFE: Final = {"float64": (1e-200, 1e200), "float32": (1e-20, 1e30)}
_PROCESSOR: Final = Processor()


def spectrum_of(
    stack: NDArray[Any], *, precision: Precision = "auto", scale: float = 1.0, device: Device = CPU
) -> Spectrum:
    """Eigenvalues of W^T W of every matrix of the stack, pooled and sorted: squared singular values, not over N.

    Zero is decided relative to the spectrum and to the precision the weights are *stored* in: an eigenvalue is zero
    if the rounding of the stored weights alone could have made it, or the solver's own noise.

    Args:
        stack: shape (count, rows, columns), any real dtype; it is read block by block and not changed.
        precision: `auto` computes in float64, but in float32 where the weights are stored in 16 bits or fewer and at
            most 10 % of the eigenvalues would be known to less than three digits.
        scale: a factor on every eigenvalue (the convention for convolutions).
        device: where products and eigenvalues are computed. The rules are the same everywhere; the eigenvalues agree
            to a few eps of the arithmetic times the largest. What a card cannot do is done again by the CPU.

    Returns:
        The spectrum, ascending, zeros included; it says where it was computed, and why not where it was asked for.

    Raises:
        LayerError: a weight is NaN or infinite, or the eigenvalues leave the range of float64.

    Source: Martin & Mahoney, JMLR 22 (2021), section 2: the empirical spectral density of X = W^T W.

    Example:
        >>> spectrum = spectrum_of(np.array([[[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]))
        >>> spectrum.eigenvalues.tolist(), spectrum.shape, spectrum.rank
        ([4.0, 9.0], (3, 2), 2)
    """
    if device == CPU:
        return _spectrum(stack, precision, scale, _PROCESSOR)
    try:
        with held(device) as card:
            return _spectrum(stack, precision, scale, card)
    except CardError as error:
        note = f"computed on the CPU: {error}"
    # after the handler, which would keep alive what fills the card
    return replace(_spectrum(stack, precision, scale, _PROCESSOR), note=note)


def _spectrum(stack: NDArray[Any], precision: Precision, scale: float, backend: Backend) -> Spectrum:
    """The rules of `spectrum_of`, whoever computes."""
    dtype: np.dtype[Any] = np.dtype("float64")
    if precision == "float32" or (precision == "auto" and stack.dtype.itemsize <= 2):
        dtype = np.dtype("float32")
    values = _eigenvalues(stack, dtype, backend)
    if precision == "auto" and dtype == np.float32 and _drowned(values):
        dtype = np.dtype("float64")
        values = _eigenvalues(stack, dtype, backend)
    shape = (max(stack.shape[1:]), min(stack.shape[1:]))
    rank = int(np.count_nonzero(values > _zero(values, shape, stack.dtype, dtype)))
    values *= scale
    values.setflags(write=False)
    return Spectrum(
        eigenvalues=values,
        shape=shape,
        count=stack.shape[0],
        rank=rank,
        precision=dtype.name,
        stored=stack.dtype.name,
        scale=scale,
        device=backend.name,
    )


def _eigenvalues(
    stack: NDArray[Any], dtype: np.dtype[Any], backend: Backend, exponent: int | None = None
) -> NDArray[np.float64]:
    """All eigenvalues of weights times 2^-exponent, ascending, scaled back; None tries the weights as they are."""
    low, high = _SAFE[dtype.name]
    found: list[NDArray[Any]] = []
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # told by the total, and a library does not warn
        for product in backend.products(stack, dtype, 2.0 ** -(exponent or 0)):
            total += product.trace
            if not total < high:  # NaN ends here too, before a solver sees it
                break
            found.append(product.eigenvalues())
    if exponent is None and not low < total < high:
        return _eigenvalues(stack, dtype, backend, _exponent(stack))
    values = np.concatenate(found).astype(np.float64)
    values.sort()
    np.maximum(values, 0.0, out=values)  # rounding may fall on the wrong side of zero
    return values if not exponent else _rescaled(values, 2 * exponent)


def _exponent(stack: NDArray[Any]) -> int:
    """The power of two that brings the largest weight near one; 0 when every weight is zero."""
    largest, broken = 0.0, 0
    for block in blocks(stack.reshape(-1, stack.shape[-1]), np.dtype("float64")):
        values = np.abs(np.asarray(block, dtype=np.float64))
        broken += int(np.count_nonzero(~np.isfinite(values)))
        largest = max(largest, float(values.max()))
    if broken:
        raise LayerError(f"{broken} of {stack.size} weights are NaN or infinite")
    return max(math.frexp(largest)[1], _SMALLEST_EXPONENT)


def _rescaled(values: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """Values times 2^exponent, where float64 can hold them."""
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.ldexp(values, exponent)
    if values[-1] > 0 and not np.finfo(np.float64).tiny < scaled[-1] < np.inf:
        raise LayerError("the squares of the weights leave the range of float64", hint="rescale the weights")
    return scaled


def _drowned(values: NDArray[np.float64]) -> bool:
    """Whether too many float32 eigenvalues lie too near the solver's noise to be known to three digits."""
    floor = _THREE_DIGITS * float(np.finfo(np.float32).eps) * values[-1]
    return bool(np.count_nonzero(values < floor) > _DROWNED_SHARE * len(values))


def _zero(values: NDArray[np.float64], shape: tuple[int, int], stored: np.dtype[Any], computed: np.dtype[Any]) -> float:
    """The value up to which an eigenvalue counts as zero.

    Rounding at relative unit u adds a random matrix of entry size at most u |w|; its largest eigenvalue is at most
    u^2 mean(w^2) (sqrt N + sqrt M)^2, by the Marchenko-Pastur edge. The factor 8 covers uneven
    columns (measured: up to 3.8).
    """
    n, m = shape
    mean_square = float(values.sum()) / (len(values) * n)
    rounding = 8 * unit_roundoff(stored) ** 2 * mean_square * (math.sqrt(n) + math.sqrt(m)) ** 2
    solver = _FALSE[computed.name] * float(np.finfo(computed).eps) * float(values[-1])
    return max(rounding, solver)
