"""Make the tables of docs/formats.md from the registries: what can be read, and what it needs.

python scripts/formats.py
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

from measured import ROOT
from measured.page import table, write

from eigentail.sources.adapters.configuration import KINDS
from eigentail.sources.identify import formats
from eigentail.sources.quantised_source import schemes

PAGE: Final = ROOT / "docs" / "formats.md"


class Note(NamedTuple):
    """What a registered format does not say of itself.

    Attributes:
        known_by: what it is recognised by.
        needs: the extra to install, with what for, or "".
        far: whether parts of it are read where it lies elsewhere.
    """

    known_by: str
    needs: str = ""
    far: bool = True


NOTES: Final = {
    "caffe": Note("first fields of the protobuf, else the name"),
    "flax-msgpack": Note("first bytes: a map with a name in it"),
    "folder": Note("it is a folder: an index, shards, a known name, or one weights file in it"),
    "gguf": Note("first bytes", "`gguf` for quantised types, nothing for plain ones"),
    "hdf5": Note("first bytes", "`keras` (h5py)"),
    "index": Note("name, and JSON in it"),
    "keras": Note("`model.weights.h5` in a zip archive", "`keras` (h5py)"),
    "llama2c": Note("first bytes, or sizes that make a file of exactly this length"),
    "nemo": Note("name, and a tar archive in it"),
    "npy": Note("first bytes"),
    "npz": Note("a zip archive of `.npy` members"),
    "onnx": Note("first fields of the protobuf, else the name"),
    "orbax": Note("the file `_METADATA` in its folder", "`jax` (tensorstore)", far=False),
    "safetensors": Note("first bytes, else the name"),
    "tensorflow-checkpoint": Note("the table at the end of the index, else the name"),
    "tensorflow-graph": Note("first fields of the protobuf, else the name"),
    "tensorflow-saved-model": Note("first fields of the protobuf, else the name"),
    "tflite": Note("first bytes"),
    "torch-dcp": Note("the file `.metadata` in its folder"),
    "torch-legacy": Note("first bytes"),
    "torch-zip": Note("`data.pkl` in a zip archive"),
}


def tables() -> dict[str, str]:
    """The name of each place on the page, and what stands there."""
    return {"formats": _formats(), "quantised": _quantised(), "adapters": _adapters()}


def _formats() -> str:
    """A row for each format; a stranger's plug-in has no note and is left out."""
    head = ("format", "what it is", "usual names", "recognised by", "needs", "read elsewhere by parts")
    rows = [
        (
            f"`{name}`",
            form.title.removeprefix("an ").removeprefix("a "),
            " ".join(f"`{ending}`" for ending in form.suffixes) or "any",
            NOTES[name].known_by,
            NOTES[name].needs or "nothing",
            "yes" if NOTES[name].far else "no: `--download` first",
        )
        for name, form in sorted(formats.items())
        if name in NOTES
    ]
    return table(head, rows)


def _quantised() -> str:
    rows = [(f"`{name}`", _says(scheme.weight.__module__)) for name, scheme in sorted(schemes.items())]
    return table(("scheme", "what is stored"), rows)


def _says(module: str) -> str:
    """What a scheme's own file says in its first line."""
    return (sys.modules[module].__doc__ or "").partition("\n")[0].removesuffix(".")


def _adapters() -> str:
    return table(("`peft_type`", "called"), [(f"`{word}`", name) for word, name in KINDS.items()])


if __name__ == "__main__":
    write(tables(), PAGE)
