"""ONNX, TensorFlow and Caffe files that hold given arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from wire import number, packed, text, varint

from eigentail.sources.tensorflow_files.sstable import MAGIC, crc32c, masked

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

TENSORFLOW_TYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "int64": 9, "bool": 10, "float16": 19,
}  # fmt: skip


def onnx_model(
    arrays: Arrays,
    nodes: Sequence[onnx.NodeProto] = (),
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
) -> onnx.ModelProto:
    """A model with these constants and operations."""
    held = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        held,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets)


def save_onnx(path: Path, model: onnx.ModelProto, **options: Any) -> Path:
    onnx.save(model, path, **options)
    return path


def write_onnx(folder: Path, arrays: Arrays) -> Path:
    return save_onnx(folder / "model.onnx", onnx_model(arrays))


def write_onnx_beside(folder: Path, arrays: Arrays) -> Path:
    """The same with every constant of some size in a file of its own."""
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 64}
    return save_onnx(folder / "model.onnx", onnx_model(arrays), **options)


def node_def(name: str, op: str, inputs: Sequence[str] = (), attributes: Mapping[str, bytes] | None = None) -> bytes:
    """An operation of TensorFlow; attributes are AttrValues."""
    pairs = b"".join(text(5, text(1, key) + text(2, value)) for key, value in (attributes or {}).items())
    return text(1, name) + text(2, op) + b"".join(text(3, value) for value in inputs) + pairs


def shape_proto(shape: Sequence[int]) -> bytes:
    return b"".join(text(2, number(1, size)) for size in shape)


def tensor_def(array: Array) -> bytes:
    """A TensorProto of TensorFlow."""
    kind = number(1, TENSORFLOW_TYPES[array.dtype.name])
    return kind + text(2, shape_proto(array.shape)) + text(4, array.tobytes())


def const(name: str, array: Array) -> bytes:
    return node_def(name, "Const", (), {"value": text(8, tensor_def(array))})


def write_graph(folder: Path, arrays: Arrays) -> Path:
    """A frozen graph of constants that nothing uses."""
    path = folder / "graph.pb"
    path.write_bytes(b"".join(text(1, const(name, array)) for name, array in arrays.items()))
    return path


def table_block(pairs: Sequence[tuple[bytes, bytes]], kind: int = 0) -> bytes:
    """A block of a sorted table with its trailer; keys share what they begin with, as LevelDB writes them."""
    out, last = b"", b""
    for key, value in pairs:
        shared = next(
            (at for at, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), min(len(key), len(last))
        )
        out += bytes([shared, len(key) - shared, len(value)]) + key[shared:] + value
        last = key
    out += bytes(4) + (1).to_bytes(4, "little") + bytes([kind])
    return out + masked(crc32c(out)).to_bytes(4, "little")


def table(blocks: Sequence[Sequence[tuple[bytes, bytes]]], kind: int = 0) -> bytes:
    """A sorted table."""
    data, handles = b"", []
    for pairs in blocks:
        block = table_block(pairs, kind)
        handles.append((pairs[-1][0], varint(len(data)) + varint(len(block) - 5)))
        data += block
    meta, index = table_block([]), table_block(handles)
    footer = varint(len(data)) + varint(len(meta) - 5) + varint(len(data) + len(meta)) + varint(len(index) - 5)
    return data + meta + index + footer.ljust(40, b"\0") + MAGIC


def bundle_entry(array: Array, shard: int, offset: int) -> bytes:
    kind = number(1, TENSORFLOW_TYPES[array.dtype.name])
    return kind + text(2, shape_proto(array.shape)) + number(3, shard) + number(4, offset) + number(5, array.nbytes)


def write_checkpoint(folder: Path, arrays: Arrays, shards: int = 2) -> Path:
    """A checkpoint of a session whose tensors lie in turn in several files; kernels of four axes as (h, w, in, out)."""
    arrays = {key: array.transpose(2, 3, 1, 0) if array.ndim == 4 else array for key, array in arrays.items()}
    data = [b""] * shards
    lines = [(b"", number(1, shards) + text(3, number(1, 1)))]
    for at, (name, array) in enumerate(sorted(arrays.items())):
        shard = at % shards
        lines.append((name.encode(), bundle_entry(array, shard, len(data[shard]))))
        data[shard] += array.tobytes()
    for at, content in enumerate(data):
        (folder / f"model.data-{at:05d}-of-{shards:05d}").write_bytes(content)
    half = len(lines) // 2
    (folder / "model.index").write_bytes(table([lines[:half], lines[half:]]))
    return folder / "model.index"


def write_saved_model(folder: Path, arrays: Arrays) -> Path:
    """A SavedModel with variables."""
    (folder / "variables").mkdir()
    index = write_checkpoint(folder / "variables", arrays)
    for path in index.parent.iterdir():
        path.rename(path.with_name(path.name.replace("model", "variables", 1)))
    (folder / "saved_model.pb").write_bytes(number(1, 1) + text(2, text(2, text(4, number(1, 27)))))
    return folder / "saved_model.pb"


def caffe_layer(name: str, kind: str, arrays: Sequence[Array]) -> bytes:
    """A layer with its blobs."""
    blobs = b"".join(text(7, text(7, packed(1, array.shape)) + text(5, array.tobytes())) for array in arrays)
    return text(100, text(1, name) + text(2, kind) + blobs)


def write_caffe(folder: Path, arrays: Arrays) -> Path:
    """A net of convolutions and matrices, "NAME.weight" and "NAME.bias"."""
    path = folder / "net.caffemodel"
    layers = dict.fromkeys(name.rpartition(".")[0] for name in arrays)
    content = text(1, "net")
    for layer in layers:
        held = [arrays[f"{layer}.{word}"] for word in ("weight", "bias") if f"{layer}.{word}" in arrays]
        content += caffe_layer(layer, "Convolution" if held[0].ndim == 4 else "InnerProduct", held)
    path.write_bytes(content)
    return path
