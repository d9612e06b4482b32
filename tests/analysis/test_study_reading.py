"""The papers' reading of a model, against counting by hand and against untrained matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest

import eigentail as et
from eigentail.analysis.reading import reading_of
from eigentail.records.reading import Reading
from eigentail.settings import Settings


def gaussian(count: int, n: int = 128, m: int = 128) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {f"fc{i}.weight": rng.standard_normal((n, m)) for i in range(count)}


def test_shares_are_counted_over_the_fits() -> None:
    report = et.analyze(et.example("gpt_demo/trained"))
    found = reading_of(report)
    alphas = [row.fit.alpha for row in report.layers if row.fit.ok and not row.layer.kind.startswith("embedding")]
    assert found.layers == len(alphas) < len(report.layers)
    assert found.share_2_4 == pytest.approx(sum(2 <= alpha <= 4 for alpha in alphas) / len(alphas))
    assert found.share_2_6 == pytest.approx(sum(2 <= alpha <= 6 for alpha in alphas) / len(alphas))
    assert found.alpha == pytest.approx(report.summary["alpha"])


@pytest.mark.parametrize(("tail", "shape"), [("clauset", (64, 48)), ("hill", (16, 16))])
def test_the_null_is_what_untrained_matrices_show(tail: str, shape: tuple[int, int]) -> None:
    """Of 150 Gaussian matrices the shares lie where the table says; of the small ones' exponents most are below 2."""
    found = reading_of(et.analyze(gaussian(150, *shape), Settings(metrics=("alpha",), tail=tail)))
    assert found.null_layers == found.layers == 150
    assert found.share_2_4 == pytest.approx(found.null_2_4, abs=0.12)
    assert found.share_2_6 == pytest.approx(found.null_2_6, abs=0.12)
    assert found.alpha == pytest.approx(found.null_alpha, rel=0.06)


def test_the_claim_holds_from_four_in_five_on() -> None:
    rng = np.random.default_rng(0)
    heavy = {f"fc{i}.weight": rng.standard_t(2.2, (256, 256)) for i in range(10)}
    report = et.analyze(heavy)
    found = reading_of(report)
    assert found.universal is (found.share_2_4 >= 0.8)
    assert reading_of(et.analyze(gaussian(5, 512, 512))).universal is False


def test_without_a_fit_there_is_nothing_to_read() -> None:
    found = reading_of(et.analyze({"fc.weight": np.eye(32)}))
    assert (found.layers, found.universal) == (0, None)
    assert math.isnan(found.share_2_4)
    assert found.sentence == "no layer has an exponent to read"


def test_an_estimator_without_a_null_has_shares_all_the_same() -> None:
    found = reading_of(et.analyze(gaussian(3), Settings(tail="hill:0.1")))
    assert (found.layers, found.null_layers) == (3, 0)
    assert math.isnan(found.null_2_4)
    assert "untrained" not in found.sentence


def test_a_saved_report_reads_the_same(tmp_path) -> None:
    report = et.analyze(et.example())
    report.save(tmp_path / "r.json")
    assert reading_of(et.load(tmp_path / "r.json")) == reading_of(report)


def test_scale_does_not_matter() -> None:
    weights = gaussian(3)
    scaled = {name: 1e6 * values for name, values in weights.items()}
    one, other = reading_of(et.analyze(weights)), reading_of(et.analyze(scaled))
    assert (one.share_2_4, one.share_2_6, one.null_2_6) == (other.share_2_4, other.share_2_6, other.null_2_6)
    assert one.alpha == pytest.approx(other.alpha, rel=1e-9)


def test_the_sentence_says_all_of_it() -> None:
    found = Reading(
        layers=4, share_2_4=0.5, share_2_6=0.75, alpha=3.5, null_layers=4, null_2_4=0.25, null_2_6=0.5, null_alpha=5,
        universal=False,
    )  # fmt: skip
    assert found.sentence == (
        "50 % of 4 exponents lie from 2 to 4 and 75 % from 2 to 6: the claim of 80 to 90 % from 2 to 4 does not hold; "
        "of untrained copies 25 % and 50 % would, with a mean alpha of 5.00 instead of 3.50"
    )
