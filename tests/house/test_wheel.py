"""What people install: complete, small, and working far from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from source_tree import REPO

LARGEST = 3_500_000  # of which the nets of the zoo take 1.9 MB
NEEDED = (
    "eigentail/py.typed",
    "eigentail/reports/report.html.j2",
    "eigentail/reports/page/page.js",
    "eigentail/reports/page/style.css",
    "eigentail/zoo/digits_noise.toml",
    "eigentail/zoo/digits_noise/noise_000.safetensors",
    "eigentail/layers/families/generic.toml",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the working tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_everything_is_in_it_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert set(NEEDED) <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    in_tree = {
        f"eigentail/{path.relative_to(REPO / 'src' / 'eigentail').as_posix()}"
        for path in (REPO / "src" / "eigentail").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".c", ".h")
    }
    assert {name for name in names if ".dist-info/" not in name} == in_tree


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST


def test_the_demo_runs_from_it_in_another_folder(wheel: Path, tmp_path: Path) -> None:
    package, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(package)
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('the demo went to the network')\n"
        "socket.socket.connect = refuse\n"
        "import eigentail; assert 'installed' in eigentail.__file__, eigentail.__file__\n"
        "from eigentail.cli import main\nmain(['demo', '-o', 'demo.html'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "alpha" in done.stdout
    assert (elsewhere / "demo.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
