"""What is missing is said in a sentence, and the rest is drawn: no warning, no traceback."""

from __future__ import annotations

import math

import msgspec
import pytest
import subjects
from msgspec.structs import replace
from subjects import HEBREW, NAN, broken_rows, heavy, model, row

import eigentail as et
from eigentail.plots import Drawing, drawing_of, renderers
from eigentail.plots.drawing import Cells, Points, Role
from eigentail.plots.words import shown
from eigentail.records import Fit, FitStatus
from eigentail.records.difference import LayerDifference, Outcome

ROWS = broken_rows()
NOTHING = {
    "no spectrum": "There is no spectrum.",
    "one eigenvalue": "There is one eigenvalue that is not zero, 2: one value has no density.",
    "one of many": "There is one eigenvalue that is not zero, 2: one value has no density.",
    "all equal": "All 20 eigenvalues that are not zero are 3.",
    "all zero": "Every eigenvalue is zero.",
    "NaN": "There is no spectrum.",
}


def drawn(drawing: Drawing) -> None:
    """By both libraries, and through JSON."""
    assert msgspec.json.decode(msgspec.json.encode(drawing), type=Drawing) == drawing
    renderers["matplotlib"].draw(drawing, None).draw_without_rendering()
    figure = renderers["plotly"].draw(drawing, None)
    assert bool(figure.data) == bool(drawing.panels)
    assert drawing.panels or drawing.missing


@pytest.mark.parametrize("case", ROWS)
@pytest.mark.parametrize("kind", ["esd", "ccdf", "xmin"])
def test_a_layer_that_is_not_as_it_should_be(kind, case):
    drawn(drawing_of(ROWS[case], kind))


@pytest.mark.parametrize("case", ["failed fit", "all zero", "markup"])
def test_the_report_of_a_difference_is_drawn_as_a_change(case):
    drawing = drawing_of(ROWS[case], "delta")
    assert drawing.title.startswith("Change of ")
    assert bool(drawing.panels) == (case != "all zero")
    drawn(drawing)


@pytest.mark.parametrize(("case", "sentence"), NOTHING.items())
def test_what_has_no_density_says_so(case, sentence):
    drawing = drawing_of(ROWS[case], "esd")
    assert (drawing.panels, drawing.missing) == ((), sentence)
    figure = renderers["matplotlib"].draw(drawing, None)
    assert figure.texts[-1].get_text().replace("\n", " ") == sentence
    (annotation,) = renderers["plotly"].draw(drawing, None).layout.annotations
    assert annotation.text.startswith(sentence[:30])


def test_a_failed_fit_leaves_the_spectrum_and_is_told():
    drawing = drawing_of(ROWS["failed fit"], "esd")
    assert "all eigenvalues are equal" in drawing.missing
    roles = {mark.role for mark in drawing.panels[0].marks}
    assert Role.DATA in roles
    assert Role.FIT not in roles
    words = renderers["matplotlib"].draw(drawing, None).texts[1].get_text().replace("\n", " ")
    assert words.startswith(drawing.missing)


def test_a_law_that_is_not_known_is_not_drawn_and_told():
    assert "The law of a stranger is not drawn" in drawing_of(ROWS["law of a stranger"], "esd").caption
    assert "made to another sample" in drawing_of(ROWS["fit of a sample"], "esd").caption


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"alpha": 2.0}, "analyse with --metrics"),
        ({"tail_mean_loc_ratio": NAN}, "no measure of the vectors has a number"),
    ],
)
def test_vectors_that_were_not_measured(metrics, words):
    drawing = drawing_of(row(heavy(), metrics=metrics), "vectors")
    assert words in drawing.missing[0].lower() + drawing.missing[1:]
    drawn(drawing)


def test_one_part_of_the_vectors_is_drawn_alone():
    drawing = drawing_of(row(heavy(), metrics={"tail_mean_loc_ratio": 5.0}), "vectors")
    assert len(drawing.panels) == 1
    drawn(drawing)


MODELS = {
    "empty": model(),
    "no fit": model(row([3.0] * 20), row(None, index=1)),
    "NaN": model(row(None, metrics={"alpha": NAN}), row(None, index=1, metrics={"alpha": math.inf})),
    "one layer": model(row(heavy())),
    "equal alphas": model(*(row(heavy(), index=at, name=str(at)) for at in range(3))),
    "one block": model(*(row(heavy(), index=at, name=str(at), block=7) for at in range(3))),
    "hostile names": model(
        *(
            msgspec.structs.replace(each, layer=replace(each.layer, index=at, kind=each.name))
            for at, each in enumerate(ROWS.values())
        )
    ),
    "one far away": model(
        *(row(heavy(seed=at), index=at, name=str(at), metrics={"alpha": 3.0 if at else 900.0}) for at in range(20))
    ),
}


@pytest.mark.parametrize("case", MODELS)
@pytest.mark.parametrize("kind", ["flow", "hist", "layers", "evolution", "esd"])
def test_a_model_that_is_not_as_it_should_be(kind, case):
    drawn(drawing_of(MODELS[case], kind))


@pytest.mark.parametrize(
    ("case", "kind", "words"),
    [
        ("empty", "flow", "The report has no layer."),
        ("empty", "esd", "The report has no layer."),
        ("no fit", "hist", "None of 2 layers has a number for alpha."),
        ("NaN", "layers", "None of 2 layers has a number for alpha."),
        ("no fit", "evolution", "None of 1 report has a layer with a number for alpha."),
    ],
)
def test_a_model_without_numbers_says_so(case, kind, words):
    drawing = drawing_of(MODELS[case], kind)
    assert (drawing.panels, drawing.missing) == ((), words)


def test_a_layer_far_away_does_not_press_the_others_flat():
    drawing = drawing_of(MODELS["one far away"], "flow")
    assert drawing.panels[0].y.limits[1] < 10
    assert "1 layer above the axis" in drawing.caption
    assert "holds 1 layer above it" in drawing_of(MODELS["one far away"], "hist").caption


def test_twenty_thousand_layers_become_medians():
    values = heavy(40)
    fit = Fit(status=FitStatus.OK, alpha=3.0, xmin=float(values[10]), xmax=9.0, D=0.1, tail=30)
    rows = [
        row(values, index=at, name=f"b.{at}", fit=fit, metrics={"alpha": 2 + at % 7}, block=at // 40)
        for at in range(20_000)
    ]
    whole = model(*rows)
    for kind in ("flow", "hist", "layers"):
        drawing = drawing_of(whole, kind)
        assert len(msgspec.json.encode(drawing)) < 100_000
        assert "20,000 layers" in drawing.caption or "20,000 layers" in str(drawing.panels[0].marks)
    flow = drawing_of(whole, "flow")
    assert "points are medians" in flow.caption
    (points,) = (mark for mark in flow.panels[0].marks if isinstance(mark, Points))
    assert len(points.x) <= 202
    (cells,) = drawing_of(whole, "layers").panels[0].marks
    assert isinstance(cells, Cells)
    assert len(cells.values[0]) <= 201
    assert "3 neighbouring blocks share a column" in drawing_of(whole, "layers").caption
    drawn(flow)


def test_many_layers_and_many_models_are_compared_in_part():
    def net(shift):
        return model(
            *(
                row(heavy(), index=at, name=f"fc{at}", metrics={"alpha": at / 10 + shift * (at > 50)})
                for at in range(60)
            )
        )

    drawing = drawing_of(
        et.compare(*(net(shift) for shift in range(8)), names=[f"net {at}" for at in range(8)]), "compare"
    )
    names = drawing.panels[0].y.names
    assert len(names) == 40
    assert {f"fc{at}" for at in range(51, 60)} <= set(names)
    assert "The 40 that differ most are drawn" in drawing.caption
    assert "The first 6 of 8 models are drawn" in drawing.caption
    drawn(drawing)


def test_models_that_share_nothing_have_no_pairs():
    one, other = model(row(heavy(), name="a")), model(row(heavy(50), name="conv.b"))
    drawing = drawing_of(et.compare(one, other, names=["a", "b"]), "compare")
    assert "There is no pair: " in drawing.missing
    drawn(drawing)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_series_of_few_models(n):
    published = et.study("nature2021-vgg")
    drawing = drawing_of(
        et.study(replace(published.series, models=published.series.models[:n], printed={})),
        "trend",
        metric="alpha" if n else "",
    )
    assert ("a trend needs 3" in drawing.missing) == (n in (1, 2))
    assert (drawing.missing == "No model has both a number and a value.") == (n == 0)
    drawn(drawing)


def test_a_change_that_was_not_measured_says_what_became_of_the_layer():
    gone = LayerDifference(
        layer=row(None).layer, outcome=Outcome.MISSING_IN_OTHER, reason="the other has no such layer"
    )
    drawing = drawing_of(gone)
    assert (drawing.missing, drawing.caption) == ("There is no spectrum.", "The other has no such layer.")
    drawn(drawing)


@pytest.mark.parametrize("name", [each.name for each in ROWS.values()])
def test_a_name_is_short_and_harmless(name):
    text = shown(name)
    assert len(text) <= 42
    assert "\n" not in text
    assert "\u202e" not in text
    text.encode("utf-8")


def test_a_long_name_keeps_both_ends_and_a_hebrew_one_is_isolated():
    assert shown(subjects.LONG) == "x" * 19 + "…" + "y" * 20
    assert shown("x" * 10_000_000 + "end").endswith("end")
    assert shown(HEBREW) == f"\u2068{HEBREW}\u2069"
    title = drawing_of(row(heavy(), name=HEBREW), "esd").title
    figure = renderers["matplotlib"].draw(drawing_of(row(heavy(), name=HEBREW), "esd"), None)
    assert "\u2068" in title
    assert "\u2068" not in figure.texts[0].get_text()  # no font has it


def test_no_name_becomes_markup_on_a_page():
    page = renderers["plotly"].save(drawing_of(ROWS["markup"], "esd"), ".html").decode()
    assert "<script>alert" not in page
    assert "\\u003cscript\\u003ealert" not in page
    assert "&lt;script" in page.replace("\\u0026", "&")
