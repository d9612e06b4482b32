"""Every plot of a real net: it is drawn by both libraries, without a warning, and is the same after JSON."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import msgspec
import numpy as np
import pytest
import subjects
from subjects import draw, gpt, marks, mlp

import eigentail as et
from eigentail.errors import UsageError
from eigentail.plots import Drawing, drawing_of, plot, plots, renderers
from eigentail.plots.drawing import Band, Cells, Line, Links, Points, Role, Rule, Steps
from eigentail.plots.palette import DARK, LIGHT, STYLES
from eigentail.plots.scales import MOST


def numbers_of(drawing: Drawing) -> list[float]:
    """Every number of every mark."""
    found: list[float] = []
    for panel in drawing.panels:
        for mark in panel.marks:
            match mark:
                case Points() | Line():
                    found += [*mark.x, *mark.y]
                case Steps():
                    found += [*mark.edges, *mark.heights]
                case Band():
                    found += [*mark.x, *mark.low, *mark.high]
                case Links():
                    found += [*mark.x, *mark.end, *mark.y]
                case Rule():
                    found.append(mark.at)
                case Cells():
                    found += [value for row in mark.values for value in row if value is not None]
    return found


@pytest.mark.parametrize("kind", sorted(plots))
def test_a_drawing_is_the_same_after_json(kind):
    drawing = draw(kind)
    assert drawing.missing == ""
    assert drawing.panels
    assert drawing.caption.endswith(".")
    assert all(type(number) is float and np.isfinite(number) for number in numbers_of(drawing))
    assert msgspec.json.decode(msgspec.json.encode(drawing), type=Drawing) == drawing


@pytest.mark.parametrize("kind", sorted(plots))
def test_what_is_drawn_lies_within_the_limits_of_its_axes(kind):
    for panel in draw(kind).panels:
        for axis in (panel.x, panel.y):
            low, high = axis.limits
            assert low < high
            assert low > 0 or axis.scale != "log"
            assert panel.x.label or panel.x.names
        for mark in panel.marks:
            if isinstance(mark, Points) and mark.role is not Role.SPIKE:
                inside = [panel.x.limits[0] <= x <= panel.x.limits[1] for x in mark.x]
                assert all(inside)


@pytest.mark.parametrize("kind", sorted(plots))
def test_matplotlib_draws_it_and_shows_every_word(kind):
    drawing = draw(kind)
    figure = plot(subjects.real(kind), kind)
    figure.draw_without_rendering()
    texts = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
    assert drawing.title in texts
    assert drawing.caption in texts
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert len(panels) == len(drawing.panels)
    for axes, panel in zip(panels, drawing.panels, strict=True):
        assert axes.get_xlim() == pytest.approx(panel.x.limits)
        assert axes.get_ylim() == pytest.approx(panel.y.limits)
        legend = axes.get_legend()
        shown = [text.get_text() for text in legend.get_texts()] if legend else []
        assert shown == [mark.label for mark in panel.marks if mark.label and not isinstance(mark, Cells)]


@pytest.mark.parametrize("kind", sorted(plots))
def test_plotly_accepts_it(kind):
    drawing = draw(kind)
    figure = plot(subjects.real(kind), kind, backend="plotly-dark")
    assert len(figure.data) == sum(len(panel.marks) for panel in drawing.panels)
    assert figure.layout.paper_bgcolor == DARK.paper
    assert figure.layout.title.text == drawing.title


def test_every_form_of_file_is_written():
    matplotlib, plotly = renderers["matplotlib"], renderers["plotly-dark"]
    drawing = draw("esd")
    assert matplotlib.save(drawing, ".png").startswith(b"\x89PNG")
    assert matplotlib.save(drawing, ".pdf").startswith(b"%PDF")
    assert ET.fromstring(matplotlib.save(drawing, ".svg")).tag.endswith("svg")
    page = plotly.save(drawing, ".html").decode()
    assert "<script src=" not in page
    assert "<link" not in page


def test_the_same_drawing_makes_the_same_bytes():
    for suffix in (".svg", ".pdf"):
        assert renderers["matplotlib"].save(draw("ccdf"), suffix) == renderers["matplotlib"].save(draw("ccdf"), suffix)


def test_a_notebook_is_shown_the_picture():
    assert plot(mlp(), "esd")._repr_png_().startswith(b"\x89PNG")


def test_axes_of_the_caller_are_drawn_into():
    from matplotlib.figure import Figure

    figure = Figure()
    upper, lower = figure.subplots(2)
    assert mlp().plot("esd", layer="fc2", ax=upper) is figure
    assert (upper.get_xscale(), upper.get_title(loc="left")) == ("log", "Eigenvalues of fc2")
    assert len(lower.lines) == 0
    assert plot(mlp(), "xmin", layer="fc2", ax=figure.subplots(2)) is figure
    with pytest.raises(UsageError, match="has 2 panels, and there are 1 axes"):
        mlp().plot("xmin", ax=upper)
    with pytest.raises(UsageError, match="draws no matplotlib axes"):
        mlp().plot("esd", ax=upper, backend="plotly")


def test_methods_of_the_records_are_the_function():
    assert mlp().plot().axes[0].get_ylabel() == "alpha"
    assert et.plot(subjects.real("trend")).axes[0].get_xlabel() == "alpha_weighted"
    assert subjects.real("trend").plot(metric="parameters").axes[0].get_xlabel() == "parameters"
    assert subjects.real("compare").plot("evolution").axes[0].get_ylabel() == "alpha"
    assert subjects.real("delta").plot(layer=0).texts[0].get_text().startswith("Change of")


@pytest.mark.parametrize(
    ("record", "kind", "choice", "sentence"),
    [
        ("mlp", "essd", {}, "unknown plot 'essd': did you mean esd?"),
        ("mlp", "esd", {"layer": "fd2"}, "no layer 'fd2': did you mean fc2?"),
        ("mlp", "esd", {"layer": 3}, "no layer 3: there are 3"),
        ("mlp", "flow", {"layer": "fc1"}, "flow shows no single layer"),
        ("mlp", "flow", {"metric": "alhpa"}, "no metric 'alhpa' here: did you mean alpha"),
        ("mlp", "esd", {"metric": "alpha"}, "esd has no choice of metric"),
        ("mlp", "trend", {}, "made of a study; this is a model's report: of that there are"),
        ("mlp", "esd", {"backend": "plotli"}, "did you mean plotly"),
        ("text", "esd", {}, "give a report, a comparison, a difference or a study"),
    ],
)
def test_a_wrong_word_is_told(record, kind, choice, sentence):
    with pytest.raises(UsageError, match="(?s).*" + sentence.replace("?", r"\?")):
        plot(mlp() if record == "mlp" else "report.json", kind, **choice)


@pytest.mark.parametrize("missing", ["matplotlib", "plotly"])
def test_a_missing_library_is_one_sentence(missing, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError) as raised:
        renderers[missing].draw(Drawing(plot="esd", title="fc", missing="Nothing."), None)
    assert str(raised.value) == f'{missing} is not installed: pip install "eigentail[plot]"'


def test_nothing_of_the_host_is_changed():
    script = """
import sys, warnings, logging, matplotlib
before = (matplotlib.rcParams.copy(), list(warnings.filters), logging.getLogger().level)
import eigentail as et
figure = et.analyze(et.example()).plot("esd")
figure._repr_png_()
assert (matplotlib.rcParams.copy(), list(warnings.filters), logging.getLogger().level) == before
assert "matplotlib.pyplot" not in sys.modules and "plotly" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_series_differ_by_more_than_colour():
    looks = [STYLES[role] for role in Role if role.value.startswith("series")]
    assert len({look.marker for look in looks}) == len(looks)
    over_noise = [STYLES[role] for role in (Role.FIT, Role.NULL, Role.BULK, Role.CHOSEN)]
    assert len({look.dash for look in over_noise}) == len(over_noise)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_words_stand_out_from_the_paper(theme):
    def luminance(color):
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(theme.ink), luminance(theme.paper)))
    assert (light + 0.05) / (dark + 0.05) > 7  # WCAG 2.2, level AAA


def test_a_large_layer_is_thinned():
    values = subjects.heavy(20_000)
    row = subjects.row(values)
    for kind in ("esd", "ccdf", "xmin"):
        for panel in drawing_of(row, kind).panels:
            for mark in panel.marks:
                size = len(mark.edges) if isinstance(mark, Steps) else len(getattr(mark, "x", ()))
                assert size <= MOST + 2, (kind, mark.role)
    assert "20,000 eigenvalues" in drawing_of(row, "ccdf").caption
    assert marks(drawing_of(row, "xmin"), Role.FIT)[0].x == (row.fit.xmin,)


def test_every_layer_of_a_model_may_be_named_by_its_place():
    assert drawing_of(gpt(), "ccdf", layer=-1).title == drawing_of(gpt(), "ccdf", layer=gpt().layers[-1].name).title
