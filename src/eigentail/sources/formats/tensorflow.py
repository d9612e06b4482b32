"""TensorFlow's files: frozen graphs, SavedModels and checkpoints. No framework is needed, and nothing is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.coded import CodedSource
from eigentail.sources.config import read_config
from eigentail.sources.formats.recognised import looks_like
from eigentail.sources.graphs.formed import Formed, coded_source
from eigentail.sources.graphs.protobuf import BYTES, VARINT, Message, read_message
from eigentail.sources.graphs.tensors import named
from eigentail.sources.place import place
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range
from eigentail.sources.tensorflow_files.bundle import read_bundle
from eigentail.sources.tensorflow_files.graph import read_graph
from eigentail.sources.tensorflow_files.sstable import FOOTER, MAGIC
from eigentail.sources.tensorflow_files.weights import used_constants
from eigentail.sources.tensorflow_files.words import tensors_of, worded

SAVED_MODEL: Final = "saved_model.pb"
_NODES_LOOKED_AT: Final = 4
_OPERATION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_>]*")
_OF_A_GRAPH: Final = {1: BYTES, 2: BYTES, 3: VARINT, 4: BYTES, 5: BYTES}
_OF_A_SAVED_MODEL: Final = {1: VARINT, 2: BYTES}

Tensors = Iterable[tuple[TensorSpec, Formed]]


def open_graph(ref: SourceRef) -> CodedSource:
    """Open a frozen graph: its weights are constants, told from others by the operations that use them.

    Raises:
        SourceError: it is damaged, or has no weights in it.

    Example:
        >>> open_graph(SourceRef("tensorflow-graph", "no/such.pb"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.pb: no such file or directory
    """
    return _opened(ref, ref.target, lambda reader: _constants(read_message(reader, ref.target), reader))


def open_checkpoint(ref: SourceRef) -> CodedSource:
    """Open a checkpoint by its index.

    Raises:
        SourceError: it is damaged, or a file of its weights is missing.

    Example:
        >>> open_checkpoint(SourceRef("tensorflow-checkpoint", "no/such.index"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.index: no such file or directory
    """
    return _opened(ref, ref.target, lambda reader: tensors_of(read_bundle(reader, ref.target)))


def open_saved_model(ref: SourceRef) -> CodedSource:
    """Open a SavedModel by its `saved_model.pb`: the variables beside it, or the constants of its graph if it has none.

    Raises:
        SourceError: it is damaged, a file of its weights is missing, or there are no weights.

    Example:
        >>> open_saved_model(SourceRef("tensorflow-saved-model", "no/such/saved_model.pb"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such/saved_model.pb: no such file or directory
    """
    index = f"{ref.target.rpartition('saved_model.pb')[0]}variables/variables.index"
    if not place(index).is_file():
        return _opened(ref, ref.target, lambda reader: _constants(_graph_of(reader, ref.target), reader))
    return _opened(ref, index, lambda reader: tensors_of(read_bundle(reader, index)))


def _opened(ref: SourceRef, path: str, tensors: Callable[[RangeReader], Tensors]) -> CodedSource:
    """A source of what is found in a file, which is closed if that fails."""
    reader = open_range(path)
    try:
        return coded_source(ref, reader, tensors(reader), read_config(place(ref.target).parent))
    except SourceError as error:
        reader.close()
        raise SourceError(error.what, where=error.where or ref.target, hint=error.hint) from error
    except BaseException:
        reader.close()
        raise


def _constants(graph: Message, reader: RangeReader) -> Tensors:
    return worded(named(used_constants(read_graph(graph, reader))))


def _graph_of(reader: RangeReader, where: str) -> Message:
    """The graph of the first part of a SavedModel that has one."""
    saved = read_message(reader, where)
    for field in saved.fields():
        if field.number == 2:
            part = saved.message(field)
            for inner in part.fields():
                if inner.number == 2:
                    return part.message(inner)
    raise SourceError("is a SavedModel without a graph", where=where, hint="is this the file with the weights?")


def _is_graph(probe: Probe) -> bool:
    """Whether the file begins with operations, as far as a few of them tell."""
    if probe.head[:1] != b"\x0a":
        return False
    return _outline(probe, _OF_A_GRAPH, _looks_at_nodes)


def _looks_at_nodes(message: Message) -> bool:
    looked = 0
    for field in message.fields():
        if _OF_A_GRAPH.get(field.number) != field.kind:
            return False
        if field.number == 1:
            node = message.message(field)
            texts = {part.number: node.text(part) for part in node.fields() if part.number in (1, 2)}
            looked += 1
            if not texts.get(1) or not _OPERATION.fullmatch(texts.get(2, "")):
                return False
        if looked == _NODES_LOOKED_AT:
            break
    return looked > 0


def _is_saved_model(probe: Probe) -> bool:
    if probe.head[:3] != b"\x08\x01\x12":
        return False
    return _outline(probe, _OF_A_SAVED_MODEL, lambda message: True)


def _outline(probe: Probe, kinds: dict[int, int], holds: Callable[[Message], bool]) -> bool:
    """Whether a file is a message with such fields, as far as is looked."""
    reader = open_range(str(probe.path))
    try:
        message = read_message(reader, str(probe.path))
        first = [field for field, _ in zip(message.fields(), range(_NODES_LOOKED_AT), strict=False)]
        return all(kinds.get(field.number) == field.kind for field in first) and holds(message)
    except SourceError:
        return False
    finally:
        reader.close()


def _is_checkpoint(probe: Probe) -> bool:
    """Whether a file ends as a table and begins with the empty key, which an index of a checkpoint has first."""
    if probe.is_folder or not probe.head.startswith(b"\0\0"):
        return False
    reader = open_range(str(probe.path))
    try:
        return reader.size >= FOOTER and bytes(reader.read(reader.size - len(MAGIC), len(MAGIC))) == MAGIC
    finally:
        reader.close()


def _damaged(probe: Probe, ending: str, begins: bytes) -> bool:
    """By name and first byte where the content is not known to be anything else: a damaged file is still one."""
    told = not probe.is_folder and probe.name.endswith(ending) and probe.head[:1] == begins
    return told and looks_like(probe) is None


def _claims_graph(probe: Probe) -> bool:
    return _is_graph(probe) or _damaged(probe, ".pb", b"\x0a")


def _claims_saved_model(probe: Probe) -> bool:
    return _is_saved_model(probe) or _damaged(probe, SAVED_MODEL, b"\x08")


FORMAT: Final = (
    Format(
        name="tensorflow-graph",
        title="a frozen TensorFlow graph",
        suffixes=(".pb",),
        claims=_claims_graph,
        open=open_graph,
    ),
    Format(
        name="tensorflow-saved-model",
        title="a TensorFlow SavedModel",
        suffixes=(SAVED_MODEL,),
        claims=_claims_saved_model,
        open=open_saved_model,
    ),
    Format(
        name="tensorflow-checkpoint",
        title="a TensorFlow checkpoint",
        suffixes=(".index",),
        claims=lambda probe: _is_checkpoint(probe) or _damaged(probe, ".index", b"\0"),
        open=open_checkpoint,
    ),
)
