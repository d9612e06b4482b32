"""layers -> the layers asked for: convolutions turned the way the settings say, the rest skipped with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from msgspec.structs import replace

from eigentail.layers.geometry import matrix_shape
from eigentail.layers.group import Grouping, flattened
from eigentail.layers.patterns import chosen_by_kind, chosen_by_name
from eigentail.records import Layer, Skip
from eigentail.settings import Conv, Settings


def select(grouping: Grouping, settings: Settings) -> Grouping:
    """What the settings ask for.

    Args:
        grouping: every candidate, as `group` found them.
        settings: `conv`, `layers`, `kinds`, `embeddings`, `min_evals` and `max_evals` count here.

    Returns:
        The layers to measure, numbered over all candidates, and everything left out with its reason.

    Raises:
        UsageError: a word of `layers` or `kinds` matches nothing in this model.

    Example:
        >>> from eigentail.layers import group
        >>> from eigentail.records import TensorSpec
        >>> spec = TensorSpec(name="conv.weight", shape=(32, 16, 3, 3), dtype="float32", nbytes=18432)
        >>> [layer.shape for layer in select(group([spec]), Settings(conv="flatten")).layers]
        [(144, 32)]
        >>> select(group([spec]), Settings(min_evals=200)).skipped[0].reason
        'only 144 eigenvalues, fewer than min_evals = 200'
    """
    turned = [layer for found in grouping.layers for layer in _turned(found, settings.conv)]
    candidates = [replace(layer, index=index) for index, layer in enumerate(turned)]
    named = chosen_by_name(settings.layers, candidates, grouping.skipped)
    of_kind = chosen_by_kind(settings.kinds, candidates)
    kept, skipped = [], list(grouping.skipped)
    for layer in candidates:
        reason = _unasked(layer, named, of_kind) or _unfit(layer, settings)
        if reason:
            skipped.append(Skip(layer.name, layer.shape, reason))
        else:
            kept.append(layer)
    return Grouping(tuple(kept), tuple(skipped))


def _turned(layer: Layer, conv: Conv) -> Iterator[Layer]:
    """The layer as the convolution setting has it: one, or one for every kernel position."""
    if not layer.cut.view.startswith("conv") or conv == "pooled":
        yield layer
        return
    kernel = layer.tensors[0].shape
    if conv == "flatten":
        cut = flattened(layer.cut)
        count, *matrix = matrix_shape(cut, kernel)
        yield replace(layer, cut=cut, shape=(max(matrix), min(matrix)), count=count)
    elif layer.count == layer.cut.groups:
        yield layer
    else:
        yield from _positions(layer, kernel)


def _positions(layer: Layer, kernel: Sequence[int]) -> Iterator[Layer]:
    """One layer for every kernel position, named by it."""
    channels = tuple((0, size, 1) for size in kernel[:2])
    for position in product(*map(range, kernel[2:])):
        cut = replace(layer.cut, slices=(*channels, *((at, at + 1, 1) for at in position)))
        yield replace(layer, name=f"{layer.name}{list(position)}".replace(" ", ""), cut=cut, count=layer.cut.groups)


def _unasked(layer: Layer, named: frozenset[int], of_kind: frozenset[int]) -> str:
    """Why the user's words leave a layer out."""
    if layer.index not in named:
        return "not among the layers chosen"
    return "" if layer.index in of_kind else "not among the kinds chosen"


def _unfit(layer: Layer, settings: Settings) -> str:
    """Why a layer that was asked for is left out all the same."""
    if layer.kind.startswith("embedding.") and settings.embeddings == "skipped":
        return "an embedding, which the settings skip"
    if layer.shape[1] < 2:
        return 'one input channel: its slices are vectors (conv = "flatten" measures them together)'
    if layer.num_evals < settings.min_evals:
        return f"only {layer.num_evals} eigenvalues, fewer than min_evals = {settings.min_evals}"
    if settings.max_evals is not None and layer.num_evals > settings.max_evals:
        return f"{layer.num_evals} eigenvalues, more than max_evals = {settings.max_evals}"
    return ""
