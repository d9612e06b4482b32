"""Models side by side: differences, order, chance, identity."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from made_models import numbered
from nets import heavy, mlp
from safetensors.numpy import save_file
from shared import NO_SHARED_DATA, shared_data

import eigentail as et
from eigentail.analysis.compare import compare, names_of, reported
from eigentail.analysis.ranking import chance, deviation, difference
from eigentail.records import ModelReport
from eigentail.records.comparison import Comparison

ZOO = Path(et.__file__).parent / "zoo"
NOISE = sorted((ZOO / "digits_noise").glob("*.safetensors"))
GPT = [ZOO / "gpt_demo" / f"{name}.safetensors" for name in ("init", "trained")]


def net(seed: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Eight layers of one shape, a wider one, and a head."""
    weights = {f"layers.{i}.fc.weight": heavy(64, 64, 10 * seed + i, "float64") for i in range(8)}
    weights |= {"wide.weight": heavy(96, 64, seed + 500, "float64"), "head.weight": heavy(10, 64, seed, "float64")}
    return {name: scale * weight for name, weight in weights.items()}


@pytest.fixture(scope="module")
def reports() -> list[ModelReport]:
    return [et.analyze(net(seed)) for seed in range(3)]


@pytest.fixture(scope="module")
def noise() -> list[ModelReport]:
    return [et.analyze(path) for path in NOISE]


def differences(found: Comparison) -> dict[str, dict[str, float]]:
    return {layer.name: {m: d[0].value for m, d in layer.differences.items()} for layer in found.layers}


class TestDifferences:
    def test_a_model_compared_with_itself_differs_in_nothing(self, noise: list[ModelReport]) -> None:
        found = compare(noise[0], noise[0])
        assert found.identical == ((0, 1),)
        assert {value for row in differences(found).values() for value in row.values() if not math.isnan(value)} == {0}
        for layer in found.layers:
            difference = layer.differences["alpha"][0]
            assert difference.low == pytest.approx(-difference.high)
            assert difference.low < 0
        ranked = {ranking.metric: ranking.chances[0] for ranking in found.rankings}
        assert ranked["alpha"] == ranked["alpha_weighted"] == 0.5
        assert math.isnan(ranked["log_norm"])
        assert all(paired.smaller == paired.larger == 0 for paired in found.paired)

    def test_they_are_those_of_the_reports(self, reports: list[ModelReport]) -> None:
        found = compare(*reports)
        assert len(found.layers) == 10
        for layer in found.layers:
            for metric, values in layer.values.items():
                expected = [report.layers[layer.name].metrics[metric] for report in reports]
                np.testing.assert_array_equal(values, expected)
                given = [d.value for d in layer.differences[metric]]
                np.testing.assert_array_equal(given, np.subtract(expected[1:], expected[0]))

    def test_the_order_of_the_models_only_flips_signs(self, reports: list[ModelReport]) -> None:
        one, other = compare(*reports[:2], names=["a", "b"]), compare(*reports[1::-1], names=["b", "a"])
        back = {layer.name: layer for layer in other.layers}
        for layer in one.layers:
            for metric, (there,) in layer.differences.items():
                (again,) = back[layer.name].differences[metric]
                np.testing.assert_array_equal(
                    (there.value, there.low, there.high), (-again.value, -again.high, -again.low)
                )  # fmt: skip
        for there, again in zip(one.rankings, other.rankings, strict=True):
            np.testing.assert_array_equal(there.values, again.values[::-1])
            if there.values[0] != there.values[1]:
                assert [one.names[i] for i in there.order] == [other.names[i] for i in again.order]
            np.testing.assert_array_equal(there.chances, again.chances)
        for there, again in zip(one.paired, other.paired, strict=True):
            np.testing.assert_array_equal(
                (there.layers, there.median, there.smaller), (again.layers, -again.median, again.larger)
            )  # fmt: skip
        assert {mark.about for mark in one.marks} == {mark.about for mark in other.marks}

    def test_the_order_of_tensors_in_a_file_changes_nothing(self, tmp_path: Path) -> None:
        weights = net(0)
        np.savez(tmp_path / "a.npz", **weights)
        np.savez(tmp_path / "b.npz", **dict(reversed(weights.items())))
        found = compare(tmp_path / "a.npz", tmp_path / "b.npz")
        assert found.identical == ((0, 1),)
        other = et.analyze(net(1))
        one, two = (compare(tmp_path / name, other) for name in ("a.npz", "b.npz"))
        assert repr(differences(one)) == repr(
            {name: differences(two)[name] for name in differences(one)}
        )  # fmt: skip
        assert [ranking.chances for ranking in one.rankings if ranking.metric == "alpha"] == [
            ranking.chances for ranking in two.rankings if ranking.metric == "alpha"
        ]
        assert {f.sentence for f in one.findings} == {f.sentence.replace("b.npz", "a.npz") for f in two.findings}

    def test_units_of_the_weights_change_no_difference_of_shape(self) -> None:
        base = compare(net(0), net(1))
        for scale in (1e-6, 1e6):
            scaled = compare(net(0, scale), net(1, scale))
            for layer, other in zip(base.layers, scaled.layers, strict=True):
                for metric in ("alpha", "stable_rank", "D", "log_norm", "log_spectral_norm"):
                    there, again = layer.differences[metric][0], other.differences[metric][0]
                    np.testing.assert_allclose(
                        (again.value, again.low, again.high), (there.value, there.low, there.high), rtol=0, atol=1e-9
                    )

    def test_the_interval_holds_the_value_and_is_that_of_both(self, noise: list[ModelReport]) -> None:
        for one, other in itertools.permutations([row for report in noise for row in report.layers][:6], 2):
            found = difference("alpha", one, other)
            assert found.low < found.value < found.high
            # as wide as both together at most, as the wider of both at least
            width = found.high - found.low
            each = [row.metrics["alpha_hi"] - row.metrics["alpha_lo"] for row in (one, other)]
            assert max(each) <= width * (1 + 1e-12)
            assert width <= sum(each) * (1 + 1e-12)

    def test_the_interval_covers_a_difference_as_often_as_it_says(self) -> None:
        """Two numbers whose own 90 % intervals are exact: the interval of the difference holds it in 90 %."""
        rng = np.random.default_rng(0)
        true = np.array([2.0, 3.5])
        spread = np.array([0.15, 0.3])
        z = 1.6448536269514722
        hits = 0
        for _ in range(2000):
            logs = np.log(true - 1) + spread * rng.standard_normal(2)
            rows = numbered(
                [
                    {"alpha": 1 + math.exp(x), "alpha_lo": 1 + math.exp(x - z * s), "alpha_hi": 1 + math.exp(x + z * s)}
                    for x, s in zip(logs, spread, strict=True)
                ]
            ).layers
            found = difference("alpha", rows[0], rows[1])
            hits += found.low <= true[1] - true[0] <= found.high
        assert 0.88 < hits / 2000 < 0.92

    def test_a_failed_layer_has_no_difference(self) -> None:
        bad = mlp()
        bad["fc2.weight"][0, 0] = np.nan
        found = compare(mlp(), bad)
        assert math.isnan(differences(found)["fc2"]["alpha"])
        assert found.identical == ()
        assert next(p.layers for p in found.paired if p.metric == "alpha") == 3

    def test_layers_of_different_shape_are_no_pairs(self) -> None:
        wide = mlp() | {"fc1.weight": heavy(128, 64, 1)}
        found = compare(mlp(), wide)
        assert len(found.layers) == 4
        assert next(p.layers for p in found.paired if p.metric == "log_norm") == 3
        assert "width" in {mark.about for mark in found.marks}


class TestOrder:
    def test_the_mean_and_its_order_are_those_of_the_summaries(self, noise: list[ModelReport]) -> None:
        found = compare(*noise)
        for ranking in found.rankings:
            values = [report.summary[ranking.metric] for report in noise]
            np.testing.assert_array_equal(ranking.values, values)
            assert sorted(ranking.order) == list(range(len(noise)))
            ordered = [values[i] for i in ranking.order]
            assert ordered == sorted(ordered)
            assert all(math.isnan(p) or 0.5 <= p <= 1 for p in ranking.chances)
        assert found.ranking("alpha_weighted").smaller_is_better
        assert found.ranking("stable_rank").smaller_is_better is None

    def test_the_clean_labels_rank_first_and_the_chance_is_no_certainty(self, noise: list[ModelReport]) -> None:
        ranking = compare(noise[0], noise[-1]).ranking("alpha_weighted")
        assert ranking.order == (0, 1)
        assert 0.8 < ranking.chances[0] < 0.99

    def test_the_chance_is_what_drawing_from_the_intervals_gives(self) -> None:
        """Exponents drawn from the lognormal laws that the intervals stand for, and averaged."""
        rng = np.random.default_rng(1)
        z = 1.6448536269514722
        models, draws = [], []
        for shift in (0.0, 0.12):
            alphas = 2.5 + shift + rng.uniform(-0.5, 0.5, 20)
            spreads = rng.uniform(0.05, 0.25, 20)
            logs = np.log(alphas - 1)
            models.append(
                numbered(
                    [
                        {"alpha": a, "alpha_lo": 1 + math.exp(x - z * s), "alpha_hi": 1 + math.exp(x + z * s)}
                        for a, x, s in zip(alphas, logs, spreads, strict=True)
                    ]
                )
            )
            drawn = np.exp(logs + spreads * rng.standard_normal((100_000, 20)))
            draws.append((1 + drawn).mean(axis=1))
        ranking = compare(*models, names=["a", "b"]).ranking("alpha")
        low, high = ranking.order
        simulated = float(np.mean(draws[low] < draws[high]))
        assert 0.6 < simulated < 0.995
        assert ranking.chances[0] == pytest.approx(simulated, abs=0.02)
        for model, drawn in zip(models, draws, strict=True):
            assert deviation("alpha", model) == pytest.approx(float(drawn.std()), rel=0.05)

    def test_the_deviation_of_alpha_weighted_goes_with_lambda_max(self, reports: list[ModelReport]) -> None:
        for report in reports:
            slow = 0.0
            for row in report.layers:
                metrics = row.metrics
                spread = math.log((metrics["alpha_hi"] - 1) / (metrics["alpha_lo"] - 1)) / 2 / 1.6448536269514722
                slow += ((metrics["alpha"] - 1) * spread * metrics["log_spectral_norm"]) ** 2
            assert deviation("alpha_weighted", report) == pytest.approx(math.sqrt(slow) / len(report.layers))

    @pytest.mark.parametrize(("step", "one", "other"), [(0.3, 0.2, 0.4), (-1.0, 0.5, 0.1), (3.0, 1.0, 2.0)])
    def test_the_chance_is_the_normal_law(self, step: float, one: float, other: float) -> None:
        from scipy.stats import norm

        assert chance(step, one, other) == pytest.approx(norm.cdf(abs(step) / math.sqrt(one**2 + other**2)), rel=1e-12)

    def test_a_chance_without_deviations(self) -> None:
        assert (chance(0.0, 0.0, 0.0), chance(1.0, 0.0, 0.0)) == (0.5, 1.0)
        assert all(math.isnan(chance(*words)) for words in [(math.nan, 1, 1), (1, math.nan, 1), (1, 1, math.nan)])

    def test_without_intervals_there_is_an_order_and_no_chance(self) -> None:
        settings = et.Settings(metrics=("alpha", "alpha_weighted"))
        ranking = compare(net(0), net(1), settings=settings).ranking("alpha")
        assert all(map(math.isnan, ranking.chances))
        assert sorted(ranking.order) == [0, 1]

    def test_one_layer_without_an_interval_leaves_the_mean_without(self) -> None:
        good = {"alpha": 3.0, "alpha_lo": 2.5, "alpha_hi": 3.5}
        assert deviation("alpha", numbered([good, good])) > 0
        assert math.isnan(deviation("alpha", numbered([good, good | {"alpha_lo": math.nan}])))
        assert math.isnan(deviation("alpha", numbered([good, good | {"alpha_lo": 1.0}])))

    def test_a_model_without_the_number_is_last(self) -> None:
        found = compare({"fc.weight": np.eye(64)}, {"fc.weight": heavy(64, 64, 1)})
        ranking = found.ranking("alpha")
        assert ranking.order == (1, 0)
        assert math.isnan(ranking.values[0])
        assert math.isnan(ranking.chances[0])

    def test_an_unknown_metric_is_told(self, reports: list[ModelReport]) -> None:
        with pytest.raises(et.UsageError, match=r"no ranking by 'alhpa': did you mean alpha or alpha_z"):
            compare(*reports[:2]).ranking("alhpa")


class TestTargets:
    def test_reports_saved_ones_files_and_arrays_are_the_same_to_it(self, tmp_path: Path) -> None:
        weights = {name: np.ascontiguousarray(array) for name, array in net(0).items()}
        save_file(weights, tmp_path / "net.safetensors")
        report = et.analyze(weights)
        report.save(tmp_path / "saved.json")
        (tmp_path / "light.json").write_text(report.to_json(), encoding="utf-8")
        targets = [report, weights, tmp_path / "net.safetensors", str(tmp_path / "saved.json"), tmp_path / "light.json"]
        found = compare(*targets)
        assert found.identical == tuple(itertools.combinations(range(len(targets)), 2))
        assert found.marks == ()

    def test_a_module_is_taken_as_its_file_is(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch", reason="torch is not installed")
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.ReLU(), torch.nn.Linear(96, 64))
        torch.save(module.state_dict(), tmp_path / "net.pt")
        wrapped = torch.nn.Module()
        wrapped.backbone = module
        found = compare(module, tmp_path / "net.pt", wrapped)
        assert found.identical == ((0, 1), (0, 2), (1, 2))

    def test_the_index_of_a_sharded_checkpoint_is_no_saved_report(self, tmp_path: Path) -> None:
        save_file(mlp(), tmp_path / "model.safetensors")
        index = tmp_path / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": dict.fromkeys(mlp(), "model.safetensors")}), encoding="utf-8")
        assert len(reported(index).layers) == 4

    def test_a_json_that_is_no_report_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text('{"a": 1}', encoding="utf-8")
        with pytest.raises(et.SourceError, match=r"x.json: not a report of eigentail"):
            compare(tmp_path / "x.json", mlp())
        with pytest.raises(et.SourceError, match=r"none.json: no such file"):
            compare(tmp_path / "none.json", mlp())

    def test_one_is_too_few(self) -> None:
        for targets in ((), (mlp(),)):
            with pytest.raises(et.UsageError, match="nothing to compare: give two or more"):
                compare(*targets)

    @pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
    def test_names_that_do_not_tell_the_models_apart(self, reports: list[ModelReport], names: list[str]) -> None:
        with pytest.raises(et.UsageError, match="names: 2 models need as many different names"):
            compare(*reports[:2], names=names)

    def test_names_are_the_shortest_ends_of_the_paths_that_differ(self, tmp_path: Path) -> None:
        for folder in ("base", "tuned"):
            (tmp_path / folder).mkdir()
            save_file(mlp(), tmp_path / folder / "model.safetensors")
        found = [et.analyze(tmp_path / folder / "model.safetensors") for folder in ("base", "tuned")]
        assert names_of(found) == ("base/model.safetensors", "tuned/model.safetensors")
        assert names_of([found[0], et.analyze(et.example())]) == ("model.safetensors", "noise_000.safetensors")
        assert names_of([found[0], found[0]]) == ("model.safetensors (1)", "model.safetensors (2)")

    def test_reports_of_different_metrics_are_compared_by_those_they_share(self) -> None:
        found = compare(et.analyze(mlp()), et.analyze(mlp(), et.Settings(metrics=("alpha", "log_norm", "gof_p"))))
        assert set(found.layers[0].values) == {"alpha", "log_norm"}

    def test_an_empty_report_is_compared_too(self) -> None:
        empty = et.analyze(mlp(), shard=(8, 9))
        found = compare(empty, et.analyze(mlp()))
        assert (found.layers, found.rankings, found.identical) == ((), (), ())
        assert compare(empty, empty).identical == ()


ODD = {
    "zeros": np.zeros((64, 64)),
    "identity": np.eye(64),
    "rank one": np.outer(np.ones(64), np.ones(64)),
    "two values": np.diag([1.0] * 32 + [2.0] * 32),
    "thirty orders": np.diag(10.0 ** np.linspace(-15, 15, 64)),
    "subnormal": np.full((64, 64), 5e-324),
    "NaN": np.full((64, 64), np.nan),
    "tiny": np.random.default_rng(0).standard_normal((64, 64)) * 1e-150,
}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations_with_replacement(ODD, 2)))
def test_odd_matrices_are_compared_without_a_word(one: str, other: str) -> None:
    found = compare({"fc.weight": ODD[one], "b.weight": heavy(64, 64, 1)}, {"fc.weight": ODD[other]})
    assert len(found.layers) == 1
    assert found.to_json().startswith("{")


class TestRealNets:
    def test_trained_and_untrained(self) -> None:
        found = compare(*GPT)
        assert {mark.about for mark in found.marks} == {"untrained"}
        assert "init.safetensors" in found.marks[0].sentence
        assert len(found.layers) == 26

    def test_resnets_of_other_depth(self) -> None:
        data = shared_data()
        if data is None:
            pytest.skip(NO_SHARED_DATA)
        folder = data / "models" / "akamaster__pytorch_resnet_cifar10"
        files = [next(folder.glob(f"resnet{depth}-*.th")) for depth in (20, 56)]
        found = compare(*files, names=["resnet20", "resnet56"])
        assert [mark.about for mark in found.marks] == ["depth"]
        assert "resnet20: 9, resnet56: 27" in found.marks[0].sentence
        assert (len(found.layers), len(found.alignment.unmatched[1])) == (20, 36)
        assert found.ranking("alpha_weighted").order == (1, 0)
        assert found.ranking("alpha_weighted").chances[0] > 0.99
