"""What a header tells: tensors, the layers they make, and what is left out. No weights."""

from __future__ import annotations

from math import prod
from typing import Final

import msgspec

# Weights are converted to the dtype of the arithmetic this much at a time.
BLOCK_BYTES: Final = 32 * 2**20


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a header tells of one tensor. No bytes.

    Attributes:
        name: the name, wrapper prefixes removed ("h.0.attn.c_attn.weight").
        shape: the sizes of its axes.
        dtype: the stored type, as numpy and ml_dtypes name it ("float32", "bfloat16", "float8_e4m3fn").
        nbytes: the bytes it takes in the source.
        tied_to: the name of an earlier tensor that is the same memory, or "".
        groups: groups of a convolution where the source knows (a live module does), else 0.
        conv_transposed: the source knows this to be a transposed convolution: (in, out, ...).
        quantised: what its values are decoded from when they are read ("gptq-4", "q4_k"), or "". `dtype` is then that
            of the decoded values, and `nbytes` what the codes and all that belongs to them take in the source.
        rank: the inner size of the product that the source makes it of, whose factors it can hand out; 0 for a tensor
            that is stored as it is shown.
        refusal: why the source, which knows more than a header tells, cannot offer its values, as a sentence; or "".
        note: a sentence for the report on what the source made it of, or "".

    Example:
        >>> TensorSpec(name="w", shape=(2, 3), dtype="float32", nbytes=24).shape
        (2, 3)
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    tied_to: str = ""
    groups: int = 0
    conv_transposed: bool = False
    quantised: str = ""
    rank: int = 0
    refusal: str = ""
    note: str = ""


class SourceRef(msgspec.Struct, frozen=True):
    """A few bytes that re-open a source anywhere.

    Attributes:
        format: the name of the format that reads it ("safetensors"); "live" cannot travel.
        target: the path, as given, made absolute.
        fingerprint: changes when the content does (size and time of change for a file).

    Example:
        >>> SourceRef("safetensors", "/m/model.safetensors", "10:1").format
        'safetensors'
    """

    format: str
    target: str
    fingerprint: str = ""


class Cut(msgspec.Struct, frozen=True):
    """Which part of a tensor a layer is, and how its axes make matrices. Applied in the order of the fields.

    Attributes:
        fold: the first axis is reshaped to these sizes (per-head interleaved tensors), or ().
        slices: (start, stop, step) for the leading axes after folding; () for the whole tensor.
        view: `dense` (all axes but the last are rows), `conv` (out, in, positions...) and `conv-transposed`
            (in, out, positions...) with one matrix a position, `flatten` and `flatten-transposed` with one
            out x (in * positions) matrix of the same layouts.
        groups: a grouped convolution is cut into this many blocks along its first axis.

    Example:
        >>> Cut(slices=((0, 768, 1),)).view
        'dense'
    """

    fold: tuple[int, ...] = ()
    slices: tuple[tuple[int, int, int], ...] = ()
    view: str = "dense"
    groups: int = 1


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the report to be: a weight matrix, or the few matrices whose eigenvalues are pooled.

    Attributes:
        index: its place in the model, counted over all candidates, selected or not.
        name: the tensor's name without ".weight", and the part it was split into (".q").
        kind: what the matrix does ("attention.q", "mlp.up", "conv", "embedding.token", "head", "dense").
        block: the number on the depth axis, or None outside the repeated blocks.
        tensors: the tensors it is made of.
        cut: the part of them.
        shape: (N, M), the larger and the smaller side of one matrix.
        count: the number of matrices pooled.

    Example:
        >>> spec = TensorSpec(name="fc.weight", shape=(64, 128), dtype="float32", nbytes=32768)
        >>> layer = Layer(index=0, name="fc", kind="dense", block=None, tensors=(spec,), shape=(128, 64))
        >>> layer.num_evals, layer.flops == 128 * 64**2 + 4 / 3 * 64**3
        (64, True)
    """

    index: int
    name: str
    kind: str
    block: int | None
    tensors: tuple[TensorSpec, ...]
    shape: tuple[int, int]
    cut: Cut = Cut()
    count: int = 1

    @property
    def num_evals(self) -> int:
        """The number of eigenvalues, zeros included: M times the matrices pooled."""
        return self.shape[1] * self.count

    @property
    def quantised(self) -> str:
        """What its weights are decoded from, or ""."""
        return self.tensors[0].quantised if self.tensors else ""

    @property
    def rank(self) -> int:
        """What the rank of a matrix is at most because it is a product of two factors; 0 where it is none."""
        return min(self.tensors[0].rank, self.shape[1]) if self.tensors else 0

    @property
    def flops(self) -> float:
        """Floating-point operations of the exact spectrum: N M^2 + 4/3 M^3 for each matrix, less for a product."""
        n, m = self.shape
        if self.rank:
            return self.count * (2 * (n + m) * self.rank**2 + 22 * self.rank**3)
        return self.count * (n * m**2 + 4 / 3 * m**3)

    @property
    def memory(self) -> int:
        """Bytes of working memory while it is measured in float64."""
        return self.memory_in(8, 8)

    def memory_in(self, itemsize: int, converted: int) -> int:
        """Bytes of working memory while it is measured.

        The stored values, a block of them converted, and the Gram matrices twice, because the solver works on a copy.

        Args:
            itemsize: bytes of a number in the arithmetic.
            converted: bytes of a value that is multiplied, 0 where that is done as they are stored.

        Example:
            >>> spec = TensorSpec(name="fc.weight", shape=(300, 100), dtype="bfloat16", nbytes=60000)
            >>> layer = Layer(index=0, name="fc", kind="dense", block=None, tensors=(spec,), shape=(300, 100))
            >>> layer.memory_in(4, converted=4), layer.memory_in(4, converted=0)
            (260000, 140000)
        """
        n, m = self.shape
        if self.rank:
            return sum(spec.nbytes for spec in self.tensors) + 16 * self.count * (n + m) * self.rank
        values = self.count * n * m
        stored = sum(_in_memory(spec) * values // max(prod(spec.shape), 1) for spec in self.tensors)
        grams = min(itemsize * self.count * m**2, max(itemsize * m**2, BLOCK_BYTES))
        return stored + min(converted * values, BLOCK_BYTES) + 2 * grams


def _in_memory(spec: TensorSpec) -> int:
    """Bytes of a tensor that was read: below two a value they are codes, and float32 is made beside them."""
    count = prod(spec.shape)
    is_coded = spec.nbytes < 2 * count and not spec.dtype.startswith("float8")
    return spec.nbytes + 4 * count if is_coded else spec.nbytes


class Skip(msgspec.Struct, frozen=True):
    """A tensor that is not analysed, and why. The reason is a sentence for the user.

    Example:
        >>> Skip("fc.bias", (10,), "a vector").reason
        'a vector'
    """

    name: str
    shape: tuple[int, ...]
    reason: str
