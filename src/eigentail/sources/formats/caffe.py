"""Caffe: the layers of a net with their blobs, in one protobuf file. Only the structure is read on opening."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.coded import CodedSource
from eigentail.sources.config import read_config
from eigentail.sources.formats.recognised import looks_like
from eigentail.sources.graphs.constants import MAX_PIECES, Constant, formed
from eigentail.sources.graphs.formed import Formed, coded_source, reshaped, spec_of
from eigentail.sources.graphs.names import dotted, unique
from eigentail.sources.graphs.protobuf import BYTES, VARINT, Message, read_message
from eigentail.sources.names import normalise
from eigentail.sources.place import place
from eigentail.sources.placed import MAX_AXES
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range

# The numbers of caffe.proto: of the layers in a net, then of name, type, blobs and convolution in a layer.
_NEW, _OLD = 100, 2
_OF_NEW: Final = (1, 2, 7, 106)
_OF_OLD: Final = (4, 5, 6, 10)
_KNOWN: Final = {1: BYTES, 2: BYTES, 3: BYTES, 4: VARINT, 5: VARINT, 6: BYTES, 7: VARINT, 8: BYTES, 100: BYTES}
_GROUP: Final = 5
_FIELDS_LOOKED_AT: Final = 64

_KINDS: Final = {4: "Convolution", 14: "InnerProduct", 39: "Deconvolution"}  # the numbers of old layers
_WITH_WEIGHTS: Final = frozenset({*_KINDS.values(), "DepthwiseConvolution", "ConvolutionDepthwise", "Embed"})


class _Layer(msgspec.Struct, frozen=True, eq=False):
    """One layer: its name, what it does, its blobs and the groups of a convolution."""

    name: str
    kind: str
    blobs: tuple[Constant, ...]
    groups: int


def open_caffe(ref: SourceRef) -> CodedSource:
    """Open a Caffe model: blobs as "weight" and "bias" of their layers, by number where a layer has others.

    Raises:
        SourceError: it is damaged, or has no blobs.

    Source: https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto.

    Example:
        >>> open_caffe(SourceRef("caffe", "no/such.caffemodel"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.caffemodel: no such file or directory
    """
    reader = open_range(ref.target)
    try:
        layers = list(_layers(read_message(reader, ref.target), reader))
        return coded_source(ref, reader, _tensors(layers), read_config(place(ref.target).parent))
    except SourceError as error:
        reader.close()
        raise SourceError(error.what, where=error.where or ref.target, hint=error.hint) from error
    except BaseException:
        reader.close()
        raise


def _tensors(layers: Sequence[_Layer]) -> Iterator[tuple[TensorSpec, Formed]]:
    """The blobs of every layer under their names."""
    found = [(layer, at, blob) for layer in layers for at, blob in enumerate(layer.blobs)]
    names = unique((_name(layer, at), f"{dotted(layer.name)}.{at}") for layer, at, _ in found)
    for name, (layer, at, blob) in zip(names, found, strict=True):
        values = _without_old_axes(formed(msgspec.structs.replace(blob, name=name)), layer.kind)
        is_kernel = at == 0 and "onvolution" in layer.kind
        yield (
            msgspec.structs.replace(
                spec_of(name, values),
                groups=layer.groups if is_kernel else 0,
                conv_transposed=is_kernel and layer.kind == "Deconvolution",
            ),
            values,
        )


def _name(layer: _Layer, at: int) -> str:
    word = ("weight", "bias")[at] if layer.kind in _WITH_WEIGHTS and at < 2 else str(at)
    return normalise(f"{dotted(layer.name)}.{word}")


def _without_old_axes(values: Formed, kind: str) -> Formed:
    """Old files give everything four axes: the first two of a matrix, the first three of a vector are 1."""
    shape = values.shape
    if len(shape) == 4 and shape[:3] == (1, 1, 1):
        return reshaped(values, shape[3:])
    return reshaped(values, shape[2:]) if len(shape) == 4 and shape[:2] == (1, 1) and kind == "InnerProduct" else values


def _layers(net: Message, reader: RangeReader) -> Iterator[_Layer]:
    for field in net.fields():
        if field.number in (_NEW, _OLD):
            yield _layer(net.message(field), _OF_NEW if field.number == _NEW else _OF_OLD, reader)


def _layer(message: Message, numbers: tuple[int, int, int, int], reader: RangeReader) -> _Layer:
    of_name, of_kind, of_blobs, of_convolution = numbers
    name, kind, groups = "", "", 1
    blobs: list[Constant] = []
    for field in message.fields():
        if field.number == of_name:
            name = message.text(field)
        elif field.number == of_kind:
            kind = _KINDS.get(field.value, "") if field.kind == VARINT else message.text(field)
        elif field.number == of_blobs:
            blobs.append(_blob(message.message(field), reader))
        elif field.number == of_convolution:
            inside = message.message(field)
            groups = next((inside.integer(part) for part in inside.fields() if part.number == _GROUP), 1)
    if "epthwise" in kind and blobs and blobs[0].shape:
        groups = blobs[0].shape[0]
    fits = bool(blobs) and groups > 0 and bool(blobs[0].shape) and blobs[0].shape[0] % groups == 0
    return _Layer(name, kind, tuple(blobs), groups if fits else 0)


def _blob(message: Message, reader: RangeReader) -> Constant:
    """Its shape, in the old way or the new one, and where its values lie."""
    old = {1: 0, 2: 0, 3: 0, 4: 0}
    shape: list[int] | None = None
    places: dict[int, list[tuple[int, int]]] = {5: [], 8: []}
    for field in message.fields():
        if field.number in old:
            old[field.number] = message.integer(field)
        elif field.number == 7:
            inside = message.message(field)
            shape = [size for part in inside.fields() if part.number == 1 for size in inside.integers(part, MAX_AXES)]
        elif field.number in places:
            if field.kind == VARINT or len(places[field.number]) > MAX_PIECES:
                message.refuse(f"has at byte {field.begin} values of another kind than its format has there")
            places[field.number].append((field.begin, field.size))
    sizes = list(old.values()) if shape is None else shape
    return Constant(
        name="",
        dtype="float64" if places[8] else "float32",
        shape=tuple(sizes),
        reader=reader,
        pieces=tuple(places[8] or places[5]),
    )


def _claims(probe: Probe) -> bool:
    """By content, or by name where the content is not known to be anything else: a damaged file is still one."""
    if probe.is_folder or probe.head[:1] not in (b"\x0a", b"\x12", b"\xa2"):
        return False
    return _is_net(probe) or (probe.name.endswith(".caffemodel") and looks_like(probe) is None)


def _is_net(probe: Probe) -> bool:
    """Whether the outermost fields are those of a net: its name in plain letters, and layers that have names."""
    reader = open_range(str(probe.path))
    try:
        net = read_message(reader, str(probe.path))
        for field, _ in zip(net.fields(), range(_FIELDS_LOOKED_AT), strict=False):
            if _KNOWN.get(field.number) != field.kind:
                return False
            if field.number == 1 and not net.text(field).isprintable():
                return False
            if field.number in (_NEW, _OLD):
                of_name = (_OF_NEW if field.number == _NEW else _OF_OLD)[0]
                layer = net.message(field)
                return any(part.number == of_name and layer.text(part).isprintable() for part in layer.fields())
        return False
    except SourceError:
        return False
    finally:
        reader.close()


FORMAT: Final = Format(name="caffe", title="Caffe", suffixes=(".caffemodel",), claims=_claims, open=open_caffe)
