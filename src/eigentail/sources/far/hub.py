"""Models of the Hugging Face Hub: the cache of this machine first, else read where they lie, pinned to a commit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, final
from urllib.parse import quote

import msgspec

from eigentail._version import __version__
from eigentail.errors import SourceError
from eigentail.sources.far.hub_cache import is_offline, snapshot, snapshots
from eigentail.sources.far.reading import FarRange
from eigentail.sources.far.web import MissingError, UnreachableError, Version, WebFile
from eigentail.sources.place import FarPath
from eigentail.sources.targets import HubName, hub_name, is_plain, scheme_of

_LISTING: Final = 64 << 20  # a hundred thousand files and more
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_LOGIN: Final = "set HF_TOKEN, or run hf auth login"
_ABSENT: Final = "RepoNotFound"


class _File(msgspec.Struct):
    """One file, as the Hub lists it."""

    rfilename: str
    size: int | None = None


class _Listing(msgspec.Struct):
    """A repository at one commit, as the Hub lists it."""

    sha: str
    siblings: list[_File] = []


@final
class HubStore:
    """One commit of a model.

    Args:
        repo: "owner/name".
        commit: its full name.
        files: path to size in bytes.

    Raises:
        SourceError: on use, the Hub refuses or cannot be reached.

    Example:
        >>> store = HubStore("org/name", "0123", {"unet/config.json": 2, "model.safetensors": 9})
        >>> store.size("unet/config.json"), store.size("unet"), store.children("unet"), store.children("vae")
        (2, None, ['config.json'], None)
    """

    def __init__(self, repo: str, commit: str, files: Mapping[str, int]) -> None:
        self.repo, self.commit = repo, commit
        self.base = str(HubName(repo, commit))
        self._files = dict(files)
        self._folders: dict[str, set[str]] = {"": set()}
        for path in files:
            parts = path.split("/")
            for at, part in enumerate(parts):
                self._folders.setdefault("/".join(parts[:at]), set()).add(part)

    def size(self, path: str) -> int | None:
        """The bytes of a file, as listed."""
        return self._files.get(path)

    def children(self, path: str) -> Sequence[str] | None:
        """The names in a folder, as listed."""
        names = self._folders.get(path)
        return None if names is None else sorted(names)

    def version(self, path: str) -> str:
        """The commit, whatever the path: what it names never changes."""
        return self.commit

    def open(self, path: str) -> FarRange:
        """The bytes of a file."""
        where, size = f"{self.base}/{path}", self._files[path]
        url = f"{_endpoint()}/{self.repo}/resolve/{quote(self.commit, safe='')}/{quote(path)}"
        name = HubName(self.repo, self.commit, path)
        file = WebFile(url, where, headers=_headers, refusal=_Refusal(name), commit=self.commit)
        return FarRange(file.known(Version(size, "")).fetch, size, where, url)


def find_on_hub(name: HubName) -> Path | FarPath:
    """Where a model is read from: the cache where that holds it whole, else the Hub itself.

    Args:
        name: what a user asked for.

    Returns:
        A local path, or a place on the Hub, pinned to the commit that the revision stands for now.

    Raises:
        MissingError: there is no such model, or the network is forbidden and it is not here.
        UnreachableError: there is no way to the Hub.
        SourceError: there is no such revision or file, or it may not be had.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", HF_HUB_OFFLINE="1"):
        ...     find_on_hub(HubName("no-such/model"))
        Traceback (most recent call last):
        eigentail.sources.far.web.MissingError: hf://no-such/model@main: the model is not in the cache of this ...
    """
    cached = cached_place(name)
    if cached is not None:
        return cached
    if is_offline():
        partly = next(snapshots(name.repo), None)
        what = "the model is in the cache only in part" if partly else "the model is not in the cache of this machine"
        raise (SourceError if partly else MissingError)(
            f"{what}, and HF_HUB_OFFLINE forbids the network",
            where=str(name),
            hint="unset it, or fetch the model where there is a network",
        )
    found = FarPath(_store(name), name.path)
    if not found.exists():
        raise found.missing()
    return found


def meant_on_hub(text: str, name: HubName) -> Path | FarPath:
    """What `find_on_hub` finds; where that is nothing, words that could be a path are said to be none.

    Args:
        text: what a user wrote.
        name: what that names on the Hub.

    Raises:
        SourceError: as `find_on_hub`.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", HF_HUB_OFFLINE="1"):
        ...     meant_on_hub("no-such/model", HubName("no-such/model"))
        Traceback (most recent call last):
        eigentail.sources.far.web.MissingError: hf://no-such/model@main: there is no path no-such/model here, and ...
    """
    try:
        return find_on_hub(name)
    except (MissingError, UnreachableError) as error:
        if scheme_of(text):
            raise
        what = f"there is no path {text} here, and {error.what}"
        raise type(error)(what, where=error.where, hint=error.hint) from error


def cached_place(name: HubName) -> Path | None:
    """The model in the cache of this machine; None where it is not there, or not whole.

    Args:
        name: what a user asked for.

    Example:
        >>> cached_place(HubName("no-such/model"))
    """
    from eigentail.sources.formats.folder import files_of  # formats know this room; this room asks one of them back

    folder = snapshot(name.repo, name.revision)
    if folder is None:
        return None
    asked = folder / name.path if name.path else folder
    if asked.is_file() and not asked.name.endswith(".json"):
        return asked
    try:
        whole = files_of(asked) if asked.exists() else []
    except SourceError:  # a shard is missing, or an index is damaged: the Hub has the rest
        return None
    return asked if whole and all(file.is_file() for file in whole) else None


def hub_place(target: str) -> FarPath:
    """The place that a pinned target names, without a look at the cache.

    Args:
        target: "hf://owner/name@commit/path".

    Raises:
        SourceError: no such name, or the Hub refuses or cannot be reached.

    Example:
        >>> hub_place("hf://name")
        Traceback (most recent call last):
        eigentail.errors.SourceError: hf://name: is no name of a model of the Hub: write hf://owner/name, ...
    """
    name = hub_name(target)
    if name is None:
        raise SourceError("is no name of a model of the Hub", where=target)
    return FarPath(_store(name), name.path)


_STORES: Final[dict[tuple[str, str, str], HubStore]] = {}


def _store(name: HubName) -> HubStore:
    """The files of a commit, listed once in a process: what a commit holds never changes."""
    key = (_endpoint(), name.repo, name.revision)
    if key not in _STORES:
        store = _listed(name)
        _STORES[key[0], key[1], store.commit] = store
        return store
    return _STORES[key]


def _listed(name: HubName) -> HubStore:
    url = f"{_endpoint()}/api/models/{name.repo}/revision/{quote(name.revision, safe='')}?blobs=true"
    where = str(HubName(name.repo, name.revision))
    answer = WebFile(url, where, headers=_headers, refusal=_Refusal(name)).whole(_LISTING)
    try:
        listing = msgspec.json.decode(answer, type=_Listing)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError("the answer is no list of files", where=where, hint="is HF_ENDPOINT right?") from error
    if not _COMMIT.fullmatch(listing.sha):
        raise SourceError("the answer names no commit", where=where, hint="is HF_ENDPOINT right?")
    files = {file.rfilename: file.size for file in listing.siblings if file.size is not None and file.size >= 0}
    return HubStore(name.repo, listing.sha, {path: size for path, size in files.items() if path and is_plain(path)})


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT).rstrip("/")


def _headers() -> Mapping[str, str]:
    """Who asks, and the user's token where there is one; the client's own headers come with requests of their own."""
    from huggingface_hub import constants

    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else _token()
    return {"User-Agent": f"eigentail/{__version__}"} | ({"Authorization": f"Bearer {token}"} if token else {})


@final
class _Refusal:
    """What the Hub's refusals mean."""

    def __init__(self, name: HubName) -> None:
        self._name = name

    def __call__(self, status: int, headers: Mapping[str, str]) -> SourceError:
        code, where = headers.get("X-Error-Code", ""), str(self._name)
        page = f"https://huggingface.co/{self._name.repo}"
        if code == "GatedRepo":
            hint = f"ask for access on {page}" + ("" if _token() else f", then {_LOGIN}")
            return SourceError("is gated: its owner decides who may read it", where=where, hint=hint)
        if code == "RevisionNotFound":
            return SourceError(f"there is no revision {self._name.revision!r}", where=where, hint=f"look on {page}")
        if code == "EntryNotFound":
            return SourceError("there is no such file", where=where, hint=f"look on {page}")
        if status == 401 and code != _ABSENT and _token():
            return SourceError("the Hub does not accept the token", where=where, hint="is HF_TOKEN still valid?")
        if status in (401, 404):
            hint = "check the spelling" + ("" if _token() else f"; if it is private or gated, {_LOGIN}")
            return MissingError("there is no such model on the Hub that you may read", where=where, hint=hint)
        if status == 403:
            hint = f"look on {page}" if _token() else _LOGIN
            return SourceError("the Hub refuses access", where=where, hint=hint)
        return SourceError(f"the Hub answers with {status}", where=where, hint="try again later")


def _token() -> str | None:
    from huggingface_hub import get_token

    return get_token()
