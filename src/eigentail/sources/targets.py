"""What the words of a user name: a path, a model of the Hub, an address, a model of Ollama."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from eigentail.errors import SourceError

HUB: Final = "hf"
# The format of a base with adapters.
SUM: Final = "sum"
# That of the difference of two.
DELTA: Final = "delta"
_PART: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?"
_REVISION: Final = r"refs/(?:pr|convert)/[\w.-]+|[^/:@\s]+"
# Of models elsewhere: compiled, and kept, by the call that first needs them.
_MODEL: Final = rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>{_REVISION}))?(?:/(?P<path>[^:]*))?(?::(?P<file>.+))?"
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_WEB_PAGE: Final = r"(?P<repo>[^/]+/[^/]+)(?:/(?:tree|blob|resolve|raw)/(?P<revision>[^/]+))?(?:/(?P<path>.*))?"
_SECRET: Final = r"(?i)token|key|sig|auth|cred|secret|passw|session"
_HOSTS: Final = frozenset({"huggingface.co", "hf.co"})
_KINDS: Final = ("datasets", "spaces", "buckets", "kernels")


class HubName(msgspec.Struct, frozen=True):
    """A model of the Hugging Face Hub, or a folder or file in it.

    Attributes:
        repo: "owner/name".
        revision: a branch, a tag or a commit.
        path: in the repository, "" for all of it.

    Example:
        >>> str(HubName("org/name", "abc", "unet/model.safetensors"))
        'hf://org/name@abc/unet/model.safetensors'
    """

    repo: str
    revision: str = "main"
    path: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (f"{HUB}://{self.repo}@{self.revision}", self.path) if part)


def scheme_of(target: str) -> str:
    """What stands before "://", in lower case; "" for a path.

    Args:
        target: any.

    Example:
        >>> scheme_of("S3://bucket/model.npz"), scheme_of("model.npz")
        ('s3', '')
    """
    match = _SCHEME.match(target)
    return match[1].lower() if match else ""


def hub_name(target: str) -> HubName | None:
    """The model of the Hub that words name: `org/name[@revision][/folder][:file]`, with or without "hf://".

    Args:
        target: what a user wrote; also the address of a page of huggingface.co.

    Returns:
        The name, or None where the words cannot be one.

    Raises:
        SourceError: it begins with "hf://" and is no such name.

    Example:
        >>> hub_name("hf://org/name@v1/unet:model.safetensors")
        HubName(repo='org/name', revision='v1', path='unet/model.safetensors')
        >>> hub_name("https://huggingface.co/org/name/tree/main/unet").path
        'unet'
        >>> hub_name("/home/me/model.npz")
    """
    scheme = scheme_of(target)
    if scheme in ("http", "https"):
        return _of_page(target)
    if scheme not in ("", HUB):
        return None
    text = target[len(HUB) + 3 :] if scheme else target
    match = re.fullmatch(_MODEL, text, re.ASCII)
    if match and not (scheme and text.split("/")[0] in _KINDS):
        path = "/".join(part.strip("/") for part in (match["path"], match["file"]) if part and part.strip("/"))
        if is_plain(path):
            return HubName(match["repo"], unquote(match["revision"] or "main"), path)
    if scheme:
        hint = "write hf://owner/name, hf://owner/name@revision/folder or hf://owner/name:file"
        raise SourceError("is no name of a model of the Hub", where=target, hint=hint)
    return None


def is_plain(path: str) -> bool:
    """Whether a relative path stays where it is: no "..", no empty part, nothing odd.

    Args:
        path: with "/" between its parts; "" is plain.

    Example:
        >>> is_plain("unet/model.bin"), is_plain("../model.bin"), is_plain("")
        (True, False, True)
    """
    odd = any(letter in "\\\0" or not letter.isprintable() for letter in path)
    return not odd and (not path or all(part not in ("", ".", "..") for part in path.split("/")))


def check_address(target: str) -> None:
    """Refuse an address that holds a secret: it would stand in every report and error.

    Args:
        target: an address.

    Raises:
        SourceError: it names a password, a key or a signature.

    Example:
        >>> check_address("https://example.org/a.npz?version=2")
        >>> check_address("https://me:hush@example.org/a.npz")
        Traceback (most recent call last):
        eigentail.errors.SourceError: https://example.org/a.npz: the address holds a secret, ...
    """
    parts = urlsplit(target)
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if "@" in parts.netloc or any(re.search(_SECRET, name) for name in names):
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        what = "the address holds a secret, which would stand in every report"
        raise SourceError(what, where=shown, hint="download it first")


def short_name(target: str) -> str:
    """What a far target is called in a line for people; "" for a path.

    Args:
        target: of a reference.

    Example:
        >>> short_name("hf://org/name@0123456789abcdef0123456789abcdef01234567/model.safetensors")
        'org/name@0123456'
        >>> short_name("s3://bucket/model.npz"), short_name("/m/model.npz")
        ('s3://bucket', '')
    """
    scheme = scheme_of(target)
    if not scheme:
        return ""
    name = hub_name(target) if scheme == HUB else None
    if name is None:
        return f"{scheme}://{urlsplit(target).netloc}"
    is_commit = re.fullmatch(r"[0-9a-f]{40}", name.revision)
    return f"{name.repo}@{name.revision[:7] if is_commit else name.revision}"


def is_local(target: str) -> bool:
    """Whether words can only be a path of this machine, or name one that is there.

    `org/name` is a path too when there is a folder `org`: a wrong letter in it is no reason to ask the Hub.

    Args:
        target: what a user wrote.

    Example:
        >>> is_local("./org/name"), is_local("no-such-folder/name"), is_local("hf://org/name")
        (True, False, False)
    """
    if scheme_of(target):
        return False
    path = os.path.expanduser(target)  # noqa: PTH111  of os.path, because a name too long to exist is no error there
    if os.path.isabs(path) or target.startswith((".", "~")) or os.path.lexists(path):  # noqa: PTH117
        return True
    folder = target.split("/", 1)[0]
    return folder != target and os.path.isdir(folder)  # noqa: PTH112


def _of_page(target: str) -> HubName | None:
    parts = urlsplit(target)
    match = re.fullmatch(_WEB_PAGE, unquote(parts.path).strip("/"))
    if parts.hostname not in _HOSTS or match is None or not re.fullmatch(rf"{_PART}/{_PART}", match["repo"], re.ASCII):
        return None
    path = match["path"] or ""
    if match["repo"].split("/")[0] in _KINDS or not is_plain(path) or (path and not match["revision"]):
        return None
    return HubName(match["repo"], match["revision"] or "main", path)
