"""A heat map of a metric: blocks from left to right, kinds of matrix from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from eigentail.plots.drawing import Cells, Drawing, Panel, Role
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import MOST, named
from eigentail.plots.series import ALPHA, near, not_drawn, nothing_drawn, numbered
from eigentail.plots.words import counted, model_name, sentences, shown
from eigentail.records import LayerReport, ModelReport

_MOST_KINDS: Final = 40
_OUTSIDE: Final = "none"

Grid = dict[tuple[str, str], list[float]]


def layers(report: ModelReport, metric: str) -> Drawing:
    """The median of the metric over the layers of each kind in each block.

    Args:
        report: of a model; where it has no blocks, layers stand in the order of the model.
        metric: the name of a metric.

    Returns:
        At most 40 kinds x 200 blocks; neighbouring blocks share a column where there are more.

    Raises:
        UsageError: no layer has such a metric.

    Example:
        >>> import eigentail as et
        >>> layers(et.analyze(et.example()), "alpha").panels[0].y.names
        ('dense',)
    """
    called = shown(metric)
    title = f"{called} by block and kind of matrix in {model_name(report)}"
    rows = numbered(report.layers, metric)
    if not rows:
        return Drawing(plot="layers", title=title, missing=nothing_drawn(report.layers, metric))
    columns, step = _columns(rows)
    kinds = list(dict.fromkeys(row.layer.kind for row in rows))
    rest = kinds[_MOST_KINDS:]
    kinds = kinds[:_MOST_KINDS][::-1]  # the first kind on top
    grid: Grid = {}
    for row, column in zip(rows, columns, strict=True):
        grid.setdefault((row.layer.kind, column), []).append(row.metrics[metric])
    across = list(dict.fromkeys(sorted(columns, key=_order)))
    values = tuple(tuple(_cell(grid, kind, column) for column in across) for kind in kinds)
    known = [value for row_of in values for value in row_of if value is not None]
    (low, high), beyond = near(known)
    shared = max(len(found) for found in grid.values())
    axis = "block" if _has_blocks(rows) else "layer"
    label = f"{called}{' (the scale ends below the largest)' if beyond else ''}"
    panel = Panel(
        x=named(axis, across),
        y=named("kind of matrix", (shown(kind) for kind in kinds)),
        marks=(Cells(role=Role.DATA, label=label, values=values, low=low, high=high if high > low else low + 1.0),),
    )
    said = (
        f"{counted(len(rows), 'layer')}",
        f"a cell is the median of up to {shared:,} layers" if shared > 1 else "",
        f"{step} neighbouring {axis}s share a column" if step > 1 else "",
        f"{counted(len(rest), 'kind')} of matrix not drawn" if rest else "",
        not_drawn(report.layers, rows, called),
    )
    return Drawing(plot="layers", title=title, panels=(panel,), caption=sentences(*said))


def _has_blocks(rows: Sequence[LayerReport]) -> bool:
    return len({row.layer.block for row in rows if row.layer.block is not None}) > 1


def _columns(rows: Sequence[LayerReport]) -> tuple[list[str], int]:
    """The column of each layer, and how many blocks share one."""
    by_block = _has_blocks(rows)
    places = [row.layer.block if by_block else row.layer.index for row in rows]
    known = [place for place in places if place is not None]
    step = max(1, -(-(max(known) - min(known) + 1) // MOST)) if len(set(known)) > MOST else 1
    return [_OUTSIDE if place is None else str(place // step * step) for place in places], step


def _order(column: str) -> tuple[bool, int]:
    """Blocks by number, what is outside of them last."""
    return column == _OUTSIDE, 0 if column == _OUTSIDE else int(column)


def _cell(grid: Grid, kind: str, column: str) -> float | None:
    found = grid.get((kind, column))
    return median(found) if found else None


PLOT = Plot(
    name="layers", title="a metric over blocks and kinds of matrix", takes=Takes.MODEL, prepare=layers, metric=ALPHA
)
