"""Make `src/eigentail/numerics/null_table.npz`: what untrained matrices of every shape show, by simulation.

    python scripts/null_table.py --work FOLDER [--workers 2] [--check]

Each shape is drawn several hundred times in M^2 operations (`numerics.wishart`), every estimator is fitted to the same
draws, and quantiles are kept. Shapes are independent and what is finished is kept in FOLDER: run again after an
interruption, or after adding an estimator, it does what is missing. `--check` measures the interpolation error on
shapes off the grid and prints a table. About an hour on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from eigentail.numerics.noise import statistics_of
from eigentail.numerics.null_table import quantiles_of
from eigentail.numerics.tail import Estimator, estimators, fit_tail
from eigentail.numerics.wishart import untrained_spectrum
from eigentail.records import Spectrum

TABLE = Path(__file__).resolve().parents[1] / "src" / "eigentail" / "numerics" / "null_table.npz"
# fmt: off
LEVELS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.16, 0.25, 0.5,
    0.75, 0.84, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999,
)
# fmt: on
SPECTRUM = "spectrum"  # the part of the work that needs no estimator
# The cost of a fit decides how often and up to how many eigenvalues it is simulated; beyond, the largest size counts.
MOST_EVALS = {"truncated-power-law": 512, "E-TPL": 512, "upper-truncated": 1024, "farms": 512}
SLOW_DRAWS = {"truncated-power-law": 100, "E-TPL": 100, "farms": 50}


# (up to so many eigenvalues, so many matrices)
SPECTRUM_DRAWS = ((64, 10000), (256, 4000), (1024, 2000), (2048, 500), (10**6, 250))
FIT_DRAWS = ((64, 2000), (256, 1000), (1024, 500), (10**6, 200))


class Grid(NamedTuple):
    """Shapes at which matrices are drawn."""

    count: tuple[int, ...]
    M: tuple[int, ...]
    Q: tuple[float, ...]

    def nodes(self) -> Iterator[tuple[int, int, int]]:
        """(count, N, M) of each, the cheapest first."""
        found = ((c, round(q * m), m) for c, m, q in itertools.product(*self))
        yield from sorted(found, key=lambda node: node[0] * node[2] ** 2)


GRIDS = {
    "single": Grid(
        (1,),
        (8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048, 4096),
        (1, 1.1, 1.25, 1.5, 2, 3, 4, 6, 8, 16, 32, 64),
    ),
    "pooled": Grid((4, 9, 25, 64), (8, 16, 32, 64, 128, 256, 512), (1, 1.5, 2, 4, 16)),
}
MOST_POOLED = 8192
OFF_GRID = ((20, 13, 1), (75, 50, 1), (140, 100, 1), (300, 300, 1), (3072, 768, 1), (48, 24, 9), (160, 96, 9))


def main() -> None:
    """Read the command line; draw, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for finished shapes")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="measure the interpolation error instead")
    options = parser.parse_args()
    if options.check:
        check()
        return
    options.work.mkdir(parents=True, exist_ok=True)
    jobs = [(node, options.work) for _, node in all_nodes()]
    started = time.time()
    with ProcessPoolExecutor(options.workers) as pool:
        for done, _ in enumerate(pool.map(finish, jobs), start=1):
            if done % 20 == 0:
                print(f"{done} of {len(jobs)}, {time.time() - started:.0f} s", flush=True)
    assemble(options.work)


def parts() -> list[str]:
    """What is kept apart for each shape: the spectrum's own statistics, and each estimator."""
    return [SPECTRUM, *sorted(estimators)]


def all_nodes() -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Every shape of every grid."""
    for name, grid in GRIDS.items():
        for node in grid.nodes():
            if node[0] * node[2] <= MOST_POOLED or name == "single":
                yield name, node


def finish(job: tuple[tuple[int, int, int], Path]) -> None:
    """Draw one shape and keep the quantiles of every part that is not yet done."""
    (count, n, m), work = job
    wanted = {part: work / f"{part}-{count}-{n}-{m}.npz" for part in parts() if draws(part, count * m)}
    wanted = {part: file for part, file in wanted.items() if not file.exists()}
    if not wanted:
        return
    with threadpool_limits(1):
        found = drawn(list(wanted), (n, m), count)
    for part, rows in found.items():
        partial = wanted[part].with_suffix(".part.npz")
        np.savez(partial, **{key: summary([row[key] for row in rows]) for key in rows[0]})
        partial.replace(wanted[part])


def drawn(wanted: list[str], shape: tuple[int, int], count: int) -> dict[str, list[dict[str, float]]]:
    """What each untrained matrix shows, by part."""
    rng = np.random.default_rng([count, *shape])
    times = {part: draws(part, count * shape[1]) for part in wanted}
    rows: dict[str, list[dict[str, float]]] = {part: [] for part in wanted}
    for at in range(max(times.values())):
        spectrum = untrained_spectrum(shape, rng, count)
        for part in wanted:
            if at < times[part]:
                rows[part].append(seen(spectrum) if part == SPECTRUM else fitted(estimators[part], spectrum))
    return rows


def seen(spectrum: Spectrum) -> dict[str, float]:
    """What is asked of a spectrum without a fit."""
    found = statistics_of(spectrum)
    return {
        "peak": found.peak,
        "second": found.second,
        "distance": found.distance,
        "lambda_max": spectrum.lambda_max / float(spectrum.eigenvalues.mean()),
    }


def fitted(estimator: Estimator, spectrum: Spectrum) -> dict[str, float]:
    """The exponent and distance that an estimator finds in noise."""
    if estimator.sample is None:
        fit = fit_tail(spectrum, estimator, fewest=2)
    else:  # what it fits is not a function of the spectrum: a matrix is needed
        rng = np.random.default_rng(spectrum.eigenvalues.view(np.uint64))
        fit = estimator.fit(estimator.sample(rng.standard_normal((spectrum.count, *spectrum.shape))))
    return {f"{estimator.name}/alpha": fit.alpha, f"{estimator.name}/D": fit.D}


def draws(part: str, evals: int) -> int:
    """How many matrices: fewer where each costs more, more where no fit is needed, none where it would take hours."""
    if evals > MOST_EVALS.get(part, MOST_POOLED):
        return 0
    steps = SPECTRUM_DRAWS if part == SPECTRUM else FIT_DRAWS
    usual = next(times for most, times in steps if evals <= most)
    return min(usual, SLOW_DRAWS.get(part, usual))


def summary(values: list[float]) -> np.ndarray:
    """Quantiles at LEVELS, then the standard deviation; a draw without a fit does not count."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if len(finite) < len(values) / 2:
        return np.full(len(LEVELS) + 1, np.nan)
    return np.append(np.quantile(finite, LEVELS), finite.std())


def assemble(work: Path) -> None:
    """Write the table from the finished shapes; what was too dear takes the nearest smaller size."""
    arrays: dict[str, np.ndarray] = {"levels": np.array(LEVELS)}
    for name, grid in GRIDS.items():
        arrays |= {f"{name}.{axis}": np.array(values, dtype=np.float64) for axis, values in grid._asdict().items()}
        for part in parts():
            for key, values in on_grid(work, grid, part).items():
                arrays[f"{name}/{key}"] = shortened(values)
    np.savez_compressed(TABLE, **arrays)
    print(f"{TABLE.name}: {TABLE.stat().st_size / 1e3:.0f} kB, {len(arrays)} arrays")


def shortened(values: np.ndarray) -> np.ndarray:
    """float32 with ten bits of mantissa, well below the error of a few hundred draws: half the size when compressed."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


def on_grid(work: Path, grid: Grid, part: str) -> dict[str, np.ndarray]:
    """Every quantity of one part, shape (count, M, Q, quantiles)."""
    found: dict[str, np.ndarray] = {}
    for at in np.ndindex(*(len(axis) for axis in grid)):
        for key, values in nearest(work, grid, part, at).items():
            found.setdefault(key, np.full((*(len(axis) for axis in grid), len(values)), np.nan))[at] = values
    return found


def nearest(work: Path, grid: Grid, part: str, at: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The quantities at a node, or at the largest smaller M that was simulated."""
    count, q = grid.count[at[0]], grid.Q[at[2]]
    for m in reversed(grid.M[: at[1] + 1]):
        file = work / f"{part}-{count}-{round(q * m)}-{m}.npz"
        if file.exists():
            with np.load(file) as arrays:
                return dict(arrays)
    raise SystemExit(f"nothing was simulated for {part}, count {count}, Q {q}")


def check() -> None:
    """The error of interpolation, and of a finite number of draws, at shapes off the grid."""
    print("| shape | count | quantity | median: table | drawn | 5 %: table | drawn | drawn at or below the 5 % point |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for n, m, count in OFF_GRID:
        rng = np.random.default_rng([7, n, m, count])
        rows = [fitted(estimators["clauset"], untrained_spectrum((n, m), rng, count)) for _ in range(1000)]
        for key in rows[0]:
            values = np.array([row[key] for row in rows])
            table = quantiles_of(key, (n, m), count)
            five = float(np.interp(0.05, table.levels, table.values))
            print(
                f"| {n} x {m} | {count} | {key} | {table.median:.3f} | {np.median(values):.3f} | {five:.3f} "
                f"| {np.quantile(values, 0.05):.3f} | {np.mean(values <= five):.3f} |"
            )


if __name__ == "__main__":
    main()
