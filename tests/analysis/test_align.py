"""Which layers of different models are taken for the same one."""

from __future__ import annotations

import itertools
import random

import pytest
from made_models import Shapes, headed

import eigentail as et
from eigentail.analysis.align import align, stripped
from eigentail.records.comparison import Alignment, MatchedBy

WIDTH = 64


def llama(blocks: int, prefix: str = "", suffix: str = "", width: int = WIDTH) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"{prefix}model.embed_tokens.weight": (512, width)}
    for i in range(blocks):
        at = f"{prefix}model.layers.{i}"
        for part in "qkvo":
            shapes[f"{at}.self_attn.{part}_proj{suffix}.weight"] = (width, width)
        for part, shape in {"gate": (3 * width, width), "up": (3 * width, width), "down": (width, 3 * width)}.items():
            shapes[f"{at}.mlp.{part}_proj.weight"] = shape
    return shapes | {f"{prefix}lm_head.weight": (512, width)}


def meta(blocks: int) -> dict[str, tuple[int, ...]]:
    """The same network under the names of its makers."""
    shapes: dict[str, tuple[int, ...]] = {"tok_embeddings.weight": (512, WIDTH)}
    for i in range(blocks):
        for part in "qkvo":
            shapes[f"layers.{i}.attention.w{part}.weight"] = (WIDTH, WIDTH)
        for part, shape in {"w1": (3 * WIDTH, WIDTH), "w3": (3 * WIDTH, WIDTH), "w2": (WIDTH, 3 * WIDTH)}.items():
            shapes[f"layers.{i}.feed_forward.{part}.weight"] = shape
    return shapes | {"output.weight": (512, WIDTH)}


def aligned(*models: Shapes) -> Alignment:
    return align([headed(shapes) for shapes in models])


def pairs(alignment: Alignment) -> set[tuple[str | None, ...]]:
    return {match.names for match in alignment.matches}


def hows(alignment: Alignment) -> set[MatchedBy]:
    return {match.how for match in alignment.matches}


def test_a_model_is_matched_with_itself_by_name_alone() -> None:
    found = aligned(llama(3), llama(3))
    assert found.unmatched == ((), ())
    assert hows(found) == {MatchedBy.NAME}
    assert all(one == other for one, other in pairs(found))
    assert all(match.same_shape for match in found.matches)


@pytest.mark.parametrize("prefix", ["base_model.model.", "module.", "backbone.", "model.", "net.model."])
def test_what_a_wrapper_puts_in_front_does_not_count(prefix: str) -> None:
    found = aligned(llama(2), llama(2, prefix))
    assert found.unmatched == ((), ())
    assert all(other == f"{prefix}{one}" for one, other in pairs(found))


def test_what_an_adapter_puts_inside_does_not_count() -> None:
    found = aligned(llama(2), llama(2, "base_model.model.", ".base_layer"))
    assert found.unmatched == ((), ())
    assert hows(found) == {MatchedBy.PREFIX}


def test_another_frameworks_names_are_matched_by_what_the_layers_do() -> None:
    found = aligned(llama(2), meta(2))
    assert found.unmatched == ((), ())
    assert ("model.layers.1.self_attn.q_proj", "layers.1.attention.wq") in pairs(found)
    assert ("model.layers.0.mlp.down_proj", "layers.0.feed_forward.w2") in pairs(found)
    assert ("lm_head", "output") in pairs(found)


def test_an_inserted_layer_shifts_nothing() -> None:
    plain = {"fc1.weight": (64, 64), "fc2.weight": (64, 64), "fc3.weight": (64, 64)}
    more = {"fc1.weight": (64, 64), "extra.weight": (64, 64), "fc2.weight": (64, 64), "fc3.weight": (64, 64)}
    found = aligned(plain, more)
    assert pairs(found) == {(name, name) for name in ("fc1", "fc2", "fc3")}
    assert found.unmatched == ((), ("extra",))


def test_numbers_in_an_unnamed_sequence_are_positions_and_give_way_to_shapes() -> None:
    plain = {"0.weight": (128, 64), "2.weight": (96, 128), "4.weight": (10, 96)}
    more = {"0.weight": (128, 64), "2.weight": (128, 128), "4.weight": (96, 128), "6.weight": (10, 96)}
    found = aligned(plain, more)
    assert pairs(found) == {("0", "0"), ("2", "4"), ("4", "6")}
    assert found.unmatched == ((), ("2",))


def test_numbers_in_an_unnamed_sequence_are_all_there_is_when_the_width_differs() -> None:
    found = aligned({f"{i}.weight": (64, 64) for i in range(3)}, {f"{i}.weight": (96, 96) for i in range(3)})
    assert pairs(found) == {(str(i), str(i)) for i in range(3)}
    assert hows(found) == {MatchedBy.POSITION}
    assert not any(match.same_shape for match in found.matches)


def test_a_renamed_layer_is_matched_when_it_is_the_only_one_left_of_its_shape() -> None:
    one = {"fc1.weight": (64, 64), "middle.weight": (96, 64), "last.weight": (96, 96)}
    found = aligned(one, {"fc1.weight": (64, 64), "zwischen.weight": (96, 64), "last.weight": (96, 96)})
    assert ("middle", "zwischen") in pairs(found)
    assert MatchedBy.SHAPE in hows(found)


def test_what_is_ambiguous_stays_unmatched() -> None:
    found = aligned(
        {"a.weight": (64, 64), "b.weight": (64, 64)}, {"c.weight": (64, 64), "d.weight": (64, 64)}
    )  # fmt: skip
    assert (found.matches, found.unmatched) == ((), (("a", "b"), ("c", "d")))


def test_models_without_a_common_layer_have_none() -> None:
    found = aligned({"conv.weight": (64, 32, 3, 3)}, llama(1))
    assert found.matches == ()
    assert found.unmatched[0] == ("conv",)
    assert found.shared(0, 1) == 0


def test_another_depth_leaves_the_further_blocks_alone() -> None:
    found = aligned(llama(2), llama(3))
    assert found.unmatched[0] == ()
    assert {name.split(".")[2] for name in found.unmatched[1]} == {"2"}


def test_another_width_is_matched_and_marked() -> None:
    found = aligned(llama(1), llama(1, width=96))
    assert found.unmatched == ((), ())
    assert not any(match.same_shape for match in found.matches)


def test_wider_kernels_are_not_the_same_shape() -> None:
    found = aligned({"conv.weight": (32, 16, 3, 3)}, {"conv.weight": (32, 16, 5, 5)})
    assert [match.same_shape for match in found.matches] == [False]


def test_the_order_of_the_models_does_not_matter() -> None:
    models = [headed(llama(2)), headed(llama(3, "base_model.model.")), headed(meta(2)), headed({"x.weight": (9, 9)})]
    expected = None
    for order in itertools.permutations(range(4)):
        found = align([models[i] for i in order])
        names = {tuple(match.names[order.index(i)] for i in range(4)) for match in found.matches}
        alone = tuple(found.unmatched[order.index(i)] for i in range(4))
        expected = expected or (names, alone)
        assert (names, alone) == expected
    assert expected is not None
    assert sum(None not in names[:3] for names in expected[0]) == 2 * 7 + 2


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_tensors_in_a_file_does_not_matter(seed: int) -> None:
    items = list(llama(3, "base_model.model.").items())
    random.Random(seed).shuffle(items)
    found = aligned(meta(3), dict(items))
    assert pairs(found) == pairs(aligned(meta(3), llama(3, "base_model.model.")))


@pytest.mark.parametrize("seed", range(20))
def test_every_layer_is_in_one_match_at_most_or_alone(seed: int) -> None:
    draw = random.Random(seed)
    words = ["model", "fc", "h", "0", "1", "2", "attn", "q_proj", "conv", "weight"]
    models = [
        headed({".".join(draw.choices(words, k=3)) + ".weight": (draw.choice([8, 9]), 8) for _ in range(15)})
        for _ in range(3)
    ]
    found = align(models)
    for at, model in enumerate(models):
        seen = [match.names[at] for match in found.matches if match.names[at] is not None]
        assert sorted([*seen, *found.unmatched[at]]) == sorted(row.name for row in model.layers)
    assert all(sum(name is not None for name in match.names) > 1 for match in found.matches)


def test_kind_alone_says_nothing_of_a_matrix_without_a_role() -> None:
    found = aligned({"a.weight": (64, 64)}, {"b.weight": (96, 96)})
    assert found.matches == ()


def test_names_of_any_length_and_kind_are_taken() -> None:
    strange = {"9" * 5000: (8, 8), "a." * 400 + "weight": (8, 9), ".": (9, 9), "..weight": (9, 10), "²": (10, 10)}
    found = aligned(strange, strange)
    assert found.unmatched == ((), ())


def test_fewer_than_two_is_nothing_to_compare() -> None:
    with pytest.raises(et.UsageError, match="1 model is nothing to compare: give two or more"):
        align([headed(llama(1))])


def test_an_empty_report_shares_nothing() -> None:
    empty = headed({})
    assert align([empty, headed(llama(1))]).matches == ()
    assert align([empty, empty]).unmatched == ((), ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base_model.model.model.layers.0.q_proj.base_layer", "layers.0.q_proj"),
        ("transformer.h.0.attn", "h.0.attn"),
        ("model", "model"),
        ("encoder.model.fc", "encoder.model.fc"),
        ("base_layer", "base_layer"),
        ("", ""),
    ],
)
def test_what_is_dropped_from_a_name(name: str, expected: str) -> None:
    assert stripped(name) == expected


def test_thousands_of_experts_take_no_time() -> None:
    experts = {f"layers.{i}.mlp.experts.{j}.up_proj.weight": (8, 8) for i in range(30) for j in range(100)}
    model = headed(experts)
    assert len(align([model, model]).matches) == 3000
