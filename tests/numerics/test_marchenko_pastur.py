"""The law of noise against quadrature; the fit of it against matrices of known noise, spikes and tails."""

from __future__ import annotations

import math
import time

import msgspec
import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.numerics import spectrum_of
from eigentail.numerics.marchenko_pastur import Bulk, cdf, edges, fit_bulk, quantiles
from eigentail.numerics.wishart import untrained_spectrum
from eigentail.records import Spectrum

ASPECTS = (1.0, 1.01, 1.5, 2.0, 4.0, 16.0, 300.0)
# N, M, matrices pooled, draws.
NOISE = (
    (64, 64, 1, 1500),
    (96, 64, 1, 1000),
    (256, 64, 1, 1000),
    (1024, 64, 1, 1000),
    (128, 128, 1, 1000),
    (512, 512, 1, 100),
    (16, 16, 9, 1000),
    (64, 4, 9, 1000),
    (8, 8, 1, 1000),
)


def density(x: float, Q: float) -> float:
    lower, upper = edges(Q)
    return Q * math.sqrt(max((upper - x) * (x - lower), 0.0)) / (2 * math.pi * x)


def as_spectrum(values: np.ndarray, shape: tuple[int, int], count: int = 1) -> Spectrum:
    return Spectrum(eigenvalues=np.sort(values), shape=shape, count=count, rank=int(np.count_nonzero(values)))


def planted(rng: np.random.Generator, N: int, M: int, strengths: np.ndarray) -> Spectrum:
    """Noise of variance one plus orthogonal directions, strengths in units of the threshold (N M)^(1/4)."""
    left = np.linalg.qr(rng.standard_normal((N, len(strengths))))[0]
    right = np.linalg.qr(rng.standard_normal((M, len(strengths))))[0]
    return spectrum_of((rng.standard_normal((N, M)) + (N * M) ** 0.25 * (left * strengths) @ right.T)[None])


@pytest.mark.parametrize("Q", ASPECTS)
def test_the_cdf_is_the_integral_of_the_density(Q: float) -> None:
    from scipy.integrate import quad

    lower, upper = edges(Q)
    points = lower + (upper - lower) * np.array([1e-4, 0.03, 0.25, 0.5, 0.8, 0.999])
    expected = [1 - quad(density, x, upper, args=(Q,), limit=200)[0] for x in points]
    assert cdf(points, Q) == pytest.approx(expected, abs=1e-7)
    assert cdf(np.array([-1.0, 0.0, lower, upper, upper + 1, 1e300]), Q) == pytest.approx([0, 0, 0, 1, 1, 1], abs=1e-12)


@pytest.mark.parametrize("Q", ASPECTS)
def test_quantiles_invert_the_cdf(Q: float) -> None:
    lower, upper = edges(Q)
    x = lower + (upper - lower) * np.linspace(0.001, 0.999, 301)
    assert quantiles(cdf(x, Q), Q) == pytest.approx(x, abs=3e-6 / math.sqrt(Q))
    assert quantiles(np.array([0.0, 1.0]), Q) == pytest.approx([lower, upper], abs=1e-9)


@pytest.mark.parametrize(("N", "M", "count", "draws"), NOISE)
def test_noise_has_no_spikes_and_its_own_edge(N: int, M: int, count: int, draws: int) -> None:
    rng = np.random.default_rng((N, M, count))
    alarms, errors = 0, []
    for _ in range(draws):
        spectrum = untrained_spectrum((N, M), rng, count)
        bulk = fit_bulk(spectrum)
        alarms += bulk.spikes > 0
        mean_square = float(spectrum.eigenvalues.mean()) / N
        errors.append(bulk.upper / (mean_square * (math.sqrt(N) + math.sqrt(M)) ** 2) - 1)
    assert alarms <= 0.01 * draws
    assert np.mean(np.abs(errors) < 1e-12) >= 0.99  # the trace is taken, not the middle half


@pytest.mark.parametrize(("N", "M"), [(400, 400), (512, 256), (1024, 256), (2048, 128), (1024, 1024)])
def test_the_upper_edge_of_noise_is_within_a_percent_of_theory(N: int, M: int) -> None:
    rng = np.random.default_rng((N, M))
    found = [fit_bulk(untrained_spectrum((N, M), rng)) for _ in range(10)]
    assert [bulk.upper for bulk in found] == pytest.approx([(math.sqrt(N) + math.sqrt(M)) ** 2] * 10, rel=0.01)
    assert [bulk.lower for bulk in found] == pytest.approx([(math.sqrt(N) - math.sqrt(M)) ** 2] * 10, rel=0.01)
    assert all(bulk.share > 0.98 for bulk in found)
    assert all(bulk.distance * M < 5 for bulk in found)


@pytest.mark.parametrize(("N", "M"), [(128, 128), (256, 128), (400, 100), (300, 300)])
@pytest.mark.parametrize("spikes", [1, 3, 8, 20])
@pytest.mark.parametrize("strength", [2.0, 6.0])
def test_planted_spikes_are_counted(N: int, M: int, spikes: int, strength: float) -> None:
    rng = np.random.default_rng((N, M, spikes))
    found = [fit_bulk(planted(rng, N, M, strength * np.linspace(1, 1.3, spikes))) for _ in range(6)]
    assert sorted(bulk.spikes for bulk in found)[1:5] == [spikes] * 4
    assert all(abs(bulk.spikes - spikes) <= 1 for bulk in found)
    assert np.mean([bulk.sigma for bulk in found]) == pytest.approx(1, rel=0.02)


def test_a_spike_below_the_threshold_is_not_seen() -> None:
    rng = np.random.default_rng(0)
    assert sum(fit_bulk(planted(rng, 300, 200, np.array([0.7]))).spikes for _ in range(20)) <= 1


@pytest.mark.parametrize(("mu", "at_most"), [(1.0, 0.1), (1.5, 0.5), (2.5, 0.97)])
@pytest.mark.parametrize("shape", [(128, 128), (400, 200)])
def test_heavy_tails_do_not_inflate_sigma(mu: float, at_most: float, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng((int(10 * mu), *shape))
    weights = (1 + rng.pareto(mu, shape)) * rng.choice([-1.0, 1.0], shape)
    bulk = fit_bulk(spectrum_of(weights[None]))
    assert bulk.spikes >= 2
    assert bulk.sigma < at_most * math.sqrt(np.mean(weights**2))


def test_a_mean_of_one_huge_spike_leaves_the_bulk_alone() -> None:
    spectrum = untrained_spectrum((300, 200), np.random.default_rng(3))
    values = spectrum.eigenvalues.copy()
    values[-1] = 1e12
    with_spike, without = fit_bulk(as_spectrum(values, (300, 200))), fit_bulk(spectrum)
    assert with_spike.spikes == 1
    assert with_spike.sigma == pytest.approx(without.sigma, rel=0.01)


@pytest.mark.parametrize("dead", [10, 64, 100])
def test_dead_columns_leave_noise_of_fewer_columns(dead: int) -> None:
    weights = np.random.default_rng(dead).standard_normal((256, 128))
    weights[:, :dead] = 0
    whole, alive = fit_bulk(spectrum_of(weights[None])), fit_bulk(spectrum_of(weights[None, :, dead:]))
    assert (whole.sigma, whole.upper, whole.lower) == pytest.approx((alive.sigma, alive.upper, alive.lower), rel=1e-9)
    assert (whole.spikes, alive.share) == (0, pytest.approx(1, abs=0.05))
    assert whole.share == pytest.approx(alive.share * (128 - dead) / 128, rel=1e-12)


def test_distance_is_that_of_scipy() -> None:
    from scipy.stats import kstest

    spectrum = untrained_spectrum((200, 100), np.random.default_rng(1))
    bulk = fit_bulk(spectrum)
    found = kstest(spectrum.eigenvalues / (bulk.sigma**2 * 200), lambda x: cdf(x, 2.0))
    assert bulk.distance == pytest.approx(found.statistic, rel=1e-9)


def test_what_is_not_noise_is_far_from_the_law() -> None:
    assert fit_bulk(as_spectrum(np.linspace(1, 2, 200), (200, 200))).distance > 0.2


@pytest.mark.parametrize("factor", [1e-12, 1e12, 7.3e-200, 1e200])
@pytest.mark.parametrize("mu", [1.5, 100.0])
def test_the_size_of_the_weights_does_not_matter(factor: float, mu: float) -> None:
    weights = np.random.default_rng(2).pareto(mu, (90, 60)) - 1 / (mu - 1)
    spectrum = spectrum_of(weights[None])
    before = fit_bulk(spectrum)
    after = fit_bulk(as_spectrum(spectrum.eigenvalues * factor, (90, 60)))
    assert (after.spikes, after.distance, after.share) == pytest.approx(
        (before.spikes, before.distance, before.share), rel=1e-9
    )
    assert [after.sigma / math.sqrt(factor), after.lower / factor, after.upper / factor, after.margin / factor] == (
        pytest.approx([before.sigma, before.lower, before.upper, before.margin], rel=1e-9)
    )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.floats(0, 1e300, allow_subnormal=True), min_size=0, max_size=60),
    st.integers(1, 9),
    st.integers(0, 2**20),
)
def test_anything_gives_numbers_or_none(values: list[float], count: int, more: int) -> None:
    M = math.ceil(len(values) / count)
    bulk = fit_bulk(as_spectrum(np.array(values + [0.0] * (M * count - len(values))), (M + more, M), count))
    numbers = (bulk.lower, bulk.upper, bulk.margin, bulk.distance, bulk.share)
    assert all(math.isnan(number) for number in numbers) or (
        0 <= bulk.lower <= bulk.upper and 0 <= bulk.share <= 1 and 0 <= bulk.distance <= 1 and bulk.sigma > 0
    )
    assert bulk.ok is not math.isnan(bulk.sigma)
    assert 0 <= bulk.spikes <= len(values)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(0),
        np.zeros(64),
        np.ones(64),
        np.ones(64) + 1e-8 * np.arange(64),
        np.arange(1.0, 8.0),
        np.append(np.zeros(60), np.arange(1.0, 8.0)),
        np.full(30, 5e-324),
        np.geomspace(1e-307, 1e307, 12),
    ],
)
def test_where_there_is_no_bulk(values: np.ndarray) -> None:
    assert not fit_bulk(as_spectrum(values, (80, max(len(values), 1)))).ok


def test_thirty_orders_of_magnitude_have_a_bulk() -> None:
    assert fit_bulk(as_spectrum(np.geomspace(1e-15, 1e15, 64), (64, 64))).ok
    assert fit_bulk(as_spectrum(np.arange(1, 40) * 5e-324, (64, 39))).ok


def test_pooled_noise_is_more_precise() -> None:
    rng = np.random.default_rng(9)
    one = [fit_bulk(untrained_spectrum((32, 32), rng)) for _ in range(40)]
    nine = [fit_bulk(untrained_spectrum((32, 32), rng, 9)) for _ in range(40)]
    assert 2 < np.std([b.sigma for b in one]) / np.std([b.sigma for b in nine]) < 4.5
    assert np.mean([b.margin for b in nine]) > np.mean([b.margin for b in one])  # nine chances to pass it


def test_it_is_nearer_to_theory_than_weightwatcher() -> None:
    errors, theirs = [], []
    for seed in range(2):
        spectrum = untrained_spectrum((400, 400), np.random.default_rng(seed))
        errors.append(abs(fit_bulk(spectrum).upper / 1600 - 1))
        theirs.append(abs(weightwatcher_bulk_max(spectrum) / 1600 - 1))
    assert max(errors) < 0.01
    assert min(theirs) > max(errors)


def weightwatcher_bulk_max(spectrum: Spectrum) -> float:
    """The upper edge by WeightWatcher 0.7.7's `mp_fit`."""
    values = spectrum.eigenvalues
    with oracles.quarantine():
        import weightwatcher

        watcher = weightwatcher.WeightWatcher(log_level=50)
        found = watcher.mp_fit(
            values, *spectrum.shape, 1, "w", 0, 0, False, False, "", "b", 1.0, rescale=True, orig_evals=values
        )
    return float(found[4])


def test_it_takes_a_millisecond() -> None:
    spectrum = untrained_spectrum((1024, 1024), np.random.default_rng(0))
    fit_bulk(spectrum)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        fit_bulk(spectrum)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.01


def test_a_bulk_travels() -> None:
    bulk = Bulk(sigma=1.0, lower=0.1, upper=4.0, margin=0.2, spikes=3, distance=0.01, share=0.97)
    assert msgspec.json.decode(msgspec.json.encode(bulk), type=Bulk) == bulk
