"""safetensors: the same tensors as its own library writes and reads."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from eigentail.errors import SourceError
from eigentail.sources import identify, open_source
from eigentail.sources.formats.safetensors import TYPES

TORCH_TYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
    torch.float8_e8m0fnu,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.bool,
    torch.complex64,
]


def raw(header: object, data: bytes = b"") -> bytes:
    """A safetensors file, whatever its header says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize("kind", TORCH_TYPES, ids=str)
def test_every_type_has_the_bytes_torch_saved(tmp_path: Path, kind: torch.dtype) -> None:
    tensor = torch.randint(0, 2, (5, 3)).to(kind) if kind is torch.bool else (torch.rand(5, 3) * 50).to(kind)
    save_file({"w": tensor}, tmp_path / "a.safetensors")
    with closing(open_source(tmp_path / "a.safetensors")) as source:
        (spec,) = source.tensors()
        array = source.read(spec)
    assert spec.dtype == str(kind).removeprefix("torch.") == array.dtype.name
    assert spec.nbytes == array.nbytes
    assert array.tobytes() == tensor.view(torch.uint8).numpy().tobytes()
    if kind not in (torch.uint16, torch.uint32, torch.uint64):
        np.testing.assert_array_equal(array.astype(np.complex128), tensor.to(torch.complex128).numpy())


@pytest.mark.parametrize(("word", "kind", "nbytes"), [("F4", "float4_e2m1fn", 4), ("F6_E2M3", "float6_e2m3fn", 6)])
def test_packed_types_are_listed_and_refused_on_reading(tmp_path: Path, word: str, kind: str, nbytes: int) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw({"w": {"dtype": word, "shape": [2, 4], "data_offsets": [0, nbytes]}}, bytes(nbytes)))
    with closing(open_source(path)) as source:
        (spec,) = source.tensors()
        assert (spec.dtype, spec.nbytes, spec.shape) == (kind, nbytes, (2, 4))
        with pytest.raises(SourceError, match=f"'w' is stored as {kind}, of which no array of numbers can be made"):
            source.read(spec)


def test_every_type_of_the_table_is_one_numpy_or_ml_dtypes_knows() -> None:
    for name, bits in TYPES.values():
        kind = np.dtype(getattr(ml_dtypes, name, name))
        assert bits == 8 * kind.itemsize or bits < 8


def test_scalars_empty_tensors_and_metadata(tmp_path: Path) -> None:
    tensors = {"scalar": torch.tensor(3.0), "empty": torch.zeros(0, 4), "w": torch.ones(2, 2)}
    save_file(tensors, tmp_path / "a.safetensors", metadata={"format": "pt"})
    with closing(open_source(tmp_path / "a.safetensors")) as source:
        found = {spec.name: source.read(spec) for spec in source.tensors()}
    assert {name: array.shape for name, array in found.items()} == {"scalar": (), "empty": (0, 4), "w": (2, 2)}
    assert found["scalar"] == 3.0


def test_names_lose_their_wrappers_unless_two_would_become_one(tmp_path: Path) -> None:
    save_file({"module._orig_mod.fc.weight": torch.ones(2)}, tmp_path / "a.safetensors")
    save_file({"module.w": torch.ones(2), "w": torch.zeros(2), "module.b": torch.ones(1)}, tmp_path / "b.safetensors")
    with closing(open_source(tmp_path / "a.safetensors")) as source:
        assert [spec.name for spec in source.tensors()] == ["fc.weight"]
    with closing(open_source(tmp_path / "b.safetensors")) as source:
        assert {spec.name for spec in source.tensors()} == {"module.w", "w", "b"}
        assert {spec.name: source.read(spec).sum() for spec in source.tensors()} == {"module.w": 2, "w": 0, "b": 1}


@pytest.mark.parametrize("length", [0x8B1F, 0x120108, 0x685A42, 0xFFD8FF])
def test_a_header_length_that_looks_like_another_format_does_not_confuse(tmp_path: Path, length: int) -> None:
    header = json.dumps({"w": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode().ljust(length)
    (tmp_path / "weights").write_bytes(raw(header, b"\x07"))
    assert identify(tmp_path / "weights").format == "safetensors"


def test_rows_that_are_not_there_and_tensors_that_are_not_there(tmp_path: Path) -> None:
    save_file({"w": torch.ones(4, 2), "s": torch.tensor(1.0)}, tmp_path / "a.safetensors")
    with closing(open_source(tmp_path / "a.safetensors")) as source:
        spec = {spec.name: spec for spec in source.tensors()}
        for part in [(0, 5), (-1, 2), (3, 2)]:
            with pytest.raises(SourceError, match=r"a\.safetensors: tensor 'w' of shape \(4, 2\) has no rows"):
                source.read(spec["w"], part)
        with pytest.raises(SourceError, match=r"of shape \(\) has no rows"):
            source.read(spec["s"], (0, 1))
    with (
        closing(open_source({"other": np.eye(2)})) as other,
        closing(open_source(tmp_path / "a.safetensors")) as source,
        pytest.raises(SourceError, match="there is no tensor 'other'"),
    ):
        source.read(other.tensors()[0])


def test_the_config_beside_the_file_is_offered(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with closing(open_source(tmp_path / "model.safetensors")) as source:
        assert source.config == {"model_type": "gpt2"}
