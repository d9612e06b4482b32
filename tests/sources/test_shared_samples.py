"""Every sample at hand reads, in whatever format, with the weight tensors that its manifest states."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest
from shared import NO_SHARED_DATA, shared_data

from eigentail.layers import group
from eigentail.sources import open_source

SHARED = shared_data()
ROWS: list[dict[str, Any]] = json.loads((SHARED / "models" / "MANIFEST.json").read_text()) if SHARED else []
# What lies in a file besides the weights that its manifest counts.
BESIDE = ("optimizer state", "a fixed transform", "rotary frequencies")


@pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)
def test_there_are_samples_of_many_formats() -> None:
    assert len(ROWS) >= 44
    assert len({row["format"] for row in ROWS}) >= 12


@pytest.mark.skipif(SHARED is None, reason=NO_SHARED_DATA)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["path"])
def test_a_sample_has_the_weights_that_its_manifest_states(row: dict[str, Any]) -> None:
    assert SHARED is not None
    with closing(open_source(SHARED / "models" / row["path"])) as source:
        tensors = source.tensors()
        skipped = {skip.name: skip.reason for skip in group(tensors, source.config).skipped}
    weights = [spec for spec in tensors if len(spec.shape) > 1 and not skipped.get(spec.name, "").startswith(BESIDE)]
    assert len(weights) == row["n_weight_tensors"]
