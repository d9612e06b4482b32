"""How localised a layer's eigenvectors are, in the bulk and in the tail."""

from __future__ import annotations

import math
from typing import Final

from eigentail.plots.drawing import Band, Drawing, Line, Mark, Panel, Role, Rule
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import linear, logarithmic
from eigentail.plots.spectral import EIGENVALUE
from eigentail.plots.words import no_spectrum, number, sentences, shown, verdict_of
from eigentail.records import LayerReport, Spectrum

_KINDS: Final = {
    "loc_ratio": "localisation |v|₁ / |v|∞",
    "part_ratio": "participation |v|₂ / |v|₄",
    "vec_entropy": "entropy of v² (1: all equal)",
}
_PARTS: Final = (("bulk", Role.BULK), ("tail", Role.FIT))


def vectors(row: LayerReport, metric: str = "") -> Drawing:
    """Mean and standard deviation of three measures over the eigenvectors below and above xmin.

    A report keeps means and variances, not each vector: each part is drawn as one level over its eigenvalues.

    Args:
        row: of one layer, measured with `--metrics "default,*_loc_ratio,*_part_ratio,*_vec_entropy"`.
        metric: not used.

    Returns:
        A panel for each measure that was asked for.

    Source: Martin & Mahoney, JMLR 22 (2021), on the localisation of eigenvectors.

    Example:
        >>> import eigentail as et
        >>> vectors(et.analyze(et.example()).layers["fc2"]).missing
        'The vectors were not measured: analyse with --metrics "default,*_loc_ratio,*_part_ratio,*_vec_entropy".'
    """
    title = f"Eigenvectors of {shown(row.name)}"
    spectrum = row.spectrum
    if (missing := _missing(row)) or spectrum is None:
        return Drawing(plot="vectors", title=title, missing=sentences(missing), caption=sentences(verdict_of(row)))
    known = [kind for kind in _KINDS if _is_known(row, kind)]
    panels = [_panel(row, spectrum, kind, is_first=kind == known[0]) for kind in known]
    said = "means of the eigenvectors of each part, bands of one standard deviation"
    beyond = f"the tail begins at xmin = {number(row.fit.xmin)}"
    return Drawing(plot="vectors", title=title, panels=tuple(panels), caption=sentences(said, beyond, verdict_of(row)))


def _missing(row: LayerReport) -> str:
    """Why there is nothing to draw, or ""."""
    if not any(f"{part}_mean_{kind}" in row.metrics for part, _ in _PARTS for kind in _KINDS):
        wanted = ",".join(("default", *PLOT.needs[1:]))
        return f'The vectors were not measured: analyse with --metrics "{wanted}"'
    if row.spectrum is None or not row.spectrum.rank:
        return no_spectrum(row) if row.spectrum is None else "every eigenvalue is zero"
    if not any(_is_known(row, kind) for kind in _KINDS):
        return "no measure of the vectors has a number: without a tail there is nothing to tell apart"
    return ""


def _is_known(row: LayerReport, kind: str) -> bool:
    return any(math.isfinite(row.metrics.get(f"{part}_mean_{kind}", math.nan)) for part, _ in _PARTS)


def _panel(row: LayerReport, spectrum: Spectrum, kind: str, *, is_first: bool) -> Panel:
    """One measure; the first panel has the labels of all."""
    values, start = spectrum.positive, row.fit.xmin
    spans = {"bulk": (float(values[0]), start), "tail": (start, float(values[-1]))}
    marks: list[Mark] = []
    for part, role in _PARTS:
        mean = row.metrics.get(f"{part}_mean_{kind}", math.nan)
        if math.isfinite(mean):
            label = part if is_first else ""
            marks += _level(spans[part], mean, row.metrics.get(f"{part}_var_{kind}", math.nan), role, label)
    label = f"xmin = {number(start)}" if is_first else ""
    marks.append(Rule(role=Role.CHOSEN, label=label, axis="x", at=start))
    heights = [value for mark in marks if isinstance(mark, Band) for value in (*mark.low, *mark.high)]
    heights += [value for mark in marks if isinstance(mark, Line) for value in mark.y]
    x = logarithmic(EIGENVALUE, (float(values[0]), float(values[-1])))
    return Panel(x=x, y=linear(_KINDS[kind], heights), marks=tuple(marks))


def _level(span: tuple[float, float], mean: float, variance: float, role: Role, label: str) -> list[Mark]:
    """One part: its mean, and the band of one standard deviation where the variance is known."""
    marks: list[Mark] = [Line(role=role, label=label, x=span, y=(mean, mean))]
    if variance >= 0 and math.isfinite(variance):
        low, high = mean - math.sqrt(variance), mean + math.sqrt(variance)
        marks.insert(0, Band(role=role, x=span, low=(low, low), high=(high, high)))
    return marks


PLOT = Plot(
    name="vectors",
    title="localisation of the eigenvectors, bulk and tail",
    takes=Takes.LAYER,
    prepare=vectors,
    needs=("default", "*_loc_ratio", "*_part_ratio", "*_vec_entropy"),
)
