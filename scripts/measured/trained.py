"""How often heavy tails are recognised: planted ones, and those of nets that are known to be well trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eigentail.records import Verdict
from measured import ROOT
from measured.matrices import Weights, body_and_tail, pareto
from measured.page import table
from measured.readings import SEEN, Reading, healthy, heavy, peer_share, percent, read, share, verdict_columns

Plant = Callable[[np.random.Generator, tuple[int, int]], Weights]

SHAPES = tuple((q * m, m) for m in (128, 256, 512) for q in (1, 2))
PLANTS: dict[str, Plant] = {
    **{f"Pareto entries, mu = {mu:g}": partial(pareto, mu=mu) for mu in (1.0, 1.5, 2.0, 2.5)},
    **{f"noise and a tail, alpha = {alpha:g}": partial(body_and_tail, alpha=alpha) for alpha in (2.5, 3.5)},
}
DETECTOR = "Linzaer__Ultra-Light-Fast-Generic-Face-Detector-1MB"
# What each net is, the file, and whether it was trained; the last two of a kind are controls that were not.
ZOO = (
    ("zoo: digits, width 192", "src/eigentail/zoo/digits_noise/noise_000.safetensors"),
    ("zoo: digits, width 256", "zoo/digits_width/width_256.safetensors"),
    ("zoo: digits, width 384", "zoo/digits_width/width_384.safetensors"),
    ("zoo: GPT, width 64", "src/eigentail/zoo/gpt_demo/trained.safetensors"),
    ("zoo: GPT, width 96", "zoo/gpt_width/width_096.safetensors"),
    ("zoo: GPT, width 128", "zoo/gpt_width/width_128.safetensors"),
    ("zoo: GPT, width 208", "zoo/gpt_width/width_208.safetensors"),
    ("zoo: GPT, width 64, not trained", "src/eigentail/zoo/gpt_demo/init.safetensors"),
    ("zoo: GPT, width 96, not trained", "zoo/gpt_steps/step_0000.safetensors"),
)
DETECTORS = (
    ("face detector RFB, epoch 499", "RFB-Epoch-499-Loss-2.6553.pth"),
    ("face detector RFB, released", "version-RFB-320.pth"),
    ("face detector slim, released", "version-slim-320.pth"),
    ("face detector RFB, after its first epoch", "RFB-Epoch-000-Loss-6.4963.pth"),
)


class Row(NamedTuple):
    """Matrices that have one training in common."""

    what: str
    shape: tuple[int, int] | None
    readings: list[Reading]


def planted(
    shapes: Iterable[tuple[int, int]] = SHAPES, *, each: int = 20, plants: dict[str, Plant] = PLANTS
) -> list[Row]:
    """Draw `each` matrices of every shape with every tail, and read them."""
    found = []
    for shape in shapes:
        for at, (what, draw) in enumerate(plants.items()):
            rng = np.random.default_rng([2, at, *shape])
            weights = {f"drawn{number:03d}.weight": draw(rng, shape) for number in range(each)}
            found.append(Row(what, shape, read(weights)))
    return found


def nets() -> list[Row]:
    """Every layer of the nets that is large enough to be judged; only those nets that are there."""
    from shared import shared_data

    files = [(what, ROOT / name) for what, name in ZOO]
    if (folder := shared_data()) is not None:
        files += [(what, folder / "models" / DETECTOR / name) for what, name in DETECTORS]
    return [Row(what, None, judged(path)) for what, path in files if path.exists()]


def judged(path: Path) -> list[Reading]:
    """The layers of a net that have enough eigenvalues for a verdict."""
    return [reading for reading in read(path) if reading.verdict is not Verdict.TOO_SMALL]


def tables(rows: list[Row]) -> dict[str, str]:
    """What was planted, and the nets."""
    plants = [row for row in rows if row.shape is not None]
    whats = dict.fromkeys(row.what for row in plants)
    merged = [Row(what, None, [one for row in plants if row.what == what for one in row.readings]) for what in whats]
    return {
        "trained-planted": _table("what is planted", "matrices", merged),
        "trained-shapes": _by_shape(plants),
        "trained-nets": _table("net", "layers", [row for row in rows if row.shape is None]),
    }


def _table(what: str, unit: str, rows: list[Row]) -> str:
    head = (what, unit, "heavy tail seen", "well-trained", "WeightWatcher: alpha <= 6", "2 to 6", "every verdict")
    return table(
        head, ((row.what, str(len(row.readings)), *_shares(row), verdict_columns(row.readings)) for row in rows)
    )


def _shares(row: Row) -> tuple[str, ...]:
    found = row.readings
    return tuple(
        map(
            percent,
            (
                share(found, *SEEN),
                share(found, Verdict.WELL_TRAINED),
                peer_share(found, heavy),
                peer_share(found, healthy),
            ),
        )
    )


def _by_shape(rows: list[Row]) -> str:
    """The share in which a heavy tail is seen."""
    shapes = list(dict.fromkeys(row.shape for row in rows))
    seen = {(row.what, row.shape): percent(share(row.readings, *SEEN)) for row in rows}
    whats = dict.fromkeys(row.what for row in rows)
    head = ("heavy tail seen", *(f"{shape[0]} x {shape[1]}" for shape in shapes if shape))
    return table(head, ((what, *(seen[what, shape] for shape in shapes)) for what in whats))


def rows() -> list[Row]:
    """Everything the page shows."""
    return planted() + nets()
