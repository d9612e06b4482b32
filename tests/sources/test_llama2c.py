"""llama2.c: three versions, both layouts of the third, and nothing that is not exactly one."""

from __future__ import annotations

import json
import struct
from contextlib import closing
from pathlib import Path

import llama2c_writer as writer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import NO_SHARED_DATA, shared_data

from eigentail.analysis import describe
from eigentail.errors import SourceError
from eigentail.sources import identify, open_source

SAMPLE = "EN10__BabyLlama/babyllama_tok105_model5000.bin"


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("version", [0, 1])
def test_float32_files_hold_what_was_written(tmp_path: Path, head: bool, version: int) -> None:
    arrays = writer.random_arrays(head=head)
    (tmp_path / "m.bin").write_bytes((writer.version_0, writer.version_1)[version](arrays))
    if version:
        del arrays["freqs_cos"], arrays["freqs_sin"]
    with closing(open_source(tmp_path / "m.bin")) as source:
        assert {spec.name: spec.shape for spec in source.tensors()} == {n: a.shape for n, a in arrays.items()}
        for spec in source.tensors():
            np.testing.assert_array_equal(source.read(spec), arrays[spec.name])
        assert source.config["num_key_value_heads"] == 2


@pytest.mark.parametrize("apart", [False, True], ids=["scales behind each", "scales behind all"])
@pytest.mark.parametrize(("hidden", "group"), [(96, 32), (96, 64), (40, 64)])
def test_int8_files_hold_codes_times_scales(tmp_path: Path, hidden: int, group: int, apart: bool) -> None:
    arrays = writer.random_arrays(hidden=hidden, head=True)
    (tmp_path / "m.bin").write_bytes(writer.version_2(arrays, group, apart=apart))
    with closing(open_source(tmp_path / "m.bin")) as source:
        for spec in source.tensors():
            expected = arrays[spec.name]
            if expected.ndim == 2:
                codes, scales = writer.quantised(expected, group)
                expected = (codes.astype(np.float32) * scales[:, None]).reshape(expected.shape)
            array = source.read(spec)
            np.testing.assert_array_equal(array, expected)
            np.testing.assert_array_equal(source.read(spec, (3, 8)), expected[3:8])
            assert (spec.dtype, spec.quantised) == ("float32", "qint8" if expected.ndim == 2 else "")


def test_layers_are_those_of_llama(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(writer.version_0(writer.random_arrays(head=True)))
    layers = {layer.name: (layer.kind, layer.block) for layer in describe(tmp_path / "m.bin").layers}
    assert layers["layers.1.attention.wq"] == ("attention.q", 1)
    assert layers["layers.1.feed_forward.w2"] == ("mlp.down", 1)
    assert layers["output"] == ("head", None)
    assert len(layers) == 2 + 2 * 7


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 6), change=st.integers(-(2**31), 2**31 - 1), longer=st.integers(-4, 4))
def test_an_old_file_is_one_only_when_sizes_and_length_agree(
    tmp_path_factory: pytest.TempPathFactory, at: int, change: int, longer: int
) -> None:
    content = bytearray(writer.version_0(writer.random_arrays(16, 8, 1)))
    same = struct.unpack_from("<7i", content)[at] == change and not longer
    struct.pack_into("<i", content, 4 * at, change)
    path = tmp_path_factory.mktemp("sizes") / "m.bin"
    path.write_bytes(content[:longer] if longer < 0 else content + bytes(longer))
    try:
        with closing(open_source(path)) as source:
            assert sum(spec.nbytes for spec in source.tensors()) + 28 == path.stat().st_size
    except SourceError as error:
        assert "is no weights file that is known here" in str(error)  # noqa: PT017 - some changes fit
        assert not same


@pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
def test_the_shared_sample_has_the_tensors_of_the_manifest() -> None:
    folder = shared_data()
    assert folder is not None
    rows = json.loads((folder / "models" / "MANIFEST.json").read_text())
    (row,) = [row for row in rows if row["path"] == SAMPLE]
    assert identify(folder / "models" / SAMPLE).format == "llama2c"
    work = describe(folder / "models" / SAMPLE)
    found = {layer.tensors[0].name: layer.tensors[0].shape for layer in work.layers}
    assert len(found) == row["n_weight_tensors"] == 36
    assert found == {name: tuple(shape) for name, shape in row["shapes"]}
