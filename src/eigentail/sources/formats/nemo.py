"""NeMo models (.nemo): a tar archive with a torch file or a distributed checkpoint in it, read where it lies."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources.archives.inflated import STEP, StoredRange
from eigentail.sources.archives.stretches import Stretches
from eigentail.sources.archives.tars import tar_members
from eigentail.sources.coded import CodedSource
from eigentail.sources.elsewhere import BytesRange
from eigentail.sources.formats.torch_dcp import NAME, chunk_contents
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range
from eigentail.sources.torch_files.dcp_source import dcp_source
from eigentail.sources.torch_files.storage import StorageSource

WEIGHTS: Final = "model_weights.ckpt"
MAX_UNPACKED: Final = 192 << 20
_GZIP: Final = b"\x1f\x8b"
_USTAR: Final = 257
_REFETCH: Final = "fetch it again"


def open_nemo(ref: SourceRef) -> StorageSource | CodedSource:
    """Open a NeMo archive. One packed with gzip is unpacked into memory, as far as 192 MiB.

    Raises:
        SourceError: the archive is damaged or holds no weights, or is packed and large.

    Example:
        >>> open_nemo(SourceRef("nemo", "no/such.nemo"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.nemo: no such file or directory
    """
    reader = open_range(ref.target)
    try:
        is_packed = bytes(reader.read(0, min(reader.size, 2))) == _GZIP
        members = tar_members(_unpacked(reader, ref.target) if is_packed else reader, ref.target)
        return _model(ref, reader, members)
    except BaseException:
        reader.close()
        raise


def _model(ref: SourceRef, reader: RangeReader, members: Mapping[str, StoredRange]) -> StorageSource | CodedSource:
    """The weights among the members: one torch file, or the list of a distributed checkpoint and its files."""
    for name, member in members.items():
        path = PurePosixPath(name)
        if path.name == WEIGHTS:
            return StorageSource(ref, reader, chunk_contents(member, ref.target))
        if path.name == NAME and path.parent.name:
            files = (_opener(members, path.parent, ref.target), chunk_contents)
            return dcp_source(ref, reader, member, files, {})
    raise SourceError(
        f"is a NeMo archive without {WEIGHTS} and without a distributed checkpoint",
        where=ref.target,
        hint="unpack it (tar -xf) and give the weights file inside",
    )


def _opener(members: Mapping[str, StoredRange], folder: PurePosixPath, where: str) -> Callable[[str], RangeReader]:
    """What opens a file of the checkpoint in the archive, by its name in the folder."""

    def opened(name: str) -> RangeReader:
        member = members.get(str(folder / name))
        if member is None:
            raise SourceError(f"the archive does not hold {name[:80]!a}, which its list names", where=where)
        return member

    return opened


def _unpacked(reader: RangeReader, where: str) -> Stretches:
    """The archive inside a gzip file."""
    pieces: list[BytesRange] = []
    for piece in _pieces(reader, where):
        pieces.append(BytesRange(piece))
        if sum(held.size for held in pieces) > MAX_UNPACKED:
            raise SourceError(
                f"is packed with gzip and holds more than {MAX_UNPACKED >> 20} MiB, of which no part can be found",
                where=where,
                hint=f"unpack it (gunzip < {PurePosixPath(where).name} > new.nemo) and give the new file",
            )
    return Stretches(pieces)


def _pieces(reader: RangeReader, where: str) -> Iterator[bytes]:
    """What a gzip file holds, no more than a mebibyte at a time."""
    machine, at, rest = zlib.decompressobj(wbits=31), 0, b""
    try:
        while not machine.eof and (rest or at < reader.size):
            step = 0 if rest else min(STEP, reader.size - at)
            yield machine.decompress(rest or reader.read(at, step), STEP)
            at, rest = at + step, machine.unconsumed_tail
    except zlib.error as error:
        raise SourceError(f"is packed with gzip and damaged ({error})", where=where, hint=_REFETCH) from error
    if not machine.eof:
        raise SourceError("is packed with gzip and ends early", where=where, hint=_REFETCH)


def _claims(probe: Probe) -> bool:
    if not probe.name.endswith(".nemo"):
        return False
    reader = open_range(str(probe.path))
    try:
        is_tar = reader.size > _USTAR + 5 and bytes(reader.read(_USTAR, 5)) == b"ustar"
        return is_tar or probe.head.startswith(_GZIP)
    finally:
        reader.close()


FORMAT: Final = Format(name="nemo", title="a NeMo model", suffixes=(".nemo",), claims=_claims, open=open_nemo)
