"""Nothing finished is lost: not by kill -9, not by Ctrl-C, not on a full disk, not among eight processes."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from eigentail.analysis import analyze
from eigentail.store import SpectrumStore

SRC = Path(__file__).resolve().parents[2] / "src"
LAYERS = 150


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Many layers, each of some milliseconds."""
    return made(tmp_path_factory.mktemp("killed") / "model.safetensors", LAYERS)


def made(path: Path, layers: int) -> Path:
    draw = np.random.default_rng(0)
    save_file({f"fc{i:03d}.weight": draw.standard_t(3, (160, 128)).astype("f4") for i in range(layers)}, path)
    return path


@pytest.fixture(scope="module")
def uninterrupted(model) -> dict:
    return json.loads(analyze(model).to_json())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def start(model: Path, home: Path, *words: str, **choices) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "EIGENTAIL_HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "eigentail", "analyze", str(model), "--workers", "2", *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **choices
    )


def kept(home: Path) -> dict[str, int]:
    """Of every layer that is kept the row it lies in: it gets another one when it is kept anew."""
    if not (home / "runs.sqlite").exists():
        return {}
    with closing(sqlite3.connect(home / "runs.sqlite")) as database:
        if not database.execute("SELECT name FROM sqlite_schema").fetchall():
            return {}
        return {f"fc{place:03d}": row for place, row in database.execute("SELECT place, rowid FROM layers")}


def reported(lines: list[str]) -> set[str]:
    """The layers of which whole progress lines tell."""
    return {line.split(":")[0] for line in lines if line.startswith("fc") and line.endswith("\n")}


def resumed(lines: list[str]) -> int:
    told = [line for line in lines if "resumed: " in line]
    return int(told[0].split("resumed: ")[1].split()[0]) if told else 0


def assert_same(one: object, other: object) -> None:
    """To 1e-10, whatever the document holds."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == (pytest.approx(other, rel=1e-10, abs=1e-10) if isinstance(other, float) else other)


def finish(model: Path, home: Path, uninterrupted: dict) -> None:
    """Go on to the end: what was kept is not done again, and the report is that of an uninterrupted run."""
    before = kept(home)
    out, said = start(model, home, "--json").communicate(timeout=120)
    assert_same(json.loads(out), uninterrupted)
    assert resumed(said.splitlines(keepends=True)) == len(before)
    after = kept(home)
    assert len(after) == len(uninterrupted["layers"])
    assert {name: after[name] for name in before} == before
    assert SpectrumStore(home).damaged() == []


def test_kill_9_at_ten_random_moments(model, home, uninterrupted) -> None:
    dice = random.Random(0)
    for attempt in range(10):
        before = kept(home)
        process = start(model, home, "-v", "--format", "quiet")
        lines: list[str] = []
        if attempt == 0:  # while it starts
            time.sleep(dice.uniform(0.0, 0.3))
        else:
            until = len(before) + dice.randrange(5)  # what is taken from before is told as well
            while len(reported(lines)) <= until and (line := process.stderr.readline()):
                lines.append(line)
            time.sleep(dice.uniform(0.0, 0.005))
        process.kill()
        lines += process.stderr.readlines()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, lines
        assert not reported(lines) - kept(home).keys()
        if reported(lines):
            assert resumed(lines) == len(before)
        assert {name: kept(home)[name] for name in before} == before
    assert 10 < len(kept(home)) < LAYERS
    finish(model, home, uninterrupted)


def test_ctrl_c(model, home, uninterrupted) -> None:
    process = start(model, home, "-v", "--format", "quiet")
    lines = [process.stderr.readline() for _ in range(12)]
    process.send_signal(signal.SIGINT)
    lines += process.communicate(timeout=60)[1].splitlines(keepends=True)
    assert process.returncode == 130
    again = f"layers are missing: run eigentail analyze {model} as before, it goes on from here\n"
    assert lines[-1].endswith(again)
    missing = int(lines[-1].removeprefix("eigentail: interrupted: ").split()[0])
    assert len(reported(lines)) <= LAYERS - missing <= len(kept(home)) < LAYERS
    assert not reported(lines) - kept(home).keys()
    finish(model, home, uninterrupted)


def test_a_disk_that_gets_full(model, home, uninterrupted) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    process = start(model, home, "--json", preexec_fn=little_room)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert_same(json.loads(out), uninterrupted)
    assert said.startswith(f"eigentail: {home / 'runs.sqlite'}: cannot be used (")
    assert said.count("\n") == 1
    assert 5 < len(kept(home)) < LAYERS
    finish(model, home, uninterrupted)


def test_eight_processes_at_once(tmp_path, home) -> None:
    model = made(tmp_path / "model.safetensors", layers=40)
    uninterrupted = json.loads(analyze(model).to_json())
    processes = [start(model, home, "--json") for _ in range(8)]
    for process in processes:
        out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert_same(json.loads(out), uninterrupted)
        assert [line for line in said.splitlines() if "resumed: " not in line] == []
    finish(model, home, uninterrupted)
    assert len(SpectrumStore(home).entries()) == 40
    assert list(home.glob("spectra/*/.*")) == []
    with closing(sqlite3.connect(home / "runs.sqlite")) as database:
        assert database.execute("SELECT COUNT(*), COUNT(finished) FROM runs").fetchall() == [(1, 1)]
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
