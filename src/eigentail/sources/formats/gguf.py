"""GGUF, the format of llama.cpp: metadata, a table of tensors, aligned bytes; plain or in blocks of codes.

llama.cpp permutes the rows of Llama's q and k for its rotary embedding; singular values do not feel that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.coded import Coded, CodedSource, Rows
from eigentail.sources.gguf_files.header import GgufHeader, GgufTensor, read_header
from eigentail.sources.gguf_files.types import check_decoder, numbers
from eigentail.sources.joined import Joined
from eigentail.sources.place import Place, place
from eigentail.sources.placed import native, plain_names
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range

MAX_SHARDS: Final = 10_000
_SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<at>\d{5})-of-(?P<of>\d{5})\.gguf", re.IGNORECASE)
_COUNT: Final = "split.count"

# The word of a config.json, and the key behind the name of the architecture.
_CONFIG: Final[Mapping[str, str]] = {
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "max_position_embeddings": "context_length",
    "head_dim": "attention.key_length",
    "vocab_size": "vocab_size",
    "num_local_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
}


def open_gguf(ref: SourceRef) -> CodedSource | Joined:
    """Open a GGUF file; a shard of a split model opens the whole model.

    Args:
        ref: what `identify` says of it.

    Raises:
        SourceError: the header is damaged, there are no weights in it, it is an adapter, a shard is missing, or it is
            quantised and the `gguf` package is not installed.

    Example:
        >>> import struct, tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> path = Path(tempfile.mkdtemp()) / "m.gguf"
        >>> info = struct.pack("<Q8sIQQIQ", 8, b"w.weight", 2, 2, 3, 0, 0)  # the axis that runs fastest comes first
        >>> header = (struct.pack("<4sIQQ", b"GGUF", 3, 1, 0) + info).ljust(96, b"-")
        >>> _ = path.write_bytes(header + np.arange(6, dtype="<f4").tobytes())
        >>> source = open_gguf(SourceRef("gguf", str(path)))
        >>> [(spec.name, spec.shape, source.read(spec).tolist()) for spec in source.tensors()]
        [('w.weight', (3, 2), [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])]
        >>> source.close()
    """
    header, source = _open_one(ref)
    count = header.metadata.get(_COUNT, 1)
    if type(count) is not int or count < 2:
        return source
    source.close()
    return _join(ref, count)


def _open_one(ref: SourceRef) -> tuple[GgufHeader, CodedSource]:
    """One file, whatever it is a part of."""
    reader = open_range(ref.target)
    try:
        header = _header(reader, ref.target)
        _check_weights(header, ref.target)
        check_decoder({tensor.kind for tensor in header.tensors}, ref.target)
        names = plain_names((tensor.name for tensor in header.tensors), ref.target)
        tensors = [_coded(reader, tensor, names[tensor.name], header.big) for tensor in header.tensors]
        return header, CodedSource(ref, reader, tensors, config_of(header.metadata))
    except BaseException:
        reader.close()
        raise


def _header(reader: RangeReader, where: str) -> GgufHeader:
    try:
        return read_header(reader)
    except SourceError as error:
        raise SourceError(error.what, where=where, hint=error.hint) from error


def _check_weights(header: GgufHeader, where: str) -> None:
    """Refuse what is GGUF but no model."""
    if header.metadata.get("general.type") == "adapter":
        raise SourceError(
            "is a LoRA adapter in GGUF, which is not read", where=where, hint="give the adapter it was converted from"
        )
    if not header.tensors and any(key.startswith("tokenizer.") for key in header.metadata):
        raise SourceError("holds a vocabulary and no weights", where=where, hint="give the file with the model")
    coded = next((tensor for tensor in header.tensors if header.big and tensor.kind.is_coded), None)
    if coded:
        raise SourceError(
            f"is big-endian and quantised ({coded.kind.dtype}), which is not read",
            where=where,
            hint="give the little-endian file, which most machines use",
        )


def config_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The architecture in the words of a Hugging Face `config.json`.

    Args:
        metadata: of the header.

    Returns:
        What is said once for the whole model; counts that differ from block to block are left out.

    Source: the GGUF specification, ggml/docs/gguf.md, "Standardized key-value pairs".

    Example:
        >>> config_of({"general.architecture": "llama", "llama.attention.head_count": 32, "llama.block_count": 2})
        {'model_type': 'llama', 'num_attention_heads': 32, 'num_hidden_layers': 2}
    """
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        return {}
    said = {word: metadata.get(f"{architecture}.{key}") for word, key in _CONFIG.items()}
    return {"model_type": architecture} | {word: value for word, value in said.items() if type(value) is int}


def _coded(reader: RangeReader, tensor: GgufTensor, name: str, big: bool) -> Coded:
    kind = tensor.kind
    dtype, quantised = ("float32", kind.dtype) if kind.is_decoded else (kind.dtype, "")
    spec = TensorSpec(name=name, shape=tensor.shape, dtype=dtype, nbytes=tensor.nbytes, quantised=quantised)
    return Coded(spec, partial(_read, reader, tensor, big))


def _read(reader: RangeReader, tensor: GgufTensor, big: bool, part: Rows) -> NDArray[Any]:
    """The tensor, or the rows of its first axis; of a vector of codes all blocks are read."""
    shape = tensor.shape
    if part is None or (len(shape) == 1 and tensor.kind.is_coded):
        whole = numbers(reader.read(tensor.offset, tensor.nbytes), tensor.kind, big).reshape(shape)
        return native(whole if part is None else whole[slice(*part)])
    row = tensor.nbytes // shape[0] if shape[0] else 0
    data = reader.read(tensor.offset + part[0] * row, (part[1] - part[0]) * row)
    return native(numbers(data, tensor.kind, big).reshape(part[1] - part[0], *shape[1:]))


def _join(ref: SourceRef, count: int) -> Joined:
    """All shards of a split model, each opened once; none stays open when one fails."""
    parts: list[tuple[str, CodedSource]] = []
    headers: list[GgufHeader] = []
    try:
        for path in _shards(place(ref.target), count):
            header, source = _open_one(SourceRef(ref.format, str(path)))
            parts.append(("", source))
            headers.append(header)
            _check_shard(header, len(parts) - 1, count, str(path))
        _check_total(headers, ref.target)
        return Joined(ref, parts, parts[0][1].config)
    except BaseException:
        for _, source in parts:
            source.close()
        raise


def _shards(path: Place, count: int) -> Iterator[Place]:
    """The files of a set, by the name of one of them."""
    found = _SHARD.fullmatch(path.name)
    if found is None or int(found["of"]) != count or count > MAX_SHARDS:
        raise SourceError(
            f"is one of {count} parts of a model, and its name does not tell those of the others",
            where=str(path),
            hint=f"they are called NAME-00001-of-{count:05}.gguf",
        )
    paths = [path.parent / f"{found['stem']}-{at:05}-of-{found['of']}.gguf" for at in range(1, count + 1)]
    missing = [shard.name for shard in paths if not shard.is_file()]
    if missing:
        raise SourceError(
            f"{len(missing)} of {count} parts are missing (the first is {missing[0]})",
            where=str(path),
            hint="fetch them into the same folder",
        )
    yield from paths


def _check_shard(header: GgufHeader, at: int, count: int, where: str) -> None:
    """Refuse a shard of another set, or one that was renamed."""
    number, of = header.metadata.get("split.no"), header.metadata.get(_COUNT)
    if (number, of) != (at, count):
        said = f"number {number} of {of}, counted from 0" if of else "no part of a set"
        raise SourceError(f"its name says part {at + 1} of {count}, its header {said}", where=where)


def _check_total(headers: Sequence[GgufHeader], where: str) -> None:
    said, there = headers[0].metadata.get("split.tensors.count"), sum(len(header.tensors) for header in headers)
    if type(said) is int and said != there:
        raise SourceError(f"the parts hold {there} tensors, and the first says {said}", where=where)


def _claims(probe: Probe) -> bool:
    return probe.head.startswith(b"GGUF")


FORMAT: Final = Format(name="gguf", title="GGUF (llama.cpp)", suffixes=(".gguf",), claims=_claims, open=open_gguf)
