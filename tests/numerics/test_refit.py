"""The quick refits beside the same search written as plain loops, one sample and one tail at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from eigentail.numerics import interval, refit
from eigentail.numerics.kernels import kernels
from eigentail.numerics.refit import refit_smallest_distance
from eigentail.numerics.tail import estimators


@pytest.fixture(params=["compiled", "numpy"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By the kernels, where there are any, and by numpy."""
    if request.param == "numpy":
        for module in (refit, interval):
            monkeypatch.setattr(module, "kernels", lambda: None)
    return str(request.param)


def slowly(logs: list[float], first: int, last: int) -> tuple[float, int]:
    """Alpha and the start of the tail with the smallest of 64 distances, each the largest of 32 gaps."""
    n, found = len(logs), (math.inf, math.nan, first)
    smallest = min(max(2, n - last + 1), n - first)
    ratio = (n - first) / smallest
    for start in sorted({n - round(smallest * ratio ** (step / 63)) for step in range(64)}):
        tail = [value - logs[start] for value in logs[start:]]
        if sum(tail) <= 0:
            continue
        size, alpha = len(tail), 1 + len(tail) / sum(tail)
        points = [point * size // 32 for point in range(32)]
        distance = max(abs(math.exp(min(alpha - 1, 1e6) * -tail[at]) - (size - at) / size) for at in points)
        found = min(found, (distance, alpha, start), key=lambda seen: seen[0])
    return found[1:]


def drawn(n: int, seed: int) -> NDArray[np.float64]:
    """More samples than are taken at a time: straight tails, and bent ones."""
    rng = np.random.default_rng([n, seed])
    logs = np.sort(rng.standard_exponential((150, n)) / 1.5, axis=1)
    return np.concatenate([logs, np.sort(np.log(rng.random((50, n))), axis=1)])


@pytest.mark.parametrize("n", [2, 3, 17, 64, 300])
@pytest.mark.parametrize("bounds", [(0, 1.0), (0.25, 0.75)])
def test_it_is_a_search_of_every_tail(n: int, bounds: tuple[float, float]) -> None:
    first, last = int(bounds[0] * n), max(int(bounds[0] * n) + 1, int(bounds[1] * n))
    logs = drawn(n, seed=0)
    found = refit_smallest_distance(logs, first, last)
    expected = np.array([slowly(row, first, last) for row in logs.tolist()])
    same = found.starts == expected[:, 1]
    assert np.mean(same) >= 0.98  # gaps are found in float32: two that are as good may change places
    assert found.alphas[same] == pytest.approx(expected[same, 0], rel=1e-9)


def test_the_layout_in_memory_does_not_matter() -> None:
    logs = drawn(100, seed=1)
    found, wide = refit_smallest_distance(logs), np.zeros((len(logs), 102))
    wide[:, 1:-1] = logs
    for same in (refit_smallest_distance(np.asfortranarray(logs)), refit_smallest_distance(wide[:, 1:-1])):
        assert same.starts.tolist() == found.starts.tolist()
        assert same.alphas == pytest.approx(found.alphas, rel=1e-12)


def test_where_every_tail_is_flat_there_is_no_exponent() -> None:
    found = refit_smallest_distance(np.array([[2.0] * 8, [1.0] * 7 + [2.0]]))
    assert math.isnan(found.alphas[0])
    assert found.starts[0] == 0
    assert math.isfinite(found.alphas[1])


@pytest.mark.parametrize("name", ["clauset", "hill"])
def test_the_interval_is_the_same_in_blocks_of_any_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values, estimator = np.exp(drawn(80, seed=2)[0]), estimators[name]
    fit = estimator.fit(values)
    whole = interval.interval_of(values, fit, estimator, seed=0)
    for block in (1, 3000):
        monkeypatch.setattr(interval, "_BLOCK", block)
        found = interval.interval_of(values, fit, estimator, seed=0)
        assert [found.low, found.high] == pytest.approx([whole.low, whole.high], rel=1e-12)


@pytest.mark.parametrize("name", ["clauset", "clauset-min-tail", "hill"])
@pytest.mark.parametrize("n", [2, 3, 31, 150, 1000])
def test_kernels_and_numpy_give_the_same_interval(name: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = estimators[name]
    for logs in drawn(n, seed=3)[::50]:
        values, found = np.exp(logs), []
        fit = estimator.fit(values)
        for offered in (kernels, lambda: None):
            for module in (refit, interval):
                monkeypatch.setattr(module, "kernels", offered)
            found.append(interval.interval_of(values, fit, estimator, seed=1))
        assert found[0].resamples == found[1].resamples
        assert [found[0].low, found[0].high] == pytest.approx([found[1].low, found[1].high], rel=1e-3, nan_ok=True)
