"""docs/formats.md holds what its script makes of the registries, and what is written by hand there is true."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / "scripts"), str(REPO / "tests" / "contracts")]
import formats as page  # noqa: E402
from measured.page import put  # noqa: E402

from eigentail.errors import SourceError  # noqa: E402
from eigentail.sources import open_source  # noqa: E402
from eigentail.sources.identify import formats  # noqa: E402

TEXT = page.PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_script_makes() -> None:
    made = TEXT
    for name, content in page.tables().items():
        made = put(made, name, content)
    assert made == TEXT


def test_every_format_has_a_note_and_every_note_a_format() -> None:
    assert set(page.NOTES) == set(formats)


def test_an_extra_that_is_named_exists() -> None:
    extras = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {note.needs.split("`")[1] for note in page.NOTES.values() if note.needs}
    assert named == {"gguf", "jax", "keras"}
    assert named <= set(extras)


@pytest.mark.parametrize("name", sorted(page.NOTES))
def test_what_is_read_elsewhere_is_said(name: str, tmp_path: Path) -> None:
    import fsspec
    from format_writers import OWN_ARRAYS, WRITERS

    path = WRITERS[name](tmp_path, OWN_ARRAYS.get(name, {"fc.weight": np.eye(40, 60, dtype=np.float32)}))
    system = fsspec.filesystem("memory")
    for file in (file for file in tmp_path.rglob("*") if file.is_file()):
        system.pipe(f"/formats/{file.relative_to(tmp_path)}", file.read_bytes())
    try:
        target = f"memory://formats/{path.relative_to(tmp_path)}".removesuffix("/.")
        if page.NOTES[name].far:
            source = open_source(target)
            spec = next(spec for spec in source.tensors() if len(spec.shape) == 2)
            assert source.read(spec).shape == spec.shape
            source.close()
        else:
            with pytest.raises(SourceError, match="on this machine only"):
                open_source(target)
    finally:
        system.rm("/formats", recursive=True)
