from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from heavy import heavy
from safetensors.numpy import save_file

from eigentail.cli import main

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a test keeps no other one goes on with."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EIGENTAIL_HOME", str(folder))
    return folder


@pytest.fixture
def run() -> Run:
    """The command line in this process."""

    def invoke(*words: str | Path) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert "Traceback" not in result.stderr, result.stderr
        return result

    return invoke


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Three dense layers and a bias."""
    path = tmp_path / "model.safetensors"
    tensors = {f"fc{i}.weight": heavy(i) for i in range(3)}
    save_file({**tensors, "fc0.bias": np.ones(96, np.float32)}, path)
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Two layers, one with a NaN in it."""
    path = tmp_path / "broken.safetensors"
    bad = heavy(1)
    bad[3, 3] = np.nan
    save_file({"good.weight": heavy(0), "bad.weight": bad}, path)
    return path
