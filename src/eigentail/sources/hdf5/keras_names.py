"""From where Keras stores an array to the name it has in the model: layers, then what it is in the innermost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from eigentail.sources.hdf5.keras_config import Architecture, snake_case
from eigentail.sources.hdf5.keras_layout import ALL_VECTORS, LEAVES, PARTS, ROLES
from eigentail.sources.hdf5.tree import Found, Tree

Path = tuple[str, ...]

_VARIABLES: Final = "vars"  # the group in which Keras 3 numbers the arrays of a layer
_WEIGHTS: Final = "model_weights"
_OPTIMIZERS: Final = ("optimizer_weights", "optimizer")
_COUNTER: Final = re.compile(r"_\d+$")
_CELL: Final = re.compile(r"cell|(lstm|gru|simple_rnn)_cell(_\d+)?")
_SIDE: Final = re.compile(r"^(forward|backward)_")
_OLD_LEAF: Final = re.compile(
    r"([WUb]_[ifcozrh]|W|b|gamma|beta|running_mean|running_std|embeddings|kernel|bias)(_\d+)?"
)
_WIDE_BIAS: Final = ("attention", "einsum", "recurrent")
_KERAS_1: Final = {"b": "bias"}


class Named(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An array and its place in the model.

    Attributes:
        found: where it is stored.
        layers: the names of the layers around it, the outermost first.
        leaf: what it is in the innermost, or a number where the file does not say.
        role: what the innermost does with its kernel (see `keras_layout.ROLES`), or "".

    Example:
        >>> from eigentail.sources.hdf5.keras_names import named
        >>> named(Tree((), {}), Architecture({}))
        []
    """

    found: Found
    layers: Path
    leaf: str
    role: str


def is_optimizer(path: Path) -> bool:
    """Whether an array is what an optimizer remembers of past steps.

    Example:
        >>> is_optimizer(("optimizer_weights", "Adam", "m")), is_optimizer(("model_weights", "fc", "kernel"))
        (True, False)
    """
    return len(path) > 1 and (path[0] == _OPTIMIZERS[0] or (path[0] == _OPTIMIZERS[1] and _VARIABLES in path))


def named(tree: Tree, model: Architecture) -> list[Named]:
    """Every array of the model, in its order: that of the configuration, else of the file's lists, else of writing.

    Args:
        tree: what the file holds.
        model: its configuration; may be empty.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> from eigentail.sources.hdf5.places import Place
        >>> data = BytesRange(bytes(32))
        >>> place = Place(shape=(4, 2), kind="float32", nbytes=32, reader=data, offset=0, stored=np.dtype("float32"))
        >>> old = Found(path=("model_weights", "fc", "fc_3", "kernel:0"), place=place, address=96)
        >>> new = Found(path=("layers", "dense", "vars", "0"), place=place, address=96)
        >>> [(item.layers, item.leaf) for item in named(Tree((old, new), {}), Architecture({}))]
        [(('fc',), 'kernel'), (('dense',), 'kernel')]
    """
    arrays = sorted((found for found in tree.arrays if not is_optimizer(found.path)), key=lambda found: found.address)
    items = [_new(found, tree, model) if _is_new(found.path) else _old(found, model) for found in arrays]
    listed = [*tree.texts.get(((), "layer_names"), ()), *tree.texts.get(((_WEIGHTS,), "layer_names"), ())]
    places = {name: place for place, name in reversed(list(enumerate(listed)))}

    def place(item: Named) -> tuple[int, int]:
        outermost = item.layers[0] if item.layers else ""
        return model.order(outermost), places.get(outermost, len(places))

    return _with_leaves(sorted(items, key=place))


def _is_new(path: Path) -> bool:
    return len(path) > 1 and path[-2] == _VARIABLES


def _new(found: Found, tree: Tree, model: Architecture) -> Named:
    """Keras 3: a group for every layer, called by its class or its attribute, and a name beside its variables."""
    groups = found.path[:-2]
    prefixes = [groups[: end + 1] for end in range(len(groups))]
    layers = [word for prefix in prefixes if (word := _layer_name(prefix, tree, model))]
    words = [tree.text((*groups, _VARIABLES), "name"), *reversed(groups), *reversed(layers)]
    return Named(found=found, layers=_without_cell(layers), leaf=found.path[-1], role=_role(layers, words, model))


def _layer_name(groups: Path, tree: Tree, model: Architecture) -> str:
    """The name of the layer stored in a group; "" for the list of layers of a model."""
    group = groups[-1]
    said = tree.text((*groups, _VARIABLES), "name")
    if len(groups) > 1 and groups[-2] == "layers":
        return said or next(iter((model.names(groups) or ())[-1:]), group)
    if group == "layers":
        return ""
    chosen = bool(said) and _without_counter(said) not in ROLES  # not one that Keras counted out
    return said if chosen or (said and group == "layer") else group


def _old(found: Found, model: Architecture) -> Named:
    """Keras 1 and 2: a group for every outermost layer, and in it the array by the name TensorFlow had for it."""
    path = found.path[1:] if found.path[0] == _WEIGHTS and len(found.path) > 1 else found.path
    *layers, leaf = path
    layers = _unrepeated(layers)
    role = _role(layers, reversed(layers), model)
    return Named(found=found, layers=_without_cell(layers), leaf=_old_leaf(leaf, layers), role=role)


def _unrepeated(layers: list[str]) -> list[str]:
    """The layers without those that a name repeats: the group's own name, often with the number of a session."""
    kept: list[str] = []
    for at, layer in enumerate(layers):
        if at == 0 or not re.fullmatch(re.escape(kept[-1]) + r"(_\d+)?", layer):
            kept.append(layer)
    return kept


def _old_leaf(leaf: str, layers: list[str]) -> str:
    """What an array is called in its layer, without what old versions put around that."""
    short = re.sub(r":\d+$", "", leaf)
    if layers and short.startswith(f"{layers[-1]}_"):
        short = short[len(layers[-1]) + 1 :]
    known = _OLD_LEAF.fullmatch(short)
    short = known[1] if known else short.removeprefix("param_")
    return _KERAS_1.get(short, short)


def _without_counter(word: str) -> str:
    return _COUNTER.sub("", word)


def _without_cell(layers: Iterable[str]) -> Path:
    """The cell of a recurrent layer is the layer itself as far as its weights go."""
    *front, last = layers or ("",)
    return tuple(front) if front and _CELL.fullmatch(last) else (*front, last) if last else ()


def _role(layers: Iterable[str], words: Iterable[str], model: Architecture) -> str:
    """By the class in the configuration, else by the words that Keras makes of classes; the innermost counts."""
    role = ROLES.get(snake_case(model.facts(tuple(layers)).kind), "")
    return role or next((guess for word in words if (guess := _guess(word))), "")


def _guess(word: str) -> str:
    short = _SIDE.sub("", _without_counter(word))
    return PARTS.get(short) or ROLES.get(short) or ("dense" if short.endswith("_dense") else "")


def _with_leaves(items: list[Named]) -> list[Named]:
    """The same with the numbers that stand for names replaced by these, as far as the layer tells them."""
    by_layer: dict[Path, list[Named]] = {}
    for item in items:
        by_layer.setdefault((*item.found.path[:-1], *item.layers), []).append(item)
    return [item for group in by_layer.values() for item in _named_leaves(group)]


def _named_leaves(group: list[Named]) -> Iterator[Named]:
    numbered = all(item.leaf.isdecimal() for item in group)
    for item in group:
        leaf = _leaf(int(item.leaf[:9]), item, group) if numbered else item.leaf
        yield msgspec.structs.replace(item, leaf=leaf)


def _leaf(at: int, item: Named, group: list[Named]) -> str:
    """The name of a numbered array."""
    names, shape = LEAVES.get(item.role, ()), item.found.place.shape
    if vectors := ALL_VECTORS.get((item.role, len(group)), ())[at : at + 1]:
        return vectors[0]
    if at < len(names):
        # A first array that is a vector, or a bias that is none, is of another class than the names say.
        odd = len(shape) < 2 if at == 0 else names[at] == "bias" and len(shape) > 1 and item.role not in _WIDE_BIAS
        return str(at) if odd else names[at]
    if names:
        return str(at)
    if len(group) == 1 and len(shape) > 1:
        return "weight"
    first, last = group[0].found.place.shape, group[-1].found.place.shape
    is_linear = len(group) == 2 and len(first) > 1 and last == first[-1:]
    return ("kernel", "bias")[at] if is_linear and at < 2 else str(at)


def unique(names: list[str], fallback: list[str]) -> list[str]:
    """The names, but the fallback for each that two arrays would share.

    Example:
        >>> unique(["a", "b", "b"], ["x.a", "x.b", "y.b"])
        ['a', 'x.b', 'y.b']
    """
    count = Counter(names)
    return [name if count[name] == 1 else other for name, other in zip(names, fallback, strict=True)]
