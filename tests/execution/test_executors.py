"""Every executor does the same work, within the memory it promised, and stops cleanly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from eigentail.analysis.piece import Piece
from eigentail.errors import UsageError
from eigentail.execution import Executor, executors, processes, ray, serial, threads
from eigentail.execution.executor import Hands
from eigentail.numerics import spectrum_of
from eigentail.records import Fit, FitStatus, Layer, LayerReport, Verdict

EXECUTORS: dict[str, Executor] = {"serial": serial, **{f"threads({n})": threads(n) for n in range(1, 5)}}
each_executor = pytest.mark.parametrize("using", EXECUTORS.values(), ids=EXECUTORS.keys())


def layers(*sides: int) -> list[Piece]:
    return [
        Piece(Layer(index=i, name=str(i), kind="dense", block=None, tensors=(), shape=(side, side)), True)
        for i, side in enumerate(sides)
    ]


def report(piece: Piece) -> LayerReport:
    """What a measurement returns: the sum of a spectrum that depends on the layer alone."""
    layer = piece.layer
    weights = np.random.default_rng(layer.index).standard_normal((1, *layer.shape))
    total = float(spectrum_of(weights).eigenvalues.sum())
    fit = Fit(status=FitStatus.ZERO)
    return LayerReport(layer=layer, fit=fit, verdict=Verdict.FAILED, metrics={"total": total})


def totals(using: Executor, work: list[Piece]) -> dict[str, float]:
    return {row.name: row.metrics["total"] for row in using(report, work)}


@each_executor
def test_all_executors_give_the_same_digits_in_any_order_of_work(using: Executor) -> None:
    work = layers(200, 64, 150, 30, 30, 120, 9, 80)
    expected = totals(serial, work)
    assert totals(using, work) == expected
    assert totals(using, work[::-1]) == expected


@each_executor
def test_no_work_is_no_result(using: Executor) -> None:
    assert list(using(report, [])) == []


def test_serial_keeps_the_order_and_runs_nothing_ahead() -> None:
    seen: list[str] = []
    results = serial(lambda piece: seen.append(piece.layer.name) or report(piece), layers(5, 9, 7))
    assert (next(results).name, seen) == ("0", ["0"])
    assert [row.name for row in results] == ["1", "2"]


class Meter:
    """A measurement that notes how much runs at the same time."""

    def __init__(self, seconds: float = 0.005) -> None:
        self.lock, self.seconds = threading.Lock(), seconds
        self.started: list[int] = []
        self.now = self.most_memory = self.running = self.most_running = self.done = 0

    def __call__(self, piece: Piece) -> LayerReport:
        layer = piece.layer
        with self.lock:
            self.started.append(layer.memory)
            self.now += layer.memory
            self.running += 1
            self.most_memory = max(self.most_memory, self.now)
            self.most_running = max(self.most_running, self.running)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= layer.memory
            self.running -= 1
            self.done += 1
        return LayerReport(layer=layer, fit=Fit(status=FitStatus.ZERO), verdict=Verdict.FAILED, metrics={})


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_memory_stays_within_four_copies_of_the_largest_matrix(workers: int) -> None:
    work = layers(*sorted(np.random.default_rng(workers).integers(100, 10_000, 40).tolist(), reverse=True))
    meter = Meter()
    assert len(list(threads(workers)(meter, work))) == 40
    assert meter.most_memory <= 4 * 8 * work[0].shape[0] * work[0].shape[1] + 100 * 10**6
    assert meter.most_running <= workers
    assert meter.most_running > 1 or workers == 1


def test_a_small_layer_fills_the_room_that_a_large_one_leaves() -> None:
    meter = Meter()
    work = layers(10_000, *[9_000] * 5, *[100] * 20)
    list(threads(4)(meter, work))
    first_small = next(i for i, memory in enumerate(meter.started) if memory < work[1].memory)
    assert first_small < 4


@each_executor
def test_an_error_comes_through_after_what_runs_has_ended(using: Executor) -> None:
    meter = Meter(0.02)

    def measure(piece: Piece) -> LayerReport:
        if piece.layer.index == 1:
            raise ValueError("layer 1 is bad")
        return meter(piece)

    with pytest.raises(ValueError, match="layer 1 is bad"):
        list(using(measure, layers(*[20] * 12)))
    assert meter.running == 0
    assert meter.done < 11
    assert_no_thread_is_left()


@each_executor
def test_a_reader_who_stops_early_stops_the_work(using: Executor) -> None:
    meter = Meter(0.02)
    results = using(meter, layers(*[20] * 30))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert meter.running == 0
    assert meter.done < 30
    assert_no_thread_is_left()


@each_executor
def test_blas_has_one_thread_while_a_layer_is_measured_and_its_own_number_after(using: Executor) -> None:
    seen: list[set[int]] = []

    def measure(piece: Piece) -> LayerReport:
        seen.append(blas_threads())
        return report(piece)

    with threadpool_limits(2, user_api="blas"):  # so that one is a change, whatever the environment says
        assert len(list(using(measure, layers(8, 8, 8)))) == 3
        assert seen == [{1}, {1}, {1}]
        assert blas_threads() == {2}


@pytest.mark.parametrize(
    "make", [lambda: threads(0), lambda: threads(-2), lambda: processes(0), lambda: ray(0), lambda: Hands(workers=0)]
)
def test_fewer_than_one_worker_is_refused(make: Callable[[], Executor]) -> None:
    with pytest.raises(UsageError, match=r"^workers: -?\d is too few: use 1 or more$"):
        make()


@pytest.mark.parametrize("memory", [10**7, 3 * 10**8, 10**9])
def test_the_memory_that_the_user_allows_is_kept_to(memory: int) -> None:
    meter = Meter()
    work = layers(*[1_000] * 10, 5_000, *[600] * 10)
    assert len(list(threads(4, memory=memory)(meter, work))) == 21
    assert meter.most_memory <= max(memory - 100 * 10**6, max(piece.memory for piece in work))
    assert (meter.most_running > 1) == (memory > 2 * 10**8)


def test_ctrl_c_comes_through_and_leaves_no_thread() -> None:
    def measure(piece: Piece) -> LayerReport:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(threads(2)(measure, layers(20, 20, 20)))
    assert_no_thread_is_left()


def test_every_way_has_a_name_and_the_nearest_is_told() -> None:
    assert set(executors) == {"serial", "threads", "processes", "ray"}
    assert totals(executors["threads"].make(Hands(workers=2)), layers(9, 8)) == totals(serial, layers(9, 8))
    with pytest.raises(UsageError, match="unknown executor 'tread': did you mean threads"):
        executors["tread"]


@pytest.mark.parametrize("hands", [{"memory": 0}, {"gpus": -1.0}, {"gpus": float("nan")}])
def test_hands_that_make_no_sense_are_refused(hands: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Hands(**hands)  # type: ignore[arg-type]


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def assert_no_thread_is_left() -> None:
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]
