"""The papers' reading of a model, its exponents from 2 to 4 and from 2 to 6, beside untrained copies of its shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eigentail import analyze
from eigentail.analysis.reading import reading_of
from eigentail.records.reading import Reading
from eigentail.records.study import Study
from measured.page import table
from measured.related import PER_LAYER, name
from measured.trained import DETECTOR

# Nets with no series of their own: what they are, and the file.
RELEASED = (
    ("face detector RFB, released", "version-RFB-320.pth"),
    ("face detector slim, released", "version-slim-320.pth"),
)
# Series whose nets are read: those that are large enough to have a tail to speak of, one way of counting each.
READ = ("cifar10_resnet_depth", "ultralight_rfb_epochs")
Named = tuple[str, Reading]


def tables(origin: str, studies: Sequence[Study]) -> dict[str, str]:
    """The nets of one origin; nothing for published averages, which have no exponents."""
    found = {"zoo": lambda: nets(studies), "others": lambda: [*nets(_chosen(studies)), *released()]}
    if origin not in found:
        return {}
    rows = found[origin]()
    return {f"{origin}-reading": _table(rows) + "\n" + _counts(rows)}


def nets(studies: Iterable[Study]) -> list[Named]:
    """The nets of the studies; one that belongs to several series is read once."""
    seen: dict[object, Named] = {}
    for one in studies:
        for found in one.models:
            if found.reading is not None:
                seen.setdefault(found.model.target, (f"{name(one)}: {found.name}", found.reading))
    return list(seen.values())


def released() -> list[Named]:
    """Nets that were released without the others of a series."""
    from shared import shared_data

    folder = shared_data()
    if folder is None:
        return []
    files = [(what, folder / "models" / DETECTOR / file) for what, file in RELEASED]
    return [(what, reading_of(analyze(path, PER_LAYER))) for what, path in files if path.exists()]


def _chosen(studies: Sequence[Study]) -> list[Study]:
    return [one for one in studies if one.series.name in READ and one.counting == "per layer"]


def _table(rows: Sequence[Named]) -> str:
    head = (
        "net",
        "exponents",
        "mean alpha",
        "untrained",
        "2 to 4",
        "untrained",
        "2 to 6",
        "untrained",
        "claim holds",
    )
    return table(head, ((what, *_cells(reading)) for what, reading in rows))


def _cells(found: Reading) -> tuple[str, ...]:
    shares = (found.share_2_4, found.null_2_4, found.share_2_6, found.null_2_6)
    holds = "yes" if found.universal else "no"
    return (
        str(found.layers), f"{found.alpha:.2f}", f"{found.null_alpha:.2f}",
        *(f"{100 * share:.0f} %" for share in shares), holds,
    )  # fmt: skip


def _counts(rows: Sequence[Named]) -> str:
    """The table above in a sentence."""
    readings = [reading for _, reading in rows]
    holds = sum(bool(reading.universal) for reading in readings)
    ideal = sum(reading.share_2_4 > reading.null_2_4 for reading in readings)
    wide = sum(reading.share_2_6 > reading.null_2_6 for reading in readings)
    return (
        f"80 % or more of the exponents lie from 2 to 4 in {holds} of these {len(rows)} nets. More of them lie "
        f"there than in untrained copies in {ideal}, and more from 2 to 6 in {wide}.\n"
    )
