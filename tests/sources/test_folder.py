"""Folders: the model is found as hubs and people lay it out, and nothing is joined that does not belong together."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from eigentail.errors import SourceError
from eigentail.sources import identify, open_source
from eigentail.sources.formats.folder import weight_files


def shard(path: Path, **sizes: int) -> None:
    """A safetensors file of square matrices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: torch.full((size, size), float(size)) for name, size in sizes.items()}, path)


def names(target: Path) -> list[str]:
    with closing(open_source(target)) as source:
        return sorted(spec.name for spec in source.tensors())


def test_the_shards_of_an_index_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    save_file({"model.layers.0.w": torch.ones(2, 2)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"lm_head.weight": torch.ones(2, 2)}, tmp_path / "model-00002-of-00002.safetensors")
    table = {
        "lm_head.weight": "model-00002-of-00002.safetensors",
        "model.layers.0.w": "model-00001-of-00002.safetensors",
    }
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    with closing(open_source(tmp_path)) as source:
        assert [spec.name for spec in source.tensors()] == ["model.layers.0.w", "lm_head.weight"]


def test_an_index_joins_its_shards_and_reads_each_tensor_from_its_own(tmp_path: Path) -> None:
    shard(tmp_path / "model-00001-of-00002.safetensors", a=2)
    shard(tmp_path / "model-00002-of-00002.safetensors", b=3)
    shard(tmp_path / "consolidated.safetensors", a=2, b=3)
    table = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 52}, "weight_map": table}))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    for target in (tmp_path, index):
        with closing(open_source(target)) as source:
            assert {spec.name: source.read(spec)[0, 0] for spec in source.tensors()} == {"a": 2, "b": 3}
            assert source.config == {"model_type": "llama"}
    assert identify(index).format == "index"
    assert names(tmp_path / "model-00002-of-00002.safetensors") == ["b"]


@pytest.mark.parametrize("digits", [5, 6])
@pytest.mark.parametrize("first", [0, 1])
def test_shards_without_an_index(tmp_path: Path, digits: int, first: int) -> None:
    for at, name in enumerate("abc"):
        shard(tmp_path / f"model-{at + first:0{digits}}-of-{3:0{digits}}.safetensors", **{name: at + 2})
    assert names(tmp_path) == ["a", "b", "c"]


def test_a_hole_in_a_set_of_shards_is_told(tmp_path: Path) -> None:
    shard(tmp_path / "model-00001-of-00003.safetensors", a=2)
    shard(tmp_path / "model-00003-of-00003.safetensors", b=2)
    with pytest.raises(SourceError, match=r"1 of 3 shards are missing \(the first is number 2\)"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["model.safetensors", "model.fp16.safetensors"], ["model.safetensors"]),
        (["model.fp16.safetensors", "pytorch_model.bin"], ["pytorch_model.bin"]),
        (["model.fp16.safetensors"], ["model.fp16.safetensors"]),
        (["weights.npz", "pytorch_model.bin", "training_args.bin", "optimizer.pt"], ["pytorch_model.bin"]),
        (["mine.pth", "optimizer.pt", "scheduler.pt", "rng_state_0.pth", "scaler.pt"], ["mine.pth"]),
        (["diffusion_pytorch_model.safetensors", "model.bin"], ["diffusion_pytorch_model.safetensors"]),
        (["consolidated.00.pth", "consolidated.01.pth"], ["consolidated.00.pth", "consolidated.01.pth"]),
        (
            ["model-00001-of-00001.safetensors", "model-00001-of-00001.fp16.safetensors"],
            ["model-00001-of-00001.safetensors"],
        ),
        (["model-00001-of-00001.fp16.safetensors"], ["model-00001-of-00001.fp16.safetensors"]),
        (["model.safetensors.index.json", "other.safetensors.index.json"], ["model.safetensors.index.json"]),
        (["optimizer.bin", "README.md"], []),
    ],
)
def test_which_files_are_the_model(tmp_path: Path, there: list[str], chosen: list[str]) -> None:
    for name in there:
        (tmp_path / name).touch()
    assert [path.name for path in weight_files(tmp_path)] == chosen


@pytest.mark.parametrize(
    "there", [["a.pth", "b.pth"], ["a-00001-of-00001.bin", "b-00001-of-00001.bin"], ["a.npz", "b.npz"]]
)
def test_several_models_are_not_guessed_between(tmp_path: Path, there: list[str]) -> None:
    for name in there:
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=r"holds several models \(a.*b.*\): give the one that is meant"):
        weight_files(tmp_path)


def test_a_pipeline_has_its_parts_in_front_of_the_names(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    shard(tmp_path / "unet" / "diffusion_pytorch_model.safetensors", w=2)
    shard(tmp_path / "vae" / "diffusion_pytorch_model.safetensors", w=3)
    shard(tmp_path / "v1-5-pruned.safetensors", w=4)
    (tmp_path / "scheduler").mkdir()
    assert names(tmp_path) == ["unet.w", "vae.w"]


def test_ties_point_to_names_with_the_part_in_front(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    (tmp_path / "unet").mkdir()
    shared = torch.ones(3, 3)
    torch.save({"a": shared, "b": shared}, tmp_path / "unet" / "diffusion_pytorch_model.bin")
    with closing(open_source(tmp_path)) as source:
        assert {spec.name: spec.tied_to for spec in source.tensors()} == {"unet.a": "", "unet.b": "unet.a"}


def test_slices_of_the_same_tensor_are_not_taken_for_one_model(tmp_path: Path) -> None:
    for at in range(2):
        torch.save({"wq.weight": torch.ones(2, 2)}, tmp_path / f"consolidated.{at:02}.pth")
    with pytest.raises(SourceError, match=r"tensor 'wq\.weight' is both in .*00\.pth and in .*01\.pth: slices of one"):
        open_source(tmp_path)


def test_a_folder_above_the_weights_says_where_they_are(tmp_path: Path) -> None:
    shard(tmp_path / "checkpoint-500" / "model.safetensors", w=2)
    with pytest.raises(SourceError, match="holds no weights: the folder checkpoint-500 in it has some"):
        open_source(tmp_path)


def test_a_change_of_the_weights_is_noticed_and_a_change_beside_them_is_not(tmp_path: Path) -> None:
    shard(tmp_path / "model.safetensors", w=2)
    ref = identify(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    open_source(ref).close()
    shard(tmp_path / "model.safetensors", w=3)
    with pytest.raises(SourceError, match=re.escape(f"{tmp_path}: has changed since it was first looked at")):
        open_source(ref)
