"""The architecture facts that lie beside the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.place import Place

MAX_BYTES: Final = 16 << 20
# What lies beside weights and tells what they are.
FACTS: Final = (
    "config.json",
    "model_index.json",
    "adapter_config.json",
    "quantize_config.json",
    "quant_config.json",
    "hf_quant_config.json",
    "params.json",
)


def read_config(folder: Place) -> Mapping[str, Any]:
    """The `config.json` of a folder, as Hugging Face models carry one.

    Args:
        folder: where the weights lie.

    Returns:
        The JSON object, or an empty mapping when there is no such file, or the folder cannot be listed.

    Raises:
        SourceError: the file is larger than 16 MiB, unreadable, or no JSON object.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> read_config(folder)
        {}
        >>> _ = (folder / "config.json").write_text('{"model_type": "gpt2"}')
        >>> read_config(folder)
        {'model_type': 'gpt2'}
    """
    path = folder / "config.json"
    if not (folder.is_dir() and path.is_file()):  # a web server may answer anything to a name it does not know
        return {}
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _broken(path, f"is larger than {MAX_BYTES >> 20} MiB")
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(path, f"is not a JSON object ({error})") from error


def _broken(path: Place, what: str) -> SourceError:
    return SourceError(what, where=str(path), hint="repair it or move it away: the weights can be read without it")
