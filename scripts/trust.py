"""Make the tables and figures of docs/trust.md: every number there is printed by this script.

    python scripts/trust.py [--quick] [--only NAME ...]

NAME is one of untrained, trained, coverage, refits, traps, null, interpolation, speed. `--quick` draws a tenth and
prints the tables without writing them. About half an hour on one core. The rows of other people's nets are made where
those are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from measured import coverage, figures, null, page, refits, speed, trained, traps, untrained
from threadpoolctl import threadpool_limits


class Experiment(NamedTuple):
    """How to measure, in full and quickly; the tables that the rows make; the figure, where there is one."""

    measure: Callable[[], Sequence[Any]]
    quickly: Callable[[], Sequence[Any]]
    tables: Callable[[Any], dict[str, str]]
    draw: Callable[[Any], object] = lambda rows: None


EXPERIMENTS = {
    "untrained": Experiment(untrained.rows, partial(untrained.rows, each=1), untrained.tables, draw=figures.verdicts),
    "trained": Experiment(trained.rows, lambda: trained.planted(each=2) + trained.nets(), trained.tables),
    "coverage": Experiment(
        coverage.rows,
        lambda: coverage.samples(trials=20) + coverage.matrices(trials=5),
        coverage.tables,
        draw=figures.covered,
    ),
    "refits": Experiment(refits.rows, partial(refits.rows, samples=1), refits.tables),
    "traps": Experiment(traps.rows, lambda: traps.noise(each=10) + traps.planted(each=5), traps.tables),
    "null": Experiment(null.rows, partial(null.rows, each=50), null.tables, draw=lambda rows: figures.null()),
    "interpolation": Experiment(
        null.interpolation, null.interpolation, lambda lines: {"interpolation": "\n".join(lines) + "\n"}
    ),
    "speed": Experiment(speed.rows, speed.rows, speed.tables),
}


def main() -> int:
    """Measure what was asked for; print it, or put it on the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the draws, printed and not written")
    parser.add_argument("--only", nargs="+", choices=list(EXPERIMENTS), default=list(EXPERIMENTS), metavar="NAME")
    options = parser.parse_args()
    with threadpool_limits(1):
        for name in options.only:
            run(EXPERIMENTS[name], quick=options.quick)
    return 0


def run(experiment: Experiment, *, quick: bool) -> None:
    """One experiment, from the draws to the page."""
    rows = experiment.quickly() if quick else experiment.measure()
    tables = experiment.tables(rows)
    print("\n\n".join(tables.values()), flush=True)
    if not quick:
        page.write(tables)
        experiment.draw(rows)


if __name__ == "__main__":
    sys.exit(main())
