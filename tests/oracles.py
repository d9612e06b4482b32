"""The libraries the fits are compared with, kept from changing warning filters and loggers of the test process."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Tail(NamedTuple):
    """What every fit is compared by."""

    xmin: float
    alpha: float
    D: float
    sigma: float


@contextlib.contextmanager
def quarantine() -> Iterator[None]:
    """Warnings, loggers and prints of a peer stay inside."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")  # noqa: TID251 inside catch_warnings
        with np.errstate(all="ignore"):
            try:
                yield
            finally:
                root.handlers[:] = handlers
                root.setLevel(level)


def full_scan(values: NDArray[np.float64]) -> Tail:
    """Clauset, Shalizi & Newman as their paper reads: each value but the largest is tried, in plain loops."""
    best = Tail(np.nan, np.nan, np.inf, np.nan)
    for start, xmin in enumerate(values):
        if xmin == values[-1] or (start and values[start - 1] == xmin):
            continue
        tail = values[start:]
        alpha = 1 + len(tail) / np.sum(np.log(tail / xmin))
        law = 1 - (tail / xmin) ** (1 - alpha)
        sample = np.searchsorted(tail, tail, side="left") / len(tail)
        distance = float(np.max(np.abs(law - sample)))
        if distance < best.D:
            best = Tail(float(xmin), float(alpha), distance, float((alpha - 1) / np.sqrt(len(tail))))
    return best


def powerlaw_fit(values: NDArray[np.float64]) -> Tail:
    """What `powerlaw` 1.5 says."""
    with quarantine():
        import powerlaw

        fit = powerlaw.Fit(values, verbose=False)
        return Tail(float(fit.xmin), float(fit.power_law.alpha), float(fit.power_law.D), float(fit.power_law.sigma))


def weightwatcher_fit(values: NDArray[np.float64]) -> Tail:
    """What WeightWatcher 0.7.7 says, for 20 values or more."""
    with quarantine():
        from weightwatcher.WW_powerlaw import WWFit

        fit = WWFit(values)
        return Tail(float(fit.xmin), float(fit.alpha), float(fit.D), float(fit.sigma))


def weightwatcher_table(weights: dict[str, object], *, pool: bool) -> dict[str, dict[str, float]]:
    """WeightWatcher 0.7.7's `analyze()` of a state dict: layer name to column to number.

    A slice of a convolution is named by its kernel position, as eigentail names it.
    """
    with quarantine():
        import weightwatcher

        table = weightwatcher.WeightWatcher(log_level=logging.CRITICAL).analyze(model=weights, pool=pool)
    rows = {}
    for row in table.to_dict("records"):
        name = row["longname"].removesuffix(".weight")
        shape = np.shape(weights[f"{name}.weight"])
        if not pool and len(shape) == 4 and shape[2] * shape[3] > 1:
            name += f"[{int(row['slice_id']) // shape[3]},{int(row['slice_id']) % shape[3]}]"
        rows[name] = {column: float(value) for column, value in row.items() if isinstance(value, int | float)}
    return rows
