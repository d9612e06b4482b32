"""A folder: which of its files are the model, as people and hubs lay them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources.config import FACTS, read_config
from eigentail.sources.formats.index import INDEX, read_index
from eigentail.sources.formats.orbax import item_in
from eigentail.sources.formats.recognised import folder_looks_like
from eigentail.sources.joined import Joined, join
from eigentail.sources.place import Place, place
from eigentail.sources.protocol import Format

# The same weights often lie there in several forms: the earlier tier is the one that opens faster and safer.
TIERS: Final = (
    (".safetensors",),
    (".bin",),
    (".pt", ".pth", ".ckpt", ".th"),
    (".npz",),
    (".npy",),
    (".keras", ".h5", ".hdf5"),
    (".gguf",),
    (".tflite",),
    (".onnx",),
    ("saved_model.pb",),
    (".pb",),
    (".index",),
    (".caffemodel",),
    (".nemo",),
    (".msgpack",),
)
SUFFIXES: Final = tuple(suffix for tier in TIERS for suffix in tier)
USUAL_STEMS: Final = (
    "model", "diffusion_pytorch_model", "pytorch_model", "consolidated", "adapter_model", "flax_model",
)  # fmt: skip

_BESIDE: Final = re.compile(
    r"(optimizer|optim|scheduler|scaler|training_args|trainer_state|rng_state|random_states|tokenizer)", re.IGNORECASE
)
_SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<at>\d{5,6})-of-(?P<of>\d{5,6})(?P<variant>\.\w+)?")
_SLICE: Final = re.compile(r"consolidated\.\d{2}")
_NOTED: Final = re.compile(r'^model_checkpoint_path: "([^"\n]+)"', re.MULTILINE)
MAX_NOTE: Final = 65_536
# A list of pieces, and how they end.
LISTS: Final = (("_METADATA", ""), (".metadata", ".distcp"))
STEP: Final = "_CHECKPOINT_METADATA"
PIPELINE: Final = "model_index.json"


def open_folder(ref: SourceRef) -> Joined:
    """Open the model a folder holds: shards joined, the parts of a diffusers pipeline under their own names.

    Raises:
        SourceError: no weights, weights of several models, or a shard is missing or damaged.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> folder = Path(tempfile.mkdtemp())
        >>> np.savez(folder / "model.npz", w=np.eye(2))
        >>> source = open_folder(SourceRef("folder", str(folder)))
        >>> [spec.name for spec in source.tensors()]
        ['w']
        >>> source.close()
    """
    folder = place(ref.target)
    targets = _pipeline(folder) if (folder / PIPELINE).is_file() else [("", path) for path in _files(folder)]
    if not targets:
        raise _nothing(folder)
    return join(ref, [(prefix, str(path)) for prefix, path in targets], read_config(folder))


def weight_files(folder: Place) -> list[Place]:
    """The files that hold the model: an index, a set of shards or one file; none when there are no weights.

    Files of the training state (optimizer, scheduler, random numbers) are left out, variants such as
    `model.fp16.safetensors` too where the plain file lies beside them.

    Args:
        folder: where to look; folders in it are not entered.

    Raises:
        SourceError: there are several models and none has a usual name, or a set of shards is not whole.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("model.safetensors", "model.fp16.safetensors", "pytorch_model.bin", "optimizer.pt"):
        ...     (folder / name).touch()
        >>> [path.name for path in weight_files(folder)]
        ['model.safetensors']
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not _BESIDE.match(path.name))
    for tier in TIERS:
        for choose in (_index, _shards, _latest, _usual):
            if found := choose(names, tier, folder):
                brings_others = tier == (".gguf",)  # a GGUF shard knows the set it belongs to
                return [folder / name for name in (found[:1] if brings_others else found)]
    return [folder / name for name in _only(names, folder)]


def files_of(target: Place) -> list[Place]:
    """Every file whose tensors would be read: the shards that an index names among them, and the index itself.

    Args:
        target: a file, or a folder as `open_folder` takes it.

    Raises:
        SourceError: as `weight_files`, or an index is damaged.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "model.npz.index.json").write_text('{"weight_map": {"a": "1.npz", "b": "2.npz"}}')
        >>> [path.name for path in files_of(folder)]
        ['model.npz.index.json', '1.npz', '2.npz']
    """
    if not target.is_dir():
        return [target, *read_index(target)] if INDEX.search(target.name) else [target]
    chosen = [path for _, path in _pipeline(target)] if (target / PIPELINE).is_file() else weight_files(target)
    return [file for path in chosen for file in files_of(path)]


def _files(folder: Place) -> list[Place]:
    """The files to open: the one list that a distributed checkpoint has of its pieces, else the weights themselves."""
    names = {path.name for path in folder.iterdir()}
    lists = [folder / name for name, end in LISTS if name in names and any(other.endswith(end) for other in names)]
    step = item_in(folder) if STEP in names and not lists else None
    return [step] if step else lists[:1] or weight_files(folder)


def facts_of(folder: Place) -> list[Place]:
    """The files in a folder, and in the parts of a pipeline, that tell what the weights are.

    Args:
        folder: with weights in it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "config.json").write_text("{}")
        >>> [path.name for path in facts_of(folder)]
        ['config.json']
    """
    folders = [folder, *_parts(folder)] if (folder / PIPELINE).is_file() else [folder]
    return [each / name for each in folders for name in FACTS if (each / name).is_file()]


_Choice = Callable[[Sequence[str], tuple[str, ...], Place], Sequence[str]]


def _index(names: Sequence[str], tier: tuple[str, ...], folder: Place) -> Sequence[str]:
    """The index of a sharded model."""
    found = [name for name in names if name.endswith(tuple(f"{suffix}.index.json" for suffix in tier))]
    return _preferred(found, folder)


def _shards(names: Sequence[str], tier: tuple[str, ...], folder: Place) -> Sequence[str]:
    """A whole set of shards that has no index."""
    sets: dict[tuple[bool, str, int], list[tuple[int, str]]] = {}
    for name in names:
        match = _SHARD.fullmatch(PurePosixPath(name).stem) if name.endswith(tier) else None
        if match:
            varied = bool(match["variant"]) or "." in match["stem"]
            label = f"{match['stem']}-of-{match['of']}{match['variant'] or ''}{PurePosixPath(name).suffix}"
            sets.setdefault((varied, label, int(match["of"])), []).append((int(match["at"]), name))
    chosen = [key for key in sets if not key[0]] or list(sets)
    if len(chosen) > 1:
        raise _several(folder, [label for _, label, _ in chosen])
    for key in chosen:
        _check_whole(sets[key], key[2], folder)
    return [name for key in chosen for _, name in sorted(sets[key])]


def _latest(names: Sequence[str], tier: tuple[str, ...], folder: Place) -> Sequence[str]:
    """The checkpoint that TensorFlow's own note in the folder says is the last."""
    if tier != (".index",) or "checkpoint" not in names or (folder / "checkpoint").stat().st_size > MAX_NOTE:
        return ()
    said = _NOTED.search((folder / "checkpoint").read_bytes().decode("utf-8", "replace"))
    name = f"{PurePosixPath(said[1]).name}.index" if said else ""
    return (name,) if name in names else ()


def _check_whole(shards: list[tuple[int, str]], total: int, folder: Place) -> None:
    """Refuse a set of shards with a hole in it."""
    there = {at for at, _ in shards}
    missing = sorted(set(range(1, total + 1)) - there)
    if missing and there != set(range(total)):  # a few writers count from zero
        raise SourceError(
            f"{len(missing)} of {total} shards are missing (the first is number {missing[0]})",
            where=str(folder),
            hint="fetch them into the same folder, or give one shard to analyse it alone",
        )


def _usual(names: Sequence[str], tier: tuple[str, ...], folder: Place) -> Sequence[str]:
    """One file with a name that hubs and libraries give to the model, or the slices of Meta's layout."""
    for stem in USUAL_STEMS:
        for suffix in tier:
            if f"{stem}{suffix}" in names:
                return (f"{stem}{suffix}",)
    return [name for name in names if name.endswith(tier) and _SLICE.fullmatch(PurePosixPath(name).stem)]


def _only(names: Sequence[str], folder: Place) -> Sequence[str]:
    """The only model there is, whatever it is called."""
    for tier in TIERS:
        found = [name for name in names if name.endswith(tier)]
        plain = [name for name in found if not _is_variant(name, found)]
        if plain:
            return _preferred(plain, folder)
    return ()


def _preferred(names: Sequence[str], folder: Place) -> Sequence[str]:
    """The one with a usual name, or the only one."""
    for stem in USUAL_STEMS:
        usual = [name for name in names if name.partition(".")[0] == stem]
        if len(usual) == 1:
            return usual
    if len(names) > 1:
        raise _several(folder, names)
    return names


def _is_variant(name: str, names: Iterable[str]) -> bool:
    """Whether the same file lies there under its plain name: `model.fp16.bin` beside `model.bin`."""
    first, *middle, last = name.split(".")
    return bool(middle) and f"{first}.{last}" in names


def _pipeline(folder: Place) -> list[tuple[str, Place]]:
    """The weights of every part of a diffusers pipeline, with the part's name in front."""
    return [(f"{part.name}.", path) for part in _parts(folder) for path in weight_files(part)]


def _parts(folder: Place) -> list[Place]:
    return sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.name)


def _several(folder: Place, names: Sequence[str]) -> SourceError:
    listed = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return SourceError(f"holds several models ({listed})", where=str(folder), hint="give the one that is meant")


def _nothing(folder: Place) -> SourceError:
    """What to say of a folder without weights: what it is, or where the weights may be, or what was looked for."""
    look = folder_looks_like(sorted(path.name for path in folder.iterdir()))
    if look:
        return SourceError(f"is {look.words}", where=str(folder), hint=look.hint)
    inside = [path.name for path in _parts(folder) if _has_weights(path)]
    looked_for = f"looked for an index, shards or one file ending in {', '.join(SUFFIXES)}"
    hint = f"the folder {inside[0]} in it has some: give that one" if inside else looked_for
    return SourceError("holds no weights", where=str(folder), hint=hint)


def _has_weights(folder: Place) -> bool:
    names = [path.name for path in folder.iterdir()]
    is_step = any(name == STEP or name in dict(LISTS) for name in names) and not _BESIDE.match(folder.name)
    return is_step or any(name.endswith(SUFFIXES) and not _BESIDE.match(name) for name in names)


FORMAT: Final = Format(
    name="folder", title="a folder of weights", suffixes=(), claims=lambda probe: probe.is_folder, open=open_folder
)
