"""One family of errors. Each says what went wrong, where, and what to try; the command line adds nothing to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EigentailError(Exception):
    """The root of every error this package raises on purpose.

    Args:
        what: the fact, in plain words, without a full stop.
        where: the file, tensor or setting it concerns.
        hint: what the user can try.

    Example:
        >>> str(EigentailError("the file is empty", where="a.safetensors", hint="download it again"))
        'a.safetensors: the file is empty: download it again'
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what, self.where, self.hint = what, where, hint

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.hint)

    def __str__(self) -> str:
        return ": ".join(text for text in (self.where, self.what, self.hint) if text)


class UsageError(EigentailError):
    """A word the user chose is not one we know: a metric, a setting, a pattern that matches nothing.

    Example:
        >>> UsageError("unknown metric 'alhpa'").exit_code
        2
    """

    exit_code = 2


class SourceError(EigentailError):
    """The weights cannot be had: not found, not readable, damaged, or not a model.

    Example:
        >>> SourceError("no such file", where="x.pt").exit_code
        3
    """

    exit_code = 3


class LayerError(EigentailError):
    """One layer could not be measured, and the caller asked for `strict`.

    Example:
        >>> LayerError("2 values are not finite", where="fc1").exit_code
        4
    """

    exit_code = 4


def _rebuild(kind: type[EigentailError], what: str, where: str, hint: str) -> EigentailError:
    """Make the error again after pickling: keyword-only arguments do not survive Exception's own way."""
    return kind(what, where=where, hint=hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known words, or lists them all when they are few.

    Args:
        word: what the user wrote.
        known: every word that would have been right.

    Returns:
        A hint for `EigentailError`, empty when nothing is close and the list is long.

    Example:
        >>> did_you_mean("stable_rnk", ["stable_rank", "alpha"])
        'did you mean stable_rank?'
        >>> did_you_mean("x", ["pooled", "flatten"])
        'choose from flatten, pooled'
    """
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"choose from {', '.join(choices)}" if len(choices) <= 30 else ""
