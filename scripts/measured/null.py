"""How near the table of the null is to fresh draws, and whether dtype and distribution of the entries matter to it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import ml_dtypes
import null_table
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.null_table import Quantiles, quantiles_of
from measured.matrices import gaussian, uniform
from measured.page import table
from measured.readings import percent, read

SHAPES = ((128, 64), (256, 256), (512, 256))
ENTRIES: dict[str, Callable[[np.random.Generator, tuple[int, int]], NDArray[Any]]] = {
    "Gaussian, float32": gaussian,
    "Gaussian, float16": lambda rng, shape: gaussian(rng, shape).astype(np.float16),
    "Gaussian, bfloat16": lambda rng, shape: gaussian(rng, shape).astype(ml_dtypes.bfloat16),
    "uniform, float32": uniform,
}


class Row(NamedTuple):
    """The exponents of matrices of one shape and one kind of entry, ascending."""

    shape: tuple[int, int]
    entries: str
    alphas: NDArray[np.float64]

    @property
    def null(self) -> Quantiles:
        """What the table says of the shape."""
        return quantiles_of("clauset/alpha", self.shape)


def rows(shapes: Iterable[tuple[int, int]] = SHAPES, *, each: int = 500) -> list[Row]:
    """Draw `each` matrices of every shape and kind; each kind has draws of its own."""
    found = []
    for shape in shapes:
        for at, (entries, draw) in enumerate(ENTRIES.items()):
            rng = np.random.default_rng([7, at, *shape])
            weights = {f"drawn{number:04d}.weight": draw(rng, shape) for number in range(each)}
            alphas = np.sort([reading.alpha for reading in read(weights, with_peer=False)])
            found.append(Row(shape, entries, alphas))
    return found


def at_or_below(row: Row, level: float) -> float:
    """The share of the draws at or below a quantile of the table: near the level if the table is right."""
    point = float(np.interp(level, row.null.levels, row.null.values))
    return float(np.mean(row.alphas <= point))


def distance(row: Row, other: Row) -> float:
    """The Kolmogorov-Smirnov distance between two kinds of draws."""
    both = np.concatenate([row.alphas, other.alphas])
    shares = [np.searchsorted(one.alphas, both, side="right") / len(one.alphas) for one in (row, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def tables(rows: list[Row]) -> dict[str, str]:
    """Each kind of entry beside the table, and beside the first kind."""
    first = {row.shape: row for row in reversed(rows)}
    return {
        "null-entries": table(
            ("shape", "entries", "5 %", "median", "95 %", "at or below the table's 5 % point", "distance", "of chance"),
            (
                (
                    f"{row.shape[0]} x {row.shape[1]}",
                    row.entries,
                    *(f"{value:.2f}" for value in np.quantile(row.alphas, (0.05, 0.5, 0.95))),
                    percent(at_or_below(row, 0.05)),
                    "" if row is first[row.shape] else f"{distance(row, first[row.shape]):.3f}",
                    "" if row is first[row.shape] else f"{1.358 * np.sqrt(2 / len(row.alphas)):.3f}",
                )
                for row in rows
            ),
        ),
    }


def interpolation() -> list[str]:
    """The lines that `python scripts/null_table.py --check` prints: shapes off the grid, beside fresh draws."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        null_table.check()
    return said.getvalue().splitlines()
