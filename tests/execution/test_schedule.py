"""Large work by itself where nothing else could run; otherwise side by side, dear first."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

import eigentail as et
from eigentail.analysis.piece import Piece, piece_of
from eigentail.execution import LostError, pooled, quiet, threads
from eigentail.execution.schedule import Limits, alone_first, one_after_the_other, scheduled
from eigentail.records import Layer, TensorSpec

ROOM = Limits(2, 10**12)


def pieces(*sides: int, spreads: bool = True) -> list[Piece]:
    return [
        Piece(Layer(index=i, name=str(i), kind="dense", block=None, tensors=(), shape=(side, side)), spreads)
        for i, side in enumerate(sides)
    ]


@pytest.mark.parametrize(
    ("work", "limits", "alone"),
    [
        (pieces(4096), ROOM, 1),  # nothing else to do
        (pieces(4096), Limits(1, 10**12), 0),  # the user said one
        (pieces(4096, spreads=False), ROOM, 0),  # the digits would move
        (pieces(1500), ROOM, 0),  # too small to gain
        (pieces(4096, 4096), ROOM, 0),
        (pieces(4096, 4096, 4096), ROOM, 1),  # two side by side, and one is left
        (pieces(*[4096] * 48), ROOM, 0),
        (pieces(*[4096] * 48), Limits(2, 5 * 10**8), 48),  # two do not fit
        (pieces(8192, *[512] * 50), ROOM, 1),  # the others would not keep a worker busy
        (pieces(4096, *[1024] * 100), ROOM, 0),
        (pieces(*[4096] * 3, *[1024] * 600), Limits(2, 5 * 10**8), 0),  # small ones run beside each
    ],
)
def test_what_runs_by_itself(work: list[Piece], limits: Limits, alone: int) -> None:
    assert alone_first(work, limits) == alone


@given(st.lists(st.integers(16, 6000), max_size=60), st.integers(1, 16), st.integers(1, 10**10))
@settings(max_examples=60, deadline=None)
def test_only_large_work_does_and_a_longer_end_never_comes_of_it(sides: list[int], workers: int, memory: int) -> None:
    work = pieces(*sorted(sides, reverse=True))
    count = alone_first(work, Limits(workers, memory))
    assert 0 <= count <= len(work)
    assert all(piece.shape[1] >= 2048 for piece in work[:count])


def test_thousands_of_experts_are_planned_at_once() -> None:
    assert alone_first(pieces(*[2048] * 50_000), Limits(64, 10**13)) == 0


def test_by_itself_means_with_every_core_and_nothing_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_others", lambda: 0)
    seen: dict[int, tuple[int, int]] = {}
    running: set[int] = set()

    def measure(piece: Piece) -> int:
        running.add(piece.layer.index)
        blas = {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
        seen[piece.layer.index] = (max(blas), len(running))
        running.discard(piece.layer.index)
        return piece.layer.index

    with threadpool_limits(2, user_api="blas"):
        assert sorted(threads(2)(measure, pieces(8192, *[256] * 6))) == list(range(7))
    assert seen.pop(0) == (2, 1)
    assert {blas for blas, _ in seen.values()} == {1}


def test_on_a_busy_machine_nothing_takes_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_others", lambda: 1000)

    def measure(_: Piece) -> int:
        return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")

    with threadpool_limits(2, user_api="blas"):
        assert list(threads(2)(measure, pieces(8192, 256))) == [1, 1]


def test_where_a_system_tells_only_of_the_last_minute_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> int:
        raise FileNotFoundError("/proc/loadavg")

    monkeypatch.setattr(quiet, "_others", unknown)
    for load, free in ((0.0, True), (1000.0, False)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert quiet.is_quiet() == free


def test_what_runs_for_a_moment_is_no_ones_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "cores", lambda: 2)
    for seen, free in (([0, 0, 0, 0], True), ([8, 0, 6, 2], True), ([1, 1, 1, 1], False), ([8, 1, 2, 1], False)):
        looks = iter(seen)
        monkeypatch.setattr(quiet, "_others", lambda looks=looks: next(looks))
        assert quiet.is_quiet() == free


def test_threads_of_our_own_are_no_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(quiet, "_PROC", tmp_path)
    (tmp_path / "loadavg").write_text("0.36 1.44 1.82 5/230 4711\n")
    for number, stat in enumerate(("1 (python) R 0", "2 (a) R (b) S 0", "3 (S) R 0", "4 (R) D 0")):
        (tmp_path / "self/task" / str(number)).mkdir(parents=True)
        (tmp_path / "self/task" / str(number) / "stat").write_text(stat)
    assert quiet._others() == 3


def test_a_system_that_tells_of_no_threads_is_asked_for_its_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(quiet, "_PROC", tmp_path)
    monkeypatch.setattr(os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    assert not quiet.is_quiet()


def test_float64_numbers_stand_however_many_threads_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_others", lambda: 0)
    monkeypatch.setattr("eigentail.execution.schedule._SPREADS_FROM", 300)
    weights = {"fc.weight": np.random.default_rng(0).standard_t(2.5, (400, 320))}
    one = et.analyze(weights)
    with threadpool_limits(2, user_api="blas"):
        two = et.analyze(weights, using=threads(2))
    for name, value in one.layers[0].metrics.items():
        assert two.layers[0].metrics[name] == pytest.approx(value, rel=1e-10, nan_ok=True), name


@pytest.mark.parametrize(
    ("dtype", "precision", "spreads"),
    [
        ("float32", "auto", True),
        ("float64", "auto", True),
        ("float16", "auto", False),
        ("float16", "float64", True),
        ("float32", "float32", False),
    ],
)
def test_float32_arithmetic_keeps_to_one_thread(dtype: str, precision: str, spreads: bool) -> None:
    size = np.dtype(dtype).itemsize
    spec = TensorSpec(name="w", shape=(8, 4), dtype=dtype, nbytes=32 * size)
    layer = Layer(index=0, name="w", kind="dense", block=None, tensors=(spec,), shape=(8, 4))
    assert piece_of(layer, et.Settings(precision=precision)).spreads is spreads  # type: ignore[arg-type]


def failing(work: set[int], pool: ThreadPoolExecutor) -> Callable[[Piece], Future[int]]:
    def measure(piece: Piece) -> int:
        if piece.layer.index in work:
            raise LostError("its worker died")
        return piece.layer.index

    return lambda piece: pool.submit(measure, piece)


def test_what_is_lost_is_told_after_everything_else() -> None:
    with ThreadPoolExecutor(2) as pool:
        start = failing({0, 3}, pool)
        work = pieces(9, 8, 7, 6, 5)
        results = one_after_the_other(scheduled(start, work[:2], ROOM), scheduled(start, work[2:], ROOM))
        seen: list[int] = []
        with pytest.raises(LostError, match="its worker died") as stop:
            seen.extend(results)
        assert sorted(seen) == [1, 2, 4]
        assert [piece.layer.index for piece in stop.value.tasks] == [0, 3]


def test_layers_that_are_lost_are_failures_of_the_report_or_errors_when_strict() -> None:
    def using(measure: Callable[[Piece], et.LayerReport], work: list[Piece]):
        yield measure(work[0])
        error = LostError("its worker died 3 times", hint="is there enough memory?")
        error.tasks = tuple(work[1:])
        raise error

    weights = {f"fc{i}.weight": np.random.default_rng(i).standard_normal((40, 20 + i)) for i in range(3)}
    report = et.analyze(weights, using=using)
    assert (report.summary.layers_ok, report.summary.layers_failed, len(report.layers)) == (1, 2, 3)
    assert report.layers["fc0"].reason == "its worker died 3 times: is there enough memory?"
    assert report.layers["fc0"].fit.status.value == "lost"
    with pytest.raises(et.LayerError, match="its worker died 3 times"):
        et.analyze(weights, et.Settings(strict=True), using=using)


def test_a_pool_of_others_stays_open() -> None:
    with ThreadPoolExecutor(1) as pool:
        one = et.analyze(et.example(), using=pooled(pool, 1))
        assert et.analyze(et.example(), using=pooled(pool, 3)).to_json() == one.to_json()
        assert len(et.analyze({"w": np.eye(16)}, using=pooled(pool, 1)).layers) == 1
    with pytest.raises(et.UsageError, match="workers: 0 is too few"):
        pooled(pool, 0)
