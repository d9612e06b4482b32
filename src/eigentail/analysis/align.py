"""Which layers of several models are the same: by name, else by structure, never by their position in a file."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, final

from eigentail.errors import UsageError
from eigentail.records import Layer, ModelReport
from eigentail.records.comparison import Alignment, Match, MatchedBy

# What wrappers, heads and other libraries put in front of the names of one and the same network.
_PREFIXES: Final = frozenset(
    {
        "module", "model", "transformer", "backbone", "base_model", "network", "net", "encoder_model",
        "bert", "roberta", "gpt_neox", "vit", "resnet", "student", "teacher", "ema", "language_model", "_orig_mod",
    }
)  # fmt: skip
# Components that adapters add inside a name.
_INSERTED: Final = frozenset({"base_layer", "original_module", "parametrizations", "original"})
# Kinds that say what a matrix is made of and not what it is for: there may be any number of them in a block.
_WITHOUT_ROLE: Final = frozenset({"dense", "conv", "fused", "expert"})

Key = Callable[[Layer], Hashable]


def align(reports: Sequence[ModelReport]) -> Alignment:
    """Match the layers of two or more models.

    The reasons are tried one after the other, each on what the ones before have left: the same name; the same name
    without what wrappers put around it; kind, block and the last word of the name; kind and block; kind, block and
    shape; the same number in an unnamed sequence. A reason counts where it holds for one layer of each model: what is
    ambiguous stays unmatched. A name that ends in a number (`net.4`) is a position and no name: it counts only where
    the shapes are equal too, so that an inserted layer shifts nothing. The order of the models and of the layers in
    their files does not matter.

    Args:
        reports: at least two.

    Returns:
        The layers that two models or more share, and for each model those that no other has.

    Raises:
        UsageError: fewer than two reports.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import analyze
        >>> plain = analyze({"layers.0.fc.weight": np.eye(16), "head.weight": np.eye(16)})
        >>> wrapped = analyze({"base_model.model.layers.0.fc.weight": np.eye(16), "extra.weight": np.eye(32)})
        >>> alignment = align([plain, wrapped])
        >>> [(match.names, match.how.value) for match in alignment.matches]
        [(('layers.0.fc', 'base_model.model.layers.0.fc'), 'prefix')]
        >>> alignment.unmatched
        (('head',), ('extra',))
    """
    if len(reports) < 2:
        raise UsageError(f"{len(reports)} model is nothing to compare", hint="give two or more")
    joiner = _Joiner(reports)
    for how, key in _REASONS:
        joiner.join(how, key)
    return joiner.alignment()


def stripped(name: str) -> str:
    """The name without what wrappers put in front of it and what adapters put into it; its last component stays.

    Args:
        name: of a layer.

    Example:
        >>> stripped("base_model.model.model.layers.0.q_proj.base_layer"), stripped("model")
        ('layers.0.q_proj', 'model')
    """
    parts = [part for part in name.split(".") if part not in _INSERTED] or [name]
    while len(parts) > 1 and parts[0] in _PREFIXES:
        parts = parts[1:]
    return ".".join(parts)


@final
class _Joiner:
    """Groups of layers, at most one of each model, that grow together reason by reason."""

    def __init__(self, reports: Sequence[ModelReport]) -> None:
        self._models = len(reports)
        self._groups: list[dict[int, Layer]] = [
            {model: row.layer} for model, report in enumerate(reports) for row in report.layers
        ]
        self._how: list[MatchedBy] = [MatchedBy.NAME] * len(self._groups)

    def join(self, how: MatchedBy, key: Key) -> None:
        """Join the groups that share a key, where that leaves one layer of each model."""
        sharing: dict[Hashable, list[int]] = {}
        for at, layers in enumerate(self._groups):
            if len(layers) < self._models:
                for value in {key(layer) for layer in layers.values()} - {None}:
                    sharing.setdefault(value, []).append(at)
        # the order of the models must not decide which of two keys comes first
        for value in sorted(sharing, key=repr):
            self._join([at for at in sharing[value] if self._groups[at]], how)

    def _join(self, groups: Sequence[int], how: MatchedBy) -> None:
        models = [model for at in groups for model in self._groups[at]]
        if len(groups) < 2 or len(set(models)) < len(models):
            return
        first, *others = groups
        for at in others:
            self._groups[first] |= self._groups[at]
            self._groups[at] = {}
        self._how[first] = how

    def alignment(self) -> Alignment:
        """What was joined and what was not."""
        found = list(zip(self._groups, self._how, strict=True))
        matched = sorted((pair for pair in found if len(pair[0]) > 1), key=lambda pair: _first(pair[0]))
        alone = sorted((layers for layers in self._groups if len(layers) == 1), key=_first)
        return Alignment(
            matches=tuple(self._match(layers, how) for layers, how in matched),
            unmatched=tuple(
                tuple(layers[model].name for layers in alone if model in layers) for model in range(self._models)
            ),
        )

    def _match(self, layers: Mapping[int, Layer], how: MatchedBy) -> Match:
        names = [layers[model].name if model in layers else None for model in range(self._models)]
        shapes = {(layer.shape, layer.count) for layer in layers.values()}
        return Match(names=tuple(names), how=how, same_shape=len(shapes) == 1)


def _first(layers: Mapping[int, Layer]) -> tuple[int, int]:
    """The place of a group: in the first model that has it."""
    model = min(layers)
    return model, layers[model].index


def _whole(layer: Layer) -> Hashable:
    return _named(layer.name, layer)


def _bare(layer: Layer) -> Hashable:
    return _named(stripped(layer.name), layer)


def _named(name: str, layer: Layer) -> Hashable:
    """The name; with the shape where it is only a position."""
    return (name, layer.shape, layer.count) if _last(name).isdecimal() else name


def _role(layer: Layer) -> Hashable:
    """What a layer is called within its block."""
    word = _last(stripped(layer.name))
    return None if word.isdecimal() else (layer.kind, layer.block, word)


def _only(layer: Layer) -> Hashable:
    """A kind that has one role says which layer of its block this is."""
    return None if layer.kind in _WITHOUT_ROLE else (layer.kind, layer.block)


def _shaped(layer: Layer) -> Hashable:
    return layer.kind, layer.block, layer.shape, layer.count


def _placed(layer: Layer) -> Hashable:
    name = stripped(layer.name)
    return (name, layer.kind) if _last(name).isdecimal() else None


def _last(name: str) -> str:
    return name.rpartition(".")[2]


_REASONS: Final[Iterable[tuple[MatchedBy, Key]]] = (
    (MatchedBy.NAME, _whole),
    (MatchedBy.PREFIX, _bare),
    (MatchedBy.ROLE, _role),
    (MatchedBy.KIND, _only),
    (MatchedBy.SHAPE, _shaped),
    (MatchedBy.POSITION, _placed),
)
