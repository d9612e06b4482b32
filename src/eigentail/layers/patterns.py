"""Words that choose layers: globs, indices, ranges, and "!" for what to leave out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from itertools import islice
from typing import Final

from eigentail.errors import UsageError, did_you_mean
from eigentail.records import Layer, Skip

_RANGE: Final = re.compile(r"(\d*):(\d*)")
_MOST_NAMES_COMPARED: Final = 2000

Choice = Callable[[Layer], bool]


def chosen_by_name(words: Sequence[str], layers: Sequence[Layer], skipped: Iterable[Skip] = ()) -> frozenset[int]:
    """The indices of the layers that the words choose.

    Args:
        words: globs on the name, an index ("7"), a half-open range of indices ("0:12"); "!" before it excludes. When
            all exclude, everything else stays.
        layers: all candidates.
        skipped: what has been left out before, so that a word which asks for it can be answered with the reason.

    Raises:
        UsageError: a word matches nothing.

    Example:
        >>> from eigentail.layers import group
        >>> from eigentail.records import TensorSpec
        >>> def dense(name): return TensorSpec(name=name, shape=(64, 32), dtype="float32", nbytes=8192)
        >>> layers = group([dense("fc1.weight"), dense("fc2.weight"), dense("head.weight")]).layers
        >>> sorted(chosen_by_name(["fc*", "!fc2"], layers)), sorted(chosen_by_name(["1:"], layers))
        ([0], [1, 2])
    """

    def complain(word: str) -> UsageError:
        reason = next((skip.reason for skip in skipped if _by_text(word)(skip.name)), "")
        if reason:
            return UsageError(f"{word!r} matches only what cannot be measured", where="layers", hint=reason)
        if _by_index(word):
            return _no_match(word, "layers", f"the layers are numbered 0 to {len(layers) - 1}")
        known = islice((layer.name for layer in layers), _MOST_NAMES_COMPARED)
        return _no_match(word, "layers", did_you_mean(word, known))

    return _chosen(words, layers, lambda word: _by_index(word) or _by_name(word), complain)


def chosen_by_kind(words: Sequence[str], layers: Sequence[Layer]) -> frozenset[int]:
    """The indices of the layers whose kind the words choose.

    Args:
        words: globs on the kind; "!" before it excludes.
        layers: all candidates.

    Raises:
        UsageError: a word matches no kind that this model has.

    Example:
        >>> from eigentail.layers import group
        >>> from eigentail.records import TensorSpec
        >>> layers = group([TensorSpec(name="fc1", shape=(64, 32), dtype="float32", nbytes=8192)]).layers
        >>> chosen_by_kind(["dnse"], layers)
        Traceback (most recent call last):
        eigentail.errors.UsageError: kinds: 'dnse' matches nothing in this model: did you mean dense?
    """

    def complain(word: str) -> UsageError:
        return _no_match(word, "kinds", did_you_mean(word, {layer.kind for layer in layers}))

    def by_kind(word: str) -> Choice:
        matches = _by_text(word)
        return lambda layer: matches(layer.kind)

    return _chosen(words, layers, by_kind, complain)


def _chosen(
    words: Sequence[str],
    layers: Sequence[Layer],
    understand: Callable[[str], Choice],
    complain: Callable[[str], UsageError],
) -> frozenset[int]:
    """What the words include, less what they exclude."""
    included: set[int] = set()
    excluded: set[int] = set()
    for word in words:
        text = word.removeprefix("!")
        choice = understand(text)
        hits = {layer.index for layer in layers if choice(layer)}
        if layers and not hits:
            raise complain(text)
        (excluded if word.startswith("!") else included).update(hits)
    if all(word.startswith("!") for word in words):
        included = {layer.index for layer in layers}
    return frozenset(included - excluded)


def _by_index(word: str) -> Choice | None:
    """Understand "7" and "0:12"; None for any other word."""
    if word.isascii() and word.isdigit():
        return lambda layer: layer.index == int(word)
    found = _RANGE.fullmatch(word)
    if found is None:
        return None
    start, stop = int(found[1] or 0), int(found[2]) if found[2] else None
    return lambda layer: start <= layer.index and (stop is None or layer.index < stop)


def _by_name(word: str) -> Choice:
    """Match the name, or the name of the convolution that a slice ("conv1[0,2]") belongs to."""
    matches = _by_text(word)
    return lambda layer: matches(layer.name) or (layer.name.endswith("]") and matches(layer.name.rpartition("[")[0]))


def _by_text(word: str) -> Callable[[str], bool]:
    """Match as a glob, or as it stands: a slice's own name has brackets, which a glob would read as a set."""
    glob = re.compile(translate(word))
    return lambda text: text == word or glob.match(text) is not None


def _no_match(word: str, where: str, hint: str) -> UsageError:
    return UsageError(f"{word!r} matches nothing in this model", where=where, hint=hint)
