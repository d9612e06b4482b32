"""What an analysis would take: time, memory and bytes, for this machine and for several of its kind."""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from eigentail.analysis.calibrate import this_machine
from eigentail.analysis.describe import dearest_first, described
from eigentail.analysis.piece import Piece, piece_of
from eigentail.errors import EigentailError, UsageError
from eigentail.execution import cores
from eigentail.execution.memory import budget
from eigentail.execution.schedule import GAIN, Limits, alone_first, taken
from eigentail.metrics import chosen
from eigentail.records import Layer
from eigentail.records.cost import Cost, Hands, LayerCost, Machine, Point
from eigentail.records.description import Description
from eigentail.settings import Settings
from eigentail.sources import WeightSource, opened
from eigentail.sources.dtypes import dtype_of

_SAMPLE: Final = 8 * 2**20
_ON_TOP: Final = ("laws", "goodness", "vectors", "jackknife")
_CACHED: Final = "the file was read at {:.1f} GB/s, perhaps from memory: a cold disk takes longer"
_EXTRA: Final = "not counted: what the metrics made from {} take"
_GUARD: Final = "not counted: layers in 16 bits whose spectrum needs float64 take another one"


def cost(
    target: object,
    settings: Settings = Settings(),
    *,
    hands: Hands | None = None,
    stored: bool = True,
    machine: Machine | None = None,
) -> Cost:
    """Predict what `eigentail analyze` would take; a few megabytes are read to see how fast that goes.

    Args:
        target: a file, a folder, or a live object.
        settings: what to measure.
        hands: how many work; None for one worker on each core of one machine.
        stored: whether spectra are kept, as the command line does: every byte is hashed then.
        machine: what was calibrated; None for `this_machine()`, which takes about two seconds the first time.

    Returns:
        The prediction. Spectra that are in the store already take no time but that of hashing: that is not looked up.

    Raises:
        SourceError: the target cannot be read or holds no matrix large enough.
        UsageError: an unknown metric or estimator, a pattern that matches nothing, or hands below 1.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.calibrate import calibrate
        >>> predicted = et.cost(et.example(), machine=calibrate(sides=(8, 32)))
        >>> predicted.dearest.name, predicted.nbytes
        ('fc2', 204288)
    """
    measured = machine or this_machine()
    with opened(target) as source:
        work = described(source, settings)
        reading = reading_rate(source, work)
    return cost_of(work, measured, hands=hands or Hands(workers=cores()), reading=reading, stored=stored)


def cost_of(
    work: Description, machine: Machine, *, hands: Hands, reading: float = math.inf, stored: bool = False
) -> Cost:
    """The arithmetic of `cost`: nothing is measured.

    Layers are dealt to the machines dearest first, as `shard` does. On each they are done as `threads` does them where
    nobody else uses the cores: large ones by themselves where that is shorter, the others side by side.

    Args:
        work: from `describe`.
        machine: from `calibrate`.
        hands: how many work.
        reading: bytes a second.
        stored: whether every byte is hashed.

    Raises:
        UsageError: fewer than one worker or machine.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.calibrate import calibrate
        >>> machine, work = calibrate(sides=(8, 32)), et.describe(et.example())
        >>> one, two = (cost_of(work, machine, hands=Hands(machines=n)).seconds for n in (1, 2))
        >>> one > two
        True
    """
    if hands.workers < 1 or hands.machines < 1:
        raise UsageError("fewer than one worker or machine", where="hands", hint="use 1 or more of each")
    per_byte = 1 / reading + (1 / machine.hashing if stored else 0.0)
    pieces = [piece_of(layer, work.settings) for layer in dearest_first(work.layers)]
    shards = [shard for i in range(hands.machines) if (shard := pieces[i :: hands.machines])]
    plans = [_planned(shard, _Terms(work.settings, machine, hands, per_byte)) for shard in shards]
    of = {layer.index: layer for plan in plans for layer in plan.layers}
    layers = tuple(of[layer.index] for layer in work.layers)
    rate = machine.products["float64"][1] * hands.machines
    return Cost(
        hands=hands,
        seconds=machine.start + max(plan.seconds for plan in plans),
        work=sum(layer.seconds for layer in layers),
        memory=machine.base + max(plan.peak for plan in plans),
        nbytes=work.nbytes,
        reading=reading,
        flops=work.flops,
        floor=work.flops / rate,
        layers=layers,
        machine=machine,
        notes=_notes(work, reading),
    )


def side_by_side(layers: Sequence[LayerCost], limits: Limits) -> tuple[float, int]:
    """How long a machine takes and how much memory at most: the schedule of the executors, played without the work.

    Args:
        layers: the dearest first.
        limits: how much at once.

    Returns:
        Seconds, and bytes of the layers that are in memory together.

    Example:
        >>> layers = [LayerCost(index=i, name="", seconds=1.0, memory=10, likely=9) for i in range(5)]
        >>> side_by_side(layers, Limits(2, 100)), side_by_side(layers, Limits(2, 15))
        ((3.0, 18), (5.0, 9))
    """
    waiting, running = deque(layers), list[tuple[float, int, LayerCost]]()
    now, peak = 0.0, 0
    while waiting or running:
        while (task := taken(waiting, [held for _, _, held in running], limits)) is not None:
            heapq.heappush(running, (now + task.seconds, task.index, task))
        peak = max(peak, sum(held.likely for _, _, held in running))
        now = running[0][0]
        while running and running[0][0] <= now:  # what ends together is replaced together
            heapq.heappop(running)
    return now, peak


def reading_rate(source: WeightSource, work: Description) -> float:
    """Bytes a second at which the first few megabytes of the largest tensor come; an upper bound if they lie in memory.

    Args:
        source: open.
        work: made from it.

    Returns:
        Infinite for live objects, for what cannot be read, and for what is too small to tell.

    Example:
        >>> import eigentail as et
        >>> with opened({"fc.weight": np.eye(16)}) as source:
        ...     reading_rate(source, described(source, Settings()))
        inf
    """
    spec = max((layer.tensors[0] for layer in work.layers), key=lambda spec: spec.nbytes)
    if source.ref.format in ("live", "memory") or spec.nbytes < _SAMPLE // 8:
        return math.inf
    rows = max(1, spec.shape[0] * _SAMPLE // spec.nbytes)
    begin = time.perf_counter()
    try:
        array = np.array(source.read(spec, (0, rows) if rows < spec.shape[0] else None))
    except EigentailError:  # told when it is analysed
        return math.inf
    return array.nbytes / (time.perf_counter() - begin)


class _Terms(NamedTuple):
    """What a layer takes depends on this beside the layer."""

    settings: Settings
    machine: Machine
    hands: Hands
    per_byte: float


class _Plan(NamedTuple):
    """One machine's share: of each layer what it takes, seconds of all, and bytes of those in memory together."""

    layers: list[LayerCost]
    seconds: float
    peak: int


class _Pace(NamedTuple):
    """How many times longer than on one core, with the others idle: a spectrum, what follows it, everything."""

    arithmetic: float = 1 / GAIN
    after: float = 1.0
    waits: float = 1.0


_ALONE: Final = _Pace()


def _planned(pieces: Sequence[Piece], terms: _Terms) -> _Plan:
    """What runs by itself one after the other, then the rest side by side."""
    limits = Limits(terms.hands.workers, budget(pieces, None, interpreters=1))
    alone = alone_first(pieces, limits)
    first = [_layer_cost(piece.layer, terms, _ALONE) for piece in pieces[:alone]]
    rest = [_layer_cost(piece.layer, terms, _beside_others(terms)) for piece in pieces[alone:]]
    seconds, peak = side_by_side(rest, limits)
    return _Plan(
        layers=[*first, *rest],
        seconds=sum(layer.seconds for layer in first) + seconds,
        peak=max([peak, *(layer.likely for layer in first)]),
    )


def _beside_others(terms: _Terms) -> _Pace:
    """While all workers are busy."""
    workers, machine = terms.hands.workers, terms.machine
    share = min(workers - 1, machine.cores - 1) / max(machine.cores - 1, 1)
    arithmetic, after = (1 + (crowded - 1) * share for crowded in machine.crowding)
    return _Pace(arithmetic, after, waits=max(workers / machine.cores, 1.0))  # more workers than cores take turns


def _layer_cost(layer: Layer, terms: _Terms, pace: _Pace) -> LayerCost:
    """Spectra, what follows them, and bytes."""
    settings, machine, _, per_byte = terms
    n, m = layer.shape
    stored = dtype_of(layer.tensors[0].dtype)
    way = _way(stored.name, stored.itemsize, settings)
    dtype = "float64" if way == "float64" else "float32"
    values = square_seconds(m, machine.squares[dtype]) - m**3 / _between(m, machine.grams[dtype])
    spectrum = max(values, 0.0) + n * m**2 / _between(m, machine.grams[way])
    fit = _between(layer.num_evals, machine.fits) * max(layer.num_evals / machine.fits[-1][0], 1.0)
    nbytes = layer.count * n * m * stored.itemsize
    seconds = pace.arithmetic * _spectra(settings) * layer.count * spectrum + pace.after * fit + nbytes * per_byte
    itemsize = np.dtype(dtype).itemsize
    likely = layer.memory_in(itemsize, 0 if way in machine.direct else itemsize)
    waited = pace.waits * seconds
    return LayerCost(index=layer.index, name=layer.name, seconds=waited, memory=layer.memory, likely=likely)


def _way(stored: str, itemsize: int, settings: Settings) -> str:
    """Which of the measured curves a layer follows."""
    if settings.precision == "float64" or (settings.precision == "auto" and itemsize > 2):
        return "float64"
    return "bfloat16" if stored == "bfloat16" else "float32"


def square_seconds(m: int, points: Sequence[Point]) -> float:
    """Seconds of the spectrum of an M x M matrix: between the sizes measured by a power of M, above them as M^3.

    Args:
        m: its side.
        points: (M, seconds), M ascending, at least one.

    Example:
        >>> round(square_seconds(4, [(2, 1.0), (8, 4.0)]), 9), square_seconds(16, [(2, 1.0), (8, 4.0)])
        (2.0, 32.0)
    """
    largest, seconds = points[-1]
    if m >= largest:
        return seconds * (m / largest) ** 3
    if m <= points[0][0]:
        return points[0][1]
    logs = np.log([(side, max(value, 1e-12)) for side, value in points])
    return float(np.exp(np.interp(math.log(m), logs[:, 0], logs[:, 1])))


def _between(x: int, points: Sequence[Point]) -> float:
    """A straight line between points; beyond them as at the nearest."""
    sizes, values = zip(*points, strict=True)
    return float(np.interp(x, sizes, values))


def _spectra(settings: Settings) -> int:
    """How many spectra of its shape each layer takes: its own, and those of shuffled copies."""
    needs = {need for metric in chosen(settings.metrics) for need in metric.needs}
    is_shuffled = "shuffled" in needs or (settings.null == "shuffle" and "null" in needs)
    return 1 + settings.shuffles * is_shuffled


def _notes(work: Description, reading: float) -> tuple[str, ...]:
    """What the prediction leaves out."""
    needs = {need for metric in chosen(work.settings.metrics) for need in metric.needs}
    extra = [need for need in _ON_TOP if need in needs]
    small = any(dtype_of(layer.tensors[0].dtype).itemsize <= 2 for layer in work.layers)
    told = (
        _CACHED.format(reading / 1e9) if math.isfinite(reading) else "",
        _EXTRA.format(" and ".join(extra)) if extra else "",
        _GUARD if small and work.settings.precision == "auto" else "",
    )
    return tuple(note for note in told if note)
