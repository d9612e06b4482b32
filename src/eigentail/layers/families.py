"""Architecture naming as data: the records of `families/*.toml`, checked as they are read."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec

from eigentail.layers.kinds import KINDS

_FOLDER: Final = Path(__file__).with_name("families")
_RULES: Final = "\n[[rule]]\n"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the matrices that a fused tensor holds.

    Attributes:
        name: what is put after the tensor's name ("q").
        kind: what it does.
        size: where its extent along the split axis can be read: "o_proj[1]" is the second size of the tensor
            `o_proj` beside this one ("../x[0]" goes one level up), "@heads" the queries' share by the head counts of
            the configuration. The first that can be had counts. Parts without a size share the rest equally.

    Example:
        >>> Part(name="q", kind="attention.q", size=("o_proj[1]",)).name
        'q'
    """

    name: str
    kind: str
    size: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tensor is, by the end of its name.

    Attributes:
        match: globs on the last components of the name, ".weight" left out and every number but a last one written
            as "#": "mlp.experts.#.w1"; a leading "^" ties the glob to the beginning of the name.
        kind: what the matrix does, and what it is called when it cannot be split.
        skip: the reason to leave it out, or "".
        ndim: the numbers of axes the rule is for; () for any.
        parts: what a fused tensor holds, in order; () when it is not fused.
        scheme: how the parts lie: `contiguous` one after the other, `alternate` row by row, `heads` head by head, or
            `gates`, the recurrent layers' own order.
        axis: what is divided: `rows`, `columns`, the `longer`, or `paired`: the axis that holds the parts once for
            every unit of the tensor named by `pair`, which brings them back to the stream.
        pair: see `axis`.
        stacked: the first axis counts experts, each of which becomes layers of its own.
        heads: the number of heads of the `heads` scheme where it is the same in every such model, else 0.
        count: where the number of experts can be read that lie one after the other along the rows of a matrix.
        view: `flatten` when the axes after the first belong together, as in a projection kept as (width, heads, size).
        inputs: where a convolution's number of input channels can be read, so that its groups are known.
        last: the kind of the last tensor that the rule matches, if it differs.

    Example:
        >>> Rule(match=("mlp.fc1",), kind="mlp.up").scheme
        'contiguous'
    """

    match: tuple[str, ...]
    kind: str = ""
    skip: str = ""
    ndim: tuple[int, ...] = ()
    parts: tuple[Part, ...] = ()
    scheme: Literal["contiguous", "alternate", "heads", "gates"] = "contiguous"
    axis: Literal["rows", "columns", "longer", "paired"] = "rows"
    pair: str = ""
    stacked: bool = False
    heads: int = 0
    count: str = ""
    view: Literal["", "flatten"] = ""
    inputs: str = ""
    last: str = ""

    def __post_init__(self) -> None:
        kinds = [self.last or self.kind, *(part.kind for part in self.parts)]
        if not self.skip and (unknown := [kind for kind in (self.kind, *kinds) if kind not in KINDS]):
            raise ValueError(f"rule {self.match[0]!r}: {unknown[0]!r} is not a kind that layers/kinds.py knows")
        if self.stacked and self.ndim != (3,):
            raise ValueError(f"rule {self.match[0]!r}: a stack of matrices has three axes, so say ndim = [3]")


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one family of architectures names its tensors.

    Attributes:
        name: what people call it.
        rule: the rules in order; the first that matches counts.
        detect: the family applies when each of these globs matches some tensor; the generic family has none.
        config: what the model's configuration must say besides, for what names and shapes do not tell.
        block: regular expressions for the depth, tried in order: one group for the number of the block, or two for
            stage and block within it.

    Example:
        >>> [family.name for family in load_families()][-1]
        'generic'
    """

    name: str
    rule: tuple[Rule, ...] = ()
    detect: tuple[str, ...] = ()
    config: dict[str, bool | int | str] = {}
    block: tuple[str, ...] = ()


def load_families() -> tuple[Family, ...]:
    """Every family, the most specific (with the most to detect it by) first and the generic one last.

    Raises:
        msgspec.ValidationError: a file holds a word that is not part of the grammar or a kind that does not exist.

    Example:
        >>> "gpt2" in {family.name for family in load_families()}
        True
    """
    return tuple(load_family(head.name) for head in load_heads())


@cache
def load_heads() -> tuple[Family, ...]:
    """The same without their rules: what tells whether a family applies, at a tenth of the time.

    Example:
        >>> {head.rule for head in load_heads()}
        {()}
    """
    heads = (head for head, _ in _files().values())
    return tuple(sorted(heads, key=lambda head: (-len(head.detect) - len(head.config), head.name)))


@cache
def load_family(name: str) -> Family:
    """One family with its rules.

    Args:
        name: its own, not that of its file.

    Raises:
        msgspec.ValidationError: as `load_families`.

    Example:
        >>> load_family("gpt2").rule[0].kind
        'attention.qkv'
    """
    return _read(_files()[name][1])


@cache
def _files() -> dict[str, tuple[Family, str]]:
    """By the family's name what stands before its rules, and the whole text."""
    texts = [file.read_text("utf-8") for file in _FOLDER.glob("*.toml")]
    return {head.name: (head, text) for text in texts for head in [_read(text.partition(_RULES)[0])]}


def _read(text: str) -> Family:
    return msgspec.convert(tomllib.loads(text), Family)
