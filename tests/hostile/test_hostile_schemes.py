"""Parts of quantised weights that are missing, lie or do not fit: a sentence each, and the other weights are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import within
from quantised_models import SCHEMES, save

from eigentail.errors import SourceError
from eigentail.sources import open_source
from eigentail.sources.identify import open_stored
from eigentail.sources.quantised_source import dequantised

Array = np.ndarray[Any, Any]
Parts = dict[str, Array]
STATE = "weight.quant_state.bitsandbytes__nf4"
SHAPE = (64, 96)


def parts_of(name: str) -> Parts:
    return SCHEMES[name][0](np.random.default_rng(8).standard_normal(SHAPE).astype(np.float32))[0]


def refusal_of(parts: Parts, folder: Path, config: dict[str, Any] | None = None) -> str:
    """The sentence said of the broken weight; the good one beside it must be there all the same."""
    good = {f"good.{role}": part for role, part in parts_of("llm int8").items()}
    bad = {f"bad.{role}": part for role, part in parts.items()}
    with closing(open_source(save(folder / "model", good | bad, config or {}))) as source:
        specs = {spec.name: spec for spec in source.tensors()}
        assert source.read(specs["good.weight"]).shape == SHAPE
        told = [spec.refusal for spec in specs.values() if spec.refusal]
        if not told:
            source.read(next(spec for spec in specs.values() if spec.quantised and spec.name.startswith("bad")))
    assert len(told) == 1
    return told[0]


@pytest.mark.parametrize("name", SCHEMES)
def test_a_missing_part_is_named(name: str, tmp_path: Path) -> None:
    parts = parts_of(name)
    optional = {"g_idx", "weight_g_idx", "weight_zero_point", "weight_format"}
    # Without these a tensor is not known to be quantised: it is left out as codes, or read as the numbers it holds.
    telling = {"weight_scale", "weight_scale_inv", "scale_weight", "SCB"}
    if "weight" in parts and "scales" not in parts and "weight.absmax" not in parts:
        telling |= {"weight"}
    mains = {"weight_packed", "weight_global_scale", "weight_scale_2"}
    for role in sorted(set(parts) - optional - (telling if "weight_packed" not in parts else set()) - mains):
        less = {key: part for key, part in parts.items() if key != role}
        if name.startswith("mlx") and role == "weight":
            continue
        said = refusal_of(less, tmp_path)
        assert said.startswith("quantised (")
        last = role.rpartition(".")[2]
        assert said.endswith((f"its part {last!r} is missing", "its part 'bad.weight' is missing")) or (
            "its part 'weight' is missing" in said
        ), said


def replaced(name: str, role: str, part: Array | None) -> Callable[[], Parts]:
    def made() -> Parts:
        parts = parts_of(name)
        if part is None:
            parts[role] = parts[role][:-1]
        else:
            parts[role] = part
        return parts

    return made


def state(**other: object) -> Callable[[], Parts]:
    def made() -> Parts:
        parts = parts_of("nf4")
        said = json.loads(parts[STATE].tobytes()) | other
        parts[STATE] = np.frombuffer(json.dumps(said).encode(), np.uint8)
        return parts

    return made


def raw_state(text: bytes) -> Callable[[], Parts]:
    return lambda: parts_of("nf4") | {STATE: np.frombuffer(text, np.uint8)}


I32, F16, F32 = np.int32, np.float16, np.float32
TABLE: dict[str, tuple[Callable[[], Parts], str]] = {
    "gptq scales short": (replaced("gptq 4", "scales", None), "the shapes of its parts do not fit together"),
    "gptq scales of codes": (replaced("gptq 4", "scales", np.ones((3, 64), I32)), "which it cannot be"),
    "gptq scales of one axis": (replaced("gptq 4", "scales", np.ones(64, F16)), "'scales' is 64 of float16"),
    "gptq empty": (replaced("gptq 4", "qweight", np.ones((0, 64), I32)), "its part 'qweight' is empty"),
    "gptq empty scales": (replaced("gptq 4", "scales", np.ones((0, 64), F16)), "its part 'scales' is empty"),
    "gptq of five bits": (replaced("gptq 4", "qzeros", np.ones((3, 10), I32)), "do not fit together"),
    "gptq too many groups": (
        lambda: parts_of("gptq 4") | {"qzeros": np.ones((97, 8), I32), "scales": np.ones((97, 64), F16)},
        "97 groups do not divide 96 inputs",
    ),
    "gptq groups that do not divide": (
        lambda: parts_of("gptq 4") | {"qzeros": np.ones((40, 8), I32), "scales": np.ones((40, 64), F16)},
        "40 groups do not divide 96 inputs",
    ),
    "gptq bits that do not divide": (
        lambda: parts_of("gptq 3") | {"qweight": np.ones((10, 64), I32)},
        "the shapes of its parts do not fit together",
    ),
    "gptq index short": (
        replaced("gptq 4 in order of activity", "g_idx", None),
        "g_idx has 95 entries for 96 inputs",
    ),
    "gptq index beyond": (
        replaced("gptq 4 in order of activity", "g_idx", np.full(96, 3, I32)),
        "g_idx names groups 3 to 3, and there are 3",
    ),
    "gptq index below": (replaced("gptq 4 in order of activity", "g_idx", np.full(96, -1, I32)), "groups -1 to -1"),
    "awq zeros short": (replaced("awq gemm", "qzeros", None), "the shapes of its parts do not fit together"),
    "awq groups that do not divide": (
        lambda: parts_of("awq gemm") | {"qzeros": np.ones((5, 8), I32), "scales": np.ones((5, 64), F16)},
        "5 groups do not divide 96 inputs",
    ),
    "nf4 state not json": (raw_state(b"\xff\xfe{"), "its state is not what it should be"),
    "nf4 state deep": (raw_state(b"[" * 60_000), "its state is not what it should be"),
    "nf4 state giant": (raw_state(b" " * 70_000), "takes 70000 bytes"),
    "nf4 state a list": (raw_state(b"[]"), "its state is not what it should be"),
    "nf4 state of another kind": (state(quant_type="af4"), "names the type 'af4'"),
    "nf4 shape negative": (state(shape=[-64, -96]), "names an impossible shape"),
    "nf4 shape huge": (state(shape=[2**40, 2**40]), "names an impossible shape"),
    "nf4 shape beyond integers": (state(shape=[2**70]), "names an impossible shape"),
    "nf4 shape empty": (state(shape=[]), "names an impossible shape"),
    "nf4 shape with a zero": (state(shape=[0, 96]), "names an impossible shape"),
    "nf4 shape too large": (state(shape=[64, 97]), "names 6208 values, and its codes are 3072 bytes"),
    "nf4 block of nothing": (state(blocksize=0), "names an impossible shape"),
    "nf4 block wrong": (state(blocksize=32), "it has 96 scales for 6144 values in blocks of 32"),
    "nf4 nested block wrong": (state(nested_blocksize=1), "1 scales do not fit 96 quantised ones"),
    "nf4 table short": (replaced("nf4", "weight.quant_map", None), "its table has 15 values, not 16"),
    "nf4 nested table short": (replaced("nf4", "weight.nested_quant_map", None), "has 255 values, not 256"),
    "llm int8 scales short": (replaced("llm int8", "SCB", None), "SCB has the shape (63,) for 64 rows"),
    "llm int8 tiled": (replaced("llm int8", "weight_format", np.ones((), np.uint8)), "in the order of a tile"),
    "packed shape lies": (replaced("packed int 4", "weight_shape", np.array([64, 999])), "no codes of"),
    "packed shape negative": (replaced("packed int 4", "weight_shape", np.array([64, -96])), "no codes of"),
    "packed shape long": (replaced("packed int 4", "weight_shape", np.ones(9, np.int64)), "takes 72 bytes"),
    "packed shape of floats": (replaced("packed int 4", "weight_shape", np.ones(2)), "which it cannot be"),
    "packed scales short": (replaced("packed int 4", "weight_scale", None), "do not fit a weight of shape (64, 96)"),
    "packed zeros short": (replaced("packed int 4", "weight_zero_point", None), "zero points of shape (7, 3)"),
    "packed index beyond": (
        replaced("packed int 8 in order of activity", "weight_g_idx", np.full(96, 9, I32)),
        "weight_g_idx names groups 9 to 9, and there are 3",
    ),
    "fp8 scales short": (replaced("fp8 channel", "weight_scale", None), "63 scales along an axis of 64"),
    "fp8 scales of three axes": (
        replaced("fp8 channel", "weight_scale", np.ones((2, 2, 2), F32)),
        "do not fit a weight of shape (64, 96)",
    ),
    "fp8 scales of integers": (replaced("fp8 channel", "weight_scale", np.ones((64, 1), np.int64)), "cannot be"),
    "fp8 empty scale": (replaced("fp8 channel", "weight_scale", np.ones((0, 1), F32)), "is empty"),
    "int8 zero points short": (
        lambda: parts_of("int8") | {"weight_zero_point": np.ones((3, 1), np.int8)},
        "zero points of shape (3, 1) do not fit its scales",
    ),
    "nvfp4 scales short": (replaced("nvfp4", "weight_scale", None), "do not fit a weight of shape (64, 96)"),
    "nvfp4 two scales": (replaced("nvfp4", "weight_global_scale", np.ones(2, F32)), "not that of one number"),
    "mxfp4 scales short": (replaced("mxfp4", "weight_scale", None), "scales of shape (63, 3) do not fit"),
    "mxfp6": (replaced("mxfp4", "weight_packed", np.ones((64, 72), np.uint8)), "do not fit codes of shape (64, 72)"),
    "mlx offsets short": (replaced("mlx 4", "biases", None), "biases of shape (63, 3) do not fit"),
    "mlx groups of nothing": (
        lambda: parts_of("mlx 4") | {"scales": np.ones((64, 7), F16), "biases": np.ones((64, 7), F16)},
        "12 words and 7 scales in a row make no groups",
    ),
    "hqq": (lambda: {"W_q": np.ones((64, 96), np.uint8)}, "quantised (HQQ), but this version does not undo that kind"),
    "quanto": (
        lambda: {"weight._data": np.ones((64, 96), np.int8), "weight._scale": np.ones((64, 1), F32)},
        "quantised (Quanto), but this version does not undo that kind",
    ),
    "torchao": (
        lambda: {"_weight_qdata": np.ones((64, 96), np.int8), "_weight_scale": np.ones((64, 1), F32)},
        "quantised (torchao), but this version does not undo that kind",
    ),
    "awq for fast kernels": (
        lambda: {"qweight": np.ones((16, 96), np.int16), "scales": np.ones((3, 64), F16)},
        "codes of int16 called qweight",
    ),
    "a weight beside its codes": (
        lambda: parts_of("gptq 4") | {"weight": np.ones((64, 96), F32)},
        "there is a tensor 'bad.weight' beside it",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_it_ends_in_its_sentence(name: str, tmp_path: Path) -> None:
    make, sentence = TABLE[name]
    parts = make()
    with within(8 << 20, 2):
        try:
            said = refusal_of(parts, tmp_path)
        except SourceError as error:
            said = str(error)
    assert sentence in said


CONFIGS: list[dict[str, Any]] = [
    {"quantization_config": None},
    {"quantization_config": []},
    {"quantization_config": {"bits": "4", "group_size": -1, "sym": "no", "checkpoint_format": 7}},
    {"quantization_config": {"config_groups": [1, 2], "weight_block_size": [0, -1]}},
    {"quantization_config": {"config_groups": {"a": 1, "b": {"weights": 3}}, "weight_block_size": [10**30]}},
    {"quantization": {"bits": 10**30, "group_size": 0, "bad": 5}},
    {"text_config": 3},
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("name", ["gptq 4", "awq gemm", "packed int 4", "fp8 channel", "mlx 4", "nf4"])
def test_a_configuration_of_nonsense_changes_nothing(name: str, config: dict[str, Any], tmp_path: Path) -> None:
    weight = np.random.default_rng(8).standard_normal(SHAPE).astype(np.float32)
    parts, expected = SCHEMES[name][0](weight)
    source = open_source(save(tmp_path / "model", {f"fc.{role}": part for role, part in parts.items()}, config))
    (spec,) = source.tensors()
    if name != "mlx 4":  # whose group is not told by shapes
        np.testing.assert_array_equal(source.read(spec), expected)
    source.close()


ONE_GROUP = {"qzeros": np.full((1, 8), 0x77777777, np.int32), "scales": np.full((1, 64), 0.5, np.float16)}


@pytest.mark.parametrize("size", [10**9, 2**63, 10**30])
def test_a_group_larger_than_memory_is_the_whole_row(size: int) -> None:
    parts = parts_of("gptq 4") | ONE_GROUP
    stored = open_stored({f"fc.{role}": part for role, part in parts.items()})
    stored.config = {"quantization_config": {"group_size": size}}
    source = dequantised(stored)
    plain = open_source({f"fc.{role}": part for role, part in parts.items()})
    np.testing.assert_array_equal(source.read(source.tensors()[0]), plain.read(plain.tensors()[0]))


@pytest.mark.parametrize("size", [10**12, 2**63, 10**30])
def test_a_block_larger_than_memory_is_the_whole_tensor(size: int) -> None:
    parts = state(blocksize=size, nested_blocksize=size)() | {"weight.absmax": np.array([200], np.uint8)}
    source = open_source({f"fc.{role}": part for role, part in parts.items()})
    (spec,) = source.tensors()
    scale = parts["weight.nested_quant_map"][200] * parts["weight.nested_absmax"][0]
    scale += np.float32(json.loads(parts[STATE].tobytes())["nested_offset"])
    high = parts["weight"][:, 0] >> 4
    np.testing.assert_array_equal(source.read(spec).reshape(-1)[::2], parts["weight.quant_map"][high] * scale)
    np.testing.assert_array_equal(source.read(spec, (5, 9)), source.read(spec)[5:9])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("gptq 4", "scales"),
        ("awq gemm", "scales"),
        ("nf4", "weight.nested_absmax"),
        ("llm int8", "SCB"),
        ("packed int 4", "weight_scale"),
        ("fp8 block", "weight_scale_inv"),
        ("nvfp4", "weight_global_scale"),
        ("mlx 4", "scales"),
    ],
)
def test_scales_that_are_no_numbers_give_weights_that_are_none_without_a_warning(
    name: str, role: str, value: float
) -> None:
    parts = parts_of(name)
    parts[role] = np.full(parts[role].shape, value, np.float64)
    source = open_source({f"fc.{role}": part for role, part in parts.items()})
    found = source.read(source.tensors()[0])
    assert name == "nvfp4" or not np.isfinite(found).all()


@pytest.mark.parametrize("name", SCHEMES)
def test_any_bytes_decode_to_something(name: str) -> None:
    """Codes, zero points and scales may hold anything; what they say of sizes may not."""
    rng = np.random.default_rng(11)
    said = {STATE, "weight_shape", "weight_format", "g_idx", "weight_g_idx"}
    parts = {
        role: part if role in said else np.frombuffer(rng.bytes(part.nbytes), part.dtype).reshape(part.shape)
        for role, part in parts_of(name).items()
    }
    source = open_source({f"fc.{role}": part for role, part in parts.items()})
    (spec,) = source.tensors()
    assert source.read(spec).shape == spec.shape
