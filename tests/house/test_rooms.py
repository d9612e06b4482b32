"""The rooms: their order, their doors, and what lies in their folders."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from source_tree import REPO, modules

from eigentail.analysis.evidence import Evidence
from eigentail.metrics.metric import INGREDIENTS, metrics
from eigentail.numerics.law import laws
from eigentail.numerics.tail import estimators
from eigentail.plots.kind import plots
from eigentail.plots.renderer import renderers
from eigentail.registry import Registry
from eigentail.reports.publish import forms
from eigentail.sources.identify import formats
from eigentail.sources.quantised_source import schemes

# Files that lie in a folder of variants and are none: what serves the others.
HELPERS = {"eigentail.sources.formats": {"recognised"}, "eigentail.sources.quantised": {"qweight", "unpacked"}}
REGISTRIES: dict[str, Registry[object]] = {
    "metrics": metrics,
    "estimators": estimators,
    "formats": formats,
    "forms": forms,
    "laws": laws,
    "plots": plots,
    "renderers": renderers,
    "schemes": schemes,
}  # type: ignore[dict-item]


def test_a_room_imports_only_rooms_above_it() -> None:
    beside = Path(sys.executable).with_name("lint-imports")
    program = str(beside) if beside.exists() else shutil.which("lint-imports")
    assert program, "import-linter is not installed: make check installs it"
    done = subprocess.run([program, "--no-cache", "--no-logo"], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES.keys())
def test_every_file_of_a_folder_offers_its_variant(registry: Registry[object]) -> None:
    package, attribute = registry._package, registry._attribute
    helpers = HELPERS.get(package, set())
    offered = []
    for module in modules():
        if module.__name__.startswith(f"{package}."):
            name = module.__name__.rpartition(".")[2]
            assert hasattr(module, attribute) != (name in helpers), f"{module.__name__} has no {attribute}"
            found = getattr(module, attribute, ())
            offered += [entry.name for entry in (found if isinstance(found, tuple) else (found,))]
    assert sorted(offered) == sorted(registry)
    assert len(set(offered)) == len(offered)
    assert registry.broken == {}


def test_what_metrics_may_ask_for_is_what_the_evidence_offers() -> None:
    offered = {name for name in vars(Evidence) if not name.startswith("_")} | {"layer"}
    assert offered - {"value", "on_scale"} == INGREDIENTS


def test_a_door_still_offers_its_names_when_every_folder_was_read() -> None:
    for registry in REGISTRIES.values():
        assert len(registry) > 0
    for module in modules():
        for name in getattr(module, "__all__", ()):
            assert not isinstance(getattr(module, name), ModuleType), f"{module.__name__}.{name} became a folder"
