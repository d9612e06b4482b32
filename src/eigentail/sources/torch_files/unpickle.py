"""A default-deny unpickler: it builds descriptions of tensors and plain containers, and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sized
from typing import Any, ClassVar, Final, NamedTuple, final

from eigentail.errors import SourceError
from eigentail.sources.torch_files.bounded import Bounded
from eigentail.sources.torch_files.harmless import HARMLESS, Inert, Maker, Record, StoredType, checked_key
from eigentail.sources.torch_files.strided import StorageRef, TensorRef

MAX_STEPS: Final = 3_000_000

_NOT_LISTED: Final = "which is not on the list of harmless things: nothing was executed"
_HINT: Final = "save the state dict (torch.save(model.state_dict(), path)) or convert to safetensors"


class Pickled(NamedTuple):
    """What a pickle held.

    Attributes:
        tree: plain containers and scalars, with `TensorRef` and `StorageRef` in the place of tensors and storages.
        storages: the type of every storage it named, by key, in use or not.

    Example:
        >>> Pickled({"epoch": 3}, {}).tree
        {'epoch': 3}
    """

    tree: Any
    storages: Mapping[str, str]


def unpickle(file: Bounded, where: str) -> Pickled:
    """Read one pickle. Nothing is imported or called but what `harmless` lists, and that is all our own.

    Args:
        file: positioned at the pickle; left right after it.
        where: the path, for error messages.

    Returns:
        What it held, described in our own records.

    Raises:
        SourceError: the pickle asks for anything else, is damaged, or is too large.

    Example:
        >>> import io, pickle
        >>> unpickle(Bounded(io.BytesIO(pickle.dumps({"epoch": 3})), 99), "a.pt").tree
        {'epoch': 3}
        >>> unpickle(Bounded(io.BytesIO(pickle.dumps(print)), 99), "a.pt")
        Traceback (most recent call last):
        eigentail.errors.SourceError: a.pt: the pickle asks for builtins.print, which is not on the list of harmless
        things: nothing was executed: save the state dict (torch.save(model.state_dict(), path)) or convert to
        safetensors
    """
    machine = _Unpickler(file)
    try:
        return Pickled(machine.load(), machine.storages)
    except _RefusedError as refused:
        raise SourceError(str(refused), where=where, hint=_HINT) from None
    except SourceError:
        raise
    except Exception as error:  # a damaged pickle can break Python's machine in every way there is
        raise SourceError(
            f"the pickle inside is damaged ({str(error)[:200] or type(error).__name__})",
            where=where,
            hint="fetch or save it again",
        ) from error


class _RefusedError(Exception):
    """The pickle is whole, and asks for something that is not given."""


def _counted(step: Callable[[Any], None]) -> Callable[[Any], None]:
    """One step of the machine, paid for: a byte of pickle can make an object of 200 bytes."""

    def paid(machine: _Unpickler) -> None:
        machine.pay(1)
        step(machine)

    return paid


@final
class _Unpickler(pickle._Unpickler):
    """Python's own machine, with every step that makes something replaced.

    It is the version in Python and not the one in C: its memo is a dict, so a pickle that stores at index 2^31 takes
    one entry, where the one in C reserves memory up to that index.
    """

    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]

    def __init__(self, file: Bounded) -> None:
        # Strings of Python 2 may hold any bytes; names in them are ASCII, and this decoder never fails.
        super().__init__(file, encoding="latin-1")
        self._steps = 0
        self.storages: dict[str, str] = {}

    def pay(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise _RefusedError(f"the pickle takes more than {MAX_STEPS:,} steps to read")

    def find_class(self, module: str, name: str) -> object:
        known = HARMLESS.get((module, name))
        if known is not None:
            return known
        # The names come from the file: control characters in them could repaint a terminal.
        asked = f"{module}.{name}"[:120].encode("unicode_escape").decode()
        if module.startswith("torch.nn.") or asked.startswith("torch.fx.graph_module"):
            raise _RefusedError(f"the file holds a pickled module ({asked}), not a state dict: nothing was executed")
        raise _RefusedError(f"the pickle asks for {asked}, {_NOT_LISTED}")

    def persistent_load(self, pid: Any) -> StorageRef:
        """A storage: ('storage', class, key, location, numel[, (view key, offset, numel)])."""
        tag, kind, key, _location, numel, *view = pid
        if tag != "storage" or type(kind) is not StoredType or type(key) is not str:
            raise ValueError("a storage is described in an unknown way")
        self.storages.setdefault(key, kind.dtype)
        if not view or view[0] is None:
            return StorageRef(key, kind.dtype, numel)
        _view_key, start, length = view[0]
        if not 0 <= start <= start + length <= numel:
            raise ValueError(f"a view of {length} values at {start} leaves its storage of {numel}")
        return StorageRef(key, kind.dtype, length, start)

    def get_extension(self, code: int) -> None:
        raise _RefusedError(f"the pickle asks for extension {code}, {_NOT_LISTED}")

    def _call(self, func: Any, args: Any) -> object:
        if type(func) is not Maker or type(args) is not tuple:
            raise ValueError("something is called that is no function")
        self.pay(sum(len(arg) for arg in args if isinstance(arg, Sized)))
        return func.make(*args)

    def _reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)

    def _newobj_ex(self) -> None:
        if self.stack.pop() != {}:
            raise ValueError("something is called with named arguments")
        self._reduce()

    def _inst(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        args = tuple(self.pop_mark())
        self.stack.append(self._call(self.find_class(module, name), args))

    def _obj(self) -> None:
        func, *args = self.pop_mark()
        self.stack.append(self._call(func, tuple(args)))

    def _build(self) -> None:
        """State is dropped: what we keep of an object has none, save the records that are nothing else."""
        state = self.stack.pop()
        if type(self.stack[-1]) is Record:
            self.stack[-1].state = state
        elif type(self.stack[-1]) not in (dict, set, Inert, TensorRef, StorageRef):
            raise ValueError("state is given to something that has none")

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _setitems(self) -> None:
        self._update(self.pop_mark())

    def _dict(self) -> None:
        pairs = self.pop_mark()
        self.stack.append({})
        self._update(pairs)

    def _update(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError("a key is set in something that is no dict")
        target.update((checked_key(key), value) for key, value in zip(pairs[::2], pairs[1::2], strict=True))

    def _additems(self) -> None:
        items = self.pop_mark()
        self.stack[-1].update(map(checked_key, items))

    def _frozenset(self) -> None:
        items = self.pop_mark()
        self.stack.append(set(map(checked_key, items)))

    def _appends(self) -> None:
        items = self.pop_mark()
        self._extend(items)

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("something is appended to what is no list")
        self.stack[-1].extend(items)

    def _bytearray8(self) -> None:
        self.stack.append(self.read(int.from_bytes(self.read(8), "little")))

    _own: ClassVar[dict[bytes, Callable[[Any], None]]] = {
        pickle.REDUCE: _reduce,
        pickle.NEWOBJ: _reduce,
        pickle.NEWOBJ_EX: _newobj_ex,
        pickle.INST: _inst,
        pickle.OBJ: _obj,
        pickle.BUILD: _build,
        pickle.SETITEM: _setitem,
        pickle.SETITEMS: _setitems,
        pickle.DICT: _dict,
        pickle.ADDITEMS: _additems,
        pickle.FROZENSET: _frozenset,
        pickle.APPEND: _append,
        pickle.APPENDS: _appends,
        pickle.BYTEARRAY8: _bytearray8,
    }
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        code: _counted(step)
        for code, step in {**pickle._Unpickler.dispatch, **{code[0]: own for code, own in _own.items()}}.items()
    }
