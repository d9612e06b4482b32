"""GGUF against the package that owns the format: every type bit for bit, in both byte orders and all versions."""

from __future__ import annotations

import struct
import sys
from contextlib import closing
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf.quants import _type_traits, dequantize, quantize
from gguf_writer import finish, info, pair, raw, text, write
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.analysis import analyze, describe
from eigentail.errors import SourceError
from eigentail.numerics.spectrum import spectrum_of
from eigentail.settings import Settings
from eigentail.sources import open_source
from eigentail.sources.gguf_files.types import TYPES, numbers
from eigentail.sources.ranges import LocalRange

RNG = np.random.default_rng(3)
CODED = {number: kind for number, kind in TYPES.items() if kind.is_coded}
DECODED = sorted(number for number, kind in CODED.items() if kind.is_decoded)
WRITABLE = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4")


def bytes_of(number: int, rows: int, columns: int) -> np.ndarray:
    """Random blocks; the scales in them are kept from being NaN by chance, or they would equal nothing."""
    kind = TYPES[number]
    blocks = RNG.integers(0, 256, (rows * columns // kind.block, kind.nbytes), dtype=np.uint8)
    return blocks.reshape(rows, -1)


def coded_file(path: Path, number: int, rows: int = 6, columns: int = 512) -> np.ndarray:
    data = bytes_of(number, rows, columns)
    path.write_bytes(raw([info("blk.0.ffn_up.weight", (columns, rows), number)], data.tobytes()))
    return data


def test_the_table_of_types_is_the_packages() -> None:
    theirs = {int(kind): (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in gguf.GGMLQuantizationType}
    plain = {"F32": "float32", "F16": "float16", "F64": "float64", "BF16": "bfloat16"}
    named = {
        number: (plain.get(name, name.lower() if block > 1 else f"int{name[1:]}"), block, size)
        for number, (name, block, size) in theirs.items()
    }
    assert {number: (kind.dtype, kind.block, kind.nbytes) for number, kind in TYPES.items()} == named


def test_what_is_said_to_be_decoded_is_what_the_package_decodes() -> None:
    decodable = {kind.name.lower() for kind in _type_traits} - {"bf16"}
    assert {TYPES[number].dtype for number in DECODED} == decodable


@pytest.mark.parametrize("number", DECODED, ids=lambda number: TYPES[number].dtype)
def test_every_decodable_type_equals_the_package_bit_by_bit(tmp_path: Path, number: int) -> None:
    data = coded_file(tmp_path / "m.gguf", number)
    with np.errstate(all="ignore"):
        expected = dequantize(data, gguf.GGMLQuantizationType(number))
    with closing(open_source(tmp_path / "m.gguf")) as source:
        (spec,) = source.tensors()
        assert (spec.shape, spec.dtype, spec.nbytes) == ((6, 512), "float32", data.nbytes)
        assert spec.quantised == TYPES[number].dtype
        np.testing.assert_array_equal(source.read(spec).view(np.uint32), expected.view(np.uint32))
        np.testing.assert_array_equal(source.read(spec, (2, 5)).view(np.uint32), expected[2:5].view(np.uint32))


@pytest.mark.parametrize("name", WRITABLE)
def test_what_the_package_quantises_is_read_as_the_package_reads_it(tmp_path: Path, name: str) -> None:
    kind = gguf.GGMLQuantizationType[name]
    weights = RNG.standard_normal((20, 256)).astype(np.float32)
    data = quantize(weights, kind)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("output.weight", data, raw_dtype=kind)
    finish(writer)
    with closing(open_source(tmp_path / "m.gguf")) as source:
        array = source.read(source.tensors()[0])
    np.testing.assert_array_equal(array, dequantize(data, kind))
    likeness = np.corrcoef(array.ravel(), weights.ravel())[0, 1]
    assert likeness > (0.3 if name.startswith("TQ") else 0.95), "it is the matrix that was written; TQ keeps signs"


def test_blocks_decoded_some_at_a_time_equal_all_at_once() -> None:
    data = bytes_of(8, 1, 32 * 40_000)  # more than a million values
    with np.errstate(all="ignore"):
        expected = dequantize(data, gguf.GGMLQuantizationType.Q8_0).reshape(-1)
    np.testing.assert_array_equal(numbers(memoryview(data.tobytes()), TYPES[8]), expected)


def test_plain_types_and_bfloat16_in_both_byte_orders(tmp_path: Path) -> None:
    kinds = {0: "f4", 1: "f2", 24: "i1", 25: "i2", 26: "i4", 27: "i8", 28: "f8", 30: "u2"}
    for order in "<>":
        for number, code in kinds.items():
            values = RNG.integers(1, 100, (3, 4)).astype(order + code)
            line = info("w.weight", (4, 3), number, order=order)
            (tmp_path / "m.gguf").write_bytes(raw([line], values.tobytes(), order=order))
            with closing(open_source(tmp_path / "m.gguf")) as source:
                array = source.read(source.tensors()[0])
                assert source.tensors()[0].dtype == array.dtype.name
            native = values.astype(values.dtype.newbyteorder("="))
            np.testing.assert_array_equal(array.view(native.dtype) if number == 30 else array, native)


def test_version_1_counts_in_32_bits(tmp_path: Path) -> None:
    name, key = b"w.weight", b"general.alignment"
    head = struct.pack("<4sIII", b"GGUF", 1, 1, 1) + struct.pack("<I", len(key)) + key + struct.pack("<II", 4, 8)
    line = struct.pack("<I", len(name)) + name + struct.pack("<IIIIQ", 2, 2, 3, 0, 0)
    content = head + line
    content += bytes(-len(content) % 8)
    (tmp_path / "m.gguf").write_bytes(content + np.arange(6, dtype="<f4").tobytes())
    with closing(open_source(tmp_path / "m.gguf")) as source:
        assert source.read(source.tensors()[0]).tolist() == [[0, 1], [2, 3], [4, 5]]


def test_metadata_of_every_type_is_passed_over_and_the_architecture_kept(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "qwen2moe")
    writer.add_array("tokenizer.ggml.tokens", [f"token {at} é" for at in range(5000)])
    writer.add_array("tokenizer.ggml.scores", [0.5] * 5000)
    writer.add_string("tokenizer.chat_template", "x" * 100_000)
    writer.add_bool("general.good", True)
    writer.add_float64("general.double", 0.25)
    writer.add_head_count(16)
    writer.add_head_count_kv([4, 4, 8])
    writer.add_expert_count(60)
    writer.add_block_count(3)
    writer.add_custom_alignment(64)
    arrays = {"blk.0.attn_q.weight": RNG.standard_normal((16, 8)).astype(np.float32)}
    arrays["blk.0.attn_k.weight"] = arrays["blk.0.attn_q.weight"][:8] * 2
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    finish(writer)
    with closing(open_source(tmp_path / "m.gguf")) as source:
        assert source.config == {
            "model_type": "qwen2moe", "num_attention_heads": 16, "num_hidden_layers": 3, "num_local_experts": 60,
        }  # fmt: skip
        for spec in source.tensors():
            np.testing.assert_array_equal(source.read(spec), arrays[spec.name])


def split(folder: Path, arrays: dict[str, np.ndarray], shards: int = 3) -> list[Path]:
    """A model in parts, as llama-gguf-split makes them."""
    paths = [folder / f"net-{at + 1:05}-of-{shards:05}.gguf" for at in range(shards)]
    for at, path in enumerate(paths):
        writer = gguf.GGUFWriter(path, "llama")
        if at == 0:
            writer.add_head_count(4)
        writer.add_uint16("split.no", at)
        writer.add_uint16("split.count", shards)
        writer.add_int32("split.tensors.count", len(arrays))
        for name in list(arrays)[at::shards]:
            writer.add_tensor(name, arrays[name])
        finish(writer)
    return paths


@pytest.fixture
def parts(tmp_path: Path) -> tuple[list[Path], dict[str, np.ndarray]]:
    arrays = {f"blk.{at}.attn_q.weight": RNG.standard_normal((8, 4)).astype(np.float32) for at in range(5)}
    return split(tmp_path, arrays), arrays


def test_any_part_or_the_folder_opens_the_whole(parts: tuple[list[Path], dict[str, np.ndarray]]) -> None:
    paths, arrays = parts
    for target in (*paths, paths[0].parent):
        with closing(open_source(target)) as source:
            assert source.config["num_attention_heads"] == 4
            assert {spec.name for spec in source.tensors()} == set(arrays)
            for spec in source.tensors():
                np.testing.assert_array_equal(source.read(spec), arrays[spec.name])


def test_a_folder_with_one_file_keeps_what_the_file_says_of_the_architecture(tmp_path: Path) -> None:
    write(tmp_path / "some-Q8.gguf", {"output.weight": np.ones((4, 4), np.float32)}, attention__head_count=7)
    with closing(open_source(tmp_path)) as source:
        assert source.config == {"model_type": "llama", "num_attention_heads": 7}
    write(tmp_path / "some-Q4.gguf", {"output.weight": np.ones((4, 4), np.float32)})
    with pytest.raises(SourceError, match=r"holds several models \(some-Q4.gguf, some-Q8.gguf\): give the one"):
        open_source(tmp_path)


def test_a_missing_part_is_named(parts: tuple[list[Path], dict[str, np.ndarray]]) -> None:
    paths, _ = parts
    paths[1].unlink()
    with pytest.raises(SourceError, match=r"1 of 3 parts are missing \(the first is net-00002-of-00003.gguf\)"):
        open_source(paths[0])
    with pytest.raises(SourceError, match="1 of 3 shards are missing"):
        open_source(paths[0].parent)


def test_parts_that_do_not_belong_together(parts: tuple[list[Path], dict[str, np.ndarray]]) -> None:
    paths, arrays = parts
    paths[1].write_bytes(paths[2].read_bytes())
    with pytest.raises(SourceError, match="its name says part 2 of 3, its header number 2 of 3, counted from 0"):
        open_source(paths[0])
    write(paths[1], arrays)
    with pytest.raises(SourceError, match="its name says part 2 of 3, its header no part of a set"):
        open_source(paths[0])
    paths[0].rename(paths[0].with_name("other.gguf"))
    with pytest.raises(SourceError, match="is one of 3 parts of a model, and its name does not tell"):
        open_source(paths[0].with_name("other.gguf"))


def test_without_the_package_plain_files_are_read_and_quantised_ones_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coded_file(tmp_path / "q.gguf", 12)
    write(tmp_path / "f.gguf", {"output.weight": np.ones((4, 4), np.float16)})
    with closing(open_source(tmp_path / "q.gguf")) as source:
        monkeypatch.setitem(sys.modules, "gguf", None)
        with pytest.raises(SourceError, match=r'needs the gguf package: pip install "eigentail\[gguf\]"'):
            source.read(source.tensors()[0])
    monkeypatch.setattr("eigentail.sources.gguf_files.types.find_spec", lambda name: None)
    with pytest.raises(
        SourceError, match=r'q.gguf: is quantised \(q4_k\), which needs the gguf package: pip install "'
    ):
        open_source(tmp_path / "q.gguf")
    with closing(open_source(tmp_path / "f.gguf")) as source:
        assert source.read(source.tensors()[0]).sum() == 16


def test_a_type_that_nobody_decodes_is_a_reason_and_not_a_failure(tmp_path: Path) -> None:
    lines = [info("a.weight", (256, 8), 15), info("b.weight", (16, 16), 0, 8 * 292)]
    content = raw(lines, bytes(8 * 292) + RNG.standard_normal((16, 16)).astype("<f4").tobytes())
    (tmp_path / "m.gguf").write_bytes(content)
    work = describe(tmp_path / "m.gguf")
    assert [layer.name for layer in work.layers] == ["b"]
    assert [skip.reason for skip in work.skipped] == ["dtype q8_k is not a number format this version measures"]
    cannot = pytest.raises(SourceError, match="is stored as q8_k, which the gguf package that is installed cannot")
    with closing(open_source(tmp_path / "m.gguf")) as source, cannot:
        source.read(source.tensors()[0])


def test_the_report_names_the_quantisation(tmp_path: Path) -> None:
    data = quantize(RNG.standard_normal((64, 96)).astype(np.float32), gguf.GGMLQuantizationType.Q4_0)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("blk.0.attn_q.weight", data, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    finish(writer)
    (row,) = analyze(tmp_path / "m.gguf", Settings(metrics=("alpha", "matrix_rank"))).layers
    assert (row.layer.kind, row.layer.quantised, row.spectrum.rank) == ("attention.q", "q4_0", 64)
    assert (row.spectrum.stored, row.spectrum.precision) == ("float32", "float64")
    expected = np.linalg.svd(dequantize(data, gguf.GGMLQuantizationType.Q4_0).astype(np.float64))[1] ** 2
    np.testing.assert_allclose(row.spectrum.eigenvalues[::-1], expected, rtol=1e-9)


def test_what_codes_become_is_counted_in_the_memory_of_a_layer(tmp_path: Path) -> None:
    data = coded_file(tmp_path / "m.gguf", 12, rows=256)
    (layer,) = describe(tmp_path / "m.gguf").layers
    values = 256 * 512
    assert layer.memory == data.nbytes + 4 * values + 8 * values + 2 * 8 * 256**2


@pytest.mark.parametrize("name", ["Q4_0", "Q5_1", "Q8_0"])
def test_codes_fill_the_null_space_with_noise_no_larger_than_its_edge(name: str) -> None:
    """The decision on zeros: what is stored has full rank, and what the rounding made stays below a known edge."""
    kind, (n, m, rank) = gguf.GGMLQuantizationType[name], (512, 256, 40)
    low = (RNG.standard_normal((n, rank)) @ RNG.standard_normal((rank, m))).astype(np.float32)
    coded = dequantize(quantize(low, kind), kind)
    before, after = spectrum_of(low[None]), spectrum_of(coded[None])
    edge = np.mean((coded - low) ** 2) * (np.sqrt(n) + np.sqrt(m)) ** 2
    assert (before.rank, after.rank) == (rank, m)
    assert 0.5 * edge < after.eigenvalues[m - rank - 1] < 1.1 * edge
    np.testing.assert_allclose(after.eigenvalues[-rank:], before.eigenvalues[-rank:], rtol=0.1)


def test_reading_some_rows_of_codes_reads_their_blocks_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = coded_file(tmp_path / "m.gguf", 14, rows=64)
    seen: list[int] = []
    read = LocalRange.read
    with closing(open_source(tmp_path / "m.gguf")) as source:
        monkeypatch.setattr(LocalRange, "read", lambda self, at, n: (seen.append(n), read(self, at, n))[1])
        source.read(source.tensors()[0], (3, 5))
    assert seen == [2 * data.nbytes // 64]


def test_a_vector_of_codes_can_be_read_in_rows(tmp_path: Path) -> None:
    data = bytes_of(8, 1, 64)
    (tmp_path / "m.gguf").write_bytes(raw([info("w", (64,), 8)], data.tobytes()))
    with closing(open_source(tmp_path / "m.gguf")) as source:
        (spec,) = source.tensors()
        np.testing.assert_array_equal(source.read(spec, (5, 40)), source.read(spec)[5:40])


GOOD = raw(
    [info("blk.0.attn_q.weight", (32, 2), 8), info("b", (4,), 0, 96)],
    bytes(range(68)) + bytes(28) + bytes(16),
    [
        pair("general.architecture", 8, text("llama")),
        pair("llama.x", 9, struct.pack("<IQ3I", 4, 3, 1, 2, 3)),
        pair("tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("bc")),
    ],
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_damage_is_either_harmless_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.sampled_from([0, 1, 9, 127, 128, 255]))
    path = tmp_path_factory.mktemp("damage") / "m.gguf"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        with closing(open_source(path)) as source:
            for spec in source.tensors():
                source.read(spec)
    except SourceError as error:
        assert "\n" not in str(error)  # noqa: PT017 - not every damage ends in an error


def test_the_undamaged_file_is_good(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(GOOD)
    with closing(open_source(tmp_path / "m.gguf")) as source:
        assert [spec.shape for spec in source.tensors()] == [(2, 32), (4,)]
