from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import failed_row, layer_row, report_of

from eigentail.records import Skip, Spectrum
from eigentail.reports.curve import HEIGHT, WIDTH, drawing
from eigentail.reports.forms.text import GAP, fitting
from eigentail.reports.pages import bytes_text, report_page
from eigentail.reports.table import Column, Table, cell_text, shorten, visible
from eigentail.reports.tables import layers_table, skipped_table, summary_table, tail_curve, verdicts_table
from eigentail.settings import Settings


def column(table: Table, name: str) -> list[object]:
    index = [column.name for column in table.columns].index(name)
    return [row[index] for row in table.rows]


def test_every_row_has_a_cell_for_every_column():
    report = report_of(layer_row(0, "a"), failed_row(1, "b"), skipped=(Skip("c", (1,), "a vector"),))
    for table in (layers_table(report), summary_table(report), verdicts_table(report), skipped_table(report.skipped)):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def names(table: Table, rank: int = 8) -> list[str]:
    """The headings that a terminal with room for this rank shows."""
    return [column.name for column in table.columns if column.rank <= rank]


def test_the_interval_and_the_null_stand_right_after_alpha():
    shown = names(layers_table(report_of(layer_row(0, "a"))))
    at = shown.index("alpha")
    assert shown[at : at + 5] == ["alpha", "alpha_lo", "alpha_hi", "alpha_null", "alpha_weighted"]


def test_what_leaves_first_on_a_narrow_terminal():
    table = layers_table(report_of(layer_row(0, "a")))
    assert set(names(table, 2)) == {"index", "name", "alpha", "tail", "verdict"}
    assert set(names(table, 4)) - set(names(table, 2)) == {"alpha_lo", "alpha_hi", "alpha_null"}


def test_numbers_nobody_has_are_for_files_but_alpha_stays():
    row = layer_row(0, "a")
    blank = msgspec.structs.replace(row, metrics=dict.fromkeys(row.metrics, math.nan), phase=None)
    shown = names(layers_table(report_of(blank)))
    assert "alpha" in shown
    assert not {"alpha_lo", "alpha_hi", "alpha_null", "alpha_weighted", "D", "phase"} & set(shown)
    one_has = names(layers_table(report_of(blank, layer_row(1, "b"))))
    assert {"alpha_lo", "alpha_hi", "alpha_null", "alpha_weighted", "D", "phase"} <= set(one_has)


def test_a_metric_asked_for_by_name_is_on_the_screen():
    report = report_of(layer_row(0, "a"))
    assert "alpha_p" not in names(layers_table(report))
    asked = msgspec.structs.replace(report, settings=Settings(metrics=("default", "alpha_p", "stable_*")))
    assert "alpha_p" in names(layers_table(asked), 2)


def test_the_phase_is_a_column_and_the_law_only_where_laws_were_compared():
    row = layer_row(0, "a")
    table = layers_table(report_of(row, failed_row(1, "b")))
    assert column(table, "phase") == ["bulk-decay", None]
    assert "best_law" not in [column.name for column in table.columns]
    compared = layers_table(report_of(msgspec.structs.replace(row, best_law="lognormal"), failed_row(1, "b")))
    assert column(compared, "best_law") == ["lognormal", None]


def test_notes_follow_the_columns_that_are_shown():
    table = layers_table(report_of(layer_row(0, "a")))
    at = {column.name: i for i, column in enumerate(table.columns)}
    assert table.notes([at["alpha"], at["verdict"]]) == ()
    interval, null = table.notes(at[name] for name in ("alpha", "alpha_lo", "alpha_hi", "alpha_null"))
    assert interval.startswith("alpha_lo to alpha_hi: 90 % interval")
    assert null.startswith("alpha_null: ")
    assert "simulated" in null


@pytest.mark.parametrize(("null", "words"), [("table", "simulated"), ("shuffle", "random order")])
def test_the_note_on_the_null_says_which(null, words):
    report = msgspec.structs.replace(report_of(layer_row(0, "a")), settings=Settings(null=null))
    for table in (layers_table(report), summary_table(report)):
        assert words in " ".join(table.notes(range(len(table.columns))))


def test_the_model_is_judged_before_its_layers():
    report = report_of(layer_row(0, "a"), layer_row(1, "b"))
    assert report_page(report).lead[:2] == (
        "The model: well-trained, 2 of 2 layers judged.",
        "2 layers: 2 well-trained.",
    )


def test_summary_rows_carry_how_many_layers_they_are_over():
    table = summary_table(report_of(layer_row(0, "a"), layer_row(1, "b"), failed_row(2, "c")))
    assert column(table, "over") == ["mean", "median", "mean of dense"]
    assert column(table, "layers") == [2, 2, 2]


def test_verdicts_are_counted_with_one_reason_each():
    table = verdicts_table(report_of(layer_row(0, "a"), layer_row(1, "b"), failed_row(2, "c")))
    assert table.rows[0][:3] == ("well-trained", 2, "a")
    assert table.rows[1] == ("failed", 1, "c", "3 of 2560 values")


def test_skips_are_grouped_the_commonest_reason_first():
    skips = [Skip("e", (1,), "other"), *(Skip(f"b{i}", (1,), "a vector") for i in range(4))]
    assert skipped_table(skips).rows == ((4, "a vector", "b0, b1, b2 and 1 more"), (1, "other", "e"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (64.0, "64"),
        (0.012345, "0.01235"),
        (-2.5, "-2.500"),
        (99999.0, "99999"),
        (1e-9, "1.000e-09"),
        (3.5e5, "3.500e+05"),
        (math.inf, "inf"),
        (math.nan, "-"),
        (None, "-"),
        ("", ""),
        (7, "7"),
    ],
)
def test_cells_as_people_read_them(value, text):
    assert cell_text(value) == text


@given(st.floats(-1e300, 1e300))
def test_four_digits_are_within_one_part_in_a_thousand(value):
    assert float(cell_text(value)) == pytest.approx(value, rel=1e-3)


@given(st.text(), st.integers(1, 40))
def test_shortened_names_fit_and_keep_their_ends(text, width):
    short = shorten(text, width)
    assert len(short) <= width
    if len(text) <= width:
        assert short == text
    elif width >= 3:
        assert short[0] == text[0]
        assert short[-1] == text[-1]


@given(st.text())
def test_visible_text_draws_one_line(text):
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    if text.isprintable():
        assert shown == text


def _tables() -> st.SearchStrategy[Table]:
    kinds = st.sampled_from(["text", "name", "number", "sentence", "verdict"])
    column = st.builds(Column, st.text("abc", min_size=1, max_size=8), kinds, st.integers(0, 9))
    columns = st.lists(column, min_size=1, max_size=8)

    def rows(chosen: list[Column]) -> st.SearchStrategy[Table]:
        row = st.tuples(*(st.text("xyz", max_size=60) for _ in chosen))
        several = st.lists(row, max_size=4).map(tuple)
        return st.builds(Table, title=st.just("t"), columns=st.just(tuple(chosen)), rows=several)

    return columns.flatmap(rows)


@given(_tables(), st.integers(1, 200))
def test_columns_that_are_shown_fit(table, width):
    widths = fitting(table, width)
    assert sum(widths.values()) + GAP * (len(widths) - 1) <= max(width, 1) or len(widths) <= 1
    assert all(table.columns[i].rank < 9 for i in widths)
    hidden = [column.rank for i, column in enumerate(table.columns) if i not in widths and column.rank < 9]
    if hidden and widths:
        assert min(hidden) >= max(table.columns[i].rank for i in widths)


def test_curve_is_the_share_at_or_above():
    values = np.sort(np.random.default_rng(0).pareto(2.0, 300) + 1)
    curve = tail_curve(Spectrum(eigenvalues=values, shape=(300, 300), rank=300), alpha=3.0, xmin=1.5)
    assert len(curve.x) <= 40
    assert list(curve.x) == sorted(curve.x)
    for x, y in zip(curve.x, curve.y, strict=True):
        assert 10**y == pytest.approx(np.mean(values >= 10**x * (1 - 1e-12)))
    assert (curve.start, curve.slope) == (pytest.approx(math.log10(1.5)), -2.0)


@pytest.mark.parametrize("values", [[], [1.0], [math.nan, math.nan], [1.0, math.inf]])
def test_no_curve_where_there_is_nothing_to_draw(values):
    spectrum = Spectrum(eigenvalues=np.array(values), shape=(9, 9), rank=len(values))
    assert tail_curve(spectrum, math.nan, math.nan) is None


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=80), st.floats(1.01, 20.0), st.integers(0, 79))
def test_drawings_stay_in_their_box(values, alpha, at):
    values = np.sort(values)
    curve = tail_curve(Spectrum(eigenvalues=values, shape=(80, 80), rank=len(values)), alpha, values[at % len(values)])
    made = drawing(curve)
    for pair in f"{made.points} {made.fitted}".split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


@pytest.mark.parametrize(("n", "text"), [(0, "0 bytes"), (1000, "1.00 kB"), (123_456_789, "123 MB"), (5e18, "5000 PB")])
def test_bytes_as_people_say_them(n, text):
    assert bytes_text(n) == text
