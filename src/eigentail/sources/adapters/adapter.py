"""An adapter as a source: each change of a weight under the weight's own name, as the product of two thin factors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.records.low_rank import Factors
from eigentail.sources.adapters.change import Change, changes_of
from eigentail.sources.adapters.configuration import KINDS, AdapterConfig
from eigentail.sources.adapters.forms import factors_of, formed, multiplied
from eigentail.sources.adapters.modules import PEFT, plain
from eigentail.sources.adapters.names import Role
from eigentail.sources.adapters.scale import Scales, name_of
from eigentail.sources.placed import check_rows
from eigentail.sources.protocol import WeightSource

# A product may be multiplied out to so many values by those who ask for the tensor: 4 GiB in float32.
_MOST: Final = 2**30


@final
class Adapter:
    """What an adapter adds to each weight of its base. Tensors that are stored whole are shown as they are.

    Args:
        inner: the tensors as they are stored; closed with this source.
        configs: what is said of each adapter by its name, "" for the only one; empty where nothing is known.

    Raises:
        SourceError: on `read` and `factors`, there is no such tensor, it cannot be put together, or a scale is no
            number.

    Example:
        >>> from eigentail.sources import open_source
        >>> pair = {"fc.lora_A.weight": np.ones((2, 8)), "fc.lora_B.weight": np.ones((4, 2))}
        >>> source = open_source(pair)
        >>> spec = source.tensors()[0]
        >>> spec.name, spec.shape, spec.rank, source.read(spec, (0, 1)).tolist()
        ('fc.weight', (4, 8), 2, [[2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
        >>> source.factors(spec).note
        'LoRA r = 2: no alpha is stored with it, and its scale is taken as 1'
    """

    def __init__(self, inner: WeightSource, configs: Mapping[str, AdapterConfig]) -> None:
        self._inner, self._configs = inner, dict(configs)
        self.ref: SourceRef = inner.ref
        turned = any(config.fan_in_fan_out for config in configs.values())
        changes, misfits, stored = changes_of(inner.tensors(), fan_in_fan_out=turned)
        self._scales = Scales(configs)
        self._stored = self._shown(stored)
        self.misfits = tuple(misfits)
        self.changes = self._named(changes)
        self._specs = self._in_order()

    def __reduce__(self) -> tuple[object, ...]:
        from eigentail.sources.adapters.adapted import adapted  # which knows this file

        return adapted, (self._inner, self._configs)  # a file opens itself put together already

    @property
    def config(self) -> Mapping[str, Any]:
        """What lies beside the weights about the architecture, or nothing."""
        return self._inner.config

    @property
    def only_config(self) -> AdapterConfig | None:
        """What is said of the only adapter; None where nothing is known, or there are several."""
        return next(iter(self._configs.values())) if len(self._configs) == 1 else None

    @property
    def knows_scale(self) -> bool:
        """Whether PEFT wrote it and its configuration is missing: then nothing tells the scale."""
        is_peft = any(change.module.startswith(PEFT) for change in self.changes.values())
        return bool(self._configs) or not is_peft

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every change, and every tensor that is stored whole, in the order of the file."""
        return self._specs

    def stored(self) -> tuple[TensorSpec, ...]:
        """The tensors that are stored whole, copies apart: they take the place of the base's own."""
        return tuple(spec for spec in self._specs if spec.name in self._stored and not spec.name.startswith(PEFT))

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """The tensor, or rows of it; a change multiplied out."""
        if spec.name in self._stored:
            return self._inner.read(self._stored[spec.name], part)
        change = self._change(spec.name)
        if part is not None:
            check_rows(spec, part)
        if math.prod(change.shape) > _MOST:
            raise SourceError(f"{spec.name} would have {math.prod(change.shape):,} values", where=self.ref.target)
        return self.added(change, part)

    def added(self, change: Change, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """What a change adds to its weight, or to rows of it, whatever its size."""
        if change.is_product:
            return multiplied(self.factors_of(change), part)
        scale, _ = self._scales.of(change, self._inner)
        whole = formed(change, self._arrays(change), scale)
        return whole if part is None else whole[slice(*part)]

    def factors(self, spec: TensorSpec) -> Factors:
        """The two factors of a change; only their bytes are read."""
        change = self._change(spec.name)
        if not change.is_product:
            raise SourceError(f"{spec.name} is no product of two factors", where=self.ref.target)
        return self.factors_of(change)

    def factors_of(self, change: Change) -> Factors:
        """The two factors of a change of this adapter, with their scale."""
        scale, note = self._scales.of(change, self._inner)
        return msgspec.structs.replace(factors_of(change, self._arrays(change)), scale=scale, note=note)

    def tensor_note(self, change: Change) -> str:
        """What can be told of a change before a tensor is read."""
        return name_of(change) if Role.ALPHA in change.parts else self._scales.beside(change)[1]

    def magnitude(self, change: Change) -> NDArray[Any]:
        """The lengths that a DoRA gives its weight, one after the other."""
        return np.asarray(self._inner.read(change.parts[Role.MAGNITUDE]), dtype=np.float32).reshape(-1)

    def close(self) -> None:
        """Close what holds the tensors. Arrays already read stay valid."""
        self._inner.close()

    def _arrays(self, change: Change) -> dict[Role, NDArray[Any]]:
        beside = (Role.ALPHA, Role.MAGNITUDE)
        return {role: self._inner.read(spec) for role, spec in change.parts.items() if role not in beside}

    def _change(self, name: str) -> Change:
        change = self.changes.get(name)
        if change is None:
            raise SourceError(f"there is no tensor {name!r}", where=self.ref.target)
        if change.refused:
            raise SourceError(change.refused, where=name)
        return change

    def _shown(self, stored: list[TensorSpec]) -> dict[str, TensorSpec]:
        """The tensors that are stored whole, by the name of the weight; as stored where the base is there too.

        PEFT may store one tensor several times: the copies with a word more in their names keep these.
        """
        if any(spec.name.endswith(".base_layer.weight") for spec in stored):
            return {spec.name: spec for spec in stored}
        names = Counter(plain(spec.name) for spec in stored)
        shown: dict[str, TensorSpec] = {}
        for spec in stored:
            name = plain(spec.name)
            is_first = names[name] == 1 or spec.name.removeprefix(PEFT) == name
            shown[name if is_first and name not in shown else spec.name] = spec
        return shown

    def _named(self, changes: list[Change]) -> dict[str, Change]:
        """Every change by a name of its own; what is known to be wrong with it."""
        named: dict[str, Change] = {}
        for change in changes:
            name, at = change.name, change.adapter or "lora"
            while name in named or name in self._stored:
                name = f"{name.removesuffix('.weight')}.{at}.weight"
            reason = change.refused or self._wrong(change)
            named[name] = msgspec.structs.replace(change, name=name, refused=reason)
        return named

    def _wrong(self, change: Change) -> str:
        """What the configuration says against a change."""
        config = self.only_config
        if config is None:
            return ""
        if config.use_dora and change.is_product:
            return "DoRA, but the lengths that belong to it are missing"
        if config.alpha_pattern and self._scales.refused:
            return "its configuration has an alpha_pattern that could stall or makes no sense: its scale is not known"
        if not config.rank_pattern and change.is_product and change.rank != config.r and not change.adapter:
            return f"its factors have rank {change.rank}, but its configuration says {config.r}"
        return ""

    def _in_order(self) -> tuple[TensorSpec, ...]:
        """Every spec at the place of its first part."""
        place = {spec.name: at for at, spec in enumerate(self._inner.tensors())}
        found = [(place[spec.name], self._whole(name, spec)) for name, spec in self._stored.items()]
        for name, change in self.changes.items():
            first = min(place[spec.name] for spec in change.parts.values())
            found.append((first, self._changed(name, change)))
        found += [(place[spec.name], _refused(spec, why)) for spec, why in self.misfits]
        return tuple(spec for _, spec in sorted(found, key=lambda pair: pair[0]))

    def _whole(self, name: str, spec: TensorSpec) -> TensorSpec:
        config = self.only_config
        kind = config.kind if config and config.peft_type not in KINDS else ""
        reason = f"a tensor of an adapter of the kind {kind}, which this version does not put together" if kind else ""
        return msgspec.structs.replace(spec, name=name, refusal=reason, tied_to=spec.tied_to and plain(spec.tied_to))

    def _changed(self, name: str, change: Change) -> TensorSpec:
        is_double = any(spec.dtype == "float64" for spec in change.parts.values())
        return TensorSpec(
            name=name,
            shape=change.shape,
            dtype="float64" if is_double else "float32",
            nbytes=change.nbytes,
            rank=change.rank if change.is_product else 0,
            refusal=change.refused,
            note="" if Role.ALPHA in change.parts else self.tensor_note(change),
        )


def _refused(spec: TensorSpec, reason: str) -> TensorSpec:
    return msgspec.structs.replace(spec, refusal=reason)
