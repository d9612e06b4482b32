"""Correlation traps: noise has none, huge entries and a mean are traps, a delocalised spike is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eigentail.numerics import spectrum_of
from eigentail.numerics.marchenko_pastur import fit_bulk
from eigentail.numerics.shuffle import Shuffled, shuffled
from eigentail.numerics.traps import traps_of

# 1,020 matrices in all.
NOISE = (((32, 32), 300), ((64, 32), 250), ((48, 20), 250), ((128, 64), 160), ((256, 128), 60))
REPLICAS = 5


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def found_in(stack: np.ndarray, seed: int = 0) -> Shuffled:
    return shuffled(stack, seed=seed, replicas=REPLICAS)


def threshold(stack: np.ndarray) -> float:
    """The entry, or the singular value, that begins to leave the bulk."""
    return math.prod(stack.shape[1:]) ** 0.25


def test_noise_has_none_in_99_of_100_matrices() -> None:
    told = [found_in(noise(1, *shape, seed=i), i).num_traps for shape, count in NOISE for i in range(count)]
    assert len(told) >= 1000
    assert np.mean(np.array(told) > 0) <= 0.01


@pytest.mark.parametrize("positions", [9, 49])
def test_pooled_noise_has_none(positions: int) -> None:
    assert sum(found_in(noise(positions, 16, 16, seed=i), i).num_traps > 0 for i in range(10)) == 0


@pytest.mark.parametrize("draw", ["uniform", "laplace", "signs"])
def test_other_entries_of_one_variance_have_none(draw: str) -> None:
    rng = np.random.default_rng(5)
    draws = {"uniform": lambda s: rng.uniform(-1, 1, s), "laplace": lambda s: rng.laplace(size=s)}
    draws["signs"] = lambda s: rng.choice([-1.0, 1.0], s)
    assert sum(found_in(draws[draw]((1, 80, 64)), i).num_traps for i in range(40)) == 0


@pytest.mark.parametrize("shape", [(1, 32, 32), (1, 48, 20), (1, 128, 64), (1, 64, 256), (3, 48, 48)])
@pytest.mark.parametrize("factor", [2.0, 5.0, 1000.0])
def test_one_huge_entry_is_a_trap(shape: tuple[int, ...], factor: float) -> None:
    for seed in range(10):
        stack = noise(*shape, seed=seed)
        stack[-1, 3, 5] = factor * threshold(stack)
        found = found_in(stack, seed)
        assert found.num_traps == 1
        assert [trap.number for trap in found.traps] == [0] * (len(stack) - 1) + [1]


def test_several_huge_entries_are_several_traps() -> None:
    stack = noise(1, 128, 96)
    stack[0, [3, 40, 77], [5, 60, 90]] = [60, -80, 100]
    assert found_in(stack).num_traps == 3


@pytest.mark.parametrize("shape", [(1, 32, 32), (1, 64, 128), (1, 256, 128)])
def test_a_mean_is_a_trap(shape: tuple[int, ...]) -> None:
    for seed in range(10):
        stack = noise(*shape, seed=seed)
        stack += 3 * threshold(stack) / math.sqrt(stack[0].size)
        assert found_in(stack, seed).num_traps == 1


@pytest.mark.parametrize("shape", [(1, 32, 32), (1, 64, 128), (1, 256, 128)])
@pytest.mark.parametrize("strength", [2.0, 5.0])
def test_a_delocalised_spike_is_none_and_shows_in_the_original(shape: tuple[int, ...], strength: float) -> None:
    for seed in range(10):
        stack = noise(*shape, seed=seed)
        rng = np.random.default_rng(seed)
        left, right = (rng.choice([-1.0, 1.0], n) / math.sqrt(n) for n in shape[1:])
        stack[0] += strength * (math.sqrt(shape[1]) + math.sqrt(shape[2])) * np.outer(left, right)
        assert fit_bulk(spectrum_of(stack)).spikes == 1
        assert found_in(stack, seed).num_traps == 0


@pytest.mark.parametrize("entry", [10.0, 40.0, 160.0])
def test_strength_is_the_trap_over_the_edge(entry: float) -> None:
    stack = noise(1, 96, 64)
    stack[0, 0, 0] = entry * threshold(stack)
    found = found_in(stack)
    square = float(stack[0, 0, 0]) ** 2
    theory = (square + 96) * (square + 64) / square  # Benaych-Georges & Nadakuditi (2012), variance one
    assert found.trap_strength == pytest.approx(theory / (math.sqrt(96) + 8) ** 2, rel=0.05)
    assert found.traps[0].sigma == pytest.approx(1, rel=0.03)


def test_strength_of_noise_is_near_one() -> None:
    assert found_in(noise(1, 256, 256)).trap_strength == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_does_not_matter(factor: float) -> None:
    stack = noise(2, 40, 30)
    stack[0, 1, 1] = 50.0
    before, after = found_in(stack), found_in(stack * factor)
    assert (after.num_traps, after.trap_strength) == (1, pytest.approx(before.trap_strength, rel=1e-9))
    assert after.traps[0].sigma == pytest.approx(factor * before.traps[0].sigma, rel=1e-9)


def test_the_middle_permutation_decides() -> None:
    quiet, loud = noise(1, 64, 48), noise(1, 64, 48)
    loud[0, 0, 0] = 60.0
    one, other = spectrum_of(quiet), spectrum_of(loud)
    assert [traps_of(spectra).number for spectra in ([one, one, other], [one, other, other])] == [0, 1]
    assert [traps_of([one, other]).number, traps_of([one, other]).spikes] == [0, 0.5]


@pytest.mark.parametrize(
    "stack",
    [np.zeros((1, 20, 20)), np.ones((1, 20, 20)), np.ones((1, 1, 1)), np.ones((2, 7, 7)), np.eye(3)[None]],
    ids=["zeros", "ones", "one by one", "seven", "three"],
)
def test_without_a_bulk_there_are_none(stack: np.ndarray) -> None:
    found = found_in(stack)
    assert (found.num_traps, math.isnan(found.trap_strength)) == (0, True)


def test_a_matrix_without_a_bulk_does_not_hide_the_others() -> None:
    stack = np.stack([np.zeros((40, 30)), noise(40, 30)])
    stack[1, 2, 2] = 60.0
    found = found_in(stack)
    assert found.num_traps == 1
    assert found.trap_strength > 2


@pytest.mark.parametrize("entries", ["thirty orders", "cauchy", "sparse"])
def test_wild_entries_are_counted_without_complaint(entries: str) -> None:
    rng = np.random.default_rng(0)
    stack = {
        "thirty orders": 10.0 ** rng.uniform(-30, 0, (1, 40, 40)),
        "cauchy": rng.standard_cauchy((1, 64, 64)),
        "sparse": noise(1, 64, 64) * (rng.random((1, 64, 64)) < 0.05),
    }[entries]
    assert 0 < found_in(stack).num_traps <= 32
