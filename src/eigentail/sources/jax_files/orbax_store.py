"""The bytes of an Orbax checkpoint through tensorstore: files below one folder, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, final

from numpy.typing import NDArray

from eigentail.errors import SourceError

CACHE: Final = 64 << 20  # chunks of one array are often read again for its next layer
SECONDS: Final = 600
AT_ONCE: Final = 256

_HINT: Final = "the checkpoint is damaged or was copied in part: fetch it again"


@final
class ArrayStore:
    """The arrays of one folder, by name. The specifications are ours: no file can name another place or driver.

    Args:
        folder: the checkpoint.
        use_zarr3: the version of zarr its arrays are kept in.

    Raises:
        SourceError: tensorstore is not installed; on reading, whatever it finds wrong with the files.

    Example:
        >>> import tempfile
        >>> ArrayStore(Path(tempfile.mkdtemp()), use_zarr3=False).headers(["w"])
        [b'']
    """

    def __init__(self, folder: Path, *, use_zarr3: bool) -> None:
        self._where = str(folder)
        self._ts = _tensorstore(self._where)
        self._context = self._ts.Context(
            {
                "cache_pool": {"total_bytes_limit": CACHE},
                "data_copy_concurrency": {"limit": 1},
                "file_io_concurrency": {"limit": 4},
            }
        )
        base = {"driver": "file", "path": f"{folder}/"}
        self._place = {"driver": "ocdbt", "base": base} if (folder / "manifest.ocdbt").is_file() else base
        self._driver, self._header = ("zarr3", "zarr.json") if use_zarr3 else ("zarr", ".zarray")

    def headers(self, names: Sequence[str]) -> list[bytes]:
        """The header of every array, empty where there is none."""
        found: list[bytes] = []
        try:
            files = self._ts.KvStore.open(self._place, context=self._context).result(SECONDS)
            for first in range(0, len(names), AT_ONCE):
                reads = [files.read(f"{name}/{self._header}") for name in names[first : first + AT_ONCE]]
                found += [bytes(read.result(SECONDS).value) for read in reads]
        except Exception as error:  # its errors are of many types, and their messages many lines long
            raise self._refusal("the list of its arrays cannot be read", error) from error
        return found

    def read(self, name: str, index: tuple[slice, ...]) -> NDArray[Any]:
        """A part of an array; only the chunks that hold it are read."""
        path = f"{self._place.get('path', '')}{name}/"
        spec = {"driver": self._driver, "kvstore": {**self._place, "path": path}}
        try:
            array = self._ts.open(spec, read=True, open=True, context=self._context).result(SECONDS)
            found: NDArray[Any] = array[index].read(order="C").result(SECONDS)
        except Exception as error:
            raise self._refusal(f"array {name[:80]!a} cannot be read", error) from error
        return found

    def _refusal(self, what: str, error: Exception) -> SourceError:
        first = str(error).replace(self._where, "").partition("[")[0].split("\n", 1)[0].strip()
        said = re.sub(r"^[A-Z_]+: ", "", first)
        return SourceError(f"{what} ({said[:200] or type(error).__name__})", where=self._where, hint=_HINT)


def _tensorstore(where: str) -> Any:
    try:
        import tensorstore
    except ImportError as error:
        raise SourceError(
            "is an Orbax checkpoint, and what reads its chunks is not installed",
            where=where,
            hint='pip install "eigentail[jax]"',
        ) from error
    return tensorstore
