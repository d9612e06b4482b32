"""DIFFERENCE -> page: the layers, the kinds most changed, what is no layer, and the outcome in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from eigentail.records.difference import Difference, LayerDifference, Outcome, Side, TensorDifference
from eigentail.reports.chosen import chosen_words
from eigentail.reports.diff_charts import difference_exhibit
from eigentail.reports.diff_document import to_json
from eigentail.reports.guide import DIFFERENCE
from eigentail.reports.table import ALWAYS, FILES_ONLY, Cell, Column, Page, Table, visible

_EXAMPLES: Final = 3
_NO_SIDE: Final = Side(dtype="")

# Columns of numbers, in order: how soon each gives way on a narrow terminal, and what is to be known to read it.
_COLUMNS: Final[Mapping[str, tuple[int, str]]] = {
    "change": (ALWAYS, "change: |other - base| / |base|, Frobenius norms"),
    "changed_share": (5, ""),
    "rank": (4, "rank: eigenvalues of the change above what rounding alone makes"),
    "stable_rank": (6, ""),
    "entropy": (FILES_ONLY, ""),
    "noise_p": (6, "noise_p: share of random matrices whose spectrum is as far from noise as that of the change"),
    "alpha_change": (7, "alpha_change: exponent of the tail of the change itself"),
    "alpha_base": (2, ""),
    "alpha_other": (2, ""),
    "alpha_drift": (8, ""),
    "alpha_drift_lo": (FILES_ONLY, ""),
    "alpha_drift_hi": (FILES_ONLY, ""),
    "log_norm_drift": (7, ""),
    "overlap_k": (FILES_ONLY, ""),
    "overlap_left": (3, "overlap: mean squared cosine between the subspaces of the base's tail and the other's"),
    "overlap_right": (3, "overlap: mean squared cosine between the subspaces of the base's tail and the other's"),
    "zeros_base": (FILES_ONLY, ""),
    "zeros_other": (7, ""),
    "levels_base": (FILES_ONLY, ""),
    "levels_other": (FILES_ONLY, ""),
}


def difference_page(difference: Difference) -> Page:
    """The page of a diff.

    Args:
        difference: from `eigentail.diff`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.diff import diff
        >>> difference_page(diff(et.example(), et.example())).lead[0]
        'identical: 3 layers and 3 tensors beside them have the same values.'
    """
    appendix = [table for table in (_tensors_table(difference), _skipped_table(difference)) if table.rows]
    return Page(
        title=f"{difference.base.target} -> {difference.other.target}",
        lead=_lead(difference),
        main=layers_table(difference),
        overview=(_kinds_table(difference),) if difference.by_kind else (),
        appendix=tuple(appendix),
        facts=_facts(difference),
        json=lambda: to_json(difference),
        guide=DIFFERENCE,
        exhibit=lambda: difference_exhibit(difference),
    )


def layers_table(difference: Difference) -> Table:
    """One row for each layer, in the order of the base.

    Args:
        difference: from `eigentail.diff`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.diff import diff
        >>> layers_table(diff(et.example(), et.example())).rows[0][1]
        'fc1'
    """
    columns = (
        Column("index", "number", 7),
        Column("name", "name"),
        Column("kind", "text", 7),
        *(Column(name, "number", rank, note) for name, (rank, note) in _COLUMNS.items()),
        Column("dtype_base", "text", FILES_ONLY),
        Column("dtype_other", "text", FILES_ONLY),
        Column("done", "text", 1),
        Column("outcome", "verdict"),
        Column("reason", "sentence", 7),
    )
    return Table(title="Layers", columns=columns, rows=tuple(map(_cells, difference.layers)))


def _cells(row: LayerDifference) -> tuple[Cell, ...]:
    """The cells of one layer; nothing but its name and the reason where it was not compared."""
    base, other, change = row.base or _NO_SIDE, row.other or _NO_SIDE, row.change
    numbers = (
        change.relative,
        change.share,
        change.rank,
        change.stable_rank,
        change.entropy,
        change.noise_p,
        change.fit.alpha,
        base.alpha,
        other.alpha,
        row.alpha_drift.value,
        row.alpha_drift.low,
        row.alpha_drift.high,
        row.log_norm_drift,
        row.overlap.k or None,
        row.overlap.left,
        row.overlap.right,
        base.zeros,
        other.zeros,
        base.levels,
        other.levels,
    )
    words = (base.dtype, other.dtype, change.deed.value if row.outcome.is_compared else "")
    return (row.layer.index, row.name, row.layer.kind, *numbers, *words, row.outcome.value, row.reason)


def _kinds_table(difference: Difference) -> Table:
    """The kinds of matrix, the most changed first."""
    compared = [row.layer.kind for row in difference.layers if row.outcome.is_compared]
    rows = tuple((kind, compared.count(kind), value) for kind, value in difference.by_kind.items())
    columns = (Column("kind"), Column("layers", "number"), Column("change", "number"))
    return Table(title="Kinds of matrix", columns=columns, rows=rows)


def _tensors_table(difference: Difference) -> Table:
    """What is no layer, by what became of it; the largest change is told first. JSON has every tensor."""
    groups: dict[str, list[TensorDifference]] = {}
    for tensor in sorted(difference.tensors, key=lambda tensor: -_or_zero(tensor.relative)):
        groups.setdefault(tensor.reason or ("changed" if tensor.is_changed else "untouched"), []).append(tensor)
    rows = tuple(
        (len(tensors), what, tensors[0].relative, ", ".join(tensor.name for tensor in tensors[:_EXAMPLES]))
        for what, tensors in groups.items()
    )
    columns = (
        Column("tensors", "number"),
        Column("outcome", "sentence"),
        Column("largest change", "number"),
        Column("for example", "name", 1),
    )
    return Table(title="Beside the layers", columns=columns, rows=rows)


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _skipped_table(difference: Difference) -> Table:
    """What was held against nothing, by the reason."""
    groups: dict[str, list[str]] = {}
    for skip in difference.skipped:
        groups.setdefault(skip.reason, []).append(skip.name)
    columns = (Column("tensors", "number"), Column("reason", "sentence"), Column("for example", "name", 1))
    rows = tuple((len(names), reason, ", ".join(names[:_EXAMPLES])) for reason, names in groups.items())
    return Table(title="Not looked at", columns=columns, rows=rows)


def _lead(difference: Difference) -> tuple[str, ...]:
    """The outcome in a few sentences."""
    said = [f"{difference.whole.value}: {difference.sentence}."]
    if difference.relative > 0:
        most = difference.ranked()[0]
        where = f"; the most in {visible(most.name)}, by {_percent(most.change.relative)}"
        said.append(f"The layers changed by {_percent(difference.relative)} of their norm{where}.")
        said.append(f"What was done: {difference.done}.")
    elif difference.done != difference.deed.sentence:  # stored in another type, with nothing lost
        said.append(f"What was done: {difference.done}.")
    return (*said, *_damaged(difference.layers))


def _damaged(rows: Sequence[LayerDifference]) -> tuple[str, ...]:
    """A sentence for each of the first layers that look damaged."""
    damaged = [row for row in rows if row.outcome is Outcome.DAMAGED]
    said = [f"{visible(row.name)} looks damaged: {visible(row.reason)}." for row in damaged[:_EXAMPLES]]
    more = len(damaged) - len(said)
    return (*said, f"{more} more look damaged.") if more > 0 else tuple(said)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _facts(difference: Difference) -> tuple[tuple[str, str], ...]:
    """Everything needed to get the same numbers again."""
    return (
        ("base", visible(difference.base.target)),
        ("base fingerprint", difference.base.fingerprint or "-"),
        ("other", visible(difference.other.target)),
        ("other fingerprint", difference.other.fingerprint or "-"),
        *chosen_words(difference.settings),
        *((f"{name} version", version) for name, version in difference.versions.items()),
    )
