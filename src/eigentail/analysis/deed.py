"""What was evidently done to weights: to one layer by its entries, to a model by its layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from eigentail.numerics.change import ChangeRank, Entries
from eigentail.numerics.levels import is_coarser
from eigentail.records.difference import Deed, LayerDifference, Side

# Weights with a smaller cosine to those of the base were not made of them.
_NOTHING_IN_COMMON: Final = 0.1
# Zeros gained that are worth a word beside a change of another sort.
_MANY_ZEROS: Final = 0.05


def deed_of(entries: Entries, base: Side, other: Side, rank: ChangeRank) -> Deed:
    """What was done to one layer: the first that explains every change.

    Args:
        entries: compared with the format as `rounded_to` that the other holds, where that is the coarser one.
        base: before.
        other: after.
        rank: of the change.

    Example:
        >>> entries = Entries(size=4, changed=1, gained=1)
        >>> deed_of(entries, Side(dtype="float32"), Side(dtype="float32"), ChangeRank(1, False)).value
        'pruned'
    """
    if not entries.changed:
        return Deed.NOTHING
    if not entries.moved:
        return Deed.PRUNED if entries.gained else Deed.CAST
    if other.few_levels and not base.few_levels:
        return Deed.QUANTISED
    if rank.low:
        return Deed.LOW_RANK
    return Deed.ANEW if entries.cosine < _NOTHING_IN_COMMON else Deed.DENSE


def coarser_format(base: Side, other: Side) -> str:
    """The format that the other was rounded to, or "" where it holds as much as the base.

    Example:
        >>> coarser_format(Side(dtype="float32", holds="float32"), Side(dtype="float32", holds="bfloat16"))
        'bfloat16'
    """
    return other.holds if is_coarser(other.holds, base.holds) else ""


def done_to(rows: Sequence[LayerDifference]) -> tuple[Deed, str]:
    """What was done to a model: what was done to every layer that changed.

    Args:
        rows: all layers.

    Returns:
        The deed, and a sentence with its numbers.

    Example:
        >>> done_to([])
        (<Deed.UNKNOWN: 'unknown'>, 'what was done cannot be told')
    """
    compared = [row for row in rows if row.outcome.is_compared]
    changed = [row for row in compared if row.change.deed is not Deed.NOTHING]
    if not compared:
        return Deed.UNKNOWN, Deed.UNKNOWN.sentence
    if not changed:
        return Deed.NOTHING, Deed.NOTHING.sentence + _formats(compared)
    counts = Counter(row.change.deed for row in changed)
    if len(counts) == 1:
        deed = next(iter(counts))
        return deed, deed.sentence + _numbers(deed, changed) + _zeros(deed, changed)
    said = ", ".join(f"{deed.value} in {count}" for deed, count in counts.most_common())
    return Deed.SEVERAL, f"{Deed.SEVERAL.sentence}: {said} of {len(changed)} layers that changed"


def _numbers(deed: Deed, rows: Sequence[LayerDifference]) -> str:
    """The one number that goes with a deed."""
    match deed:
        case Deed.CAST:
            held = sorted({row.other.holds for row in rows if row.other})
            return f": {' and '.join(held)}"
        case Deed.PRUNED:
            return f": {100 * _over(rows, 'zeros'):.1f} % of them are zero now"
        case Deed.QUANTISED:
            return f": {_range([row.other.levels for row in rows if row.other])} different values a row or group"
        case Deed.LOW_RANK:
            return f": rank {_range([float(row.change.rank or 0) for row in rows])}"
    return ""


def _zeros(deed: Deed, rows: Sequence[LayerDifference]) -> str:
    gained = _over(rows, "zeros") - sum(row.base.zeros * _size(row) for row in rows if row.base) / sum(map(_size, rows))
    if deed is Deed.PRUNED or not gained > _MANY_ZEROS:
        return ""
    return f"; {100 * gained:.1f} % of the weights became zero"


def _over(rows: Sequence[LayerDifference], name: str) -> float:
    """A share of the other side over all weights of the layers."""
    return float(sum(getattr(row.other, name) * _size(row) for row in rows)) / sum(map(_size, rows))


def _size(row: LayerDifference) -> int:
    return row.layer.count * row.layer.shape[0] * row.layer.shape[1]


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return low if low == high else f"{low} to {high}"


def _formats(rows: Sequence[LayerDifference]) -> str:
    """A word on a copy that is stored in another format without having lost anything."""
    pairs = sorted({(row.base.dtype, row.other.dtype) for row in rows if row.base and row.other})
    stored = [f"{one} is stored as {two} now" for one, two in pairs if one != two]
    return "".join(f"; {words}" for words in stored)
