"""Tensor names: their base, their number-blind form, globs on their end, and the tensors that lie beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import cache
from typing import final

from eigentail.records import TensorSpec

_NUMBER = re.compile(r"(?<![^.])\d+(?=\.)")
_WILD = re.compile(r"[*?\[]")
_ONE_OR_MANY = re.compile(r"[*?]")
_SIZE = re.compile(r"(.+)\[(\d)\]")


def base_of(name: str) -> str:
    """The name of a layer: the tensor's without ".weight".

    Example:
        >>> base_of("h.0.attn.c_attn.weight"), base_of("pos_embed")
        ('h.0.attn.c_attn', 'pos_embed')
    """
    return name.removesuffix(".weight")


def blind(base: str) -> str:
    """The name with every whole-number component but a last one written as "#": one form for all blocks.

    Example:
        >>> blind("layers.3.experts.7.w1"), blind("net.0.mlp.2")
        ('layers.#.experts.#.w1', 'net.#.mlp.2')
    """
    return _NUMBER.sub("#", base)


def ends_as(form: str, glob: str) -> bool:
    """Whether a name ends, at a component's border, as a glob does; a leading "^" ties it to the name's beginning.

    Example:
        >>> ends_as("h.#.attn.q_proj", "attn.q_*"), ends_as("se.fc", "^fc"), ends_as("se.fc", "c")
        (True, False, False)
    """
    words = _words_of(glob)
    if words is None:
        return form == glob.removeprefix("^") or form.endswith(f".{glob}")  # no name has a component with "^"
    return all(word in form for word in words) and _ending(glob).match(form) is not None


@cache
def _words_of(glob: str) -> tuple[str, ...] | None:
    """What a name must hold to match a glob with wildcards, so that most need no expression; None without wildcards."""
    return tuple(_ONE_OR_MANY.split(glob.removeprefix("^").partition("[")[0])) if _WILD.search(glob) else None


@cache
def _ending(glob: str) -> re.Pattern[str]:
    """The expression of `ends_as`."""
    return re.compile(translate(glob[1:]) if glob.startswith("^") else rf"(?:.*\.)?{translate(glob)}")


@final
class Names:
    """The tensors of a model by base name, for looking up what lies beside a tensor.

    Example:
        >>> spec = TensorSpec(name="h.0.attn.o_proj.weight", shape=(64, 96), dtype="float32", nbytes=24576)
        >>> Names([spec]).size("h.0.attn.qkv_proj", "o_proj[1]")
        96
    """

    def __init__(self, specs: Iterable[TensorSpec]) -> None:
        self._shapes = {base_of(spec.name): spec.shape for spec in specs}

    def beside(self, base: str, path: str) -> tuple[int, ...] | None:
        """The shape of the tensor at a path relative to this one's parent, None when there is none."""
        return self._shapes.get(resolved(base, path))

    def size(self, base: str, expression: str) -> int | None:
        """One size of a tensor beside this one ("o_proj[1]"), None when it is not there."""
        found = _SIZE.fullmatch(expression)
        shape = self.beside(base, found[1]) if found else None
        return shape[int(found[2])] if found and shape and int(found[2]) < len(shape) else None

    def bias(self, base: str) -> tuple[int, ...] | None:
        """The shape of the bias that belongs to a weight."""
        return self._shapes.get(f"{base}.bias")


def resolved(base: str, path: str) -> str:
    """The name that a path relative to a name's parent leads to.

    Example:
        >>> resolved("h.0.attn.qkv", "o_proj"), resolved("h.0.attn.qkv", "../mlp.fc1")
        ('h.0.attn.o_proj', 'h.0.mlp.fc1')
    """
    parent = parent_of(base)
    while path.startswith("../"):
        parent, path = parent_of(parent), path[3:]
    return f"{parent}.{path}" if parent else path


def parent_of(base: str) -> str:
    """The name without its last component.

    Example:
        >>> parent_of("h.0.attn"), parent_of("fc")
        ('h.0', '')
    """
    return base.rpartition(".")[0]
