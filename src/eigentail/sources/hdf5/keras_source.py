"""A Keras file as a source: its arrays found, named and shown as those of any other model are."""

from __future__ import annotations

from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.hdf5.keras_config import Architecture, read_architecture
from eigentail.sources.hdf5.keras_layout import Shown, Weight, shown
from eigentail.sources.hdf5.keras_names import Named, is_optimizer, named, unique
from eigentail.sources.hdf5.places import Place
from eigentail.sources.hdf5.tree import Found, Tree, read_tree
from eigentail.sources.placed import Placed, PlacedSource, plain_names
from eigentail.sources.ranges import RangeReader
from eigentail.sources.turned import Turn, TurnedSource


def keras_source(ref: SourceRef, file: RangeReader, hdf5: RangeReader, config: str = "") -> TurnedSource:
    """The weights of a Keras model.

    Args:
        ref: what opens it again.
        file: closed with the source.
        hdf5: the bytes of the HDF5 file in it; the same, unless it is an archive.
        config: the configuration of the model as JSON where it lies outside the HDF5 file.

    Raises:
        SourceError: h5py is not installed, or the file is damaged, refers to others or holds no arrays.

    Example:
        >>> import tempfile
        >>> import h5py
        >>> import numpy as np
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = tempfile.mkdtemp() + "/m.weights.h5"
        >>> with h5py.File(path, "w") as opened:
        ...     _ = opened.create_dataset("layers/dense/vars/0", data=np.zeros((4, 2)))
        >>> reader = LocalRange(path)
        >>> source = keras_source(SourceRef("hdf5", path), reader, reader)
        >>> [(spec.name, spec.shape) for spec in source.tensors()]
        [('dense.weight', (2, 4))]
        >>> source.close()
    """
    tree = read_tree(hdf5, ref.target)
    architecture = read_architecture(config or tree.text((), "model_config"), ref.target)
    items = [*_model(tree, Architecture(architecture, ref.target)), *_optimizer(tree)]
    raw = unique([name for name, _, _ in items], [_dotted(found.path) for _, found, _ in items])
    plain = plain_names(raw, ref.target)
    placed, specs, turns = [], [], {}
    first: dict[int, str] = {}
    for (_, found, how), stored_name in zip(items, raw, strict=True):
        name = plain[stored_name]
        stored = _spec(name, found.place, Shown(""), first.setdefault(found.address, name))
        spec = _spec(name, found.place, how, first[found.address])
        placed.append(_placed(found.place, stored))
        specs.append(spec)
        if how.turn is not None and _changes(how.turn, stored.shape):
            turns[name] = how.turn
    return TurnedSource(PlacedSource(ref, file, placed), tuple(specs), turns, architecture)


def _model(tree: Tree, model: Architecture) -> list[tuple[str, Found, Shown]]:
    """Name, place and layout of every weight."""
    items = named(tree, model)
    layers: dict[tuple[str, ...], dict[str, tuple[int, ...]]] = {}
    for item in items:
        layers.setdefault(_layer_key(item), {})[item.leaf] = item.found.place.shape
    found = []
    for item in items:
        weight = Weight(
            leaf=item.leaf,
            shape=item.found.place.shape,
            role=item.role,
            inner=item.layers[-1] if item.layers else "",
            beside=layers[_layer_key(item)],
            config=model.facts(item.layers).config,
        )
        how = shown(weight)
        found.append((".".join((*item.layers, how.leaf)), item.found, how))
    return found


def _layer_key(item: Named) -> tuple[str, ...]:
    """What two arrays share exactly when they belong to one layer."""
    return (*item.found.path[:-1], *item.layers)


def _optimizer(tree: Tree) -> list[tuple[str, Found, Shown]]:
    """What the optimizer remembers, under the front that marks it as such."""
    states = (found for found in tree.arrays if is_optimizer(found.path))
    return [(_dotted(("optimizer", *found.path[1:])), found, Shown("")) for found in states]


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path).replace("/", ".")


def _spec(name: str, place: Place, how: Shown, first: str) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=how.turn.shape if how.turn else place.shape,
        dtype=place.kind,
        nbytes=place.nbytes,
        tied_to="" if first == name else first,
        groups=how.groups,
        conv_transposed=how.transposed,
    )


def _placed(place: Place, spec: TensorSpec) -> Placed:
    return Placed(spec=spec, reader=place.reader, offset=place.offset, stored=place.stored)


def _changes(turn: Turn, shape: tuple[int, ...]) -> bool:
    """Whether a turn does anything; one that does not leaves single rows within reach."""
    return bool(turn.blocks) or turn.axes != tuple(range(len(shape))) or turn.shape != shape
