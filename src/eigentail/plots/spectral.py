"""SPECTRUM, FIT -> the panel of a density: what `esd` and `delta` share."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from eigentail.numerics.marchenko_pastur import Bulk, fit_bulk
from eigentail.plots.density import Density, density_of, fitted_bulk, noise_of_shape
from eigentail.plots.drawing import Band, Line, Mark, Panel, Points, Role, Rule, Steps
from eigentail.plots.scales import logarithmic, numbers, spread
from eigentail.plots.tail_law import tail_law
from eigentail.plots.words import counted, number, sentences
from eigentail.records import Fit, Spectrum

EIGENVALUE: Final = "eigenvalue of WᵀW (squared units of the weights)"
DENSITY: Final = "density (per unit of the eigenvalue)"
_MOST_SPIKES: Final = 100
# Noise may be drawn this much below the lowest bin: its upper edge falls to zero.
_BELOW: Final = 3.0


class Seen(msgspec.Struct, frozen=True, eq=False):
    """A spectrum that has a density, and that density.

    Example:
        >>> seen(None)
        'there is no spectrum'
    """

    spectrum: Spectrum
    density: Density


def seen(spectrum: Spectrum | None) -> Seen | str:
    """A spectrum with its density, or a sentence why it cannot be drawn.

    Example:
        >>> seen(Spectrum(eigenvalues=np.array([0.0, 4.0]), shape=(3, 2), rank=1))
        'there is one eigenvalue that is not zero, 4: one value has no density'
    """
    if spectrum is None:
        return "there is no spectrum"
    values = spectrum.positive
    if not len(values):
        return "every eigenvalue is zero"
    if len(values) == 1:
        return f"there is one eigenvalue that is not zero, {number(float(values[0]))}: one value has no density"
    if values[0] == values[-1]:
        return f"all {len(values)} eigenvalues that are not zero are {number(float(values[0]))}"
    density = density_of(values)
    if density is None:
        return "the eigenvalues are too close to each other, or to zero, for a density in float64"
    return Seen(spectrum, density)


def density_panel(found: Seen, fit: Fit) -> tuple[Panel, str]:
    """Histogram, null, bulk, spikes, fit and xmin, and what is to be said of them.

    Args:
        found: from `seen`.
        fit: of the tail of the spectrum.

    Returns:
        The panel, and sentences for the caption.

    Source: Martin & Mahoney, JMLR 22 (2021), section 3, for bulk and spikes.

    Example:
        >>> import eigentail as et
        >>> row = et.analyze(et.example()).layers["fc2"]
        >>> density_panel(seen(row.spectrum), row.fit)[1].startswith("192 x 192, 192 eigenvalues.")
        True
    """
    spectrum, density = found.spectrum, found.density
    bulk = fit_bulk(spectrum)
    marks: list[Mark] = []
    lowest = float(density.heights[density.heights > 0].min())
    floor = lowest / _BELOW / _BELOW
    if (null := noise_of_shape(spectrum)) is not None:
        marks.append(_null(null, floor))
    label = f"eigenvalues (n = {spectrum.rank:,})"
    marks.append(Steps(role=Role.DATA, label=label, edges=numbers(density.edges), heights=numbers(density.heights)))
    if (law := fitted_bulk(bulk, spectrum)) is not None:
        marks.append(_curve(law, floor))
    if bulk.ok and bulk.spikes:
        marks.append(_spikes(spectrum, bulk, density))
    marks += _tail(spectrum, fit)
    heights = [lowest, float(density.heights.max()), *_ends(marks, lowest)]
    x = logarithmic(EIGENVALUE, (float(density.edges[0]), float(density.edges[-1])))
    return Panel(x=x, y=logarithmic(DENSITY, heights), marks=tuple(marks)), _notes(spectrum, fit, bulk)


def size_of(spectrum: Spectrum) -> str:
    """Shape, number of eigenvalues, and how many of them are zero.

    Example:
        >>> size_of(Spectrum(eigenvalues=np.array([0.0, 1.0]), shape=(3, 2), rank=1))
        '3 x 2, 2 eigenvalues, 1 of them zero and not drawn'
    """
    n = len(spectrum.eigenvalues)
    pooled = f" ({spectrum.count:,} matrices pooled)" if spectrum.count > 1 else ""
    zeros = f", {n - spectrum.rank:,} of them zero and not drawn" if n > spectrum.rank else ""
    return f"{spectrum.shape[0]} x {spectrum.shape[1]}{pooled}, {counted(n, 'eigenvalue')}{zeros}"


def _null(null: Density, floor: float) -> Band:
    """The area under the law of noise, down to the floor of the panel."""
    x, heights = _outline(null, floor)
    return Band(role=Role.NULL, label="untrained, same shape and norm", x=x, low=(floor,) * len(x), high=heights)


def _curve(law: Density, floor: float) -> Line:
    x, heights = _outline(law, floor)
    return Line(role=Role.BULK, label="bulk (Marchenko-Pastur fit)", x=x, y=heights)


def _outline(law: Density, floor: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The curve through the middles of the bins, brought down to the floor at both ends."""
    middles = np.sqrt(law.edges[:-1]) * np.sqrt(law.edges[1:])
    x = np.concatenate([law.edges[:1], middles, law.edges[-1:]])
    return numbers(x), numbers(np.maximum(np.concatenate([[floor], law.heights, [floor]]), floor))


def _spikes(spectrum: Spectrum, bulk: Bulk, density: Density) -> Points:
    """Each at the height of its bin."""
    found = spectrum.positive[spectrum.rank - bulk.spikes :]
    drawn = found[spread(len(found), _MOST_SPIKES)]
    at = np.clip(np.searchsorted(density.edges, drawn, side="right") - 1, 0, len(density.heights) - 1)
    beside = f", {len(drawn)} drawn" if len(drawn) < len(found) else ""
    label = f"above the bulk ({len(found):,}{beside})"
    return Points(role=Role.SPIKE, label=label, x=numbers(drawn), y=numbers(density.heights[at]))


def _tail(spectrum: Spectrum, fit: Fit) -> list[Mark]:
    """The fitted law over its tail, and where that begins."""
    law = tail_law(fit)
    if law is None:
        return []
    heights = law.density * (fit.tail / max(spectrum.rank, 1))
    label = f"fitted tail (alpha = {number(fit.alpha)})"
    return [
        Rule(role=Role.CHOSEN, label=f"xmin = {number(fit.xmin)}", axis="x", at=fit.xmin),
        Line(role=Role.FIT, label=label, x=numbers(law.x), y=numbers(heights)),
    ]


def _ends(marks: list[Mark], lowest: float) -> list[float]:
    """How high the lines reach, and how low that of the tail does, if not far below the histogram."""
    lines = [mark for mark in marks if isinstance(mark, Line) and mark.y]
    return [max(line.y) for line in lines] + [
        max(min(line.y), lowest / _BELOW) for line in lines if line.role is Role.FIT
    ]


def _notes(spectrum: Spectrum, fit: Fit, bulk: Bulk) -> str:
    drawn = ""
    if fit.ok and tail_law(fit) is None:
        drawn = "the fit was made to another sample than these eigenvalues" if math.isnan(fit.xmin) else ""
        drawn = drawn or f"the law {fit.law} is not drawn"
    return sentences(size_of(spectrum), drawn, "" if bulk.ok else "no bulk of noise was found")
