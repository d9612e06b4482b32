"""What the build makes of the kernels with compilers that know less, or nothing."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from source_tree import REPO, SRC

from eigentail.numerics.kernels import kernels

KERNELS = SRC / "numerics" / "kernels"


@pytest.fixture
def build(tmp_path: Path) -> ModuleType:
    """The hook, and a copy of the C for it."""
    spec = importlib.util.spec_from_file_location("hatch_build", REPO / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path in (*KERNELS.glob("*.c"), *KERNELS.glob("*.h")):
        shutil.copy(path, tmp_path)
    return module


def refusing(word: str, folder: Path) -> str:
    """A compiler that does not know what begins so."""
    script = folder / "cc"
    script.write_text(f'#!/bin/sh\ncase "$*" in *{word}*) echo "unknown: {word}" >&2; exit 1;; esac\nexec cc "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_a_compiler_without_tiles_makes_everything_else(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernels() is None:
        pytest.skip("no compiler made the kernels when the package was installed")
    monkeypatch.setenv("CC", refusing("-mamx", tmp_path))
    widths = build.WIDTHS[platform.machine().lower()]
    build.compile_kernels(tmp_path, widths)
    library = ctypes.CDLL(str(tmp_path / build.LIBRARY))
    assert not hasattr(library, "eigentail_tiles")
    assert all(hasattr(library, f"{name}_f64_{width}") for name in ("eigenvalues", "refit") for width in widths)


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_without_a_compiler_there_is_no_library(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises((OSError, subprocess.CalledProcessError)):
        build.compile_kernels(tmp_path, build.X86)
    assert not (tmp_path / build.LIBRARY).exists()
