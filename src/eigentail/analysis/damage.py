"""Which layers look damaged, and what became of the model: in a word and in a sentence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final, NamedTuple

from msgspec.structs import replace

from eigentail.analysis.verdict import FEWEST_TO_JUDGE, OVER_TRAINED
from eigentail.numerics.noise import LEVEL as NOISE_LEVEL
from eigentail.records import Layer
from eigentail.records.difference import Deed, LayerDifference, Outcome, Side, TensorDifference, Whole

# Models of which a smaller part of the smaller one's layers could be compared are not the same network.
LEAST_SHARED: Final = 0.5
_COLLAPSED_SHARE: Final = 0.5
# Well above the level at which a layer counts as more than noise: one at its edge is not lost by moving a little.
_LOST_IN_NOISE: Final = 0.1
# Deviations of the log10 norm ratio from that of most layers, in units of their spread, that are no chance.
_JUMP: Final = 6.0
# The least spread: a jump is a factor of 10^(6 * 0.03) = 1.5 or more, even where nothing else moved.
_LEAST_SPREAD: Final = 0.03


class Rule(NamedTuple):
    """One way to be damaged: when it holds, and the sentence.

    Example:
        >>> len(RULES)
        4
    """

    holds: Callable[[Layer, Side, Side], bool]
    why: Callable[[Layer, Side, Side], str]


def damage_of(layer: Layer, base: Side, other: Side) -> str:
    """Why a layer looks damaged, or "".

    Half of its eigenvalues or more are zero now and were not before; it has more correlation traps (where they were
    asked for); it was more than noise and cannot be told from noise now; or alpha left its interval for the worse: each
    exponent lies outside the other's interval, also when both tails have the same number of eigenvalues (xmin may jump
    without anything else having changed), and it rose towards noise or fell surely below 2. The last two need 50
    eigenvalues, and a base that is more than noise: what was never trained cannot be damaged by training.

    Args:
        layer: which one.
        base: before.
        other: after.

    Source: signs of Martin, Peng & Mahoney 2021 and Martin & Hinrichs, SETOL (2025); the rules are this project's.

    Example:
        >>> from eigentail.analysis import describe
        >>> import numpy as np
        >>> layer = describe({"fc.weight": np.eye(64)}).layers[0]
        >>> damage_of(layer, Side(dtype="float32", rank=64), Side(dtype="float32", rank=4))
        'rank collapse: 60 of 64 eigenvalues are zero, 0 before'
    """
    return next((rule.why(layer, base, other) for rule in RULES if rule.holds(layer, base, other)), "")


def seen_together(rows: Sequence[LayerDifference]) -> list[LayerDifference]:
    """The layers in the light of the others: damaged is also one whose norm jumped while that of most did not.

    The ratio of the norms is held against the median over layers, in units of 1.4826 times the median deviation.
    Where most layers have nothing in common with the base, the other was not made of it, and is no damaged copy.

    Args:
        rows: all layers.

    Example:
        >>> seen_together([])
        []
    """
    anew = sum(row.change.deed is Deed.ANEW for row in rows)
    if 2 * anew > sum(row.outcome.is_compared for row in rows):
        return [_unhurt(row) if row.change.deed is Deed.ANEW else row for row in rows]
    moved = {at: row.log_norm_drift / 2 for at, row in enumerate(rows) if math.isfinite(row.log_norm_drift)}
    if not moved:
        return list(rows)
    middle = median(moved.values())
    spread = max(1.4826 * median(abs(value - middle) for value in moved.values()), _LEAST_SPREAD)
    marked = list(rows)
    for at, value in moved.items():
        if abs(value - middle) > _JUMP * spread and rows[at].outcome is Outcome.CHANGED:
            why = f"its norm is {10**value:.3g} times that before, for most layers {10**middle:.3g} times"
            marked[at] = replace(rows[at], outcome=Outcome.DAMAGED, reason=why)
    return marked


def _unhurt(row: LayerDifference) -> LayerDifference:
    return replace(row, outcome=Outcome.CHANGED, reason=Deed.ANEW.sentence)


def judge_difference(rows: Sequence[LayerDifference], tensors: Sequence[TensorDifference]) -> tuple[Whole, str]:
    """What became of the model.

    Args:
        rows: all layers, the missing ones too.
        tensors: what is no layer.

    Returns:
        Unrelated where less than half of the layers of the smaller model could be compared; identical where every value
        of every layer and tensor is the same and nothing is missing; damaged where a layer is; else changed.

    Example:
        >>> judge_difference([], [])[0].value
        'unrelated'
    """
    counts = Counter(row.outcome for row in rows)
    compared = sum(counts[outcome] for outcome in Outcome if outcome.is_compared)
    fewest = len(rows) - max(counts[Outcome.MISSING_IN_BASE], counts[Outcome.MISSING_IN_OTHER])
    shared = compared + counts[Outcome.FAILED]
    if shared < LEAST_SHARED * fewest or not shared:
        return (
            Whole.UNRELATED,
            f"only {shared} of the {_layers(fewest)} of the smaller model match the other's",
        )
    beside = sum(tensor.is_changed for tensor in tensors)
    words = _words(counts, compared, beside)
    if counts[Outcome.DAMAGED]:
        return Whole.DAMAGED, words
    unsure = len(rows) - counts[Outcome.UNTOUCHED] + sum(bool(tensor.reason) for tensor in tensors)
    if not beside and not unsure:
        also = f" and {_tensors(len(tensors))} beside them" if tensors else ""
        return Whole.IDENTICAL, f"{_layers(len(rows))}{also} have the same values"
    return Whole.CHANGED, words


def _words(counts: Counter[Outcome], compared: int, beside: int) -> str:
    """How many layers met with what."""
    changed = counts[Outcome.CHANGED] + counts[Outcome.DAMAGED]
    said = [f"{changed} of {_layers(compared)} changed"]
    if counts[Outcome.DAMAGED]:
        said.append(f"{counts[Outcome.DAMAGED]} of them look{'s' * (counts[Outcome.DAMAGED] == 1)} damaged")
    if beside:
        said.append(f"{_tensors(beside)} beside the layers changed")
    for outcome, words in _NOT_COMPARED.items():
        if counts[outcome]:
            said.append(f"{counts[outcome]} {words}")
    return ", ".join(said)


def _layers(n: int) -> str:
    return f"{n} layer" if n == 1 else f"{n} layers"


def _tensors(n: int) -> str:
    return f"{n} tensor" if n == 1 else f"{n} tensors"


def _has_collapsed(side: Side, layer: Layer) -> bool:
    return side.rank is not None and side.rank < _COLLAPSED_SHARE * layer.num_evals


def _is_outside(alpha: float, side: Side) -> bool:
    """Whether an exponent lies outside the interval of a side that has one."""
    return alpha < side.alpha_low or alpha > side.alpha_high


def _has_drowned(layer: Layer, base: Side, other: Side) -> bool:
    return layer.num_evals >= FEWEST_TO_JUDGE and base.noise_p < NOISE_LEVEL and other.noise_p >= _LOST_IN_NOISE


def _left(layer: Layer, base: Side, other: Side) -> bool:
    if layer.num_evals < FEWEST_TO_JUDGE or base.noise_p >= NOISE_LEVEL:
        return False
    pairs = ((other.alpha, base), (base.alpha, other), (other.alpha_same_tail, base), (base.alpha_same_tail, other))
    if not all(_is_outside(alpha, side) for alpha, side in pairs):
        return False
    return other.alpha > base.alpha or other.alpha_high < OVER_TRAINED


_NOT_COMPARED: Final = {
    Outcome.MISSING_IN_OTHER: "missing in the other",
    Outcome.MISSING_IN_BASE: "missing in the base",
    Outcome.NOT_COMPARABLE: "not comparable",
    Outcome.FAILED: "failed",
}
RULES: Final = (
    Rule(
        lambda layer, base, other: _has_collapsed(other, layer) and not _has_collapsed(base, layer),
        lambda layer, base, other: (
            f"rank collapse: {layer.num_evals - (other.rank or 0)} of {layer.num_evals} eigenvalues are zero, "
            f"{layer.num_evals - (base.rank or 0)} before"
        ),
    ),
    Rule(
        lambda layer, base, other: (other.traps or 0) > (base.traps or 0),
        lambda layer, base, other: f"{other.traps} correlation traps, {base.traps} before",
    ),
    Rule(
        _has_drowned,
        lambda layer, base, other: (
            f"cannot be told from noise now: {other.noise_p:.2g} of random matrices look as far from it, "
            f"{base.noise_p:.2g} before"
        ),
    ),
    Rule(
        _left,
        lambda layer, base, other: (
            f"alpha left its interval: {other.alpha:.2f} after {base.alpha:.2f} "
            f"({base.alpha_low:.2f} to {base.alpha_high:.2f})"
        ),
    ),
)
