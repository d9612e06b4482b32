"""GGUF files: whole ones by the format's own package, damaged ones by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np


def write(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]], arch: str = "llama", **facts: Any) -> Path:
    """A file of plain tensors; `facts` are whole numbers behind the name of the architecture."""
    writer = gguf.GGUFWriter(path, arch)
    for key, value in facts.items():
        writer.add_uint32(f"{arch}.{key.replace('__', '.')}", value)
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    finish(writer)
    return path


def finish(writer: gguf.GGUFWriter) -> None:
    """Write everything out."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def text(word: str | bytes, order: str = "<") -> bytes:
    """A string with its length."""
    content = word.encode() if isinstance(word, str) else word
    return struct.pack(order + "Q", len(content)) + content


def pair(key: str, kind: int, value: bytes, order: str = "<") -> bytes:
    """A key, the number of its type and the bytes of its value."""
    return text(key, order) + struct.pack(order + "I", kind) + value


def info(name: str | bytes, shape: Sequence[int], kind: int = 0, offset: int = 0, order: str = "<") -> bytes:
    """One line of the table of tensors; the shape as the file has it."""
    axes = struct.pack(f"{order}I{len(shape)}Q", len(shape), *shape)
    return text(name, order) + axes + struct.pack(order + "IQ", kind, offset)


def raw(
    infos: Sequence[bytes], data: bytes = b"", pairs: Sequence[bytes] = (), version: int = 3, order: str = "<"
) -> bytes:
    """A file of such parts, aligned to 32 bytes."""
    head = b"GGUF" + struct.pack(order + "IQQ", version, len(infos), len(pairs)) + b"".join(pairs) + b"".join(infos)
    return head + bytes(-len(head) % 32) + data
