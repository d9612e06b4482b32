"""JAX checkpoints written by Flax and Orbax themselves, and by hand where a file must be odd."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import jax_writer
import msgpack
import numpy as np
import pytest
import tensorstore as ts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.layers import group
from eigentail.sources import identify, opened

FIXTURES = Path(__file__).parents[1] / "fixtures" / "jax"
RANDOM = np.random.default_rng(3)
BYTES_READ = "/tensorstore/kvstore/file/bytes_read"


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return RANDOM.standard_normal(shape).astype(np.float32)


def unpacked(name: str, folder: Path) -> Path:
    shutil.unpack_archive(FIXTURES / f"{name}.zip", folder / name)
    return folder / name


def weights(target: object) -> dict[str, np.ndarray[Any, Any]]:
    with opened(target) as source:
        return {spec.name: source.read(spec) for spec in source.tensors()}


@pytest.fixture(params=["ocdbt", "zarr", "zarr3", "flax_model.msgpack"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name = str(request.param)
    return FIXTURES / name if "." in name else unpacked(name, tmp_path)


def test_what_jax_wrote_has_torch_names_shapes_and_numbers(checkpoint: Path) -> None:
    found = weights(checkpoint)
    with np.load(FIXTURES / "expected.npz") as expected:
        assert len(expected) == 15
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name].astype(np.float32), array, err_msg=name)
    assert found["last.weight"].dtype.name == "bfloat16"


def test_optimizer_state_and_counters_are_no_layers_and_vectors_stay_vectors(checkpoint: Path) -> None:
    with opened(checkpoint) as source:
        grouping = group(source.tensors(), source.config)
    reasons = {skip.name: skip.reason for skip in grouping.skipped}
    assert any(name.startswith("optimizer.") for name in reasons)
    assert reasons["attention.query.bias"].startswith("a vector")
    assert not any("bias" in layer.name or layer.name.startswith("optimizer") for layer in grouping.layers)
    kinds = {layer.name: (layer.kind, layer.block) for layer in grouping.layers}
    assert kinds["attention.query"] == ("attention.q", None)
    assert kinds["attention.out"] == ("attention.o", None)
    assert kinds["conv"] == ("conv", None)
    assert [kinds[f"layers.{at}.mlp"][1] for at in range(3)] == [0, 1, 2]


def test_rows_equal_the_slice_in_every_layout(checkpoint: Path) -> None:
    with opened(checkpoint) as source:
        for spec in source.tensors():
            for part in [(0, spec.shape[0]), (1, 3), (2, 2)] if spec.shape and spec.shape[0] > 2 else []:
                np.testing.assert_array_equal(source.read(spec, part), source.read(spec)[slice(*part)])


def test_an_array_in_pieces_equals_the_array_in_one() -> None:
    whole, pieces = weights(FIXTURES / "flax_model.msgpack"), weights(FIXTURES / "chunked.msgpack")
    np.testing.assert_array_equal(pieces["last.weight"], whole["last.weight"])


def test_a_step_of_a_manager_opens_and_the_folder_of_steps_says_which_there_are(tmp_path: Path) -> None:
    folder = unpacked("steps", tmp_path)
    assert "last.weight" in weights(folder / "7")
    assert "last.weight" in weights(folder / "7" / "default" / "_METADATA")
    with pytest.raises(SourceError, match="holds no weights: the folder 7 in it has some: give that one"):
        weights(folder)


def test_the_boxes_of_nnx_are_taken_off(tmp_path: Path) -> None:
    found = weights(unpacked("nnx", tmp_path))
    assert {name: array.shape for name, array in found.items()} == {
        "conv.weight": (8, 3, 3, 3),
        "conv.bias": (8,),
        "blocks.0.weight": (6, 8),
        "blocks.0.bias": (6,),
        "blocks.1.weight": (8, 6),
        "blocks.1.bias": (8,),
    }


def test_the_msgpack_package_finds_the_same_arrays(tmp_path: Path) -> None:
    def unext(code: int, data: bytes) -> Any:
        shape, dtype, raw = msgpack.unpackb(data)
        return np.frombuffer(raw, dtype).reshape(shape)

    tree = {"a": {"b": normal(3, 4), "n": np.float32(2)}, "note": "x" * 5000, "list": [1, 2.5, None, True, -7, 2**40]}
    path = tmp_path / "checkpoint_7"
    path.write_bytes(jax_writer.packed(tree))
    oracle = msgpack.unpackb(path.read_bytes(), ext_hook=unext)
    found = weights(path)
    assert set(found) == {"a.b", "a.n"}
    np.testing.assert_array_equal(found["a.b"], oracle["a"]["b"])
    assert found["a.n"] == oracle["a"]["n"]


def test_an_orbax_tensor_reads_its_chunks_and_no_others(tmp_path: Path) -> None:
    tree = {"params": {"embed": {"embedding": normal(1000, 64)}, "fc": {"kernel": normal(500, 64)}}}
    with opened(jax_writer.orbax(tmp_path / "m", tree, rows=100)) as source:
        specs = {spec.name: spec for spec in source.tensors()}

        def read(name: str, part: tuple[int, int] | None = None) -> int:
            (before,) = ts.experimental_collect_matching_metrics(BYTES_READ)
            source.read(specs[name], part)
            (after,) = ts.experimental_collect_matching_metrics(BYTES_READ)
            return int(after["values"][0]["value"] - before["values"][0]["value"])

        assert 0 <= read("embed.embedding", (250, 280)) - 100 * 256 < 2000
        assert 0 <= read("fc.weight") - 500 * 256 < 2000


def test_layers_stacked_along_the_second_axis_come_one_by_one(tmp_path: Path) -> None:
    """As MaxText keeps them."""
    layers = {
        "norm": {"scale": normal(16, 4)},
        "attention": {"query": {"kernel": normal(16, 4, 2, 6)}, "out": {"kernel": normal(2, 4, 6, 16)}},
        "mlp": {"wi_0": {"kernel": normal(16, 4, 30)}},
    }
    found = weights(jax_writer.orbax(tmp_path / "m", {"params": {"params": {"decoder": {"layers": layers}}}}, rows=2))
    assert len(found) == 16
    for at in range(4):
        front = f"decoder.layers.{at}"
        np.testing.assert_array_equal(found[f"{front}.norm.scale"], layers["norm"]["scale"][:, at])
        query = layers["attention"]["query"]["kernel"][:, at].reshape(16, 12).T
        np.testing.assert_array_equal(found[f"{front}.attention.query.weight"], query)
        out = layers["attention"]["out"]["kernel"][:, at].reshape(12, 16).T
        np.testing.assert_array_equal(found[f"{front}.attention.out.weight"], out)
        np.testing.assert_array_equal(found[f"{front}.mlp.wi_0.weight"], layers["mlp"]["wi_0"]["kernel"][:, at].T)


def test_heads_of_one_layer_are_not_taken_for_layers(tmp_path: Path) -> None:
    attention = {name: {"kernel": normal(8, 2, 6), "bias": normal(2, 6)} for name in ("query", "key", "value")}
    found = weights(jax_writer.orbax(tmp_path / "m", {"params": {"attention": attention}}))
    assert found["attention.key.weight"].shape == (12, 8)


def test_the_einsums_of_gemma_are_parted(tmp_path: Path) -> None:
    tree = {"transformer/layer_0/attn/kv_einsum": {"w": normal(2, 4, 6, 5)}}
    tree["transformer/layer_0/attn/q_einsum"] = {"w": normal(8, 6, 5)}
    tree["transformer/layer_0/attn/attn_vec_einsum"] = {"w": normal(8, 5, 6)}
    tree["transformer/layer_0/mlp/gating_einsum"] = {"w": normal(2, 6, 9)}
    path = jax_writer.orbax(tmp_path / "m", tree)
    found, front = weights(path), "transformer.layer_0"
    both = tree["transformer/layer_0/attn/kv_einsum"]["w"]
    for at, name in enumerate("kv"):
        expected = np.concatenate([both[at, head].T for head in range(4)])
        np.testing.assert_array_equal(found[f"{front}.attn.kv_einsum.{name}.weight"], expected)
    out = tree["transformer/layer_0/attn/attn_vec_einsum"]["w"].reshape(40, 6).T
    np.testing.assert_array_equal(found[f"{front}.attn.attn_vec_einsum.weight"], out)
    with opened(path) as source:
        kinds = {layer.kind: layer.block for layer in group(source.tensors()).layers}
    assert kinds == dict.fromkeys(("attention.q", "attention.k", "attention.v", "attention.o", "mlp.gate", "mlp.up"), 0)


def test_an_npz_of_flax_is_shown_as_torch_would_and_any_other_as_it_is(tmp_path: Path) -> None:
    kernel, picture = normal(8, 5), normal(3, 2, 4, 8)
    flax = {"params/Dense_0/kernel": kernel, "params/Dense_0/bias": normal(5), "params/Conv_0/kernel": picture}
    np.savez(tmp_path / "flax.npz", **flax, **{"params/Conv_0/bias": normal(8)})
    np.savez_compressed(tmp_path / "bare.npz", **{"params/Dense_0/kernel": kernel})
    found = weights(tmp_path / "flax.npz")
    np.testing.assert_array_equal(found["Dense_0.weight"], kernel.T)
    np.testing.assert_array_equal(found["Conv_0.weight"], picture.transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(weights(tmp_path / "bare.npz")["params.Dense_0.kernel"], kernel)


def test_three_axes_without_a_bias_are_a_convolution_where_the_name_says_so(tmp_path: Path) -> None:
    kernel = normal(3, 8, 16)
    tree = {name: {"kernel": kernel} for name in ("Conv_0", "experts", "dense")}
    tree["dense"]["bias"] = normal(16)
    found = weights(jax_writer.orbax(tmp_path / "m", tree))
    np.testing.assert_array_equal(found["Conv_0.weight"], kernel.transpose(2, 1, 0))
    np.testing.assert_array_equal(found["experts.weight"], kernel)
    np.testing.assert_array_equal(found["dense.weight"], kernel.reshape(24, 16).T)


def test_a_folder_of_t5x_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "target.decoder.mlp.kernel").mkdir()
    with pytest.raises(SourceError, match="is a T5X checkpoint, which is not read: convert it to Orbax"):
        weights(tmp_path)


def test_t5x_names_lose_their_target_and_its_state_is_the_optimizers(tmp_path: Path) -> None:
    tree = {"target": {"mlp": {"kernel": normal(3, 4)}}, "state": {"param_states": {"mlp": {"kernel": normal(3, 4)}}}}
    (tmp_path / "m.msgpack").write_bytes(jax_writer.packed(tree))
    assert set(weights(tmp_path / "m.msgpack")) == {"mlp.weight", "optimizer.param_states.mlp.kernel"}


def test_a_folder_of_the_hub_with_flax_weights_alone_opens(tmp_path: Path) -> None:
    (tmp_path / "flax_model.msgpack").write_bytes(jax_writer.packed({"fc": {"kernel": normal(8, 5)}}))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with opened(tmp_path) as source:
        assert source.config == {"model_type": "bert"}
        assert [spec.name for spec in source.tensors()] == ["fc.weight"]


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    with pytest.raises(SourceError, match=r'what reads its chunks is not installed: pip install "eigentail\[jax\]"'):
        weights(unpacked("zarr", tmp_path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_flax_file_gives_arrays_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray((FIXTURES / "flax_model.msgpack").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "m.msgpack"
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), 1000, 99]))])
    _is_whole_or_a_sentence(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_orbax_folder_gives_arrays_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "nnx"
    if not folder.is_dir():
        unpacked("nnx", tmp_path)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "process_0" not in path.name)
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    _is_whole_or_a_sentence(folder)
    path.write_bytes(content)


def _is_whole_or_a_sentence(path: Path) -> None:
    try:
        assert weights(path)
    except SourceError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may as well be whole


def test_a_reference_names_the_list_when_it_is_given(tmp_path: Path) -> None:
    folder = unpacked("nnx", tmp_path)
    assert identify(folder / "_METADATA").format == "orbax"
    assert identify(folder).format == "folder"
