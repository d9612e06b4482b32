"""The share of a layer's eigenvalues at or above each size, beside the law fitted to the tail."""

from __future__ import annotations

import numpy as np

from eigentail.plots.drawing import Drawing, Line, Mark, Panel, Points, Role, Rule
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import MOST, logarithmic, numbers
from eigentail.plots.spectral import EIGENVALUE, size_of
from eigentail.plots.tail_law import tail_law
from eigentail.plots.words import exponent_of, no_spectrum, number, sentences, shown, verdict_of
from eigentail.records import LayerReport, Spectrum


def ccdf(row: LayerReport, metric: str = "") -> Drawing:
    """The complementary cumulative distribution on logarithmic axes; nothing is binned.

    Args:
        row: of one layer.
        metric: not used.

    Returns:
        A drawing of at most 200 of the eigenvalues, evenly spaced in the logarithm of their rank.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 2.

    Example:
        >>> import eigentail as et
        >>> max(ccdf(et.analyze(et.example()).layers["fc2"]).panels[0].marks[0].y)
        1.0
    """
    title = f"Eigenvalues of {shown(row.name)} at or above each size"
    spectrum = row.spectrum
    if spectrum is None or not spectrum.rank:
        missing = no_spectrum(row) if spectrum is None else "every eigenvalue is zero"
        return Drawing(plot="ccdf", title=title, missing=sentences(missing), caption=sentences(verdict_of(row)))
    points = _points(spectrum)
    marks: list[Mark] = [points]
    if (law := tail_law(row.fit)) is not None:
        fit = row.fit
        marks.append(Rule(role=Role.CHOSEN, label=f"xmin = {number(fit.xmin)}", axis="x", at=fit.xmin))
        share = law.above * (fit.tail / spectrum.rank)
        label = f"fitted tail (alpha = {number(fit.alpha)})"
        marks.append(Line(role=Role.FIT, label=label, x=numbers(law.x), y=numbers(share)))
    axes = logarithmic(EIGENVALUE, points.x), logarithmic("share of eigenvalues at or above", points.y)
    return Drawing(
        plot="ccdf",
        title=title,
        panels=(Panel(x=axes[0], y=axes[1], marks=tuple(marks)),),
        caption=sentences(size_of(spectrum), exponent_of(row) if row.fit.ok else "", verdict_of(row)),
        missing="" if row.fit.ok else sentences(exponent_of(row)),
    )


def _points(spectrum: Spectrum) -> Points:
    """Eigenvalues by rank from the largest; all of them where they are few."""
    values, n = spectrum.positive, spectrum.rank
    ranks = np.arange(1, n + 1) if n <= MOST else np.unique(np.geomspace(1, n, MOST).round().astype(np.intp))
    drawn = values[n - ranks[::-1]]
    above = n - np.searchsorted(values, drawn, side="left")  # equal values are all at or above each other
    label = f"eigenvalues (n = {n:,}{f', {len(ranks)} drawn' if len(ranks) < n else ''})"
    return Points(role=Role.DATA, label=label, x=numbers(drawn), y=numbers(above / n))


PLOT = Plot(name="ccdf", title="share of eigenvalues at or above each size", takes=Takes.LAYER, prepare=ccdf)
