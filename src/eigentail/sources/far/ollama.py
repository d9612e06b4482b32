"""Models that Ollama has fetched: a manifest names the blob in which the weights lie."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import msgspec

from eigentail.errors import SourceError, did_you_mean

PREFIX: Final = "ollama:"
_MAX_MANIFEST: Final = 4 << 20
_MODEL: Final = "application/vnd.ollama.image.model"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NAME: Final = re.compile(r"(?:[\w-][\w.-]*/){0,2}[\w-][\w.-]*(?::[\w-][\w.-]*)?", re.ASCII)


class _Blob(msgspec.Struct):
    """One layer of a manifest."""

    digest: str
    mediaType: str = ""  # noqa: N815  as it stands in the file


class _Manifest(msgspec.Struct):
    layers: list[_Blob]


def ollama_path(target: str) -> Path:
    """The file with the weights of a model in Ollama's store (OLLAMA_MODELS, ~/.ollama/models).

    Args:
        target: "ollama:name[:tag]", where name may be "user/name" or "host/user/name".

    Returns:
        The blob: a GGUF file without a suffix.

    Raises:
        SourceError: no such model, or the store is damaged.

    Example:
        >>> ollama_path("ollama:../secret")
        Traceback (most recent call last):
        eigentail.errors.SourceError: ollama:../secret: is no name of an Ollama model: write ollama:name:tag
    """
    text = target.removeprefix(PREFIX)
    if not _NAME.fullmatch(text):
        raise SourceError("is no name of an Ollama model", where=target, hint="write ollama:name:tag")
    name, _, tag = text.partition(":")
    parts = (*("registry.ollama.ai", "library")[: 3 - len(name.split("/"))], *name.split("/"), tag or "latest")
    manifest = _store() / "manifests" / Path(*parts)
    if not manifest.is_file():
        raise _missing(target, text)
    digest = _digest(manifest, target)
    blob = _store() / "blobs" / digest.replace(":", "-")
    if not blob.is_file():
        raise SourceError("its weights are missing from the store", where=target, hint=f"ollama pull {text}")
    return blob


def _store() -> Path:
    return Path(os.environ.get("OLLAMA_MODELS") or "~/.ollama/models").expanduser()


def _digest(manifest: Path, target: str) -> str:
    """Which blob the weights are."""
    try:
        if manifest.stat().st_size > _MAX_MANIFEST:
            raise SourceError("its manifest is too long to be one", where=target)
        layers = msgspec.json.decode(manifest.read_bytes(), type=_Manifest).layers
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError("its manifest cannot be read", where=target, hint="ollama pull it again") from error
    found = [layer.digest for layer in layers if layer.mediaType == _MODEL and _DIGEST.fullmatch(layer.digest)]
    if not found:
        raise SourceError("its manifest names no weights", where=target, hint="ollama pull it again")
    return found[0]


def _missing(target: str, text: str) -> SourceError:
    """The nearest of the models that are there, or how to fetch this one."""
    library = _store() / "manifests" / "registry.ollama.ai" / "library"
    there = [f"{path.parent.name}:{path.name}" for path in library.glob("*/*")]
    hint = did_you_mean(text, there) if there else ""
    return SourceError("Ollama has no such model on this machine", where=target, hint=hint or f"ollama pull {text}")
