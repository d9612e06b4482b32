"""HDF5, as Keras uses it: whole models (.h5, .hdf5), weights alone (.weights.h5), and both packed as .keras."""

from __future__ import annotations

import zipfile
from typing import Final

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources.archives.inflated import member_range
from eigentail.sources.archives.zips import open_archive
from eigentail.sources.hdf5.keras_config import MAX_CONFIG
from eigentail.sources.hdf5.keras_source import keras_source
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range
from eigentail.sources.turned import TurnedSource

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
WEIGHTS: Final = "model.weights.h5"
CONFIG: Final = "config.json"


def open_hdf5(ref: SourceRef) -> TurnedSource:
    """Open an HDF5 file: layers by the names Keras gave them, arrays as (out, in, ...), optimizer state marked.

    Raises:
        SourceError: h5py is not installed, or the file is damaged, refers to others or holds no arrays.

    Example:
        >>> import tempfile
        >>> import h5py
        >>> import numpy as np
        >>> path = tempfile.mkdtemp() + "/m.h5"
        >>> with h5py.File(path, "w") as file:
        ...     _ = file.create_dataset("model_weights/conv/conv_1/kernel:0", data=np.zeros((3, 3, 8, 16)))
        >>> source = open_hdf5(SourceRef("hdf5", path))
        >>> [(spec.name, spec.shape) for spec in source.tensors()]
        [('conv.weight', (16, 8, 3, 3))]
        >>> source.close()
    """
    reader = open_range(ref.target)
    try:
        return keras_source(ref, reader, reader)
    except BaseException:
        reader.close()
        raise


def open_keras(ref: SourceRef) -> TurnedSource:
    """Open an archive that `model.save("name.keras")` wrote. What it says of code (lambdas, custom layers) is not run.

    Raises:
        SourceError: h5py is not installed, or the archive or the HDF5 file in it is damaged.

    Example:
        >>> open_keras(SourceRef("keras", "no/such.keras"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.keras: no such file or directory
    """
    reader = open_range(ref.target)
    try:
        archive = open_archive(reader, ref.target)
        inside = _member(reader, archive, WEIGHTS, ref.target)
        return keras_source(ref, reader, inside, _config(reader, archive, ref.target))
    except BaseException:
        reader.close()
        raise


def _member(reader: RangeReader, archive: zipfile.ZipFile, name: str, where: str) -> RangeReader:
    """The bytes of a member where they lie; Keras packs none, and a packed one could not be read in parts."""
    members = [member for member in archive.infolist() if member.filename == name]
    if len(members) != 1:
        raise SourceError(f"the archive holds {name!r} {len(members)} times", where=where)
    if members[0].compress_type != zipfile.ZIP_STORED or members[0].compress_size != members[0].file_size:
        raise SourceError(
            f"the member {name!r} is compressed, which Keras never does",
            where=where,
            hint=f"unpack the archive and give the file {name} in it",
        )
    try:
        return member_range(reader, archive, members[0])
    except SourceError as error:
        raise SourceError(error.what, where=where, hint=error.hint) from error


def _config(reader: RangeReader, archive: zipfile.ZipFile, where: str) -> str:
    """The configuration, or "" where there is none: the weights can be read without it."""
    if CONFIG not in archive.namelist():
        return ""
    inside = _member(reader, archive, CONFIG, where)
    if inside.size > MAX_CONFIG:
        raise SourceError(
            f"the member {CONFIG!r} has {inside.size:,} bytes where {MAX_CONFIG:,} are allowed", where=where
        )
    return bytes(inside.read(0, inside.size)).decode("utf-8", errors="replace")


def _is_keras(probe: Probe) -> bool:
    return WEIGHTS in probe.members


FORMAT: Final = (
    Format(
        name="hdf5",
        title="a Keras model or its weights",
        suffixes=(".h5", ".hdf5"),
        claims=lambda probe: probe.head.startswith(MAGIC),
        open=open_hdf5,
    ),
    Format(name="keras", title="a Keras model or its weights", suffixes=(".keras",), claims=_is_keras, open=open_keras),
)
