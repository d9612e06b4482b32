"""TensorFlow's names of variables: what a kernel is by its name and its place, and the words torch has for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from eigentail.records import TensorSpec
from eigentail.sources.graphs.constants import formed
from eigentail.sources.graphs.formed import Formed, blocks, reshaped, spec_of, turned
from eigentail.sources.graphs.names import dotted, unique
from eigentail.sources.graphs.tensors import CONSTANTS, Part, matrix
from eigentail.sources.names import normalise
from eigentail.sources.tensorflow_files.bundle import Bundle
from eigentail.sources.tensorflow_files.roles import depthwise, kernel

_VALUE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
_SLOT: Final = "/.OPTIMIZER_SLOT/"
_PRIVATE: Final = re.compile(r"(^|/)_|^variables/\d+$")
_AVERAGE: Final = "ExponentialMovingAverage"
_STEPS: Final = re.compile(r"(.*/)?(global_step|save_counter|beta[12]_power(_\d+)?)")
_WORDS: Final = {"kernel": "weight", "weights": "weight", "biases": "bias", "depthwise_weights": "weight"}
_KERNELS: Final = frozenset({
    "kernel", "weights", "W", "w", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel",
    "depthwise_weights",
})  # fmt: skip
_GRU_TO_TORCH: Final = (1, 0, 2)  # Keras has update, reset, new; torch has reset, update, new
_DIGITS: Final = re.compile(r"(\d+)")

Tensor = tuple[TensorSpec, Formed]


def tensors_of(bundle: Bundle) -> list[Tensor]:
    """The variables of a checkpoint, in the order a reader counts, as torch would have them.

    What an optimizer keeps is called "optimizer.", an averaged copy "ema."; kernels are told by their names.

    Args:
        bundle: what the checkpoint holds.

    Raises:
        SourceError: a tensor is not what the index says.

    Example:
        >>> from eigentail.sources.graphs.constants import Constant
        >>> stored = Constant(name="fc/kernel", dtype="float32", shape=(3, 2), reader=None, pieces=((0, 24),))
        >>> [(spec.name, spec.shape) for spec, _ in tensors_of(Bundle({"fc/kernel": stored}, {}))]
        [('fc.weight', (2, 3))]
    """
    keys = [key for key in bundle.tensors if not _STEPS.fullmatch(key.removesuffix(_VALUE))]
    keys.sort(key=_counted)
    plain = [_plain(key, bundle) for key in keys]
    found = []
    for name, key in zip(unique(zip(plain, map(dotted, keys), strict=True)), keys, strict=True):
        part = _turned(bundle.full_names.get(key, key.removesuffix(_VALUE)), name, formed(bundle.tensors[key]))
        spec = spec_of(name, part.values)
        found.append((msgspec.structs.replace(spec, groups=part.groups, conv_transposed=part.transposed), part.values))
    return list(worded(found))


def worded(tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same under torch's words: weight for kernel, weight_ih and weight_hh where there is a recurrent kernel.

    Args:
        tensors: kernels already in torch's order of axes.

    Example:
        >>> import numpy as np
        >>> eye = Formed(shape=(2, 2), dtype="float64", nbytes=32, make=lambda part: np.eye(2))
        >>> [spec.name for spec, _ in worded([(spec_of("fc.kernel", eye), eye)])]
        ['fc.weight']
    """
    held = list(tensors)
    shapes = {spec.name: spec.shape for spec, _ in held}
    names = unique((_word(spec.name, shapes), spec.name) for spec, _ in held)
    for name, (spec, values) in zip(names, held, strict=True):
        in_order = _gates(spec.name, values, shapes)
        yield msgspec.structs.replace(spec, name=name), in_order


def _plain(key: str, bundle: Bundle) -> str:
    """The name of a variable with dots for slashes, and in front what it is if it is none of the model's."""
    name = key.removesuffix(_VALUE)
    full = bundle.full_names.get(key, "")
    # Keras 3 and exported models keep variables under numbers and private words, which only the full name explains.
    shown = dotted(full if "/" in full and _PRIVATE.search(name) else name)
    if _SLOT in name or name.startswith(("optimizer/", "_optimizer/")):
        return f"optimizer.{shown.removeprefix('optimizer.')}"
    front, _, last = name.rpartition("/")
    if last == _AVERAGE:
        return f"ema.{dotted(front)}"
    # An optimizer of TensorFlow 1 keeps what it remembers under the name of the variable and its own.
    if front in bundle.tensors and bundle.tensors[front].shape == bundle.tensors[key].shape:
        return f"optimizer.{shown}"
    return normalise(shown)


def _turned(known_as: str, name: str, values: Formed) -> Part:
    """A variable in torch's order of axes, by its name and the number of its axes."""
    path = known_as.lower()
    leaf = next((word for word in (name.rpartition(".")[2], path.rpartition("/")[2]) if word in _KERNELS), "")
    axes = len(values.shape)
    if name.startswith(("optimizer.", "ema.")) or axes < 2 or "embedding" in name.rpartition(".")[2]:
        return Part("", values)
    if axes > 3 or (axes == 3 and "conv" in path and leaf):
        if "depthwise" in leaf or ("depthwise" in path and leaf != "pointwise_kernel"):
            return Part("", depthwise(values), groups=values.shape[-2])
        return Part("", kernel(values), transposed="transpose" in path or "deconv" in path)
    if axes == 3 and leaf:
        return Part("", _of_heads(path, values))
    return Part("", matrix(values, inputs_first=axes == 2 and bool(leaf)))


def _of_heads(path: str, values: Formed) -> Formed:
    """A projection of attention whose heads have an axis of their own, as one matrix (out, in)."""
    first, second, third = values.shape
    if re.search(r"(attention_output|output_dense|out_proj)/[^/]*$", path):
        return reshaped(turned(values, (2, 0, 1)), (third, first * second))
    if re.search(r"(query|key|value)(_dense)?/[^/]*$", path):
        return reshaped(turned(values, (1, 2, 0)), (second * third, first))
    return values


def _word(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The name with torch's word at its end."""
    front, dot, leaf = name.rpartition(".")
    if name.startswith((CONSTANTS, "optimizer.")):
        return name
    if leaf in ("kernel", "recurrent_kernel") and f"{front}{dot}recurrent_kernel" in shapes:
        return f"{front}{dot}weight_{'ih' if leaf == 'kernel' else 'hh'}"
    if leaf in ("depthwise_kernel", "pointwise_kernel"):
        both = f"{front}{dot}pointwise_kernel" in shapes
        return f"{front}{dot}{leaf.removesuffix('_kernel')}.weight" if both else f"{front}{dot}weight"
    return front + dot + _WORDS.get(leaf, leaf)


def _gates(name: str, values: Formed, shapes: Mapping[str, tuple[int, ...]]) -> Formed:
    """The kernels of a GRU with the gates in torch's order; other tensors as they are."""
    front, dot, leaf = name.rpartition(".")
    hidden = shapes.get(f"{front}{dot}recurrent_kernel", shapes.get(f"{front}{dot}weight_hh", ()))
    kernels = ("kernel", "recurrent_kernel", "weight_ih", "weight_hh")
    is_gru = len(hidden) == 2 and hidden[0] == 3 * hidden[1] and leaf in kernels
    return blocks(values, _GRU_TO_TORCH) if is_gru else values


def _counted(key: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names by their value."""
    return [(int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in _DIGITS.split(key)]
