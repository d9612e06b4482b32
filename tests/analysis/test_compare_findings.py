"""Scale collapse, correlation flow, and the marks of what is not comparable."""

from __future__ import annotations

import math
import random
from itertools import combinations, pairwise

import numpy as np
import pytest
from made_models import headed, numbered
from nets import heavy

import eigentail as et
from eigentail.analysis.align import align
from eigentail.analysis.compare import compare
from eigentail.analysis.findings import SCALE_COLLAPSE, outliers, scale_collapses
from eigentail.analysis.flow import CORRELATION_FLOW, flows, theil_sen
from eigentail.analysis.marks import marks, strangers
from eigentail.records import ModelReport
from eigentail.records.comparison import Comparison, Finding, Flow

LAYERS = 12


def layer(norm: float, alpha: float, width: float = 0.4) -> dict[str, float]:
    return {"alpha": alpha, "alpha_lo": alpha - width, "alpha_hi": alpha + width, "log_norm": norm}


def plain(seed: int, noise: float = 0.02) -> list[dict[str, float]]:
    """Layers that differ from each other a little, and from the next model by chance."""
    draw = random.Random(seed)
    return [layer(1 + 0.02 * i + draw.gauss(0, noise), 3 + draw.gauss(0, 0.1)) for i in range(LAYERS)]


def collapses(*models: list[dict[str, float]]) -> list[Finding]:
    reports = [numbered(rows) for rows in models]
    names = [f"model{i}" for i in range(len(reports))]
    return list(scale_collapses(names, reports, align(reports)))


class TestScaleCollapse:
    @pytest.mark.parametrize("jump", [0.5, -0.5, 3.0])
    @pytest.mark.parametrize("at", [[5], [0], [LAYERS - 1], [1, 5, 9]])
    def test_planted_layers_are_found_and_no_others(self, at: list[int], jump: float) -> None:
        rows = plain(1)
        for i in at:
            rows[i] = rows[i] | {"log_norm": rows[i]["log_norm"] + jump}
        found = collapses(plain(0), rows)
        assert [finding.models for finding in found] == [(0, 1), (1,)]
        for finding in found:
            assert set(finding.layers) == {f"layers.{i}.fc" for i in at}
            assert f" by {jump:+.1f}"[:5] in finding.sentence

    def test_the_order_of_the_models_turns_the_jump_around(self) -> None:
        rows = plain(1)
        rows[4]["log_norm"] += 1
        there, back = collapses(plain(0), rows)[0], collapses(rows, plain(0))[0]
        assert (there.layers, back.layers) == (("layers.4.fc",),) * 2
        assert "+1.0" in there.sentence
        assert "-1.0" in back.sentence

    def test_nothing_is_found_where_alpha_follows(self) -> None:
        rows = plain(1)
        rows[4] = layer(rows[4]["log_norm"] + 1, 5.0)
        assert collapses(plain(0), rows) == []

    def test_alpha_follows_where_it_leaves_its_own_interval(self) -> None:
        """Among layers whose exponents differ wildly, one that is known well says more than their spread."""
        draw = random.Random(0)
        base = [layer(1.0, draw.uniform(2, 9), 3.0) for _ in range(LAYERS)]
        rows = [layer(1.0, draw.uniform(2, 9), 3.0) for _ in range(LAYERS)]
        base[4], rows[4] = layer(1.0, 3.0, 0.1), layer(2.0, 1.6, 0.1)
        assert [finding for finding in collapses(base, rows) if len(finding.models) == 2] == []
        rows[4] = layer(2.0, 1.6, 3.0)
        assert [finding.layers for finding in collapses(base, rows) if len(finding.models) == 2] == [("layers.4.fc",)]

    @pytest.mark.parametrize("seed", range(30))
    def test_models_that_differ_by_chance_show_none(self, seed: int) -> None:
        assert collapses(plain(2 * seed), plain(2 * seed + 1)) == []

    def test_a_model_scaled_as_a_whole_shows_none(self) -> None:
        assert collapses(plain(0), [row | {"log_norm": row["log_norm"] + 3} for row in plain(0)]) == []

    def test_what_many_layers_do_is_no_collapse_of_a_few(self) -> None:
        rows = [row | {"log_norm": row["log_norm"] + 2 * (i % 3 == 0)} for i, row in enumerate(plain(1))]
        assert collapses(plain(0), rows) == []

    def test_few_layers_say_nothing(self) -> None:
        rows = plain(1)[:4]
        rows[1]["log_norm"] += 3
        assert collapses(plain(0)[:4], rows) == []

    def test_numbers_that_do_not_exist_are_left_out(self) -> None:
        rows, base = plain(1), plain(0)
        rows[4]["log_norm"] += 1
        base[7]["log_norm"] = math.nan
        assert [finding.layers for finding in collapses(base, rows)] == [("layers.4.fc",)] * 2
        assert collapses([{"alpha": 3.0}] * 8, [{"alpha": 3.0}] * 8) == []

    def test_real_matrices(self) -> None:
        weights = {f"layers.{i}.fc.weight": heavy(64, 64, i) for i in range(8)}
        louder = weights | {"layers.3.fc.weight": 6 * weights["layers.3.fc.weight"]}
        found = [f for f in compare(weights, louder).findings if f.name == SCALE_COLLAPSE]
        assert [f.layers for f in found] == [("layers.3.fc",)] * 2
        # the same norm, gained by a spectrum of another shape: alpha follows
        other = weights | {"layers.3.fc.weight": 12 * np.linalg.qr(heavy(64, 64, 3))[0] + weights["layers.3.fc.weight"]}
        between = [f for f in compare(weights, other).findings if f.name == SCALE_COLLAPSE and len(f.models) == 2]
        assert between == []

    def test_outliers_are_those_of_the_modified_z_score(self) -> None:
        rng = np.random.default_rng(0)
        values = np.concatenate([rng.standard_normal(40), [6.0, -7.0]])
        mad = np.median(np.abs(values - np.median(values)))
        expected = 0.6745 * np.abs(values - np.median(values)) / mad > 3.5
        assert outliers(list(values), 0.0) == expected.tolist()
        assert outliers([1.0] * 9 + [1.1], 0.05) == [False] * 10


def flow_of(alphas: list[float], kind: str = "dense") -> Flow:
    return flows(numbered([layer(1.0, alpha) for alpha in alphas], kind=kind))[0]


class TestCorrelationFlow:
    def test_level_spread_slope_and_jump_are_what_they_say(self) -> None:
        draw = random.Random(3)
        alphas = [3 + 0.2 * i + draw.gauss(0, 0.3) for i in range(15)]
        flow = flow_of(alphas)
        assert flow.level == pytest.approx(np.mean(alphas))
        assert flow.std == pytest.approx(np.std(alphas))
        assert flow.slope == pytest.approx(
            np.median([(alphas[j] - alphas[i]) / (j - i) for i, j in combinations(range(15), 2)])
        )  # fmt: skip
        steps = [b - a for a, b in pairwise(alphas)]
        assert flow.jump == pytest.approx(max(steps, key=abs))
        assert flow.jump_to == 1 + steps.index(max(steps, key=abs))
        assert flow.blocks == 15

    @pytest.mark.parametrize("n", [6, 15, 40])
    def test_the_slope_is_scipys(self, n: int) -> None:
        from scipy.stats import theilslopes

        rng = np.random.default_rng(n)
        x, y = np.arange(n), rng.standard_normal(n) + 0.1 * np.arange(n)
        expected = theilslopes(y, x, 0.9)
        assert theil_sen(x.tolist(), y.tolist()) == pytest.approx(
            (expected.slope, expected.low_slope, expected.high_slope)
        )  # fmt: skip

    def test_stable_drifting_and_jumping(self) -> None:
        draw = random.Random(0)
        noise = [draw.gauss(0, 0.1) for _ in range(12)]
        assert flow_of([3 + e for e in noise]).stable is True
        assert flow_of([3 + 0.3 * i + e for i, e in enumerate(noise)]).stable is False
        assert flow_of([3 + 4 * (i == 6) + e for i, e in enumerate(noise)]).stable is False
        assert flow_of([3.0] * 4).stable is None
        assert flow_of([3.0] * 9).stable is True

    def test_the_sentence_says_which(self) -> None:
        def said(alphas: list[float]) -> list[str]:
            found = compare(
                numbered([layer(1.0, a) for a in alphas]), numbered([layer(1.0, 3.0)] * 2), names=["a", "b"]
            )
            return [finding.sentence for finding in found.findings if finding.name == CORRELATION_FLOW]

        assert said([3.0] * 8) == [
            "alpha is stable over the depth of a: mean 3.00, standard deviation across layers 0.00"
        ]
        assert said([3 + 0.25 * i for i in range(8)])[0].startswith(
            "alpha drifts by +0.250 a block over the depth of a:"
        )
        assert said([3, 3, 3, 3, 6, 3, 3, 3])[0].startswith("alpha steps by +3.00 at block 4 over the depth of a:")
        assert (
            "drifts by +1.333 a block and steps by +3.00 at block 4"
            in said([1.1, 2.1, 3.1, 4.1, 7.1, 8.1, 9.1, 10.1])[0]
        )

    def test_without_blocks_there_is_a_level_and_no_depth(self) -> None:
        whole = flows(numbered([layer(1.0, 3.0)] * 6, blocks=False))[0]
        assert (whole.level, whole.blocks, whole.stable) == (3.0, 0, None)
        assert math.isnan(whole.slope)

    def test_one_block_is_no_depth_and_no_layer_no_flow(self) -> None:
        assert math.isnan(flow_of([3.0]).slope)
        assert flows(headed({"fc.weight": (64, 64)})) == ()

    def test_kinds_are_told_apart_and_blocks_averaged(self) -> None:
        report = et.analyze(et.example().parent.parent / "gpt_demo" / "trained.safetensors")
        found = {flow.kind: flow for flow in flows(report)}
        assert set(found) == {"", "attention.q", "attention.k", "attention.v", "attention.o", "mlp.up", "mlp.down"}
        rows = [row for row in report.layers if row.layer.block is not None]
        means = [np.mean([row.metrics["alpha"] for row in rows if row.layer.block == b]) for b in range(4)]
        assert found[""].slope == pytest.approx(
            np.median([(means[j] - means[i]) / (j - i) for i, j in combinations(range(4), 2)])
        )  # fmt: skip
        assert found[""].level == pytest.approx(report.summary["alpha"])


def about(*reports: ModelReport) -> list[str]:
    return [mark.about for mark in marks([str(i) for i in range(len(reports))], reports, align(reports))]


def sentence(found: Comparison, word: str) -> str:
    return next(mark.sentence for mark in found.marks if mark.about == word)


GPT = {
    "transformer.wte.weight": (512, 64),
    **{f"transformer.h.{i}.mlp.c_fc.weight": (64, 256) for i in range(4)},
}


class TestMarks:
    def test_models_of_one_series_have_none(self) -> None:
        assert about(headed(GPT), headed(GPT), headed(GPT)) == []

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("tail", "hill"),
            ("conv", "flatten"),
            ("conv_scale", "paper"),
            ("embeddings", "averaged"),
            ("min_evals", 20),
            ("null", "none"),
        ],
    )
    def test_other_settings(self, setting: str, value: object) -> None:
        assert about(headed(GPT), headed(GPT, et.Settings(**{setting: value}))) == [setting]

    def test_seeds_and_hands_are_no_difference(self) -> None:
        assert about(headed(GPT), headed(GPT, et.Settings(seed=3, shuffles=5, strict=True))) == []

    def test_another_depth(self) -> None:
        fewer = {name: shape for name, shape in GPT.items() if ".3." not in name}
        assert about(headed(GPT), headed(fewer)) == ["depth"]

    def test_another_vocabulary(self) -> None:
        assert about(headed(GPT), headed(GPT | {"transformer.wte.weight": (640, 64)})) == ["width", "vocabulary"]

    def test_another_width(self) -> None:
        wide = {name: tuple(96 if n == 64 else n for n in shape) for name, shape in GPT.items()}
        assert about(headed(GPT), headed(wide)) == ["width"]

    def test_another_architecture(self) -> None:
        common = {"head.weight": (10, 64)}
        one = common | {f"a{i}.weight": (64, 70 + i) for i in range(6)}
        other = common | {f"b{i}.weight": (64, 90 + i) for i in range(6)}
        found = marks(("one", "other"), reports := [headed(one), headed(other)], align(reports))
        assert [(mark.about, mark.sentence) for mark in found] == [
            ("architecture", "of different architecture: one and other share 1 of 7 layers")
        ]

    def test_no_layer_in_common(self) -> None:
        reports = [headed(GPT), headed(GPT), headed({"conv.weight": (32, 16, 3, 3)})]
        assert strangers(("a", "b", "c"), align(reports)) == ("c",)
        found = marks(("a", "b", "c"), reports, align(reports))
        assert "no layer is shared with another model: c" in [mark.sentence for mark in found]

    def test_another_type(self) -> None:
        weights = {f"fc{i}.weight": heavy(64, 64, i) for i in range(2)}
        half = {name: weight.astype(np.float16) for name, weight in weights.items()}
        assert "float32" in sentence(compare(weights, half), "dtype")
        assert "float16" in sentence(compare(weights, half), "dtype")

    def test_noise_is_no_model(self) -> None:
        rng = np.random.default_rng(0)
        noise = {f"fc{i}.weight": rng.standard_normal((64, 64)).astype(np.float32) for i in range(3)}
        trained = {f"fc{i}.weight": heavy(64, 64, i) for i in range(3)}
        assert sentence(compare(trained, noise, names=["t", "n"]), "untrained").endswith("says anything: n")
