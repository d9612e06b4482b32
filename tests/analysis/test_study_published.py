"""The published series that come with the package: their statistics, the printed table, their sources."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from msgspec.structs import replace
from shared import NO_SHARED_DATA, shared_data

from eigentail.analysis.study import series_of, studies, study
from eigentail.analysis.study_file import built_in, read_series
from eigentail.settings import Settings

SHARED = shared_data()
needs_papers = pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)
NATURE = {"VGG": "vgg", "ResNet": "resnet", "ResNet-1K": "resnet1k", "DenseNet": "densenet"}
# Table 1, recomputed from the averages: RMSE, R2, tau of alpha_weighted and of log_norm.
RECOMPUTED = {
    "vgg": ((0.479206, 0.915078, -0.928571), (0.561192, 0.883533, -0.785714)),
    "resnet": ((0.613015, 0.961051, -1.0), (0.896747, 0.916652, -1.0)),
    "resnet1k": ((1.820103, 0.89323, -0.894737), (2.430632, 0.809587, -0.789474)),
    "densenet": ((0.164343, 0.980077, -1.0), (0.302877, 0.932331, -1.0)),
}
STATISTICS = ("rmse", "r2", "kendall_tau")


def papers() -> Path:
    assert SHARED is not None
    return SHARED / "papers"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", RECOMPUTED)
def test_the_shipped_averages_give_the_statistics_of_table_1(name: str) -> None:
    found = study(f"nature2021-{name}")
    for metric, expected in zip(("alpha_weighted", "log_norm"), RECOMPUTED[name], strict=True):
        trend = found.metrics[metric]
        assert [getattr(trend, statistic) for statistic in STATISTICS] == pytest.approx(expected, abs=1e-5)


def test_47_of_48_printed_numbers_agree_and_the_other_is_named_with_the_reason() -> None:
    found = {one.series.name: one for one in studies("nature2021")}
    checks = [(name, check) for name, one in found.items() for check in one.checks]
    assert len(checks) == 48
    ((name, wrong),) = [(name, check) for name, check in checks if not check.agrees]
    assert (name, wrong.metric, wrong.statistic, wrong.printed) == ("nature2021-resnet", "log_alpha_norm", "r2", 0.9)
    said = [finding.sentence for finding in found[name].findings if finding.name == "printed table"]
    assert said[0] == "11 of 12 printed numbers agree to the digits printed"
    assert said[1].endswith("the printed RMSE of 0.66 in the same place implies 0.95")
    for _, check in checks:
        if check.agrees:
            assert abs(check.difference) <= 0.05 if check.printed > 1 else abs(check.difference) <= 0.005


@needs_papers
def test_every_statistic_equals_the_independent_one() -> None:
    expected = json.loads((papers() / "nature2021" / "expected.json").read_text())["series"]
    agreeing = 0
    for series, name in NATURE.items():
        found = study(f"nature2021-{name}")
        checks = {(check.metric, check.statistic): check for check in found.checks}
        assert (found.n, [one.name for one in found.models]) == (expected[series]["n"], expected[series]["models"])
        for metric, told in expected[series]["metrics"].items():
            trend = found.metrics[metric]
            for statistic, value in told["recomputed"].items():
                assert getattr(trend, statistic) == pytest.approx(value, abs=1e-5), (series, metric, statistic)
            for statistic, agrees in told.get("agrees", {}).items():
                check = checks[metric, statistic]
                assert (check.printed, check.agrees) == (told["published"][statistic], agrees)
                agreeing += agrees
    assert agreeing == 47


@needs_papers
def test_the_averages_are_those_of_the_tables() -> None:
    told = {(row["series"], row["model"]): row for row in rows(papers() / "nature2021" / "models.csv")}
    for series, name in NATURE.items():
        for model in study(f"nature2021-{name}").models:
            row = told[series, model.name]
            assert model.model.value == float(row["top1_accuracy"])
            column = {"log_spectral_norm": "log_spectral_norm_all"}
            for metric, value in model.metrics.items():
                assert value == float(row[column.get(metric, metric)])


@needs_papers
@pytest.mark.parametrize("series", NATURE)
def test_the_matrices_average_to_the_model_by_the_papers_way_of_counting(series: str) -> None:
    """One vote for each slice; a row of a whole layer is no matrix."""
    folder = papers() / "nature2021" / "data" / ("resnet-1k" if series == "ResNet-1K" else "")
    for model in study(f"nature2021-{NATURE[series]}").models:
        slices = [row for row in rows(folder / f"{model.name}.csv") if row["level"] == "LEVEL.SLICE"]
        assert min(min(float(row["N"]), float(row["M"])) for row in slices) >= 50
        for metric in ("log_norm", "alpha_weighted", "log_alpha_norm", "alpha"):
            mean = math.fsum(float(row[metric]) for row in slices) / len(slices)
            assert model.metrics[metric] == pytest.approx(mean, abs=1e-5)


@needs_papers
def test_the_2020_table_and_the_gpt_table_are_as_printed() -> None:
    printed = {row["model"] + row["series"]: row for row in rows(papers() / "sdm2020.csv")}
    found = [(one.series.title.partition(",")[0], model) for one in studies("sdm2020") for model in one.models]
    assert len(found) == len(printed) == 61
    for series, model in found:
        row = printed[model.name + series]
        assert (model.model.value, model.metrics["alpha_weighted"]) == (
            float(row["top1_accuracy"]),
            float(row["alpha_weighted"]),
        )
    for row, model in zip(rows(papers() / "nature2021" / "gpt.csv"), study("nature2021-gpt").models, strict=True):
        assert model.name == row["model"]
        assert {name: float(row["alpha_all" if name == "alpha" else name]) for name in model.metrics} == model.metrics


def test_gpt_to_gpt2_small_contradicts_every_printed_metric() -> None:
    gpt, small = study("nature2021-gpt").models[:2]
    printed = ("log_norm", "log_spectral_norm", "alpha_weighted", "log_alpha_norm")
    assert all(small.metrics[name] > gpt.metrics[name] for name in printed)
    assert small.metrics["alpha"] < gpt.metrics["alpha"]
    assert gpt.model.value > small.model.value


def test_size_orders_the_published_series_about_as_well() -> None:
    found = {one.series.name: one for one in studies("nature2021")}
    assert found["nature2021-resnet"].baselines["layers"].kendall_tau == 1.0
    assert found["nature2021-densenet"].baselines["parameters"].kendall_tau == 1.0
    assert found["nature2021-vgg"].metrics["alpha"].kendall_tau == pytest.approx(0.857143, abs=1e-5)
    assert abs(found["nature2021-resnet1k"].metrics["alpha_weighted"].partial_tau) < 0.4


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, path in built_in() if not name.startswith("zoo-")])
def test_every_built_in_series_says_where_it_is_from_and_what_it_cannot_show(name: str, path: Path) -> None:
    series = read_series(path)
    assert "Nature Communications" in series.source or "SDM 2020" in series.source
    assert series.caveats
    assert name == path.stem
    assert all(model.metrics and model.provider for model in series.models)


def test_published_averages_answer_to_the_metrics_asked_for() -> None:
    found = study("nature2021-vgg", Settings(metrics=("alpha_weighted",)))
    assert set(found.metrics) == {"alpha_weighted"}
    assert set(study("nature2021-vgg").metrics) > {"alpha_weighted", "alpha", "log_norm"}


def test_one_model_of_a_printed_series_is_no_crash() -> None:
    series = series_of("nature2021-vgg")[0]
    assert study(replace(series, models=series.models[:1])).n == 1
