"""What a TFLite file says: its constants, how they are quantised, and which operators they go into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from eigentail.errors import SourceError
from eigentail.sources.placed import nbytes_of
from eigentail.sources.tensorflow_files.flatbuffer import MAX_ITEMS, FlatBuffer, Table, damaged

# The name of a type, and the bits of one element.
TYPES: Final[Mapping[int, tuple[str, int]]] = {
    0: ("float32", 32),
    1: ("float16", 16),
    2: ("int32", 32),
    3: ("uint8", 8),
    4: ("int64", 64),
    5: ("string", 0),
    6: ("bool", 8),
    7: ("int16", 16),
    8: ("complex64", 64),
    9: ("int8", 8),
    10: ("float64", 64),
    11: ("complex128", 128),
    12: ("uint64", 64),
    13: ("resource", 0),
    14: ("variant", 0),
    15: ("uint32", 32),
    16: ("uint16", 16),
    17: ("int4", 4),
    18: ("bfloat16", 16),
    19: ("int2", 2),
    20: ("uint4", 4),
}
CONV_2D: Final = 3
DEPTHWISE: Final = 4
BATCH_MATMUL: Final = 126
# Their output is their first input with other codes, or with its axes in another order.
_SAME: Final = frozenset({6, 53, 114, 124})  # DEQUANTIZE, CAST, QUANTIZE, DENSIFY
_MOST_INPUTS: Final = 500_000
_MOST_STEPS: Final = 8  # a ring of casts must end
_TURNED: Final = frozenset({22, 39})  # RESHAPE, TRANSPOSE


class Use(msgspec.Struct, frozen=True):
    """A constant going into an operator.

    Attributes:
        operator: its number in TFLite's list.
        slot: which of its inputs.
        output: the name of what the operator makes.
        turned: a reshape or a transposition lies between.
        option: the input channels of a convolution, or its depth multiplier when it is depthwise; whether the second
            factor of a product is transposed.

    Example:
        >>> Use(9, 1, "dense/MatMul").slot
        1
    """

    operator: int
    slot: int
    output: str
    turned: bool = False
    option: int = 0


class Scales(msgspec.Struct, frozen=True):
    """How codes become numbers: (code - zero) * scale.

    Attributes:
        scales: one for all, or one for each position on the axis.
        zeros: as many.
        axis: the axis they run along.

    Example:
        >>> Scales((0.5,), (0,), 0).scales
        (0.5,)
    """

    scales: tuple[float, ...]
    zeros: tuple[int, ...]
    axis: int


class Constant(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor with values in the file.

    Attributes:
        name: as stored.
        shape: as stored.
        dtype: the name of its type; "sparse_..." and "blockwise_..." for layouts that are not read.
        offset: its first byte in the file.
        nbytes: how many there are.
        scales: how codes become numbers, None for plain numbers.
        uses: the operators it goes into.

    Example:
        >>> Constant(name="w", shape=(2, 2), dtype="int8", offset=64, nbytes=4).uses
        ()
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int
    nbytes: int
    scales: Scales | None = None
    uses: tuple[Use, ...] = ()


def constants_of(buffer: FlatBuffer) -> list[Constant]:
    """Every tensor with values, of all subgraphs, in the file's order.

    Args:
        buffer: the file.

    Raises:
        SourceError: the file breaks a rule of its format; without `where`.

    Source: TensorFlow Lite, tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "m.tflite"
        >>> _ = path.write_bytes(bytes([12, 0, 0, 0, *b"TFL3", 4, 0, 4, 0, 4, 0, 0, 0]))  # a model without a field
        >>> reader = LocalRange(path)
        >>> constants_of(FlatBuffer(reader))
        []
        >>> reader.close()
    """
    model = buffer.root
    codes = [_code(table) for table in model.tables(1)]
    places = [_place(table, buffer.size) for table in model.tables(4)]
    found: list[Constant] = []
    for graph in model.tables(2):
        found.extend(_graph(graph, codes, places))
        if len(found) > MAX_ITEMS:
            raise SourceError(f"has more than {MAX_ITEMS} constants: no network has so many")
    return found


def _code(table: Table) -> int:
    """The number of an operator: small ones in the old field."""
    return max(int(table.number(0, "b")), int(table.number(3, "i")))


def _place(table: Table, size: int) -> tuple[int, int]:
    """(first byte, number of bytes) of a buffer, in the structure or, in files above 2 GB, behind it."""
    offset, length = int(table.number(1, "Q")), int(table.number(2, "Q"))
    if offset > 1:  # 0 and 1 stand for none
        if offset + length > size:
            raise damaged(f"a buffer lies at bytes {offset} to {offset + length}, but the file ends at {size}")
        return offset, length
    count, start = table.place(0, 1)
    return start, count


def _graph(graph: Table, codes: Sequence[int], places: Sequence[tuple[int, int]]) -> Iterator[Constant]:
    """The constants of one subgraph."""
    tensors = list(graph.tables(0))
    uses = _uses(graph, codes, tensors)
    for at, tensor in enumerate(tensors):
        number = int(tensor.number(2, "I"))
        if number >= max(len(places), 1):
            raise damaged(f"tensor {tensor.text(3)[:80]!r} is in buffer {number}, and there are {len(places)}")
        offset, length = places[number] if places else (0, 0)
        if length:
            yield _constant(tensor, (offset, length), tuple(uses.get(at, ())))


def _constant(tensor: Table, place: tuple[int, int], uses: tuple[Use, ...]) -> Constant:
    """One tensor, its shape checked against its bytes."""
    name, number = tensor.text(3), int(tensor.number(1, "b"))
    if number not in TYPES:
        raise SourceError(f"tensor {name[:80]!r} has the type number {number}, which is not known here")
    word, bits = TYPES[number]
    shape = tuple(tensor.array(0, "<i4").tolist())
    whole = nbytes_of(shape, max(bits, 8))
    if whole is None:
        raise damaged(f"tensor {name[:80]!r} has an impossible shape {str(shape)[:80]}")
    sparse, scales = tensor.has(6), tensor.table(4)
    blockwise = scales is not None and scales.number(4, "B") != 0
    if sparse or blockwise or not bits:
        prefix = "sparse_" if sparse else "blockwise_" if blockwise else ""
        return Constant(name=name, shape=shape, dtype=prefix + word, offset=place[0], nbytes=place[1], uses=uses)
    needed = -(-whole // max(8 // bits, 1))  # below a byte, elements share one
    if needed != place[1]:
        raise damaged(f"tensor {name[:80]!r} has {place[1]} bytes, but its shape and type need {needed}")
    codes = _scales(name, shape, scales) if scales and word.lstrip("u").startswith("int") else None
    return Constant(name=name, shape=shape, dtype=word, offset=place[0], nbytes=place[1], scales=codes, uses=uses)


def _scales(name: str, shape: tuple[int, ...], table: Table) -> Scales | None:
    """The scales of a tensor, None where it has none."""
    scales, zeros, axis = table.array(2, "<f4"), table.array(3, "<i8"), int(table.number(6, "i"))
    if not len(scales):
        return None
    along = shape[axis] if 0 <= axis < len(shape) else 1
    if len(scales) not in (1, along) or len(zeros) not in (0, 1, len(scales)):
        raise damaged(f"tensor {name[:80]!r} has {len(scales)} scales and {len(zeros)} zero points on {along} channels")
    spread = np.broadcast_to(zeros if len(zeros) else np.zeros(1, np.int64), scales.shape)
    return Scales(tuple(scales.tolist()), tuple(spread.tolist()), axis if len(scales) > 1 else 0)


def _uses(graph: Table, codes: Sequence[int], tensors: Sequence[Table]) -> dict[int, list[Use]]:
    """From the number of a tensor to what it goes into, casts and turns looked through."""
    uses: dict[int, list[Use]] = {}
    behind: dict[int, tuple[int, bool]] = {}  # tensor to the one it was made from, and whether it was turned
    count = 0
    for operator in graph.tables(3):
        code, inputs, outputs = _operator(operator, codes, len(tensors))
        count += len(inputs)
        if count > _MOST_INPUTS:
            raise SourceError(f"has operators with more than {_MOST_INPUTS} inputs: no network has so many")
        if outputs and inputs and (code in _SAME or code in _TURNED):
            behind[outputs[0]] = inputs[0], code in _TURNED
        made = tensors[outputs[0]].text(3) if outputs else ""
        use = Use(code, 0, made, option=_option(operator, code, [tensors[at] for at in inputs[:1] if at >= 0]))
        for slot, tensor in enumerate(inputs):
            if tensor >= 0:
                origin, turned = _origin(tensor, behind)
                entry = msgspec.structs.replace(use, slot=slot, turned=turned)
                uses.setdefault(origin, []).append(entry)
    return uses


def _operator(operator: Table, codes: Sequence[int], tensors: int) -> tuple[int, list[int], list[int]]:
    """Number, inputs and outputs; an input of -1 is left out."""
    number = int(operator.number(0, "I"))
    inputs, outputs = operator.array(1, "<i4").tolist(), operator.array(2, "<i4").tolist()
    if number >= len(codes) or not all(-1 <= at < tensors for at in inputs + outputs):
        raise damaged("an operator has a number, an input or an output that does not exist")
    return codes[number], inputs, [at for at in outputs if at >= 0]


def _origin(tensor: int, behind: Mapping[int, tuple[int, bool]]) -> tuple[int, bool]:
    """The tensor another one was made from by a few casts and turns alone."""
    turned = False
    for _ in range(_MOST_STEPS):
        if tensor not in behind:
            break
        tensor, was = behind[tensor]
        turned = turned or was
    return tensor, turned


def _option(operator: Table, code: int, data: Sequence[Table]) -> int:
    """What the layout of the weights depends on besides the operator."""
    if code == CONV_2D:
        return int(next((shape[-1] for tensor in data if len(shape := tensor.array(0, "<i4"))), 0))
    options = operator.table(4) if code in (DEPTHWISE, BATCH_MATMUL) else None
    if options is None:
        return 0
    return int(options.number(3, "i")) if code == DEPTHWISE else int(options.number(1, "b"))
