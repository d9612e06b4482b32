"""ONNX: a graph in one protobuf file, its weights inside or in files beside it; opening reads the structure alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final, final

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.sources.coded import CodedSource
from eigentail.sources.config import read_config
from eigentail.sources.elsewhere import closed_range
from eigentail.sources.formats.recognised import looks_like
from eigentail.sources.graphs.formed import coded_source
from eigentail.sources.graphs.onnx_model import read_graph
from eigentail.sources.graphs.onnx_weights import used_constants
from eigentail.sources.graphs.protobuf import BYTES, VARINT, read_message
from eigentail.sources.graphs.tensors import named
from eigentail.sources.place import place
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range

NEWEST_VERSION: Final = 100  # of the format: 13 in 2026
_KINDS: Final = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES, 14: BYTES}
_KNOWN: Final = {**_KINDS, 20: BYTES, 25: BYTES, 26: BYTES}
_MOST_FIELDS: Final = 2_000


def open_onnx(ref: SourceRef) -> CodedSource:
    """Open an ONNX model: weights by the operations that use them, as torch would hold them.

    Raises:
        SourceError: it is damaged, a file of its weights is missing or outside its folder, or it has none.

    Source: onnx.proto of ONNX 1.19, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

    Example:
        >>> open_onnx(SourceRef("onnx", "no/such.onnx"))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.onnx: no such file or directory
    """
    reader = open_range(ref.target)
    try:
        beside = _Beside(ref.target)
        graph = read_graph(read_message(reader, ref.target), reader, beside.place)
        return coded_source(ref, reader, named(used_constants(graph)), read_config(place(ref.target).parent))
    except SourceError as error:
        reader.close()
        raise SourceError(error.what, where=error.where or ref.target, hint=error.hint) from error
    except BaseException:
        reader.close()
        raise


@final
class _Beside:
    """The files beside a model that hold its weights. There may be one for every weight, so none is kept open."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._files: dict[str, RangeReader] = {}

    def place(self, entries: Mapping[str, str]) -> tuple[RangeReader, int, int]:
        """The file, where in it the values begin and how many bytes they are."""
        location = entries.get("location", "")
        try:
            offset = int(entries.get("offset") or 0)
            length = int(entries["length"]) if entries.get("length") else None
        except ValueError as error:
            raise SourceError(f"does not say in numbers where in {location[:80]!r} its weights lie") from error
        file = self._file(location)
        size = file.size - offset if length is None else length
        if offset < 0 or size < 0 or offset + size > file.size:
            raise SourceError(
                f"has weights at bytes {offset} to {offset + size} of {location[:80]!r}, which has {file.size}",
                hint="fetch that file again",
            )
        return file, offset, size

    def _file(self, location: str) -> RangeReader:
        if location not in self._files:
            path = PurePosixPath(location)
            if not path.parts or ".." in path.parts or path.is_absolute() or any(mark in location for mark in "\\:\0"):
                raise SourceError(f"keeps weights in {location[:80]!r}, which is not in its folder")
            self._files[location] = closed_range(self._address(location))
        return self._files[location]

    def _address(self, location: str) -> str:
        """Where a file beside the model is; a link must not lead out of the folder, but for the Hub's own cache."""
        if "://" in self._target:
            return f"{self._target.rpartition('/')[0]}/{location}"
        folder = Path(self._target).parent
        path = folder / location
        if not path.is_file():
            raise SourceError(
                f"keeps weights in {location[:80]!r}, which is missing", hint="fetch that file into the same folder"
            )
        home, real = folder.resolve(), path.resolve()
        cache = next((above.parent / "blobs" for above in home.parents if above.name == "snapshots"), home)
        if not (real.is_relative_to(home) or real.is_relative_to(cache)):
            raise SourceError(f"keeps weights in {location[:80]!r}, a link that leads out of its folder")
        return str(path)


def _claims(probe: Probe) -> bool:
    """By content, or by name where the content is not known to be anything else: a damaged file is still one."""
    if probe.is_folder or probe.head[:1] != b"\x08":
        return False
    return _is_model(probe) or (probe.name.endswith(".onnx") and looks_like(probe) is None)


def _is_model(probe: Probe) -> bool:
    """Whether the outermost fields are those of a model: its version first, and a graph."""
    if len(probe.head) < 2 or not 0 < probe.head[1] <= NEWEST_VERSION:
        return False
    reader = open_range(str(probe.path))
    try:
        seen = set()
        for count, field in enumerate(read_message(reader, str(probe.path)).fields()):
            if _KNOWN.get(field.number) != field.kind or count > _MOST_FIELDS:
                return False
            seen.add(field.number)
        return 7 in seen
    except SourceError:
        return False
    finally:
        reader.close()


FORMAT: Final = Format(name="onnx", title="ONNX", suffixes=(".onnx",), claims=_claims, open=open_onnx)
