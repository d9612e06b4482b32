"""Drawing -> a matplotlib figure, for papers. No pyplot: nothing is registered, shown or left open."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eigentail.errors import UsageError
from eigentail.plots.artists import add_mark
from eigentail.plots.drawing import Axis, Drawing, Panel
from eigentail.plots.glyphs import drawable
from eigentail.plots.palette import DARK, LIGHT, Theme
from eigentail.plots.renderer import Renderer
from eigentail.plots.scales import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH: Final = 6.4
_HEIGHT: Final = 4.0
_LOWER: Final = 2.6  # of each panel, where there are several
_ROW: Final = 0.19  # of each name on the vertical axis
_MOST_NAMES: Final = 40
_COLUMNS: Final = 116  # of the caption
_DPI: Final = 150
_MANY_DECADES: Final = 20
_TICKS: Final = 8


def draw(drawing: Drawing, ax: Any = None, *, theme: Theme = LIGHT) -> Figure:
    """A figure with the title above and the caption below, or the marks alone in axes that are given.

    Args:
        drawing: any.
        ax: axes to draw into, a sequence of them where the drawing has several panels; None for a figure of its own.
        theme: light or dark; axes that are given keep their own colours.

    Returns:
        The figure; in a notebook it shows itself.

    Raises:
        UsageError: matplotlib is not installed, or there are not as many axes as panels.

    Example:
        >>> draw(Drawing(plot="esd", title="fc1", missing="There is no spectrum.")).texts[-1].get_text()
        'There is no spectrum.'
    """
    if ax is not None:
        return _into(drawing, list(ax) if isinstance(ax, Sequence | np.ndarray) else [ax], theme)
    figure = _figure(drawing, theme)
    if drawing.panels:
        _stack(figure, drawing.panels, theme)
    return figure


def save(drawing: Drawing, suffix: str, *, theme: Theme = LIGHT) -> bytes:
    """The bytes of a picture; the same drawing makes the same bytes.

    Args:
        drawing: any.
        suffix: .png, .svg or .pdf.
        theme: light or dark.

    Raises:
        UsageError: matplotlib is not installed.

    Example:
        >>> save(Drawing(plot="esd", title="fc1", missing="There is no spectrum."), ".png")[1:4]
        b'PNG'
    """
    figure = draw(drawing, theme=theme)
    return _picture(figure, suffix.removeprefix("."))


def _stack(figure: Figure, panels: Sequence[Panel], theme: Theme) -> None:
    """The panels from top to bottom; what two of them have below in common is said once, at the lower."""
    heights = [_height(panel, len(panels)) for panel in panels]
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for at, panel in enumerate(panels):
        axes = figure.add_subplot(grid[at])
        _clothe(axes, theme)
        _fill(axes, panel, theme)
        _legend(axes, theme)
        if at + 1 < len(panels) and panels[at + 1].x == panel.x:
            axes.set_xlabel("")


def _picture(figure: Figure, form: str) -> bytes:
    """Without date and without random ids."""
    from matplotlib import rc_context

    dates: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    written = io.BytesIO()
    with rc_context({"svg.hashsalt": "eigentail", "svg.fonttype": "path"}):
        figure.savefig(written, format=form, dpi=_DPI, metadata=dates.get(form), facecolor=figure.get_facecolor())
    return written.getvalue()


def _figure(drawing: Drawing, theme: Theme) -> Figure:
    """An empty one of the right size, with the words around the panels."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("matplotlib is not installed", hint='pip install "eigentail[plot]"') from error
    panels = drawing.panels
    caption = textwrap.fill(drawable(drawing.below), _COLUMNS, break_on_hyphens=False)
    height = sum(_height(panel, len(panels)) for panel in panels) or _HEIGHT / 2
    figure = Figure(figsize=(_WIDTH, height + 0.16 * (caption.count("\n") + 1)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.set_facecolor(theme.paper)
    words: dict[str, Any] = {"color": theme.ink, "parse_math": False}
    title = textwrap.fill(drawable(drawing.title), 62)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", **words)
    figure.supxlabel(caption, fontsize=7.5, x=0.01, ha="left", linespacing=1.4, **words)
    if drawing.missing and not panels:
        missing = textwrap.fill(drawable(drawing.missing), 60)
        figure.text(0.5, 0.5, missing, ha="center", va="center", fontsize=10, **words)
    # asked for by notebooks, which would otherwise show a figure without pyplot as a line of text
    vars(figure)["_repr_png_"] = partial(_picture, figure, "png")
    return figure


def _into(drawing: Drawing, given: list[Axes], theme: Theme) -> Figure:
    """The panels in axes of the caller, the title above the first."""
    if not given or (drawing.panels and len(given) != len(drawing.panels)):
        raise UsageError(
            f"{drawing.plot} has {len(drawing.panels)} panels, and there are {len(given)} axes",
            where="ax",
            hint="give as many axes as panels, or leave it out",
        )
    given[0].set_title(drawable(drawing.title), loc="left", fontsize=10, parse_math=False)
    for axes, panel in zip(given, drawing.panels, strict=False):
        _fill(axes, panel, theme)
        if axes.get_legend_handles_labels()[0]:
            _plain(axes.legend(loc="upper right", fontsize=7))
    if drawing.missing and not drawing.panels:
        missing = textwrap.fill(drawable(drawing.missing), 40)
        place = given[0].transAxes
        given[0].text(0.5, 0.5, missing, ha="center", va="center", transform=place, parse_math=False)
    figure: Any = given[0].get_figure(root=True)
    return figure  # type: ignore[no-any-return]


def _height(panel: Panel, panels: int) -> float:
    rows = len(panel.y.names)
    return max(1.4, _ROW * min(rows, _MOST_NAMES) + 1.2) if rows else _LOWER if panels > 1 else _HEIGHT


def _clothe(axes: Axes, theme: Theme) -> None:
    """The colours of the theme; no box around the data."""
    axes.set_facecolor(theme.paper)
    axes.tick_params(which="both", colors=theme.ink, labelsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(theme.ink)
    for side, spine in axes.spines.items():
        spine.set_color(theme.ink)
        spine.set_visible(side in ("left", "bottom"))


def _fill(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Scales and limits first: no mark may widen them, and some cannot be found a place without."""
    _scale(axes, panel.x, "x")
    _scale(axes, panel.y, "y")
    for order, mark in enumerate(panel.marks):
        add_mark(axes, mark, theme, 2.0 + 0.1 * order)
    for label, set_label in ((panel.x.label, axes.set_xlabel), (panel.y.label, axes.set_ylabel)):
        set_label(drawable(label), fontsize=9, parse_math=False)


def _scale(axes: Axes, axis: Axis, along: str) -> None:
    """Scale and limits, and names where the axis counts things."""
    getattr(axes, f"set_{along}scale")("log" if axis.scale == "log" else "linear")
    getattr(axes, f"set_{along}lim")(*axis.limits)
    if axis.scale == "log":
        _decades(axes, axis, along)
    if axis.scale == "whole":
        getattr(axes, f"{along}axis").get_major_locator().set_params(integer=True)
    if not axis.names:
        return
    ticks = spread(len(axis.names), _MOST_NAMES)
    names = [drawable(axis.names[at]) for at in ticks]
    is_long = along == "x" and (len(names) > 12 or max(map(len, names)) * len(names) > 60)
    turned: dict[str, Any] = {"rotation": 90 if is_long else 0, "parse_math": False, "fontsize": 7}
    getattr(axes, f"set_{along}ticks")(ticks, names, **turned)
    getattr(axes, f"{along}axis").set_tick_params(which="minor", length=0)


def _decades(axes: Axes, axis: Axis, along: str) -> None:
    """A tick for every so many decades where they are many: matplotlib's own count of them may overflow."""
    low, high = (math.log10(end) for end in axis.limits)
    if high - low < _MANY_DECADES:
        return
    step = math.ceil((high - low) / _TICKS)
    ticks = [10.0**decade for decade in range(math.ceil(low), math.floor(high) + 1, step)]
    getattr(axes, f"set_{along}ticks")(ticks)
    getattr(axes, f"set_{along}ticks")([], minor=True)


def _legend(axes: Axes, theme: Theme) -> None:
    """Above the panel, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    long = max(map(len, labels)) > 28
    legend = axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.01),
        ncols=2 if long else 3,
        fontsize=7.5,
        frameon=False,
        borderaxespad=0.0,
        labelcolor=theme.ink,
    )
    _plain(legend)


def _plain(legend: Any) -> None:
    """Names are not formulas."""
    for text in legend.get_texts():
        text.set_parse_math(False)


RENDERERS: Final = (
    Renderer(name="matplotlib", draw=draw, save=save, suffixes=(".png", ".svg", ".pdf")),
    Renderer(
        name="matplotlib-dark",
        draw=partial(draw, theme=DARK),
        save=partial(save, theme=DARK),
        suffixes=(".png", ".svg", ".pdf"),
    ),
)
