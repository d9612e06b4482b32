"""Which rule a tensor falls under: the families that apply to a model, their rules in order, looked up once a form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, final

from eigentail.layers.families import Family, Rule, load_family, load_heads
from eigentail.layers.names import base_of, blind, ends_as
from eigentail.records import TensorSpec

# No convention has names as long as this, and a header that has could stall the matching.
_LONGEST_NAME: Final = 1000


@final
class Rulebook:
    """The rules for one model.

    A checkpoint of fifty thousand tensors has a few dozen number-blind names, so each of these is matched once.

    Args:
        specs: the tensors of the model.
        config: its configuration, or nothing.

    Example:
        >>> spec = TensorSpec(name="h.0.attn.c_proj.weight", shape=(64, 64), dtype="float32", nbytes=16384)
        >>> other = TensorSpec(name="h.0.attn.c_attn.weight", shape=(64, 192), dtype="float32", nbytes=49152)
        >>> Rulebook([spec, other], {}).rule(spec).kind
        'attention.o'
    """

    def __init__(self, specs: Iterable[TensorSpec], config: Mapping[str, Any]) -> None:
        forms = {blind(base_of(spec.name)) for spec in specs if len(spec.name) <= _LONGEST_NAME}
        self.families = tuple(load_family(head.name) for head in load_heads() if _applies(head, forms, config))
        self._rules = tuple(rule for family in self.families for rule in family.rule)
        self._found: dict[tuple[str, int], Rule | None] = {}

    def rule(self, spec: TensorSpec) -> Rule | None:
        """The first rule that matches, None when none does."""
        if len(spec.name) > _LONGEST_NAME:
            return None
        key = blind(base_of(spec.name)), len(spec.shape)
        if key not in self._found:
            self._found[key] = next((rule for rule in self._rules if _matches(rule, *key)), None)
        return self._found[key]

    def depths(self, names: Iterable[str]) -> dict[str, int]:
        """The number on the depth axis of every name that has one.

        Where a name tells stage and block, the pairs are counted through in order.
        """
        patterns = [re.compile(text) for family in self.families for text in family.block]
        usual = (name for name in names if len(name) <= _LONGEST_NAME)
        found = {name: groups for name in usual if (groups := _numbers(name, patterns))}
        pairs = sorted({groups for groups in found.values() if len(groups) == 2})
        order: dict[tuple[int, ...], int] = {pair: number for number, pair in enumerate(pairs)}
        return {name: order.get(groups, groups[0]) for name, groups in found.items()}


def _applies(family: Family, forms: set[str], config: Mapping[str, Any]) -> bool:
    said = all(config.get(key) == value for key, value in family.config.items())
    return said and all(any(ends_as(form, glob) for form in forms) for glob in family.detect)


def _matches(rule: Rule, form: str, ndim: int) -> bool:
    return (not rule.ndim or ndim in rule.ndim) and any(ends_as(form, glob) for glob in rule.match)


def _numbers(name: str, patterns: list[re.Pattern[str]]) -> tuple[int, ...]:
    """The groups of the first expression that finds something, as numbers."""
    found = next((found for pattern in patterns if (found := pattern.search(name))), None)
    return tuple(int(number) for number in found.groups()) if found else ()
