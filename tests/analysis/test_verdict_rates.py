"""How often the verdict is right: on noise of many shapes, on planted tails, on nets whose training is known."""

from __future__ import annotations

from functools import cache

import pytest
from experiments import readings, trained, traps, untrained
from shared import NO_SHARED_DATA, shared_data

from eigentail.records import Verdict

AFFORDABLE = [shape for shape in untrained.SHAPES if max(shape[0], shape[1]) <= 384 and len(shape) == 2] + [
    shape for shape in untrained.KERNELS if shape[0] <= 64
]


@cache
def noise() -> list[untrained.Row]:
    return untrained.rows(AFFORDABLE, each=5, with_peer=False)


def test_the_full_experiment_has_the_promised_size() -> None:
    assert len(untrained.SHAPES) >= 40
    assert len(untrained.SHAPES) * len(untrained.UNTRAINED) * 12 >= 2000


def test_of_all_untrained_matrices_a_twentieth_at_most_is_called_well_trained() -> None:
    everything = untrained.together(noise())
    assert len(everything) >= 500
    assert readings.share(everything, Verdict.WELL_TRAINED) <= 0.05


@pytest.mark.parametrize("shape", AFFORDABLE, ids=str)
def test_at_every_shape_a_tenth_at_most_is(shape: tuple[int, ...]) -> None:
    assert readings.share(untrained.by_shape(noise())[shape], Verdict.WELL_TRAINED) <= 0.1


@pytest.mark.parametrize("kind", ["Gaussian", "uniform (Kaiming)", "truncated normal"])
def test_independent_entries_are_called_untrained_where_size_allows(kind: str) -> None:
    found = untrained.together(row for row in noise() if row.kind == kind)
    large = [reading for reading in found if reading.verdict is not Verdict.TOO_SMALL]
    assert readings.share(large, Verdict.UNTRAINED) >= 0.95


def test_weightwatchers_reading_calls_many_of_them_well_trained() -> None:
    (row,) = [row for row in untrained.rows([(128, 64)], each=15) if row.kind == "Gaussian"]
    assert readings.peer_share(row.readings, readings.healthy) >= 0.4
    assert readings.share(row.readings, Verdict.WELL_TRAINED) <= 0.1


@cache
def tails() -> list[trained.Row]:
    return trained.planted([(128, 128), (256, 128)], each=10)


@pytest.mark.parametrize("what", trained.PLANTS)
def test_planted_tails_are_seen(what: str) -> None:
    found = [reading for row in tails() if row.what == what for reading in row.readings]
    assert len(found) == 20
    assert readings.share(found, *readings.SEEN) >= 0.8


def test_no_planted_tail_is_called_under_trained_because_its_fit_is_short() -> None:
    found = [reading for row in tails() for reading in row.readings]
    assert [reading for reading in found if reading.alpha > 6]
    assert readings.share(found, Verdict.UNDER_TRAINED) == 0


def test_the_heavier_the_entries_the_smaller_alpha() -> None:
    plants = [what for what in trained.PLANTS if what.startswith("Pareto")]
    means = [sum(one.alpha for row in tails() if row.what == what for one in row.readings) for what in plants]
    assert means == sorted(means)


@cache
def nets() -> dict[str, trained.Row]:
    return {row.what: row for row in trained.nets()}


@pytest.mark.parametrize("what", [what for what, _ in trained.ZOO if "not trained" not in what])
def test_nets_of_the_zoo_show_their_training(what: str) -> None:
    assert readings.share(nets()[what].readings, *readings.SEEN) >= 0.75
    assert readings.share(nets()[what].readings, Verdict.UNTRAINED) == 0


@pytest.mark.parametrize("what", [what for what, _ in trained.ZOO if "not trained" in what])
def test_nets_of_the_zoo_show_that_they_were_not_trained(what: str) -> None:
    assert readings.share(nets()[what].readings, Verdict.UNTRAINED) >= 0.9
    assert readings.share(nets()[what].readings, Verdict.WELL_TRAINED) <= 0.05
    assert readings.peer_share(nets()[what].readings, readings.healthy) >= 0.4


@pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
def test_a_face_detector_shows_its_training() -> None:
    first, *last = (nets()[what] for what, _ in reversed(trained.DETECTORS))
    for row in last:
        assert readings.share(row.readings, *readings.SEEN) >= 0.8
    assert readings.share(first.readings, Verdict.UNTRAINED) >= 0.8


def test_noise_has_traps_in_a_hundredth_at_most() -> None:
    rows = traps.noise(traps.SHAPES[:4] + traps.SHAPES[5:7], each=40)
    assert sum(row.with_trap for row in rows) <= 0.01 * sum(row.matrices for row in rows)


def test_a_trap_and_a_true_spike_are_told_apart_and_weightwatcher_takes_the_wrong_one() -> None:
    entry, mean, spike, both = traps.planted(each=5)
    assert (entry.with_trap, mean.with_trap, both.with_trap) == (5, 5, 5)
    assert (spike.with_trap, spike.with_spike) == (0, 5)
    assert both.trap_left > 0.9  # the peer is asked to take out the trap
    assert both.signal_left < 0.1  # and takes out the signal
