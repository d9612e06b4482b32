"""The table of bad adapters: each ends in its sentence, as a tensor that is left out or as an error, and fast."""

from __future__ import annotations

import json
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import within
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import eigentail as et
from eigentail.errors import EigentailError, SourceError
from eigentail.settings import Settings
from eigentail.sources import open_source
from eigentail.sources.adapters.configuration import Alphas
from eigentail.sources.adapters.names import part_of

DOWN, UP = "fc.lora_A.weight", "fc.lora_B.weight"
SECONDS = 2.0
MEMORY = 64 << 20


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


LEFT_OUT: dict[str, tuple[dict[str, Any], str]] = {
    "ranks_differ": ({DOWN: ones(4, 32), UP: ones(24, 3)}, "do not fit: one has rank 4, the other 3"),
    "half_of_a_pair": ({DOWN: ones(4, 32)}, "there is no lora_B or lora_up for fc"),
    "other_half": ({UP: ones(24, 4)}, "there is no lora_A or lora_down for fc"),
    "embedding_half": ({"fc.lora_embedding_A": ones(4, 32)}, "there is no lora_embedding_B for fc"),
    "embedding_ranks": ({"fc.lora_embedding_A": ones(4, 32), "fc.lora_embedding_B": ones(8, 3)}, "one has rank 4"),
    "codes": ({DOWN: ones(4, 32).astype(np.int8), UP: ones(24, 4)}, "stored as int8"),
    "vectors": ({DOWN: ones(4), UP: ones(4)}, "are no matrices"),
    "too_many_axes": ({DOWN: ones(4, 2, 1, 1, 1, 1), UP: ones(24, 4)}, "are no matrices"),
    "positions_in_both": ({DOWN: ones(4, 8, 3, 3), UP: ones(24, 4, 3, 3)}, "has kernel positions"),
    "middle_factor": ({DOWN: ones(4, 8), UP: ones(24, 4), "fc.lora_mid.weight": ones(5, 4, 3, 3)}, "middle factor"),
    "empty": ({DOWN: ones(0, 32), UP: ones(24, 0)}, "empty: it holds no values"),
    "empty_side": ({DOWN: ones(4, 0), UP: ones(24, 4)}, "empty: it holds no values"),
    "loha_half": ({"fc.hada_w1_a": ones(8, 2), "fc.hada_w1_b": ones(2, 8)}, "the LoHa of fc do not fit"),
    "loha_sides": (
        {"fc.hada_w1_a": ones(8, 2), "fc.hada_w1_b": ones(2, 8), "fc.hada_w2_a": ones(8, 2),
         "fc.hada_w2_b": ones(2, 9)},
        "the LoHa of fc do not fit",
    ),
    "lokr_half": ({"fc.lokr_w1": ones(8, 2)}, "the LoKr of fc do not fit"),
    "lokr_bomb": ({"fc.lokr_w1": ones(400, 400), "fc.lokr_w2": ones(400, 400)}, "25,600,000,000 values are more than"),
    "loha_bomb": (
        {"fc.hada_w1_a": ones(9**5, 1), "fc.hada_w1_b": ones(1, 9**5), "fc.hada_w2_a": ones(9**5, 1),
         "fc.hada_w2_b": ones(1, 9**5)},
        "values are more than",
    ),
    "tucker_bomb": (
        {DOWN: ones(2, 9**5, 1, 1), UP: ones(8, 2, 1, 1), "fc.lora_mid.weight": ones(2, 2, 99, 99)},
        "its second factor would have",
    ),
    "dora": ({DOWN: ones(4, 32), UP: ones(24, 4), "fc.dora_scale": ones(24, 1)}, "DoRA"),
    "adalora": ({DOWN: ones(4, 32), UP: ones(24, 4), "fc.lora_E": ones(4, 1)}, "of the kind AdaLoRA"),
    "twice": ({DOWN: ones(4, 32), "fc.lora_down.weight": ones(4, 32), UP: ones(24, 4)}, "are the same part"),
    "bias": ({DOWN: ones(4, 32), UP: ones(24, 4), "fc.lora_B.bias": ones(24)}, "the bias of a low-rank pair"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_does_not_fit_is_left_out_with_its_reason(name: str) -> None:
    tensors, sentence = LEFT_OUT[name]
    with within(MEMORY, SECONDS):
        source = open_source(tensors)
        refused = [spec.refusal for spec in source.tensors()]
        assert any(sentence in reason for reason in refused), refused
        with pytest.raises(EigentailError):
            et.analyze(tensors)


CONFIGS: dict[str, tuple[str, str]] = {
    "no_json": ("{", "is not a JSON object"),
    "a_list": ("[]", "is not a JSON object"),
    "deep": ("[" * 100_000, "is not a JSON object"),
    "zero_rank": ('{"r": 0}', "says r = 0, which is no rank"),
    "negative_rank": ('{"r": -4}', "says r = -4"),
    "rank_of_words": ('{"r": "eight"}', "is no configuration of an adapter"),
    "fractional_rank": ('{"r": 1.5}', "is no configuration of an adapter"),
    "nan_alpha": ('{"lora_alpha": NaN}', "is not a JSON object"),
    "huge_alpha": ('{"lora_alpha": 1e999}', ""),
    "alpha_of_words": ('{"lora_alpha": "x"}', "is no configuration of an adapter"),
    "patterns_of_words": ('{"alpha_pattern": {"a": "b"}}', "is no configuration of an adapter"),
    "patterns_as_list": ('{"rank_pattern": [1]}', "is no configuration of an adapter"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_broken_configuration_is_told(name: str, tmp_path: Path) -> None:
    text, sentence = CONFIGS[name]
    save_file({DOWN: ones(8, 32), UP: ones(24, 8)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(text)
    with pytest.raises(SourceError, match=r"adapter_config\.json") as caught:
        open_source(tmp_path)
    assert sentence in str(caught.value)


def test_a_rank_that_the_configuration_does_not_know_is_told(tmp_path: Path) -> None:
    save_file({DOWN: ones(4, 32), UP: ones(24, 4)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text('{"r": 16}')
    with closing(open_source(tmp_path)) as source:
        assert source.tensors()[0].refusal == "its factors have rank 4, but its configuration says 16"


@pytest.mark.parametrize("alpha", [np.nan, np.inf])
def test_an_alpha_that_is_no_number_fails_its_layer_alone(alpha: float) -> None:
    tensors = {"a.lora_down.weight": ones(4, 32), "a.lora_up.weight": ones(24, 4), "a.alpha": np.float32(alpha)}
    tensors |= {"b.lora_down.weight": ones(4, 32), "b.lora_up.weight": ones(24, 4)}
    rows = et.analyze(tensors).layers
    assert rows["a"].reason == f"dict: the alpha of a is {alpha}"
    assert rows["b"].metrics["matrix_rank"] == 1


EXPRESSIONS = ["(a+)+$", "(a|a)*b", ".*.*.*x", "(?=.*a)(?=.*b)", r"(a)\1", "a{9999}{9999}", "[", "(" * 500, "x" * 5000]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_that_could_stall_is_not_matched(expression: str, tmp_path: Path) -> None:
    started = time.perf_counter()
    alphas = Alphas({expression: 4.0}, 8.0)
    assert alphas.of("a" * 5000) == 8.0
    assert time.perf_counter() - started < SECONDS
    if expression == "x" * 5000:  # a plain name, however long
        return
    assert alphas.refused == (expression,)
    save_file({DOWN: ones(8, 32), UP: ones(24, 8)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, "alpha_pattern": {expression: 4}}))
    with closing(open_source(tmp_path)) as source:
        assert "alpha_pattern that could stall" in source.tensors()[0].refusal


def test_the_worst_expression_that_is_matched_takes_no_time() -> None:
    alphas = Alphas({f".*{letter}x": 1.0 for letter in "bcdefghijklmnopq"}, 8.0)
    started = time.perf_counter()
    for at in range(20):
        assert alphas.of("a." * 90 + str(at)) == 8.0
    assert time.perf_counter() - started < SECONDS


BASE = {"fc.weight": ones(24, 32), "codes.weight": ones(24, 32).astype(np.int8)}
SUMS: dict[str, tuple[dict[str, Any], str]] = {
    "another_base": (
        {"other.lora_A.weight": ones(4, 32), "other.lora_B.weight": ones(24, 4)},
        "there is no other.weight",
    ),
    "another_shape": ({DOWN: ones(4, 16), UP: ones(24, 4)}, "differ in shape: 24x32 and 24x16"),
    "no_adapter": ({"fc.weight": ones(24, 32)}, "is no adapter"),
    "half": ({DOWN: ones(4, 32)}, "cannot be added: fc.lora_A.weight: half of a low-rank pair"),
    "codes": (
        {"codes.lora_A.weight": ones(4, 32), "codes.lora_B.weight": ones(24, 4)},
        "nothing can be added to codes",
    ),
    "no_scale": (
        {"base_model.model.fc.lora_A.weight": ones(4, 32), "base_model.model.fc.lora_B.weight": ones(24, 4)},
        "nothing beside it tells its scale",
    ),
}


@pytest.mark.parametrize("name", SUMS)
def test_what_cannot_be_added_is_told_before_anything_is_read(name: str, tmp_path: Path) -> None:
    tensors, sentence = SUMS[name]
    save_file(BASE, tmp_path / "base.safetensors")
    save_file(tensors, tmp_path / "lora.safetensors")
    with pytest.raises(SourceError) as caught:
        open_source(f"{tmp_path}/base.safetensors+{tmp_path}/lora.safetensors")
    assert sentence in str(caught.value)


def test_lengths_that_do_not_fit_are_told(tmp_path: Path) -> None:
    save_file(BASE, tmp_path / "base.safetensors")
    save_file({DOWN: ones(4, 32), UP: ones(24, 4), "fc.dora_scale": ones(23)}, tmp_path / "lora.safetensors")
    rows = et.analyze(f"{tmp_path}/base.safetensors+{tmp_path}/lora.safetensors").layers
    assert rows["fc"].reason == "fc.weight: 23 lengths for 24 outputs"


@pytest.mark.parametrize("word", ["pissa", "pissa_niter_16", "olora"])
def test_a_beginning_that_changed_the_base_is_not_added(word: str, tmp_path: Path) -> None:
    save_file(BASE, tmp_path / "base.safetensors")
    folder = tmp_path / "lora"
    folder.mkdir()
    save_file({DOWN: ones(8, 32), UP: ones(24, 8)}, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": 8, "init_lora_weights": word}))
    with pytest.raises(SourceError, match="which changed the base too"):
        open_source(f"{tmp_path}/base.safetensors+{folder}")
    assert "which changed the base too" in et.analyze(folder).layers[0].notes[0]


NAMES = st.sampled_from(["fc", "h.0.q", "lora_unet_a_b"])
WORDS = st.sampled_from(
    ["lora_A.weight", "lora_B.weight", "lora_mid.weight", "alpha", "dora_scale", "lora_embedding_A", "lora_embedding_B",
     "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "lokr_w1", "lokr_w2", "lokr_w2_a",
     "lokr_w2_b", "lokr_t2", "weight", "lora_E"]
)  # fmt: skip
SHAPES = st.lists(st.integers(0, 5), min_size=0, max_size=5).map(tuple)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.tuples(NAMES, WORDS).map(".".join), SHAPES, min_size=1, max_size=8))
def test_whatever_shapes_stand_there_nothing_but_our_own_errors_comes_out(tensors: dict[str, tuple[int, ...]]) -> None:
    arrays = {name: np.ones(shape, np.float32) for name, shape in tensors.items()}
    source = open_source(arrays)
    for spec in source.tensors():
        try:
            array = source.read(spec)
            assert array.shape == spec.shape
        except EigentailError:
            continue
        if spec.rank:
            assert source.factors(spec).shape == spec.shape
    with suppress(EigentailError):
        et.analyze(arrays, Settings(min_evals=2))


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_none(text: str) -> None:
    part = part_of(text)
    assert part is None or (part.module and text.startswith(part.module[0]))
