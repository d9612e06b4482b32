"""The difference of two sources is a source."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from ml_dtypes import bfloat16
from safetensors.torch import save_file

import eigentail as et
from eigentail.errors import SourceError
from eigentail.sources import identify, open_source, opened
from eigentail.sources.delta import Delta, bare, paired

RANDOM = np.random.default_rng(3)
W = RANDOM.standard_normal((24, 16)).astype(np.float32)
D = RANDOM.standard_normal((24, 16)).astype(np.float32)


def delta(base: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> Delta:
    return Delta(open_source(base), open_source(other))


def test_it_is_the_second_minus_the_first_whole_and_in_parts() -> None:
    made = delta({"fc.weight": W}, {"fc.weight": D})
    (spec,) = made.tensors()
    assert np.array_equal(made.read(spec), D - W)
    assert np.array_equal(made.read(spec, (3, 7)), (D - W)[3:7])


@pytest.mark.parametrize(
    ("one", "two", "wide"),
    [
        (np.float16, np.float16, "float32"),
        (bfloat16, np.float16, "float32"),
        (bfloat16, np.float32, "float32"),
        (np.float32, np.float64, "float64"),
        (np.float64, np.float16, "float64"),
    ],
)
def test_it_is_read_in_the_wider_type(one: type, two: type, wide: str) -> None:
    made = delta({"w": W.astype(one)}, {"w": D.astype(two)})
    (spec,) = made.tensors()
    values = made.read(spec)
    assert (spec.dtype, values.dtype.name, spec.nbytes) == (wide, wide, values.nbytes)
    exact = D.astype(two).astype(np.float64) - W.astype(one).astype(np.float64)
    assert values == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "wrapped"),
    [
        ("layers.0.q_proj.weight", "base_model.model.model.layers.0.q_proj.base_layer.weight"),
        ("fc.weight", "module.fc.weight"),
        ("fc.weight", "_orig_mod.module.fc.weight"),
        ("h.0.attn.weight", "transformer.h.0.attn.weight"),
        ("model.fc.weight", "fc.weight"),
    ],
)
def test_wrappers_are_no_part_of_a_name(name: str, wrapped: str) -> None:
    made = delta({name: W}, {wrapped: D})
    assert [spec.name for spec in made.tensors()] == [name]
    assert np.array_equal(made.read(made.tensors()[0]), D - W)
    assert bare(name) == bare(wrapped)


def test_the_same_name_comes_before_the_same_name_unwrapped() -> None:
    made = delta({"fc.w": W, "model.fc.w": 2 * W}, {"model.fc.w": D, "fc.w": 3 * D})
    assert np.array_equal(made.read(made.tensors()[0]), 3 * D - W)
    assert np.array_equal(made.read(made.tensors()[1]), D - 2 * W)


def test_what_is_ambiguous_is_not_paired() -> None:
    base, other = {"a.fc.w": W}, {"model.fc.w": D, "transformer.fc.w": D}
    assert paired(open_source(base).tensors(), open_source(other).tensors()) == []
    made = delta({"fc.w": W}, other)
    assert made.tensors() == ()
    assert {skip.reason for skip in made.left_out} == {"only in the base", "only in the other"}


def test_every_tensor_that_is_left_out_has_its_reason() -> None:
    base = {"w": W, "shape": W, "turned": W, "code": np.ones((4, 4), np.int8), "gone": W, "n": np.array(3)}
    other = {"w": D, "shape": W[:8], "turned": W.T, "code": W[:4, :4], "new": W, "n": np.array(4)}
    made = delta(base, other)
    assert [spec.name for spec in made.tensors()] == ["w"]
    reasons = {skip.name: skip.reason for skip in made.left_out}
    assert reasons == {
        "shape": "24x16 in the base, 8x16 in the other",
        "turned": "24x16 in the base, 16x24 in the other: stored transposed",
        "code": "int8 in the base, float32 in the other: codes and counters have no difference",
        "n": "int64 in the base, int64 in the other: codes and counters have no difference",
        "gone": "only in the base",
        "new": "only in the other",
    }


def test_a_tie_counts_only_where_both_have_it() -> None:
    tied = {"wte.weight": W, "lm_head.weight": W}
    assert delta(tied, tied).tensors()[1].tied_to == "wte.weight"
    assert delta(tied, {"wte.weight": W, "lm_head.weight": D}).tensors()[1].tied_to == ""


def test_no_number_of_either_side_warns() -> None:
    odd = np.array([[np.inf, np.nan], [3e38, -3e38]], np.float32)
    made = delta({"w": odd}, {"w": -odd})
    assert not np.isfinite(made.read(made.tensors()[0])).any()


def test_it_is_analysed_like_any_source() -> None:
    net = {"fc.weight": RANDOM.standard_normal((96, 64)), "fc.bias": np.ones(96)}
    tuned = {"fc.weight": net["fc.weight"] + RANDOM.standard_t(2.5, (96, 64)), "fc.bias": np.ones(96)}
    made = delta(net, tuned)
    report = et.analyze(made)
    plain = et.analyze({"fc.weight": tuned["fc.weight"] - net["fc.weight"], "fc.bias": np.zeros(96)})
    assert report.layers["fc"].fit == plain.layers["fc"].fit
    assert report.source.format == "delta"
    assert identify(made) == made.ref


def test_files_give_what_torch_gives_and_travel(tmp_path: Path) -> None:
    base = {"fc.weight": torch.randn(32, 16, dtype=torch.bfloat16), "conv.weight": torch.randn(8, 4, 3, 3)}
    other = {name: values + torch.randn_like(values) for name, values in base.items()}
    save_file(base, tmp_path / "base.safetensors")
    save_file(other, tmp_path / "other.safetensors")
    with opened(tmp_path / "base.safetensors") as one, opened(tmp_path / "other.safetensors") as two:
        again = pickle.loads(pickle.dumps(Delta(one, two)))
        for spec in again.tensors():
            exact = other[spec.name].float() - base[spec.name].float()
            assert torch.equal(torch.from_numpy(again.read(spec)), exact)
        again.close()


def test_what_is_not_there_cannot_be_read() -> None:
    made = delta({"w": W}, {"v": W})
    with pytest.raises(SourceError, match="there is no tensor 'w' in both"):
        made.read(made.base.tensors()[0])
