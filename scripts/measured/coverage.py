"""How often the 90 % interval holds the true exponent: for independent samples, and for matrices of known theory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import eigentail as et
from eigentail.numerics.interval import interval_of
from eigentail.numerics.tail import estimators
from measured.matrices import pareto
from measured.page import table
from measured.readings import percent

Values = NDArray[np.float64]
Sample = Callable[[np.random.Generator, int, float], Values]

SIZES = (50, 100, 200, 500, 1000, 2000, 5000)
ALPHAS = (1.8, 2.5, 3.5, 5.0)
INDICES = (1.0, 1.5)
SIDES = ((128, 128), (256, 128), (256, 256), (512, 256))
ENDS = ("alpha_lo", "alpha_hi", "alpha_lo_matrix", "alpha_hi_matrix")


class Row(NamedTuple):
    """Trials of one design: `low` and `high` count the intervals that end below, or begin above, the truth."""

    design: str
    estimator: str
    n: int
    alpha: float
    trials: int
    low: int
    high: int
    width: float

    @property
    def share(self) -> float:
        """Of the intervals that hold the truth."""
        return 1 - (self.low + self.high) / self.trials


def pure(rng: np.random.Generator, n: int, alpha: float) -> Values:
    """A power law from 1 on."""
    return np.sort((1 - rng.random(n)) ** (-1 / (alpha - 1)))


def half_body(rng: np.random.Generator, n: int, alpha: float) -> Values:
    """Half uniform below 1, half a power law above."""
    return _with_body(rng, n, alpha, n // 2)


def mostly_body(rng: np.random.Generator, n: int, alpha: float) -> Values:
    """Four fifths uniform below 1, one fifth a power law above."""
    return _with_body(rng, n, alpha, n // 5)


def _with_body(rng: np.random.Generator, n: int, alpha: float, tail: int) -> Values:
    return np.concatenate([np.sort(rng.uniform(0, 1, n - tail)), pure(rng, tail, alpha)])


DESIGNS: dict[str, Sample] = {
    "power law": pure,
    "body 1/2, tail 1/2": half_body,
    "body 4/5, tail 1/5": mostly_body,
}
# What Hill's estimator takes for the tail, the larger half, is one only where half or more is a tail.
MEASURED = (
    ("power law", "clauset"),
    ("power law", "clauset-min-tail"),
    ("power law", "hill"),
    ("body 1/2, tail 1/2", "clauset"),
    ("body 1/2, tail 1/2", "clauset-min-tail"),
    ("body 4/5, tail 1/5", "clauset"),
    ("body 4/5, tail 1/5", "clauset-min-tail"),
)


def samples(
    measured: Iterable[tuple[str, str]] = MEASURED,
    *,
    sizes: Iterable[int] = SIZES,
    alphas: Iterable[float] = ALPHAS,
    trials: int = 400,
) -> list[Row]:
    """Independent samples: every design at every size and exponent."""
    return [
        trial(design, estimator, n, alpha, trials) for design, estimator in measured for n in sizes for alpha in alphas
    ]


def trial(design: str, name: str, n: int, alpha: float, trials: int) -> Row:
    """So many samples of one design, with an interval each."""
    estimator = estimators[name]
    rng = np.random.default_rng([3, n, round(10 * alpha), len(design)])
    ends = []
    for at in range(trials):
        values = DESIGNS[design](rng, n, alpha)
        found = interval_of(values, estimator.fit(values), estimator, seed=at)
        ends.append((found.low, found.high))
    return _row((design, name, n, alpha), np.array(ends))


def matrices(
    sides: Iterable[tuple[int, int]] = SIDES, *, indices: Iterable[float] = INDICES, trials: int = 100
) -> list[Row]:
    """Matrices with Pareto entries: the default interval, and the jackknife of rows and columns."""
    found = []
    for N, M in sides:
        for mu in indices:
            ends = np.array([_ends(N, M, mu, seed) for seed in range(trials)])
            design = f"{N} x {M}, mu = {mu:g}"
            found.append(_row((design, "default", M, 1 + mu / 2), ends[:, :2]))
            found.append(_row((design, "jackknife", M, 1 + mu / 2), ends[:, 2:]))
    return found


def _ends(N: int, M: int, mu: float, seed: int) -> list[float]:
    """The ends of both intervals of one matrix."""
    weights = pareto(np.random.default_rng([4, seed, N, M, round(10 * mu)]), (N, M), mu)
    row = et.analyze({"drawn.weight": weights}, et.Settings(metrics=ENDS)).layers[0]
    return [row.metrics[name] for name in ENDS]


def _row(what: tuple[str, str, int, float], ends: Values) -> Row:
    """Counted; an interval that does not exist holds nothing."""
    alpha = what[3]
    low, high = ends[:, 0], ends[:, 1]
    below = ~(high >= alpha)
    above = ~below & ~(low <= alpha)
    return Row(*what, len(ends), int(below.sum()), int(above.sum()), float(np.nanmedian(high - low)))


def rows() -> list[Row]:
    """Everything the page shows; fewer trials where each costs more."""
    default = [pair for pair in MEASURED if pair[1] == "clauset"]
    others = [pair for pair in MEASURED if pair not in default]
    return [
        *samples(default, sizes=SIZES[:2], trials=1000),
        *samples(default, sizes=SIZES[2:5], trials=500),
        *samples(default, sizes=SIZES[5:], trials=200),
        *samples(others, trials=200),
        *matrices(),
    ]


def tables(rows: list[Row]) -> dict[str, str]:
    """Samples by design and size, over all exponents; matrices one by one."""
    return {"coverage-samples": _of_samples(rows), "coverage-matrices": _of_matrices(rows)}


def by_size(rows: Iterable[Row], design: str, estimator: str) -> dict[int, list[Row]]:
    """The rows of one design, one list a size."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        if (row.design, row.estimator) == (design, estimator):
            found.setdefault(row.n, []).append(row)
    return found


def pooled(rows: list[Row]) -> float:
    """The share of all intervals of these rows that hold the truth."""
    return 1 - sum(row.low + row.high for row in rows) / sum(row.trials for row in rows)


def _of_samples(rows: list[Row]) -> str:
    sizes = sorted({row.n for row in rows if row.design in DESIGNS})
    lines = []
    for design, estimator in MEASURED:
        found = by_size(rows, design, estimator)
        if found:
            shares = [row.share for group in found.values() for row in group]
            cells = [percent(pooled(found[n])) for n in sizes]
            lines.append((design, estimator, *cells, f"{percent(min(shares))} to {percent(max(shares))}"))
    return table(("sample", "estimator", *(f"n = {n}" for n in sizes), "a single exponent and size"), lines)


def _of_matrices(rows: list[Row]) -> str:
    head = ("entries", "true alpha", "interval", "matrices", "holds it", "ends below", "begins above", "median width")
    return table(
        head,
        (
            (
                row.design,
                f"{row.alpha:.2f}",
                row.estimator,
                str(row.trials),
                percent(row.share),
                percent(row.low / row.trials),
                percent(row.high / row.trials),
                f"{row.width:.2f}",
            )
            for row in rows
            if row.design not in DESIGNS
        ),
    )
