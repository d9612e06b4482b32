"""JSON value -> record, by the types of its fields: where a number was NaN, the document has null."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from eigentail.records import NAN

Record = TypeVar("Record")
_types: Any = cache(inspect.type_info)


def restored(value: Any, kind: type[Record]) -> Record:
    """A record from what was decoded of its JSON.

    Args:
        value: objects, lists, words and numbers.
        kind: of the record: a struct of this package.

    Raises:
        msgspec.ValidationError: the value is no such record.

    Example:
        >>> from eigentail.records.difference import Drift
        >>> restored({"value": 1.5, "low": None, "high": None}, Drift)
        Drift(value=1.5, low=nan, high=nan)
    """
    found: inspect.Type = _types(kind)
    return msgspec.convert(_filled(value, found), kind)


def _filled(value: Any, kind: inspect.Type) -> Any:
    """The value with NaN for every null where only a number may be; what fits no type is left to be refused."""
    if value is None:
        return NAN if isinstance(kind, inspect.FloatType) else None
    if isinstance(kind, inspect.UnionType):
        inner = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
        return _filled(value, inner[0]) if len(inner) == 1 else value
    if isinstance(value, dict):
        return _filled_object(value, kind)
    if isinstance(value, list):
        return _filled_list(value, kind)
    return value


def _filled_object(value: dict[str, Any], kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.StructType):
        fields = {field.encode_name: field.type for field in kind.fields}
        return {name: _filled(inner, fields[name]) if name in fields else inner for name, inner in value.items()}
    if isinstance(kind, inspect.DictType):
        return {name: _filled(inner, kind.value_type) for name, inner in value.items()}
    return value


def _filled_list(value: list[Any], kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        return [_filled(inner, kind.item_type) for inner in value]
    if isinstance(kind, inspect.TupleType) and len(value) == len(kind.item_types):
        return [_filled(inner, wanted) for inner, wanted in zip(value, kind.item_types, strict=True)]
    return value
