"""Files on web servers, which list no folders: what lies beside a file is found by asking for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import final
from urllib.parse import urlsplit

from eigentail.errors import SourceError
from eigentail.sources.far.reading import FarRange
from eigentail.sources.far.web import MissingError, Version, WebFile
from eigentail.sources.place import FarPath
from eigentail.sources.targets import check_address


@final
class WebStore:
    """One web server.

    Args:
        base: scheme and host, with the port where there is one.

    Raises:
        SourceError: on use, the server refuses or cannot be reached.

    Example:
        >>> WebStore("https://example.org").children("folder")
    """

    def __init__(self, base: str) -> None:
        self.base = base

    def size(self, path: str) -> int | None:
        """The bytes of a file, told by the server with its first few; None where it has none of that name."""
        try:
            return _version(self._url(path)).size
        except MissingError:
            return None

    def children(self, path: str) -> Sequence[str] | None:
        """Nothing: a web server lists no folders."""
        return None

    def version(self, path: str) -> str:
        """Size and tag."""
        _version.cache_clear()
        found = _version(self._url(path))
        return f"{found.size}:{found.tag}"

    def open(self, path: str) -> FarRange:
        """The bytes of a file."""
        url = self._url(path)
        found = _version(url)
        return FarRange(WebFile(url, url).known(found).fetch, found.size, url, found.tag)

    def _url(self, path: str) -> str:
        return f"{self.base}/{path}"


def web_place(target: str) -> FarPath:
    """The file behind an address.

    Args:
        target: "https://..." or "http://...".

    Raises:
        SourceError: the address holds a secret, or names no file.

    Example:
        >>> web_place("https://example.org/a/b.npz").parent.path
        'a'
    """
    check_address(target)
    parts = urlsplit(target)
    path = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
    if not parts.netloc or not path:
        raise SourceError("names no file", where=target, hint="give the address of one")
    return FarPath(WebStore(f"{parts.scheme.lower()}://{parts.netloc}"), path)


@lru_cache(maxsize=256)
def _version(url: str) -> Version:
    """Asked for once: a file is looked at, probed and opened."""
    return WebFile(url, url).version()
