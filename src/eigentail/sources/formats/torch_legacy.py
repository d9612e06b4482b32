"""Torch's files before 1.6: five pickles one after another, then the storages, each behind its length."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any, Final

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources.archives.inflated import StoredRange
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import REFETCH, RangeFile, RangeReader
from eigentail.sources.torch_files.bounded import MAX_PICKLE_BYTES, Bounded
from eigentail.sources.torch_files.storage import Contents, StorageSource, big_endian, open_torch, tensors_in
from eigentail.sources.torch_files.unpickle import unpickle

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PICKLED_MAGIC: Final = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little") + b"."
_PROTOCOL: Final = 1001
_LENGTH: Final = struct.Struct("<q")
_TAR_MEMBERS: Final = (b"sys_info\0", b"pickle\0", b"tensors\0", b"storages\0")


def open_legacy(ref: SourceRef) -> StorageSource:
    """Open a checkpoint that torch before 1.6 wrote, or a later one asked to write the old way.

    Raises:
        SourceError: not such a file, damaged, or it holds more than tensors.

    Example:
        >>> open_legacy(SourceRef("torch-legacy", "no/such.th"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.th: no such file or directory
    """
    return open_torch(ref, legacy_contents)


def legacy_contents(reader: RangeReader, where: str) -> Contents:
    """What an old file of torch holds; bytes of storages are not read.

    Args:
        reader: its bytes.
        where: its path, for error messages.

    Raises:
        SourceError: as `open_legacy`.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> legacy_contents(BytesRange(b"tail"), "a.pt")
        Traceback (most recent call last):
        eigentail.errors.SourceError: a.pt: ...
    """
    if bytes(reader.read(0, min(reader.size, 16))).startswith(_TAR_MEMBERS):
        raise SourceError("is a tar archive of torch 0.1", where=where, hint="load it with torch and save it again")
    file = Bounded(io.BufferedReader(RangeFile(reader)), min(reader.size, MAX_PICKLE_BYTES))
    magic, version, system = (unpickle(file, where).tree for _ in range(3))
    if (magic, version) != (_MAGIC, _PROTOCOL):
        raise SourceError("does not begin as a torch file does", where=where, hint="was it written by torch.save?")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise big_endian(where)
    tree, storages = unpickle(file, where)
    keys = unpickle(file, where).tree
    return Contents(tensors_in(tree, where), _storages(reader, file.position, _sizes(keys, storages, where), where))


def _sizes(keys: Any, storages: Mapping[str, str], where: str) -> dict[str, int]:
    """Bytes a value of each storage, in the order in which they follow."""
    if not isinstance(keys, list) or not all(type(key) is str and key in storages for key in keys):
        raise SourceError("lists storages that no tensor names", where=where, hint=REFETCH)
    return {key: dtype_of(storages[key]).itemsize for key in keys}


def _storages(reader: RangeReader, at: int, sizes: Mapping[str, int], where: str) -> dict[str, RangeReader]:
    """Walk from length to length: where a storage lies follows from all before it."""
    found: dict[str, RangeReader] = {}
    for key, size in sizes.items():
        (numel,) = _LENGTH.unpack(reader.read(at, _LENGTH.size))
        at += _LENGTH.size
        if numel < 0 or at + numel * size > reader.size:
            raise SourceError(
                f"storage {key!r} has {numel} values, but the file ends at byte {reader.size}",
                where=where,
                hint=REFETCH,
            )
        found[key] = StoredRange(reader, at, numel * size)
        at += numel * size
    return found


def _claims(probe: Probe) -> bool:
    return _PICKLED_MAGIC in probe.head[:32] or probe.head.startswith(_TAR_MEMBERS)


FORMAT: Final = Format(
    name="torch-legacy",
    title="a PyTorch checkpoint from before 1.6",
    suffixes=(".pt", ".pth", ".bin", ".th", ".model"),
    claims=_claims,
    open=open_legacy,
)
