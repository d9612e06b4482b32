"""On which devices the layers of a report were computed, where that is not the CPU alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eigentail.records import LayerReport


def device_notes(rows: Sequence[LayerReport]) -> tuple[str, ...]:
    """One sentence on the devices, and one for each note with the number of layers that have it.

    Args:
        rows: of a report.

    Returns:
        Nothing where the CPU did everything without having been asked for anything else.

    Example:
        >>> import eigentail as et
        >>> device_notes(et.analyze(et.example()).layers)
        ()
    """
    counts = Counter(row.device for row in rows if row.device)
    notes = Counter(note for row in rows for note in row.notes)
    if set(counts) <= {"cpu"} and not notes:
        return ()
    where = ", ".join(f"{name} ({n})" for name, n in sorted(counts.items()))
    return (f"spectra computed on {where}", *(f"{_layers(n)}: {note}" for note, n in notes.items()))


def _layers(n: int) -> str:
    return "1 layer" if n == 1 else f"{n} layers"
