"""What an analysis would cost, and the machine that the prediction is for."""

from __future__ import annotations

from typing import Final

import msgspec

# A point of a measured curve: a size, and the seconds or the operations a second there.
Point = tuple[int, float]
CALIBRATION: Final = 2


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a calibration found. Every rate is of one thread unless it says otherwise.

    Attributes:
        made: the day of the measurement, as 2026-01-31.
        facts: processor, cores and libraries; with other ones the measurement is no longer true.
        cores: that a process may use.
        squares: by dtype of the arithmetic, (M, seconds) of the spectrum of one M x M matrix, M ascending.
        grams: likewise, (M, operations a second) of N M^2, M ascending; and by bfloat16 for weights that are stored so,
            where the arithmetic is in float32.
        products: by dtype, operations a second of a matrix product by one thread, and by one on each core together.
        fits: (eigenvalues, seconds) of what follows a spectrum: tail, interval, null, verdict.
        crowding: how many times longer a spectrum takes, and what follows it, while every core does the same.
        hashing: bytes a second, where spectra are kept.
        start: seconds of a process that analyses next to nothing.
        base: bytes of memory of such a process.
        direct: the dtypes whose weights are multiplied as they are stored: no converted copy is made.
        calibration: of what kind the measurement is; counted up when it means something else.

    Example:
        >>> Machine.__struct_fields__[:3]
        ('made', 'facts', 'cores')
    """

    made: str
    facts: str
    cores: int
    squares: dict[str, tuple[Point, ...]]
    grams: dict[str, tuple[Point, ...]]
    products: dict[str, tuple[float, float]]
    fits: tuple[Point, ...]
    crowding: tuple[float, float]
    hashing: float
    start: float
    base: int
    direct: tuple[str, ...] = ()
    calibration: int = CALIBRATION


class Hands(msgspec.Struct, frozen=True, kw_only=True):
    """How many work.

    Attributes:
        workers: layers at a time on each machine, with one BLAS thread each; 1 or more.
        machines: of this kind; 1 or more.

    Example:
        >>> Hands(workers=2).machines
        1
    """

    workers: int = 1
    machines: int = 1


class LayerCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer takes: by itself with every core where the schedule has it so, else while all workers are busy.

    Attributes:
        index: of the layer in its model.
        name: of the layer.
        seconds: of one worker.
        memory: bytes that the schedule keeps for it, in float64.
        likely: bytes that it takes: fewer where float32 is expected to serve.

    Example:
        >>> LayerCost(index=0, name="fc", seconds=0.5, memory=10, likely=8).seconds
        0.5
    """

    index: int
    name: str
    seconds: float
    memory: int
    likely: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction.

    Attributes:
        hands: for whom.
        seconds: until the last machine is done, the start of a process included.
        work: seconds of all layers added up, each done as it is done here.
        memory: bytes of the fullest process at its peak.
        nbytes: to be read, by all machines together.
        reading: bytes a second at which the file was read; infinite for what is in memory.
        flops: operations of the exact spectra.
        floor: seconds that so many operations take as a matrix product on every core of every machine.
        layers: of each, in model order.
        machine: that was calibrated.
        notes: sentences on what the prediction leaves out.

    Example:
        >>> Cost.__struct_fields__[:2]
        ('hands', 'seconds')
    """

    hands: Hands
    seconds: float
    work: float
    memory: int
    nbytes: int
    reading: float
    flops: float
    floor: float
    layers: tuple[LayerCost, ...]
    machine: Machine
    notes: tuple[str, ...] = ()

    @property
    def dearest(self) -> LayerCost:
        """The layer that takes longest: with any number of machines the analysis takes at least that."""
        return max(self.layers, key=lambda layer: layer.seconds)
