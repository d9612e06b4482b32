"""COST -> words: what an analysis would take, in two sentences and a table."""

from __future__ import annotations

from typing import Final

from eigentail.records.cost import Cost
from eigentail.reports.table import Cell, Column, Table, visible

_DEAREST: Final = 5
_UNITS: Final = ((86400, "days"), (3600, "hours"), (60, "minutes"))


def cost_lead(cost: Cost) -> tuple[str, ...]:
    """The prediction in a sentence, and what it leaves out.

    Args:
        cost: from `eigentail.cost`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.calibrate import calibrate
        >>> cost_lead(et.cost(et.example(), machine=calibrate(sides=(8, 32))))[0].startswith("Predicted: ")
        True
    """
    hands, dearest = cost.hands, cost.dearest
    machines = "this machine" if hands.machines == 1 else f"{hands.machines} machines of this kind"
    workers = "1 worker" if hands.workers == 1 else f"{hands.workers} workers"
    time = f"Predicted: {duration(cost.seconds)} with {workers} on {machines}"
    memory = f"{cost.memory / 1e6:.0f} MB" if cost.memory < 1e9 else f"{cost.memory / 1e9:.1f} GB"
    notes = (f"{note[0].upper()}{note[1:]}." for note in cost.notes)
    return (
        f"{time}, and at most {memory} of memory.",
        f"The dearest layer, {visible(dearest.name)}, takes {duration(dearest.seconds)}.",
        *notes,
    )


def cost_table(cost: Cost) -> Table:
    """Where the time goes: the dearest layers, and the rest together.

    Args:
        cost: from `eigentail.cost`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.calibrate import calibrate
        >>> [row[0] for row in cost_table(et.cost(et.example(), machine=calibrate(sides=(8, 32)))).rows]
        ['fc2', 'fc1', 'fc3', 'all layers']
    """
    ordered = sorted(cost.layers, key=lambda layer: -layer.seconds)
    shown, rest = ordered[:_DEAREST], ordered[_DEAREST:]
    rows: list[tuple[Cell, ...]] = [(layer.name, layer.seconds, layer.likely / 1e6) for layer in shown]
    if rest:
        rows.append((f"{len(rest)} more", sum(layer.seconds for layer in rest), max(x.likely for x in rest) / 1e6))
    rows.append(("all layers", cost.work, max(layer.likely for layer in ordered) / 1e6))
    columns = (Column("layer", "name"), Column("seconds", "number"), Column("MB", "number", 1))
    floor = f"as a matrix product on every core the same operations take {duration(cost.floor)}"
    made = f"of one worker while all are busy; calibrated {cost.machine.made} on {cost.machine.facts}"
    return Table(title="Cost", columns=columns, rows=tuple(rows), footnotes=(made, floor))


def duration(seconds: float) -> str:
    """A time as people say it, three digits.

    Example:
        >>> duration(0.5), duration(90), duration(7200), duration(200_000)
        ('0.5 seconds', '1.5 minutes', '2 hours', '2.31 days')
    """
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"
