"""Mark -> the artist of matplotlib that draws it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eigentail.plots.drawing import Band, Cells, Line, Links, Mark, Points, Rule, Steps
from eigentail.plots.glyphs import drawable
from eigentail.plots.palette import STYLES, Style, Theme, color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Look = dict[str, Any]

_DASHES: Final = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_MARKERS: Final = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "diamond": "D",
    "triangle-down": "v",
    "x": "x",
}
_MANY: Final = 100
# So many points are called by their names in the picture.
_FEW: Final = 12


def add_mark(axes: Axes, mark: Mark, theme: Theme, order: float) -> None:
    """Draw one mark into axes whose scales are set.

    Args:
        axes: of matplotlib.
        mark: any.
        theme: light or dark.
        order: marks of a higher one cover it.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from eigentail.plots.drawing import Role
        >>> from eigentail.plots.palette import LIGHT
        >>> axes = Figure().subplots()
        >>> add_mark(axes, Line(role=Role.FIT, x=(0.0, 1.0), y=(2.0, 3.0)), LIGHT, 2.0)
        >>> axes.lines[0].get_ydata().tolist()
        [2.0, 3.0]
    """
    style = STYLES[mark.role]
    text = drawable(mark.label)
    # what begins with an underscore is left out of legends, and so is what has no label
    label = (f" {text}" if text.startswith("_") else text) or "_"
    _MAKERS[type(mark)](axes, mark, style, theme, {"label": label, "zorder": order})


def _points(axes: Axes, mark: Points, style: Style, theme: Theme, kept: Look) -> None:
    color = color_of(style, theme)
    size = 4.5 if len(mark.x) <= _MANY else 3.0
    kept = kept | {"linestyle": "", "marker": _MARKERS[style.marker], "markersize": size, "color": color}
    if mark.low:
        below, above = np.subtract(mark.y, mark.low), np.subtract(mark.high, mark.y)
        bars = np.maximum([below, above], 0.0)
        axes.errorbar(mark.x, mark.y, bars, elinewidth=0.8, capsize=0, alpha=0.9, **kept)
        return
    edge = color if style.marker == "x" else theme.paper
    axes.plot(mark.x, mark.y, markeredgecolor=edge, markeredgewidth=0.4, **kept)
    if len(mark.names) <= _FEW:
        _name(axes, mark, theme)


def _name(axes: Axes, mark: Points, theme: Theme) -> None:
    """The name of each point beside it."""
    for x, y, name in zip(mark.x, mark.y, mark.names, strict=False):
        look: Look = {"fontsize": 6.5, "color": theme.ink, "parse_math": False}
        axes.annotate(drawable(name), (x, y), xytext=(4, 3), textcoords="offset points", annotation_clip=True, **look)


def _line(axes: Axes, mark: Line, style: Style, theme: Theme, kept: Look) -> None:
    axes.plot(mark.x, mark.y, color=color_of(style, theme), **_stroke(style), **kept)


def _steps(axes: Axes, mark: Steps, style: Style, theme: Theme, kept: Look) -> None:
    # a logarithmic axis has no zero to stand on
    lowest = min(filter(None, mark.heights), default=1.0) / 1e3
    baseline = 0.0 if axes.get_yscale() == "linear" else lowest
    axes.stairs(mark.heights, mark.edges, fill=True, baseline=baseline, **_area(style, theme), **kept)


def _band(axes: Axes, mark: Band, style: Style, theme: Theme, kept: Look) -> None:
    below = kept | {"zorder": kept["zorder"] - 1}
    axes.fill_between(mark.x, mark.low, mark.high, **_area(style, theme), **below)


def _links(axes: Axes, mark: Links, style: Style, theme: Theme, kept: Look) -> None:
    axes.hlines(mark.y, mark.x, mark.end, color=color_of(style, theme), alpha=0.6, **_stroke(style), **kept)


def _rule(axes: Axes, mark: Rule, style: Style, theme: Theme, kept: Look) -> None:
    across: Callable[..., Any] = axes.axvline if mark.axis == "x" else axes.axhline
    across(mark.at, color=color_of(style, theme), **_stroke(style), **kept)


def _cells(axes: Axes, mark: Cells, style: Style, theme: Theme, kept: Look) -> None:
    """With its own scale of shades beside the panel."""
    values = np.ma.masked_invalid(np.array(mark.values, dtype=np.float64))
    look: Look = {"cmap": theme.shades, "vmin": mark.low, "vmax": mark.high, "zorder": kept["zorder"]}
    image = axes.imshow(values, aspect="auto", origin="lower", interpolation="nearest", **look)
    axes.set_facecolor(theme.grid)
    figure: Any = axes.get_figure(root=True)
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(drawable(mark.label), fontsize=8, color=theme.ink, parse_math=False)
    bar.ax.tick_params(colors=theme.ink, labelsize=7)
    bar.outline.set_visible(False)


def _stroke(style: Style) -> Look:
    return {"linestyle": _DASHES[style.dash], "linewidth": style.width}


def _area(style: Style, theme: Theme) -> Look:
    """An area is see-through, its outline is not."""
    from matplotlib.colors import to_rgba

    color = color_of(style, theme)
    return {"facecolor": to_rgba(color, style.fill), "edgecolor": color, **_stroke(style)}


_MAKERS: Final[dict[type, Callable[..., None]]] = {
    Points: _points,
    Line: _line,
    Steps: _steps,
    Band: _band,
    Links: _links,
    Rule: _rule,
    Cells: _cells,
}
