"""What an analysis would take: time, memory and bytes, for this machine and for several of its kind."""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from eigentail.analysis.calibrate import this_machine
from eigentail.analysis.describe import dearest_first, described
from eigentail.errors import EigentailError, UsageError
from eigentail.execution import cores
from eigentail.metrics import chosen
from eigentail.records import Layer
from eigentail.records.cost import Cost, Hands, LayerCost, Machine, Point
from eigentail.records.description import Description
from eigentail.settings import Settings
from eigentail.sources import WeightSource, opened
from eigentail.sources.dtypes import dtype_of

_SAMPLE: Final = 8 * 2**20
_SPARE: Final = 100 * 10**6
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
        machine: what was calibrated; None for `this_machine()`, which takes about three seconds the first time.

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

    Layers are dealt to the machines dearest first, as `shard` does, and are done side by side on each.

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
    of = {layer.index: _layer_cost(layer, work.settings, machine, (hands, per_byte)) for layer in work.layers}
    ordered = dearest_first(work.layers)
    largest = max((8 * layer.shape[0] * layer.shape[1] for layer in ordered), default=0)
    shards = [[of[layer.index] for layer in ordered[i :: hands.machines]] for i in range(hands.machines)]
    ends = [side_by_side(shard, hands.workers, 4 * largest + _SPARE) for shard in shards if shard]
    rate = machine.products["float64"][1] * hands.machines
    return Cost(
        hands=hands,
        seconds=machine.start + max(end for end, _ in ends),
        work=sum(layer.seconds for layer in of.values()),
        memory=machine.base + max(peak for _, peak in ends),
        nbytes=work.nbytes,
        reading=reading,
        flops=work.flops,
        floor=work.flops / rate,
        layers=tuple(of[layer.index] for layer in work.layers),
        machine=machine,
        notes=_notes(work, reading),
    )


def side_by_side(layers: Sequence[LayerCost], workers: int, budget: float) -> tuple[float, int]:
    """How long a machine takes and how much memory at most: the rule of `eigentail.threads`, played without the work.

    Args:
        layers: the dearest first, at least one.
        workers: how many at a time, with one BLAS thread each.
        budget: bytes; what does not fit beside others waits.

    Returns:
        Seconds, and bytes of the layers that are in memory together.

    Example:
        >>> layers = [LayerCost(index=i, name="", seconds=1.0, memory=10) for i in range(5)]
        >>> side_by_side(layers, 2, 100), side_by_side(layers, 2, 15)
        ((3.0, 20), (5.0, 10))
    """
    waiting, running = deque(layers), list[tuple[float, int]]()
    now, used, peak = 0.0, 0, 0
    while waiting or running:
        while waiting and len(running) < workers:
            if not running or waiting[0].memory <= budget - used:
                task = waiting.popleft()
            elif waiting[-1].memory <= budget - used:
                task = waiting.pop()
            else:
                break
            heapq.heappush(running, (now + task.seconds, task.memory))
            used += task.memory
        peak = max(peak, used)
        now = running[0][0]
        while running and running[0][0] <= now:  # what ends together is replaced together
            used -= heapq.heappop(running)[1]
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


def _layer_cost(layer: Layer, settings: Settings, machine: Machine, terms: tuple[Hands, float]) -> LayerCost:
    """Spectra, what follows them, and bytes, while all workers are busy."""
    hands, per_byte = terms
    share = min(hands.workers - 1, machine.cores - 1) / max(machine.cores - 1, 1)
    arithmetic, after = (1 + (crowded - 1) * share for crowded in machine.crowding)
    waits = max(hands.workers / machine.cores, 1.0)  # more workers than cores take turns
    n, m = layer.shape
    stored = dtype_of(layer.tensors[0].dtype).itemsize
    dtype = (
        "float32" if settings.precision == "float32" or (settings.precision == "auto" and stored <= 2) else "float64"
    )
    spectrum = square_seconds(m, machine.squares[dtype]) + (n - m) * m**2 / _between(m, machine.grams[dtype])
    fit = _between(layer.num_evals, machine.fits) * max(layer.num_evals / machine.fits[-1][0], 1.0)
    nbytes = layer.count * n * m * stored
    seconds = arithmetic * _spectra(settings) * layer.count * spectrum + after * fit + nbytes * per_byte
    return LayerCost(index=layer.index, name=layer.name, seconds=waits * seconds, memory=layer.memory)


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
