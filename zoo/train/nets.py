"""Weights in and out of safetensors files, and the settings that make a run repeatable."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialize

State = dict[str, torch.Tensor]


def make_deterministic() -> None:
    """One thread and deterministic kernels: the same machine and versions give the same bits."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def as_stored(state: State, dtype: torch.dtype) -> State:
    """A copy of the weights rounded to the dtype of the file: values are measured on this, not on the original."""
    return {name: tensor.detach().to(dtype).clone().contiguous() for name, tensor in state.items()}


def canonical(raw: bytes) -> bytes:
    """The same safetensors file with its metadata sorted: the library writes them in a new order each time."""
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return raw[:8] + text.ljust(size) + raw[8 + size :]


def save(path: Path, state: State, metadata: dict[str, str]) -> None:
    """Write the file under a temporary name and rename it, so that a name always means a whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(canonical(serialize(state, metadata)))
    part.replace(path)


def load(path: Path) -> State:
    """The weights as float32, whatever the file holds."""
    return {name: tensor.float() for name, tensor in load_file(path).items()}


def metadata(path: Path) -> dict[str, str]:
    """The text beside the weights: series, recipe, step, value and more."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def parameters(path: Path) -> int:
    """How many numbers the file holds, from its header alone."""
    with safe_open(path, framework="pt") as file:
        return sum(int(torch.Size(file.get_slice(name).get_shape()).numel()) for name in file.keys())  # noqa: SIM118
