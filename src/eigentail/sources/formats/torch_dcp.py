"""Distributed PyTorch checkpoints (FSDP, torchtitan, Megatron): a folder of chunks, found through its `.metadata`."""

from __future__ import annotations

import re
from typing import Final

from eigentail.records import SourceRef
from eigentail.sources.coded import CodedSource
from eigentail.sources.config import read_config
from eigentail.sources.formats.torch_legacy import legacy_contents
from eigentail.sources.formats.torch_zip import zip_contents
from eigentail.sources.place import place
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range
from eigentail.sources.torch_files.dcp_source import dcp_source
from eigentail.sources.torch_files.storage import Contents

NAME: Final = ".metadata"
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05]")


def open_dcp(ref: SourceRef) -> CodedSource:
    """Open a checkpoint by its list of tensors; chunks are read when asked for, and no more of them than are needed.

    Raises:
        SourceError: the list is damaged or asks for anything but what such lists are made of.

    Example:
        >>> open_dcp(SourceRef("torch-dcp", "no/such/.metadata"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such/.metadata: no such file or directory
    """
    folder = place(ref.target).parent
    reader = open_range(ref.target)
    try:
        files = (lambda name: open_range(str(folder / name)), chunk_contents)
        return dcp_source(ref, reader, reader, files, read_config(folder))
    except BaseException:
        reader.close()
        raise


def chunk_contents(reader: RangeReader, where: str) -> Contents:
    """What the torch file holds that a chunk is, of either kind.

    Args:
        reader: its bytes.
        where: the checkpoint, for error messages.

    Raises:
        SourceError: it is no torch file, or a damaged one.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> chunk_contents(BytesRange(b"tail"), "a/.metadata")
        Traceback (most recent call last):
        eigentail.errors.SourceError: a/.metadata: ...
    """
    is_zip = bytes(reader.read(0, min(reader.size, 4))) == b"PK\x03\x04"
    return zip_contents(reader, where) if is_zip else legacy_contents(reader, where)


def _claims(probe: Probe) -> bool:
    return probe.name == NAME and _PICKLE.match(probe.head) is not None


FORMAT: Final = Format(
    name="torch-dcp",
    title="a distributed PyTorch checkpoint",
    suffixes=(NAME, ".distcp"),
    claims=_claims,
    open=open_dcp,
)
