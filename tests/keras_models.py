"""Keras for tests: imported when a test needs it, on torch, with a home of its own; and models with known weights."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def load() -> ModuleType:
    """The library, which asks the environment for its backend and writes its settings into its home."""
    os.environ["KERAS_BACKEND"] = "torch"
    os.environ["KERAS_HOME"] = f"{os.environ['EIGENTAIL_HOME']}/keras"
    with quiet():
        import keras
    return keras


def quiet() -> AbstractContextManager[object]:
    """Keras and torch warn of each other; that is not what is tested here."""
    return warnings.catch_warnings(action="ignore")


def save(model: Any, path: Path) -> Path:
    """Write a model, or its weights alone, as the ending of the name says."""
    with quiet():
        model.save_weights(path) if path.name.endswith(".weights.h5") else model.save(path)
    return path


def model_of(arrays: Mapping[str, Array]) -> Any:
    """A model of Dense and Conv2D layers that hold the given arrays, which are laid out as torch has them."""
    with quiet():
        return _model_of(arrays, load())


def _model_of(arrays: Mapping[str, Array], keras: ModuleType) -> Any:
    inputs, outputs = [], []
    for name in dict.fromkeys(name.rpartition(".")[0] for name in arrays):
        weight, bias = arrays[f"{name}.weight"], arrays.get(f"{name}.bias")
        rest = {"name": name, "use_bias": bias is not None, "dtype": str(weight.dtype)}
        if weight.ndim == 2:
            entry = keras.Input((weight.shape[1],))
            layer = keras.layers.Dense(weight.shape[0], **rest)
        else:
            entry = keras.Input((8, 8, weight.shape[1]))
            layer = keras.layers.Conv2D(weight.shape[0], weight.shape[2:], **rest)
        inputs.append(entry)
        outputs.append(layer(entry))
        order = (1, 0) if weight.ndim == 2 else (2, 3, 1, 0)
        layer.set_weights([weight.transpose(order), *([] if bias is None else [bias])])
    return keras.Model(inputs, outputs)
