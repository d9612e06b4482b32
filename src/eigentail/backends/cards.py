"""Gram products and eigenvalues on one card that torch drives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from eigentail.backends.backend import CardError

# Types that cross as they are stored, to be converted on the card: torch has the same names for them.
_AS_STORED: Final = {
    *("float64", "float32", "float16", "bfloat16", "int32", "int16", "int8", "uint8"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
}
# What is moved at a time: large enough for the card, small beside a large matrix.
_MOVED_AT_ONCE: Final = 128 * 2**20
# Of the card's free memory; the rest is for the batch before this one and for the solver's own copies.
_SHARE: Final = 0.25
_WHERE_NOT_KNOWN: Final = 2**30
# Each eigenvalue is known to a few eps of the largest, so that sums over M of them are known within M times that.
_SLACK: Final = 8.0
_LONGEST_REASON: Final = 120


@final
class Card:
    """One card, by torch's name for it. `cpu` is torch's own CPU arithmetic, and `name` then says so.

    Example:
        >>> product = next(Card("cpu").products(np.diag([3.0, 2.0])[None], np.dtype("float64"), 1.0))
        >>> product.trace, product.eigenvalues().tolist()
        (13.0, [4.0, 9.0])
    """

    def __init__(self, card: str) -> None:
        import torch

        self.name = "torch:cpu" if card == "cpu" else card
        self._torch: Any = torch
        self._device: Any = torch.device(card)

    def products(self, stack: NDArray[Any], dtype: np.dtype[Any], factor: float) -> Iterator[_OnCard]:
        """W^T W of tall matrices, W W^T of wide ones: a single one block by block, several in batches that fit.

        Raises:
            CardError: out of memory, or a type that the card does not know.
        """
        tall = stack if stack.shape[1] >= stack.shape[2] else stack.transpose(0, 2, 1)
        if len(tall) == 1:
            yield self._single(tall[0], dtype, factor)
            return
        step = self._batch(tall.shape[1:], dtype)
        for start in range(0, len(tall), step):
            yield self._several(tall[start : start + step], dtype, factor)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what torch raises into `CardError`, with a sentence."""
        try:
            yield
        except self._torch.OutOfMemoryError:
            raise CardError("too little memory", where=self.name) from None
        except self._torch.linalg.LinAlgError:
            raise CardError("the eigenvalues did not converge", where=self.name) from None
        except (RuntimeError, TypeError) as error:  # a type or an operation that this kind of card lacks, a lost driver
            reason = (str(error).splitlines() or [""])[0][:_LONGEST_REASON]
            raise CardError(reason or type(error).__name__, where=self.name) from None

    def _single(self, tall: NDArray[Any], dtype: np.dtype[Any], factor: float) -> _OnCard:
        """One Gram matrix as a sum over blocks of rows."""
        step = max(1, _MOVED_AT_ONCE // (dtype.itemsize * tall.shape[1]))
        with self.told():
            total: Any = None
            for start in range(0, len(tall), step):
                block = self._moved(tall[start : start + step], dtype, factor)
                total = block.mT @ block if total is None else total.addmm_(block.mT, block)
            return _OnCard(self, total.to(self._arithmetic(dtype)))

    def _several(self, batch: NDArray[Any], dtype: np.dtype[Any], factor: float) -> _OnCard:
        """A Gram matrix for each of a batch."""
        with self.told():
            block = self._moved(batch, dtype, factor)
            return _OnCard(self, (block.mT @ block).to(self._arithmetic(dtype)))

    def _batch(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
        """How many matrices at a time: weights as moved and as converted, the product and the solver's copies of it."""
        n, m = shape
        with self.told():
            fitting = int(_SHARE * self._free()) // (dtype.itemsize * (2 * n * m + 4 * m * m))
        return max(1, min(fitting, _MOVED_AT_ONCE // (dtype.itemsize * n * m)))

    def _free(self) -> int:
        """Bytes of the card that are free, or that torch keeps without using them."""
        if self._device.type != "cuda":
            return _WHERE_NOT_KNOWN
        cuda = self._torch.cuda
        unused = cuda.memory_reserved(self._device) - cuda.memory_allocated(self._device)
        return int(cuda.mem_get_info(self._device)[0] + unused)

    def _moved(self, block: NDArray[Any], dtype: np.dtype[Any], factor: float) -> Any:
        """The block on the card, in the type that is multiplied; scaled in float64 where there is a factor."""
        stored, host = block.dtype, dtype if factor == 1.0 else np.dtype("float64")
        crosses = stored.name in _AS_STORED and stored.isnative and stored.itemsize <= host.itemsize
        # always a copy: torch warns of memory that may not be written, which a mapped file is
        copy = np.array(block, dtype=stored if crosses else host)
        there = self._torch.from_numpy(copy.view(f"i{copy.itemsize}")).view(getattr(self._torch, copy.dtype.name))
        there = there.to(self._device)
        if factor != 1.0:  # then through the arithmetic's type, to overflow where the CPU's would
            there = (there.to(self._torch.float64) * factor).to(self._arithmetic(dtype))
        return there.to(self._multiplied(dtype))

    def _arithmetic(self, dtype: np.dtype[Any]) -> Any:
        return getattr(self._torch, dtype.name)

    def _multiplied(self, dtype: np.dtype[Any]) -> Any:
        """The type that products are made in: float64 where torch was told to round float32 to fewer bits."""
        if dtype == np.float32 and self._device.type != "mps" and self._rounds():
            return self._torch.float64
        return self._arithmetic(dtype)

    def _rounds(self) -> bool:
        """Whether the program that we are part of lets torch multiply float32 with the digits of TF32 or bfloat16."""
        torch = self._torch
        rooms = (torch.backends, torch.backends.cuda, torch.backends.cuda.matmul)
        if not {getattr(room, "fp32_precision", "none") for room in rooms} <= {"none", "ieee"}:  # torch 2.9 has it
            return True
        try:
            return bool(torch.get_float32_matmul_precision() != "highest")
        except RuntimeError:  # the program has used both ways to say it, and torch no longer knows
            return True


@final
class _OnCard:
    """Gram matrices that stay on the card; their diagonals do not."""

    def __init__(self, card: Card, grams: Any) -> None:
        self._card, self._grams = card, grams
        diagonals: NDArray[Any] = grams.diagonal(dim1=-2, dim2=-1).cpu().numpy()
        self._traces: NDArray[np.float64] = diagonals.sum(axis=-1, dtype=np.float64)
        info = np.finfo(diagonals.dtype)
        # what is divided by infinity is not checked: zeros, and what has lost its digits to the end of the range
        self._units = np.where(self._traces > info.tiny / info.eps, self._traces, np.inf)

    @property
    def trace(self) -> float:
        """Of all of them together."""
        return float(self._traces.sum())

    def eigenvalues(self) -> NDArray[Any]:
        """Of all of them; each matrix's own are ascending, and their sums are those that its entries make.

        Raises:
            CardError: the solver failed, or what it found cannot be the eigenvalues.
        """
        with self._card.told():
            found: NDArray[Any] = self._card._torch.linalg.eigvalsh(self._grams).cpu().numpy()
            norms = self._norms()
        if not self._fit(found, norms):
            raise CardError("what was found cannot be the eigenvalues", where=self._card.name)
        return found.ravel()

    def _norms(self) -> NDArray[np.float64]:
        """The root of the sum of all squares of each matrix, in units of its trace: squares of units overflow nowhere.

        The trace alone would not do: cuSOLVER's solver for batches once returned the diagonal for some matrices.
        """
        torch = self._card._torch
        units = torch.from_numpy(self._units).to(self._grams.dtype).to(self._grams.device)
        norms = torch.linalg.vector_norm(self._grams / units[..., None, None], dim=(-2, -1))
        return np.asarray(norms.cpu().numpy(), dtype=np.float64)

    def _fit(self, found: NDArray[Any], norms: NDArray[np.float64]) -> bool:
        """Whether these are numbers, and those of each matrix have its trace and its norm."""
        values = found.astype(np.float64) / self._units[..., None]
        largest = np.abs(values).max(axis=-1)
        noise = _SLACK * values.shape[-1] * float(np.finfo(found.dtype).eps) * largest
        by_trace = np.abs(values.sum(axis=-1) - self._traces / self._units)
        by_norm = np.abs(np.sqrt(np.square(values).sum(axis=-1)) - norms)
        return bool(np.isfinite(largest).all() and (by_trace <= noise).all() and (by_norm <= noise).all())
