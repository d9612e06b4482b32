"""Whether names are those of an adapter is told by a look for words first: no name is missed by that."""

from __future__ import annotations

import pytest

from eigentail.sources.adapters import names
from eigentail.sources.adapters.names import is_adapter, part_of

WAYS = "lora_A lora_down lora.down lora_linear_layer.down lora_linear_layer_down lora_B lora_up lora.up lora_mid"


@pytest.mark.parametrize("word", [*WAYS.split(), *names._EXACT, *names._OTHER])
@pytest.mark.parametrize("form", ["h.0.fc.{}.weight", "h.0.fc.{}", "lora_unet_fc.{}", "x_{}.default.weight"])
def test_a_name_that_tells_has_a_telling_word(word: str, form: str) -> None:
    name = form.format(word)
    part = part_of(name)
    assert is_adapter([name]) == (part is not None and part.word not in names._NOT_ALONE)
