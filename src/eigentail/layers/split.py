"""Arithmetic of fused tensors: which rows or columns are q, k and v, gate and up, the gates, the experts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from eigentail.layers.families import Part, Rule
from eigentail.layers.names import Names, parent_of
from eigentail.records import Cut

Bounds = tuple[int, int, int]

_HEADS: Final = ("num_attention_heads", "n_head", "num_heads", "n_heads")
_KV_HEADS: Final = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
_GATES: Final = {3: ("r", "z", "n"), 4: ("i", "f", "g", "o")}


class Piece(NamedTuple):
    """One matrix of a tensor: its layer's name, its kind and how it is cut out.

    Example:
        >>> Piece("qkv.q", "attention.q", Cut(slices=((0, 64, 1),))).name
        'qkv.q'
    """

    name: str
    kind: str
    cut: Cut


class Fused(msgspec.Struct, frozen=True):
    """What is known of a tensor that may hold several matrices.

    Attributes:
        base: its name without ".weight".
        shape: the sizes of its axes.
        rule: what the families say of it.
        names: the tensors beside it.
        config: the architecture's configuration, or nothing.

    Example:
        >>> rule = Rule(match=("w",), kind="mlp.gate_up", parts=(Part("gate", "mlp.gate"), Part("up", "mlp.up")))
        >>> fused = Fused("w", (8, 3), rule, Names([]), {})
        >>> [(piece.name, piece.cut.slices) for piece in split(fused)]
        [('w.gate', ((0, 4, 1),)), ('w.up', ((4, 8, 1),))]
    """

    base: str
    shape: tuple[int, ...]
    rule: Rule
    names: Names
    config: Mapping[str, Any]

    @property
    def matrix(self) -> tuple[int, ...]:
        """The sizes without the axis of the experts."""
        return self.shape[1:] if self.rule.stacked else self.shape


def split(fused: Fused) -> tuple[Piece, ...]:
    """The matrices a tensor holds; the tensor as one piece where its layout is not known.

    Args:
        fused: the tensor and what is known of it.

    Returns:
        Pieces that together hold every element exactly once.

    Example:
        >>> split(Fused("fc", (8, 3), Rule(match=("fc",), kind="dense"), Names([]), {}))[0].name
        'fc'
    """
    rule = fused.rule
    if rule.count:
        return tuple(_in_turn(fused)) or _whole(fused)
    if not (rule.parts or rule.stacked or rule.scheme == "gates"):
        return _whole(fused)
    if rule.scheme == "heads":
        return _by_head(fused) or _whole(fused)
    axis = _axis(fused)
    cuts = [] if axis is None else _along(fused, axis)
    if rule.stacked:
        return tuple(_stacked(fused, axis or 0, cuts))
    return tuple(_piece(fused, axis or 0, part, bounds) for part, bounds in cuts) or _whole(fused)


def _whole(fused: Fused) -> tuple[Piece, ...]:
    return (Piece(fused.base, fused.rule.kind, Cut()),)


def _piece(fused: Fused, axis: int, part: Part, bounds: Bounds) -> Piece:
    cut = Cut(slices=(*((0, size, 1) for size in fused.matrix[:axis]), bounds))
    return Piece(f"{fused.base}.{part.name}", part.kind, cut)


def _stacked(fused: Fused, axis: int, cuts: Sequence[tuple[Part, Bounds]]) -> Iterator[Piece]:
    """The pieces of every expert, named as if the experts had been stored one by one."""
    parent, _, last = fused.base.rpartition(".")
    lead = tuple((0, size, 1) for size in fused.matrix[:axis])
    for expert in range(fused.shape[0]):
        mine = (expert, expert + 1, 1)
        name = f"{parent}.{expert}" if parent else str(expert)
        if not cuts:
            yield Piece(f"{name}.{last}", fused.rule.kind, Cut(slices=(mine,)))
        for part, bounds in cuts:
            yield Piece(f"{name}.{part.name}", part.kind, Cut(slices=(mine, *lead, bounds)))


def _in_turn(fused: Fused) -> Iterator[Piece]:
    """The experts whose rows lie one after the other in a matrix; none when their number does not fit."""
    count = fused.names.size(fused.base, fused.rule.count) or 1
    rows, rest = divmod(fused.matrix[0], count)
    parent, _, last = fused.base.rpartition(".")
    for expert in range(0 if rest or count == 1 else count):
        bounds = (expert * rows, (expert + 1) * rows, 1)
        yield Piece(
            f"{parent}.{expert}.{last}" if parent else f"{expert}.{last}", fused.rule.kind, Cut(slices=(bounds,))
        )


def _axis(fused: Fused) -> int | None:
    """The axis along which the parts lie, None when that cannot be told."""
    rows, columns = fused.matrix[0], fused.matrix[-1]
    if fused.rule.axis == "paired":
        return _paired_axis(fused, rows, columns)
    return {"rows": 0, "columns": 1, "longer": int(columns > rows)}[fused.rule.axis]


def _paired_axis(fused: Fused, rows: int, columns: int) -> int | None:
    """The axis that is as many times the pair's inner size as there are parts, the other being the stream's width."""
    pair = fused.names.beside(fused.base, fused.rule.pair)
    if pair is None or len(pair) != len(fused.shape):
        return None
    out, inner = pair[-2:]
    times = len(fused.rule.parts)
    if (rows, columns) == (times * inner, out):
        return 0
    return 1 if (rows, columns) == (inner, times * out) else None


def _along(fused: Fused, axis: int) -> list[tuple[Part, Bounds]]:
    """The parts and their bounds along the axis; none when they do not fill it exactly."""
    total, parts = fused.matrix[axis], fused.rule.parts
    if fused.rule.scheme == "gates":
        parts = _gates(fused, total)
    if fused.rule.scheme == "alternate":
        fits = bool(parts) and total % len(parts) == 0
        return [(part, (at, total, len(parts))) for at, part in enumerate(parts)] if fits else []
    start, bounds = 0, []
    for part, size in zip(parts, _sizes(fused, parts, total), strict=False):
        bounds.append((part, (start, start + size, 1)))
        start += size
    return bounds


def _sizes(fused: Fused, parts: Sequence[Part], total: int) -> list[int]:
    """The extent of every part, or nothing when one is not known or they do not add up."""
    known = {part.name: _size(fused, part, total) for part in parts if part.size}
    sized = [size for size in known.values() if size]
    sharing = len(parts) - len(known)
    rest = total - sum(sized)
    if len(sized) < len(known) or rest < sharing or (rest % sharing if sharing else rest):
        return []
    return [known.get(part.name) or rest // sharing for part in parts]


def _size(fused: Fused, part: Part, total: int) -> int | None:
    """The first size of a part that can be had."""
    for expression in part.size:
        size = _share_of_heads(fused, total) if expression == "@heads" else fused.names.size(fused.base, expression)
        if size:
            return size
    return None


def _share_of_heads(fused: Fused, total: int) -> int | None:
    """The queries' rows of [q, k, v], by the configuration's head counts."""
    heads = _number(fused.config, _HEADS) or 0
    everyone = heads + 2 * (_number(fused.config, _KV_HEADS) or heads)
    return total // everyone * heads if heads and total % everyone == 0 else None


def _by_head(fused: Fused) -> tuple[Piece, ...]:
    """Rows ordered (key-value head, its queries then the other two, head size); nothing if heads are unknown."""
    total, parts = fused.matrix[0], fused.rule.parts
    heads = fused.rule.heads or _number(fused.config, _HEADS)
    queries = _size(fused, parts[0], total)
    if not heads or not queries or queries % heads:
        return ()
    dim = queries // heads
    kv_heads, odd = divmod(total - queries, 2 * dim)
    if odd or kv_heads < 1 or heads % kv_heads:
        return ()
    shared = heads // kv_heads
    fold, everyone = (kv_heads, shared + 2, dim), (0, kv_heads, 1)
    bounds = ((0, shared, 1), (shared, shared + 1, 1), (shared + 1, shared + 2, 1))
    return tuple(
        Piece(f"{fused.base}.{part.name}", part.kind, Cut(fold=fold, slices=(everyone, mine)))
        for part, mine in zip(parts, bounds, strict=True)
    )


def _gates(fused: Fused, total: int) -> tuple[Part, ...]:
    """The gates of a recurrent tensor: as many as its rows hold the hidden size, which its neighbours tell."""
    hidden = _hidden(fused)
    count = total // hidden if hidden and total % hidden == 0 else 0
    return tuple(Part(name, fused.rule.kind) for name in _GATES.get(count, ()))


def _hidden(fused: Fused) -> int | None:
    """Columns of the projection `hr` where there is one, else of `hh`."""
    last = fused.base[len(parent_of(fused.base)) :].removeprefix(".")
    for other in ("hr", "hh"):
        path = last.replace("_ih", f"_{other}").replace("_hh", f"_{other}")
        if hidden := fused.names.size(fused.base, f"{path}[1]"):
            return hidden
    return None


def _number(config: Mapping[str, Any], keys: Sequence[str]) -> int | None:
    """The first of the keys that holds a positive whole number, in the configuration or its text part."""
    nested = config.get("text_config")
    for place in (config, nested if isinstance(nested, Mapping) else {}):
        for key in keys:
            value = place.get(key)
            if isinstance(value, int) and value > 0:
                return value
    return None
