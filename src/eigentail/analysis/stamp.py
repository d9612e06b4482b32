"""Whether an analysis would give the numbers that an earlier one gave, told without reading a weight."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from eigentail.analysis.versions import versions
from eigentail.metrics import chosen
from eigentail.numerics.tail import estimator_named
from eigentail.records import SourceRef
from eigentail.records.description import Description
from eigentail.settings import Settings
from eigentail.sources.live import LIVE

# Counted up when what is kept of a layer changes its meaning.
_TAG: Final = "eigentail run 4"
_DIGEST: Final = 20
# Beyond that, looking at every file costs more than it may.
_MOST_FILES: Final = 20_000
# The clock of a file system moves in steps: a file that was changed within one may change again and show nothing.
_STEP: Final = 0.02
# Formats that keep everything in the file that is named; an index, for one, names others.
_ALONE: Final = frozenset(
    {"caffe", "flax-msgpack", "hdf5", "keras", "llama2c", "nemo", "npy", "npz", "safetensors", "tensorflow-graph"}
    | {"tflite", "torch-legacy", "torch-zip"}
)
# Written beside weights by this program and others; of JSON only what says where weights are.
_BESIDE: Final = (".csv", ".htm", ".html", ".json", ".log", ".md", ".txt")
_INDEX: Final = ".index."


def key_of(work: Description) -> str:
    """What the numbers of an analysis depend on, in 40 hexadecimal digits; "" where that cannot be told.

    That is: every file of the target by name, size, place and times of change, the layers found in the headers, the
    settings, the versions of the libraries, and the code of this package and of the plug-ins in use. The weights
    themselves are not read.

    Args:
        work: from `described`.

    Returns:
        "" for a live model, and for a target that is neither on disk nor has a fingerprint of its own.

    Example:
        >>> import numpy as np
        >>> import eigentail as et
        >>> key_of(et.describe(et.example())) == key_of(et.describe(et.example()))
        True
        >>> key_of(et.describe({"fc.weight": np.eye(16)}))
        ''
    """
    try:
        stamp = _stamp(work.source)
        code = (_code(), _plug_ins(work.settings))
    except (OSError, _TooManyError):
        return ""
    if not stamp:
        return ""
    settings = replace(work.settings, device="cpu")  # numbers do not depend on it
    headers = msgspec.msgpack.encode((work.source, settings, work.layers, work.metrics))
    made_of = (_TAG, stamp, headers, sorted(versions().items()), code)
    return blake2b(repr(made_of).encode(), digest_size=_DIGEST).hexdigest()


def _stamp(ref: SourceRef) -> str:
    """Of a target; what is not on disk has nothing but its fingerprint."""
    path = Path(ref.target)
    if ref.format == LIVE:
        return ""
    if not path.exists():
        return ref.fingerprint
    names = [path] if ref.format in _ALONE else _weights_below(path if path.is_dir() else path.parent)
    found, newest = _files(names)
    wait = newest / 1e9 + _STEP - time.time()
    if 0 < wait <= _STEP:
        time.sleep(wait)
        found, _ = _files(names)
    return repr(found)


class _TooManyError(Exception):
    """Of files."""


def _files(names: list[Path]) -> tuple[list[object], int]:
    """Size, place and times of files, and when the last of them changed.

    The time of the last change of an inode is nothing that a program can set back, as it can that of the content.
    """
    found: list[object] = []
    newest = 0
    for name in names:
        stat = name.stat()
        found.append((str(name), stat.st_size, stat.st_ino, stat.st_dev, stat.st_mtime_ns, stat.st_ctime_ns))
        newest = max(newest, stat.st_mtime_ns, stat.st_ctime_ns)
    return found, newest


def _weights_below(folder: Path) -> list[Path]:
    """Every file that may hold weights, in a fixed order."""
    found: list[Path] = []
    seen = 0
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        seen += 1 + len(names)
        if seen > _MOST_FILES:  # or links that lead in circles
            raise _TooManyError
        found += [Path(parent, name) for name in sorted(names) if not name.lower().endswith(_BESIDE) or _INDEX in name]
    return found


@cache
def _code() -> str:
    """Of this package as it lies on disk: a version number does not tell a change that is being worked on."""
    root = Path(__file__).parents[1]
    return blake2b(repr(sorted(_stats_below(str(root), ""))).encode(), digest_size=_DIGEST).hexdigest()


def _stats_below(folder: str, name: str) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every file, by the entries of the folders: a path object costs more than a look."""
    with os.scandir(folder) as entries:
        for entry in entries:
            inner = f"{name}/{entry.name}"
            if entry.is_file():
                stat = entry.stat()
                yield inner, stat.st_size, stat.st_mtime_ns
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _stats_below(entry.path, inner)


def _plug_ins(settings: Settings) -> list[tuple[str, str, int, int]]:
    """Whoever computes the metrics and the fit."""
    functions: list[Callable[..., Any]] = [metric.compute for metric in chosen(settings.metrics)]
    functions.append(estimator_named(settings.tail).fit)
    found = []
    for module in sorted({getattr(function, "__module__", "") for function in functions}):
        file = getattr(sys.modules.get(module), "__file__", None)
        stat = Path(file).stat() if file and Path(file).is_file() else None
        found.append((module, str(file), stat.st_size if stat else 0, stat.st_mtime_ns if stat else 0))
    return found
