"""Spectra on disk, found again by the content of the weights they were made from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
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
from eigentail.store.bound import DEFAULT_LIMIT, user_limit
from eigentail.store.home import check_version, mark_version, user_home
from eigentail.store.notice import Notice

# Counted up when the same weights and settings give another spectrum than before: older entries are not found then.
_TAG: Final = "eigentail spectrum 5"
_MAGIC: Final = b"eigentail spectrum\n"
_DIGEST: Final = 32
_SUFFIX: Final = ".spectrum"
_HASHED_AT_ONCE: Final = 4 * 2**20
# A hash spreads entries evenly over 256 folders: where there are many, a part of them tells the size of all.
_LOOKED_AT: Final = 16
_MANY: Final = 1000
# Once the limit is passed, so much goes that the next run does not pass it again.
_LEFT: Final = 0.9
# Of files: their times may be this much behind the clock, in nanoseconds.
_BEHIND: Final = 2 * 10**9


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


def _nobody(sentence: str) -> None:
    """Nobody wants to know."""


def user_store(tell: Callable[[str], None] = _nobody) -> SpectrumStore:
    """The store of this user.

    Args:
        tell: as `SpectrumStore` takes it.

    Raises:
        UsageError: a newer version made it, it cannot be read, or EIGENTAIL_CACHE_SIZE is no size.

    Example:
        >>> user_store().home == user_home()
        True
    """
    return SpectrumStore(user_home(), limit=user_limit(), tell=tell)


@final
class SpectrumStore:
    """Spectra below a folder, each in a file of its own that is there whole or not at all.

    Any number of threads and processes may share one. What is damaged counts as absent, and what cannot be written is
    not kept: `trouble` then has the reason, and nothing more is written. A copy that travelled to another process
    tells nobody: what it finds out is its `news`, to be heard by the store that it is a copy of.

    Args:
        home: the folder; it is made when the first spectrum is kept.
        limit: the bytes that `settle` leaves.
        tell: given a sentence for the user when a damaged spectrum is found, when something cannot be kept (once), and
            when an analysis goes on where an earlier one ended.

    Attributes:
        home: the folder.
        limit: as given.
        tell: as given.
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

    def __init__(self, home: Path, *, limit: int = DEFAULT_LIMIT, tell: Callable[[str], None] = _nobody) -> None:
        check_version(home)
        self.home = home
        self.limit = limit
        self.tell = tell
        self.trouble = ""
        self._warned = False
        self._untold: list[Notice] | None = None  # of a copy
        self._since = time.time_ns() - _BEHIND

    def __reduce__(self) -> tuple[Callable[[Path], SpectrumStore], tuple[Path]]:
        return _copied, (self.home,)

    def get(self, address: str) -> Spectrum | None:
        """The spectrum kept at an address, which counts as used now; None if there is none, or a damaged one."""
        path = self._path(address)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        spectrum = _decoded(content, address)
        if spectrum is None:
            self._say(Notice(f"{path}: this spectrum is damaged: it is computed again"))
            return None
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
            self._say(Notice(self.trouble, is_trouble=True))

    def warn(self, sentence: str) -> None:
        """Tell that something cannot be kept, and that this is no harm to the numbers: the first time only."""
        if not self._warned:
            self._warned = True
            self.tell(f"{sentence}: the analysis goes on without")

    def news(self) -> tuple[Notice, ...]:
        """What a copy has to tell since it was last asked; nothing where there is somebody who listens."""
        untold, self._untold = self._untold, None if self._untold is None else []
        return tuple(untold or ())

    def hear(self, news: Iterable[Notice]) -> None:
        """Tell what copies of this store found out in other processes."""
        for notice in news:
            if notice.is_trouble:
                self.trouble = self.trouble or notice.sentence
                self.warn(notice.sentence)
            else:
                self.tell(notice.sentence)

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
        entries = self.entries()
        gone = _surplus(entries, entries, limit)
        self._remove(entry.path for entry in gone)
        return gone

    def settle(self, beside: int = 0) -> list[Entry]:
        """At the end of a run: as `prune` to the limit, with room to spare, but nothing used since this was opened.

        Never fails: what cannot be removed stays.

        Args:
            beside: bytes that other things take of the limit.

        Returns:
            The entries removed; what is in use may be more than the limit.
        """
        limit = max(self.limit - beside, 0)
        if self._about() <= limit:
            return []
        entries = self.entries()
        if sum(entry.nbytes for entry in entries) <= limit:
            return []
        unused = [entry for entry in entries if entry.used < self._since]
        gone = _surplus(entries, unused, round(_LEFT * limit))
        with suppress(UsageError):
            self._remove(entry.path for entry in gone)
        return gone

    def _say(self, notice: Notice) -> None:
        if self._untold is None:
            self.hear((notice,))
        else:
            self._untold.append(notice)

    def _about(self) -> float:
        """The bytes kept, from a part of the folders where there are many."""
        sizes: list[int] = []
        for number in range(256):
            if number == _LOOKED_AT and len(sizes) >= _MANY:
                return sum(sizes) * 256 / _LOOKED_AT
            for path in (self.home / "spectra" / f"{number:02x}").glob(f"*{_SUFFIX}"):
                with suppress(OSError):
                    sizes.append(path.stat().st_size)
        return float(sum(sizes))

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


def _copied(home: Path) -> SpectrumStore:
    """A store that arrived in another process."""
    store = SpectrumStore(home)
    store._untold = []
    return store


def _surplus(entries: list[Entry], removable: list[Entry], limit: int) -> list[Entry]:
    """Of what may go, the least recently used that must go for all the rest to stay within the limit."""
    total = sum(entry.nbytes for entry in entries)
    gone: list[Entry] = []
    for entry in sorted(removable, key=lambda entry: entry.used):
        if total <= limit:
            break
        gone.append(entry)
        total -= entry.nbytes
    return gone


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
