"""What is plotted is what the record says: in the drawing, in matplotlib's artists, in plotly's figure."""

from __future__ import annotations

import math
from statistics import fmean, median

import numpy as np
import pytest
import subjects
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from oracles import full_scan
from subjects import draw, gpt, heavy, marks, mlp, row

from eigentail.numerics.marchenko_pastur import fit_bulk
from eigentail.numerics.null_table import quantiles_of
from eigentail.numerics.spectrum import spectrum_of
from eigentail.numerics.tail import estimators, fit_tail
from eigentail.plots import drawing_of, plot
from eigentail.plots.density import fitted_bulk, noise_of_shape
from eigentail.plots.drawing import Line, Points, Role, Steps
from eigentail.plots.tail_law import tail_law


def fc2():
    return mlp().layers["fc2"]


# --- one layer -------------------------------------------------------------------------------------------------------


@given(st.integers(2, 400), st.integers(0, 50), st.floats(1.5, 6.0))
@settings(max_examples=30, deadline=None)
def test_the_density_integrates_to_one_and_counts_every_value(n, seed, shape):
    values = np.sort(np.random.default_rng(seed).pareto(shape, n) + 1e-6)
    (steps,) = marks(drawing_of(row(values), "esd"), Role.DATA)
    widths = np.diff(steps.edges)
    assert math.fsum(steps.heights * widths) == pytest.approx(1, abs=1e-9)
    ratios = np.diff(np.log(steps.edges))
    assert ratios == pytest.approx(ratios[0], rel=1e-6)
    last = len(steps.heights) - 1
    for at, (low, high) in enumerate(zip(steps.edges, steps.edges[1:], strict=False)):
        count = sum(low <= value < high or (at == last and value == high) for value in values)
        assert steps.heights[at] * widths[at] * n == pytest.approx(count, abs=1e-6)


def test_the_density_of_a_sample_is_near_the_law_it_was_drawn_from():
    quantiles = (np.arange(200_000) + 0.5) / 200_000
    (steps,) = marks(drawing_of(row((1 - quantiles) ** (-1 / 2)), "esd"), Role.DATA)  # alpha = 3
    middles = np.sqrt(np.multiply(steps.edges[:-1], steps.edges[1:]))
    assert np.array(steps.heights[:40]) == pytest.approx(2 * middles[:40] ** -3.0, rel=0.02)


def test_a_larger_scale_moves_the_axis_only():
    values = heavy(300)
    here, there = drawing_of(row(values), "esd"), drawing_of(row(values * 1e6), "esd")
    assert len(here.panels[0].marks) == len(there.panels[0].marks) > 3
    for one, other in zip(here.panels[0].marks, there.panels[0].marks, strict=True):
        if isinstance(one, Steps):
            assert other.edges == pytest.approx(np.multiply(one.edges, 1e6))
            assert other.heights == pytest.approx(np.divide(one.heights, 1e6))
        elif isinstance(one, Line | Points):
            assert other.x == pytest.approx(np.multiply(one.x, 1e6))
            assert other.y == pytest.approx(np.divide(one.y, 1e6))
    assert [np.divide(axis.limits, 1e6) for axis in (there.panels[0].x,)] == [
        pytest.approx(here.panels[0].x.limits, rel=1e-6)
    ]
    one, other = (drawing_of(row(values * c), "xmin") for c in (1, 1e6))
    for upper, lower in zip(one.panels, other.panels, strict=True):
        assert upper.y.limits == pytest.approx(lower.y.limits, rel=1e-6)


def test_the_fit_is_drawn_with_its_slope_from_its_xmin():
    fit = fc2().fit
    drawing = draw("esd")
    (line,), (rule,) = marks(drawing, Role.FIT), marks(drawing, Role.CHOSEN)
    assert (rule.at, line.x[0]) == (fit.xmin, pytest.approx(fit.xmin))
    slope = math.log(line.y[-1] / line.y[0]) / math.log(line.x[-1] / line.x[0])
    assert -slope == pytest.approx(fit.alpha, rel=1e-9)
    # the tail holds its share of the eigenvalues: all of the law, up to infinity
    missing = (fit.xmax / fit.xmin) ** (1 - fit.alpha)
    logs = np.log(line.x)
    area = np.trapezoid(np.multiply(line.y, line.x), logs)
    assert area == pytest.approx(fit.tail / fc2().spectrum.rank * (1 - missing), rel=1e-3)
    assert line.x[-1] == pytest.approx(fc2().spectrum.lambda_max)


def test_the_caption_says_the_numbers():
    caption = draw("esd").caption
    metrics = fc2().metrics
    for words in (
        "192 eigenvalues",
        f"{fc2().fit.alpha:.2f}",
        f"{metrics['alpha_lo']:.2f} to {metrics['alpha_hi']:.2f}",
    ):
        assert words in caption
    assert f"D = {fc2().fit.D:.4f}" in caption
    assert "Well-trained: " in caption


def test_noise_lies_in_its_own_null_and_bulk():
    spectrum = spectrum_of(np.random.default_rng(3).standard_normal((1, 2000, 500)))
    null, bulk = noise_of_shape(spectrum), fitted_bulk(fit_bulk(spectrum), spectrum)
    for law in (null, bulk):
        for share in (0.1, 0.5, 0.9):
            edge = np.interp(share, np.cumsum(law.heights * np.diff(law.edges)), law.edges[1:])
            assert float(np.mean(spectrum.eigenvalues <= edge)) == pytest.approx(share, abs=0.01)
        assert float(np.sum(law.heights * np.diff(law.edges))) == pytest.approx(1, abs=1e-6)
    assert marks(drawing_of(replace(row(spectrum.eigenvalues), spectrum=spectrum), "esd"), Role.SPIKE) == []


def test_spikes_are_the_largest_eigenvalues():
    bulk = fit_bulk(fc2().spectrum)
    (spikes,) = marks(draw("esd"), Role.SPIKE)
    assert spikes.x == tuple(fc2().spectrum.eigenvalues[-bulk.spikes :].tolist())
    assert min(spikes.x) > bulk.upper


def test_the_ccdf_counts_what_is_at_or_above():
    values = np.array([1.0, 2.0, 2.0, 2.0, 5.0, 9.0, 9.5, 30.0, 40.0])
    (points,) = marks(drawing_of(row(values), "ccdf"), Role.DATA)
    for x, y in zip(points.x, points.y, strict=True):
        assert y == pytest.approx(sum(value >= x for value in values) / len(values))


def test_the_scan_is_that_of_the_paper():
    values = heavy(60, seed=4)
    made = row(values, metrics={"alpha": 2.0, "alpha_lo": 1.5, "alpha_hi": 2.5})
    drawing = drawing_of(made, "xmin")
    distances, alphas = (marks(drawing, Role.DATA, panel)[0] for panel in (0, 1))
    best = full_scan(values)
    at = distances.x.index(best.xmin)
    assert distances.y[at] == pytest.approx(best.D) == pytest.approx(min(distances.y))
    assert alphas.y[at] == pytest.approx(best.alpha)
    for x, y in zip(alphas.x, alphas.y, strict=True):
        tail = values[values >= x]
        assert y == pytest.approx(1 + len(tail) / np.log(tail / x).sum())
    (band,) = marks(drawing, Role.INTERVAL, 1)
    assert (band.low, band.high) == ((1.5, 1.5), (2.5, 2.5))
    assert marks(drawing, Role.FIT)[0].y == (made.fit.D,)


@pytest.mark.parametrize("name", ["truncated-power-law", "upper-truncated", "clauset"])
def test_the_law_of_the_tail_integrates_to_what_lies_above(name):
    values = np.sort(np.random.default_rng(1).gamma(0.7, 1.0, 400))
    spectrum = row(values).spectrum
    law = tail_law(fit_tail(spectrum, estimators[name]))
    fine = np.log(law.x)
    between = np.trapezoid(law.density * law.x, fine)
    last = 0.0 if name == "upper-truncated" else law.above[-1]
    assert law.above[0] == pytest.approx(1, abs=1e-4)
    assert between == pytest.approx(law.above[0] - last, abs=2e-2)
    assert np.all(np.diff(law.above) < 0)


def test_vectors_are_the_means_and_variances_of_the_report():
    drawing, metrics = draw("vectors"), fc2().metrics
    for panel, kind in enumerate(("loc_ratio", "part_ratio", "vec_entropy")):
        for part, role in (("bulk", Role.BULK), ("tail", Role.FIT)):
            band, line = marks(drawing, role, panel)
            mean, variance = metrics[f"{part}_mean_{kind}"], metrics[f"{part}_var_{kind}"]
            assert line.y == (mean, mean)
            assert ((band.high[0] - band.low[0]) / 2) ** 2 == pytest.approx(variance)
    assert marks(drawing, Role.FIT)[1].x[0] == fc2().fit.xmin


# --- models ----------------------------------------------------------------------------------------------------------


def test_flow_shows_every_layer_of_a_block_with_its_interval():
    drawing = draw("flow")
    placed = [layer for layer in gpt().layers if layer.layer.block is not None]
    points = [mark for mark in drawing.panels[0].marks if isinstance(mark, Points)]
    found = {name: (x, y, low, high) for mark in points for name, x, y, low, high in
             zip(mark.names, mark.x, mark.y, mark.low, mark.high, strict=True)}  # fmt: skip
    assert sorted(found) == sorted(layer.name for layer in placed)
    for layer in placed:
        x, y, low, high = found[layer.name]
        assert round(x) == layer.layer.block
        assert (y, low, high) == (layer.metrics["alpha"], layer.metrics["alpha_lo"], layer.metrics["alpha_hi"])
    assert [rule.at for rule in marks(drawing, Role.THRESHOLD)] == [2.0, 6.0]
    assert "2 layers outside the blocks not drawn" in drawing.caption


def test_flow_of_another_metric_has_no_thresholds():
    assert marks(drawing_of(gpt(), "flow", metric="log_norm"), Role.THRESHOLD) == []


def test_hist_counts_layers_and_expects_the_null():
    drawing = draw("hist")
    (data,), (null,) = marks(drawing, Role.DATA), marks(drawing, Role.NULL)
    alphas = [layer.metrics["alpha"] for layer in gpt().layers]
    assert sum(data.heights) == len(alphas)
    inside = [
        sum(low <= alpha < high for alpha in alphas) for low, high in zip(data.edges, data.edges[1:], strict=False)
    ]
    assert list(data.heights[:-1]) == inside[:-1]
    quantiles = [quantiles_of("clauset/alpha", layer.layer.shape) for layer in gpt().layers]
    for at in range(1, len(null.heights) - 1):
        expected = sum(each.below(null.edges[at + 1]) - each.below(null.edges[at]) for each in quantiles)
        assert null.heights[at] == pytest.approx(expected, abs=0.05)


def test_cells_are_the_medians_of_their_layers():
    drawing = draw("layers")
    panel = drawing.panels[0]
    for name, values in zip(panel.y.names, panel.marks[0].values, strict=True):
        for block, value in zip(panel.x.names, values, strict=True):
            wanted = None if block == "none" else int(block)
            found = [layer.metrics["alpha"] for layer in gpt().layers
                     if layer.layer.kind == name and layer.layer.block == wanted]  # fmt: skip
            assert value == (median(found) if found else None)


def test_compare_shows_the_pairs():
    drawing, comparison = draw("compare"), subjects.real("compare")
    panel = drawing.panels[0]
    pairs = {layer.name: layer.values["alpha"] for layer in comparison.layers}
    first, second = marks(drawing, Role.SERIES_1)[0], marks(drawing, Role.SERIES_2)[0]
    for at, name in enumerate(panel.y.names):
        assert (first.x[at], second.x[at]) == pairs[name]
    assert panel.y.names[-1] == comparison.layers[0].name  # on top
    (links,) = marks(drawing, Role.LINK)
    assert links.x == tuple(min(pair) for pair in zip(first.x, second.x, strict=True))


@pytest.mark.parametrize("metric", ["alpha", "log_norm", "parameters"])
def test_trend_is_the_line_of_least_squares(metric):
    study, drawing = subjects.real("trend"), draw("trend", metric)
    models = study.models
    x = np.array([getattr(m, metric) if metric == "parameters" else m.metrics[metric] for m in models], dtype=float)
    y = np.array([m.model.value for m in models])
    points = [mark for mark in drawing.panels[0].marks if isinstance(mark, Points)]
    assert sorted(zip(points[0].x, points[0].y, strict=True)) == sorted(zip(x, y, strict=True))
    if metric == "parameters":
        assert drawing.missing == "No trend: the same for all models."
        return
    (line,), (band,) = marks(drawing, Role.FIT), marks(drawing, Role.INTERVAL)
    assert line.y == pytest.approx(np.polyval(np.polyfit(x, y, 1), line.x))
    lines = [np.polyval(np.polyfit(np.delete(x, i), np.delete(y, i), 1), line.x) for i in range(len(x))]
    assert band.low == pytest.approx(np.min(lines, axis=0))
    assert band.high == pytest.approx(np.max(lines, axis=0))
    assert f"R² {study.metrics[metric].r2:#.3g}" in drawing.caption


def test_evolution_shows_means_and_ranges():
    drawing, reports = draw("evolution"), subjects.real("evolution")
    (mean,) = (mark for mark in marks(drawing, Role.SERIES_1) if isinstance(mark, Points))
    (middle,), (band,) = marks(drawing, Role.SERIES_2), marks(drawing, Role.INTERVAL)
    assert mean.y == tuple(report.summary["alpha"] for report in reports)
    for at, report in enumerate(reports):
        alphas = [layer.metrics["alpha"] for layer in report.layers]
        assert middle.y[at] == pytest.approx(median(alphas))
        assert band.low[at] == pytest.approx(np.quantile(alphas, 0.1))
        assert band.high[at] == pytest.approx(np.quantile(alphas, 0.9))
    assert fmean(layer.metrics["alpha"] for layer in reports[1].layers) != mean.y[1]  # embeddings stand apart


def test_stages_of_a_study_stand_at_their_steps():
    study = subjects.real("trend")
    at = dict(zip([m.name for m in study.models], (40, 10, 20, 30, 0), strict=True))
    models = tuple(replace(m, model=replace(m.model, step=at[m.name])) for m in study.models)
    (points,) = (m for m in marks(drawing_of(replace(study, models=models), "evolution"), Role.SERIES_1)
                 if isinstance(m, Points))  # fmt: skip
    assert points.x == (0.0, 10.0, 20.0, 30.0, 40.0)
    means = {m.name: m.report.summary["alpha"] for m in study.models}
    assert dict(zip(points.names, points.y, strict=True)) == means


def test_delta_is_the_spectrum_of_the_change():
    difference = subjects.real("delta")
    layer = next(each for each in difference.ranked() if each.change.spectrum is not None)
    drawing = draw("delta")
    assert layer.name in drawing.title
    (steps,) = marks(drawing, Role.DATA)
    values = layer.change.spectrum.positive
    assert (steps.edges[0], steps.edges[-1]) == (values[0], values[-1])
    assert f"{layer.change.relative:#.3g}" in drawing.caption


# --- in the libraries ------------------------------------------------------------------------------------------------


def test_matplotlib_draws_the_numbers_of_the_drawing():
    drawing, axes = draw("esd"), plot(subjects.real("esd"), "esd").axes[0]
    (steps,), (line,) = marks(drawing, Role.DATA), marks(drawing, Role.FIT)
    stairs = axes.patches[0].get_data()
    assert tuple(stairs.values) == steps.heights
    assert tuple(stairs.edges) == steps.edges
    drawn = {artist.get_label(): artist for artist in axes.lines}
    assert tuple(drawn[line.label].get_xdata()) == line.x
    assert tuple(drawn[line.label].get_ydata()) == line.y
    (rule,) = marks(drawing, Role.CHOSEN)
    assert list(drawn[rule.label].get_xdata()) == [rule.at, rule.at]
    cells = marks(draw("layers"), Role.DATA)[0]
    (image,) = plot(subjects.real("layers"), "layers").axes[0].images
    shown = np.ma.filled(image.get_array(), np.nan)
    assert np.array_equal(shown, np.array(cells.values, dtype=float), equal_nan=True)


def test_plotly_draws_the_numbers_of_the_drawing():
    drawing, figure = draw("esd"), plot(subjects.real("esd"), "esd", backend="plotly")
    traces = {trace.name: trace for trace in figure.data}
    (steps,), (line,) = marks(drawing, Role.DATA), marks(drawing, Role.FIT)
    outline = traces[steps.label]
    assert tuple(outline.x[::2]) == steps.edges
    assert all(y == h or h == 0 for y, h in zip(outline.y[1:-1:2], steps.heights, strict=True))
    assert (tuple(traces[line.label].x), tuple(traces[line.label].y)) == (line.x, line.y)
    flow, shown = draw("flow"), plot(subjects.real("flow"), "flow", backend="plotly")
    for mark, trace in zip(flow.panels[0].marks, shown.data, strict=True):
        if isinstance(mark, Points):
            assert (tuple(trace.y), tuple(trace.text)) == (mark.y, mark.names)
            assert np.add(trace.y, trace.error_y.array) == pytest.approx(mark.high)
            assert np.subtract(trace.y, trace.error_y.arrayminus) == pytest.approx(mark.low)
    (heat,) = plot(subjects.real("layers"), "layers", backend="plotly").data
    assert tuple(map(tuple, heat.z)) == marks(draw("layers"), Role.DATA)[0].values
