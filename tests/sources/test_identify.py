"""The door: content decides, not the name, and claims exclude each other."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from shared import NO_SHARED_DATA, shared_data

from eigentail.errors import SourceError, UsageError
from eigentail.records import SourceRef
from eigentail.sources import identify, open_source
from eigentail.sources.identify import formats
from eigentail.sources.protocol import Probe


def test_content_decides_and_the_name_does_not(tmp_path: Path) -> None:
    save_file({"w": torch.eye(2)}, tmp_path / "a.bin")
    torch.save({"w": torch.eye(2)}, tmp_path / "b.safetensors")
    torch.save({"w": torch.eye(2)}, tmp_path / "c.npz", _use_new_zipfile_serialization=False)
    with (tmp_path / "d.pt").open("wb") as file:
        np.savez(file, w=np.eye(2))
    with (tmp_path / "e.pt").open("wb") as file:
        np.save(file, np.eye(2))
    kinds = [identify(tmp_path / name).format for name in ["a.bin", "b.safetensors", "c.npz", "d.pt", "e.pt"]]
    assert kinds == ["safetensors", "torch-zip", "torch-legacy", "npz", "npy"]


def test_paths_are_made_absolute_and_links_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file({"w": torch.eye(2)}, tmp_path / "blob")
    (tmp_path / "model.safetensors").symlink_to("blob")
    monkeypatch.chdir(tmp_path)
    ref = identify("model.safetensors")
    assert ref.target == str(tmp_path / "model.safetensors")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert identify("~/model.safetensors") == ref


def test_an_open_source_and_a_reference_go_through_the_same_door(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.eye(2))
    with closing(open_source(tmp_path / "a.npz")) as source:
        assert open_source(source) is source
        assert identify(source) is source.ref
        assert identify(source.ref) is source.ref
        with closing(open_source(source.ref)) as again:
            assert again.tensors() == source.tensors()


def test_a_file_that_changed_is_not_read_as_if_it_had_not(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.eye(2))
    ref = identify(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", w=np.eye(3))
    with pytest.raises(SourceError, match=r"a\.npz: has changed since it was first looked at: start again"):
        open_source(ref)


def test_an_unknown_format_is_a_word_that_is_not_known() -> None:
    with pytest.raises(UsageError, match="unknown format 'safetensor': did you mean safetensors"):
        open_source(SourceRef("safetensor", "/m"))


def test_every_shared_file_is_claimed_by_at_most_one_format_and_known_otherwise() -> None:
    data = shared_data()
    if data is None:
        pytest.skip(NO_SHARED_DATA)
    files = [path for path in (data / "models").glob("*/*") if path.name != "LICENSE"]
    assert len(files) > 40
    for path in files:
        claims = [name for name, form in formats.items() if form.claims(Probe(path))]
        assert len(claims) <= 1, (path, claims)
        if path.suffix in {".pth", ".th", ".npz", ".safetensors", ".model"}:
            assert claims, path
        if not claims:
            with pytest.raises(SourceError, match=r"which is not read: |what can be read: "):
                identify(path)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            "gopher://example.org/model.safetensors",
            "addresses that begin with gopher:// are not read: those are: hf://",
        ),
        ("openai-community/gpt2", "is not in the cache of this machine, and HF_HUB_OFFLINE forbids the network"),
        ("no-such-folder/model.safetensors", "the folder .*no-such-folder does not exist either"),
        ("./openai-community/gpt2", "the folder .*openai-community does not exist either"),
    ],
)
def test_what_lies_elsewhere_is_told_so(
    target: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SourceError, match=sentence):
        identify(target)
