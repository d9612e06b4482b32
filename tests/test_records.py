"""The nouns: frozen, dumb, and sure of what they say."""

from __future__ import annotations

import math
import pickle

import msgspec
import numpy as np
import pytest

from eigentail.errors import UsageError
from eigentail.records import (
    BLOCK_BYTES,
    Cut,
    Fit,
    FitStatus,
    Layer,
    LayerReport,
    LayerTable,
    Skip,
    SourceRef,
    Spectrum,
    Summary,
    TensorSpec,
    Verdict,
)

SPEC = TensorSpec(name="conv.weight", shape=(64, 32, 3, 3), dtype="bfloat16", nbytes=36864)
LAYER = Layer(
    index=3, name="conv", kind="conv", block=2, tensors=(SPEC,), shape=(64, 32), cut=Cut(view="conv"), count=9
)


def rows(*names: str) -> list[LayerReport]:
    return [
        LayerReport(
            layer=Layer(index=i, name=name, kind="dense", block=None, tensors=(), shape=(8, 8)),
            fit=Fit(status=FitStatus.ZERO),
            verdict=Verdict.RANK_COLLAPSE,
            metrics={},
        )
        for i, name in enumerate(names)
    ]


def test_a_layer_knows_its_cost_from_the_header() -> None:
    assert LAYER.num_evals == 32 * 9
    assert LAYER.flops == pytest.approx(9 * (64 * 32**2 + 4 / 3 * 32**3))
    assert LAYER.memory == SPEC.nbytes + 8 * 9 * 64 * 32 + 2 * 8 * 9 * 32**2


def test_a_large_layer_is_converted_block_by_block() -> None:
    spec = TensorSpec(name="fc.weight", shape=(8192, 4096), dtype="float32", nbytes=4 * 8192 * 4096)
    large = Layer(index=0, name="fc", kind="dense", block=None, tensors=(spec,), shape=(8192, 4096))
    assert large.memory == spec.nbytes + BLOCK_BYTES + 2 * 8 * 4096**2


@pytest.mark.parametrize("noun", [SPEC, LAYER, SourceRef("npz", "a"), Skip("b", (3,), "a vector"), Summary(mean={})])
def test_nouns_travel_and_do_not_change(noun: msgspec.Struct) -> None:
    assert pickle.loads(pickle.dumps(noun)) == noun
    assert msgspec.json.decode(msgspec.json.encode(noun), type=type(noun)) == noun
    with pytest.raises(AttributeError, match="immutable"):
        setattr(noun, noun.__struct_fields__[0], None)


def test_every_status_has_a_sentence_and_some_are_failures() -> None:
    sentences = {status.sentence for status in FitStatus}
    assert len(sentences) == len(FitStatus)
    failures = {FitStatus.NON_FINITE, FitStatus.UNREADABLE, FitStatus.LOST}
    assert {status for status in FitStatus if status.is_failure} == failures


def test_a_fit_without_numbers_is_nan() -> None:
    fit = Fit(status=FitStatus.FLAT)
    assert not fit.ok
    assert all(math.isnan(value) for value in (fit.alpha, fit.sigma, fit.xmin, fit.xmax, fit.D))
    assert fit.tail == 0


def test_the_positive_part_of_a_spectrum() -> None:
    spectrum = Spectrum(eigenvalues=np.array([0.0, 0.5, 2.0]), shape=(3, 3), rank=2)
    assert spectrum.positive.tolist() == [0.5, 2.0]
    assert spectrum.lambda_max == 2.0
    none = Spectrum(eigenvalues=np.zeros(3), shape=(3, 3), rank=0)
    assert none.positive.tolist() == []


def test_a_table_is_in_model_order_and_found_by_name_position_and_slice() -> None:
    a, b, c = rows("a", "b", "c")
    table = LayerTable([c, a, b])
    assert list(table) == [a, b, c]
    assert (len(table), table[0], table[-1], table["b"]) == (3, a, c, b)
    assert list(table[1:]) == [b, c]
    assert table[1:]["c"] is c


def test_a_layer_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"^no layer 'fc3': did you mean fc\d or fc\d\?"):
        LayerTable(rows("fc2", "fc1", "conv"))["fc3"]
    with pytest.raises(IndexError, match="range"):
        LayerTable(rows("fc1"))[1]


def test_a_metric_that_is_not_in_the_summary_is_told() -> None:
    with pytest.raises(UsageError, match="no metric 'alpah' in the summary: did you mean alpha"):
        Summary(mean={"alpha": 3.0})["alpah"]
