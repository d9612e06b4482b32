"""Clauset's fit under three published restrictions: longer tails only, xmin near the peak, without fingers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import oracles
import pytest
from draws import body_and_power_law, power_law
from spectra import SYNTHETIC, Values, synthetic, with_ties

from eigentail.numerics.estimators.clauset import clauset
from eigentail.numerics.estimators.clauset_min_tail import clauset_min_tail, clauset_min_tail_refit
from eigentail.numerics.estimators.clip_fingers import clip_fingers
from eigentail.numerics.estimators.peak import peak, peak_window
from eigentail.records import Fit, FitStatus


def scan(values: Values, allowed: Callable[[int], bool]) -> tuple[float, float, float]:
    """xmin, alpha and D of the smallest distance among tails whose start is allowed; plain loops."""
    best = (math.nan, math.nan, math.inf)
    for start, xmin in enumerate(values):
        if xmin == values[-1] or (start and values[start - 1] == xmin) or not allowed(start):
            continue
        tail = values[start:]
        alpha = 1 + len(tail) / np.sum(np.log(tail / xmin))
        shares = np.searchsorted(tail, tail) / len(tail)
        distance = float(np.max(np.abs(1 - (tail / xmin) ** (1 - alpha) - shares)))
        if distance < best[2]:
            best = (float(xmin), float(alpha), distance)
    return best


def numbers(fit: Fit) -> tuple[float, float, float]:
    return fit.xmin, fit.alpha, fit.D


@pytest.mark.parametrize("i", SYNTHETIC[::2])
def test_longer_tails_only_equals_a_scan(i: int) -> None:
    for values in (synthetic(i), with_ties(i)):
        latest = max(0, len(values) - max(50, len(values) / 10))
        expected = scan(values, lambda start, latest=latest: start <= latest)
        assert numbers(clauset_min_tail(values)) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(("n", "shortest"), [(20, 20), (49, 49), (50, 50), (51, 50), (500, 50), (501, 51), (999, 100)])
def test_no_tail_is_shorter(n: int, shortest: int) -> None:
    for seed in range(10):
        values = np.sort(np.random.default_rng(seed).exponential(size=n))
        assert clauset_min_tail(values).tail >= shortest


def test_a_minimum_tail_steadies_the_exponent_of_noise() -> None:
    """The reason for it: on the spectrum of noise the free choice scatters more than twice as much."""
    rng = np.random.default_rng(0)
    spectra = [np.linalg.svd(rng.standard_normal((256, 128)), compute_uv=False)[::-1] ** 2 for _ in range(30)]
    free, bound = ([fit(values).alpha for values in spectra] for fit in (clauset, clauset_min_tail))
    assert np.std(free) > 2 * np.std(bound)


def test_resamples_keep_to_the_longer_tails() -> None:
    """On samples with no straight tail the free choice runs off to short steep ones; the refit must not."""
    logs = np.sort(np.random.default_rng(1).uniform(0, 1, (40, 300)), axis=1)
    found = clauset_min_tail_refit(logs).alphas
    bound, free = (np.array([fit(np.exp(sample)).alpha for sample in logs]) for fit in (clauset_min_tail, clauset))
    assert np.mean(np.abs(found / bound - 1) < 0.1) >= 0.7  # the refit tries a grid of tails
    assert found.max() < 1.2 * bound.max() < free.max()


@pytest.mark.parametrize("i", SYNTHETIC[1::2])
def test_near_the_peak_equals_a_scan(i: int) -> None:
    for values in (synthetic(i), with_ties(i)):
        counts, edges = np.histogram(np.log10(values), 100)
        top = 10 ** edges[np.argmax(counts)]
        inside = (values >= 0.95 * top * (1 - 1e-9)) & (values <= 1.5 * top * (1 + 1e-9))
        if not inside.any():
            inside[np.searchsorted(values, top)] = True
        expected = scan(values, lambda start, inside=inside: bool(inside[start]))
        fit = peak(values)
        assert fit.ok == (not math.isnan(expected[0]))
        assert numbers(fit) == pytest.approx(expected, rel=1e-11) or not fit.ok


def test_the_lower_end_of_the_window_counts() -> None:
    """What the published code misses: below one, a bound in log10 is none at all."""
    tail = power_law(2.5, 3000, 0)
    values = np.sort(np.concatenate([np.geomspace(0.001, 0.99, 1000), tail])) / 1000
    fit = peak(values)
    assert 0.9e-3 < fit.xmin < 1.6e-3
    assert abs(fit.alpha - 2.5) < 4 * fit.sigma


def test_where_no_value_lies_in_the_window_the_next_is_taken() -> None:
    values = np.array([1e-30, 1e-28, 3e-8, 3.05e-8, 3.1e-8, 1.0])  # bins of a third of a decade
    first, last = peak_window(values)
    assert (first, last) == (2, 3)
    assert peak(values).xmin == 3e-8


def test_a_peak_at_the_top_leaves_no_tail() -> None:
    fit = peak(np.array([1.0, 2.0, 3.0, *[100.0] * 10]))
    assert (fit.status, fit.detail) == (FitStatus.TOO_FEW, "no value lies where the tail may begin")


@pytest.mark.parametrize("alpha", [1.8, 2.5, 3.5])
def test_the_restricted_fits_recover_the_exponent(alpha: float) -> None:
    for seed in range(5):
        values = body_and_power_law(alpha, 4000, seed)
        for estimate in (clauset_min_tail, clip_fingers, peak):
            fit = estimate(values)
            # the body at xmin may shift the exponent by a few percent: the tail begins where it seems to
            assert abs(fit.alpha - alpha) < 4 * fit.sigma + 0.05 * (alpha - 1)


def fingers_plainly(values: Values) -> tuple[int, float]:
    raw = oracles.full_scan(values).alpha
    for fingers in range(1, 11):
        kept = values[: len(values) - fingers]
        alpha = oracles.full_scan(kept).alpha
        if alpha <= raw - 1:
            return fingers, alpha
    return 0, raw


@pytest.mark.parametrize("i", range(0, 200, 7))
def test_fingers_equal_a_plain_loop(i: int) -> None:
    values = synthetic(i)
    fit = clip_fingers(values)
    assert (fit.fingers, fit.alpha) == (fingers_plainly(values)[0], pytest.approx(fingers_plainly(values)[1], rel=1e-9))
    assert fit.raw_alpha == clauset(values).alpha
    assert fit.xmax == values[-1 - fit.fingers]


def test_there_are_spectra_with_fingers_and_without() -> None:
    found = {clip_fingers(synthetic(i)).fingers for i in range(0, 200, 7)}
    assert {0, 1} < found
    assert 2 < max(found) <= 10


def test_one_finger_is_one() -> None:
    """Where leaving out one value is enough, WeightWatcher leaves out two and says one."""
    values = next(v for v in map(synthetic, SYNTHETIC) if len(v) >= 100 and clip_fingers(v).fingers == 1)
    with oracles.quarantine():
        from weightwatcher.RMT_Util import fit_clipped_powerlaw

        peer, fingers, _ = fit_clipped_powerlaw(values)
    fit = clip_fingers(values)
    assert fingers == 1
    assert peer.alpha == pytest.approx(clauset(values[:-2]).alpha, rel=1e-9)
    assert fit.alpha == clauset(values[:-1]).alpha
    assert fit.raw_alpha - fit.alpha >= 1


def test_no_more_than_half_of_the_values_are_left_out() -> None:
    """Without three of five the exponent would fall by more than 1."""
    values = np.array([0.5, 1.2, 1.3, 2.0, 2.0])
    assert clauset(values[:2]).alpha < clauset(values).alpha - 1
    assert clip_fingers(values).fingers == 0
