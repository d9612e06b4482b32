"""DIFFERENCE -> charts: how far each layer moved, and the spectrum of its change."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from eigentail.records.difference import Difference, LayerDifference
from eigentail.reports.exhibit import Axis, Chart, Exhibit, Seen, Series, rounded
from eigentail.reports.seen import seen_spectrum

_NUMBERS: Final[Mapping[str, tuple[Axis, Callable[[LayerDifference], float]]]] = {
    "change": (Axis("change, relative to the base", log=True), lambda row: row.change.relative),
    "alpha_drift": (Axis("alpha, other less base"), lambda row: row.alpha_drift.value),
    "overlap_left": (Axis("overlap of the left subspaces"), lambda row: row.overlap.left),
}
_MISSING: Final = "No spectrum of a change: the layer is untouched, or it was not compared."


def difference_exhibit(difference: Difference) -> Exhibit:
    """What the page of a diff draws: a chart for each number, and the spectrum of the change of a chosen layer.

    Args:
        difference: from `eigentail.diff`.

    Example:
        >>> import eigentail as et
        >>> difference_exhibit(et.diff(et.example(), et.example())).seen
        ((), (), ())
    """
    charts = [_chart(difference, name) for name in _NUMBERS]
    return Exhibit(
        title="What changed, over the layers",
        charts=tuple(chart for chart in charts if chart.series),
        seen=tuple(map(_seen, difference.layers)),
        missing=_MISSING,
    )


def _chart(difference: Difference, name: str) -> Chart:
    """One number over the layers, a mark for each kind of outcome."""
    axis, number = _NUMBERS[name]
    groups: dict[str, list[tuple[int, float]]] = {}
    for place, row in enumerate(difference.layers):
        value = number(row)
        if math.isfinite(value) and (value > 0 or not axis.log):
            groups.setdefault(row.outcome.value, []).append((place, value))
    series = tuple(
        Series(
            name=outcome,
            x=tuple(float(place) for place, _ in found),
            y=tuple(rounded(value) for _, value in found),
            rows=tuple(place for place, _ in found),
        )
        for outcome, found in groups.items()
    )
    shown = sum(len(one.x) for one in series)
    caption = f"{shown} of {len(difference.layers)} layers; the others have no such number, or it is zero."
    return Chart(name=name, x=Axis("place in the base", whole=True), y=axis, series=series, caption=caption)


def _seen(row: LayerDifference) -> tuple[Seen, ...]:
    if row.change.spectrum is None:
        return ()
    seen = seen_spectrum(row.change.spectrum, row.change.fit)
    return () if seen is None else (seen,)
