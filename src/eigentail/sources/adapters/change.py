"""What the headers of an adapter tell: which weights it changes, by what form, to what shape. No weight is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Final, NamedTuple

import msgspec

from eigentail.records import TensorSpec
from eigentail.sources.adapters.modules import plain
from eigentail.sources.adapters.names import Part, Role, kind_of, part_of

# A change that has to be formed may have so many values: 1 GiB in float32.
MOST_FORMED: Final = 2**28
_FLOATS: Final = ("float64", "float32", "float16", "bfloat16")
NEEDS_BASE: Final = (
    "DoRA: its lengths are learned apart, and what it changes is known beside its base only: give base+adapter"
)
_PARTS_OF: Final = "a tensor of an adapter of the kind {}, which this version does not put together"
_LOHA: Final = (Role.HADA_W1_A, Role.HADA_W1_B, Role.HADA_W2_A, Role.HADA_W2_B)

Specs = Mapping[Role, TensorSpec]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one weight.

    Attributes:
        module: the weight's name in the adapter, without ".weight".
        adapter: which of several adapters, or "".
        name: the tensor's name in the model.
        form: "LoRA", "LoHa" or "LoKr".
        parts: what it is made of.
        shape: of the weight, as the base stores it.
        rank: of the factors; of LoKr 0 where no factor tells.
        turned: whether the base stores it as (in, out).
        refused: why it cannot be put together, or "".

    Example:
        >>> down = TensorSpec(name="fc.lora_A.weight", shape=(4, 32), dtype="float32", nbytes=512)
        >>> up = TensorSpec(name="fc.lora_B.weight", shape=(64, 4), dtype="float32", nbytes=1024)
        >>> [(change.name, change.shape, change.rank) for change in changes_of([down, up])[0]]
        [('fc.weight', (64, 32), 4)]
    """

    module: str
    adapter: str
    name: str
    form: str
    parts: dict[Role, TensorSpec]
    shape: tuple[int, ...] = ()
    rank: int = 0
    turned: bool = False
    refused: str = ""

    @property
    def is_product(self) -> bool:
        """Whether it is a product of two thin factors."""
        return self.form == "LoRA"

    @property
    def is_dora(self) -> bool:
        """Whether the lengths of the weight are learned apart."""
        return Role.MAGNITUDE in self.parts

    @property
    def nbytes(self) -> int:
        """Bytes of everything it is made of."""
        return sum(spec.nbytes for spec in self.parts.values())


class Misfit(NamedTuple):
    """A tensor of an adapter that makes no change, and why.

    Attributes:
        spec: the tensor.
        reason: why.

    Example:
        >>> Misfit(TensorSpec(name="a", shape=(2,), dtype="int8", nbytes=2), "a vector").reason
        'a vector'
    """

    spec: TensorSpec
    reason: str


def changes_of(
    specs: Iterable[TensorSpec], *, fan_in_fan_out: bool = False
) -> tuple[list[Change], list[Misfit], list[TensorSpec]]:
    """Sort the tensors of an adapter.

    Args:
        specs: every tensor.
        fan_in_fan_out: whether the base stores its matrices as (in, out).

    Returns:
        The changes; the tensors that make none, with the reason; those that are stored as weights are.

    Example:
        >>> lone = TensorSpec(name="fc.lora_A.weight", shape=(4, 32), dtype="float32", nbytes=512)
        >>> changes_of([lone])[1][0].reason
        'half of a low-rank pair: there is no lora_B or lora_up for fc'
    """
    groups: dict[tuple[str, str], list[tuple[Part, TensorSpec]]] = {}
    stored: list[TensorSpec] = []
    for spec in specs:
        part = part_of(spec.name)
        if part is None:
            stored.append(spec)
        else:
            groups.setdefault((part.module, part.adapter), []).append((part, spec))
    changes: list[Change] = []
    misfits: list[Misfit] = []
    for members in groups.values():
        if {part.role for part, _ in members} <= {Role.ALPHA}:  # a learned number of the net itself
            stored += [spec for _, spec in members]
            continue
        found = _change(members, fan_in_fan_out)
        if isinstance(found, str):
            misfits += [Misfit(spec, _other(part) or found) for part, spec in members]
        else:
            changes.append(found)
    return changes, misfits, stored


def _other(part: Part) -> str:
    kind = kind_of(part.word)
    return _PARTS_OF.format(kind) if kind else ""


def _change(members: Sequence[tuple[Part, TensorSpec]], fan_in_fan_out: bool) -> Change | str:
    """The change that the tensors of one weight make, or why they make none."""
    parts: dict[Role, TensorSpec] = {}
    for part, spec in members:
        if part.role is Role.OTHER:
            return _PARTS_OF.format(kind_of(part.word))
        if part.role is Role.BIAS:
            return "the bias of a low-rank pair, which this version does not add"
        if part.role in parts:
            return f"two tensors are the same part of a change: {parts[part.role].name} and {spec.name}"
        if spec.dtype not in _FLOATS:
            return f"stored as {spec.dtype}: the factors of an adapter are real numbers"
        if 0 in spec.shape:
            return "empty: it holds no values"
        parts[part.role] = spec
    first = members[0][0]
    form, found = _shape(parts, first.module)
    if isinstance(found, str):
        return found
    shape, rank = found
    turned = Role.EMBEDDING_DOWN in parts or (fan_in_fan_out and form == "LoRA" and len(shape) == 2)
    if fan_in_fan_out and turned and Role.DOWN in parts:
        shape = shape[::-1]
    if form != "LoRA" and prod(shape) > MOST_FORMED:
        return f"{form} has to be formed, and {prod(shape):,} values are more than {MOST_FORMED:,}"
    return Change(
        module=first.module,
        adapter=first.adapter,
        name=f"{plain(first.module)}.weight",
        form=form,
        parts=parts,
        shape=shape,
        rank=rank,
        turned=turned,
        refused=NEEDS_BASE if Role.MAGNITUDE in parts else "",
    )


_Found = tuple[tuple[int, ...], int] | str


def _shape(parts: Specs, module: str) -> tuple[str, _Found]:
    """The form of a change, and its shape and rank or what is wrong."""
    sizes = {role: spec.shape for role, spec in parts.items()}
    if any(role.value.startswith("hada_") for role in parts):
        return "LoHa", _loha(sizes) or f"the parts of the LoHa of {module} do not fit together, or are too large"
    if any(role.value.startswith("lokr_") for role in parts):
        return "LoKr", _lokr(sizes) or f"the parts of the LoKr of {module} do not fit together, or are too large"
    if {Role.EMBEDDING_DOWN, Role.EMBEDDING_UP} & set(parts):
        return "LoRA", _embedding(sizes, module)
    return "LoRA", _lora(sizes, module)


def _half(there: bool, names: tuple[str, str], module: str) -> str:
    return f"half of a low-rank pair: there is no {names[there]} for {module}"


def _ranks(down: int, up: int) -> str:
    return f"the factors of a low-rank pair do not fit: one has rank {down}, the other {up}"


def _embedding(sizes: Mapping[Role, tuple[int, ...]], module: str) -> _Found:
    """Of an embedding, which PEFT keeps as (rank, rows) and (columns, rank)."""
    down, up = sizes.get(Role.EMBEDDING_DOWN), sizes.get(Role.EMBEDDING_UP)
    if down is None or up is None:
        return _half(down is not None, ("lora_embedding_A", "lora_embedding_B"), module)
    if len(down) != 2 or len(up) != 2:
        return f"the factors of the low-rank pair of {module} are no matrices"
    if down[0] != up[1]:
        return _ranks(down[0], up[1])
    return (down[1], up[0]), down[0]


def _lora(sizes: Mapping[Role, tuple[int, ...]], module: str) -> _Found:
    """Of a matrix or a kernel: (rank, in, positions...) and (out, rank); in Tucker's form the positions are between."""
    down, up, mid = sizes.get(Role.DOWN), sizes.get(Role.UP), sizes.get(Role.MID)
    if down is None or up is None:
        return _half(down is not None, ("lora_A or lora_down", "lora_B or lora_up"), module)
    if min(len(down), len(up)) < 2 or max(len(down), len(up)) > 5:
        return f"the factors of the low-rank pair of {module} are no matrices"
    if prod(up[2:]) != 1:
        return f"the second factor of the low-rank pair of {module} has kernel positions, which none has"
    if mid is None:
        return ((up[0], *down[1:]), down[0]) if down[0] == up[1] else _ranks(down[0], up[1])
    if len(mid) < 3 or mid[:2] != (up[1], down[0]) or prod(down[2:]) != 1:
        return f"the middle factor of {module} does not fit between the other two"
    shape = (up[0], down[1], *mid[2:])
    formed = mid[0] * prod(shape[1:])
    if formed > MOST_FORMED:
        return f"its second factor would have {formed:,} values, more than {MOST_FORMED:,}"
    return shape, mid[0]


def _loha(sizes: Mapping[Role, tuple[int, ...]]) -> _Found:
    """Of two products multiplied entry by entry; "" where they do not fit."""
    if not all(len(sizes.get(role, ())) == 2 for role in _LOHA):
        return ""
    one, two = (_pair(sizes, *roles) for roles in (_LOHA[:2], _LOHA[2:]))
    if Role.HADA_T1 in sizes or Role.HADA_T2 in sizes:
        one = _tucker(sizes, Role.HADA_T1, *_LOHA[:2])
        two = _tucker(sizes, Role.HADA_T2, *_LOHA[2:])
    return (one, sizes[Role.HADA_W1_B][0]) if one and one == two else ""


def _lokr(sizes: Mapping[Role, tuple[int, ...]]) -> _Found:
    """Of a Kronecker product, each side whole or a product; "" where they do not fit."""
    one = sizes.get(Role.LOKR_W1, ()) or _pair(sizes, Role.LOKR_W1_A, Role.LOKR_W1_B)
    two = sizes.get(Role.LOKR_W2, ())
    if not two and Role.LOKR_T2 in sizes:
        two = _tucker(sizes, Role.LOKR_T2, Role.LOKR_W2_A, Role.LOKR_W2_B)
    two = two or _pair(sizes, Role.LOKR_W2_A, Role.LOKR_W2_B)
    if len(one) != 2 or len(two) < 2:
        return ""
    rank = next((sizes[role][0] for role in (Role.LOKR_W2_B, Role.LOKR_W1_B) if role in sizes), 0)
    return (one[0] * two[0], one[1] * two[1], *two[2:]), rank


def _pair(sizes: Mapping[Role, tuple[int, ...]], one: Role, two: Role) -> tuple[int, ...]:
    """The shape of a product of two matrices; () where it is none."""
    left, right = sizes.get(one, ()), sizes.get(two, ())
    return (left[0], right[1]) if len(left) == len(right) == 2 and left[1] == right[0] else ()


def _tucker(sizes: Mapping[Role, tuple[int, ...]], core: Role, one: Role, two: Role) -> tuple[int, ...]:
    """The shape of a core with a matrix on each of its first two axes; () where they do not fit."""
    middle, left, right = sizes.get(core, ()), sizes.get(one, ()), sizes.get(two, ())
    if len(middle) < 3 or len(left) != 2 or len(right) != 2 or middle[:2] != (left[0], right[0]):
        return ()
    between = middle[0] * right[1] * prod(middle[2:])  # one of the two matrices is multiplied on first
    return (left[1], right[1], *middle[2:]) if between <= MOST_FORMED else ()
