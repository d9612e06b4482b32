"""An error is one sentence: where, what, and what to try."""

from __future__ import annotations

import pickle

import pytest

from eigentail.errors import EigentailError, LayerError, SourceError, UsageError, did_you_mean

KINDS = {EigentailError: 1, UsageError: 2, SourceError: 3, LayerError: 4}


@pytest.mark.parametrize(("where", "hint", "text"), [
    ("", "", "is bad"),
    ("a.pt", "", "a.pt: is bad"),
    ("", "fetch it again", "is bad: fetch it again"),
    ("a.pt", "fetch it again", "a.pt: is bad: fetch it again"),
])  # fmt: skip
def test_the_sentence(where: str, hint: str, text: str) -> None:
    assert str(EigentailError("is bad", where=where, hint=hint)) == text


@pytest.mark.parametrize(("kind", "code"), KINDS.items())
def test_every_kind_has_its_exit_code_and_is_one_family(kind: type[EigentailError], code: int) -> None:
    assert kind.exit_code == code
    assert issubclass(kind, EigentailError)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_crosses_a_process_boundary(kind: type[EigentailError]) -> None:
    error = kind("is bad", where="a.pt", hint="fetch it again")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.what, again.where, again.hint, str(again)) == (error.what, error.where, error.hint, str(error))


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("alhpa", ["alpha", "sigma"], "did you mean alpha?"),
        ("alpha_", ["alpha_b", "alpha_a"], "did you mean alpha_b or alpha_a?"),
        ("zzz", ["b", "a"], "choose from a, b"),
        ("zzz", [f"word{i}" for i in range(31)], ""),
    ],
)
def test_the_nearest_word(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint


def test_all_words_are_listed_while_they_are_few() -> None:
    assert did_you_mean("zzz", [f"word{i}" for i in range(30)]).count("word") == 30
