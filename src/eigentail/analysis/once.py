"""A property that is computed on first use and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, final, overload

T = TypeVar("T")


@final
class once(Generic[T]):  # noqa: N801  used as a decorator, beside `property`
    """`functools.cached_property` without the lock it holds for all instances up to Python 3.11.

    With that lock, threads would measure one layer at a time. One instance belongs to one thread.

    Example:
        >>> class Circle:
        ...     @once
        ...     def area(self) -> float:
        ...         return 3.14
        >>> circle = Circle()
        >>> circle.area, "area" in vars(circle)
        (3.14, True)
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> T | once[T]:
        if instance is None:
            return self
        made = self._make(instance)
        vars(instance)[self._make.__name__] = made  # found there from now on, before this descriptor
        return made
