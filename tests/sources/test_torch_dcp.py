"""Distributed PyTorch checkpoints, written by torch itself, and NeMo archives around them."""

from __future__ import annotations

import pickle
import tarfile
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)

from eigentail.errors import SourceError
from eigentail.sources import opened
from eigentail.sources.ranges import LocalRange


def save(tree: dict[str, Any], folder: Path) -> Path:
    with warnings.catch_warnings(action="ignore"):  # it says that there is one process only
        dcp.save(tree, checkpoint_id=folder, no_dist=True)
    return folder


class Block(NamedTuple):
    offsets: tuple[int, ...]
    values: torch.Tensor
    file: str


def sharded(
    folder: Path, shape: Sequence[int], blocks: Sequence[Block], write: Callable[..., None] = torch.save
) -> Path:
    """What several processes would have written of one tensor called `fc.weight`."""
    folder.mkdir()
    places = {}
    for block in blocks:
        with (folder / block.file).open("ab") as file:
            begin = file.tell()
            write(block.values.clone(), folder / "one")
            file.write((folder / "one").read_bytes())
            places[MetadataIndex("fc.weight", block.offsets)] = _StorageInfo(block.file, begin, file.tell() - begin)
    (folder / "one").unlink()
    chunks = [ChunkStorageMetadata(torch.Size(block.offsets), block.values.shape) for block in blocks]
    spec = TensorStorageMetadata(TensorProperties(blocks[0].values.dtype), torch.Size(shape), chunks)
    (folder / ".metadata").write_bytes(pickle.dumps(Metadata({"fc.weight": spec}, None, places)))
    return folder


def cut(whole: torch.Tensor, rows: Sequence[int], columns: Sequence[int]) -> list[Block]:
    """Blocks between these borders, those of one row of blocks in one file."""
    return [
        Block((top, left), whole[top:bottom, left:right], f"__{at}_0.distcp")
        for at, (top, bottom) in enumerate(pairwise(rows))
        for left, right in pairwise(columns)
    ]


def weights(target: Path) -> dict[str, np.ndarray[Any, Any]]:
    with opened(target) as source:
        return {spec.name: source.read(spec) for spec in source.tensors()}


WHOLE = torch.randn(31, 20, generator=torch.Generator().manual_seed(5))


def test_names_are_the_models_and_optimizer_state_is_marked(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.Linear(30, 9))
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 20)).sum().backward()
    optimizer.step()
    tree = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "step": 3}
    found = weights(save(tree, tmp_path / "step"))
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.numpy())
    assert {name for name in found if not name.startswith("optimizer.")} == set(net.state_dict())
    assert len(found) == 4 + 4 * 3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.int64, torch.bool])
def test_every_type_comes_as_it_was_saved(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = WHOLE.to(dtype)
    array = weights(save({"w": tensor, "n": tensor[0, 0]}, tmp_path / "step"))["w"]
    assert array.dtype.name == str(dtype).removeprefix("torch.")
    np.testing.assert_array_equal(array.astype(np.float32), tensor.float().numpy())


@pytest.mark.parametrize("write", [torch.save, lambda *one: torch.save(*one, _use_new_zipfile_serialization=False)])
@pytest.mark.parametrize("columns", [(0, 20), (0, 7, 20), (0, 10, 20, 20)])
def test_a_tensor_is_put_together_from_its_blocks(tmp_path: Path, columns: tuple[int, ...], write: Any) -> None:
    path = sharded(tmp_path / "step", WHOLE.shape, cut(WHOLE, (0, 16, 31), columns), write)
    with opened(path) as source:
        (spec,) = source.tensors()
        np.testing.assert_array_equal(source.read(spec), WHOLE.numpy())
        for part in [(0, 31), (3, 20), (15, 17), (16, 31), (5, 5), (30, 31)]:
            np.testing.assert_array_equal(source.read(spec, part), WHOLE[slice(*part)].numpy())


def test_blocks_of_different_heights_side_by_side(tmp_path: Path) -> None:
    blocks = [
        Block((0, 0), WHOLE[:10, :8], "a"),
        Block((10, 0), WHOLE[10:, :8], "b"),
        Block((0, 8), WHOLE[:25, 8:], "c"),
        Block((25, 8), WHOLE[25:, 8:], "d"),
    ]
    path = sharded(tmp_path / "step", WHOLE.shape, blocks)
    np.testing.assert_array_equal(weights(path / ".metadata")["fc.weight"], WHOLE.numpy())


def test_rows_open_the_files_that_hold_them_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sharded(tmp_path / "step", WHOLE.shape, cut(WHOLE, (0, 8, 16, 24, 31), (0, 20)))
    with opened(path) as source:
        seen: list[str] = []
        read = LocalRange.read

        def counted(self: LocalRange, offset: int, n: int) -> memoryview:
            seen.append(self._path.name)
            return read(self, offset, n)

        monkeypatch.setattr(LocalRange, "read", counted)
        source.read(source.tensors()[0], (9, 15))
    assert set(seen) == {"__1_0.distcp"}


def test_layers_that_megatron_stacks_come_one_by_one(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    tree = {
        "decoder.layers.mlp.linear_fc1.weight": torch.randn(3, 16, 8, generator=generator),
        "decoder.layers.mlp.linear_fc1.layer_norm_weight": torch.randn(3, 8, generator=generator),
        "embedding.word_embeddings.weight": torch.randn(50, 8, generator=generator),
    }
    found = weights(save(tree, tmp_path / "step"))
    assert len(found) == 7
    for at in range(3):
        expected = tree["decoder.layers.mlp.linear_fc1.weight"][at]
        np.testing.assert_array_equal(found[f"decoder.layers.{at}.mlp.linear_fc1.weight"], expected.numpy())


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("folder", ["./", f"./{'deep/' * 40}"])
def test_a_nemo_archive_of_any_kind_gives_its_weights(tmp_path: Path, mode: Any, form: int, folder: str) -> None:
    if form == tarfile.USTAR_FORMAT and len(folder) > 100:
        folder = folder[:147]
    torch.save({"encoder.weight": WHOLE}, tmp_path / "w.ckpt")
    (tmp_path / "model_config.yaml").write_text("a: 1\n")
    with tarfile.open(tmp_path / "m.nemo", mode, format=form) as archive:
        archive.add(tmp_path / "model_config.yaml", f"{folder}model_config.yaml")
        archive.add(tmp_path / "w.ckpt", f"{folder}model_weights.ckpt")
    np.testing.assert_array_equal(weights(tmp_path / "m.nemo")["encoder.weight"], WHOLE.numpy())


def test_a_nemo_archive_with_a_distributed_checkpoint_gives_its_weights(tmp_path: Path) -> None:
    path = sharded(tmp_path / "step", WHOLE.shape, cut(WHOLE, (0, 16, 31), (0, 20)))
    with tarfile.open(tmp_path / "m.nemo", "w") as archive:
        archive.add(path, "./model_weights")
    np.testing.assert_array_equal(weights(tmp_path / "m.nemo")["fc.weight"], WHOLE.numpy())


def test_a_folder_around_checkpoints_names_the_one_with_the_model(tmp_path: Path) -> None:
    save({"w": WHOLE}, tmp_path / "optimizer_0")
    save({"w": WHOLE}, tmp_path / "pytorch_model_fsdp_0")
    with pytest.raises(SourceError, match="the folder pytorch_model_fsdp_0 in it has some: give that one"):
        weights(tmp_path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_checkpoint_gives_arrays_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "step"
    if not folder.is_dir():
        sharded(folder, WHOLE.shape, cut(WHOLE, (0, 16, 31), (0, 20)))
    path = folder / data.draw(st.sampled_from([".metadata", ".metadata", "__1_0.distcp"]))
    content = path.read_bytes()
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.sampled_from([len(content), len(content) // 2]))])
    try:
        assert weights(folder)
    except SourceError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may as well be whole
    finally:
        path.write_bytes(content)
