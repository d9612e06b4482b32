"""Object stores (s3://, gs://, ...) through fsspec and the driver of each."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from eigentail.errors import SourceError
from eigentail.sources.far.reading import FarRange
from eigentail.sources.place import FarPath
from eigentail.sources.targets import check_address, is_plain, scheme_of

# What each kind of address needs installed. No others: some of fsspec's read whatever a file tells them to.
_DRIVERS: Final[Mapping[str, str]] = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "memory": "fsspec",
}
_TELLING: Final = ("ETag", "etag", "mtime", "last_modified", "LastModified", "updated", "created")


@final
class BucketStore:
    """One bucket.

    Args:
        scheme: of its address.
        bucket: its name.

    Raises:
        SourceError: on use, the driver is not installed, or the store refuses or cannot be reached.

    Example:
        >>> import fsspec
        >>> _ = fsspec.filesystem("memory").pipe("/bucket/a.bin", b"tail")
        >>> store = BucketStore("memory", "bucket")
        >>> store.size("a.bin"), store.children(""), bytes(store.open("a.bin").read(1, 2))
        (4, ['a.bin'], b'ai')
    """

    def __init__(self, scheme: str, bucket: str) -> None:
        self.base, self._bucket = f"{scheme}://{bucket}", bucket
        self._system = _system(scheme, self.base)

    def size(self, path: str) -> int | None:
        """The bytes of an object."""
        info = self._info(path)
        return int(info["size"]) if info and info.get("type") == "file" and info.get("size") is not None else None

    def children(self, path: str) -> Sequence[str] | None:
        """The names below a prefix."""
        try:
            listed = self._system.ls(self._key(path), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:
            raise self._trouble(path, error) from error
        names = [str(entry["name"]).rstrip("/").rpartition("/")[2] for entry in listed]
        return None if [str(entry["name"]).strip("/") for entry in listed] == [self._key(path)] else names

    def version(self, path: str) -> str:
        """Size and what else the store tells of an object; of a folder, of all objects in it."""
        info = self._info(path)
        if info and info.get("type") == "file":
            return _version(info)
        inside = [self._info(f"{path}/{name}" if path else name) for name in self.children(path) or ()]
        return ";".join(_version(each) for each in inside if each and each.get("type") == "file")

    def open(self, path: str) -> FarRange:
        """The bytes of an object."""
        info, where = self._info(path), f"{self.base}/{path}"
        if info is None:
            raise SourceError("no such file", where=where)
        file = _Object(self._system, self._key(path), where)
        return FarRange(file.fetch, int(info["size"]), where, _version(info))

    def _key(self, path: str) -> str:
        return f"{self._bucket}/{path}" if path else self._bucket

    def _info(self, path: str) -> Mapping[str, Any] | None:
        try:
            info: Mapping[str, Any] = self._system.info(self._key(path))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._trouble(path, error) from error
        return info

    def _trouble(self, path: str, error: Exception) -> SourceError:
        return _refused(f"{self.base}/{path}".rstrip("/"), error)


@final
class _Object:
    """One object, opened on first use; a lock, because an open file has one position."""

    def __init__(self, system: Any, key: str, where: str) -> None:
        self._system, self._key, self._where = system, key, where
        self._file: Any = None
        self._lock = threading.Lock()

    def fetch(self, offset: int, n: int) -> bytes:
        """Exactly so many bytes."""
        try:
            with self._lock:
                if self._file is None:
                    self._file = self._system.open(self._key, "rb", cache_type="none")
                self._file.seek(offset)
                content = bytes(self._file.read(n))
        except Exception as error:
            raise _refused(self._where, error) from error
        if len(content) != n:
            raise SourceError(
                "the store sends fewer bytes than it was asked for", where=self._where, hint="start again"
            )
        return content


def bucket_place(target: str) -> FarPath:
    """The object or folder that an address names.

    Args:
        target: "s3://bucket/path" and the like.

    Raises:
        SourceError: an address of a kind that is not read, or its driver is not installed.

    Example:
        >>> bucket_place("gopher://bucket/model.npz")
        Traceback (most recent call last):
        eigentail.errors.SourceError: gopher://bucket/model.npz: addresses that begin with gopher:// are not read: ...
    """
    check_address(target)
    scheme = scheme_of(target)
    if scheme not in _DRIVERS:
        hint = "those are: " + ", ".join(f"{name}://" for name in ("hf", "https", *_DRIVERS) if name != "memory")
        raise SourceError(f"addresses that begin with {scheme}:// are not read", where=target, hint=hint)
    bucket, _, path = target.partition("://")[2].strip("/").partition("/")
    if not bucket or not is_plain(path):
        raise SourceError("names no object", where=target, hint=f"write {scheme}://bucket/path")
    return FarPath(BucketStore(scheme, bucket), path)


def _system(scheme: str, where: str) -> Any:
    """The driver, with the credentials that it finds by itself."""
    import fsspec

    try:
        return fsspec.filesystem(scheme)
    except ImportError as error:
        driver = _DRIVERS[scheme]
        raise SourceError(f"needs {driver}", where=where, hint=f"pip install {driver}") from error
    except Exception as error:
        raise _refused(where, error) from error


def _version(info: Mapping[str, Any]) -> str:
    told = next((str(info[name]) for name in _TELLING if info.get(name)), "")
    return f"{info.get('size')}:{told}"


def _refused(where: str, error: Exception) -> SourceError:
    """One sentence for what a driver raises; not its own words, in which credentials may stand."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, FileNotFoundError):
        return SourceError("no such file", where=where, hint="check the spelling")
    if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
        return SourceError("the store refuses access", where=where, hint="are your credentials set for its driver?")
    return SourceError(f"the store cannot be read ({type(error).__name__})", where=where, hint="try again later")
