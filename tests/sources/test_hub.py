"""The Hub, on loopback: the same numbers as from a file of this machine, hardly a byte more, or one clear sentence."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakehub import COMMIT, TOKEN, FakeHub, Handler, no_one_else, point_to, serving, slow
from safetensors.numpy import save

import eigentail as et
from eigentail.errors import SourceError
from eigentail.records.description import Fetch
from eigentail.sources import identify, open_source
from eigentail.sources.far.hub_download import fetched

RNG = np.random.default_rng(3)
CONFIG = b'{"model_type": "gpt2", "n_head": 4, "n_embd": 128}'


def net() -> dict[str, np.ndarray[Any, Any]]:
    """A small GPT: fused projections are read three times, biases lie between the matrices."""
    made: dict[str, np.ndarray[Any, Any]] = {}
    for at in range(3):
        for name, shape in (("attn.c_attn", (128, 384)), ("attn.c_proj", (128, 128)), ("mlp.c_fc", (128, 512))):
            made[f"h.{at}.{name}.weight"] = RNG.standard_t(3, shape).astype(np.float32)
            made[f"h.{at}.{name}.bias"] = RNG.standard_normal(shape[1]).astype(np.float32)
    return made


NET = net()
MATRICES = sum(array.nbytes for array in NET.values() if array.ndim == 2)


def of_torch(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    file = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, file)
    return file.getvalue()


def of_numpy(arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def sharded() -> dict[str, bytes]:
    names = sorted(NET)
    files = {f"model-0000{at}-of-00002.safetensors": names[at - 1 :: 2] for at in (1, 2)}
    table = {name: file for file, inside in files.items() for name in inside}
    shards = {file: save({name: NET[name] for name in inside}) for file, inside in files.items()}
    return {**shards, "model.safetensors.index.json": json.dumps({"weight_map": table}).encode()}


FORMS: dict[str, dict[str, bytes]] = {
    "safetensors": {"model.safetensors": save(NET)},
    "sharded": sharded(),
    "torch zip": {"pytorch_model.bin": of_torch(NET)},
    "npz": {"model.npz": of_numpy(NET)},
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_one_else(monkeypatch, tmp_path)


@contextmanager
def a_hub(monkeypatch: pytest.MonkeyPatch, **how: Any) -> Iterator[FakeHub]:
    how.setdefault("files", FORMS["safetensors"] | {"config.json": CONFIG})
    with serving(FakeHub(**how)) as hub:
        point_to(monkeypatch, hub.endpoint)
        yield hub


def numbers(target: object) -> dict[str, float]:
    report = et.analyze(target, et.Settings(metrics=("alpha", "log_norm", "stable_rank")))
    return {f"{row.name} {name}": value for row in report.layers for name, value in row.metrics.items()}


def on_disk(folder: Path, files: dict[str, bytes]) -> dict[str, float]:
    folder.mkdir(exist_ok=True)
    for name, content in (files | {"config.json": CONFIG}).items():
        (folder / name).write_bytes(content)
    return numbers(folder)


@pytest.mark.parametrize("form", FORMS)
def test_the_numbers_are_those_of_the_file_for_at_most_2_percent_more_bytes(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_hub(monkeypatch, files=FORMS[form] | {"config.json": CONFIG}, redirects=True) as hub:
        found = numbers("org/name")
        headers = 1000 + 200 * len(NET)  # what a header of any of the forms takes for a tensor, and config.json
        assert hub.sent <= 1.02 * MATRICES + headers + len(FORMS[form].get("model.safetensors.index.json", b""))
        assert hub.sent >= MATRICES
    assert len(found) == 15 * 3
    assert found == on_disk(tmp_path / "model", FORMS[form])


def test_neighbours_come_together_and_what_is_not_analysed_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_hub(monkeypatch) as hub:
        numbers("org/name")
        assert len(hub.of_files()) == 3  # config.json, the header, one window
        hub.asked.clear()
        et.analyze("org/name", et.Settings(layers=("h.1.mlp.*",)))
        assert hub.sent < 1.02 * 128 * 512 * 4 + len(CONFIG)


@pytest.mark.parametrize("workers", [1, 3])
def test_many_windows_are_read_once_each_by_any_number_of_threads(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sources.far.windows", "analysis.nearby"):
        monkeypatch.setattr(f"eigentail.{module}.WINDOW", 300_000)
    with a_hub(monkeypatch) as hub:
        report = et.analyze("org/name", using=et.threads(workers))
        assert hub.sent <= 1.02 * MATRICES + 4000
        assert 5 <= len(hub.of_files()) <= 14
    assert [row.fit.alpha for row in report.layers] == list(on_disk(tmp_path / "model", FORMS["safetensors"]).values())[
        ::3
    ]


def test_describing_reads_headers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_hub(monkeypatch) as hub:
        work = et.describe("org/name")
        everything = sum(array.nbytes for array in NET.values())
        assert work.fetches == (Fetch(f"org/name@{COMMIT[:7]}", MATRICES, everything),)
        assert work.nbytes == MATRICES
        assert hub.sent < 4000


def test_rows_alone_are_read_where_rows_alone_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_hub(monkeypatch) as hub, closing(open_source("org/name:model.safetensors")) as source:
        spec = next(spec for spec in source.tensors() if spec.name == "h.1.mlp.c_fc.weight")
        before = hub.sent
        assert (source.read(spec, part=(5, 55)) == NET[spec.name][5:55]).all()
        assert hub.sent - before == 50 * 512 * 4


def test_a_reference_names_the_commit_and_opens_again_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_hub(monkeypatch, files={"unet/model.safetensors": save(NET)}) as hub:
        ref = identify("org/name@v1/unet:model.safetensors")
        assert (ref.format, ref.target) == ("safetensors", f"hf://org/name@{COMMIT}/unet/model.safetensors")
        hub.revisions = ()  # the branch is gone, the commit stays
        with closing(pickle.loads(pickle.dumps(open_source(ref)))) as source:
            assert len(source.tensors()) == len(NET)


def test_folders_pipelines_and_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = save({"w": np.eye(16, dtype=np.float32)})
    files = {f"{part}/diffusion_pytorch_model.safetensors": weights for part in ("unet", "vae")}
    with a_hub(monkeypatch, files=files | {"model_index.json": b"{}", "vae/config.json": b'{"a": 1}'}):
        with closing(open_source("org/name")) as source:
            assert [spec.name for spec in source.tensors()] == ["unet.w", "vae.w"]
        with closing(open_source("org/name/vae")) as source:
            assert source.config == {"a": 1}
        with pytest.raises(SourceError, match=r"no such file or folder: did you mean vae\?"):
            identify("org/name/vea")


def test_the_token_goes_to_the_hub_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with a_hub(monkeypatch, private=True, gated=True, redirects=True) as hub:
        report = et.analyze("org/name")
        assert {one.token for one in hub.asked if one.host == "127.0.0.1"} == {True}
        elsewhere = [one for one in hub.asked if one.host != "127.0.0.1"]
        assert elsewhere
        assert {one.token for one in elsewhere} == {False}
    assert TOKEN not in report.to_json()
    assert "Signature" not in report.to_json()
    assert TOKEN not in repr(report)


def forever(status: int, **headers: str) -> Callable[[Handler, int], bool]:
    """Every request for a file is answered so."""

    def fault(handler: Handler, number: int) -> bool:
        if "/api/" in handler.path:
            return False
        handler.answer(status, **headers)
        return True

    return fault


def commit_changes(handler: Handler, number: int) -> bool:
    if "/api/" not in handler.path:
        handler.hub.commit, handler.hub.revisions = COMMIT[::-1], (COMMIT,)
    return False


def ignored_range(handler: Handler, number: int) -> bool:
    handler.one.range = None if handler.path.endswith(".safetensors") else handler.one.range
    return False


def another_range(handler: Handler, number: int) -> bool:
    if not handler.path.endswith(".safetensors"):
        return False
    handler.answer(206, bytes(10), Content_Range="bytes 5-14/999999")
    return True


def never_enough(handler: Handler, number: int) -> bool:
    if not handler.path.endswith(".safetensors"):
        return False
    handler.send_short(announced=500, sent=0)
    return True


def in_circles(handler: Handler, number: int) -> bool:
    handler.answer(302, Location=handler.path)
    return True


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"repo": "org/other"}, "no such model on the Hub that you may read: check the spelling; if it is private or"),
        ({"private": True}, "no such model on the Hub that you may read: .* set HF_TOKEN, or run hf auth login"),
        ({"gated": True}, "is gated: its owner decides who may read it: ask for access on .*, then set HF_TOKEN"),
        ({"revisions": ()}, "there is no revision 'main'"),
        ({"fault": forever(401)}, "no such model on the Hub that you may read"),
        ({"fault": forever(403)}, "the Hub refuses access: set HF_TOKEN"),
        ({"fault": forever(404)}, "no such model on the Hub"),
        ({"fault": forever(418)}, "the Hub answers with 418"),
        ({"fault": forever(429, Retry_After="3600")}, "answers with 429 and asks to wait 3600 seconds: try again then"),
        ({"fault": forever(429, Retry_After="0")}, "the server answers with 429, 3 times in a row: try again later"),
        ({"fault": forever(500)}, "the server answers with 500, 3 times in a row"),
        ({"fault": slow(1.2)}, "the server says nothing for 1 seconds, 3 times in a row"),
        ({"fault": commit_changes}, "has changed while it was being read: start again"),
        ({"fault": ignored_range}, "sends the whole file and not the range that was asked for: download it first"),
        ({"fault": another_range}, "the server sends another range than it was asked for"),
        ({"fault": never_enough}, "the connection was cut, 3 times in a row"),
        ({"fault": in_circles}, "the server redirects without end"),
        ({"files": {"README.md": b"# hello"}}, "holds no weights"),
        ({"files": {"model.safetensors": b"<html>"}}, "is a web page"),
        ({"files": {"../model.safetensors": save(NET), "/model.npz": b""}}, "holds no weights"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(
    how: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_hub(monkeypatch, **how), pytest.raises(SourceError, match=sentence) as refused:
        et.analyze("org/name")
    assert str(refused.value).startswith("hf://org/name@")
    assert "\n" not in str(refused.value)


def test_a_token_that_is_not_accepted_is_told_so_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_the_one")
    with (
        a_hub(monkeypatch, fault=forever(401)),
        pytest.raises(SourceError, match="the Hub does not accept the token") as refused,
    ):
        et.analyze("org/name")
    assert "hf_not" not in str(refused.value)


def now_and_then(fault: Callable[[Handler], None]) -> Callable[[Handler, int], bool]:
    """Every second request goes wrong."""

    def one(handler: Handler, number: int) -> bool:
        if number % 2 or "/api/" in handler.path or handler.path.endswith(".json"):
            return False
        fault(handler)
        return True

    return one


def length(handler: Handler) -> int:
    start, end = handler.one.range or (0, 0)
    return end + 1 - start


FAULTS: dict[str, Callable[[Handler, int], bool]] = {
    "429": now_and_then(lambda handler: handler.answer(429, Retry_After="0")),
    "429 by date": now_and_then(lambda handler: handler.answer(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")),
    "429 as the Hub": now_and_then(lambda handler: handler.answer(429, RateLimit='"resolvers";r=0;t=1')),
    "500": now_and_then(lambda handler: handler.answer(500)),
    "503": now_and_then(lambda handler: handler.answer(503)),
    "cut": now_and_then(lambda handler: handler.send_short(announced=length(handler), sent=length(handler) // 2)),
    "short": now_and_then(lambda handler: handler.send_short(announced=100, sent=100)),
    "slow": slow(0.05),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_passes_is_borne_with_and_the_numbers_are_the_same(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_hub(monkeypatch, fault=FAULTS[fault]) as hub:
        found = numbers("org/name")
        assert hub.sent <= 1.02 * MATRICES + 8000  # a cut read goes on where it was cut
    assert found == on_disk(tmp_path / "model", FORMS["safetensors"])


def test_a_server_that_goes_away_is_waited_for_longer_than_one_that_was_never_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    big = {"fc.weight": RNG.standard_normal((300, 300)).astype(np.float32)}
    with a_hub(monkeypatch, files={"model.safetensors": save(big)}):
        source = open_source("org/name")
    with pytest.raises(SourceError, match="the server cannot be reached, 3 times in a row"):
        source.read(source.tensors()[0])
    source.close()
    with pytest.raises(SourceError, match=r"no path org/other here, and the server cannot .*, 2 times in a row"):
        identify("org/other")


def test_a_failure_in_the_middle_is_told_layer_by_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(handler: Handler, number: int) -> bool:
        if handler.one.range is None or handler.one.range[0] < 200_000:
            return False
        handler.answer(500)
        return True

    big = {f"l{at}.weight": RNG.standard_normal((300, 300)).astype(np.float32) for at in range(2)}
    with a_hub(monkeypatch, files={"model.safetensors": save(big)}, fault=fault):
        monkeypatch.setattr("eigentail.sources.far.windows.WINDOW", 1000)
        report = et.analyze("org/name")
    assert [row.fit.status.value for row in report.layers] == ["ok", "unreadable"]
    assert "the server answers with 500" in report.layers[1].reason


def test_a_cached_model_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_hub(monkeypatch) as hub:
        where = fetched("org/name")
        assert where == str(tmp_path / "hf" / "hub" / "models--org--name" / "snapshots" / COMMIT)
        assert {path.name for path in Path(where).iterdir()} == {"config.json", "model.safetensors"}
        hub.asked.clear()
        assert identify("org/name").target == where
        assert fetched("org/name@v1:model.safetensors").endswith("model.safetensors")
        assert identify("org/name:model.safetensors").target == f"{where}/model.safetensors"
        assert fetched("./org") == "./org"


def test_a_cache_that_holds_a_part_is_not_taken_for_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_hub(monkeypatch, files=FORMS["sharded"]):
        where = Path(fetched("org/name"))
        (where / "model-00002-of-00002.safetensors").unlink()
        assert identify("org/name").target == f"hf://org/name@{COMMIT}"
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(SourceError, match="is in the cache only in part, and HF_HUB_OFFLINE forbids the network"):
            identify("org/name")


def test_only_the_chosen_files_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    files = FORMS["sharded"] | {"pytorch_model.bin": b"x" * 1000, "README.md": b"# hello", "config.json": CONFIG}
    with a_hub(monkeypatch, files=files):
        names = {path.name for path in Path(fetched("org/name")).iterdir()}
        assert names == {*FORMS["sharded"], "config.json"}


def test_a_download_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        a_hub(monkeypatch, fault=forever(403)),
        pytest.raises(SourceError, match=r"the download was cut short .*: run the same again: it goes on from there"),
    ):
        fetched("org/name:model.safetensors")


def test_offline_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_hub(monkeypatch) as hub:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(SourceError, match="is not in the cache of this machine, and HF_HUB_OFFLINE forbids"):
            et.analyze("org/name")
        with pytest.raises(SourceError, match="HF_HUB_OFFLINE forbids the network: unset it"):
            identify(f"{hub.endpoint}/storage/model.safetensors")
        assert hub.asked == []
