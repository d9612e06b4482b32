"""Permuted entries: what stays, what a seed fixes, and the distances built on them, two of them WeightWatcher's."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigentail.metrics.families import shuffles as family
from eigentail.numerics import spectrum_of
from eigentail.numerics.distance import density_distance, jensen_shannon
from eigentail.numerics.shuffle import shuffle, shuffled
from eigentail.records import Spectrum

METRICS = {metric.name: metric for metric in family.METRICS}
NOT_NEGATIVE = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


def weights(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(3, (3, 24, 16))


def columns_of(stack: np.ndarray, replicas: int = 3) -> dict[str, float]:
    have = {"spectrum": spectrum_of(stack), "shuffled": shuffled(stack, seed=0, replicas=replicas)}
    return {name: metric.compute(**{need: have[need] for need in metric.needs}) for name, metric in METRICS.items()}


def spectrum_from(*values: float) -> Spectrum:
    found = np.array(values)
    return Spectrum(eigenvalues=found, shape=(len(found), len(found)), rank=int(np.count_nonzero(found)))


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "bfloat16", "float8_e4m3fn"])
def test_every_matrix_keeps_its_entries(dtype: str) -> None:
    kind = np.dtype(getattr(ml_dtypes, dtype)) if hasattr(ml_dtypes, dtype) else np.dtype(dtype)
    stack = weights().astype(kind)
    before = stack.copy()
    mixed = shuffle(stack, np.random.default_rng(1))
    assert (mixed.shape, mixed.dtype) == (stack.shape, stack.dtype)
    assert (stack == before).all()
    for old, new in zip(stack, mixed, strict=True):
        old, new = old.astype(np.float64), new.astype(np.float64)
        assert (np.sort(old, axis=None) == np.sort(new, axis=None)).all()
        assert (old != new).any()


def test_a_view_is_shuffled_as_its_copy() -> None:
    view = weights().transpose(0, 2, 1)[:, ::-2]
    one, other = (shuffle(stack, np.random.default_rng(2)) for stack in (view, view.copy()))
    assert (one == other).all()


def test_every_place_is_as_likely_as_any_other() -> None:
    rng = np.random.default_rng(3)
    places = [int(shuffle(np.arange(12).reshape(1, 3, 4), rng).argmax()) for _ in range(6000)]
    counts = np.bincount(places, minlength=12)
    assert abs(counts - 500).max() < 5 * math.sqrt(500)


def test_the_seed_decides_and_nothing_else() -> None:
    one, same, other = (shuffled(weights(), seed=seed, replicas=2) for seed in (7, 7, 8))
    longer = shuffled(weights(), seed=7, replicas=3)
    for i in range(2):
        assert (one.spectra[i].eigenvalues == same.spectra[i].eigenvalues).all()
        assert (one.spectra[i].eigenvalues == longer.spectra[i].eigenvalues).all()
        assert (one.spectra[i].eigenvalues != other.spectra[i].eigenvalues).all()
    assert (one.spectra[0].eigenvalues != one.spectra[1].eigenvalues).all()


@pytest.mark.parametrize("count", [1, 3])
def test_the_spectra_are_those_of_permuted_stacks(count: int) -> None:
    stack = weights()[:count].astype(np.float16)
    found = shuffled(stack, seed=5, replicas=2, precision="float64", scale=0.5)
    rng = np.random.default_rng(5)
    for spectrum in found.spectra:
        expected = spectrum_of(shuffle(stack, rng), precision="float64", scale=0.5)
        assert (spectrum.eigenvalues == expected.eigenvalues).all()
        assert (spectrum.scale, spectrum.stored, spectrum.count) == (0.5, "float16", count)
    assert len(found.traps) == count


def test_no_permutation_is_no_answer() -> None:
    with pytest.raises(ValueError, match="0 permutations"):
        shuffled(weights(), seed=0, replicas=0)


def test_rand_distance_equals_weightwatchers() -> None:
    stack = weights()
    spectrum, found = spectrum_of(stack), shuffled(stack, seed=0, replicas=4)
    with oracles.quarantine():
        from weightwatcher.RMT_Util import jensen_shannon_distance

        each = [float(jensen_shannon_distance(spectrum.eigenvalues, one.eigenvalues)) for one in found.spectra]
    ours = [jensen_shannon(spectrum.eigenvalues, one.eigenvalues) for one in found.spectra]
    assert ours == pytest.approx(each, rel=1e-9)
    assert columns_of(stack, 4)["rand_distance"] == pytest.approx(np.mean(each), rel=1e-9)


@given(NOT_NEGATIVE.filter(any))
def test_the_distance_to_itself_is_zero_at_any_scale(values: list[float]) -> None:
    p = np.array(values)
    assert jensen_shannon(p, p) == 0
    assert jensen_shannon(p, p * 3) == pytest.approx(0, abs=1e-7)


@given(NOT_NEGATIVE.filter(any), st.integers(0, 2**32 - 1))
def test_the_distance_is_symmetric_and_bounded(values: list[float], seed: int) -> None:
    p = np.array(values)
    q = np.random.default_rng(seed).random(len(p))
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), rel=1e-9)
    assert 0 <= jensen_shannon(p, q) <= math.sqrt(math.log(2)) + 1e-12


def test_distance_by_hand() -> None:
    # p = (1/2, 1/2), q = (1, 0): m = (3/4, 1/4)
    kl_p, kl_q = 0.5 * math.log(2 / 3) + 0.5 * math.log(2), math.log(4 / 3)
    found = jensen_shannon(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    assert found == pytest.approx(math.sqrt((kl_p + kl_q) / 2))


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], []])
def test_nothing_has_no_distance(values: list[float]) -> None:
    assert math.isnan(jensen_shannon(np.array(values), np.array(values)))


def test_density_distance_by_hand() -> None:
    # bins of a quarter decade below the largest: 10 | 1 | 0; half of each mass is in common
    one, other = spectrum_from(0.0, 1.0, 10.0, 10.0), spectrum_from(0.0, 0.0, 10.0, 10.0)
    p, q = [1 / 4, 1 / 4, 1 / 2], [1 / 2, 0, 1 / 2]
    divergence = 0.0
    for x, y in zip(p, q, strict=True):
        middle = (x + y) / 2
        divergence += sum(z * math.log2(z / middle) for z in (x, y) if z) / 2
    assert density_distance(one, (other,)) == pytest.approx(math.sqrt(divergence))
    assert density_distance(one, (other, other)) == pytest.approx(math.sqrt(divergence))


@pytest.mark.parametrize("values", [(5e-324, 1e300), (1e-30, 1.0), (5e-324, 5e-324), (1.0, 1.0)])
def test_density_distance_of_odd_values(values: tuple[float, ...]) -> None:
    one = spectrum_from(*values)
    assert density_distance(one, (one,)) == 0
    assert math.isnan(density_distance(spectrum_from(0.0), (spectrum_from(0.0),)))


def test_structure_is_farther_from_its_entries_than_noise() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((1, 128, 96))
    structured = noise + rng.standard_normal((128, 8)) @ rng.standard_normal((8, 96))
    plain, trained = columns_of(noise), columns_of(structured)
    assert plain["rand_distance"] < 0.05 < 0.2 < trained["rand_distance"]
    assert plain["rand_distance_density"] < 0.2 < 0.4 < trained["rand_distance_density"]
    assert plain["ww_softrank"] > 0.9 > 0.3 > trained["ww_softrank"]
    assert (plain["num_traps"], trained["num_traps"]) == (0, 0)


def test_the_columns_belong_together() -> None:
    stack = weights()
    found, largest = columns_of(stack), spectrum_of(stack).lambda_max
    assert found["ww_softrank"] == pytest.approx(found["max_rand_eval"] / largest)
    assert found["ww_maxdist"] == pytest.approx(largest - found["max_rand_eval"])
    assert found["rand_mp_softrank"] == pytest.approx(1 / found["trap_strength"])


def test_noise_has_the_bulk_that_theory_says() -> None:
    found = columns_of(0.2 * np.random.default_rng(1).standard_normal((1, 300, 200)))
    assert found["rand_sigma_mp"] == pytest.approx(0.2, rel=0.01)
    assert found["rand_bulk_max"] == pytest.approx(0.04 * (math.sqrt(300) + math.sqrt(200)) ** 2, rel=0.01)
    assert (found["rand_num_spikes"], found["rand_mp_softrank"]) == (0, pytest.approx(1, abs=0.06))


@pytest.mark.parametrize("c", [2.0, 1e-6, 1e6])
def test_the_columns_scale_as_declared(c: float) -> None:
    before, after = columns_of(weights()), columns_of(weights() * c)
    expected = {name: METRICS[name].scaling.apply(before[name], c=c, alpha=2.0) for name in METRICS}
    assert after == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_zeros_have_counts_and_no_shapes() -> None:
    found = columns_of(np.zeros((2, 12, 10)))
    numbers = {"num_traps": 0, "rand_num_spikes": 0, "max_rand_eval": 0, "ww_maxdist": 0}
    assert {name: value for name, value in found.items() if not math.isnan(value)} == numbers
