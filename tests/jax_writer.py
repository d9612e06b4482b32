"""Checkpoints of JAX by hand: the trees, files and folders that Flax and Orbax would write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import tensorstore as ts

Arrays = Mapping[str, np.ndarray[Any, Any]]
Tree = dict[str, Any]


def tree_of(arrays: Arrays) -> Tree:
    """Arrays in torch's conventions as the parameters of Flax modules."""
    tree: Tree = {}
    for name, array in arrays.items():
        *modules, leaf = name.split(".")
        node = tree
        for module in modules:
            node = node.setdefault(module, {})
        is_kernel = leaf == "weight"
        order = (*range(2, array.ndim), 1, 0)
        node["kernel" if is_kernel else leaf] = np.ascontiguousarray(array.transpose(order)) if is_kernel else array
    return {"params": tree}


def _packed_array(value: Any) -> Any:
    kind = 3 if isinstance(value, np.generic) else 1
    data = np.asarray(value)
    return msgpack.ExtType(kind, msgpack.packb((data.shape, data.dtype.name, data.tobytes()), use_bin_type=True))


def packed(tree: Tree) -> bytes:
    """As `flax.serialization.msgpack_serialize` packs it."""
    return bytes(msgpack.packb(tree, default=_packed_array, strict_types=True))


def flat(tree: Tree, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The leaves by their paths."""
    found: dict[tuple[str, ...], Any] = {}
    for name, node in tree.items():
        found |= flat(node, (*path, name)) if isinstance(node, dict) else {(*path, name): node}
    return found


def metadata(paths: list[tuple[str, ...]], *, zarr3: bool = False) -> str:
    """The list of arrays that Orbax keeps."""
    entries = {
        str(path): {
            "key_metadata": [{"key": word, "key_type": 2} for word in path],
            "value_metadata": {"value_type": "jax.Array", "skip_deserialize": False},
        }
        for path in paths
    }
    return json.dumps({"tree_metadata": entries, "use_ocdbt": True, "use_zarr3": zarr3})


def orbax(folder: Path, tree: Tree, *, ocdbt: bool = True, rows: int = 0) -> Path:
    """A checkpoint folder; `rows` cuts every array into chunks of as many rows."""
    folder.mkdir(exist_ok=True)
    base: dict[str, Any] = {"driver": "file", "path": f"{folder}/"}
    context = ts.Context()
    for path, array in flat(tree).items():
        name = ".".join(path) + "/"
        place = {"driver": "ocdbt", "base": base, "path": name} if ocdbt else base | {"path": f"{folder}/{name}"}
        chunk = [min(rows, size) if rows and axis == 0 else max(size, 1) for axis, size in enumerate(array.shape)]
        spec = {"driver": "zarr", "kvstore": place, "metadata": {"chunks": chunk, "compressor": None}}
        store = ts.open(spec, create=True, dtype=array.dtype, shape=array.shape, context=context).result()
        store[...] = array
    (folder / "_METADATA").write_text(metadata(list(flat(tree))))
    return folder / "_METADATA"
