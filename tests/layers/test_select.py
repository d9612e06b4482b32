"""Selection by name, kind, index, range and size; every layer left out says why."""

from __future__ import annotations

import pytest
from checkpoints_text import TEXT
from checkpoints_vision import VISION
from hypothesis import given
from hypothesis import strategies as st
from tables import header, reasons

from eigentail.errors import UsageError
from eigentail.layers import Grouping, group, select
from eigentail.settings import Settings

LLAMA = group(header(TEXT["llama"].header))
RESNET = group(header(VISION["resnet"].header))


def kept(found: Grouping, **choices: object) -> list[int]:
    return [layer.index for layer in select(found, Settings(**choices)).layers]


@pytest.mark.parametrize(
    ("words", "indices"),
    [
        (["*"], range(9)),
        (["*q_proj"], [1]),
        (["model.layers.0.*", "!*mlp*"], [1, 2, 3, 4]),
        (["!*mlp*"], [0, 1, 2, 3, 4, 8]),
        (["7"], [7]),
        (["0:3"], [0, 1, 2]),
        (["7:"], [7, 8]),
        ([":2", "8"], [0, 1, 8]),
        (["*", "!0:8"], [8]),
        (["lm_head"], [8]),
        (["*proj", "!4", "!*gate*"], [1, 2, 3, 6, 7]),
    ],
)
def test_words_choose_layers(words: list[str], indices: list[int]) -> None:
    found = select(LLAMA, Settings(layers=tuple(words)))
    assert [layer.index for layer in found.layers] == list(indices)
    left = set(range(9)) - set(indices)
    assert sum(reason == "not among the layers chosen" for reason in reasons(found).values()) == len(left)


@pytest.mark.parametrize(
    ("words", "indices"),
    [(["attention.*"], [1, 2, 3, 4]), (["!attention.*", "!embedding.*"], [5, 6, 7, 8]), (["mlp.up", "head"], [6, 8])],
)
def test_words_choose_kinds(words: list[str], indices: list[int]) -> None:
    found = select(LLAMA, Settings(kinds=tuple(words)))
    assert [layer.index for layer in found.layers] == indices
    assert "not among the kinds chosen" in reasons(found).values()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"layers": ("lm_haed",)}, r"layers: 'lm_haed' matches nothing in this model: did you mean lm_head\?"),
        ({"layers": ("*", "!lm_haed")}, r"layers: 'lm_haed' matches nothing .*lm_head"),
        ({"layers": ("9",)}, "layers: '9' matches nothing .* numbered 0 to 8"),
        ({"layers": ("20:30",)}, "layers: '20:30' matches nothing .* numbered 0 to 8"),
        ({"layers": ("model.norm*",)}, "layers: 'model.norm[*]' matches only what cannot be measured: a vector"),
        ({"kinds": ("atention.q",)}, r"kinds: 'atention.q' matches nothing in this model: did you mean attention.q"),
        ({"kinds": ("conv",)}, "kinds: 'conv' matches nothing in this model"),
    ],
)
def test_a_word_that_matches_nothing_is_an_error(choices: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        select(LLAMA, Settings(**choices))


def test_a_model_without_layers_is_not_the_words_fault() -> None:
    assert select(group(header("fc.bias 10")), Settings()).layers == ()


def test_sizes_leave_out() -> None:
    found = select(LLAMA, Settings(min_evals=17, max_evals=63))
    assert found.layers == ()
    said = reasons(found)
    assert said["model.layers.0.self_attn.k_proj"] == "only 16 eigenvalues, fewer than min_evals = 17"
    assert said["lm_head"] == "64 eigenvalues, more than max_evals = 63"
    assert kept(LLAMA, min_evals=16, max_evals=64) == list(range(9))


def test_pooled_kernels_count_all_their_eigenvalues() -> None:
    assert kept(RESNET, min_evals=147)[0] == 0  # 49 positions of rank 3
    assert kept(RESNET, min_evals=148)[0] == 1


def test_embeddings_stay_unless_they_are_skipped() -> None:
    assert kept(LLAMA, embeddings="apart")[0] == kept(LLAMA, embeddings="averaged")[0] == 0
    found = select(LLAMA, Settings(embeddings="skipped"))
    assert reasons(found)["model.embed_tokens"] == "an embedding, which the settings skip"
    assert found.layers[0].index == 1


def test_per_slice_names_positions_and_numbers_through() -> None:
    found = select(RESNET, Settings(conv="per-slice", min_evals=2)).layers
    assert [layer.name for layer in found[:2]] == ["conv1[0,0]", "conv1[0,1]"]
    assert [layer.index for layer in found] == list(range(49 + 4 * 9 + 2))
    assert [layer.name for layer in found[-2:]] == ["layer2.0.downsample.0", "fc"]
    assert all(layer.count == 1 for layer in found)
    one = select(RESNET, Settings(conv="per-slice", layers=("conv1[0,1]",), min_evals=2)).layers
    assert [layer.name for layer in one] == ["conv1[0,1]"]
    assert len(select(RESNET, Settings(conv="per-slice", layers=("conv1",), min_evals=2)).layers) == 49
    conv1d = select(group(header("c.weight 16x16x3")), Settings(conv="per-slice")).layers
    assert [layer.name for layer in conv1d] == ["c[0]", "c[1]", "c[2]"]


def test_a_single_input_channel_is_measured_only_when_flattened() -> None:
    found = group(header("conv.weight 16x1x4x4"))
    said = reasons(select(found, Settings()))
    assert said == {"conv": 'one input channel: its slices are vectors (conv = "flatten" measures them together)'}
    assert [layer.shape for layer in select(found, Settings(conv="flatten")).layers] == [(16, 16)]


@given(
    words=st.lists(st.sampled_from(["*", "*proj", "!*q_proj", "0:4", "!7", "lm_head", "!*mlp*"]), min_size=1),
    conv=st.sampled_from(["pooled", "per-slice", "flatten"]),
    embeddings=st.sampled_from(["apart", "skipped"]),
)
def test_nothing_is_lost_and_nothing_twice(words: list[str], conv: str, embeddings: str) -> None:
    found = select(LLAMA, Settings(layers=tuple(words), conv=conv, embeddings=embeddings))
    names = [layer.name for layer in found.layers] + [skip.name for skip in found.skipped]
    assert sorted(names) == sorted([layer.name for layer in LLAMA.layers] + [skip.name for skip in LLAMA.skipped])
