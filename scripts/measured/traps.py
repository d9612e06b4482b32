"""How often noise shows a trap, and whether a trap and a true spike are told apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

import eigentail as et
from measured.matrices import Weights, gaussian
from measured.page import table
from measured.readings import percent

SHAPES = (
    (32, 32),
    (64, 64),
    (128, 64),
    (100, 100),
    (256, 64),
    (128, 128),
    (256, 128),
    (512, 64),
    (200, 50),
    (192, 192),
)
COLUMNS = ("num_traps", "trap_strength", "num_spikes")


class Row(NamedTuple):
    """Matrices of one make: how many show a trap, how many a spike, and what WeightWatcher's smoothing leaves."""

    what: str
    matrices: int
    with_trap: int
    with_spike: int
    trap_left: float
    signal_left: float


def noise(shapes: Iterable[tuple[int, int]] = SHAPES, *, each: int = 100) -> list[Row]:
    """Gaussian matrices of every shape."""
    found = []
    for shape in shapes:
        rng = np.random.default_rng([5, *shape])
        drawn = [gaussian(rng, shape) for _ in range(each)]
        found.append(_row(f"noise, {shape[0]} x {shape[1]}", drawn))
    return found


def planted(shape: tuple[int, int] = (200, 100), *, each: int = 20) -> list[Row]:
    """Noise with one huge entry, with a mean, with a true spike, and with an entry and a spike at once."""
    rng = np.random.default_rng(6)
    base = [gaussian(rng, shape) for _ in range(each)]
    edge = 0.02 * (np.sqrt(shape[0]) + np.sqrt(shape[1]))
    entries = [_with_entry(weights, 2 * edge) for weights in base]
    signals = [_signal(rng, shape, 3 * edge) for _ in base]
    return [
        _row("one entry of twice the edge", entries),
        _row("a mean of half a deviation", [weights + np.float32(0.01) for weights in base]),
        _row("a true spike of three times the edge", [w + s for w, s in zip(base, signals, strict=True)]),
        _smoothed("the entry and the spike", entries, signals),
    ]


def _with_entry(weights: Weights, size: float) -> Weights:
    changed = weights.copy()
    changed[3, 7] = size
    return changed


def _signal(rng: np.random.Generator, shape: tuple[int, int], size: float) -> Weights:
    """Rank one, spread over all entries, without a mean."""
    left, right = (vector - vector.mean() for vector in (rng.standard_normal(side) for side in shape))
    return np.outer(size * left / np.linalg.norm(left), right / np.linalg.norm(right)).astype(np.float32)


def _row(what: str, drawn: list[Weights]) -> Row:
    """Read them all at once."""
    weights = {f"drawn{number:04d}.weight": one for number, one in enumerate(drawn)}
    found = et.analyze(weights, et.Settings(metrics=COLUMNS)).layers
    return Row(
        what,
        len(drawn),
        sum(row.metrics["num_traps"] > 0 for row in found),
        sum(row.metrics["num_spikes"] > 0 for row in found),
        np.nan,
        np.nan,
    )


def _smoothed(what: str, entries: list[Weights], signals: list[Weights]) -> Row:
    """What is left of both when WeightWatcher takes the traps out."""
    both = [w + s for w, s in zip(entries, signals, strict=True)]
    left = [smoothed_by_weightwatcher(one) for one in both[:5]]
    trap = [after[3, 7] / before[3, 7] for after, before in zip(left, both, strict=False)]
    signal = [_along(after, one) / _along(one, one) for after, one in zip(left, signals, strict=False)]
    return _row(what, both)._replace(trap_left=float(np.median(trap)), signal_left=float(np.median(signal)))


def _along(weights: Weights, signal: Weights) -> float:
    return float(np.sum(weights * signal))


def smoothed_by_weightwatcher(weights: Weights) -> Weights:
    """The matrix after WeightWatcher 0.7.7's `SVDSharpness`, which is to take traps out."""
    import logging

    import torch
    from oracles import quarantine

    layer = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights))
    state = np.random.get_state()  # the peer draws from the global generator
    np.random.seed(0)
    try:
        with quarantine():
            import weightwatcher

            watcher = weightwatcher.WeightWatcher(log_level=logging.CRITICAL)
            smooth = watcher.SVDSharpness(model=torch.nn.Sequential(layer))
    finally:
        np.random.set_state(state)
    return smooth[0].weight.detach().numpy()


def rows() -> list[Row]:
    """Everything the page shows."""
    return noise() + planted()


def tables(rows: list[Row]) -> dict[str, str]:
    """False alarms and planted matrices; and what the peer's smoothing leaves."""
    false = [row for row in rows if row.what.startswith("noise")]
    everything = Row("noise, all", *(sum(row[at] for row in false) for at in (1, 2, 3)), np.nan, np.nan)
    shown = [*false, everything, *(row for row in rows if row not in false)]
    return {
        "traps": table(
            ("matrix", "matrices", "with a trap (num_traps > 0)", "with a spike (num_spikes > 0)"),
            (
                (
                    row.what,
                    str(row.matrices),
                    percent(row.with_trap / row.matrices),
                    percent(row.with_spike / row.matrices),
                )
                for row in shown
            ),
        ),
        "traps-smoothed": table(
            ("after WeightWatcher's SVDSharpness", "what is left"),
            (
                line
                for row in rows
                if not np.isnan(row.trap_left)
                for line in (
                    ("the huge entry, which is the trap", percent(row.trap_left)),
                    ("the true spike", percent(row.signal_left)),
                )
            ),
        ),
    }
