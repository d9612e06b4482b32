"""Words: a path that exists goes before everything, and what only looks like a path never asks a server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eigentail.errors import SourceError
from eigentail.sources import identify
from eigentail.sources.targets import HubName, check_address, hub_name, is_local, is_plain, short_name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("org/name", HubName("org/name")),
        ("org/name@v1", HubName("org/name", "v1")),
        ("org/name@refs/pr/3", HubName("org/name", "refs/pr/3")),
        ("org/name@a%2Fb", HubName("org/name", "a/b")),
        ("org/name/unet", HubName("org/name", "main", "unet")),
        ("org/name:model.pt", HubName("org/name", "main", "model.pt")),
        ("org/name@v1/unet/x:model.pt", HubName("org/name", "v1", "unet/x/model.pt")),
        ("hf://org/name@v1/unet/model.pt", HubName("org/name", "v1", "unet/model.pt")),
        ("hf://org/name/", HubName("org/name")),
        ("HF://org/name-1.5", HubName("org/name-1.5")),
        ("https://huggingface.co/org/name", HubName("org/name")),
        ("https://huggingface.co/org/name/blob/v1/unet/model.pt", HubName("org/name", "v1", "unet/model.pt")),
        ("https://huggingface.co/org/name/resolve/main/a.pt?download=true", HubName("org/name", "main", "a.pt")),
    ],
)
def test_the_grammar_of_the_hub(words: str, name: HubName) -> None:
    assert hub_name(words) == name
    assert hub_name(str(name)) == HubName(name.repo, name.revision, name.path) or "/" in name.revision


@pytest.mark.parametrize(
    "words",
    [
        "name",
        "/org/name",
        "./org/name",
        "org/name/../../secret",
        "org/..",
        "org\\name",
        "org/na me",
        "org//name",
        "https://example.org/org/name",
        "https://huggingface.co/org/name/settings",
        "https://huggingface.co/datasets/org/name",
        "base+adapter",
        "org/name+org/adapter",
    ],
)
def test_what_is_no_name_of_the_hub(words: str) -> None:
    assert hub_name(words) is None


@pytest.mark.parametrize("words", ["hf://", "hf://name", "hf://datasets/org/name", "hf://org/../x", "hf://org/n:../x"])
def test_an_address_of_the_hub_that_is_none(words: str) -> None:
    with pytest.raises(SourceError, match="is no name of a model of the Hub: write hf://owner/name"):
        hub_name(words)


def test_a_path_that_exists_goes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "name").mkdir(parents=True)
    np.savez(tmp_path / "org" / "name" / "model.npz", w=np.eye(2))
    assert identify("org/name").target == str(tmp_path / "org" / "name")
    assert identify(f"file://{tmp_path}/org/name/model.npz").format == "npz"


def test_a_wrong_letter_in_a_folder_of_this_machine_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org").mkdir()
    np.savez(tmp_path / "org" / "model.npz", w=np.eye(2))
    with pytest.raises(SourceError, match=r"org/modle\.npz: no such file or folder: did you mean model\.npz\?"):
        identify("org/modle.npz")
    assert [is_local(words) for words in ("org/other", "other/name", "~/x", "name", "x" * 5000)] == [
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "address",
    [
        "https://me:hush@example.org/a.npz",
        "https://bucket.example.org/a.npz?X-Amz-Signature=hush",
        "https://example.org/a.npz?access_token=hush",
        "s3://KEY:hush@bucket/a.npz",
        "https://example.org/a.npz?sig=hush",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(address: str) -> None:
    for refuse in (check_address, identify):
        with pytest.raises(SourceError, match="the address holds a secret") as refused:
            refuse(address)
        assert "hush" not in str(refused.value)


def test_what_leaves_its_folder_is_not_plain() -> None:
    assert [is_plain(path) for path in ("a/b.bin", "", "/a", "a/../b", "a//b", "a\\b", "a/\x1b[2J", "a/")] == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
        False,
    ]


def test_short_names() -> None:
    assert short_name(str(HubName("org/name", "v1", "a.pt"))) == "org/name@v1"
    assert short_name("https://example.org/a.npz?version=2") == "https://example.org"
