"""The number in front of what an adapter adds: from its configuration, or from what is stored beside the factors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, final

import numpy as np

from eigentail.errors import SourceError
from eigentail.sources.adapters.change import Change
from eigentail.sources.adapters.configuration import AdapterConfig, Alphas
from eigentail.sources.adapters.modules import PEFT
from eigentail.sources.adapters.names import Role
from eigentail.sources.protocol import WeightSource

_NO_ALPHA: Final = "no alpha is stored with it, and its scale is taken as 1"


@final
class Scales:
    """The scale of every change of an adapter, and how it comes about.

    Args:
        configs: what is said of each adapter by its name, "" for the only one; empty where nothing is known.

    Example:
        >>> from eigentail.records import TensorSpec
        >>> from eigentail.sources.adapters.change import changes_of
        >>> shapes = {"fc.lora_A.weight": (4, 32), "fc.lora_B.weight": (64, 4)}
        >>> specs = [TensorSpec(name=name, shape=shape, dtype="float32", nbytes=4) for name, shape in shapes.items()]
        >>> Scales({"": AdapterConfig(r=4, lora_alpha=8, use_rslora=True)}).beside(changes_of(specs)[0][0])
        (4.0, 'rsLoRA r = 4, alpha = 8: scale 4 (alpha / sqrt(r))')
    """

    def __init__(self, configs: Mapping[str, AdapterConfig]) -> None:
        self._configs = dict(configs)
        self._alphas = {name: _alphas(config) for name, config in configs.items()}

    @property
    def refused(self) -> tuple[str, ...]:
        """The expressions for alpha that are not matched."""
        return tuple(text for alphas in self._alphas.values() for text in alphas.refused)

    def beside(self, change: Change) -> tuple[float, str]:
        """The scale that the configuration gives, or 1 where there is none."""
        key = change.adapter if change.adapter in self._configs else next(iter(self._configs), "")
        if key not in self._configs:
            return 1.0, f"{name_of(change)}: {_NO_ALPHA}"
        config, rank = self._configs[key], change.rank or self._configs[key].r
        alpha = self._alphas[key].of(change.module.removeprefix(PEFT))
        if config.use_rslora and change.is_product:
            scale = alpha / math.sqrt(rank)
            return scale, _said("rsLoRA", rank, alpha, scale, "alpha / sqrt(r)") + _begun(config)
        return alpha / rank, _said(change.form, rank, alpha, alpha / rank, "alpha / r") + _begun(config)

    def of(self, change: Change, source: WeightSource) -> tuple[float, str]:
        """The scale, from the alpha that is stored as a tensor where there is one.

        Args:
            change: of a weight.
            source: what holds its tensors.

        Raises:
            SourceError: the alpha cannot be read or is no number.
        """
        spec = change.parts.get(Role.ALPHA)
        if spec is None:
            return self.beside(change)
        where = source.ref.target
        if math.prod(spec.shape) != 1:
            raise SourceError(f"the alpha of {change.module} has shape {spec.shape}", where=where)
        alpha = float(np.asarray(source.read(spec), dtype=np.float64).reshape(()))
        if not math.isfinite(alpha):
            raise SourceError(f"the alpha of {change.module} is {alpha}", where=where)
        if not change.rank:  # LyCORIS has no use for alpha where neither side has a rank
            return 1.0, f"{change.form}: scale 1"
        scale = alpha / change.rank
        return scale, _said(change.form, change.rank, alpha, scale, "alpha / r")


def name_of(change: Change) -> str:
    """The form of a change and its rank, where that is known.

    Example:
        >>> name_of(Change(module="fc", adapter="", name="fc.weight", form="LoRA", parts={}, rank=4))
        'LoRA r = 4'
    """
    return f"{change.form} r = {change.rank}" if change.rank else change.form


def _alphas(config: AdapterConfig) -> Alphas:
    usual = config.lora_alpha if config.peft_type == "LORA" else config.alpha
    return Alphas(config.alpha_pattern or {}, usual)


def _said(form: str, rank: int, alpha: float, scale: float, rule: str) -> str:
    return f"{form} r = {rank}, alpha = {alpha:g}: scale {scale:g} ({rule})"


def _begun(config: AdapterConfig) -> str:
    """A word on a beginning that changed the base."""
    how = config.changes_base
    return f"; training began with {how}, which changed the base too" if how else ""
