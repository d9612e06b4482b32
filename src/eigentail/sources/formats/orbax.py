"""Orbax checkpoints (JAX, MaxText, Gemma): a folder of chunks, found through its file `_METADATA`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.archives.inflated import ALWAYS_ALLOWED, MAX_EXPANSION
from eigentail.sources.coded import CodedSource
from eigentail.sources.config import read_config
from eigentail.sources.jax_files.orbax_store import ArrayStore
from eigentail.sources.jax_files.orbax_tree import Grid, Tree, read_grid, read_tree
from eigentail.sources.jax_files.source import Stored, jax_source
from eigentail.sources.place import Place
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import open_range
from eigentail.sources.targets import scheme_of

NAME: Final = "_METADATA"
_FETCH: Final = "fetch its folder first, or add --download"
_ITEMS: Final = ("default", "params", "state", "items", "model")  # what the parts of one step are usually called


def open_orbax(ref: SourceRef) -> CodedSource:
    """Open a checkpoint by its list of arrays; their chunks are read when asked for.

    Raises:
        SourceError: tensorstore is not installed, the list is damaged, or the folder does not hold what it names.

    Example:
        >>> open_orbax(SourceRef("orbax", "no/such/_METADATA"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such/_METADATA: no such file or directory
    """
    if scheme_of(ref.target):
        raise SourceError("is an Orbax checkpoint, which is read on this machine only", where=ref.target, hint=_FETCH)
    reader = open_range(ref.target)
    try:
        folder = Path(ref.target).parent
        tree = read_tree(Path(ref.target))
        return jax_source(ref, reader, _arrays(tree, folder), read_config(folder))
    except BaseException:
        reader.close()
        raise


def item_in(folder: Place) -> Place | None:
    """The part of one saved step that holds the model, where a folder is such a step; None for any other folder.

    Args:
        folder: what a `CheckpointManager` keeps under the number of a step.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "default").mkdir()
        >>> _ = (folder / "default" / "_METADATA").write_text("{}")
        >>> item_in(folder).parent.name
        'default'
    """
    parts = {part.name: part / NAME for part in folder.iterdir() if part.is_dir() and (part / NAME).is_file()}
    usual = next((parts[name] for name in _ITEMS if name in parts), None)
    return usual if usual or len(parts) != 1 else next(iter(parts.values()))


def _arrays(tree: Tree, folder: Path) -> list[Stored]:
    """Every array, its header read and checked."""
    store = ArrayStore(folder, use_zarr3=tree.use_zarr3)
    names = [".".join(path) for path in tree.paths]
    grids: list[Grid] = []
    for name, header in zip(names, store.headers(names), strict=True):
        if not header:
            raise SourceError(
                f"array {name[:80]!a} is in the list, but not in the folder",
                where=str(folder),
                hint="the checkpoint was copied in part: fetch it again",
            )
        grids.append(read_grid(header, name, str(folder)))
    _check_size(grids, folder)
    return [_stored(store, path, grid) for path, grid in zip(tree.paths, grids, strict=True)]


def _stored(store: ArrayStore, path: tuple[str, ...], grid: Grid) -> Stored:
    spec = TensorSpec(name="", shape=grid.shape, dtype=grid.kind.name, nbytes=grid.nbytes)
    return Stored(path=path, spec=spec, take=partial(store.read, ".".join(path)))


def _check_size(grids: list[Grid], folder: Path) -> None:
    """Refuse arrays that claim far more than the files could unpack to."""
    claimed = sum(grid.nbytes for grid in grids)
    if claimed <= ALWAYS_ALLOWED:
        return
    held = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if claimed > MAX_EXPANSION * held:
        raise SourceError(
            f"its files of {held:,} bytes would unpack to {claimed:,}",
            where=str(folder),
            hint="most of the chunks are missing, or were never there; it is not opened",
        )


def _claims(probe: Probe) -> bool:
    return probe.name == NAME.lower() and probe.head.lstrip()[:1] == b"{"


FORMAT: Final = Format(
    name="orbax", title="an Orbax checkpoint", suffixes=(NAME, "manifest.ocdbt"), claims=_claims, open=open_orbax
)
