"""Quantised weights: what their own libraries make of them, the rows of them, and the bytes that are read for it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from quantised_models import SCHEMES, llama, quantised, save, words
from safetensors import safe_open

from eigentail.sources import WeightSource, open_source, quantised_source
from eigentail.sources.identify import open_stored
from eigentail.sources.quantised.unpacked import E2M1, looked_up, unpacked
from eigentail.sources.ranges import LocalRange
from eigentail.sources.scheme import Stored

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "quantised"
# Which libraries made them, and in which type, says the script beside them.
OF_LIBRARIES = sorted(path.stem for path in FIXTURES.glob("*.safetensors"))
Array = np.ndarray[Any, Any]


def of_a_library(name: str) -> tuple[dict[str, torch.Tensor], torch.Tensor, dict[str, Any]]:
    with safe_open(FIXTURES / f"{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        config = json.loads(file.metadata()["config"])
    expected = tensors.pop("expected")
    return tensors, expected, config


def folder_of(name: str, folder: Path) -> tuple[Path, Array]:
    """One small weight of a scheme, with a bias beside it."""
    quantise, _, config = SCHEMES[name]
    weight = np.random.default_rng(5).standard_normal((64, 96)).astype(np.float32)
    parts, expected = quantise(weight)
    tensors = {f"fc.{role}": part for role, part in parts.items()} | {"fc.bias": np.ones(64, np.float32)}
    return save(folder / "model", tensors, config), expected


@pytest.fixture(params=SCHEMES)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Array]:
    return folder_of(request.param, tmp_path)


@pytest.fixture
def source(written: tuple[Path, Array]) -> Iterator[WeightSource]:
    opened = open_source(written[0])
    yield opened
    opened.close()


def test_there_are_fixtures_of_every_scheme_but_those_without_a_library() -> None:
    assert len(OF_LIBRARIES) >= 30
    of_schemes = {word for _, word, _ in SCHEMES.values()}
    with_library = {"-".join(name.split("-")[:2]).removesuffix("-nested") for name in OF_LIBRARIES}
    assert of_schemes - with_library == {"gptq-4-v2"}  # the difference to the first version is one subtraction


@pytest.mark.parametrize("name", OF_LIBRARIES)
def test_it_is_what_the_library_of_the_scheme_makes_of_it(name: str) -> None:
    """Bit by bit where the library computes in float32, else once its own rounding to 16 bits is applied."""
    tensors, expected, config = of_a_library(name)
    stored = open_stored(tensors)
    stored.config = config
    source = quantised_source.dequantised(stored)
    (spec,) = source.tensors()
    assert spec.refusal == ""
    found = source.read(spec)
    assert (found.dtype, spec.dtype, found.shape) == (np.float32, "float32", spec.shape)
    assert torch.equal(torch.from_numpy(found.copy()).to(expected.dtype), expected)


@pytest.mark.parametrize("name", OF_LIBRARIES)
def test_most_are_told_without_a_configuration(name: str) -> None:
    tensors, expected, _ = of_a_library(name)
    (spec,) = (source := open_source(tensors)).tensors()
    needs_it = {"mlx-2", "mlx-5", "mlx-6"}
    assert spec.shape == tuple(expected.shape) or name in needs_it
    if name not in needs_it | {"fp8-block"}:
        assert torch.equal(torch.from_numpy(source.read(spec).copy()).to(expected.dtype), expected)


def test_it_is_one_weight_of_its_own_name_and_shape(written: tuple[Path, Array], source: WeightSource) -> None:
    weight, bias = sorted(source.tensors(), key=lambda spec: spec.name, reverse=True)
    assert (weight.name, weight.shape, weight.dtype) == ("fc.weight", (64, 96), "float32")
    assert bias.name == "fc.bias"
    with closing(open_stored(written[0])) as stored:
        assert weight.nbytes + bias.nbytes == sum(spec.nbytes for spec in stored.tensors())
    np.testing.assert_array_equal(source.read(weight), written[1])
    assert not source.read(weight).flags.writeable


def test_rows_equal_the_slice_in_blocks_of_any_size(source: WeightSource, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = next(spec for spec in source.tensors() if spec.quantised)
    whole = source.read(spec)
    for block in (1, 5 * 96, 2**20):
        monkeypatch.setattr(quantised_source, "BLOCK", block)
        for part in ((0, 64), (0, 1), (7, 19), (13, 14), (40, 48), (5, 5)):
            np.testing.assert_array_equal(source.read(spec, part), whole[slice(*part)])


def test_it_travels_as_a_reference_and_opens_equal(source: WeightSource) -> None:
    again = pickle.loads(pickle.dumps(source))
    assert again.ref == source.ref
    assert again.tensors() == source.tensors()
    for spec in source.tensors():
        np.testing.assert_array_equal(again.read(spec), source.read(spec))
    again.close()


@pytest.mark.parametrize("name", SCHEMES)
def test_only_the_parts_are_read_and_only_the_rows_where_they_lie_together(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = LocalRange.read
    monkeypatch.setattr(LocalRange, "read", lambda self, at, n: [reads.append(n), read(self, at, n)][1])
    folder, _ = folder_of(name, tmp_path)
    source = open_source(folder)
    header = sum(reads)
    assert header < 6000  # the state of a bitsandbytes weight and the shape of a packed one are part of it
    spec = next(spec for spec in source.tensors() if spec.quantised)
    reads.clear()
    source.read(spec)
    assert sum(reads) <= spec.nbytes
    reads.clear()
    source.read(spec, (8, 12))
    scattered = SCHEMES[name][1].startswith("gptq") or name == "awq gemm"  # rows of the weight are their columns
    assert sum(reads) <= spec.nbytes if scattered else sum(reads) < 0.7 * spec.nbytes
    source.close()


@pytest.mark.parametrize("name", SCHEMES)
def test_every_part_belongs_to_one_scheme(name: str, tmp_path: Path) -> None:
    folder, _ = folder_of(name, tmp_path)
    with closing(open_stored(folder)) as source:
        stored = Stored(source)
        claimed = [claim for scheme in quantised_source.schemes.values() for claim in scheme.claims(stored)]
    assert len(claimed) == 1


def test_parts_may_lie_in_several_files(tmp_path: Path) -> None:
    stored, expected = quantised(llama(np.random.default_rng(2)), SCHEMES["gptq 4"][0])
    names = list(stored)
    for at in (0, 1):  # every second tensor: no weight is whole in one file
        half = {name: stored[name] for name in names[at::2]}
        save(tmp_path, half, {})
        (tmp_path / "model.safetensors").rename(tmp_path / f"model-0000{at + 1}-of-00002.safetensors")
    source = open_source(tmp_path)
    assert {spec.name for spec in source.tensors()} == set(expected)
    for spec in source.tensors():
        np.testing.assert_array_equal(source.read(spec), expected[spec.name])
    source.close()


def test_a_part_of_a_pipeline_has_the_configuration_of_its_own_folder(tmp_path: Path) -> None:
    quantise, _, config = SCHEMES["fp8 small block"]
    parts, expected = quantise(np.random.default_rng(4).standard_normal((96, 96)).astype(np.float32))
    save(tmp_path / "transformer", {f"fc.{role}": part for role, part in parts.items()}, config)
    (tmp_path / "model_index.json").write_text("{}")
    source = open_source(tmp_path)
    (spec,) = source.tensors()
    assert (spec.name, spec.quantised) == ("transformer.fc.weight", "fp8-block")
    np.testing.assert_array_equal(source.read(spec), expected)
    source.close()


def test_tied_weights_stay_tied() -> None:
    parts, _ = SCHEMES["gptq 4"][0](np.random.default_rng(4).standard_normal((32, 64)).astype(np.float32))
    tied = {f"{name}.{role}": part for name in ("a", "b") for role, part in parts.items()}
    one, other = open_source(tied).tensors()
    assert (one.name, other.name, other.tied_to) == ("a.weight", "b.weight", "a.weight")


@pytest.mark.parametrize("said", ["gptq", "gptq_v2", ""])
@pytest.mark.parametrize("stored_zero", [7, 8])
def test_symmetric_zero_points_tell_the_version_whatever_is_said(stored_zero: int, said: str) -> None:
    """Files call themselves version 1 and hold the zero points of version 2; the middle of the range is 8 in both."""
    codes = np.random.default_rng(4).integers(0, 16, (32, 64))
    parts = {
        "fc.qweight": np.ascontiguousarray(words(codes, 4).T),
        "fc.qzeros": words(np.full((2, 32), stored_zero), 4),
        "fc.scales": np.ones((2, 32), np.float16),
    }
    stored = open_stored(parts)
    stored.config = {"quantization_config": {"sym": True, "checkpoint_format": said}}
    source = quantised_source.dequantised(stored)
    np.testing.assert_array_equal(source.read(source.tensors()[0]), codes - 8)


def test_a_borrow_of_the_first_version_is_given_back() -> None:
    """A zero point of 0 is stored as 15, with one borrowed from its neighbour in the word."""
    zeros = np.zeros((2, 32), int)
    zeros[:, 1::2] = np.random.default_rng(4).integers(0, 16, (2, 16))
    qzeros = words(zeros, 4).view(np.uint32) - np.uint32(0x11111111)
    parts = {
        "fc.qweight": np.zeros((8, 32), np.int32),
        "fc.qzeros": qzeros.view(np.int32),
        "fc.scales": np.ones((2, 32), np.float16),
    }
    source = open_source(parts)
    np.testing.assert_array_equal(source.read(source.tensors()[0]), -np.repeat(zeros.T, 32, axis=1))


def test_experts_are_stacked_as_the_layer_multiplies_them() -> None:
    rng = np.random.default_rng(6)
    blocks, scales = rng.integers(0, 256, (3, 8, 2, 16), np.uint8), rng.integers(120, 130, (3, 8, 2), np.uint8)
    source = open_source({"mlp.experts.down_proj_blocks": blocks, "mlp.experts.down_proj_scales": scales})
    (spec,) = source.tensors()
    assert (spec.name, spec.shape) == ("mlp.experts.down_proj", (3, 64, 8))
    found = source.read(spec, (1, 2))
    for row, column in ((0, 0), (5, 33), (7, 63)):
        block, at = divmod(column, 32)
        byte = blocks[1, row, block, at // 2]
        value = E2M1[byte >> 4 if at % 2 else byte & 15] * 2.0 ** (int(scales[1, row, block]) - 127)
        assert found[0, column, row] == value


@given(st.integers(1, 8), st.integers(1, 40), st.data())
def test_codes_are_those_that_were_packed(bits: int, count: int, data: st.DataObject) -> None:
    codes = np.array([data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=count, max_size=count))])
    np.testing.assert_array_equal(unpacked(words(codes, bits), bits, count), codes)
    as_bytes = words(codes, bits).view(np.uint8)[:, : -(-count * bits // 8)]
    np.testing.assert_array_equal(unpacked(as_bytes, bits, count), codes)


def test_a_byte_holds_two_values_in_either_order() -> None:
    packed = np.array([[0xF1, 0x20]], np.uint8)
    assert looked_up(packed, E2M1, high_first=False).tolist() == [[0.5, -6.0, 0.0, 1.0]]
    assert looked_up(packed, E2M1, high_first=True).tolist() == [[-6.0, 0.5, 1.0, 0.0]]


def test_a_source_that_is_not_quantised_is_handed_back() -> None:
    stored = open_stored({"fc.weight": np.eye(4), "ids": np.zeros((4, 4), np.int32)})
    assert quantised_source.dequantised(stored) is stored


def test_numbers_that_are_called_as_codes_are_elsewhere_stay_what_they_are() -> None:
    """A query matrix is often called W_q, as HQQ calls its codes."""
    names = (
        "attn.W_q",
        "fc._data",
        "fc._scale",
        "ssm.B",
        "ssm.s",
        "x.absmax",
        "x",
        "e.qweight",
        "m.q_weight",
        "m.q_scale",
    )
    stored = open_stored({name: np.eye(4) for name in names})
    assert quantised_source.dequantised(stored) is stored
