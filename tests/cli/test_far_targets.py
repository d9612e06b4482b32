"""Targets of the Hub on the command line: what will be read is said beforehand, and the token stands nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fakehub import COMMIT, TOKEN, FakeHub, no_one_else, point_to, serving
from safetensors.numpy import save

from eigentail.cli import main
from eigentail.sources.far.web import Patience

NET = {"fc1.weight": np.random.default_rng(1).standard_t(3, (200, 100)).astype(np.float32)}
NET["fc1.bias"] = np.zeros(200, np.float32)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    no_one_else(monkeypatch, tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serving(FakeHub({"model.safetensors": save(NET)}, repo="openai-community/gpt2")) as hub:
        point_to(monkeypatch, hub.endpoint)
        yield hub


def test_what_will_be_read_is_said_beforehand(hub: FakeHub, tmp_path: Path) -> None:
    said = f"reads 80.00 kB of 80.80 kB from openai-community/gpt2@{COMMIT[:7]}\n"
    found = CliRunner().invoke(main, ["analyze", "openai-community/gpt2", "--json", "-o", str(tmp_path / "r.html")])
    assert (found.exit_code, found.stderr) == (0, said + f"written to {tmp_path / 'r.html'}\n")
    report = json.loads(found.stdout)
    assert report["source"]["target"] == f"hf://openai-community/gpt2@{COMMIT}"
    described = CliRunner().invoke(main, ["describe", "openai-community/gpt2", "--json"])
    assert (described.exit_code, described.stderr) == (0, "analyze " + said)
    for text in (found.output, described.output, (tmp_path / "r.html").read_text()):
        assert TOKEN not in text


@pytest.mark.parametrize("verb", ["diff", "compare"])
def test_what_is_read_of_each_of_two_is_said_beforehand(hub: FakeHub, verb: str) -> None:
    hub.files = {f"{name}/model.safetensors": save(NET) for name in ("base", "tuned")}
    before = hub.sent
    found = CliRunner().invoke(main, [verb, *(f"openai-community/gpt2/{name}" for name in ("base", "tuned")), "--json"])
    read = "80.80" if verb == "diff" else "80.00"  # a diff holds biases against each other too
    said = f"reads {read} kB of 80.80 kB from openai-community/gpt2@{COMMIT[:7]}\n"
    assert (found.exit_code, found.stderr) == (0, 2 * said)
    assert 0 <= hub.sent - before - 2000 * float(read) <= 2000  # and the headers


def test_what_is_read_of_an_adapter_is_said_beside_its_base(hub: FakeHub) -> None:
    pair = {"fc1.lora_A.weight": np.ones((2, 100), np.float32), "fc1.lora_B.weight": np.ones((200, 2), np.float32)}
    config = b'{"peft_type": "LORA", "r": 2, "lora_alpha": 4}'
    lora = {"lora/adapter_model.safetensors": save(pair), "lora/adapter_config.json": config}
    hub.files = {"base/model.safetensors": save(NET), **lora}
    base, lora = "openai-community/gpt2/base", "openai-community/gpt2/lora"
    of_base = f"reads 80.80 kB of 80.80 kB from openai-community/gpt2@{COMMIT[:7]}\n"
    of_pair = f"reads 2.40 kB of 2.40 kB from openai-community/gpt2@{COMMIT[:7]}\n"
    assert CliRunner().invoke(main, ["diff", base, lora, "--json"]).stderr == 2 * of_base + of_pair
    merged = CliRunner().invoke(main, ["analyze", f"{base}+{lora}", "--json"])
    assert merged.stderr == of_base.replace("80.80", "80.00", 1) + of_pair


def test_nothing_is_said_of_what_is_here(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(save(NET))
    found = CliRunner().invoke(
        main, ["diff", str(tmp_path / "a.safetensors"), str(tmp_path / "a.safetensors"), "--json"]
    )
    assert (found.exit_code, found.stderr) == (0, "")


def test_download_keeps_the_files_and_is_not_repeated(hub: FakeHub, tmp_path: Path) -> None:
    for verb in (["analyze", "openai-community/gpt2"], ["compare", "openai-community/gpt2", "openai-community/gpt2"]):
        found = CliRunner().invoke(main, [*verb, "--download", "--no-store", "--json"])
        assert (found.exit_code, found.stderr) == (0, "")
        assert len([one for one in hub.asked if one.sent]) == 1
    assert (tmp_path / "hf" / "hub" / "models--openai-community--gpt2" / "snapshots" / COMMIT).is_dir()


def test_a_study_goes_to_the_hub_when_it_may(hub: FakeHub) -> None:
    without = CliRunner().invoke(main, ["study", "nature2021-gpt", "--run", "--json", "--metrics", "log_norm"])
    assert hub.asked == []
    assert "gpt2 fetches them, --stream reads them from the Hub" in without.stderr
    found = CliRunner().invoke(
        main, ["study", "nature2021-gpt", "--run", "--stream", "--json", "--metrics", "log_norm"]
    )
    assert "reads 80.00 kB of 80.80 kB from openai-community/gpt2@" in found.stderr
    assert "openai-community/gpt2-medium@main: there is no such model on the Hub" in found.stderr
    refused = CliRunner().invoke(main, ["study", "nature2021-gpt", "--stream"])
    assert (refused.exit_code, "--stream: is only looked at with --run" in refused.stderr) == (2, True)


def test_a_study_file_may_name_far_models(hub: FakeHub, tmp_path: Path) -> None:
    models = "".join(
        f'[[models]]\nname = "{name}"\nvalue = {value}\nfile = "hf://openai-community/gpt2"\n'
        for value, name in enumerate("abc")
    )
    (tmp_path / "s.toml").write_text("higher_is_better = true\n" + models)
    found = CliRunner().invoke(main, ["study", str(tmp_path / "s.toml"), "--json", "--metrics", "log_norm"])
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["n"] == 3


def test_a_refusal_is_one_line_and_exit_3(hub: FakeHub) -> None:
    found = CliRunner().invoke(main, ["analyze", "org/other"])
    assert (found.exit_code, found.stdout) == (3, "")
    assert found.stderr == (
        "eigentail: hf://org/other@main: there is no path org/other here, and there is no such model on the Hub that "
        "you may read: check the spelling\n"
    )


@pytest.mark.parametrize("more", [[], ["--download"]])
def test_a_name_that_leads_nowhere_is_no_path_either_and_soon_given_up(
    more: list[str], hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("eigentail.sources.far.web.PATIENCE", Patience())
    monkeypatch.setattr("time.sleep", waits.append)
    point_to(monkeypatch, "http://127.0.0.1:9")
    found = CliRunner().invoke(main, ["analyze", "nosuch/model", *more])
    assert (found.exit_code, found.stdout, sum(waits)) == (3, "", 0.5)
    assert found.stderr == (
        "eigentail: hf://nosuch/model@main: there is no path nosuch/model here, and the server cannot be reached, "
        "2 times in a row: try again later\n"
    )
    found = CliRunner().invoke(main, ["analyze", "hf://nosuch/model", *more])
    assert found.stderr.startswith("eigentail: hf://nosuch/model@main: the server cannot be reached, 2 times")
