"""What only a process of its own can show: imports, pipes, signals, terminals, encodings."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from shared import NO_SHARED_DATA, shared_data

SRC = Path(__file__).resolve().parents[2] / "src"
HEAVY = (
    "numpy",
    "rich",
    "jinja2",
    "importlib.metadata",
    "torch",
    "scipy",
    "pandas",
    "matplotlib",
    "eigentail.records",
    "eigentail.analysis",
)


def environment(**extra: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SRC), "PYTHONWARNINGS": "error", **extra}


def eigentail(*words: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "eigentail", *map(str, words)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment(**extra), check=False)


def python(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=True).stdout


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["analyze", "--help"], ["demo", "--help"], ["xyzzy"]])
def test_help_loads_nothing_heavy(words):
    program = (
        "import sys\n"
        "from eigentail.cli import main\n"
        f"try: main({words!r})\n"
        "except SystemExit: pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert python(program).endswith("LOADED []\n")


def test_analyze_loads_no_framework(model):
    program = (
        "import sys\n"
        "from eigentail.cli import main\n"
        f"try: main(['analyze', {str(model)!r}])\n"
        "except SystemExit: pass\n"
        "print('LOADED', [m for m in ('torch', 'pandas', 'scipy', 'matplotlib', 'jinja2') if m in sys.modules])"
    )
    assert python(program).endswith("LOADED []\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--version"], 0), (["analyze"], 2), (["analyze", "none.pt"], 3), (["analyze", "{model}", "-o", "x.y"], 2)],
)
def test_exit_codes_of_the_process(model, words, code):
    result = eigentail(*(word.format(model=model) for word in words))
    assert result.returncode == code
    assert "Traceback" not in result.stderr


def test_a_partial_result_of_the_process(broken):
    result = eigentail("analyze", broken)
    assert result.returncode == 4
    assert "good" in result.stdout


def test_no_colour_and_no_bar_when_piped(model):
    result = eigentail("analyze", model)
    assert result.returncode == 0
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize("words", [["--json"], ["--csv"], ["--format", "table"]])
def test_a_closed_pipe_ends_in_silence(tmp_path, words):
    path = tmp_path / "wide.safetensors"
    random = np.random.default_rng(0)
    save_file({f"layer{i}.weight": random.normal(size=(16, 16)).astype("f4") for i in range(600)}, path)
    command = [sys.executable, "-m", "eigentail", "analyze", str(path), "--executor", "serial", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert said == b""
    assert process.returncode == 141


def test_a_name_the_terminal_cannot_show(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"слой.🙂.weight": np.random.default_rng(0).normal(size=(64, 32)).astype("f4")}, path)
    result = eigentail("analyze", path, PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert r"\u0441\u043b\u043e\u0439" in result.stdout


class TestTerminal:
    def in_terminal(self, *words: str | Path, **extra: str) -> str:
        """What a person would see: both streams on one terminal."""
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "eigentail", *map(str, words)]
        env = environment(TERM="xterm-256color", COLUMNS="100", LINES="40", **extra)
        process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:  # Linux says so when the other end is closed
            pass
        os.close(ours)
        assert process.wait() == 0
        return seen.decode()

    def test_verdicts_in_colour_and_a_bar(self, model):
        seen = self.in_terminal("analyze", model)
        assert "\x1b[" in seen
        assert "of 3 layers" in seen
        assert "3 layers: " in seen

    def test_no_color(self, model):
        seen = self.in_terminal("analyze", model, NO_COLOR="1")
        assert "\x1b[3" not in seen.split("Layers")[-1]
        assert "3 layers: " in seen


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    path = tmp_path / "model.safetensors"
    random = np.random.default_rng(0)
    save_file({f"fc{i:03d}.weight": random.normal(size=(700, 700)).astype("f4") for i in range(60)}, path)
    out = tmp_path / "r.csv"
    command = [sys.executable, "-m", "eigentail", "analyze", str(path), "-v", "--format", "quiet", "-o", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True)
    lines = [process.stderr.readline() for _ in range(3)]
    assert lines[0] == "60 layers to measure\n"
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - started < 30
    assert "layers are missing: run eigentail analyze" in said
    assert "Traceback" not in said
    assert 2 <= len(out.read_text().splitlines()) - 1 < 60


@pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
def test_the_residual_nets_of_others():
    folder = shared_data() / "models" / "akamaster__pytorch_resnet_cifar10"
    for net in sorted(folder.glob("*.th")):
        result = eigentail("analyze", net, COLUMNS="120")
        assert result.returncode == 0
        assert "layer1.0.conv1" in result.stdout
        assert "well-trained" in result.stdout
