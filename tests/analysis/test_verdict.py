"""The verdict: in which order the questions are asked, and where the thresholds lie."""

from __future__ import annotations

import numpy as np
import pytest

from eigentail.analysis.verdict import RULES, Signs
from eigentail.analysis.verdict import judge as judge_signs
from eigentail.numerics import noise_of
from eigentail.numerics.interval import Interval
from eigentail.numerics.null import null_by_table
from eigentail.numerics.tail import estimators
from eigentail.records import Fit, FitStatus, Layer, Spectrum, Verdict


def judge(layer: Layer, spectrum: Spectrum | None, fit: Fit) -> tuple[Verdict, str]:
    """Judged with what can be known of a spectrum alone."""
    if spectrum is None:
        return judge_signs(Signs(layer=layer, fit=fit))
    null = null_by_table(spectrum, estimators["clauset"])
    return judge_signs(Signs(layer=layer, fit=fit, spectrum=spectrum, noise=noise_of(spectrum), null=null))


def layer(m: int = 100) -> Layer:
    return Layer(index=0, name="w", kind="dense", block=None, tensors=(), shape=(2 * m, m))


def spectrum(m: int = 100, rank: int | None = None) -> Spectrum:
    """Far from noise: one eigenvalue is almost everything."""
    values = np.concatenate([np.linspace(0.1, 1, m - 1), [1e6]])
    return Spectrum(eigenvalues=values, shape=(2 * m, m), rank=m if rank is None else rank)


def fit(alpha: float = 3.0, distance: float = 0.05, tail: int = 50) -> Fit:
    return Fit(status=FitStatus.OK, alpha=alpha, sigma=0.1, xmin=1.0, xmax=1e6, D=distance, tail=tail)


def noise() -> Spectrum:
    weights = np.random.default_rng(0).standard_normal((200, 100))
    return Spectrum(eigenvalues=np.linalg.eigvalsh(weights.T @ weights), shape=(200, 100), rank=100)


@pytest.mark.parametrize(
    ("alpha", "verdict"),
    [
        (1.99, Verdict.OVER_TRAINED),
        (2.0, Verdict.WELL_TRAINED),
        (4.0, Verdict.WELL_TRAINED),
        (6.0, Verdict.WELL_TRAINED),
        (6.01, Verdict.UNDER_TRAINED),
    ],
)
def test_the_thresholds_on_alpha(alpha: float, verdict: Verdict) -> None:
    found, reason = judge(layer(), spectrum(), fit(alpha))
    assert found is verdict
    assert f"alpha {alpha:.2f}" in reason


@pytest.mark.parametrize("status", [status for status in FitStatus if status is not FitStatus.OK])
def test_without_a_fit_the_status_decides_and_speaks(status: FitStatus) -> None:
    verdict, reason = judge(layer(), None, Fit(status=status))
    assert verdict in (Verdict.TOO_SMALL, Verdict.NOT_POWER_LAW, Verdict.RANK_COLLAPSE, Verdict.FAILED)
    assert (verdict is Verdict.FAILED) == status.is_failure
    assert reason == status.sentence
    assert judge(layer(), None, Fit(status=status, detail="more"))[1] == "more"


@pytest.mark.parametrize(("rank", "verdict"), [(49, Verdict.RANK_COLLAPSE), (50, Verdict.WELL_TRAINED)])
def test_half_of_the_eigenvalues_zero_is_a_collapse(rank: int, verdict: Verdict) -> None:
    assert judge(layer(), spectrum(rank=rank), fit())[0] is verdict


def test_a_collapse_is_told_before_anything_else() -> None:
    few = Fit(status=FitStatus.TOO_FEW, detail="5 of 100 are not zero")
    assert judge(layer(), spectrum(rank=5), few) == (Verdict.RANK_COLLAPSE, "95 of 100 eigenvalues are zero")


@pytest.mark.parametrize(("m", "verdict"), [(49, Verdict.TOO_SMALL), (50, Verdict.WELL_TRAINED)])
def test_fewer_than_fifty_eigenvalues_are_not_judged(m: int, verdict: Verdict) -> None:
    assert judge(layer(m), spectrum(m), fit(tail=20))[0] is verdict


@pytest.mark.parametrize("alpha", [1.5, 3.0, 9.0])
def test_noise_is_untrained_whatever_alpha_says(alpha: float) -> None:
    assert judge(layer(), noise(), fit(alpha))[0] is Verdict.UNTRAINED


@pytest.mark.parametrize(
    ("distance", "tail", "verdict"),
    [
        (0.12, 50, Verdict.WELL_TRAINED),  # large, but 50 points scatter by 0.19
        (0.20, 50, Verdict.NOT_POWER_LAW),
        (0.09, 10_000, Verdict.WELL_TRAINED),  # significant, but not large
        (0.11, 10_000, Verdict.NOT_POWER_LAW),
    ],
)
def test_no_power_law_is_a_distance_both_large_and_significant(distance: float, tail: int, verdict: Verdict) -> None:
    assert judge(layer(), spectrum(), fit(distance=distance, tail=tail))[0] is verdict


def test_traps_are_told_before_noise_and_only_when_counted() -> None:
    signs = Signs(layer=layer(), fit=fit(), spectrum=noise(), noise=noise_of(noise()))
    assert judge_signs(signs)[0] is Verdict.UNTRAINED
    found, reason = judge_signs(Signs(layer=layer(), fit=fit(), spectrum=noise(), noise=noise_of(noise()), traps=2))
    assert found is Verdict.TRAP
    assert reason == "2 eigenvalues come from a few huge entries or from their mean"


def test_the_reason_says_the_interval_and_what_untrained_weights_show() -> None:
    null = null_by_table(spectrum(), estimators["clauset"])
    interval = Interval(low=2.5, high=3.6, resamples=200)
    signs = Signs(
        layer=layer(), fit=fit(), spectrum=spectrum(), noise=noise_of(spectrum()), null=null, interval=interval
    )
    expected = (
        f"alpha 3.00 (2.50 to 3.60) is between 2 and 6; untrained weights of this shape show {null.alpha.median:.1f}"
    )
    assert judge_signs(signs)[1] == expected


def test_every_verdict_but_failed_has_a_rule() -> None:
    assert {rule.verdict for rule in RULES} | {Verdict.FAILED} == set(Verdict)


@pytest.mark.parametrize(
    ("alpha", "low", "verdict", "words"),
    [
        (8.0, 6.1, Verdict.UNDER_TRAINED, "alpha 8.00 (6.10 to 30.00) is above 6"),
        (8.0, 6.0, Verdict.UNDECIDED, "alpha 8.00 (6.00 to 30.00) is above 6, but not told apart from it"),
        (8.0, float("nan"), Verdict.UNDER_TRAINED, "alpha 8.00 is above 6"),
        (5.9, 4.0, Verdict.WELL_TRAINED, "alpha 5.90 (4.00 to 30.00) is between 2 and 6"),
    ],
)
def test_and_so_is_under_trained(alpha: float, low: float, verdict: Verdict, words: str) -> None:
    interval = Interval(low=low, high=30.0 if low == low else low)
    noise_test = noise_of(spectrum())
    signs = Signs(layer=layer(), fit=fit(alpha), spectrum=spectrum(), noise=noise_test, interval=interval)
    assert judge_signs(signs) == (verdict, words)


@pytest.mark.parametrize(
    ("alpha", "high", "verdict", "words"),
    [
        (1.6, 1.9, Verdict.OVER_TRAINED, "alpha 1.60 (1.50 to 1.90) is below 2"),
        (1.6, 2.0, Verdict.WELL_TRAINED, "alpha 1.60 (1.50 to 2.00) is not told apart from 2"),
        (1.6, float("nan"), Verdict.OVER_TRAINED, "alpha 1.60 is below 2"),
        (2.1, 2.3, Verdict.WELL_TRAINED, "alpha 2.10 (1.50 to 2.30) is between 2 and 6"),
    ],
)
def test_over_trained_is_said_of_a_whole_interval(alpha: float, high: float, verdict: Verdict, words: str) -> None:
    interval = Interval(low=1.5 if high == high else high, high=high)
    noise_test = noise_of(spectrum())
    signs = Signs(layer=layer(), fit=fit(alpha), spectrum=spectrum(), noise=noise_test, interval=interval)
    assert judge_signs(signs) == (verdict, words)


def test_thresholds_are_not_held_against_an_exponent_of_another_scale() -> None:
    import eigentail as et

    by_clauset = et.analyze(et.example()).layers["fc2"]
    for tail in ("hill", "E-TPL", "farms"):
        row = et.analyze(et.example(), et.Settings(tail=tail)).layers["fc2"]
        assert row.fit.alpha != by_clauset.fit.alpha
        assert row.verdict is by_clauset.verdict
        assert row.reason == f"alpha by clauset {by_clauset.fit.alpha:.2f} is between 2 and 6"


@pytest.mark.parametrize("net", ["digits_noise/noise_000", "digits_noise/noise_025", "gpt_demo/trained"])
def test_the_verdict_depends_neither_on_the_metrics_asked_for_nor_on_the_estimator(net: str) -> None:
    import eigentail as et

    usual = et.analyze(et.example(net))
    alphas = [(row.metrics["alpha_lo"], row.fit.alpha, row.metrics["alpha_hi"]) for row in usual.layers if row.fit.ok]
    assert any(alpha < 2 < high or low < 6 < alpha for low, alpha, high in alphas)
    few = et.analyze(et.example(net), et.Settings(metrics=("log_norm",), null="none"))
    other = et.analyze(et.example(net), et.Settings(metrics=("log_norm",), tail="hill"))
    for found in (few, other):
        assert [row.verdict for row in found.layers] == [row.verdict for row in usual.layers]
