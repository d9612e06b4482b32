"""Tensor names without the marks that training wrappers leave on them."""

from __future__ import annotations

from typing import Final

_MARKS: Final = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})


def normalise(name: str) -> str:
    """The name a tensor had before the model was wrapped for parallel, compiled or checkpointed training.

    Args:
        name: as stored; its components are separated by dots.

    Returns:
        The name without `module.` at its front (any number of times) and without the components `_orig_mod`,
        `_fsdp_wrapped_module` and `_checkpoint_wrapped_module` anywhere. The last component always stays.

    Example:
        >>> normalise("module._orig_mod.layers.0._fsdp_wrapped_module.weight")
        'layers.0.weight'
        >>> normalise("encoder.module.weight")
        'encoder.module.weight'
    """
    *front, last = name.split(".")
    kept = [part for part in front if part not in _MARKS]
    start = next((at for at, part in enumerate(kept) if part != "module"), len(kept))
    return ".".join([*kept[start:], last])
