"""Torch's zip archives, since 1.6: one pickle that names storages, and one uncompressed member a storage."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Final, final

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources.archives.inflated import announce, member_range
from eigentail.sources.archives.zips import open_archive
from eigentail.sources.protocol import Format
from eigentail.sources.ranges import REFETCH, RangeReader
from eigentail.sources.torch_files.bounded import MAX_PICKLE_BYTES, Bounded
from eigentail.sources.torch_files.storage import Contents, StorageSource, big_endian, open_torch, tensors_in
from eigentail.sources.torch_files.unpickle import unpickle


def open_zip(ref: SourceRef) -> StorageSource:
    """Open a checkpoint that `torch.save` wrote as a zip archive.

    Raises:
        SourceError: not such an archive, damaged, or it holds more than tensors.

    Example:
        >>> open_zip(SourceRef("torch-zip", "no/such.pt"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.pt: no such file or directory
    """
    return open_torch(ref, zip_contents)


def zip_contents(reader: RangeReader, where: str) -> Contents:
    """What an archive of torch holds; bytes of storages are not read.

    Args:
        reader: its bytes.
        where: its path, for error messages.

    Raises:
        SourceError: as `open_zip`.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> zip_contents(BytesRange(b"tail"), "a.pt")
        Traceback (most recent call last):
        eigentail.errors.SourceError: a.pt: ...
    """
    archive = _Archive(reader, where)
    if "constants.pkl" in archive or archive.holds_code:
        raise SourceError(
            "is a TorchScript archive, a program with its weights",
            where=where,
            hint="save the state dict alone: torch.save(torch.jit.load(path).state_dict(), new_path)",
        )
    if "byteorder" in archive and archive.read("byteorder", 16) != b"little":
        raise big_endian(where)
    pickled = archive.read("data.pkl", MAX_PICKLE_BYTES)
    tensors = tensors_in(unpickle(Bounded(io.BytesIO(pickled), len(pickled)), where).tree, where)
    names = {tensor.storage.key: f"data/{tensor.storage.key}" for tensor in tensors.values()}
    stored = {key: name for key, name in names.items() if name in archive}
    archive.announce(stored.values())
    return Contents(tensors, {key: archive.range(name) for key, name in stored.items()})


@final
class _Archive:
    """The members of an archive, by their names below the folder in which torch puts everything."""

    def __init__(self, reader: RangeReader, where: str) -> None:
        self._reader, self._where = reader, where
        self._archive = open_archive(reader, where)
        self._members = {member.filename: member for member in self._archive.infolist()}
        pickles = [name for name in self._members if name.endswith("/data.pkl")]
        if not pickles:
            raise SourceError("is a zip archive without data.pkl", where=where, hint="was it written by torch.save?")
        self._folder = min(pickles, key=len).removesuffix("data.pkl")

    def __contains__(self, name: str) -> bool:
        return self._folder + name in self._members

    @property
    def holds_code(self) -> bool:
        """Whether there is a program in it."""
        return any(name.startswith(f"{self._folder}code/") for name in self._members)

    def announce(self, names: Iterable[str]) -> None:
        """Say that `range` will be asked for these."""
        try:
            announce(self._reader, [self._members[self._folder + name] for name in names])
        except SourceError as error:
            raise self._refusal(error.what) from error

    def range(self, name: str) -> RangeReader:
        """The bytes of a member where they lie; torch packs none, so whatever is packed is not torch's."""
        member = self._members[self._folder + name]
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise SourceError(
                f"the member {name!r} is compressed, which torch never does",
                where=self._where,
                hint="unpack the archive and pack it with zip -0, or save the checkpoint again",
            )
        try:
            return member_range(self._reader, self._archive, member)
        except SourceError as error:
            raise self._refusal(error.what) from error

    def read(self, name: str, limit: int) -> bytes:
        """A whole member, of no more than so many bytes."""
        inside = self.range(name)
        if inside.size > limit:
            raise self._refusal(f"the member {name!r} has {inside.size:,} bytes where {limit:,} are allowed")
        return bytes(inside.read(0, inside.size))

    def _refusal(self, what: str) -> SourceError:
        return SourceError(what, where=self._where, hint=REFETCH)


FORMAT: Final = Format(
    name="torch-zip",
    title="a PyTorch checkpoint",
    suffixes=(".pt", ".pth", ".bin", ".ckpt", ".th"),
    claims=lambda probe: any(name.endswith("/data.pkl") for name in probe.members),
    open=open_zip,
)
