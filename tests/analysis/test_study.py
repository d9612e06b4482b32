"""A series of models: its trends against scipy, what is said of them, and what is said when there is little to say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from shared import NO_SHARED_DATA, shared_data

import eigentail as et
from eigentail.analysis.study import measured, series_of, studies, study
from eigentail.analysis.study_file import built_in, read_series
from eigentail.analysis.study_findings import SIMPSON
from eigentail.analysis.study_trends import concluded, layers_in, weights_in
from eigentail.errors import UsageError
from eigentail.records.study import Series, SeriesModel, Study
from eigentail.records.trend import Trend
from eigentail.settings import Settings

SHARED = shared_data()
READABLE = (
    "cifar10_resnet_depth",
    "fer2013_mini_xception_epochs",
    "ultralight_rfb_epochs",
    "rl_HalfCheetah-v3",
    "rl_mlp64_LunarLander-v2",
    "rl_mlp64_LunarLanderContinuous-v2",
)
GRAPHS = ("kws_dnn", "kws_lstm", "kws_ds_cnn", "kws_cnn")
NAN = float("nan")


def published(metrics: dict[str, list[float]], values: list[float], groups: str = "") -> Study:
    """A study of models whose numbers are given."""
    models = tuple(
        SeriesModel(
            name=f"m{at}",
            value=value,
            metrics={name: column[at] for name, column in metrics.items()},
            group=groups[at] if groups else "",
        )
        for at, value in enumerate(values)
    )
    return study(Series(name="made", title="made up", higher_is_better=True, models=models))


def said(found: Study, name: str) -> list[str]:
    return [finding.sentence for finding in found.findings if finding.name == name]


def weights(seed: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"fc{i}.weight": scale * rng.standard_t(2.5, (96, 64)) for i in range(2)}


@pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)
@pytest.mark.parametrize("name", READABLE + GRAPHS)
def test_a_shared_series_gives_what_scipy_gives(name: str) -> None:
    assert SHARED is not None
    series = read_series(SHARED / "series" / f"{name}.toml")
    found = study(SHARED / "series" / f"{name}.toml")
    assert found.problems == ()
    reports = [et.analyze(model.target) for model in series.models]
    quality = [model.value if series.higher_is_better else -model.value for model in series.models]
    agree_with_scipy(found, [report.summary.mean for report in reports], quality)
    sizes = [[sum(math.prod(row.layer.shape) * row.layer.count for row in report.layers)] for report in reports]
    agree_with_scipy_in(found.baselines["parameters"], np.ravel(sizes), np.array(quality))


@pytest.mark.parametrize("name", [name for name, _ in built_in() if name.startswith("zoo-")])
def test_a_series_of_the_zoo_gives_what_scipy_gives(name: str) -> None:
    found = study(name)
    quality = [one.model.value if found.series.higher_is_better else -one.model.value for one in found.models]
    agree_with_scipy(found, [et.analyze(one.model.target).summary.mean for one in found.models], quality)


def agree_with_scipy(found: Study, means: list[dict[str, float]], quality: list[float]) -> None:
    assert set(found.metrics) == set(means[0])
    assert len(found.metrics) > 20
    for name, trend in found.metrics.items():
        pairs = [(mean[name], q) for mean, q in zip(means, quality, strict=True) if not math.isnan(mean[name])]
        assert trend.n == len(pairs)
        x, y = np.array(pairs).reshape(-1, 2).T
        agree_with_scipy_in(trend, x, y)


def agree_with_scipy_in(trend: Trend, x: np.ndarray, y: np.ndarray) -> None:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        assert trend.reason
        return
    assert trend.kendall_tau == pytest.approx(scipy.stats.kendalltau(x, y).statistic, abs=1e-12)
    assert trend.spearman == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    if trend.kendall_p_by == "exact":
        assert trend.kendall_p == pytest.approx(scipy.stats.kendalltau(x, y, method="exact").pvalue, rel=1e-9)
    if np.ptp(x) > 1e-9 * np.abs(x).max():  # nearly equal numbers have no line that rounding leaves alone
        line = scipy.stats.linregress(x, y)
        assert (trend.r2, trend.slope) == pytest.approx((line.rvalue**2, line.slope), rel=1e-6, abs=1e-9)


@pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)
def test_four_resnets_are_in_perfect_order_and_prove_little() -> None:
    assert SHARED is not None
    found = study(SHARED / "series" / "cifar10_resnet_depth.toml", Settings(metrics=("alpha", "alpha_weighted")))
    trend = found.metrics["alpha_weighted"]
    assert (trend.kendall_tau, trend.kendall_p_by) == (-1.0, "exact")
    assert round(trend.kendall_p, 3) == 0.083
    few = "4 models: even a perfect order has an exact p of 0.083: nothing can be concluded"
    assert said(found, "few models") == [few]
    assert "as well as the best metric" in said(found, "size baseline")[0]
    assert found.baselines["parameters"].kendall_tau == 1.0


@pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)
@pytest.mark.parametrize("name", GRAPHS)
def test_three_sizes_of_a_net_are_not_enough_data(name: str) -> None:
    assert SHARED is not None
    found = study(SHARED / "series" / f"{name}.toml", Settings(metrics=("alpha", "alpha_weighted")))
    assert found.n == 3
    assert {trend.n for trend in found.metrics.values()} == {3}
    few = "3 models: even a perfect order has an exact p of 0.333: nothing can be concluded"
    assert said(found, "few models") == [few]


@pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)
def test_every_shared_study_file_loads_and_names_files_that_are_there() -> None:
    assert SHARED is not None
    files = sorted((SHARED / "series").glob("*.toml"))
    assert len(files) == 10
    for path in files:
        series = read_series(path)
        assert series.caveats
        assert all(Path(str(model.target)).is_file() for model in series.models)


def test_smaller_is_better_turns_the_sign_and_the_line_is_that_of_quality() -> None:
    rows = [("a", weights(0, 1.0), 3.0), ("b", weights(1, 2.0), 2.0), ("c", weights(2, 4.0), 1.0)]
    series = series_of(rows)[0]
    models = [measured(model) for model in series.models]
    up = concluded(series, models)
    down = concluded(Series(name="s", title="s", higher_is_better=False, models=series.models), models)
    assert up.metrics["log_norm"].kendall_tau == -1.0 == -down.metrics["log_norm"].kendall_tau
    assert up.metrics["log_norm"].slope == pytest.approx(-down.metrics["log_norm"].slope)
    assert up.metrics["log_norm"].rmse == pytest.approx(down.metrics["log_norm"].rmse)


def test_a_mapping_rows_reports_and_saved_reports_are_the_same_study(tmp_path: Path) -> None:
    nets = {name: weights(at, 2.0**at) for at, name in enumerate("abc")}
    values = {"a": 0.3, "b": 0.2, "c": 0.1}
    reports = {name: et.analyze(net) for name, net in nets.items()}
    for name, report in reports.items():
        report.save(tmp_path / f"{name}.json")
    targets = [
        {name: (net, values[name]) for name, net in nets.items()},
        [(name, net, values[name]) for name, net in nets.items()],
        [(name, report, values[name]) for name, report in reports.items()],
        [(name, tmp_path / f"{name}.json", values[name]) for name in nets],
    ]
    found = [study(target) for target in targets]
    for other in found[1:]:
        assert other.baselines == found[0].baselines
        for name, trend in found[0].metrics.items():
            assert repr(other.metrics[name]) == repr(trend)


def test_both_ways_of_counting_convolutions() -> None:
    rng = np.random.default_rng(0)
    nets = [(f"m{i}", {"conv.weight": rng.standard_t(2.5, (64, 64, 3, 3)) * 2**i}, float(i)) for i in range(3)]
    pooled, slices = study(nets), study(nets, Settings(conv="per-slice"))
    assert (pooled.counting, slices.counting) == ("per layer", "per conv slice")
    reports = [one.report for found in (pooled, slices) for one in found.models]
    assert [len(report.layers) for report in reports if report] == [1, 1, 1, 9, 9, 9]
    assert all(one.layers == 1 and one.parameters == 64 * 64 * 9 for found in (pooled, slices) for one in found.models)


def test_weights_and_layers_are_counted_from_what_was_analysed() -> None:
    report = et.analyze(weights(0))
    assert (weights_in(report), layers_in(report)) == (2 * 96 * 64, 2)


def test_sizes_come_from_one_source_for_all() -> None:
    models = (
        SeriesModel(name="a", value=1.0, target=weights(0), parameters=10**9),
        SeriesModel(name="b", value=2.0, target=weights(1)),
    )
    found = study(Series(name="s", title="s", higher_is_better=True, models=models))
    assert [one.parameters for one in found.models] == [12288, 12288]


def test_simpsons_paradox_is_named() -> None:
    """Inside each group a larger metric goes with the better model, over all of them a smaller one."""
    metric = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0, 21.0, 22.0, 23.0]
    values = [91.0, 92.0, 93.0, 61.0, 62.0, 63.0, 31.0, 32.0, 33.0]
    found = published({"alpha": metric, "log_norm": values}, values, groups="aaabbbccc")
    assert found.metrics["alpha"].kendall_tau < 0
    assert [trends["alpha"].kendall_tau for trends in found.groups.values()] == [1.0, 1.0, 1.0]
    assert len(said(found, SIMPSON)) == 1
    assert "over all models alpha goes with quality with tau -0.50, but inside 3 of 3 groups" in said(found, SIMPSON)[0]


def test_no_paradox_where_most_groups_agree_with_the_whole() -> None:
    metric = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0, 23.0, 22.0, 21.0]
    values = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0, 21.0, 22.0, 23.0]
    assert said(published({"alpha": metric}, values, groups="aaabbbccc"), SIMPSON) == []
    assert said(published({"alpha": metric}, values), SIMPSON) == []


def test_what_points_the_wrong_way_is_said() -> None:
    found = published({"alpha": [1.0, 2, 3, 4, 5, 6], "log_norm": [6.0, 5, 4, 3, 2, 1]}, [1.0, 2, 3, 4, 5, 6])
    assert said(found, "against the theory") == [
        "the better models have the larger alpha (tau +1.00): the papers expect the smaller"
    ]
    assert said(found, "as expected") == ["the better models have the smaller log_norm (tau -1.00)"]
    kept = "after correction for 2 metrics (Holm), p stays below 0.05 for log_norm, alpha"
    assert said(found, "correction") == [kept]


def test_a_direction_that_one_model_decides_is_no_direction() -> None:
    found = published({"alpha": [1.0, 2, 3, 4, 5, 0]}, [1.0, 2, 3, 4, 5, 9])
    assert -0.5 < found.metrics["alpha"].tau_low <= 0.4 < found.metrics["alpha"].tau_high == 1.0
    wavering = published({"alpha": [2.0, 1, 4, 3]}, [3.0, 1, 2, 4])
    assert wavering.metrics["alpha"].tau_low < 0 < wavering.metrics["alpha"].tau_high
    assert said(wavering, "one model decides")
    assert not said(wavering, "as expected")
    assert not said(wavering, "against the theory")


def test_many_metrics_leave_little() -> None:
    rng = np.random.default_rng(0)
    values = [1.0, 2, 3, 4, 5]
    found = published({f"x{i}": list(rng.permutation(5).astype(float)) for i in range(30)} | {"alpha": values}, values)
    assert found.metrics["alpha"].kendall_p == pytest.approx(1 / 60)
    assert found.metrics["alpha"].kendall_p_holm > 0.05
    assert "after correction for 31 metrics (Holm), no p is below 0.05" in said(found, "correction")[0]


def test_equal_values_have_a_larger_least_p() -> None:
    found = published({"alpha": [1.0, 2, 3, 4, 5]}, [1.0, 1, 2, 3, 3])
    assert said(found, "few models")[0].startswith("5 models: even a perfect order has an exact p of 0.067")
    assert said(found, "equal values") == ["2 of 5 values repeat another: such models have no order"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([1.0], "1 of 1 models can be used: nothing to compare"),
        ([2.0, 2.0, 2.0], "all values are equal: there is nothing to order"),
        ([1.0, NAN, 2.0, 3.0], "m1: its value is nan: left out of every trend"),
        ([1.0, math.inf, 2.0, 3.0], "m1: its value is inf: left out of every trend"),
    ],
)
def test_what_keeps_a_study_from_being_whole(values: list[float], problem: str) -> None:
    found = published({"alpha": [float(at) for at in range(len(values))]}, values)
    assert problem in found.problems
    assert all(one.metrics for one in found.models)
    if len(values) == 4:
        assert (found.n, found.metrics["alpha"].n, found.metrics["alpha"].left_out) == (3, 3, 1)
    else:
        assert math.isnan(found.metrics["alpha"].kendall_tau)


def test_a_model_that_is_not_there_leaves_the_others() -> None:
    rows = [("a", weights(0), 1.0), ("gone", "no/such/file.pt", 2.0), ("c", weights(1), 3.0), ("d", weights(2), 4.0)]
    found = study(rows)
    assert found.n == 3
    assert found.metrics["alpha"].n == 3
    assert [problem.partition(":")[0] for problem in found.problems] == ["gone"]


def test_a_layer_that_fails_is_a_problem_and_the_rest_is_used() -> None:
    bad = weights(0)
    bad["fc1.weight"][0, 0] = np.nan
    found = study([("a", bad, 1.0), ("b", weights(1), 2.0), ("c", weights(2), 3.0)])
    assert found.n == 3
    assert found.problems == ("a: fc1: 1 of 6144 weights are NaN or infinite",)


def test_a_model_without_a_matrix_large_enough_is_named() -> None:
    rows = [("small", {"fc.weight": np.ones((3, 3))}, 1.0), *((f"m{i}", weights(i), float(i)) for i in range(2, 5))]
    found = study(rows)
    assert found.problems[0].startswith("small: dict: no layer to analyse")
    assert found.metrics["alpha"].n == 3


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="the same name"):
        study([("a", weights(0), 1.0), ("a", weights(1), 2.0)])


@pytest.mark.parametrize("target", [3, [("a", 1)], {"a": 1.0}, [("a", {}, "high")], None])
def test_what_is_no_study_is_told_so(target: object) -> None:
    with pytest.raises(UsageError):
        study(target)


def test_several_series_are_refused_where_one_is_asked_for() -> None:
    with pytest.raises(UsageError, match="holds 5 series"):
        study("nature2021")


def test_reports_of_different_settings_are_said_to_be() -> None:
    reports = [et.analyze(weights(i), Settings(tail=tail)) for i, tail in enumerate(("clauset", "clauset", "hill"))]
    found = study([(f"m{i}", report, float(i)) for i, report in enumerate(reports)])
    assert "the same tail" in said(found, "settings")[0]


def test_the_same_size_explains_nothing() -> None:
    found = study([(f"m{i}", weights(i), float(i)) for i in range(4)])
    assert said(found, "size baseline")[0].startswith("the number of parameters is the same for all")
    assert math.isnan(found.metrics["alpha"].partial_tau)


def test_published_numbers_are_not_measured() -> None:
    found = studies("sdm2020")
    assert len(found) == 13
    assert all(one.settings is None and one.counting == "as published" for one in found)
    taus = {one.series.name: one.metrics["alpha_weighted"].kendall_tau for one in found}
    told = {"vgg": -0.93, "resnet": -0.83, "mobilenet": -0.93, "dpn": -1, "seresnet": -1, "densenet": -0.33}
    told |= {"menet": 0.24, "fdmobilenet": 1}
    assert {name: round(taus[f"sdm2020-{name}"], 2) for name in told} == told
