"""What a Keras configuration says of its layers: their classes, by their names. Nothing in it is ever called."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, final

import msgspec

from eigentail.errors import SourceError

MAX_DEPTH: Final = 64
MAX_CONFIG: Final = 8 << 20  # Python takes twenty times as much memory for what it says
_REFETCH: Final = "the file is damaged: fetch it again"

Path = tuple[str, ...]


class LayerFacts(msgspec.Struct, frozen=True):
    """What is known of a layer.

    Attributes:
        kind: the name of its class ("Conv2D"), or "".
        config: its own part of the configuration.

    Example:
        >>> LayerFacts("Dense", {"units": 10}).kind
        'Dense'
    """

    kind: str = ""
    config: Mapping[str, Any] = {}


@final
class Architecture:
    """The layers of a model, nested models and wrapped layers included.

    Args:
        config: what `model.to_json()` gives, or nothing.
        where: the file, for the error.

    Raises:
        SourceError: models are nested beyond all measure.

    Example:
        >>> layer = {"class_name": "Dense", "config": {"name": "fc", "units": 3}}
        >>> model = Architecture({"class_name": "Sequential", "config": {"layers": [layer]}})
        >>> model.facts(("fc", "kernel")).kind, model.names(("layers", "dense")), model.order("fc")
        ('Dense', ('fc',), 0)
    """

    def __init__(self, config: Mapping[str, Any], where: str = "") -> None:
        self._where = where
        self._by_path: dict[Path, LayerFacts] = {}
        self._by_name: dict[str, LayerFacts] = {}
        self._stored: dict[Path, Path] = {}
        self._order: dict[str, int] = {}
        self._walk(config, (), (), 0)

    def facts(self, path: Path) -> LayerFacts:
        """Of the layer that a path of names leads to or through; the innermost that has a class of its own."""
        for end in range(len(path), 0, -1):
            if path[:end] in self._by_path:
                return self._by_path[path[:end]]
        named = (self._by_name[name] for name in reversed(path) if name in self._by_name)
        return next(named, LayerFacts())

    def names(self, groups: Path) -> Path | None:
        """The names of the layers that Keras 3 stores in these groups, None when the configuration does not tell."""
        return self._stored.get(groups)

    def order(self, name: str) -> int:
        """The place of an outermost layer among the others, after all of them when it is unknown."""
        return self._order.get(name, len(self._order))

    def _walk(self, item: object, names: Path, groups: Path, depth: int) -> None:
        """Take in the layers of a model."""
        if depth > MAX_DEPTH:
            what = f"has a configuration of models nested more than {MAX_DEPTH} deep"
            raise SourceError(what, where=self._where, hint=_REFETCH)
        seen: Counter[str] = Counter()
        for kind, name, config in _layers(item):
            snake = snake_case(kind)
            group = f"{snake}_{seen[snake]}" if seen[snake] else snake
            seen[snake] += 1
            inner, stored = (*names, name), (*groups, "layers", group)
            self._order.setdefault(inner[0], len(self._order))
            self._stored[stored] = inner
            facts = _unwrapped(LayerFacts(kind, config))
            if "layers" in facts.config:
                self._walk({"config": facts.config}, inner, stored, depth + 1)
            else:
                self._by_path[inner] = self._by_name[name] = facts


def read_architecture(text: str, where: str) -> dict[str, Any]:
    """The configuration of a model as JSON, of which Python's own dialect (NaN) is common.

    Args:
        text: what the file holds, or "".
        where: the file, for the error.

    Raises:
        SourceError: it is no JSON, or beyond all measure.

    Example:
        >>> read_architecture('{"class_name": "Sequential"}', "m.h5"), read_architecture("", "m.h5")
        ({'class_name': 'Sequential'}, {})
    """
    if not text:
        return {}
    if len(text) > MAX_CONFIG:
        raise SourceError(
            f"has a configuration of {len(text):,} characters where {MAX_CONFIG:,} are allowed", where=where
        )
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"has a configuration that is not JSON ({str(error)[:80]})", where=where, hint=_REFETCH
        ) from error
    return found if isinstance(found, dict) else {}


def snake_case(name: str) -> str:
    """The word Keras makes of the name of a class for its groups and for layers without a name.

    Example:
        >>> snake_case("Conv2DTranspose"), snake_case("LSTM"), snake_case("MultiHeadAttention")
        ('conv2d_transpose', 'lstm', 'multi_head_attention')
    """
    parted = re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", re.sub(r"\W", "", name))
    return re.sub("__+", "_", parted).lower()


def _layers(item: object) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Class, name and configuration of the layers directly in a model; Keras 1 has a bare list of them."""
    config = item.get("config") if isinstance(item, Mapping) else None
    listed = config.get("layers") if isinstance(config, Mapping) else config
    for layer in listed if isinstance(listed, list) else ():
        own = layer.get("config") if isinstance(layer, Mapping) else None
        held = own if isinstance(own, Mapping) else {"layers": own} if isinstance(own, list) else None
        if held is None:
            continue
        kind, name = layer.get("class_name"), held.get("name", layer.get("name"))
        if isinstance(kind, str):
            yield kind.rpartition(">")[2], name if isinstance(name, str) else "", held


def _unwrapped(facts: LayerFacts) -> LayerFacts:
    """The layer inside wrappers such as TimeDistributed and Bidirectional, whose weights are all its own."""
    for _ in range(MAX_DEPTH):
        inner = facts.config.get("layer")
        config = inner.get("config") if isinstance(inner, Mapping) else None
        kind = inner.get("class_name") if isinstance(inner, Mapping) else None
        if not isinstance(config, Mapping) or not isinstance(kind, str):
            break
        facts = LayerFacts(kind, config)
    return facts
