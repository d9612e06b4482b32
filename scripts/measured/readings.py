"""What is said of a matrix: the verdict, and WeightWatcher's reading of the same eigenvalues."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

import eigentail as et
from eigentail.records import Verdict

# The verdict needs the fit and the spectrum's own statistics; more would only cost time.
SETTINGS = et.Settings(metrics=("alpha", "alpha_lo", "noise_p"))
# A heavy tail is seen.
SEEN = (Verdict.WELL_TRAINED, Verdict.OVER_TRAINED)


class Reading(NamedTuple):
    """One matrix: `peer` is the exponent of WeightWatcher 0.7.7's own fit."""

    name: str
    evals: int
    verdict: Verdict
    alpha: float
    peer: float


def read(target: object, *, with_peer: bool = True) -> list[Reading]:
    """A reading of each layer: a mapping of arrays, or a file."""
    from oracles import weightwatcher_fit

    found = []
    for row in et.analyze(target, SETTINGS).layers:
        values = np.empty(0) if row.spectrum is None else row.spectrum.positive
        peer = weightwatcher_fit(values).alpha if with_peer and len(values) >= SETTINGS.min_evals else math.nan
        found.append(Reading(row.layer.name, row.layer.num_evals, row.verdict, row.fit.alpha, peer))
    return found


def share(readings: Iterable[Reading], *verdicts: Verdict) -> float:
    """How many of the matrices have one of these verdicts, as a share."""
    answers = [reading.verdict in verdicts for reading in readings]
    return sum(answers) / len(answers)


def peer_share(readings: Iterable[Reading], holds: Callable[[float], bool]) -> float:
    """How many of the matrices have such an exponent by WeightWatcher's fit, as a share."""
    answers = [holds(reading.peer) for reading in readings]
    return sum(answers) / len(answers)


def healthy(alpha: float) -> bool:
    """What WeightWatcher's documentation calls well trained."""
    return 2 <= alpha <= 6


def heavy(alpha: float) -> bool:
    """Well trained or over-trained."""
    return alpha <= 6


def verdict_columns(readings: Sequence[Reading]) -> str:
    """Every verdict that occurs, the most frequent first."""
    counts = Counter(reading.verdict.value for reading in readings)
    return ", ".join(f"{word} {percent(n / len(readings))}" for word, n in counts.most_common())


def percent(value: float) -> str:
    """A share in percent, with one digit behind the point."""
    return f"{100 * value:.1f} %"
