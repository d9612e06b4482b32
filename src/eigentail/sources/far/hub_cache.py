"""What the Hugging Face Hub's own client has fetched before: its cache on this machine, read without that client."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PLAIN: Final = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
_TRUE: Final = frozenset({"1", "ON", "YES", "TRUE"})


def is_offline() -> bool:
    """Whether the user has forbidden the network: HF_HUB_OFFLINE, as the Hub's client reads it.

    Example:
        >>> is_offline() in (True, False)
        True
    """
    return (os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or "").upper() in _TRUE


def cache_folder() -> Path:
    """Where the cache lies, as the Hub's client decides it.

    Example:
        >>> cache_folder().is_absolute()
        True
    """
    if named := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(named).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "huggingface" / "hub"


def snapshot(repo: str, revision: str) -> Path | None:
    """The folder of one revision of a model, whole or not; None where none of its files was fetched.

    Args:
        repo: "owner/name".
        revision: a branch or tag as it stood when it was fetched, or a commit.

    Example:
        >>> snapshot("no-such/model", "main")
    """
    if not _PLAIN.fullmatch(revision) or ".." in revision:
        return None
    stored = _stored(repo)
    ref = stored / "refs" / revision
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    found = stored / "snapshots" / commit
    return found if commit and "/" not in commit and found.is_dir() else None


def snapshots(repo: str) -> Iterator[Path]:
    """Every snapshot there is: that of the main branch, then the newest.

    Args:
        repo: "owner/name".

    Example:
        >>> list(snapshots("no-such/model"))
        []
    """
    main = snapshot(repo, "main")
    if main is not None:
        yield main
    others = (path for path in (_stored(repo) / "snapshots").glob("*") if path.is_dir())
    yield from sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)


def _stored(repo: str) -> Path:
    return cache_folder() / f"models--{repo.replace('/', '--')}"
