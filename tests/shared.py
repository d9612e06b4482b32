"""Where the weights of other people's nets lie, if they do: beside the repository, never in it."""

from __future__ import annotations

from pathlib import Path

NO_SHARED_DATA = "no shared data beside the repository"


def shared_data() -> Path | None:
    """The folder `shared/data` beside the repository, or None."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    return folder if folder.is_dir() else None
