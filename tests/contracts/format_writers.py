"""One writer for each format, by its name: a dict of arrays goes in, the path to open comes out."""

from __future__ import annotations

import json
import tarfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf_writer
import graph_writers
import h5py
import jax_writer
import keras_models
import llama2c_writer
import numpy as np
import tflite_writer
import torch
import torch.distributed.checkpoint as dcp
from safetensors.numpy import save_file

Arrays = Mapping[str, np.ndarray[Any, Any]]


def _safetensors(folder: Path, arrays: Arrays) -> Path:
    save_file(dict(arrays), folder / "model.safetensors")
    return folder / "model.safetensors"


def _npz(folder: Path, arrays: Arrays) -> Path:
    np.savez(folder / "model.npz", **arrays)
    return folder / "model.npz"


def _npy(folder: Path, arrays: Arrays) -> Path:
    ((name, array),) = arrays.items()
    np.save(folder / f"{name}.npy", array)
    return folder / f"{name}.npy"


def _shards(folder: Path, arrays: Arrays) -> dict[str, str]:
    """Two files of about half the tensors each; which tensor is in which."""
    where = {name: f"model-0000{1 + (2 * at >= len(arrays))}-of-00002.safetensors" for at, name in enumerate(arrays)}
    for at in (1, 2):
        shard = f"model-0000{at}-of-00002.safetensors"
        save_file({name: array for name, array in arrays.items() if where[name] == shard}, folder / shard)
    return where


def _folder(folder: Path, arrays: Arrays) -> Path:
    _safetensors(folder, arrays)
    return folder


def _index(folder: Path, arrays: Arrays) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": _shards(folder, arrays)}))
    return path


def _torch_zip(folder: Path, arrays: Arrays) -> Path:
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, folder / "model.pt")
    return folder / "model.pt"


def _torch_legacy(folder: Path, arrays: Arrays) -> Path:
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    torch.save(tensors, folder / "model.th", _use_new_zipfile_serialization=False)
    return folder / "model.th"


def _hdf5(folder: Path, arrays: Arrays) -> Path:
    with h5py.File(folder / "model.h5", "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace(".", "/"), data=array)
    return folder / "model.h5"


def _keras(folder: Path, arrays: Arrays) -> Path:
    return keras_models.save(keras_models.model_of(arrays), folder / "model.keras")


def _gguf(folder: Path, arrays: Arrays) -> Path:
    return gguf_writer.write(folder / "model.gguf", arrays)


def _tflite(folder: Path, arrays: Arrays) -> Path:
    (folder / "model.tflite").write_bytes(tflite_writer.plain(arrays))
    return folder / "model.tflite"


def _llama2c(folder: Path, arrays: Arrays) -> Path:
    (folder / "model.bin").write_bytes(llama2c_writer.version_0(arrays))
    return folder / "model.bin"


def _flax(folder: Path, arrays: Arrays) -> Path:
    (folder / "flax_model.msgpack").write_bytes(jax_writer.packed(jax_writer.tree_of(arrays)))
    return folder / "flax_model.msgpack"


def _orbax(folder: Path, arrays: Arrays) -> Path:
    return jax_writer.orbax(folder / "step", jax_writer.tree_of(arrays))


def _torch_dcp(folder: Path, arrays: Arrays) -> Path:
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    with warnings.catch_warnings(action="ignore"):  # it says that there is one process only
        dcp.save(tensors, checkpoint_id=folder / "step", no_dist=True)
    return folder / "step" / ".metadata"


def _nemo(folder: Path, arrays: Arrays) -> Path:
    path = _torch_zip(folder, arrays)
    with tarfile.open(folder / "model.nemo", "w") as archive:
        archive.add(path, "./model_weights.ckpt")
    return folder / "model.nemo"


WRITERS: dict[str, Callable[[Path, Arrays], Path]] = {
    "safetensors": _safetensors,
    "npz": _npz,
    "npy": _npy,
    "folder": _folder,
    "index": _index,
    "torch-zip": _torch_zip,
    "torch-legacy": _torch_legacy,
    "hdf5": _hdf5,
    "keras": _keras,
    "gguf": _gguf,
    "tflite": _tflite,
    "llama2c": _llama2c,
    "onnx": graph_writers.write_onnx,
    "tensorflow-graph": graph_writers.write_graph,
    "tensorflow-checkpoint": graph_writers.write_checkpoint,
    "tensorflow-saved-model": graph_writers.write_saved_model,
    "caffe": graph_writers.write_caffe,
    "flax-msgpack": _flax,
    "orbax": _orbax,
    "torch-dcp": _torch_dcp,
    "nemo": _nemo,
}

ONE_TENSOR = {"npy"}  # these hold one array, which is called as the file is
# These keep tensors of so many axes and more in another order: their rows lie scattered, and are read whole.
TURNED = {"keras": 2, "flax-msgpack": 2, "tensorflow-checkpoint": 4, "tensorflow-saved-model": 4}
ELSEWHERE = {"orbax"}  # a library reads these, and what it reads is counted where they are tested
AROUND = {"torch-dcp": 4096}  # bytes around every tensor, which tell what it is
NOT_HELD = {"gguf": {"mask"}}  # llama.cpp has no type for truth values
_RANDOM = np.random.default_rng(8)
_LAYERS: Arrays = {  # the weights of layers and nothing else
    "conv.weight": _RANDOM.standard_normal((64, 32, 3, 3)).astype(np.float16),
    "conv.bias": _RANDOM.standard_normal(64).astype(np.float16),
    "fc.weight": _RANDOM.standard_normal((300, 700)).astype(np.float32),
}
OWN_ARRAYS: dict[str, Arrays] = {
    "llama2c": llama2c_writer.random_arrays(128, 192),  # it holds one architecture
    "caffe": {  # layers too, and one type
        "fc.weight": _RANDOM.standard_normal((300, 700)).astype(np.float32),
        "fc.bias": _RANDOM.standard_normal(300).astype(np.float32),
        "conv.weight": _RANDOM.standard_normal((64, 32, 3, 3)).astype(np.float32),
    },
    **dict.fromkeys(("keras", "flax-msgpack", "orbax"), _LAYERS),
}
