"""Importing is free: nothing heavy is loaded, nothing of the host is changed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

import pytest

NEVER = (
    "torch",
    "tensorflow",
    "jax",
    "scipy.stats",
    "matplotlib",
    "plotly",
    "pandas",
    "huggingface_hub",
    "fsspec",
    "h5py",
    "onnx",
)
# What `import eigentail` may load of this package: the door alone.
DOOR = {"eigentail", "eigentail._version"}
# Modules beyond those of a bare Python that may be loaded: a budget of work that no slow machine can change.
BUDGET = {"import eigentail": 16, "import eigentail.cli": 90}


def loaded(code: str) -> set[str]:
    """The modules that are loaded after the code has run in a fresh Python."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.__stdout__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def among(names: Iterable[str], packages: Iterable[str]) -> list[str]:
    """The names that are one of the packages or lie in it."""
    return sorted(name for name in names if any(name == p or name.startswith(f"{p}.") for p in packages))


def test_importing_loads_nothing_but_the_door() -> None:
    names = loaded("import eigentail")
    assert among(names, (*NEVER, "numpy", "ml_dtypes", "scipy", "rich", "click", "jinja2", "msgspec")) == []
    assert set(among(names, ["eigentail"])) == DOOR


def test_every_public_name_is_had_without_anything_heavy() -> None:
    names = loaded("import eigentail\nfor name in eigentail.__all__:\n    getattr(eigentail, name)")
    assert among(names, (*NEVER, "rich", "click", "jinja2")) == []
    assert "numpy" in names


def test_analysing_a_file_loads_no_framework() -> None:
    names = loaded("import eigentail as et\net.analyze(et.example()).to_json()")
    assert among(names, (*NEVER, "scipy")) == []


RUN = """
import numpy as np, tempfile
from pathlib import Path
from eigentail.cli import main
from safetensors.numpy import save_file
path = Path(tempfile.mkdtemp()) / "model.safetensors"
save_file({"h.0.attn.c_proj.weight": np.random.default_rng(0).standard_normal((64, 48))}, path)
try:
    main(["analyze", str(path), "--format", "quiet", "--no-store"])
except SystemExit as end:
    assert not end.code
"""
# Of this package, in a run that writes nothing: what it does not use it does not load.
IDLE = (
    "eigentail.analysis.compare",
    "eigentail.analysis.diff",
    "eigentail.analysis.study",
    "eigentail.execution.processes",
    "eigentail.execution.ray",
    "eigentail.numerics.estimators.hill",
    "eigentail.reports",
    "eigentail.sources.adapters.merged",
    "eigentail.sources.graphs",
    "eigentail.sources.torch_files",
    "eigentail.store.runs",
)


def test_a_run_loads_what_it_uses() -> None:
    names = loaded(RUN)
    assert among(names, (*IDLE, "sqlite3", "importlib.metadata", "email", "socket", "multiprocessing")) == []
    assert len(among(names, ["eigentail"])) <= 165


VERBS = ("analyze", "cache", "compare", "describe", "demo", "diff", "env", "merge", "plot", "runs", "study")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_needs_no_numbers(verb: str) -> None:
    names = loaded(
        "import io, sys\nsys.stdout = io.StringIO()\nfrom eigentail.cli import main\n"
        f"try:\n    main({[verb, '--help'] if verb else ['--help']})\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert 'Usage' in sys.stdout.getvalue()"
    )
    assert among(names, (*NEVER, "numpy", "ml_dtypes", "scipy", "jinja2")) == []


@pytest.mark.parametrize(("code", "budget"), BUDGET.items())
def test_importing_stays_within_its_budget(code: str, budget: int) -> None:
    assert len(loaded(code) - loaded("")) <= budget


def test_nothing_of_the_host_is_changed() -> None:
    script = """
import json, logging, sys, warnings
import ml_dtypes, numpy, msgspec, threadpoolctl, signal, os, locale
root = logging.getLogger()
def state():
    return (list(warnings.filters), list(root.handlers), root.level, sys.stdout, sys.stderr, sys.excepthook,
            numpy.geterr(), signal.getsignal(signal.SIGINT), dict(os.environ), os.getcwd(), locale.setlocale(0))
before = state()
import eigentail as et
for name in et.__all__:
    getattr(et, name)
et.analyze(et.example())
assert state() == before, [pair for pair in zip(before, state()) if pair[0] != pair[1]]
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
