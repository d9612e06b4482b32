"""Power law against the others: `powerlaw` 1.5 says the same, samples are given to their own law, nothing crashes."""

from __future__ import annotations

import msgspec
import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law_samples import CLEAR, Values, clear, power_law, whole
from spectra import SYNTHETIC, synthetic, with_ties

from eigentail.metrics import metrics
from eigentail.numerics.comparison import Laws, compare_laws
from eigentail.numerics.estimators.clauset import clauset
from eigentail.numerics.goodness import Goodness
from eigentail.numerics.law import laws
from eigentail.records import Fit, FitStatus

ALTERNATIVES = ("exponential", "lognormal", "stretched_exponential", "truncated_power_law")
# Scales at which a spectrum may come; the middle one changes the last digits too.
SCALES = (1e-12, 1 / 3, 1e12)
HOSTILE: dict[str, list[float]] = {
    "none": [],
    "one": [1.0],
    "two": [1.0, 2.0],
    "seven": [float(x) for x in range(1, 8)],
    "equal": [3.0] * 40,
    "ties": [1.0] * 20 + [2.0] * 20 + [3.0] * 20,
    "one larger": [1.0] * 50 + [2.0],
    "one larger by a rounding": [1.0] * 50 + [1 + 2**-52],
    "one smaller": [1.0] + [1e6] * 49,
    "cluster": [1.0] + [1e6 + x for x in range(49)],
    "roundings apart": [1 + x * 2**-52 for x in range(50)],
    "30 orders": list(np.logspace(-15, 15, 100)),
    "600 orders": list(np.logspace(-300, 300, 100)),
    "subnormal": [x * 5e-324 for x in range(1, 60)],
    "subnormal to large": [5e-324] * 30 + [1e308],
    "largest": [1e300] * 20 + [1e308],
    "sum beyond float64": [1.0] * 20 + [1e308] * 20,
    "one smaller by far": [1.0] + [1e200 * x for x in range(1, 50)],
    "two clusters": [1.0] * 15 + [1.1] * 15 + [1e250] * 15 + [2e250] * 15,
    "narrow": list(np.exp(1e-8 * np.array([0.0] * 10 + [1.0] * 20 + [5.0] * 10))),
    "very steep": list(1 + 1e-9 * np.arange(50) ** 2),
    "very flat": list(np.exp(np.linspace(0, 300, 60))),
}


def powerlaw_says(values: Values) -> dict[str, tuple[float, float, float]]:
    """R, p and the log-likelihood of each alternative."""
    with oracles.quarantine():
        import powerlaw

        fit = powerlaw.Fit(values, xmin=values[0], verbose=False)
        return {
            name: (
                *map(float, fit.distribution_compare("power_law", name)),
                float(getattr(fit, name).loglikelihoods(fit.data).sum()),
            )
            for name in ALTERNATIVES
        }


def own_likelihood(name: str, values: Values) -> float:
    """The log-likelihood of the values themselves, whose density is that of ln(x / xmin) over x."""
    logs = np.log(values / values[0])
    return float(laws[name].log_likelihoods(logs, laws[name].fit(logs)).sum() - np.log(values).sum())


@pytest.mark.parametrize("i", range(len(CLEAR)))
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_powerlaw_where_its_search_arrived(i: int, seed: int) -> None:
    values = clear(i, seed, 250)
    found, arrived = compare_laws(values, whole(values)), 0
    for name, (R, p, likelihood) in powerlaw_says(values).items():
        own = own_likelihood(name, values)
        assert own >= likelihood - 1e-9
        if own - likelihood < 1e-3 and found.of(name).R != 0:
            arrived += 1
            ratio = found.of(name)
            assert (ratio.R, ratio.p) == pytest.approx((R, p), rel=1e-3, abs=1e-4)
    assert arrived >= 1


@pytest.mark.parametrize("i", range(len(CLEAR)))
def test_a_sample_is_given_to_its_own_law(i: int) -> None:
    samples = [clear(i, seed, 2000) for seed in range(20)]
    best = [compare_laws(values, whole(values)).best for values in samples]
    assert best.count(CLEAR[i][0]) >= 18


def test_p_is_what_it_says_for_the_nested_law() -> None:
    # the member lies on the edge: half of the samples have R = 0, and p < 0.1 in half of 10 %
    samples = [power_law(np.random.default_rng(seed), 300, 2.0) for seed in range(200)]
    ratios = [compare_laws(np.sort(values), whole(np.sort(values))).of("truncated_power_law") for values in samples]
    assert 0.01 <= np.mean([ratio.p < 0.1 for ratio in ratios]) <= 0.11
    assert max(ratio.R for ratio in ratios) <= 0


@pytest.mark.parametrize("i", range(len(CLEAR)))
def test_vuongs_test_by_hand(i: int) -> None:
    from scipy import stats

    values = clear(i, 3, 100)
    logs = np.log(values / values[0])
    found = compare_laws(values, whole(values))
    own = laws["power_law"].log_likelihoods(logs, laws["power_law"].fit(logs))
    for name in ALTERNATIVES:
        ratio = found.of(name)
        differences = own - laws[name].log_likelihoods(logs, laws[name].fit(logs))
        if ratio.R == 0:
            assert (ratio.normalised, ratio.p) == (0, 1)
            continue
        z = np.sum(differences) / np.sqrt(np.sum((differences - differences.mean()) ** 2))
        p = stats.chi2.sf(2 * abs(ratio.R), 1) if name == "truncated_power_law" else 2 * stats.norm.sf(abs(z))
        assert (ratio.R, ratio.normalised, ratio.p) == pytest.approx((differences.sum(), z, p), rel=1e-9)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("i", range(0, 60, 7))
def test_the_size_of_the_weights_does_not_matter(i: int, scale: float) -> None:
    values = synthetic(i)
    plain, scaled = compare_laws(values, clauset(values)), compare_laws(values * scale, clauset(values * scale))
    assert scaled.best == plain.best
    for name, ratio in plain.ratios.items():
        assert msgspec.structs.astuple(scaled.of(name)) == pytest.approx(
            msgspec.structs.astuple(ratio), rel=1e-9, abs=1e-9
        )


def test_only_the_tail_counts() -> None:
    tail = clear(2, 0, 200)
    values = np.concatenate([np.linspace(0.01, 0.9, 100), tail, [1e9]])
    assert compare_laws(values, whole(tail)) == compare_laws(tail, whole(tail))


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_odd_crashes_or_warns(name: str) -> None:
    values = np.array(HOSTILE[name])
    fits = [Fit(status=FitStatus.TOO_FEW)]
    if len(values) > 0:
        fits += [Fit(status=FitStatus.OK, alpha=2.0, D=0.1, xmin=values[0], xmax=values[-1], tail=len(values))]
    if len(set(values)) > 1:
        fits += [clauset(values)] if values[0] / values[-1] > 0 else []
    for fit in fits:
        found = compare_laws(values, fit)
        assert (found.best == "") == (found.ratios == {})
        for ratio in found.ratios.values():
            assert 0 <= ratio.p <= 1
            assert np.isfinite(ratio.R)


@pytest.mark.parametrize("name", HOSTILE)
def test_an_xmin_of_other_values_gives_numbers_or_nan(name: str) -> None:
    values = np.array(HOSTILE[name])
    if len(values) > 0:
        found = compare_laws(values, Fit(status=FitStatus.OK, xmin=values[0] / 3, xmax=values[-1]))
        assert all(np.isfinite(ratio.R) == np.isfinite(ratio.p) for ratio in found.ratios.values())


def test_where_there_is_no_fit_there_is_no_law() -> None:
    values = clear(0, 0, 50)
    assert compare_laws(values, Fit(status=FitStatus.FLAT)) == Laws()
    assert compare_laws(values[:9], whole(values[:9])) == Laws()
    assert compare_laws(values[:10], whole(values[:10])).best != ""


def test_a_ratio_that_rounding_made_is_none() -> None:
    values = np.array(HOSTILE["roundings apart"])
    assert compare_laws(values, whole(values)).of("exponential").p == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=10, max_size=60).map(sorted))
def test_anything_has_an_answer(sample: list[float]) -> None:
    values = np.array(sample)
    found = compare_laws(values, Fit(status=FitStatus.OK, xmin=values[0], xmax=values[-1]))
    assert (found.best != "") == bool(values[0] < values[-1])
    for name in ("lognormal", "stretched_exponential", "truncated_power_law"):
        assert not found.of(name).R > 1e-7


@pytest.mark.parametrize("i", SYNTHETIC[::10])
def test_ties_change_little_and_stop_nothing(i: int) -> None:
    values = with_ties(i)
    if values[0] < values[-1]:
        found = compare_laws(values, clauset(values))
        assert found.best == "" or set(found.ratios) == set(ALTERNATIVES)


def test_the_metrics_read_them_out() -> None:
    values = clear(2, 0, 100)
    found = compare_laws(values, whole(values))
    words = {
        "lognormal": "lognormal",
        "exponential": "exponential",
        "truncated": "truncated_power_law",
        "stretched": "stretched_exponential",
    }
    for word, name in words.items():
        assert metrics[f"R_{word}"].compute(laws=found) == found.of(name).R
        assert metrics[f"p_{word}"].compute(laws=found) == found.of(name).p
        assert np.isnan(metrics[f"R_{word}"].compute(laws=Laws()))
        assert np.isnan(metrics[f"p_{word}"].compute(laws=Laws()))
    assert metrics["gof_p"].compute(goodness=Goodness(p=0.25, resamples=4)) == 0.25
    assert np.isnan(metrics["gof_p"].compute(goodness=Goodness()))
