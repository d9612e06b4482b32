"""RECORD -> drawing -> figure."""

from __future__ import annotations

from typing import Any, Final

from eigentail.errors import UsageError
from eigentail.plots.drawing import Drawing
from eigentail.plots.kind import plots
from eigentail.plots.renderer import renderers
from eigentail.plots.subject import subject_of
from eigentail.plots.words import shown
from eigentail.records import ModelReport
from eigentail.records.comparison import Comparison
from eigentail.records.difference import Difference, LayerDifference
from eigentail.records.study import Study

_USUAL: Final[dict[type, str]] = {
    ModelReport: "flow",
    Comparison: "compare",
    Difference: "delta",
    LayerDifference: "delta",
    Study: "trend",
}


def plot(
    record: object,
    kind: str = "",
    *,
    layer: str | int | None = None,
    metric: str = "",
    backend: str = "matplotlib",
    ax: Any = None,
) -> Any:
    """Draw a record.

    Args:
        record: a report of a model or of a layer, a comparison, a difference, a study, or a list of reports.
        kind: which plot (`list(eigentail.plots.plots)`); "" for the usual one of the record.
        layer: name or place of the layer, for the plots of one layer.
        metric: which number, for the plots that show any.
        backend: `matplotlib` or `plotly`, or `matplotlib-dark` or `plotly-dark` for a dark background.
        ax: matplotlib axes to draw into, as many as the plot has panels; a sequence where these are several.

    Returns:
        The figure: matplotlib's or plotly's. Nothing is shown or written, and nothing of the library's own state is
        changed.

    Raises:
        UsageError: no such plot, layer, metric or backend; the record is of another kind; the library is missing.

    Example:
        >>> import eigentail as et
        >>> figure = plot(et.analyze(et.example()), "esd", layer="fc2")
        >>> figure.axes[0].get_xscale()
        'log'
    """
    return renderers[backend].draw(drawing_of(record, kind, layer=layer, metric=metric), ax)


def drawing_of(record: object, kind: str = "", *, layer: str | int | None = None, metric: str = "") -> Drawing:
    """What `plot` draws, as numbers and words; no plotting library is needed.

    Args:
        record: as for `plot`.
        kind: as for `plot`.
        layer: as for `plot`.
        metric: as for `plot`.

    Raises:
        UsageError: no such plot, layer or metric; the record is of another kind.

    Example:
        >>> import eigentail as et
        >>> drawing_of(et.analyze(et.example())).plot
        'flow'
    """
    chosen = plots[kind or _USUAL.get(type(record), "esd")]
    if metric and chosen.name != "trend" and not chosen.metric:
        raise UsageError(f"{chosen.name} has no choice of metric", where="metric", hint="leave it out")
    subject = subject_of(record, chosen, layer)
    if subject is None:
        return Drawing(plot=chosen.name, title=shown(chosen.title), missing="The report has no layer.")
    return chosen.prepare(subject, metric or chosen.metric)
