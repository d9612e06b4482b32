from __future__ import annotations

from contextlib import suppress
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.sources import checkpoint
from eigentail.sources.checkpoint import flatten

NET = {"fc.weight": 1.0, "fc.bias": 2.0}
ADAM = {"state": {0: {"exp_avg": 7.0}}, "param_groups": [{"params": [0]}]}


def names(obj: object) -> list[str]:
    return list(flatten(obj, lambda leaf: isinstance(leaf, float)))


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (NET, ["fc.weight", "fc.bias"]),
        ({"state_dict": NET, "epoch": 3}, ["fc.weight", "fc.bias"]),
        ({"checkpoint": {"model": {"module": NET}}}, ["fc.weight", "fc.bias"]),
        ({"model": NET, "optimizer": ADAM}, ["fc.weight", "fc.bias", "optimizer.state.0.exp_avg"]),
        ({"net": NET, "d_opt": ADAM}, ["fc.weight", "fc.bias", "optimizer.d_opt.state.0.exp_avg"]),
        ({"net": NET, "best": ADAM}, ["fc.weight", "fc.bias", "optimizer.best.state.0.exp_avg"]),
        (ADAM, ["optimizer.state.0.exp_avg"]),
        ({"generator": NET, "discriminator": {"fc.weight": 3.0}}, ["generator.fc.weight", "generator.fc.bias"]),
        ({"student": NET, "teacher": {"fc.weight": 3.0}}, ["fc.weight", "fc.bias", "teacher.fc.weight"]),
        ({"state_dict": NET, "sampler": [3.0]}, ["fc.weight", "fc.bias", "sampler.0"]),
        ({"net": NET, "sampler": [3.0]}, ["net.fc.weight", "net.fc.bias", "sampler.0"]),
        ({"model": NET, "net": {"fc.weight": 3.0}}, ["model.fc.weight", "model.fc.bias", "net.fc.weight"]),
        ({"student": NET, "optimizer": ADAM}, ["fc.weight", "fc.bias"]),
        ({"encoder": NET}, ["encoder.fc.weight", "encoder.fc.bias"]),
        ({"params": {"net": {"dense": {"kernel": 1.0}}}}, ["dense.kernel"]),
        ({"model": {"weights": 1.0}}, ["weights"]),
        ({"model": NET, "step": 4.0, "callbacks": {"best": 5.0}}, ["fc.weight", "fc.bias", "step", "callbacks.best"]),
        ({"state_dict": [NET, NET | {"x.y": 3.0}]}, ["0.fc.weight", "0.fc.bias", "1.fc.weight", "1.fc.bias", "1.x.y"]),
        ((NET,), ["0.fc.weight", "0.fc.bias"]),
        (MappingProxyType({"state_dict": NET}), ["fc.weight", "fc.bias"]),
        (5.0, ["weight"]),
        ({1: {True: 1.0}}, ["1.True"]),
        ({}, []),
        ("state_dict", []),
    ],
)
def test_names_are_those_of_the_model(saved: object, expected: list[str]) -> None:
    assert names(saved)[: len(expected)] == expected


def test_a_lightning_checkpoint() -> None:
    saved = {
        "epoch": 1,
        "state_dict": {"model.fc.weight": 1.0, "model_ema.decay": 2.0, "model_ema.modelfcweight": 3.0},
        "optimizer_states": [ADAM],
        "lr_schedulers": [{"base": 4.0}],
        "callbacks": {"ModelCheckpoint": {"best_model_score": 5.0}},
        "hyper_parameters": {"lr": 6.0},
    }
    assert names(saved) == [
        "model.fc.weight",
        "ema.decay",
        "ema.modelfcweight",
        "optimizer.optimizer_states.0.state.0.exp_avg",
        "optimizer.lr_schedulers.0.base",
        "callbacks.ModelCheckpoint.best_model_score",
        "hyper_parameters.lr",
    ]


@pytest.mark.parametrize("key", ["ema", "ema_state_dict", "model_ema", "state_dict_ema", "params_ema", "EMA"])
def test_an_averaged_copy_is_marked(key: str) -> None:
    copy = {"fc.weight": 3.0}
    assert names({"model": NET, key: copy}) == ["fc.weight", "fc.bias", "ema.fc.weight"]
    assert names({"model": NET, key: {"module": copy}}) == ["fc.weight", "fc.bias", "ema.fc.weight"]


@pytest.mark.parametrize("saved", [{"ema_state_dict": NET}, {"ema": {"model": NET}, "step": 4.0, "optimizer": ADAM}])
def test_an_averaged_copy_that_is_alone_is_the_model(saved: object) -> None:
    assert names(saved)[:2] == ["fc.weight", "fc.bias"]


def test_two_averaged_copies_stay_apart() -> None:
    assert names({"model": NET, "g_ema": {"a.b": 3.0}, "d_ema": {"a.b": 4.0}})[2:] == ["ema.g_ema.a.b", "ema.d_ema.a.b"]


def test_a_module_called_ema_inside_the_model_is_no_copy() -> None:
    assert names({"backbone.ema.weight": 1.0}) == ["backbone.ema.weight"]


def test_names_that_would_become_equal_stay_as_stored() -> None:
    saved = {"module.fc.weight": 1.0, "fc.weight": 2.0, "module.fc.bias": 3.0}
    assert names(saved) == ["module.fc.weight", "fc.weight", "fc.bias"]


def test_a_wrapper_stays_where_taking_it_off_would_make_names_equal() -> None:
    assert flatten({"model": {"w": 1.0}, "w": 2.0}, lambda leaf: isinstance(leaf, float)) == {"model.w": 1.0, "w": 2.0}


def test_two_tensors_of_one_name_are_refused() -> None:
    with pytest.raises(SourceError, match=r"^a\.pt: two tensors are both named 'a\.b'"):
        flatten({"a": {"b": 1.0}, "a.b": 2.0}, lambda leaf: isinstance(leaf, float), "a.pt")


def test_a_name_that_cannot_be_printed_is_refused() -> None:
    with pytest.raises(SourceError, match=r"the tensor name '\\ud800' is not valid Unicode"):
        names({"\ud800": 1.0})


def test_deep_nesting_is_refused() -> None:
    deep: dict[str, Any] = {"w": 1.0}
    for _ in range(checkpoint.MAX_DEPTH):
        deep = {"a": deep}
    with pytest.raises(SourceError, match="nested more than 64 deep"):
        names(deep)
    assert len(names(deep["a"])) == 1


def test_many_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "MAX_NODES", 1000)
    assert names([0] * 999) == []
    with pytest.raises(SourceError, match="holds more than 1,000 objects"):
        names([0] * 1000)


def test_shared_containers_are_walked_once() -> None:
    laughs: list[Any] = [1.0]
    for _ in range(60):
        laughs = [laughs, laughs]  # 2^60 paths
    assert len(names(laughs)) == 1


def test_a_cycle_ends() -> None:
    ring: dict[str, Any] = {"w.x": 1.0}
    ring["self"] = ring
    assert names(ring) == ["w.x"]


words = st.sampled_from(["model", "state_dict", "ema", "optimizer", "module", "fc", "w", "module.fc", "step", "0"])
trees = st.recursive(
    st.floats(), lambda inner: st.dictionaries(words, inner) | st.lists(inner, max_size=3), max_leaves=12
)


@given(trees)
def test_no_tensor_is_lost(tree: object) -> None:
    def count(node: object) -> int:
        if isinstance(node, dict):
            return sum(map(count, node.values()))
        return sum(map(count, node)) if isinstance(node, list) else 1

    with suppress(SourceError):  # two of one name
        assert len(names(tree)) == count(tree)
