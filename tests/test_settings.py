"""Every choice is checked when it is made, and a mistake is told with the remedy."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from eigentail.errors import UsageError
from eigentail.settings import Settings, parse_settings


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"conv": "flaten"}, "conv: unknown value 'flaten': did you mean flatten?"),
        ({"conv_scale": "wieghtwatcher"}, "conv_scale: unknown value .*: did you mean weightwatcher"),
        ({"precision": "half"}, "precision: unknown value 'half': choose from auto, float32, float64"),
        ({"embeddings": 3}, "embeddings: unknown value 3: choose from"),
        ({"min_evals": 1}, "min_evals: 1 is too few: a spectrum needs 2 or more"),
        ({"min_evals": 50, "max_evals": 49}, "max_evals: 49 is less than min_evals: "),
        ({"null": "shufle"}, "null: unknown value 'shufle': did you mean shuffle?"),
        ({"seed": -1}, "seed: -1 is negative: any whole number from 0 on"),
        ({"shuffles": 2}, "shuffles: 2 is too few: 3 or more"),
        ({"metrics": ()}, r"metrics: needs a list of words, not \(\)"),
    ],
)
def test_a_wrong_value_is_told(choices: dict[str, Any], sentence: str) -> None:
    for make in (lambda: Settings(**choices), lambda: parse_settings(choices)):
        with pytest.raises(UsageError, match=f"^{sentence}"):
            make()


@pytest.mark.parametrize("field", ["metrics", "layers", "kinds"])
def test_one_word_is_no_list_of_words(field: str) -> None:
    with pytest.raises(UsageError, match=f"^{field}: needs a list of words, not 'fc1'"):
        Settings(**{field: "fc1"})  # type: ignore[arg-type]


def test_an_unknown_setting_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(UsageError, match=r"unknown setting 'min_eval': did you mean min_evals"):
        parse_settings({"min_eval": 3})


def test_a_value_of_the_wrong_type_is_told() -> None:
    with pytest.raises(UsageError, match=r"a setting has the wrong type \(.*int.*min_evals"):
        parse_settings({"min_evals": "many"})


def test_words_become_a_record_and_lists_tuples() -> None:
    parsed = parse_settings({"metrics": ["alpha", "log_*"], "conv": "per-slice", "max_evals": None})
    assert parsed == Settings(metrics=("alpha", "log_*"), conv="per-slice")


def test_settings_survive_json() -> None:
    settings = Settings(metrics=("alpha",), min_evals=50, max_evals=100, strict=True)
    assert parse_settings(msgspec.json.decode(msgspec.json.encode(settings))) == settings
    assert msgspec.json.decode(msgspec.json.encode(settings), type=Settings) == settings


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Settings().conv = "flatten"  # type: ignore[misc]


def test_the_smallest_choices_that_make_sense() -> None:
    assert Settings(min_evals=2, max_evals=2).max_evals == 2
