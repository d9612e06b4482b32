"""llama2.c's `.bin`: a few sizes, then every tensor in a fixed order; float32, or int8 with a scale a group."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.coded import Coded, CodedSource, Rows
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import REFETCH, RangeReader, open_range

MAGIC: Final = b"24ka"  # "ak42" as the number 0x616b3432
OLD_HEADER: Final = 28
HEADER: Final = 256
MAX_LAYERS: Final = 10_000
MAX_SIZE: Final = 2**31 - 1
_SEEN: Final = 256  # scales that are looked at to tell where they lie
_LARGEST_SCALE: Final = 1e6

_Shapes = Sequence[tuple[str, tuple[int, ...]]]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a header says of the model.

    Attributes:
        version: 0 for the old files without one, 1 for float32, 2 for int8.
        dim: the width of the stream.
        hidden: the width inside the feed-forward blocks.
        layers: the number of blocks.
        heads: the number of query heads.
        kv_heads: the number of key and value heads.
        vocab: the number of tokens.
        seq_len: the longest context.
        shared: the head is the embedding.
        group: the weights that share a scale, in version 2.

    Example:
        >>> shape = Shape(
        ...     version=1, dim=8, hidden=16, layers=2, heads=2, kv_heads=1, vocab=10, seq_len=4, shared=True
        ... )
        >>> shape.flaw, shape.nbytes
        ('', 5344)
    """

    version: int
    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    seq_len: int
    shared: bool
    group: int = 0

    @property
    def flaw(self) -> str:
        """Why no model can have these sizes, or ""."""
        sizes = (self.dim, self.hidden, self.layers, self.heads, self.kv_heads, self.vocab, self.seq_len)
        if not all(0 < size <= MAX_SIZE for size in sizes) or self.layers > MAX_LAYERS:
            return f"the header has impossible sizes {sizes}"
        if self.dim % self.heads or self.heads % self.kv_heads or (self.dim // self.heads) % 2:
            return f"the header has {self.heads} heads and {self.kv_heads} key heads on a width of {self.dim}"
        if self.version == 2 and (self.group <= 0 or any(prod(shape) % self.group for _, shape in self.matrices)):
            return f"the header has groups of {self.group} weights, which do not fit the matrices"
        return ""

    @property
    def matrices(self) -> _Shapes:
        """The name in a block and the shape of each kind of matrix, in the file's order."""
        kv = self.dim // self.heads * self.kv_heads
        wide, narrow = (self.hidden, self.dim), (self.dim, self.hidden)
        attention = [("wq", self.dim), ("wk", kv), ("wv", kv), ("wo", self.dim)]
        return [
            ("", (self.vocab, self.dim)),
            *((f"attention.{name}", (rows, self.dim)) for name, rows in attention),
            *((f"feed_forward.{name}", shape) for name, shape in [("w1", wide), ("w2", narrow), ("w3", wide)]),
        ]

    @property
    def nbytes(self) -> int:
        """The size of the file."""
        table, *matrices = (prod(shape) for _, shape in self.matrices)
        weights = self.layers * sum(matrices) + table * (1 if self.shared else 2)
        norms = (2 * self.layers + 1) * self.dim
        if self.version == 0:
            return OLD_HEADER + 4 * (weights + norms + self.seq_len * self.dim // self.heads)
        coded = weights + 4 * (weights // self.group) if self.version == 2 else 4 * weights
        return HEADER + 4 * norms + coded


def open_llama2c(ref: SourceRef) -> CodedSource:
    """Open a checkpoint of llama2.c.

    Args:
        ref: what `identify` says of it.

    Raises:
        SourceError: the sizes in the header are impossible, or the file is not exactly as long as they make it.

    Source: llama2.c, export.py (`legacy_export`, `version1_export`, `version2_export`) and runq.c.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "model.bin"
        >>> header = struct.pack("<4s8iB", MAGIC, 1, 8, 16, 2, 2, 1, 10, 4, 1).ljust(256, bytes(1))
        >>> _ = path.write_bytes(header + bytes(5344 - 256))
        >>> source = open_llama2c(SourceRef("llama2c", str(path)))
        >>> [(spec.name, spec.shape) for spec in source.tensors()][5:7]
        [('tok_embeddings.weight', (10, 8)), ('layers.0.attention.wq.weight', (8, 8))]
        >>> source.close()
    """
    reader = open_range(ref.target)
    try:
        shape = _read_shape(reader, ref.target)
        what = shape.flaw if shape else "the file is shorter than its header"
        if not what and shape and shape.nbytes != reader.size:
            what = f"the header asks for a file of {shape.nbytes} bytes, but this one has {reader.size}"
        if what or not shape:
            raise SourceError(what, where=ref.target, hint=REFETCH)
        return CodedSource(ref, reader, _tensors(reader, shape, ref.target), _config(shape))
    except BaseException:
        reader.close()
        raise


def _read_shape(reader: RangeReader, where: str) -> Shape | None:
    try:
        return read_shape(bytes(reader.read(0, min(reader.size, HEADER))))
    except SourceError as error:
        raise SourceError(error.what, where=where, hint=error.hint) from error


def read_shape(head: bytes) -> Shape | None:
    """What the first bytes of a file say, None when they are too few.

    Args:
        head: the first 256 bytes; the first 28 do for a file of version 0.

    Raises:
        SourceError: it is of a version that is not known here.

    Example:
        >>> read_shape(struct.pack("<7i", 128, 352, 5, 8, 4, -105, 256)).shared
        False
    """
    if head[:4] != MAGIC:
        if len(head) < OLD_HEADER:
            return None
        *sizes, vocab, seq_len = struct.unpack_from("<7i", head)
        return _shape(0, [*sizes, abs(vocab), seq_len], shared=vocab > 0)
    if len(head) < HEADER:
        return None
    version, *sizes = struct.unpack_from("<8i", head, 4)
    if version not in (1, 2):
        raise SourceError(f"is a llama2.c checkpoint of version {version}; 0, 1 and 2 are read")
    shared, group = struct.unpack_from("<Bi", head, 36)
    return _shape(version, sizes, shared=bool(shared), group=group if version == 2 else 0)


def _shape(version: int, sizes: Sequence[int], *, shared: bool, group: int = 0) -> Shape:
    dim, hidden, layers, heads, kv_heads, vocab, seq_len = sizes
    return Shape(
        version=version,
        dim=dim,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        vocab=vocab,
        seq_len=seq_len,
        shared=shared,
        group=group,
    )


def _order(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor, in the file's order."""
    (_, table), *matrices = shape.matrices
    dim, blocks = (shape.dim,), range(shape.layers)
    embedding = ("tok_embeddings.weight", table)
    norm, *ffn_norms = ("norm.weight", dim), *((f"layers.{at}.ffn_norm.weight", dim) for at in blocks)
    each = {name: [(f"layers.{at}.{name}.weight", size) for at in blocks] for name, size in matrices}
    attention = [tensor for name in each if name.startswith("attention") for tensor in each[name]]
    feed_forward = [tensor for name in each if name.startswith("feed_forward") for tensor in each[name]]
    norms = [(f"layers.{at}.attention_norm.weight", dim) for at in blocks]
    if shape.version:
        yield from (*norms, *ffn_norms, norm, embedding, *attention, *feed_forward)
    else:
        rotary = (shape.seq_len, shape.dim // shape.heads // 2)
        yield from (embedding, *norms, *attention, *ffn_norms, *feed_forward, norm)
        yield from (("freqs_cos", rotary), ("freqs_sin", rotary))
    if not shape.shared:
        yield "output.weight", table


def _tensors(reader: RangeReader, shape: Shape, where: str) -> Iterator[Coded]:
    at = HEADER if shape.version else OLD_HEADER
    plain = [(name, size) for name, size in _order(shape) if shape.version < 2 or len(size) == 1]
    for name, size in plain:
        spec = TensorSpec(name=name, shape=size, dtype="float32", nbytes=4 * prod(size))
        yield Coded(spec, partial(_read, reader, spec, at))
        at += spec.nbytes
    coded = [(name, size) for name, size in _order(shape) if shape.version == 2 and len(size) == 2]
    yield from _coded(reader, coded, shape.group, at, where) if coded else ()


def _coded(reader: RangeReader, tensors: _Shapes, group: int, at: int, where: str) -> Iterator[Coded]:
    """Codes and scales; files of llama2.c's first weeks with int8 have all scales behind all codes."""
    first, total = prod(tensors[0][1]), sum(prod(size) for _, size in tensors)
    apart = not _are_scales(reader, at + first, first // group)
    scales = at + total
    if apart and not _are_scales(reader, scales, first // group):
        raise SourceError("there are no scales where version 2 has them", where=where, hint=REFETCH)
    for name, size in tensors:
        count = prod(size)
        nbytes = count + 4 * (count // group)
        spec = TensorSpec(name=name, shape=size, dtype="float32", nbytes=nbytes, quantised="qint8")
        yield Coded(spec, partial(_decoded, reader, spec, group, (at, scales if apart else at + count)))
        at += count if apart else spec.nbytes
        scales += 4 * (count // group)


def _are_scales(reader: RangeReader, at: int, count: int) -> bool:
    """Whether these bytes are scales: codes read as float32 are of either sign and of any size."""
    values = np.frombuffer(reader.read(at, 4 * min(count, _SEEN)), "<f4")
    with np.errstate(invalid="ignore"):
        return bool(np.all((values >= 0) & (values < _LARGEST_SCALE)))


def _read(reader: RangeReader, spec: TensorSpec, at: int, part: Rows) -> NDArray[Any]:
    first, last = _elements(spec, part)
    return np.frombuffer(reader.read(at + 4 * first, 4 * (last - first)), "<f4").reshape(-1, *spec.shape[1:])


def _decoded(reader: RangeReader, spec: TensorSpec, group: int, places: tuple[int, int], part: Rows) -> NDArray[Any]:
    """Codes times the scale of their group; groups run on from row to row."""
    first, last = _elements(spec, part)
    begin, end = first // group, -(-last // group)
    codes = np.frombuffer(reader.read(places[0] + begin * group, (end - begin) * group), np.int8)
    scales = np.frombuffer(reader.read(places[1] + 4 * begin, 4 * (end - begin)), "<f4")
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged scale is told of the whole matrix
        values = codes.reshape(-1, group).astype(np.float32) * scales[:, None]
    wanted: NDArray[Any] = values.reshape(-1)[first - begin * group : last - begin * group]
    return wanted.reshape(-1, *spec.shape[1:])


def _elements(spec: TensorSpec, part: Rows) -> tuple[int, int]:
    """First and last element (exclusive) of some rows."""
    row = prod(spec.shape[1:])
    return (0, prod(spec.shape)) if part is None else (part[0] * row, part[1] * row)


def _config(shape: Shape) -> dict[str, Any]:
    """In the words of a Hugging Face `config.json`."""
    return {
        "model_type": "llama",
        "hidden_size": shape.dim,
        "intermediate_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "vocab_size": shape.vocab,
        "max_position_embeddings": shape.seq_len,
        "tie_word_embeddings": shape.shared,
    }


def _claims(probe: Probe) -> bool:
    """By the magic; an old file has none, so its sizes must make exactly a file of its length."""
    if probe.head.startswith(MAGIC):
        return True
    shape = read_shape(probe.head)
    return shape is not None and not shape.flaw and shape.nbytes == probe.path.stat().st_size


FORMAT: Final = Format(name="llama2c", title="llama2.c checkpoint", suffixes=(), claims=_claims, open=open_llama2c)
