from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigentail.sources.names import normalise

MARKS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
parts = st.lists(st.sampled_from(("module", "layers", "0", "weight", *MARKS)), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("stored", "plain"),
    [
        ("module.fc.weight", "fc.weight"),
        ("module.module.fc.weight", "fc.weight"),
        ("_orig_mod.fc.weight", "fc.weight"),
        ("_orig_mod.module.fc.weight", "fc.weight"),
        ("module._orig_mod.module.fc.weight", "fc.weight"),
        ("layers.0._fsdp_wrapped_module.mlp.weight", "layers.0.mlp.weight"),
        ("layers.0._checkpoint_wrapped_module.attn.weight", "layers.0.attn.weight"),
        ("encoder.module.weight", "encoder.module.weight"),
        ("modules.0.weight", "modules.0.weight"),
        ("my_orig_mod.weight", "my_orig_mod.weight"),
        ("fc.weight", "fc.weight"),
        ("module", "module"),
        ("module._orig_mod", "_orig_mod"),
        ("", ""),
    ],
)
def test_wrapper_marks_go_and_everything_else_stays(stored: str, plain: str) -> None:
    assert normalise(stored) == plain


@given(parts)
def test_a_plain_name_is_left_alone_and_keeps_its_order(name: list[str]) -> None:
    plain = normalise(".".join(name))
    assert normalise(plain) == plain
    left = iter(name)
    assert all(part in left for part in plain.split("."))  # a subsequence
    assert plain.split(".")[-1] == name[-1]


@given(parts)
def test_no_mark_stays_in_front_of_the_last_component(name: list[str]) -> None:
    front = normalise(".".join(name)).split(".")[:-1]
    assert not set(front) & set(MARKS)
    assert front[:1] != ["module"]
