"""Spectra on disk, found again by the content of the weights they were made from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import UsageError
from eigentail.records import Spectrum
from eigentail.settings import Precision
from eigentail.store.atomic import write_atomically
from eigentail.store.home import check_version, mark_version, user_home

# Counted up when the same weights and settings give another spectrum than before: older entries are not found then.
_TAG: Final = "eigentail spectrum 2"
_MAGIC: Final = b"eigentail spectrum\n"
_DIGEST: Final = 32
_SUFFIX: Final = ".spectrum"
_HASHED_AT_ONCE: Final = 4 * 2**20


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A spectrum on disk, as its folder tells of it.

    Attributes:
        address: of what it was made from, 64 hexadecimal digits.
        path: its file.
        nbytes: the size of that.
        used: when it was last written or read, in nanoseconds since 1970.

    Example:
        >>> Entry(address="ab", path=Path("ab"), nbytes=5, used=0).nbytes
        5
    """

    address: str
    path: Path
    nbytes: int
    used: int


class _Kept(msgspec.Struct, frozen=True):
    """`Spectrum` as it lies in a file: eigenvalues as little-endian float64."""

    eigenvalues: bytes
    shape: tuple[int, int]
    rank: int
    count: int
    precision: str
    stored: str
    scale: float
    device: str = "cpu"


def address_of(stack: NDArray[Any], *, precision: Precision = "auto", scale: float = 1.0) -> str:
    """What a spectrum is made from, in 64 hexadecimal digits: BLAKE2b-256 of weights, their dtype, shape and settings.

    Args:
        stack: shape (count, rows, columns), any dtype and memory order; it is read block by block and not changed.
        precision: as `spectrum_of` takes it.
        scale: as `spectrum_of` takes it.

    Returns:
        The same address for equal content, whatever its order in memory.

    Source: Saarinen & Aumasson, RFC 7693 (2015), for BLAKE2.

    Example:
        >>> weights = np.arange(6.0).reshape(1, 2, 3)
        >>> address_of(weights) == address_of(np.asfortranarray(weights))
        True
        >>> address_of(weights) == address_of(weights, scale=0.5)
        False
    """
    made_of = (_TAG, stack.dtype.name, stack.dtype.str, stack.shape, precision, float(scale).hex())
    digest = blake2b(repr(made_of).encode(), digest_size=_DIGEST)
    for block in _blocks(stack):
        digest.update(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def user_store() -> SpectrumStore:
    """The store of this user.

    Raises:
        UsageError: a newer version made it, or it cannot be read.

    Example:
        >>> user_store().home == user_home()
        True
    """
    return SpectrumStore(user_home())


@final
class SpectrumStore:
    """Spectra below a folder, each in a file of its own that is there whole or not at all.

    Any number of threads and processes may share one. What is damaged counts as absent, and what cannot be written is
    not kept: `trouble` then has the reason, and nothing more is written.

    Args:
        home: the folder; it is made when the first spectrum is kept.

    Attributes:
        home: the folder.
        trouble: why a spectrum could not be kept, or "".

    Raises:
        UsageError: a newer version made the folder, or it cannot be read.

    Example:
        >>> import tempfile
        >>> store = SpectrumStore(Path(tempfile.mkdtemp()))
        >>> address = address_of(np.diag([1.0, 2.0])[None])
        >>> store.put(address, Spectrum(eigenvalues=np.array([1.0, 4.0]), shape=(2, 2), rank=2))
        >>> store.get(address).eigenvalues.tolist(), store.damaged()
        ([1.0, 4.0], [])
    """

    def __init__(self, home: Path) -> None:
        check_version(home)
        self.home = home
        self.trouble = ""

    def get(self, address: str) -> Spectrum | None:
        """The spectrum kept at an address, which counts as used now; None if there is none, or a damaged one."""
        path = self._path(address)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        spectrum = _decoded(content, address)
        if spectrum is not None:
            with suppress(OSError):  # a store that may only be read still serves
                path.touch()
        return spectrum

    def put(self, address: str, spectrum: Spectrum) -> None:
        """Keep a spectrum; a damaged one at that address is replaced. Never fails: see `trouble`."""
        if self.trouble:
            return
        path = self._path(address)
        try:
            mark_version(self.home)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _encoded(spectrum, address))
        except (OSError, UsageError) as error:
            self.trouble = f"{self.home}: spectra are not kept ({_reason(error)})"

    def entries(self) -> list[Entry]:
        """What is kept, by address."""
        found: list[Entry] = []
        for path in self._files(f"*{_SUFFIX}"):
            if not path.name.startswith("."):
                with suppress(FileNotFoundError):  # another process has removed it meanwhile
                    stat = path.stat()
                    address = path.parent.name + path.name.removesuffix(_SUFFIX)
                    found.append(Entry(address=address, path=path, nbytes=stat.st_size, used=stat.st_mtime_ns))
        return sorted(found, key=lambda entry: entry.address)

    def damaged(self) -> list[Entry]:
        """The entries whose content is not what was written; every one is read."""
        return [entry for entry in self.entries() if not self._is_whole(entry)]

    def clear(self) -> list[Entry]:
        """Remove every spectrum, and what processes that were killed have left half written; the spectra removed.

        Raises:
            UsageError: the folder may not be written to.
        """
        gone = self.entries()
        self._remove(self._files("*"))
        return gone

    def prune(self, limit: int) -> list[Entry]:
        """Remove what was not used for longest until no more bytes are left than the limit; the entries removed.

        Raises:
            UsageError: the folder may not be written to.
        """
        entries = sorted(self.entries(), key=lambda entry: entry.used)
        total = sum(entry.nbytes for entry in entries)
        gone: list[Entry] = []
        while total > limit:
            gone.append(entries[len(gone)])
            total -= gone[-1].nbytes
        self._remove(entry.path for entry in gone)
        return gone

    def _path(self, address: str) -> Path:
        return self.home / "spectra" / address[:2] / f"{address[2:]}{_SUFFIX}"

    def _files(self, pattern: str) -> Iterator[Path]:
        """Nothing else that may lie in the folder of a user is looked at."""
        return (path for path in self.home.glob(f"spectra/[0-9a-f][0-9a-f]/{pattern}") if path.is_file())

    def _remove(self, paths: Iterator[Path]) -> None:
        try:
            for path in paths:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"cannot be removed ({_reason(error)})", where=str(self.home)) from error

    def _is_whole(self, entry: Entry) -> bool:
        try:
            return _decoded(entry.path.read_bytes(), entry.address) is not None
        except FileNotFoundError:  # removed meanwhile, which is no damage
            return True
        except OSError:
            return False


def _blocks(stack: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The values in C order, in views of at most so many bytes, or of one row."""
    if stack.size == 0:
        return
    step = max(1, _HASHED_AT_ONCE // (stack.nbytes // len(stack)))
    for start in range(0, len(stack), step):
        block = stack[start : start + step]
        if block.nbytes <= _HASHED_AT_ONCE or block.ndim == 1:
            yield block
        else:  # then it is one matrix, or one row
            yield from _blocks(block[0])


def _encoded(spectrum: Spectrum, address: str) -> bytes:
    """The content of a file: what it is, its checksum, the spectrum."""
    values = np.ascontiguousarray(spectrum.eigenvalues, dtype="<f8").tobytes()
    kept = _Kept(
        values,
        spectrum.shape,
        spectrum.rank,
        spectrum.count,
        spectrum.precision,
        spectrum.stored,
        spectrum.scale,
        spectrum.device,
    )
    body = msgspec.msgpack.encode(kept)
    return _MAGIC + _checksum(body, address) + body


def _decoded(content: bytes, address: str) -> Spectrum | None:
    """The spectrum in a file, or None when a bit of it is not as it was written."""
    start = len(_MAGIC) + _DIGEST
    body = content[start:]
    if content[:start] != _MAGIC + _checksum(body, address):
        return None
    try:
        kept = msgspec.msgpack.decode(body, type=_Kept)
        values = np.frombuffer(kept.eigenvalues, dtype="<f8").astype(np.float64)
    except (msgspec.DecodeError, ValueError):
        return None
    values.setflags(write=False)
    fields = {name: getattr(kept, name) for name in _Kept.__struct_fields__}
    return Spectrum(**(fields | {"eigenvalues": values}))


def _checksum(body: bytes, address: str) -> bytes:
    """Of what is kept and where: an entry that was moved is damaged as well."""
    return blake2b(address.encode() + body, digest_size=_DIGEST).digest()


def _reason(error: Exception) -> str:
    """What the system said, without the path of a file nobody knows."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return (getattr(cause, "strerror", None) or str(error)).lower()
