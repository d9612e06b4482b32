"""Drawing -> a plotly figure, for the screen: first as plain JSON, which needs no library."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from eigentail.errors import UsageError
from eigentail.plots.drawing import Axis, Band, Cells, Drawing, Line, Links, Mark, Panel, Points, Rule, Steps
from eigentail.plots.palette import DARK, LIGHT, STYLES, Style, Theme, color_of
from eigentail.plots.renderer import Renderer
from eigentail.plots.scales import spread

Json = dict[str, Any]

_HEIGHT: Final = 520
_LOWER: Final = 330  # of each panel, where there are several
_ROW: Final = 17  # of each name on the vertical axis
_LINE: Final = 15  # of text
_MOST_NAMES: Final = 40
_COLUMNS: Final = 110  # of the caption
_GAP: Final = 0.12  # between panels, as a share of the whole


def figure_json(drawing: Drawing, theme: Theme = LIGHT) -> Json:
    """What plotly.js draws: `data` and `layout`, as plain lists and numbers. Text is escaped: no name becomes markup.

    Args:
        drawing: any.
        theme: light or dark.

    Example:
        >>> figure = figure_json(Drawing(plot="esd", title="<b>", missing="There is no spectrum."))
        >>> figure["layout"]["title"]["text"], figure["data"]
        ('&lt;b&gt;', [])
    """
    panels = drawing.panels
    data: list[Json] = []
    layout = _layout(drawing, theme)
    for at, panel in enumerate(panels):
        number = str(at + 1) if at else ""
        axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        bottom = 1 - (at + 1) / len(panels) + (_GAP / 2 if at + 1 < len(panels) else 0)
        top = 1 - at / len(panels) - (_GAP / 2 if at else 0)
        below = drawing.below if at + 1 == len(panels) else ""
        layout[f"xaxis{number}"] = _axis(panel.x, theme, below) | {"anchor": axes["yaxis"]}
        if at + 1 < len(panels) and panels[at + 1].x == panel.x:  # said once, at the lowest
            layout[f"xaxis{number}"]["title"] = {"text": ""}
        layout[f"yaxis{number}"] = _axis(panel.y, theme) | {"anchor": axes["xaxis"], "domain": [bottom, top]}
        for mark in panel.marks:
            style = STYLES[mark.role]
            trace = _MAKERS[type(mark)](mark, style, color_of(style, theme), panel)
            data.append(trace | axes | {"name": _text(mark.label), "showlegend": _has_entry(mark)})
    return {"data": data, "layout": layout}


def draw(drawing: Drawing, ax: Any = None, *, theme: Theme = LIGHT) -> Any:
    """A `plotly.graph_objects.Figure`.

    Args:
        drawing: any.
        ax: must be None: these are matplotlib's.
        theme: light or dark.

    Raises:
        UsageError: plotly is not installed, or axes were given.

    Example:
        >>> draw(Drawing(plot="esd", title="fc1", missing="There is no spectrum.")).layout.title.text
        'fc1'
    """
    if ax is not None:
        raise UsageError("plotly draws no matplotlib axes", where="ax", hint='leave it out, or backend="matplotlib"')
    try:
        from plotly.graph_objects import Figure
    except ImportError as error:
        raise UsageError("plotly is not installed", hint='pip install "eigentail[plot]"') from error
    return Figure(figure_json(drawing, theme))


def save(drawing: Drawing, suffix: str, *, theme: Theme = LIGHT) -> bytes:
    """One HTML file with plotly.js inside; it asks for nothing else.

    Args:
        drawing: any.
        suffix: .html.
        theme: light or dark.

    Raises:
        UsageError: plotly is not installed.

    Example:
        >>> b"There is no spectrum" in save(Drawing(plot="esd", title="fc1", missing="There is no spectrum."), ".html")
        True
    """
    figure = draw(drawing, theme=theme)
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, div_id="eigentail", include_mathjax=False)
    return page.encode("utf-8", "backslashreplace")


def _layout(drawing: Drawing, theme: Theme) -> Json:
    panels = drawing.panels
    rows = max((len(panel.y.names) for panel in panels), default=0)
    height = _LOWER * len(panels) if len(panels) > 1 else max(_HEIGHT, _ROW * min(rows, _MOST_NAMES) + 180)
    caption = _wrapped(drawing.below)
    layout: Json = {
        "title": {"text": _text(drawing.title), "x": 0, "xref": "paper", "xanchor": "left", "font": {"size": 15}},
        "font": {"color": theme.ink, "size": 12},
        "paper_bgcolor": theme.paper,
        "plot_bgcolor": theme.paper,
        "height": height + _LINE * caption.count("<br>"),
        "margin": {"l": 70, "r": 30, "t": 110, "b": 60},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
        "hovermode": "closest",
    }
    if not panels:
        said = "<br><br>".join(part for part in (_wrapped(drawing.missing), caption) if part)
        where = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
        layout |= {"annotations": [{"text": said, **where}], "xaxis": {"visible": False}, "yaxis": {"visible": False}}
    return layout


def _axis(axis: Axis, theme: Theme, below: str = "") -> Json:
    """Scale, limits and names; the caption follows the label of the lowest axis, so that nothing can cover it."""
    caption = f'<br><br><span style="font-size:11px">{_wrapped(below)}</span>' if below else ""
    ends = [math.log10(end) for end in axis.limits] if axis.scale == "log" else list(axis.limits)
    found: Json = {
        "title": {"text": f"{_text(axis.label)}{caption}", "font": {"size": 12}},
        "type": "log" if axis.scale == "log" else "linear",
        "range": ends,
        "gridcolor": theme.grid,
        "linecolor": theme.ink,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "automargin": True,
    }
    if axis.scale == "log":
        found |= {"exponentformat": "power", "dtick": max(1, round((ends[1] - ends[0]) / 8))}
    if axis.scale == "whole":
        found |= {"tickformat": "d", "dtick": max(1, round((ends[1] - ends[0]) / 10))}
    if axis.names:
        ticks = spread(len(axis.names), _MOST_NAMES).tolist()
        found |= {"tickvals": ticks, "ticktext": [_text(axis.names[at]) for at in ticks], "showgrid": False}
    return found


def _points(mark: Points, style: Style, color: str, panel: Panel) -> Json:
    trace: Json = {
        "type": "scatter",
        "mode": "markers",
        "x": list(mark.x),
        "y": list(mark.y),
        "marker": {"color": color, "symbol": style.marker, "size": 8 if len(mark.x) <= 100 else 5},
        "hoverinfo": "x+y+name",
    }
    if mark.names:
        trace |= {"text": [_text(name) for name in mark.names], "hoverinfo": "x+y+text"}
    if mark.low:
        above = [max(high - y, 0.0) for high, y in zip(mark.high, mark.y, strict=True)]
        below = [max(y - low, 0.0) for low, y in zip(mark.low, mark.y, strict=True)]
        bars = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
        trace["error_y"] = bars | {"color": color, "thickness": 1, "width": 0}
    return trace


def _line(mark: Line, style: Style, color: str, panel: Panel) -> Json:
    return _curve(list(mark.x), list(mark.y), style, color)


def _steps(mark: Steps, style: Style, color: str, panel: Panel) -> Json:
    """The outline, closed at the floor of the panel."""
    floor = panel.y.limits[0] if panel.y.scale == "log" else 0.0
    x = [edge for edge in mark.edges for _ in range(2)]
    y = [floor, *(max(height, floor) for height in mark.heights for _ in range(2)), floor]
    return _curve(x, y, style, color) | _filled(style, color)


def _band(mark: Band, style: Style, color: str, panel: Panel) -> Json:
    x, y = [*mark.x, *reversed(mark.x)], [*mark.high, *reversed(mark.low)]
    return _curve(x, y, style, color) | _filled(style, color)


def _links(mark: Links, style: Style, color: str, panel: Panel) -> Json:
    """One line with gaps."""
    x = [value for start, end in zip(mark.x, mark.end, strict=True) for value in (start, end, None)]
    y = [value for at in mark.y for value in (at, at, None)]
    return _curve(x, y, style, color)


def _rule(mark: Rule, style: Style, color: str, panel: Panel) -> Json:
    across = list((panel.y if mark.axis == "x" else panel.x).limits)
    here = [mark.at, mark.at]
    return _curve(*((here, across) if mark.axis == "x" else (across, here)), style, color)


def _cells(mark: Cells, style: Style, color: str, panel: Panel) -> Json:
    bar = {"title": {"text": _text(mark.label), "side": "right"}, "outlinewidth": 0}
    values = [list(row) for row in mark.values]
    shades = {"colorscale": "Cividis", "zmin": mark.low, "zmax": mark.high, "colorbar": bar}
    return {"type": "heatmap", "z": values, "hoverinfo": "x+y+z", **shades}


def _curve(x: list[Any], y: list[Any], style: Style, color: str) -> Json:
    line = {"color": color, "dash": style.dash, "width": style.width}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "x+y+name"}


def _filled(style: Style, color: str) -> Json:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return {"fill": "toself", "fillcolor": f"rgba({red},{green},{blue},{style.fill})", "hoverinfo": "skip"}


def _has_entry(mark: Mark) -> bool:
    return bool(mark.label) and not isinstance(mark, Cells)


def _text(text: str) -> str:
    """Neither markup nor, where a notebook has MathJax, a formula."""
    return html.escape(text, quote=False).replace("$", "&#36;")


def _wrapped(text: str) -> str:
    return "<br>".join(_text(line) for line in textwrap.wrap(text, _COLUMNS, break_on_hyphens=False))


_MAKERS: Final[dict[type, Callable[..., Json]]] = {
    Points: _points,
    Line: _line,
    Steps: _steps,
    Band: _band,
    Links: _links,
    Rule: _rule,
    Cells: _cells,
}

RENDERERS: Final = (
    Renderer(name="plotly", draw=draw, save=save, suffixes=(".html",)),
    Renderer(name="plotly-dark", draw=partial(draw, theme=DARK), save=partial(save, theme=DARK), suffixes=(".html",)),
)
