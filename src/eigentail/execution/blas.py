"""How many threads BLAS has: a matter of the whole process."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import lru_cache
from typing import Any, final

from threadpoolctl import ThreadpoolController


@final
class BlasThreads:
    """Holds BLAS to a number of threads for the length of a `with` block; never gives it more than it has.

    Enter and leave it in one thread, the one that hands out the work: a thread in a pool may have no say.

    Args:
        count: of threads.

    Example:
        >>> with BlasThreads(1) as blas:
        ...     blas.hold()
    """

    def __init__(self, count: int) -> None:
        self._count, self._held, self._modules = count, ExitStack(), -1

    def __enter__(self) -> BlasThreads:
        self.hold()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def hold(self) -> None:
        """Hold libraries, too, that were loaded meanwhile."""
        if self._modules != len(sys.modules):
            self._modules = len(sys.modules)
            libraries = _libraries(self._modules)
            self._held.enter_context(libraries.limit(limits=min(self._count, _most(libraries, self._count))))


def blas_threads() -> int:
    """How many threads BLAS has at this moment, in the whole process.

    Example:
        >>> with BlasThreads(1):
        ...     blas_threads()
        1
    """
    return _most(_libraries(len(sys.modules)), 1)


def blas_libraries(kind: str) -> list[str]:
    """The paths of the libraries of a kind that this process has loaded.

    Args:
        kind: "openblas", "mkl", "blis": as threadpoolctl calls them.

    Example:
        >>> blas_libraries("none of this name")
        []
    """
    loaded = _libraries(len(sys.modules)).lib_controllers
    return [str(library.filepath) for library in loaded if library.internal_api == kind]


def _most(libraries: Any, otherwise: int) -> int:
    return max((int(library.num_threads) for library in libraries.lib_controllers), default=otherwise)


@lru_cache(maxsize=1)
def _libraries(_: int) -> Any:
    """Found anew when a module was loaded: looking takes longer than a small layer."""
    return ThreadpoolController().select(user_api="blas")
