"""How fast this machine is: measured in about two seconds by the code that does the work, and kept."""

from __future__ import annotations

import datetime
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal

import ml_dtypes
import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from eigentail._version import __version__
from eigentail.analysis.describe import described
from eigentail.analysis.measure import measure
from eigentail.errors import UsageError
from eigentail.examples import example
from eigentail.execution import cores
from eigentail.numerics import spectrum_of
from eigentail.numerics.gram import grams
from eigentail.numerics.kernels import kernels
from eigentail.records.cost import CALIBRATION, Machine, Point
from eigentail.settings import Settings
from eigentail.sources import open_source
from eigentail.store import address_of, user_home, write_atomically
from eigentail.store.home import check_version, mark_version

_Dtype = Literal["float64", "float32"]
_Curves = dict[str, tuple[Point, ...]]
# On both sides of every change of route in the solver; the last is the largest that a user will wait for.
SIDES: Final = (8, 32, 128, 512, 1024, 2048)
_DTYPES: Final[tuple[_Dtype, ...]] = ("float64", "float32")
_STORED: Final = {"float64": np.float32, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16}
_POSITIONS: Final = (1, 16, 64)
_CROWD_SIDE: Final = 384
_PRODUCT_SIDE: Final = 768
# The clock of a thread ticks too rarely on some systems.
_CLOCK: Final = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-5 else time.perf_counter
# A moment of another program's work must not make a machine look slow: small things are measured several times.
_SETTLED: Final = 0.05
_BASE: Final = 80 * 10**6
# A process of its own in between: the peak that a system tells of a process includes what it was forked from.
_LAUNCHER: Final = """
import resource, subprocess, sys, time
begin = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
wall, used = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
print(min(wall, used.ru_utime + used.ru_stime), used.ru_maxrss)
"""


def this_machine(*, again: bool = False, by: Callable[[], Machine] | None = None) -> Machine:
    """The calibration of this machine, kept in `machine.json` below `user_home()` until processor or libraries change.

    Args:
        again: measure even if there is one.
        by: what measures; None for `calibrate`.

    Returns:
        The machine. That it cannot be kept is no error: it is then measured again the next time.

    Example:
        >>> machine = this_machine(by=lambda: calibrate(sides=(8, 32)), again=True)
        >>> machine == this_machine()
        True
        >>> (user_home() / "machine.json").unlink()
    """
    path = user_home() / "machine.json"
    found = None if again else _kept(path)
    if found is None:
        found = (by or calibrate)()
        _keep(found, path)
    return found


def calibrate(*, sides: Sequence[int] = SIDES) -> Machine:
    """Measure this machine.

    Args:
        sides: of the matrices whose spectra are timed, ascending, at least one.

    Returns:
        The machine as of now; other programs that run meanwhile make it look slower than it is.

    Example:
        >>> machine = calibrate(sides=(8, 32))
        >>> [m for m, _ in machine.squares["float64"]], machine.products["float64"][0] > 0
        ([8, 32], True)
    """
    weights = np.random.default_rng(0).standard_t(4.0, (2 * _PRODUCT_SIDE, _PRODUCT_SIDE)).astype(np.float32)
    start, base = _process()
    with threadpool_limits(1, user_api="blas"):
        squares: _Curves = {dtype: tuple((m, _square(m, dtype)) for m in sides) for dtype in _DTYPES}
        rates: _Curves = {way: tuple((m, _gram(weights[:, :m], way)) for m in (64, _PRODUCT_SIDE)) for way in _STORED}
        products: dict[str, tuple[float, float]] = {dtype: _product(weights, dtype) for dtype in _DTYPES}
        fits = tuple(_fits(positions) for positions in _POSITIONS)
        # who waits for the interpreter uses no processor
        crowding = (_crowding(_spectrum, _CLOCK), _crowding(_layer(_POSITIONS[1]), time.perf_counter))
        hashing = weights.nbytes / seconds(lambda: address_of(weights[None]))
    return Machine(
        made=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        facts=_facts(),
        cores=cores(),
        squares=squares,
        grams=rates,
        products=products,
        fits=fits,
        crowding=crowding,
        hashing=hashing,
        start=start,
        base=base,
        direct=("bfloat16",) if (compiled := kernels()) and compiled.tiles else (),
    )


def seconds(work: Callable[[], Any], clock: Callable[[], float] = _CLOCK) -> float:
    """The shortest of three runs, or of one that takes long enough to be no accident.

    Args:
        work: what is timed.
        clock: that of this thread's processor time by default: what other programs take meanwhile does not count.

    Example:
        >>> 0 < seconds(lambda: sum(range(10_000))) < 1
        True
    """
    best = np.inf
    for _ in range(3):
        begin = clock()
        work()
        best = min(best, clock() - begin)
        if best > _SETTLED:
            break
    return float(best)


def _square(m: int, dtype: _Dtype) -> float:
    """Seconds of the spectrum of one matrix; of many where they are small, as in a convolution."""
    count = max(1, (128 // m) ** 2)
    weights = np.random.default_rng(m).standard_normal((count, m, m), dtype=np.float32)
    return seconds(lambda: spectrum_of(weights, precision=dtype)) / count


def _gram(weights: np.ndarray[Any, Any], way: str) -> float:
    """Operations a second, N M^2 counted, of tall weights multiplied with themselves."""
    n, m = weights.shape
    stack = weights[None].astype(_STORED[way])
    dtype = np.dtype("float64" if way == "float64" else "float32")
    return float(n * m**2 / seconds(lambda: list(grams(stack, dtype))))


def _product(weights: np.ndarray[Any, Any], dtype: _Dtype) -> tuple[float, float]:
    """Operations a second of a matrix product, by one thread and by one on each core."""
    square = np.asarray(weights[:_PRODUCT_SIDE], dtype=dtype)
    other = square.copy()  # a matrix with itself would take the symmetric kernel

    def work() -> None:
        square @ other

    one = 2 * _PRODUCT_SIDE**3 / seconds(work)
    return one, cores() * one / _crowding(work, _CLOCK)


def _spectrum() -> None:
    """What takes most of the time of a layer."""
    spectrum_of(np.random.default_rng(0).standard_normal((1, _CROWD_SIDE, _CROWD_SIDE), dtype=np.float32))


def _layer(positions: int) -> Callable[[], Any]:
    """A whole layer whose spectrum is cheap and whose eigenvalues are many: 64 for each position of a kernel."""
    kernel = np.random.default_rng(0).standard_t(4.0, (64, 64, positions, 1)).astype(np.float32)
    source = open_source({"conv.weight": kernel})
    work = described(source, Settings())
    return lambda: measure(work.layers[0], source=source, settings=work.settings)


def _fits(positions: int) -> Point:
    """Seconds of a layer beside its spectrum."""
    layer = _layer(positions)
    layer()  # what is loaded on first use belongs to the start of a process
    stack = np.random.default_rng(0).standard_t(4.0, (positions, 64, 64)).astype(np.float32)
    return 64 * positions, max(seconds(layer) - seconds(lambda: spectrum_of(stack)), 0.0)


def _crowding(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    """How many times longer it takes while every core does it: memory, clock rate and interpreter are shared."""

    def several() -> float:
        return sum(seconds(work, clock) for _ in range(2))

    alone = several()
    with ThreadPoolExecutor(cores()) as pool:
        crowded = [done.result() for done in [pool.submit(several) for _ in range(cores())]]
    return min(max(sum(crowded) / cores() / alone, 1.0), float(cores()))


def _process() -> tuple[float, int]:
    """Seconds and bytes of a process that analyses three small layers; no time where none can be started.

    Other programs make it take longer by the clock, and its own threads of a moment longer by the processors: the less.
    """
    analysis = (sys.executable, "-m", "eigentail", "analyze", str(example()), "--no-store")
    command = [sys.executable, "-c", _LAUNCHER, *analysis]
    try:
        # twice: the first may have to compile what was just installed
        runs = [subprocess.run(command, capture_output=True, check=True).stdout.split() for _ in range(2)]
        taken, peak = min(runs, key=lambda run: float(run[0]))
        return float(taken), int(peak) * (1 if sys.platform == "darwin" else 1024)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0.0, _BASE


def _facts() -> str:
    """What a calibration depends on."""
    numbers = f"{cores()} cores, eigentail {__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    return f"{_processor()}, {platform.system()} {platform.machine()}, {numbers}"


def _processor() -> str:
    """Its name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown processor")


def _kept(path: Path) -> Machine | None:
    """The calibration in a file, if it is whole and of this machine as it is now."""
    try:
        check_version(path.parent)
        found = msgspec.json.decode(path.read_bytes(), type=Machine)
    except (OSError, UsageError, msgspec.DecodeError):
        return None
    return found if (found.facts, found.calibration) == (_facts(), CALIBRATION) else None


def _keep(machine: Machine, path: Path) -> None:
    """Write it for the next time, where that is possible."""
    try:
        check_version(path.parent)
        mark_version(path.parent)
        write_atomically(path, msgspec.json.format(msgspec.json.encode(machine)))
    except (OSError, UsageError):
        return
