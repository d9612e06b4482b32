"""How often matrices that nobody trained are called trained, by shape and by initialisation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from eigentail.records import Verdict
from measured.matrices import UNTRAINED
from measured.page import table
from measured.readings import Reading, healthy, peer_share, percent, read, share, verdict_columns

# fmt: off
DENSE = (
    (16, 16), (64, 16), (24, 24), (32, 32), (64, 32), (128, 32), (512, 32), (48, 48), (192, 48),
    (50, 50), (75, 50), (100, 50), (400, 50), (800, 50),
    (64, 64), (96, 64), (128, 64), (192, 64), (256, 64), (512, 64), (1024, 64),
    (96, 96), (288, 96), (384, 96), (128, 128), (192, 128), (256, 128), (512, 128), (1024, 128), (2048, 128),
    (192, 192), (576, 192), (256, 256), (384, 256), (512, 256), (1024, 256), (2048, 256),
    (384, 384), (1536, 384), (512, 512), (1024, 512), (768, 768), (1024, 1024),
)
KERNELS = (
    (16, 8, 3, 3), (16, 16, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3),
    (128, 128, 3, 3), (256, 128, 3, 3), (32, 16, 5, 5), (64, 64, 5, 5), (128, 64, 5, 5),
)
# fmt: on
SHAPES = DENSE + KERNELS


class Row(NamedTuple):
    """All matrices of one shape and one initialisation."""

    shape: tuple[int, ...]
    kind: str
    readings: list[Reading]


def rows(shapes: Iterable[tuple[int, ...]] = SHAPES, *, each: int = 12, with_peer: bool = True) -> list[Row]:
    """Draw `each` matrices of every shape and initialisation, and read them."""
    found = []
    for shape in shapes:
        for at, (kind, draw) in enumerate(UNTRAINED.items()):
            rng = np.random.default_rng([1, at, *shape])
            weights = {f"drawn{number:03d}.weight": draw(rng, shape) for number in range(each)}
            found.append(Row(shape, kind, read(weights, with_peer=with_peer)))
    return found


def together(rows: Iterable[Row]) -> list[Reading]:
    """The readings of several rows."""
    return [reading for row in rows for reading in row.readings]


def by_shape(rows: Iterable[Row]) -> dict[tuple[int, ...], list[Reading]]:
    """The readings of every shape, whatever the initialisation."""
    found: dict[tuple[int, ...], list[Reading]] = {}
    for row in rows:
        found.setdefault(row.shape, []).extend(row.readings)
    return found


def tables(rows: list[Row]) -> dict[str, str]:
    """By initialisation, and by shape."""
    return {"untrained-kinds": _by_kind(rows), "untrained-shapes": _by_shape(rows)}


def _by_kind(rows: list[Row]) -> str:
    groups = {kind: together(row for row in rows if row.kind == kind) for kind in UNTRAINED}
    groups["all"] = together(rows)
    return table(
        ("initialisation", "matrices", "well-trained", "WeightWatcher: 2 <= alpha <= 6", "every verdict"),
        (
            (
                kind,
                str(len(found)),
                percent(share(found, Verdict.WELL_TRAINED)),
                percent(peer_share(found, healthy)),
                verdict_columns(found),
            )
            for kind, found in groups.items()
        ),
    )


def _by_shape(rows: list[Row]) -> str:
    return table(
        ("shape", "eigenvalues", "matrices", "well-trained", "untrained", "WeightWatcher: 2 <= alpha <= 6"),
        (
            (
                " x ".join(map(str, shape)),
                str(found[0].evals),
                str(len(found)),
                percent(share(found, Verdict.WELL_TRAINED)),
                percent(share(found, Verdict.UNTRAINED)),
                percent(peer_share(found, healthy)),
            )
            for shape, found in by_shape(rows).items()
        ),
    )
