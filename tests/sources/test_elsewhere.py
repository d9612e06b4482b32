"""Web servers, object stores and Ollama: the same numbers as from a file of this machine, or one clear sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fakehub import FakeHub, Handler, no_one_else, serving
from safetensors.numpy import save

import eigentail as et
from eigentail.errors import SourceError
from eigentail.sources import identify, open_source
from eigentail.sources.far.ollama import ollama_path

RNG = np.random.default_rng(5)
NET = {f"layers.{at}.weight": RNG.standard_t(3, (200, 100)).astype(np.float32) for at in range(4)}
WEIGHTS = save(NET)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_one_else(monkeypatch, tmp_path)


@pytest.fixture
def web_server() -> Iterator[FakeHub]:
    """The fake hub's storage is a plain web server."""
    with serving(FakeHub({"model.safetensors": WEIGHTS, "model.safetensors?v=2": WEIGHTS, "empty.npz": b""})) as server:
        yield server


@pytest.fixture
def bucket() -> Iterator[str]:
    """An object store in memory."""
    system = fsspec.filesystem("memory")
    system.pipe({f"/bucket/model/{name}": data for name, data in (("model.safetensors", WEIGHTS), ("a.txt", b"a"))})
    system.pipe("/bucket/model/config.json", b'{"model_type": "gpt2"}')
    yield "memory://bucket/model"
    system.rm("/bucket", recursive=True)


def alphas(target: object) -> list[float]:
    return [row.fit.alpha for row in et.analyze(target).layers]


def test_a_file_on_a_web_server_is_read_by_ranges(web_server: FakeHub) -> None:
    url = f"{web_server.endpoint}/storage/model.safetensors"
    assert alphas(url) == alphas(NET)
    assert web_server.sent <= 1.02 * len(WEIGHTS) + 2000
    assert {one.path for one in web_server.asked} == {"/storage/model.safetensors"}  # nothing beside it is asked for
    ref = identify(f"{url}?v=2")
    assert ref.target.endswith("?v=2")
    assert [one.origin for one in et.describe(url).fetches] == [f"http://127.0.0.1:{web_server.port}"]


def test_a_file_on_a_web_server_that_changes_is_told(web_server: FakeHub) -> None:
    url = f"{web_server.endpoint}/storage/model.safetensors"
    ref = identify(url)
    web_server.files["model.safetensors"] = WEIGHTS + b"x"
    with pytest.raises(SourceError, match="has changed since it was first looked at"):
        open_source(ref)


def test_a_file_on_a_web_server_that_changes_between_two_reads_is_told() -> None:
    def fault(handler: Handler, number: int) -> bool:
        tag = '"one"' if handler.one.range and handler.one.range[0] == 0 else '"two"'
        handler._send("model.safetensors", ETag=tag)
        return True

    with serving(FakeHub({"model.safetensors": WEIGHTS}, fault=fault)) as server:
        report = et.analyze(f"{server.endpoint}/a/resolve/model.safetensors")
    assert {row.reason.split(": ")[-2] for row in report.layers} == {"has changed while it was being read"}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/a/resolve/b/none.npz", "no such file on the server|no such file or folder"),
        ("/storage/empty.npz", "is an empty file"),
        ("", "names no file: give the address of one"),
    ],
)
def test_what_a_web_server_does_not_have(path: str, sentence: str, web_server: FakeHub) -> None:
    web_server.repo = "a"
    with pytest.raises(SourceError, match=sentence):
        identify(web_server.endpoint + path)


@pytest.mark.parametrize(
    ("status", "sentence"), [(403, "refuses access .403.: download it first"), (410, "no such fil")]
)
def test_what_a_web_server_refuses(status: int, sentence: str) -> None:
    def fault(handler: Handler, number: int) -> bool:
        handler.answer(status)
        return True

    with serving(FakeHub({}, fault=fault)) as server, pytest.raises(SourceError, match=sentence):
        identify(f"{server.endpoint}/model.npz")


def test_a_server_without_ranges_is_told_so() -> None:
    def fault(handler: Handler, number: int) -> bool:
        handler.answer(200, WEIGHTS)
        return True

    with (
        serving(FakeHub({}, fault=fault)) as server,
        pytest.raises(
            SourceError, match="sends the whole file and not the range that was asked for: download it first"
        ),
    ):
        identify(f"{server.endpoint}/model.safetensors")


def test_a_server_that_is_not_there_is_told_so() -> None:
    with pytest.raises(SourceError, match="the server cannot be reached, 2 times in a row"):
        identify("http://127.0.0.1:9/model.npz")


def test_files_and_folders_of_an_object_store(bucket: str) -> None:
    assert alphas(bucket) == alphas(f"{bucket}/model.safetensors") == alphas(NET)
    with closing(open_source(bucket)) as source:
        assert source.config == {"model_type": "gpt2"}
    ref = identify(bucket)
    fsspec.filesystem("memory").pipe("/bucket/model/model.safetensors", WEIGHTS + b"x")
    with pytest.raises(SourceError, match="has changed since it was first looked at"):
        open_source(ref)


def test_what_an_object_store_does_not_have(bucket: str) -> None:
    with pytest.raises(SourceError, match=r"no such file or folder: did you mean model\.safetensors\?"):
        identify(f"{bucket}/modle.safetensors")


def test_a_driver_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(SourceError, match="s3://bucket: needs s3fs: pip install s3fs"):
        identify("s3://bucket/model.npz")


def in_ollama(store: Path, name: str, content: bytes) -> None:
    digest = "sha256:" + "a" * 64
    manifest = store / "manifests" / "registry.ollama.ai" / "library" / name
    manifest.parent.mkdir(parents=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:" + "b" * 64},
        {"mediaType": "application/vnd.ollama.image.model", "digest": digest},
    ]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    (store / "blobs").mkdir()
    (store / "blobs" / digest.replace(":", "-")).write_bytes(content)


def test_a_model_of_ollama_is_opened_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    in_ollama(tmp_path, "tiny/latest", WEIGHTS)
    assert alphas("ollama:tiny") == alphas("ollama:tiny:latest") == alphas(NET)
    with pytest.raises(SourceError, match=r"Ollama has no such model on this machine: did you mean tiny:latest\?"):
        identify("ollama:tinny:latest")
    with pytest.raises(SourceError, match="Ollama has no such model on this machine: choose from tiny:latest"):
        identify("ollama:other")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "empty"))
    with pytest.raises(SourceError, match="Ollama has no such model on this machine: ollama pull other:7b"):
        identify("ollama:other:7b")


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("{", "its manifest cannot be read"),
        ('{"layers": []}', "its manifest names no weights"),
        ('{"layers": [{"digest": "sha256:../../x", "mediaType": "application/vnd.ollama.image.model"}]}', "no weights"),
        ("[" * 100_000, "its manifest cannot be read"),
    ],
)
def test_a_damaged_store_of_ollama(
    manifest: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    in_ollama(tmp_path, "tiny/latest", WEIGHTS)
    (tmp_path / "manifests" / "registry.ollama.ai" / "library" / "tiny" / "latest").write_text(manifest)
    with pytest.raises(SourceError, match=sentence):
        ollama_path("ollama:tiny")


def test_weights_missing_from_ollamas_store_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    in_ollama(tmp_path, "tiny/latest", WEIGHTS)
    next((tmp_path / "blobs").iterdir()).unlink()
    with pytest.raises(SourceError, match="its weights are missing from the store: ollama pull tiny"):
        ollama_path("ollama:tiny")
