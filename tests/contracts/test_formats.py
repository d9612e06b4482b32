"""What every format owes: the same names, shapes, types and numbers, and no more reading than was asked for."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from format_writers import AROUND, ELSEWHERE, NOT_HELD, ONE_TENSOR, OWN_ARRAYS, TURNED, WRITERS

from eigentail.sources import WeightSource, identify, open_source
from eigentail.sources.identify import formats
from eigentail.sources.protocol import Probe
from eigentail.sources.ranges import LocalRange

Array = np.ndarray[Any, Any]
LITTLE = 100_000

RANDOM = np.random.default_rng(7)
ARRAYS: dict[str, Array] = {
    "h.0.attn.weight": RANDOM.standard_normal((300, 700)).astype(np.float32),
    "h.0.mlp.weight": RANDOM.standard_normal((64, 32, 3, 3)).astype(np.float16),
    "h.1.mlp.weight": RANDOM.standard_normal((40, 30)),
    "h.1.mlp.bias": RANDOM.standard_normal(30).astype(np.float32),
    "steps": np.array(12, dtype=np.int64),
    "mask": RANDOM.random((5, 5)) > 0.5,
}


def arrays_for(name: str) -> dict[str, Array]:
    if name in ONE_TENSOR:
        return {"weight": ARRAYS["h.0.attn.weight"]}
    held = OWN_ARRAYS.get(name, ARRAYS)
    return {key: array for key, array in held.items() if key not in NOT_HELD.get(name, ())}


@pytest.fixture(params=sorted(WRITERS))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict[str, Array]]:
    arrays = arrays_for(request.param)
    return request.param, WRITERS[request.param](tmp_path, arrays), arrays


@pytest.fixture
def source(written: tuple[str, Path, dict[str, Array]]) -> Iterator[WeightSource]:
    opened = open_source(written[1])
    yield opened
    opened.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(offset, n) of everything read from files from now on."""
    seen: list[tuple[int, int]] = []
    read = LocalRange.read

    def counted(self: LocalRange, offset: int, n: int) -> memoryview:
        seen.append((offset, n))
        return read(self, offset, n)

    monkeypatch.setattr(LocalRange, "read", counted)
    return seen


def test_every_registered_format_is_under_contract() -> None:
    assert set(formats) == set(WRITERS)


def test_it_is_recognised_by_exactly_one_format(written: tuple[str, Path, dict[str, Array]]) -> None:
    name, path, _ = written
    assert [key for key, form in formats.items() if form.claims(Probe(path))] == [name]
    assert identify(path).format == name


def test_names_shapes_types_and_numbers_are_the_origins(
    written: tuple[str, Path, dict[str, Array]], source: WeightSource
) -> None:
    _, _, arrays = written
    specs = {spec.name: spec for spec in source.tensors()}
    assert set(specs) == set(arrays)
    for name, array in arrays.items():
        spec, found = specs[name], source.read(specs[name])
        assert (spec.shape, spec.dtype, spec.nbytes) == (array.shape, array.dtype.name, array.nbytes)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_rows_equal_the_slice(written: tuple[str, Path, dict[str, Array]], source: WeightSource) -> None:
    for spec in source.tensors():
        for part in [(0, spec.shape[0]), (1, 4), (2, 2)] if spec.shape else []:
            np.testing.assert_array_equal(source.read(spec, part), source.read(spec)[slice(*part)])


def test_opening_reads_a_header_and_reading_the_bytes_of_one_tensor(
    written: tuple[str, Path, dict[str, Array]], reads: list[tuple[int, int]]
) -> None:
    name, path, arrays = written
    opened = open_source(path)
    assert sum(array.nbytes for array in arrays.values()) > 5 * LITTLE
    assert sum(n for _, n in reads) < LITTLE
    for spec in opened.tensors() if name not in ELSEWHERE else ():
        reads.clear()
        opened.read(spec)
        assert 0 <= sum(n for _, n in reads) - spec.nbytes <= AROUND.get(name, 0)
        if len(spec.shape) > 1:
            reads.clear()
            opened.read(spec, (1, 3))
            rows = spec.shape[0] if len(spec.shape) >= TURNED.get(name, 99) else 2
            assert 0 <= sum(n for _, n in reads) - rows * spec.nbytes // spec.shape[0] <= AROUND.get(name, 0)
    opened.close()


def test_nobody_can_write_into_the_file(source: WeightSource) -> None:
    for spec in source.tensors():
        array = source.read(spec)
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_arrays_outlive_their_source(written: tuple[str, Path, dict[str, Array]]) -> None:
    _, path, arrays = written
    opened = open_source(path)
    found = {spec.name: opened.read(spec) for spec in opened.tensors()}
    opened.close()
    del opened
    gc.collect()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_it_travels_as_a_reference_and_opens_equal(source: WeightSource) -> None:
    packed = pickle.dumps(source)
    assert len(packed) < 1000
    again = pickle.loads(packed)
    assert again.ref == source.ref
    assert again.tensors() == source.tensors()
    for spec in source.tensors():
        np.testing.assert_array_equal(again.read(spec), source.read(spec))
    again.close()


def test_a_live_mapping_gives_the_same_as_any_file(
    written: tuple[str, Path, dict[str, Array]], source: WeightSource
) -> None:
    live = open_source(written[2])
    found = {spec.name: msgspec.structs.replace(spec, groups=0) for spec in source.tensors()}  # no array tells groups
    assert found == {spec.name: spec for spec in live.tensors()}
