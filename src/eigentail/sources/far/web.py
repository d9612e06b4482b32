"""One file on a web server, read by ranges: patiently, and never further than what was asked for."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.far.hub_cache import is_offline

if TYPE_CHECKING:
    from httpx import Response  # huggingface_hub brings this client or its successor, which answers alike

_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_NONE_OF: Final = re.compile(r"bytes \*/(\d{1,19})")
_RESET: Final = re.compile(r"\bt=(\d{1,9})")
_HEAD: Final = 512
_PROGRESS: Final = 1 << 20

# Made anew for every request: a token is looked up when it is needed and kept nowhere.
Headers = Callable[[], Mapping[str, str]]
Refusal = Callable[[int, Mapping[str, str]], SourceError]


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a server is borne with.

    Attributes:
        tries: requests in a row that bring nothing.
        knocks: the same where there is no connection, to a server that has not answered yet.
        first_wait: seconds before the second; doubled from then on.
        longest_wait: seconds that a server may ask for.
        slowest: bytes a second below which a request is given up.

    Example:
        >>> Patience().tries
        5
    """

    tries: int = 5
    knocks: int = 2
    first_wait: float = 0.5
    longest_wait: float = 300.0
    slowest: int = 10_000


PATIENCE = Patience()


class _Trouble(Exception):  # noqa: N818  not an error yet: it is tried again
    """Why a request brought less than was asked for, and how long the server asks to wait."""

    def __init__(self, what: str, wait: float = 0.0) -> None:
        super().__init__(what)
        self.what, self.wait = what, wait


class _NobodyThere(_Trouble):
    """There is no connection: the name of the server leads nowhere, or nothing listens there."""


class Version(NamedTuple):
    """What tells one content of a file from another, as a server says it.

    Attributes:
        size: of the file.
        tag: its ETag, or else its time of change; "" where the server tells neither.

    Example:
        >>> Version(9, "abc").tag
        'abc'
    """

    size: int
    tag: str


@final
class WebFile:
    """A file behind an address.

    Args:
        url: its address.
        where: what it is called in errors.
        headers: sent along; `Authorization` among them never follows a redirect to another host.
        refusal: the sentence for a status that is final.
        commit: what `X-Repo-Commit` must be where a server sends it; "" for anything.

    Raises:
        SourceError: on use, the server refuses, sends something else than was asked for, or cannot be reached.

    Example:
        >>> WebFile("https://example.org/a.npz", "a.npz").url
        'https://example.org/a.npz'
    """

    def __init__(
        self,
        url: str,
        where: str,
        *,
        headers: Headers = dict,
        refusal: Refusal | None = None,
        commit: str = "",
    ) -> None:
        self.url, self._where, self._headers, self._commit = url, where, headers, commit
        self._refusal = refusal or self._refused
        self._size: int | None = None
        self._tag = ""
        self._lock = threading.Lock()

    def known(self, version: Version) -> WebFile:
        """The same file, of which size and tag are known: another tag from now on is a change."""
        self._size, self._tag = version
        return self

    def version(self) -> Version:
        """Size and tag, by asking for the first few bytes."""
        if self._size is None:
            try:
                self.fetch(0, _HEAD)
            except _EmptyError:
                self._size = 0
        return Version(self._size or 0, self._tag)

    def fetch(self, offset: int, n: int) -> bytearray:
        """Exactly `n` bytes from `offset` on; fewer only where the file ends before, if its size was not known."""
        got, tries, wait = bytearray(), 0, PATIENCE.first_wait
        while len(got) < self._wanted(offset, n):
            before = len(got)
            try:
                self._request(offset, n, got)
            except _Trouble as trouble:
                tries = 1 if len(got) - before >= _PROGRESS else tries + 1
                self._bear(trouble, tries, max(wait, trouble.wait))
                wait *= 2
        return got

    def whole(self, limit: int) -> bytes:
        """A small file without asking for its size first.

        Raises:
            SourceError: it has more bytes than the limit.
        """
        got, tries, wait = bytearray(), 0, PATIENCE.first_wait
        while True:
            try:
                got.clear()
                self._stream({}, lambda response: self._take_all(response, got, limit))
                return bytes(got)
            except _Trouble as trouble:
                tries += 1
                self._bear(trouble, tries, max(wait, trouble.wait))
                wait *= 2

    def _wanted(self, offset: int, n: int) -> int:
        return n if self._size is None else min(n, self._size - offset)

    def _bear(self, trouble: _Trouble, tries: int, wait: float) -> None:
        """Wait, or say that it is enough."""
        is_unknown = isinstance(trouble, _NobodyThere) and self._size is None  # one that answered before is waited for
        if tries >= (PATIENCE.knocks if is_unknown else PATIENCE.tries):
            kind = UnreachableError if is_unknown else SourceError
            raise kind(f"{trouble.what}, {tries} times in a row", where=self._where, hint="try again later")
        if wait > PATIENCE.longest_wait:
            raise SourceError(
                f"{trouble.what} and asks to wait {wait:.0f} seconds", where=self._where, hint="try again then"
            )
        time.sleep(wait)

    def _request(self, offset: int, n: int, got: bytearray) -> None:
        """One request for what is still missing."""
        start, end = offset + len(got), offset + n
        headers = {"Range": f"bytes={start}-{end - 1}"}

        def take(response: Response) -> None:
            self._check_range(response, start, end)
            deadline = time.monotonic() + 60 + (end - start) / PATIENCE.slowest
            wanted = self._wanted(offset, n)
            for chunk in response.iter_raw():
                got.extend(chunk[: wanted - len(got)])
                if len(got) >= wanted:
                    return
                if time.monotonic() > deadline:
                    raise _Trouble(f"the server sends less than {PATIENCE.slowest} bytes a second")
            if len(got) < wanted:
                raise _Trouble("the server sends fewer bytes than it was asked for")

        self._stream(headers, take)

    def _stream(self, headers: Mapping[str, str], take: Callable[[Response], None]) -> None:
        """Send a request and hand the answer on before its body is read; what may pass becomes `_Trouble`."""
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
        from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

        if is_offline():
            raise _forbidden(self._where)
        transport: Any = HfHubHTTPError.__bases__[0]  # of the client that huggingface_hub was made for
        timeout = _timeout()
        asked = {**self._headers(), "Accept-Encoding": "identity", **headers}
        try:
            with get_session().stream("GET", self.url, headers=asked, timeout=timeout, follow_redirects=True) as answer:
                response: Response = answer
                self._check(response)
                take(response)
        except OfflineModeIsEnabled as error:
            raise _forbidden(self._where) from error
        except transport as error:
            raise _trouble(error, timeout) from error

    def _check(self, response: Response) -> None:
        """Refuse what is final, and what another version of the file would be."""
        status, headers = response.status_code, response.headers
        if status in _TRANSIENT:
            raise _Trouble(f"the server answers with {status}", _asked_to_wait(headers))
        if status == 416 and (none := _NONE_OF.fullmatch(headers.get("Content-Range", ""))) and int(none[1]) == 0:
            raise _EmptyError("is empty", where=self._where)
        if status == 416:
            raise self._changed()
        if status not in (200, 206):
            raise self._refusal(status, headers)
        if headers.get("Content-Encoding", "identity") != "identity":
            raise SourceError("is packed by the server on the way", where=self._where, hint="download it first")
        for step in (*response.history, response):
            if self._commit and step.headers.get("X-Repo-Commit", self._commit) != self._commit:
                raise self._changed()
        self._check_tag(_tag(response))

    def _check_tag(self, tag: str) -> None:
        with self._lock:
            if self._tag and tag and tag != self._tag:
                raise self._changed()
            self._tag = self._tag or tag

    def _check_range(self, response: Response, start: int, end: int) -> None:
        """Whether the bytes are those that were asked for."""
        if response.status_code == 200:
            length = response.headers.get("Content-Length", "")
            if self._size is None or start or length != str(self._size) or end != self._size:
                what = "the server sends the whole file and not the range that was asked for"
                raise SourceError(what, where=self._where, hint="download it first")
            return
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise SourceError("the server sends another range than it was asked for", where=self._where)
        if match[3] == "*" and self._size is None:
            raise SourceError("the server does not tell the size of the file", where=self._where)
        with self._lock:
            if self._size is None:
                self._size = int(match[3])
        if match[3] not in ("*", str(self._size)):
            raise self._changed()

    def _take_all(self, response: Response, got: bytearray, limit: int) -> None:
        for chunk in response.iter_raw():
            got.extend(chunk)
            if len(got) > limit:
                raise SourceError(f"is longer than {limit:,} bytes", where=self._where)
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) != len(got):
            raise _Trouble("the server sends fewer bytes than it announced")

    def _changed(self) -> SourceError:
        return SourceError("has changed while it was being read", where=self._where, hint="start again")

    def _refused(self, status: int, headers: Mapping[str, str]) -> SourceError:
        """The sentence for a server that is not the Hub."""
        if status in (401, 403):
            return SourceError(f"the server refuses access ({status})", where=self._where, hint="download it first")
        if status in (404, 410):
            return MissingError("no such file on the server", where=self._where, hint="check the spelling")
        return SourceError(f"the server answers with {status}", where=self._where)


class MissingError(SourceError):
    """There is nothing at an address.

    Example:
        >>> issubclass(MissingError, SourceError)
        True
    """


class UnreachableError(SourceError):
    """There is no way to a server, or no network.

    Example:
        >>> issubclass(UnreachableError, SourceError)
        True
    """


class _EmptyError(SourceError):
    """A file of no bytes has no range that one could ask for."""


def _forbidden(where: str) -> SourceError:
    hint = "unset it, or fetch the model where there is a network"
    return SourceError("HF_HUB_OFFLINE forbids the network", where=where, hint=hint)


def _timeout() -> float:
    """Seconds without a byte: what HF_HUB_DOWNLOAD_TIMEOUT says."""
    from huggingface_hub import constants

    return float(constants.HF_HUB_DOWNLOAD_TIMEOUT)


def _asked_to_wait(headers: Mapping[str, str]) -> float:
    """Seconds, from Retry-After in either of its forms, or else from the Hub's own RateLimit."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:12])
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        reset = _RESET.search(headers.get("RateLimit", ""))
        return float(reset[1]) if reset else 0.0


def _tag(response: Response) -> str:
    """What the first server that knows the file says of its version: storage behind it may tag it otherwise."""
    for step in (*response.history, response):
        if linked := step.headers.get("X-Linked-ETag"):
            return str(linked)
    return str(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")


def _trouble(error: Exception, timeout: float) -> _Trouble:
    """What went wrong on the way, without addresses."""
    name = type(error).__name__
    if "Timeout" in name:
        return _Trouble(f"the server says nothing for {timeout:g} seconds")
    if name == "ConnectError":
        return _NobodyThere("the server cannot be reached")
    if name == "TooManyRedirects":
        return _Trouble("the server redirects without end")
    return _Trouble("the connection was cut")
