"""The bootstrap p-value: about uniform for power laws, small for others, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from law_samples import Values, power_law

from eigentail.numerics import goodness as module
from eigentail.numerics.goodness import Goodness, goodness_of_fit
from eigentail.numerics.tail import Estimator, estimators
from eigentail.records import Fit, FitStatus

CLAUSET = estimators["clauset"]


def p_of(values: Values, seed: int = 0, resamples: int = 60) -> float:
    values = np.sort(values)
    return goodness_of_fit(values, CLAUSET.fit(values), CLAUSET, seed=seed, resamples=resamples).p


def body_and_tail(rng: np.random.Generator) -> Values:
    return np.concatenate([rng.uniform(0.01, 1, 100), power_law(rng, 60, 2.5)])


def test_power_laws_are_rejected_about_as_often_as_said() -> None:
    for draw in (lambda rng: power_law(rng, 100, 2.5), body_and_tail):
        p = np.array([p_of(draw(np.random.default_rng(seed)), seed) for seed in range(100)])
        assert 0.01 <= np.mean(p < 0.1) <= 0.17
        assert 0.2 <= np.mean(p < 0.5) <= 0.65


def test_what_is_no_power_law_is_rejected_unless_its_tail_is_small() -> None:
    found = []
    for seed in range(20):
        values = np.sort(np.random.default_rng(seed).uniform(1, 2, 400))
        fit = CLAUSET.fit(values)
        found.append((fit.tail, goodness_of_fit(values, fit, CLAUSET, seed=seed, resamples=60).p))
    assert sum(p < 0.1 for _, p in found) >= 12
    assert all(p < 0.1 for tail, p in found if tail > 100)
    assert any(tail > 100 for tail, _ in found)


def test_equals_the_plain_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.sort(body_and_tail(np.random.default_rng(5)))
    fit = CLAUSET.fit(values)
    samples: list[Values] = []
    sample = module._sample

    def kept(rng: np.random.Generator, relative: Values, xmin: float, alpha: float) -> Values:
        samples.append(sample(rng, relative, xmin, alpha))
        return samples[-1]

    monkeypatch.setattr(module, "_sample", kept)
    found = goodness_of_fit(values, fit, CLAUSET, seed=1, resamples=80)
    assert found == Goodness(p=sum(CLAUSET.fit(one).D >= fit.D for one in samples) / 80, resamples=80)
    body, tails = values[values < fit.xmin] / values[-1], []
    for one in samples:
        assert len(one) == len(values)
        assert (np.diff(one) >= 0).all()
        assert np.isin(one[one < fit.xmin / values[-1]], body).all()
        tails.append(np.sum(one >= fit.xmin / values[-1]))
    drawn = np.concatenate([one[one >= fit.xmin / values[-1]] for one in samples]) / (fit.xmin / values[-1])
    assert 1 + 1 / np.mean(np.log(drawn)) == pytest.approx(fit.alpha, abs=4 * (fit.alpha - 1) / np.sqrt(len(drawn)))
    assert np.mean(tails) == pytest.approx(fit.tail, abs=4 * np.sqrt(fit.tail / 80))
    assert np.std(tails) > 0


def test_the_seed_decides() -> None:
    values = power_law(np.random.default_rng(0), 100, 2.0)
    assert p_of(values, 3) == p_of(values, 3)
    assert len({p_of(values, seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("scale", [1e-12, 2.0**-40, 1e12])
def test_the_size_of_the_weights_does_not_matter(scale: float) -> None:
    for seed in range(5):
        values = body_and_tail(np.random.default_rng(seed))
        assert p_of(values * scale) == pytest.approx(p_of(values), abs=1e-9)


@pytest.mark.parametrize(
    "fit",
    [
        Fit(status=FitStatus.ZERO),
        Fit(status=FitStatus.OK, law="truncated_power_law", alpha=2.0, D=0.1, xmin=1.0, xmax=9.0),
        Fit(status=FitStatus.OK, alpha=0.9, D=0.1, xmin=1.0, xmax=9.0),
        Fit(status=FitStatus.OK, alpha=2.0, xmin=1.0, xmax=9.0),
    ],
)
def test_where_there_is_no_power_law_there_is_no_p(fit: Fit) -> None:
    found = goodness_of_fit(np.arange(1.0, 10.0), fit, CLAUSET, seed=0)
    assert np.isnan(found.p)
    assert found.resamples == 0


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, 2.0]),
        np.arange(1.0, 8.0),
        np.repeat([1.0, 2.0, 3.0], 20),
        np.concatenate([np.ones(50), [2.0, 3.0]]),
        np.concatenate([np.ones(50), [1e30]]),
        np.logspace(-15, 15, 100),
        np.logspace(-150, 150, 100),
        np.arange(1, 60) * 5e-324,
        np.exp(np.linspace(0, 690, 60)),
    ],
)
def test_nothing_odd_crashes_or_warns(values: Values) -> None:
    found = goodness_of_fit(values, CLAUSET.fit(values), CLAUSET, seed=0, resamples=20)
    assert 0 <= found.p <= 1
    assert 0 < found.resamples <= 20


def test_a_range_that_no_float_holds_has_no_p() -> None:
    values = np.array([5e-324] * 5 + [1e308])
    fit = Fit(status=FitStatus.OK, alpha=2.0, D=0.1, xmin=values[0], xmax=values[-1], tail=6)
    assert goodness_of_fit(values, fit, CLAUSET, seed=0).resamples == 0


def test_samples_that_cannot_be_fitted_are_not_counted() -> None:
    values = np.sort(power_law(np.random.default_rng(0), 50, 2.0))
    never = Estimator(name="never", title="", fit=lambda _: Fit(status=FitStatus.FLAT))
    assert goodness_of_fit(values, CLAUSET.fit(values), never, seed=0, resamples=5).resamples == 0
