"""What people put around a state dict: wrappers, averaged copies, optimizer state, several nets in one file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, final

from eigentail.errors import SourceError
from eigentail.sources.names import normalise

MAX_DEPTH: Final = 64
MAX_NODES: Final = 5_000_000

Keys = tuple[str, ...]

_HINT: Final = "save the state dict alone: torch.save(model.state_dict(), path)"

# These say "here is the model" whatever lies beside them; the others only when nothing with weights does.
_CLEAR: Final = frozenset(
    {"model", "model_dict", "model_state", "model_state_dict", "model_weights", "net_state_dict"}
    | {"network_state_dict", "params", "state_dict", "student"}
)
_WRAPPERS: Final = _CLEAR | {"checkpoint", "module", "net", "network", "parameters", "state", "weights"}
_BESIDE: Final = frozenset(
    {"args", "buffers", "callbacks", "config", "criterion", "history", "hparams", "hyper_parameters", "loops"}
    | {"loss", "metrics", "rng_state", "rng_states", "stats"}
)
_OPTIMIZER_WORDS: Final = frozenset({"amp", "opt", "optim", "optims", "sched", "scaler", "scheduler", "schedulers"})


def flatten(obj: object, is_tensor: Callable[[object], bool], where: str = "") -> dict[str, object]:
    """Every tensor of a checkpoint, by the name it has in the model.

    Dicts, lists and tuples are walked, each container once. A wrapper such as `state_dict` or `model` is taken off the
    front of the names when it is the only one there; several nets side by side stay apart by their names. Copies
    averaged over training keep a name that begins with "ema." unless they are all there is, optimizer state one that
    begins with "optimizer.". Marks of training wrappers are removed (`names.normalise`). Where two names would become
    equal, both stay as they were stored.

    Args:
        obj: what the file or the user holds.
        is_tensor: whether an object is a leaf to keep; anything else that is no container is dropped.
        where: the file, for error messages.

    Returns:
        Name to tensor, in the order stored.

    Raises:
        SourceError: containers nested more than 64 deep, more than 5 million objects, two tensors of one name, or a
            name that cannot be printed.

    Example:
        >>> saved = {"epoch": 3, "state_dict": {"module.fc.weight": 1.5}, "optimizer": {"lr": 0.1}}
        >>> flatten(saved, lambda leaf: isinstance(leaf, float))
        {'fc.weight': 1.5, 'optimizer.lr': 0.1}
    """
    leaves = list(_Walk(is_tensor, where).leaves(obj, ()))
    raw = [path for path, _ in leaves]
    short = [".".join(path) for path in _without_wrappers(raw)]
    full = [".".join(path) for path in raw]
    names = _resolve(_resolve([normalise(name) for name in short], short), full)
    _check_names(names, where)
    return {name: leaf for name, (_, leaf) in zip(names, leaves, strict=True)}


@final
class _Walk:
    """One pass over nested containers, bounded in depth and in count."""

    def __init__(self, is_tensor: Callable[[object], bool], where: str) -> None:
        self._is_tensor, self._where = is_tensor, where
        # The containers themselves are kept, not only their ids: an id is free for reuse once its object is gone.
        self._seen: dict[int, object] = {}
        self._nodes = 0

    def leaves(self, obj: object, path: Keys) -> Iterator[tuple[Keys, object]]:
        """Every tensor at or under `obj`, with its path."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refusal(f"holds more than {MAX_NODES:,} objects")
        if self._is_tensor(obj):
            yield path or ("weight",), obj
        elif isinstance(obj, (Mapping, list, tuple)) and id(obj) not in self._seen:
            if len(path) >= MAX_DEPTH:
                raise self._refusal(f"holds containers nested more than {MAX_DEPTH} deep")
            self._seen[id(obj)] = obj
            yield from self._children(obj, path)

    def _children(self, obj: Mapping[object, object] | Iterable[object], path: Keys) -> Iterator[tuple[Keys, object]]:
        if isinstance(obj, Mapping) and "param_groups" in obj and "state" in obj and path[:1] != ("optimizer",):
            path = ("optimizer", *path)  # an optimizer's own state dict, whatever its owner called it
        pairs = obj.items() if isinstance(obj, Mapping) else enumerate(obj)
        for key, child in pairs:
            yield from self.leaves(child, (*path, key if isinstance(key, str) else str(key)))

    def _refusal(self, what: str) -> SourceError:
        return SourceError(what, where=self._where, hint=_HINT)


def _resolve(names: list[str], fallback: list[str]) -> list[str]:
    """The names, but the fallback for each that two tensors would share."""
    count = Counter(names)
    return [name if count[name] == 1 else other for name, other in zip(names, fallback, strict=True)]


def _check_names(names: list[str], where: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise SourceError(f"two tensors are both named {name!r}", where=where, hint=_HINT)
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise SourceError(f"the tensor name {name!a} is not valid Unicode", where=where, hint=_HINT)


def _without_wrappers(paths: list[Keys]) -> list[Keys]:
    """The paths with the model's own at the top, and averaged copies and optimizer state marked in front."""
    paths = _unwrapped(paths)
    averaged = [path for path in paths if _is_average(path)]
    if not averaged:
        return [_marked_optimizer(path) for path in paths]
    alone = len({_front(path) for path in averaged}) == 1
    inner = iter(_unwrapped([_after_front(path) for path in averaged]) if alone else averaged)
    prefix: Keys = ("ema",) if any(_is_model(path) for path in paths) else ()
    return [(*prefix, *next(inner)) if _is_average(path) else _marked_optimizer(path) for path in paths]


def _unwrapped(paths: list[Keys]) -> list[Keys]:
    """Take the outermost container off as long as it is the only known wrapper."""
    while True:
        fronts = {path[0] for path in paths if len(path) > 1 and _is_model(path)}
        known = fronts & _WRAPPERS
        if len(known) != 1 or not (known == fronts or known <= _CLEAR):
            return paths
        paths = [path[1:] if len(path) > 1 and path[0] in known else path for path in paths]


def _front(path: Keys) -> str:
    return path[0].split(".", 1)[0]


def _after_front(path: Keys) -> Keys:
    """The path without the first word of its dotted name."""
    rest = path[0].partition(".")[2]
    return (rest, *path[1:]) if rest else path[1:]


def _words(front: str) -> list[str]:
    return re.split(r"[\W_]+", front.lower())


def _is_average(path: Keys) -> bool:
    return bool(_after_front(path)) and "ema" in _words(_front(path))


def _is_optimizer(path: Keys) -> bool:
    return len(path) > 1 and any(
        word in _OPTIMIZER_WORDS or word.startswith(("optimizer", "optimiser")) for word in _words(path[0])
    )


def _is_model(path: Keys) -> bool:
    """Whether this is a weight of the model itself; a bare word beside it ("step", "loss") is not."""
    return bool(_after_front(path)) and not (_is_average(path) or _is_optimizer(path) or path[0] in _BESIDE)


def _marked_optimizer(path: Keys) -> Keys:
    if _is_optimizer(path) and path[0] != "optimizer":
        return ("optimizer", *path)
    return path
