"""Files that torch wrote, against torch's own values."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from eigentail.errors import SourceError
from eigentail.sources import WeightSource, identify, open_source
from eigentail.sources.dtypes import dtype_of

Save = Callable[[object], Path]
Open = Callable[[object], WeightSource]

DTYPES = [
    "float64",
    "float32",
    "float16",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3fnuz",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "complex64",
    "complex128",
]


@pytest.fixture(params=["zip", "legacy"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Save:
    def write(obj: object) -> Path:
        path = tmp_path / f"net-{len(list(tmp_path.iterdir()))}.pt"
        torch.save(obj, path, _use_new_zipfile_serialization=request.param == "zip")
        return path

    return write


@pytest.fixture(name="opened")
def _opened() -> Iterator[Open]:
    """Opens targets, and closes them all at the end of the test."""
    with ExitStack() as stack:
        yield lambda target: stack.enter_context(closing(open_source(target)))


def as_numpy(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """The values by way of raw bytes, for types that numpy does not know."""
    tensor = tensor.detach().clone(memory_format=torch.contiguous_format)
    raw = tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else np.empty(0, np.uint8)
    return raw.view(dtype_of(str(tensor.dtype).removeprefix("torch."))).reshape(tuple(tensor.shape))


def same(array: np.ndarray[Any, Any], tensor: torch.Tensor) -> bool:
    expected = as_numpy(tensor)
    return array.dtype == expected.dtype and array.shape == expected.shape and array.tobytes() == expected.tobytes()


def assert_equal(source: WeightSource, expected: dict[str, torch.Tensor]) -> None:
    assert [spec.name for spec in source.tensors()] == list(expected)
    for spec in source.tensors():
        tensor = expected[spec.name]
        assert (spec.shape, spec.dtype) == (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        assert spec.nbytes == tensor.numel() * tensor.element_size()
        assert same(source.read(spec), tensor)


def random(dtype: str, *shape: int) -> torch.Tensor:
    kind = getattr(torch, dtype)
    bits = torch.randint(0, 2 if dtype == "bool" else 256, (*shape, kind.itemsize), dtype=torch.uint8)
    return bits.view(kind).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type(save: Save, opened: Open, dtype: str) -> None:
    torch.manual_seed(0)
    net = {
        "a.weight": random(dtype, 5, 3),
        "a.bias": random(dtype, 3),
        "scalar": random(dtype),
        "none": random(dtype, 0, 3),
    }
    assert_equal(opened(save(net)), net)


def test_the_formats_are_found_by_content(save: Save) -> None:
    path = save({"w": torch.ones(2)})
    path = path.rename(path.with_suffix(".safetensors"))
    assert identify(path).format == ("torch-zip" if path.read_bytes().startswith(b"PK") else "torch-legacy")


def test_parameters_and_modules_of_all_sorts(save: Save, opened: Open) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    state = net.state_dict()
    assert_equal(opened(save(state)), dict(state))
    assert_equal(opened(save(dict(net.named_parameters()))), dict(net.named_parameters()))
    assert_equal(opened(save(list(net.parameters()))), {str(i): p for i, p in enumerate(net.parameters())})
    assert_equal(opened(save(torch.eye(3))), {"weight": torch.eye(3)})


def test_tensors_with_attributes_and_buffers(save: Save, opened: Open) -> None:
    marked = nn.Parameter(torch.eye(2))
    marked.note = "kept beside the tensor"  # type: ignore[attr-defined]
    net = {"a": marked, "b": nn.Buffer(torch.ones(2)), "c": torch.ones(3).to_sparse().to_dense()}
    assert_equal(opened(save(net)), net)


def test_a_training_checkpoint(save: Save, opened: Open) -> None:
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    adam = torch.optim.Adam(net.parameters())
    net(torch.ones(3)).sum().backward()
    adam.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(adam, [3, 5])
    path = save(
        {
            "epoch": 3,
            "state_dict": OrderedDict((f"module.{name}", value) for name, value in net.state_dict().items()),
            "optimizer_states": [adam.state_dict()],
            "lr_schedulers": [schedule.state_dict()],
            "ema": {"weight": net.weight.detach() * 2},
            "best": np.float64(0.5),
            "array": np.eye(2),
            "dtype": torch.bfloat16,
            "device": torch.device("cpu"),
            "size": torch.Size([1, 2]),
            "path": Path("somewhere"),
            "misc": [
                {1, 2},
                frozenset({3}),
                complex(1, 2),
                slice(1, 2),
                range(3),
                b"x",
                bytearray(b"y"),
                None,
                1 << 70,
            ],
            "counts": Counter("aab"),
            "more": defaultdict(list, {"a": [1]}),
            "rng_state": torch.get_rng_state(),
        }
    )
    source = opened(path)
    found = {spec.name: source.read(spec) for spec in source.tensors()}
    assert same(found["weight"], net.weight)
    assert same(found["bias"], net.bias)
    assert same(found["ema.weight"], net.weight * 2)
    assert all(name.startswith("optimizer.") for name in list(found)[2:-2])
    assert list(found)[-2:] == ["ema.weight", "rng_state"]
    assert len(found) == 2 + 6 + 2


def test_strided_views(save: Save, opened: Open) -> None:
    base = torch.arange(60.0).reshape(3, 4, 5)
    views = {
        "turned": base.permute(2, 0, 1),
        "slice": base[1:, 1:3],
        "steps": base[:, ::2, ::3],
        "row": base[1, 2],
        "one": base[1, 2, 3],
        "repeated": torch.tensor([[1.0], [2.0]]).expand(2, 3),
        "none": base[1:1],
    }
    source = opened(save(views))
    assert_equal(source, views)
    for spec in source.tensors():
        for first in range(spec.shape[0] + 1 if spec.shape else 0):
            for last in range(first, spec.shape[0] + 1):
                assert same(source.read(spec, (first, last)), views[spec.name][first:last])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_view_of_any_tensor(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    tensor = torch.arange(int(np.prod(shape)), dtype=torch.int16).reshape(shape)
    tensor = tensor.permute(data.draw(st.permutations(range(len(shape)))))
    for axis in range(len(shape)):
        first = data.draw(st.integers(0, tensor.shape[axis]))
        tensor = tensor[(slice(None),) * axis + (slice(first, None, data.draw(st.integers(1, 3))),)]
    path = tmp_path_factory.mktemp("views") / "x.pt"
    torch.save({"w": tensor}, path)
    rows = sorted(data.draw(st.tuples(*[st.integers(0, tensor.shape[0])] * 2)))
    with closing(open_source(path)) as source:
        (spec,) = source.tensors()
        assert same(source.read(spec), tensor)
        assert same(source.read(spec, (rows[0], rows[1])), tensor[rows[0] : rows[1]])


def test_rows_that_are_not_there_are_a_sentence(save: Save, opened: Open) -> None:
    source = opened(save({"w": torch.ones(3, 2)}))
    with pytest.raises(SourceError, match=r"tensor 'w' of shape \(3, 2\) has no rows 1 to 4"):
        source.read(source.tensors()[0], (1, 4))


def test_tied_weights(save: Save, opened: Open) -> None:
    shared = torch.arange(12.0).reshape(3, 4)
    other = torch.zeros(3, 4)
    net = {
        "embed.weight": shared,
        "head.weight": shared,
        "turned.weight": shared.T,
        "flat.weight": shared.reshape(-1),
        "top.weight": shared[:2],
        "left.weight": shared[:, :2],  # as many values from the same place as top.weight[:, :3], but not the same ones
        "corner.weight": shared[:2, :3],
        "other.weight": other,
        "equal.weight": other.clone(),
        "none.a": torch.empty(0, 3),
        "none.b": torch.empty(0, 3),
    }
    tied = {spec.name: spec.tied_to for spec in opened(save(net)).tensors() if spec.tied_to}
    assert tied == dict.fromkeys(["head.weight", "turned.weight", "flat.weight"], "embed.weight")


def test_a_weight_is_not_tied_to_its_averaged_copy(save: Save, opened: Open) -> None:
    shared = torch.ones(2, 2)
    specs = {spec.name: spec for spec in opened(save({"ema": {"w.x": shared}, "model": {"w.x": shared}})).tensors()}
    assert (specs["w.x"].tied_to, specs["ema.w.x"].tied_to) == ("", "w.x")


def test_only_the_bytes_asked_for_are_mapped(save: Save, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from eigentail.sources.ranges import LocalRange

    source = opened(save({"a": torch.ones(1000, 100), "b": torch.ones(10)}))
    read, seen = LocalRange.read, []
    monkeypatch.setattr(LocalRange, "read", lambda self, offset, n: (seen.append(n), read(self, offset, n))[1])
    source.read(source.tensors()[0], (10, 20))
    assert seen == [4000]


def test_arrays_are_read_only_and_outlive_the_source(save: Save, opened: Open) -> None:
    source = opened(save({"w": torch.eye(3)}))
    array = source.read(source.tensors()[0])
    source.close()
    assert array.tolist() == np.eye(3).tolist()
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.setflags(write=True)


def test_a_source_travels_as_its_reference(save: Save, opened: Open) -> None:
    source = opened(save({"w": torch.eye(30)}))
    packed = pickle.dumps(source)
    again = opened(pickle.loads(packed))
    assert len(packed) < 500
    assert again.tensors() == source.tensors()
    assert np.array_equal(again.read(again.tensors()[0]), source.read(source.tensors()[0]))


def test_an_unknown_tensor_is_a_sentence(save: Save, opened: Open) -> None:
    source, other = opened(save({"w": torch.eye(3)})), opened(save({"x": torch.eye(3)}))
    with pytest.raises(SourceError, match="no tensor 'x'"):
        source.read(other.tensors()[0])


def test_the_config_beside_the_file(save: Save, opened: Open) -> None:
    path = save({"w": torch.eye(3)})
    assert opened(path).config == {}
    (path.parent / "config.json").write_text('{"model_type": "gpt2"}')
    assert opened(path).config == {"model_type": "gpt2"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_binary_pickle_protocol(opened: Open, tmp_path: Path, protocol: int) -> None:
    net = {"a.weight": torch.eye(3), "b.weight": torch.ones(2).bfloat16()}
    for new in (True, False):
        path = tmp_path / f"{new}.pt"
        torch.save({"state_dict": net}, path, pickle_protocol=protocol, _use_new_zipfile_serialization=new)
        assert_equal(opened(path), net)


@pytest.mark.filterwarnings("ignore:.*quantized tensor")
def test_quantised_tensors_are_listed_as_the_codes_they_are(save: Save, opened: Open) -> None:
    codes = torch.tensor([[1, 2], [3, -4]], dtype=torch.int8)
    source = opened(save({"w": torch._make_per_tensor_quantized_tensor(codes, 0.5, 0)}))
    assert source.tensors()[0].dtype == "int8"
    assert source.read(source.tensors()[0]).tolist() == codes.tolist()


def test_torch_is_never_imported(save: Save) -> None:
    path = save({"state_dict": nn.Linear(3, 2).bfloat16().state_dict()})
    program = (
        "import sys; from eigentail.sources import open_source; source = open_source(sys.argv[1]);"
        "[source.read(spec) for spec in source.tensors()]; print(len(source.tensors()), 'torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["2", "False"]
