"""Where this program keeps what it may need again, and whether this version may use it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from eigentail.errors import UsageError
from eigentail.store.atomic import write_atomically

VARIABLE: Final = "EIGENTAIL_HOME"
# Of everything kept below the home: a version that changes the files in a way older ones cannot read counts it up.
VERSION: Final = 1
_ELSEWHERE: Final = f"set {VARIABLE} to another folder"


def user_home() -> Path:
    """The folder that the user chose by EIGENTAIL_HOME, or the one that this system has for such things.

    Returns:
        An absolute path; nothing is created.

    Example:
        >>> user_home().is_absolute()
        True
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("eigentail", appauthor=False).absolute()


def check_version(home: Path) -> None:
    """Refuse what a newer version has made; a folder that is not there yet, or is empty, is welcome.

    Args:
        home: the folder.

    Raises:
        UsageError: made by a newer version, not readable, not a folder, or its `version` is not a number.

    Example:
        >>> import tempfile
        >>> home = Path(tempfile.mkdtemp())
        >>> _ = (home / "version").write_text("999")
        >>> check_version(home)
        Traceback (most recent call last):
        eigentail.errors.UsageError: ...: made by a newer eigentail (store 999, this one knows up to 1): ...
    """
    try:
        said = (home / "version").read_bytes()[:20]
    except FileNotFoundError:
        return
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot be used as a store ({reason})", where=str(home), hint=_ELSEWHERE) from error
    if not said.strip().isdigit():
        raise UsageError("the file `version` in it is damaged", where=str(home), hint=f"delete it, or {_ELSEWHERE}")
    if int(said) > VERSION:
        what = f"made by a newer eigentail (store {int(said)}, this one knows up to {VERSION})"
        raise UsageError(what, where=str(home), hint=f"upgrade eigentail, or {_ELSEWHERE}")


def mark_version(home: Path) -> None:
    """Make the folder and say in it which version writes here.

    Args:
        home: the folder.

    Raises:
        OSError: it cannot be made.
        UsageError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> home = Path(tempfile.mkdtemp()) / "new"
        >>> mark_version(home)
        >>> int((home / "version").read_text()) == VERSION
        True
    """
    if not (home / "version").exists():
        home.mkdir(parents=True, exist_ok=True)
        write_atomically(home / "version", f"{VERSION}\n".encode())
