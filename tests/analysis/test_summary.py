"""The model's own numbers: plain means over what has a number."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from eigentail.analysis.summary import judge_model, summarise
from eigentail.records import NAN, Fit, FitStatus, Layer, LayerReport, Verdict
from eigentail.settings import Settings


def row(i: int, kind: str, alpha: float, *, ok: bool = True, norm: float = 1.0) -> LayerReport:
    return LayerReport(
        layer=Layer(index=i, name=str(i), kind=kind, block=None, tensors=(), shape=(64, 64)),
        fit=Fit(status=FitStatus.OK if ok else FitStatus.FLAT, alpha=alpha),
        verdict=Verdict.WELL_TRAINED if ok else Verdict.NOT_POWER_LAW,
        metrics={"alpha": alpha, "log_norm": norm, "N": 64.0},
    )


ROWS = [
    row(0, "embedding.token", 10.0, norm=9.0),
    row(1, "attention.q", 2.0),
    row(2, "attention.q", 3.0, norm=NAN),
    row(3, "mlp.up", 7.0, norm=4.0),
    row(4, "mlp.up", NAN, ok=False, norm=1000.0),
]


def test_means_and_medians_by_hand() -> None:
    summary = summarise(ROWS, 2, Settings())
    assert dict(summary.mean) == {"alpha": 4.0, "log_norm": 2.5}
    assert dict(summary.median) == {"alpha": 3.0, "log_norm": 2.5}
    assert {kind: dict(values) for kind, values in summary.by_kind.items()} == {
        "attention.q": {"alpha": 2.5, "log_norm": 1.0},
        "embedding.token": {"alpha": 10.0, "log_norm": 9.0},
        "mlp.up": {"alpha": 7.0, "log_norm": 4.0},
    }


def test_the_counts() -> None:
    summary = summarise(ROWS, 2, Settings())
    counts = (summary.layers_ok, summary.layers_failed, summary.layers_skipped, summary.layers_averaged)
    assert counts == (4, 1, 2, 3)
    assert dict(summary.verdicts) == {"not-power-law": 1, "well-trained": 4}


@pytest.mark.parametrize(("embeddings", "mean"), [("apart", 4.0), ("skipped", 4.0), ("averaged", 5.5)])
def test_embeddings_enter_only_when_asked(embeddings: Any, mean: float) -> None:
    assert summarise(ROWS, 0, Settings(embeddings=embeddings))["alpha"] == mean


def test_the_order_of_layers_does_not_matter() -> None:
    assert summarise(ROWS[::-1], 2, Settings()) == summarise(ROWS, 2, Settings())


def test_where_nothing_has_a_number_there_is_none() -> None:
    summary = summarise([ROWS[4]], 0, Settings())
    assert math.isnan(summary["alpha"])
    assert math.isnan(summary["log_norm"])
    assert (summary.layers_ok, summary.layers_averaged, dict(summary.by_kind)) == (0, 0, {})


def test_shapes_are_not_averaged() -> None:
    assert "N" not in summarise(ROWS, 0, Settings()).mean


def judged(*verdicts: Verdict) -> list[LayerReport]:
    return [msgspec.structs.replace(ROWS[1], verdict=verdict) for verdict in verdicts]


WELL, UNDER, OPEN, NOISE, SMALL, FAILED = (
    Verdict.WELL_TRAINED,
    Verdict.UNDER_TRAINED,
    Verdict.UNDECIDED,
    Verdict.UNTRAINED,
    Verdict.TOO_SMALL,
    Verdict.FAILED,
)


@pytest.mark.parametrize(
    ("verdicts", "expected", "reason"),
    [
        ((WELL, WELL, UNDER), WELL, "2 of 3 layers judged"),
        ((WELL, UNDER), UNDER, "1 of 2 layers judged"),
        ((UNDER, NOISE, WELL, NOISE, UNDER), NOISE, "2 of 5 layers judged"),
        ((WELL, SMALL, SMALL, SMALL, FAILED), WELL, "1 of 1 layers judged; 4 could not be judged"),
        ((SMALL, SMALL, FAILED), SMALL, "none of 3 layers could be judged"),
        ((SMALL, FAILED), FAILED, "none of 2 layers could be judged"),
        ((OPEN, OPEN, SMALL, FAILED), OPEN, "none of 4 layers could be judged"),
        ((OPEN, OPEN, UNDER), UNDER, "1 of 1 layers judged; 2 could not be judged"),
    ],
)
def test_the_verdict_of_a_model_is_that_of_most_judged_layers(
    verdicts: tuple[Verdict, ...], expected: Verdict, reason: str
) -> None:
    assert judge_model(judged(*verdicts)) == (expected, reason)
    assert judge_model(judged(*reversed(verdicts))) == (expected, reason)
    summary = summarise(judged(*verdicts), 0, Settings())
    assert (summary.verdict, summary.reason) == (expected, reason)


def test_p_values_and_ends_of_intervals_are_not_averaged() -> None:
    rows = [
        msgspec.structs.replace(row, metrics={"alpha_p": 0.5, "alpha_lo": 0.1, "alpha_null": 3.0}) for row in ROWS[1:3]
    ]
    assert dict(summarise(rows, 0, Settings()).mean) == {"alpha_null": 3.0}
