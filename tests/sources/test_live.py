"""Live models: the same names and numbers as their files, nothing changed, nothing copied, nothing imported."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch

from eigentail.errors import SourceError
from eigentail.sources import WeightSource, identify, open_source


class Tied(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(12, 4)
        self.conv = torch.nn.Conv2d(4, 8, 3, groups=2)
        self.up = torch.nn.ConvTranspose2d(8, 4, 2)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(4, 12, bias=False)
        self.head.weight = self.embed.weight


def arrays(source: WeightSource) -> dict[str, np.ndarray]:
    return {spec.name: source.read(spec) for spec in source.tensors()}


def test_a_module_and_its_file_agree(tmp_path: Path) -> None:
    module = Tied()
    torch.save(module.state_dict(), tmp_path / "a.pt")
    live = open_source(module)
    with closing(open_source(tmp_path / "a.pt")) as file:
        theirs = arrays(file)
        assert {s.name: (s.shape, s.dtype, s.nbytes, s.tied_to) for s in live.tensors()} == {
            s.name: (s.shape, s.dtype, s.nbytes, s.tied_to) for s in file.tensors()
        }
    for name, array in arrays(live).items():
        np.testing.assert_array_equal(array, theirs[name])


def test_what_only_a_module_knows() -> None:
    facts = {spec.name: (spec.groups, spec.conv_transposed) for spec in open_source(Tied()).tensors()}
    assert facts["conv.weight"] == (2, False)
    assert facts["up.weight"] == (1, True)
    assert facts["head.weight"] == facts["conv.bias"] == (0, False)


def test_wrapped_modules_have_the_names_of_plain_ones() -> None:
    wrapped = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(3, 2)))
    assert [spec.name for spec in open_source(wrapped).tensors()] == ["0.weight", "0.bias"]


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int8])
def test_arrays_are_views_of_the_model_that_cannot_write(kind: torch.dtype) -> None:
    tensor = (torch.rand(4, 3) * 9).to(kind)
    source = open_source({"w": tensor})
    (spec,) = source.tensors()
    array = source.read(spec)
    assert spec.dtype == array.dtype.name == str(kind).removeprefix("torch.")
    assert array.__array_interface__["data"][0] == tensor.data_ptr()
    assert not array.flags.writeable
    np.testing.assert_array_equal(array.astype(float), tensor.double().numpy())
    np.testing.assert_array_equal(source.read(spec, (1, 3)).astype(float), tensor[1:3].double().numpy())


def test_the_callers_array_stays_writable() -> None:
    mine = np.eye(3)
    source = open_source({"w": mine})
    view = source.read(source.tensors()[0])
    assert np.shares_memory(view, mine)
    assert mine.flags.writeable
    assert not view.flags.writeable


def test_a_module_is_not_changed_not_even_by_its_parametrisations() -> None:
    module = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(5, 4)).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    arrays(open_source(module))
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.requires_grad for parameter in module.parameters())


class Sheaf(Mapping[str, object]):
    def __init__(self, held: dict[str, object]) -> None:
        self._held = held

    def __getitem__(self, name: str) -> object:
        return self._held[name]

    def __iter__(self):
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


@pytest.mark.parametrize(
    "target",
    [
        {"a": np.eye(2), "b": np.ones((3, 2))},
        OrderedDict(a=torch.eye(2), b=torch.ones(3, 2)),
        Sheaf({"a": np.eye(2), "b": torch.ones(3, 2)}),
        {"epoch": 3, "state_dict": {"module.a": np.eye(2), "module.b": np.ones((3, 2))}},
        (pair for pair in [("a", np.eye(2)), ("b", np.ones((3, 2)))]),
        [("a", np.eye(2)), ("b", torch.ones(3, 2))],
    ],
    ids=["dict", "state dict", "mapping", "wrapped", "generator", "pairs"],
)
def test_what_is_taken_for_a_model(target: object) -> None:
    found = arrays(open_source(target))
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], np.eye(2))
    np.testing.assert_array_equal(found["b"], np.ones((3, 2)))


@pytest.mark.parametrize("array", [np.eye(3), torch.eye(3)])
def test_one_array_is_called_weight(array: object) -> None:
    assert [(spec.name, spec.shape) for spec in open_source(array).tensors()] == [("weight", (3, 3))]


def test_nested_mappings_are_walked() -> None:
    params = {"params": {"dense": {"kernel": np.eye(2, dtype=ml_dtypes.bfloat16), "bias": np.zeros(2)}}}
    specs = {spec.name: spec.dtype for spec in open_source(params).tensors()}
    assert specs == {"dense.kernel": "bfloat16", "dense.bias": "float64"}


def test_swapped_bytes_are_put_right() -> None:
    source = open_source({"w": np.arange(4, dtype=">f4")})
    array = source.read(source.tensors()[0])
    assert array.dtype == np.float32
    assert array.tolist() == [0, 1, 2, 3]


def test_ties_are_the_same_memory_and_slices_are_not() -> None:
    whole = np.arange(16.0).reshape(4, 4)
    tied = {
        s.name: s.tied_to for s in open_source({"a": whole, "b": whole.T, "c": whole[:2], "d": whole[::2]}).tensors()
    }
    assert tied == {"a": "", "b": "a", "c": "", "d": ""}
    base = torch.arange(16.0).reshape(4, 4)
    tied = {s.name: s.tied_to for s in open_source({"a": base, "b": base.T, "c": base[:2], "d": base[::2]}).tensors()}
    assert tied == {"a": "", "b": "a", "c": "", "d": ""}


def test_a_weight_is_never_tied_to_its_averaged_copy() -> None:
    tensor = torch.eye(3)
    specs = open_source({"ema": {"fc.w": tensor}, "model": {"fc.w": tensor}}).tensors()
    assert {spec.name: spec.tied_to for spec in specs} == {"ema.fc.w": "fc.w", "fc.w": ""}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (7, "int: is no model: give a path, a PyTorch module"),
        (None, "NoneType: is no model"),
        ({}, "dict: holds no tensors"),
        ([np.eye(2)], "list: holds something that is no pair of name and array"),
        ([("a", np.eye(2)), ("a", np.eye(2))], "list: gives two arrays the name 'a'"),
        (torch.nn.Linear(2, 2, device="meta"), "Linear: the module is on the meta device: load its weights first"),
        (torch.nn.LazyLinear(3), "LazyLinear: has layers without a shape: run one batch through the module first"),
    ],
    ids=["int", "None", "empty", "list", "twice", "meta", "lazy"],
)
def test_what_is_no_model(target: object, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        open_source(target)


def test_sparse_and_quantised_tensors_are_listed_and_refused_on_reading() -> None:
    source = open_source({"sparse": torch.eye(3).to_sparse(), "fine": torch.eye(3)})
    sparse, fine = source.tensors()
    assert sparse.shape == (3, 3)
    assert source.read(fine).sum() == 3
    with pytest.raises(SourceError, match=r"dict: tensor 'sparse' cannot be made an array \(it is sparse or quantised"):
        source.read(sparse)


def test_a_live_source_does_not_travel() -> None:
    source = open_source({"w": np.eye(2)})
    assert identify(source) == source.ref
    assert source.ref.format == "live"
    with pytest.raises(SourceError, match="a live model cannot travel to another process: save it, or use threads"):
        pickle.dumps(source)
    with pytest.raises(SourceError, match="a live model cannot travel"):
        open_source(source.ref)


def test_the_configuration_of_a_module() -> None:
    module = torch.nn.Linear(2, 2)
    module.config = {"model_type": "gpt2"}
    assert open_source(module).config == {"model_type": "gpt2"}
    assert open_source(torch.nn.Linear(2, 2)).config == {}


def test_identify_does_not_use_up_a_generator() -> None:
    stream = iter([("a", np.eye(2))])
    assert identify(stream).format == "live"
    assert len(open_source(stream).tensors()) == 1


def test_no_framework_is_imported() -> None:
    code = """
import sys, numpy as np
from eigentail.sources import open_source, identify
source = open_source({"a": {"w": np.eye(3)}})
source.read(source.tensors()[0])
heavy = {"torch", "jax", "tensorflow", "safetensors", "pandas", "scipy"} & set(sys.modules)
sys.exit(", ".join(heavy) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
