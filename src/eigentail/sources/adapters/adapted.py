"""Whether a source holds an adapter, and then the adapter: most do not, and for those nothing else is read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from eigentail.sources.adapters.names import is_adapter
from eigentail.sources.place import Place, place
from eigentail.sources.protocol import WeightSource

if TYPE_CHECKING:
    from eigentail.sources.adapters.configuration import AdapterConfig


def adapted(source: WeightSource, configs: Mapping[str, AdapterConfig] | None = None) -> WeightSource:
    """The source itself, or the adapter that it holds put together.

    Args:
        source: open; closed where this fails.
        configs: what is known of the adapters; None to look beside the file.

    Raises:
        SourceError: the configuration beside it cannot be read or says what cannot be.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources import open_source
        >>> plain = open_source({"fc.weight": np.eye(4)})
        >>> adapted(plain) is plain
        True
    """
    try:
        return _adapted(source, configs)
    except BaseException:
        source.close()
        raise


def _adapted(source: WeightSource, configs: Mapping[str, AdapterConfig] | None) -> WeightSource:
    has_names = is_adapter(spec.name for spec in source.tensors())
    if configs is None:
        path = place(source.ref.target)
        is_usual = path.is_dir() or path.name.startswith("adapter_")
        configs = _beside(path) if has_names or is_usual else {}
    if not has_names and not configs:
        return source
    from eigentail.sources.adapters.adapter import Adapter
    from eigentail.sources.adapters.configuration import KINDS

    others = [config for config in configs.values() if config.peft_type not in KINDS]
    is_plain = isinstance(source, Adapter) or not (has_names or others)
    return source if is_plain else Adapter(source, configs)


def _beside(path: Place) -> dict[str, AdapterConfig]:
    from eigentail.sources.adapters.configuration import read_adapter_config

    config = read_adapter_config(path if path.is_dir() else path.parent)
    return {} if config is None else {"": config}


def live_configs(model: object) -> dict[str, AdapterConfig]:
    """The configurations that a model in memory keeps at `peft_config`, by the names of its adapters.

    Raises:
        SourceError: one of them says what cannot be.

    Example:
        >>> import numpy as np
        >>> live_configs(np.eye(2))
        {}
    """
    found: Any = getattr(model, "peft_config", None)
    if not isinstance(found, Mapping):
        return {}
    from eigentail.sources.adapters.configuration import adapter_config

    dicts = {str(name): value.to_dict() for name, value in found.items() if callable(getattr(value, "to_dict", None))}
    return {name: adapter_config(_plain_values(values), f"peft_config[{name!r}]") for name, values in dicts.items()}


def _plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.value if isinstance(value, Enum) else value for key, value in values.items()}
