"""Nothing in the repository knows the machine it was written on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from source_tree import REPO

# Spelled so that this file does not hold what it looks for.
FORBIDDEN = re.compile("|".join(["/" + "work/", "/" + "tmp/v", "/" + "root/", "/" + "opt/(wheels|pypi)"]))


def tracked() -> list[Path]:
    """The files of the repository, or everything but generated folders where there is no git."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPO, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return [REPO / name for name in done.stdout.splitlines() if (REPO / name).is_file()]
    return [path for path in REPO.rglob("*") if path.is_file() and not {".git", ".venv"} & set(path.parts)]


def test_no_file_holds_a_path_of_this_machine() -> None:
    files = tracked()
    assert REPO / "pyproject.toml" in files
    found = {
        f"{path.relative_to(REPO)}: {match.group()}"
        for path in files
        if (match := FORBIDDEN.search(path.read_bytes().decode("latin-1")))
    }
    assert found == set()


@pytest.mark.parametrize("text", ["see /" + "work/main", "PATH=/" + "tmp/v/bin", "/" + "root/.cache"])
def test_such_a_path_would_be_seen(text: str) -> None:
    assert FORBIDDEN.search(text)
