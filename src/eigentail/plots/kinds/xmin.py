"""Every place at which the tail of a layer could begin: how well a power law fits there, and with which exponent."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.smallest_distance import Tails, distances_of, tails_of
from eigentail.plots.drawing import Band, Drawing, Line, Mark, Panel, Points, Role, Rule
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import MOST, linear, logarithmic, numbers, spread
from eigentail.plots.words import counted, exponent_of, no_spectrum, number, sentences, shown, verdict_of
from eigentail.records import Fit, LayerReport

_NO_TAIL: Final = "fewer than two different eigenvalues: there is no tail to look for"
_XMIN: Final = "xmin: where the tail begins (squared units of the weights)"


def xmin(row: LayerReport, metric: str = "") -> Drawing:
    """Distance and exponent over every candidate for xmin, the one chosen, and the interval of alpha.

    Where alpha changes much while D hardly does, the choice of xmin is not to be trusted.

    Args:
        row: of one layer.
        metric: not used.

    Returns:
        Two panels of at most 200 candidates, the chosen one among them.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 3.3.

    Example:
        >>> import eigentail as et
        >>> drawing = xmin(et.analyze(et.example()).layers["fc2"])
        >>> [panel.y.label for panel in drawing.panels]
        ['D (KS distance)', 'alpha (exponent)']
    """
    title = f"Where the tail of {shown(row.name)} begins"
    values = np.empty(0) if row.spectrum is None else row.spectrum.positive
    if len(values) < 2 or values[0] == values[-1]:
        missing = no_spectrum(row) if row.spectrum is None else _NO_TAIL
        return Drawing(plot="xmin", title=title, missing=sentences(missing), caption=sentences(verdict_of(row)))
    tails = tails_of(values)
    drawn = _drawn(tails, values, row.fit)
    x = values[tails.starts[drawn]]
    distances, alphas = distances_of(tails, drawn), tails.alphas[drawn]
    beside = f" ({len(drawn)} drawn)" if len(drawn) < len(tails.starts) else ""
    return Drawing(
        plot="xmin",
        title=title,
        panels=(_distances(x, distances, row.fit), _alphas(x, alphas, row)),
        caption=sentences(
            f"{counted(len(tails.starts), 'candidate')}{beside}",
            exponent_of(row) if row.fit.ok else "",
            verdict_of(row),
        ),
        missing="" if row.fit.ok else sentences(exponent_of(row)),
    )


def _drawn(tails: Tails, values: NDArray[np.float64], fit: Fit) -> NDArray[np.intp]:
    """Which candidates: evenly spaced in the logarithm of the tail's size, and the chosen one."""
    count = len(tails.starts)
    if count <= MOST:
        return spread(count)
    sizes = len(values) - tails.starts
    wanted = np.geomspace(float(sizes[0]), float(sizes[-1]), MOST - 1)
    near = np.searchsorted(-sizes, -wanted).clip(0, count - 1)
    chosen = np.searchsorted(values[tails.starts], fit.xmin) if fit.xmin > 0 else 0
    return np.unique(np.append(near, min(int(chosen), count - 1))).astype(np.intp)


def _distances(x: NDArray[np.float64], distances: NDArray[np.float64], fit: Fit) -> Panel:
    marks: list[Mark] = [Line(role=Role.DATA, label="every candidate", x=numbers(x), y=numbers(distances))]
    if fit.xmin > 0:
        marks += [_rule(fit), Points(role=Role.FIT, label=f"D = {number(fit.D)}", x=(fit.xmin,), y=(fit.D,))]
    y = linear("D (KS distance)", numbers(distances), 0.0)
    return Panel(x=logarithmic(_XMIN, numbers(x)), y=y, marks=tuple(marks))


def _alphas(x: NDArray[np.float64], alphas: NDArray[np.float64], row: LayerReport) -> Panel:
    """The exponents; the last few tails hold a handful of values and may have any, so that they do not set the axis."""
    fit, axis = row.fit, logarithmic(_XMIN, numbers(x))
    marks: list[Mark] = []
    low, high = row.metrics.get("alpha_lo", math.nan), row.metrics.get("alpha_hi", math.nan)
    if math.isfinite(low + high):
        label = f"90 % interval ({number(low)} to {number(high)})"
        marks.append(Band(role=Role.INTERVAL, label=label, x=axis.limits, low=(low, low), high=(high, high)))
    marks.append(Line(role=Role.DATA, x=numbers(x), y=numbers(alphas)))
    if fit.xmin > 0:
        marks += [
            _rule(fit),
            Points(role=Role.FIT, label=f"alpha = {number(fit.alpha)}", x=(fit.xmin,), y=(fit.alpha,)),
        ]
    usual = numbers(np.quantile(alphas, (0.0, 0.9)))
    y = linear("alpha (exponent)", usual, fit.alpha, low, high)
    return Panel(x=axis, y=y, marks=tuple(marks))


def _rule(fit: Fit) -> Rule:
    return Rule(role=Role.CHOSEN, axis="x", at=fit.xmin)


PLOT = Plot(name="xmin", title="D and alpha over every candidate for xmin", takes=Takes.LAYER, prepare=xmin)
