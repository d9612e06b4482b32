"""What untrained copies show: the table against fresh draws, its interpolation against scipy, shuffles by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from experiments import null as experiment

import eigentail as et
from eigentail.numerics import fit_tail, spectrum_of
from eigentail.numerics.noise import statistics_of
from eigentail.numerics.null import Null, null_by_shuffle, null_by_table
from eigentail.numerics.null_table import Quantiles, _table, quantiles_of
from eigentail.numerics.shuffle import shuffled
from eigentail.numerics.tail import estimators
from eigentail.records import Spectrum

CLAUSET = estimators["clauset"]
THREE = Quantiles(levels=np.array([0.1, 0.16, 0.5, 0.84]), values=np.array([2.0, 3.0, 4.0, 8.0]), sd=2.0)
QUANTITIES = sorted(name for name in _table() if name.startswith("single/"))


# Matrices, not spectra drawn as the table's own were.
def noise(shape: tuple[int, int], count: int, draws: int) -> list[Spectrum]:
    rng = np.random.default_rng([11, *shape, count])
    return [spectrum_of(rng.standard_normal((count, *shape))) for _ in range(draws)]


def share_at_or_below(values: list[float], quantiles: Quantiles, level: float) -> float:
    return float(np.mean(np.array(values) <= np.interp(level, quantiles.levels, quantiles.values)))


def near(share: float, level: float, draws: int, slack: float) -> bool:
    """Within four deviations of a binomial, and what a coarse grid may add."""
    return abs(share - level) <= 4 * math.sqrt(level * (1 - level) / draws) + slack


@pytest.mark.parametrize(("value", "share"), [(1.0, 0.1), (2.0, 0.1), (3.5, 0.33), (6.0, 0.67), (99.0, 0.84)])
def test_shares_lie_between_the_quantiles_and_never_beyond(value: float, share: float) -> None:
    assert THREE.below(value) == pytest.approx(share)
    assert THREE.above(value) == pytest.approx(1 - share)


@pytest.mark.parametrize(("value", "z"), [(4.0, 0.0), (3.0, -1.0), (2.0, -2.0), (8.0, 1.0), (6.0, 0.5)])
def test_each_side_has_a_deviation_of_its_own(value: float, z: float) -> None:
    assert THREE.z(value) == pytest.approx(z)


def test_nothing_known_is_nan() -> None:
    empty = Null().alpha
    assert all(math.isnan(found) for found in (empty.median, empty.below(3.0), empty.above(3.0), empty.z(3.0)))
    assert math.isnan(THREE.below(math.nan))
    assert math.isnan(quantiles_of("no-such/alpha", (64, 64)).median)
    constant = Quantiles(levels=np.array([0.1, 0.9]), values=np.array([2.0, 2.0]), sd=0.0)
    assert math.isnan(constant.z(2.0))


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantile_is_a_number_and_they_ascend(name: str) -> None:
    values = _table()[name][..., :-1]
    finite = np.isfinite(values).all(axis=-1)
    assert finite.mean() > 0.9
    assert (np.diff(values[finite]) >= 0).all()


@pytest.mark.parametrize(("shape", "count"), [((20, 13), 1), ((75, 50), 1), ((140, 100), 1), ((48, 24), 9)])
def test_fresh_noise_off_the_grid_falls_where_the_table_says(shape: tuple[int, int], count: int) -> None:
    spectra = noise(shape, count, draws=400)
    fits = [fit_tail(spectrum, CLAUSET) for spectrum in spectra]
    table = null_by_table(spectra[0], CLAUSET)
    for level in (0.05, 0.5):
        assert near(share_at_or_below([fit.alpha for fit in fits], table.alpha, level), level, 400, slack=0.03)
        assert near(share_at_or_below([fit.D for fit in fits], table.D, level), level, 400, slack=0.03)


@pytest.mark.parametrize("quantity", ["peak", "second", "distance"])
@pytest.mark.parametrize(("shape", "count"), [((75, 50), 1), ((300, 200), 1), ((48, 24), 9)])
def test_the_upper_percent_of_noise_is_a_percent(quantity: str, shape: tuple[int, int], count: int) -> None:
    draws = 600
    found = [getattr(statistics_of(spectrum), quantity) for spectrum in noise(shape, count, draws)]
    beyond = 1 - share_at_or_below(found, quantiles_of(quantity, shape, count), 0.99)
    assert near(beyond, 0.01, draws, slack=0.005)


@pytest.mark.parametrize("quantity", ["clauset/alpha", "hill/alpha", "peak", "lambda_max"])
@pytest.mark.parametrize(("shape", "count"), [((77, 50), 1), ((3000, 700), 1), ((20, 20), 1), ((100, 33), 10)])
def test_interpolation_is_linear_in_the_logarithms(quantity: str, shape: tuple[int, int], count: int) -> None:
    from scipy.interpolate import RegularGridInterpolator

    table, grid = _table(), "single" if count == 1 else "pooled"
    axes = [np.log(table[f"{grid}.{axis}"]) for axis in ("count", "M", "Q")]
    point = [math.log(count), math.log(shape[1]), math.log(shape[0] / shape[1])]
    values = table[f"{grid}/{quantity}"].astype(np.float64)
    if count == 1:
        axes, point, values = axes[1:], point[1:], values[0]
    expected = RegularGridInterpolator(axes, values)(point)[0]
    found = quantiles_of(quantity, shape, count)
    assert [*found.values, found.sd] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("beyond", "edge"), [(((4, 4), 1), ((8, 8), 1)), (((99_999, 9_999), 1), ((40_960, 4_096), 1)),
                         (((6_400, 10), 1), ((640, 10), 1)), (((16, 16), 400), ((16, 16), 64))],
)  # fmt: skip
def test_beyond_the_grid_its_edge_counts(
    beyond: tuple[tuple[int, int], int], edge: tuple[tuple[int, int], int]
) -> None:
    one, other = (quantiles_of("clauset/alpha", *at) for at in (beyond, edge))
    assert one.values == pytest.approx(other.values, rel=2e-3)


def test_a_shuffle_knows_as_many_levels_as_copies() -> None:
    weights = np.random.default_rng(0).standard_normal((1, 60, 40))
    copies = shuffled(weights, seed=1, replicas=9)
    null = null_by_shuffle(copies, CLAUSET, fewest=8)
    alphas = sorted(fit_tail(spectrum, CLAUSET).alpha for spectrum in copies.spectra)
    assert null.alpha.values.tolist() == alphas
    assert null.alpha.levels == pytest.approx([k / 10 for k in range(1, 10)])
    assert null.alpha.below(1.0) == pytest.approx(0.1)  # never zero
    assert null.alpha.sd == pytest.approx(np.std(alphas))


def test_copies_without_a_fit_do_not_count() -> None:
    copies = shuffled(np.zeros((1, 20, 20)), seed=0, replicas=4)
    assert math.isnan(null_by_shuffle(copies, CLAUSET, fewest=8).alpha.median)
    farms = shuffled(np.random.default_rng(0).standard_normal((1, 20, 20)), seed=0, replicas=4)
    assert math.isnan(null_by_shuffle(farms, estimators["farms"], fewest=8).alpha.median)


def test_on_noise_shuffle_and_table_agree() -> None:
    weights = {"w.weight": np.random.default_rng(5).standard_normal((128, 64))}
    columns = ("alpha_null", "D_null", "lambda_max_null", "alpha_p")
    by_table, by_shuffle = (
        et.analyze(weights, et.Settings(metrics=columns, null=null, shuffles=200)).layers[0].metrics
        for null in ("table", "shuffle")
    )
    for column, allowed in (("alpha_null", 0.15), ("D_null", 0.1), ("lambda_max_null", 0.02)):
        assert by_shuffle[column] == pytest.approx(by_table[column], rel=allowed)
    assert by_shuffle["alpha_p"] == pytest.approx(by_table["alpha_p"], abs=0.12)


def test_without_a_null_the_columns_are_empty() -> None:
    weights = {"w.weight": np.random.default_rng(5).standard_normal((64, 64))}
    row = et.analyze(weights, et.Settings(null="none")).layers[0]
    assert all(
        math.isnan(row.metrics[name]) for name in ("alpha_null", "alpha_null_sd", "alpha_z", "alpha_p", "D_null")
    )
    assert row.metrics["noise_p"] > 0  # whether it is noise does not hang on the null of alpha


def test_neither_rounding_nor_uniform_entries_move_the_null() -> None:
    rows = experiment.rows([(128, 64)], each=300)
    reference = quantiles_of("clauset/alpha", (128, 64))
    for row in rows:
        assert experiment.distance(row, rows[0]) <= 1.63 * math.sqrt(2 / 300)  # the 1 % point of chance
        assert near(float(np.mean(row.alphas <= reference.median)), 0.5, 300, slack=0.03)
