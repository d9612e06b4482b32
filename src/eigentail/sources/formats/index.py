"""An index of shards (`model.safetensors.index.json`): which files make up one checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Final

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources.config import read_config
from eigentail.sources.joined import Joined, join
from eigentail.sources.place import Place, place
from eigentail.sources.protocol import Format, Probe

MAX_INDEX: Final = 100_000_000
INDEX: Final = re.compile(r"\.index(?P<variant>\.\w+)?\.json$")
_REFETCH: Final = "fetch it again"


def open_index(ref: SourceRef) -> Joined:
    """Open every shard an index names.

    Raises:
        SourceError: the index is not one, names a file outside its folder, or a shard is missing or damaged.

    Example:
        >>> import json, tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> folder = Path(tempfile.mkdtemp())
        >>> np.savez(folder / "one.npz", a=np.eye(2))
        >>> np.savez(folder / "two.npz", b=np.eye(3))
        >>> path = folder / "model.npz.index.json"
        >>> _ = path.write_text(json.dumps({"weight_map": {"a": "one.npz", "b": "two.npz"}}))
        >>> source = open_index(SourceRef("index", str(path)))
        >>> [spec.name for spec in source.tensors()]
        ['a', 'b']
        >>> source.close()
    """
    path = place(ref.target)
    shards = read_index(path)
    missing = [shard.name for shard in shards if not shard.is_file()]
    if missing:
        raise SourceError(
            f"{len(missing)} of {len(shards)} shards are missing ({_some(missing)})",
            where=ref.target,
            hint="fetch them into the same folder",
        )
    return join(ref, [("", str(shard)) for shard in shards], read_config(path.parent))


def read_index(path: Place) -> list[Place]:
    """The shards an index names, each once, in the order of their numbers.

    The tensors in an index are sorted by letters: in their order the shard with `lm_head` would come first.

    Args:
        path: the index.

    Raises:
        SourceError: it is not JSON, has no `weight_map`, or names a file outside its folder.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "model.safetensors.index.json"
        >>> _ = path.write_text('{"weight_map": {"w": "../secret"}}')
        >>> read_index(path)
        Traceback (most recent call last):
        eigentail.errors.SourceError: ...index.json: names the shard '../secret', which is not in its folder
    """
    where = str(path)
    if path.stat().st_size > MAX_INDEX:
        raise SourceError(f"is longer than {MAX_INDEX} bytes, too long for an index", where=where)
    try:
        index = json.loads(path.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise SourceError(f"is not JSON ({str(error)[:80]})", where=where, hint=_REFETCH) from error
    table = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(table, dict) or not table or not all(isinstance(name, str) for name in table.values()):
        raise SourceError("has no weight_map from tensors to files, which an index is", where=where, hint=_REFETCH)
    names: list[str] = sorted(set(table.values()))
    for name in names:
        if not _stays_inside(name):
            raise SourceError(f"names the shard {name!r}, which is not in its folder", where=where)
    return [path.parent / name for name in names]


def _stays_inside(name: str) -> bool:
    """Whether a name from a file is a plain one below its folder, and not an index again."""
    path = PurePosixPath(name)
    odd = any(letter in name for letter in '\\:\0"') or ".." in path.parts
    return bool(path.parts) and not odd and not path.is_absolute() and path.suffix != ".json"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _claims(probe: Probe) -> bool:
    return INDEX.search(probe.name) is not None and probe.head.lstrip()[:1] == b"{"


FORMAT: Final = Format(
    name="index", title="an index of shards", suffixes=(".index.json",), claims=_claims, open=open_index
)
