"""The arithmetic of a prediction; that it comes true is what benchmarks/cost.py shows."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import eigentail as et
from eigentail.analysis import calibrate
from eigentail.analysis.cost import cost_of, reading_rate, side_by_side, square_seconds
from eigentail.analysis.describe import dearest_first, described
from eigentail.analysis.piece import piece_of
from eigentail.execution.schedule import GAIN, Limits
from eigentail.records import Layer, SourceRef, TensorSpec
from eigentail.records.cost import Hands, LayerCost, Machine
from eigentail.records.description import Description
from eigentail.sources import opened

CURVE = ((8, 1e-6), (128, 5e-4), (1024, 0.1), (2048, 0.4))
MACHINE = Machine(
    made="2026-01-31",
    facts="a machine",
    cores=4,
    squares={
        "float64": CURVE,
        "float32": tuple((m, t / 2) for m, t in CURVE),
    },
    grams={way: ((64, of * 2e10), (768, of * 7e10)) for way, of in (("float64", 1), ("float32", 2), ("bfloat16", 8))},
    products={"float64": (1e11, 4e11), "float32": (2e11, 8e11)},
    fits=((64, 0.002), (4096, 0.02)),
    crowding=(1.0, 1.0),
    hashing=1e9,
    start=0.25,
    base=70 * 10**6,
)
FOUR = Hands(workers=4)


def layer(index: int, n: int, m: int, *, count: int = 1, dtype: str = "float32") -> Layer:
    size = 2 if dtype.endswith("16") else 4
    spec = TensorSpec(name=f"{index}.weight", shape=(count, n, m), dtype=dtype, nbytes=size * count * n * m)
    return Layer(index=index, name=str(index), kind="dense", block=None, tensors=(spec,), shape=(n, m), count=count)


def work(*layers: Layer, **choices: object) -> Description:
    ref = SourceRef("safetensors", "model")
    return Description(source=ref, settings=et.Settings(**choices), layers=layers, skipped=(), metrics=())


def one(*args: int, **rest: object) -> float:
    return cost_of(work(layer(0, *args, **rest)), MACHINE, hands=Hands()).work


SIDES = st.integers(2, 5000)
MODELS = st.lists(st.tuples(SIDES, SIDES, st.integers(1, 9)), min_size=1, max_size=30).map(
    lambda rows: work(*(layer(i, max(a, b), min(a, b), count=count) for i, (a, b, count) in enumerate(rows)))
)
SQUARES = st.lists(SIDES, min_size=1, max_size=30).map(lambda ms: work(*(layer(i, m, m) for i, m in enumerate(ms))))
MODEL = work(*(layer(i, 1000 + 10 * i, 1000) for i in range(30)))


class TestArithmetic:
    @given(MODELS, MODELS)
    def test_the_work_of_two_models_is_the_sum(self, a, b):
        both = [*a.layers, *(msgspec.structs.replace(x, index=len(a.layers) + x.index) for x in b.layers)]
        apart = sum(cost_of(model, MACHINE, hands=Hands()).work for model in (a, b))
        assert cost_of(work(*both), MACHINE, hands=Hands()).work == pytest.approx(apart)

    @given(SIDES, SIDES, st.integers(1, 9))
    def test_more_of_anything_never_takes_less(self, a, b, count):
        n, m = max(a, b), min(a, b)
        here = one(n, m, count=count)
        assert one(n + 1, m, count=count) >= here
        assert one(n, m, count=count + 1) > here
        assert one(n + 1, m + 1, count=count) >= here * (1 - 1e-12)
        assert one(n, m, count=count, dtype="bfloat16") <= here

    @given(MODELS, st.integers(1, 6), st.integers(1, 6))
    def test_the_bounds_of_any_schedule(self, model, workers, machines):
        found = cost_of(model, MACHINE, hands=Hands(workers=workers, machines=machines))
        spent = found.seconds - MACHINE.start
        assert spent >= found.dearest.seconds * (1 - 1e-9)
        assert spent >= found.work / (workers * machines) * (1 - 1e-9)
        assert spent <= found.work * (1 + 1e-9)

    @given(SQUARES, st.integers(1, 6))
    def test_another_machine_never_makes_it_longer(self, model, machines):
        few, more = (cost_of(model, MACHINE, hands=Hands(workers=1, machines=n)) for n in (machines, machines + 1))
        assert more.seconds <= few.seconds + 1e-9
        assert more.work == few.work

    def test_with_enough_machines_the_dearest_layer_is_all(self):
        model = work(layer(0, 4000, 4000), *(layer(i, 100, 100) for i in range(1, 20)))
        found = cost_of(model, MACHINE, hands=Hands(machines=100))
        assert found.dearest.name == "0"
        assert found.seconds == pytest.approx(MACHINE.start + found.dearest.seconds)

    @given(MODELS, st.integers(1, 6))
    def test_memory_stays_in_its_bound_and_holds_the_fullest_layer(self, model, workers):
        found = cost_of(model, MACHINE, hands=Hands(workers=workers))
        fullest = max(x.memory for x in model.layers)
        promised = 4 * max(8 * math.prod(x.shape) for x in model.layers) + 100 * 10**6
        assert MACHINE.base + fullest <= found.memory <= MACHINE.base + max(fullest, promised)

    def test_bytes_cost_where_they_are_read_and_where_they_are_hashed(self):
        nbytes = MODEL.nbytes
        plain = cost_of(MODEL, MACHINE, hands=Hands()).work
        assert cost_of(MODEL, MACHINE, hands=Hands(), reading=2e9).work == pytest.approx(plain + nbytes / 2e9)
        assert cost_of(MODEL, MACHINE, hands=Hands(), stored=True).work == pytest.approx(plain + nbytes / 1e9)

    def test_shuffles_are_spectra(self):
        big = layer(0, 3000, 3000)
        plain = cost_of(work(big), MACHINE, hands=Hands()).work
        shuffled = cost_of(work(big, metrics=("default", "num_traps"), shuffles=5), MACHINE, hands=Hands()).work
        assert 5.9 * plain < shuffled < 6 * plain

    def test_busy_cores_slow_each_other_down_and_too_many_workers_take_turns(self):
        crowded = msgspec.structs.replace(MACHINE, crowding=(2.0, 4.0))
        alone, busy, turns = (cost_of(MODEL, crowded, hands=Hands(workers=n)) for n in (1, 4, 8))
        assert alone.work == pytest.approx(cost_of(MODEL, MACHINE, hands=Hands()).work)
        assert 2 * alone.work < busy.work < 4 * alone.work
        assert turns.work == pytest.approx(2 * busy.work)
        assert turns.seconds >= 0.9 * busy.seconds

    @pytest.mark.parametrize("hands", [Hands(workers=0), Hands(machines=0)])
    def test_nobody_does_nothing(self, hands):
        with pytest.raises(et.UsageError, match="fewer than one worker or machine"):
            cost_of(MODEL, MACHINE, hands=hands)

    def test_what_is_left_out_is_said(self):
        plain = cost_of(MODEL, MACHINE, hands=Hands())
        assert plain.notes == ()
        half = work(layer(0, 64, 64, dtype="bfloat16"), metrics=("default", "alpha_lo_matrix"))
        assert "float64 take another one" in " ".join(cost_of(half, MACHINE, hands=Hands(), reading=1e9).notes)
        assert "cold disk" in cost_of(MODEL, MACHINE, hands=Hands(), reading=1e9).notes[0]
        every = cost_of(work(layer(0, 64, 64), metrics=("*",)), MACHINE, hands=Hands())
        assert every.notes[0].endswith("from laws and goodness and vectors and jackknife take")


class TestSquares:
    @given(st.integers(1, 10_000))
    def test_never_falls(self, m):
        assert square_seconds(m, CURVE) <= square_seconds(m + 1, CURVE) * (1 + 1e-12)

    def test_it_passes_through_what_was_measured(self):
        assert [square_seconds(m, CURVE) for m, _ in CURVE] == pytest.approx([t for _, t in CURVE])

    def test_above_it_grows_as_the_cube_of_the_last_point_alone(self):
        faster = (*CURVE[:-1], (2048, 0.2))  # another route from there on
        assert square_seconds(8192, CURVE) == pytest.approx(0.4 * 64)
        assert square_seconds(8192, faster) == pytest.approx(0.2 * 64)
        assert square_seconds(512, faster) == square_seconds(512, CURVE)


def played(layers: list[LayerCost], workers: int, budget: int) -> tuple[int, int]:
    """The rule of `threads`, one second after the other."""
    waiting, running = list(layers), dict[int, int]()
    now = peak = 0
    while waiting or running:
        while waiting and len(running) < workers:
            free = budget - sum(layers[i].memory for i in running)
            fits = [i for i in (0, -1) if waiting[i].memory <= free] or ([] if running else [0])
            if not fits:
                break
            task = waiting.pop(0 if not running else fits[0])
            running[task.index] = int(task.seconds)
        peak = max(peak, sum(layers[i].likely for i in running))
        now += 1
        running = {i: left - 1 for i, left in running.items() if left > 1}
    return now, peak


@pytest.mark.parametrize(
    ("dtype", "direct", "expected"),
    [
        ("float32", (), 4 * 600 * 100 + 8 * 600 * 100 + 2 * 8 * 100**2),
        ("float16", ("bfloat16",), 2 * 600 * 100 + 4 * 600 * 100 + 2 * 4 * 100**2),
        ("bfloat16", (), 2 * 600 * 100 + 4 * 600 * 100 + 2 * 4 * 100**2),
        ("bfloat16", ("bfloat16",), 2 * 600 * 100 + 2 * 4 * 100**2),
    ],
)
def test_a_layer_takes_memory_as_its_arithmetic_does(dtype: str, direct: tuple[str, ...], expected: int) -> None:
    machine = msgspec.structs.replace(MACHINE, direct=direct)
    found = cost_of(work(layer(0, 600, 100, dtype=dtype)), machine, hands=Hands())
    assert found.memory == MACHINE.base + expected
    assert found.layers[0].memory == layer(0, 600, 100, dtype=dtype).memory >= found.layers[0].likely


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12),
    st.integers(1, 4),
    st.integers(1, 30),
)
def test_side_by_side_as_played_step_by_step(tasks, workers, budget):
    rows = sorted(tasks, reverse=True)
    layers = [LayerCost(index=i, name="", seconds=t, memory=b, likely=b // 2) for i, (t, b) in enumerate(rows)]
    assert side_by_side(layers, Limits(workers, budget)) == played(layers, workers, budget)


class TestTurns:
    """The prediction is of the schedule that runs."""

    @staticmethod
    def ran(model: Description, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
        """Which layers the executor hands out by themselves, and which side by side."""
        module = import_module("eigentail.execution.threads")  # not the function of that name
        monkeypatch.setattr(module, "is_quiet", lambda: True)
        parts: list[set[str]] = []

        def noted(start, work, limits):
            parts.append({piece.layer.name for piece in work})
            return iter(())

        monkeypatch.setattr(module, "scheduled", noted)
        list(et.threads(4)(str, [piece_of(each, model.settings) for each in dearest_first(model.layers)]))
        return parts

    @pytest.mark.parametrize(
        "sides",
        [(4096,), (8192, *[512] * 20), (4096,) * 4, (4096,) * 5, (2048, 2047), (1500,), (9000, 9000, 3000)],
        ids=lambda sides: "-".join(map(str, sides[:4])),
    )
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    def test_what_runs_by_itself_is_predicted_so(self, sides, dtype, monkeypatch):
        model = work(*(layer(i, m, m, dtype=dtype) for i, m in enumerate(sides)))
        crowded = msgspec.structs.replace(MACHINE, crowding=(2.0, 2.0))
        apart, together = (cost_of(model, crowded, hands=Hands(workers=n)) for n in (1, 4))
        alone, _ = self.ran(model, monkeypatch)
        for one, many in zip(apart.layers, together.layers, strict=True):
            ratio = many.seconds / one.seconds
            assert (1 / GAIN <= ratio < 1) if one.name in alone else ratio == pytest.approx(2.0)

    def test_one_large_layer_takes_every_core_and_the_others_follow(self):
        model = work(layer(0, 8192, 8192), *(layer(i, 512, 512) for i in range(1, 4)))
        found = cost_of(model, MACHINE, hands=FOUR)
        large, *small = found.layers
        assert found.seconds == pytest.approx(MACHINE.start + large.seconds + max(each.seconds for each in small))
        assert large.seconds < cost_of(model, MACHINE, hands=Hands()).layers[0].seconds

    def test_one_layer_is_the_memory_of_one(self):
        model = work(layer(0, 4096, 4096), layer(1, 64, 64))
        assert cost_of(model, MACHINE, hands=FOUR).memory == MACHINE.base + model.layers[0].memory


class TestReading:
    def test_a_file_has_a_rate_and_memory_has_none(self, tmp_path: Path):
        weights = {"fc.weight": np.ones((1024, 1024), np.float32), "head.weight": np.ones((16, 16), np.float32)}
        path = tmp_path / "m.safetensors"
        save_file(weights, path)
        for target, is_file in ((path, True), (weights, False)):
            with opened(target) as source:
                rate = reading_rate(source, described(source, et.Settings()))
            assert math.isfinite(rate) == is_file
            assert rate > 0

    def test_no_more_than_a_few_megabytes_are_read(self):
        asked: list[int] = []

        class Large:
            ref = SourceRef("safetensors", "large")

            def read(self, spec, part=None):
                asked.append(part[1] - part[0])
                return np.zeros((part[1], spec.shape[1]), np.float32)

        tensor = TensorSpec(name="w", shape=(10**6, 10**4), dtype="float32", nbytes=4 * 10**10)
        big = Layer(index=0, name="w", kind="dense", block=None, tensors=(tensor,), shape=(10**6, 10**4))
        assert reading_rate(Large(), work(big)) > 0  # type: ignore[arg-type]
        assert 4 * 10**4 * asked[0] <= 8 * 2**20


class TestTheCalibrationIsKept:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path, monkeypatch):
        self.path = tmp_path / "home" / "machine.json"
        self.made = 0
        monkeypatch.setenv("EIGENTAIL_HOME", str(self.path.parent))

    def measure(self) -> Machine:
        self.made += 1
        return msgspec.structs.replace(MACHINE, facts=calibrate._facts(), start=float(self.made))

    def asked(self, **how: bool) -> float:
        return calibrate.this_machine(by=self.measure, **how).start

    def test_until_it_is_asked_for_again(self):
        assert [self.asked(), self.asked(), self.asked(again=True), self.asked()] == [1, 1, 2, 2]

    @pytest.mark.parametrize("other", [{"facts": "other cores"}, {"calibration": 0}], ids=str)
    def test_until_the_machine_or_the_meaning_changes(self, other):
        self.asked()
        self.path.write_bytes(
            msgspec.json.encode(msgspec.structs.replace(MACHINE, **{"facts": calibrate._facts(), **other}))
        )
        assert [self.asked(), self.asked()] == [2, 2]

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"made": 1}', b"\xff" * 50])
    def test_until_it_is_damaged(self, content):
        self.asked()
        self.path.write_bytes(content)
        assert [self.asked(), self.asked()] == [2, 2]

    def test_what_cannot_be_kept_is_measured_each_time(self):
        self.path.parent.mkdir()
        (self.path.parent / "version").write_text("999")
        assert [self.asked(), self.asked()] == [1, 2]
        assert not self.path.exists()


def test_a_calibration_is_complete():
    machine = calibrate.calibrate(sides=(8, 32))
    assert machine.facts == calibrate._facts()
    rates = [machine.hashing, *machine.crowding, machine.base, machine.start]
    for curve in (*machine.squares.values(), *machine.grams.values(), machine.fits):
        rates += [value for _, value in curve]
    for pair in machine.products.values():
        rates += pair
        assert pair[1] >= pair[0]
    assert all(0 < rate < math.inf for rate in rates)
    assert msgspec.json.decode(msgspec.json.encode(machine), type=Machine) == machine


def test_a_prediction_of_a_file(tmp_path: Path):
    save_file({"fc.weight": np.ones((64, 32), np.float32)}, tmp_path / "m.safetensors")
    found = et.cost(tmp_path / "m.safetensors", hands=Hands(workers=1), machine=MACHINE)
    expected = square_seconds(32, CURVE) + 32 * 32**2 / 2e10 + 0.002 + 64 * 32 * 4 / 1e9
    assert found.seconds == pytest.approx(MACHINE.start + expected)
    assert (found.nbytes, found.flops, found.reading) == (8192, et.describe(tmp_path / "m.safetensors").flops, math.inf)
    assert found.floor == pytest.approx(found.flops / 4e11)
