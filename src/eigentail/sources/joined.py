"""Several sources as one: the shards of a checkpoint, or the parts of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.far.reading import Extent
from eigentail.sources.protocol import Located, WeightSource


@final
class Joined:
    """Tensors of several sources under one roof; each is read from its owner.

    Args:
        ref: what opens the whole again.
        parts: (prefix for the names, source); the sources are closed with this one.
        config: what lies beside the whole.

    Raises:
        SourceError: two sources have a tensor of the same name; on `read`, no source has it.

    Example:
        >>> from eigentail.sources import open_source
        >>> parts = [("a.", open_source({"w": np.eye(2)})), ("b.", open_source({"w": np.eye(3)}))]
        >>> both = Joined(SourceRef("folder", "/m"), parts, {})
        >>> [(spec.name, spec.shape) for spec in both.tensors()]
        [('a.w', (2, 2)), ('b.w', (3, 3))]
        >>> both.read(both.tensors()[1], part=(2, 3)).tolist()
        [[0.0, 0.0, 1.0]]
    """

    def __init__(self, ref: SourceRef, parts: Sequence[tuple[str, WeightSource]], config: Mapping[str, Any]) -> None:
        self.ref, self.config = ref, config
        self._sources = [source for _, source in parts]
        self._owners: dict[str, tuple[WeightSource, TensorSpec]] = {}
        self._specs: list[TensorSpec] = []
        for prefix, source in parts:
            for spec in source.tensors():
                self._add(prefix, source, spec)

    def __reduce__(self) -> tuple[object, ...]:
        from eigentail.sources.identify import open_source

        return open_source, (self.ref,)

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, part after part."""
        return tuple(self._specs)

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
        """The tensor, from the source that has it."""
        if spec.name not in self._owners:
            raise SourceError(f"there is no tensor {spec.name!r}", where=self.ref.target)
        source, own = self._owners[spec.name]
        return source.read(own, part)

    def extent(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> Extent | None:
        """Where the bytes that `read` would ask for lie, if that is in a far file."""
        source, own = self._owners.get(spec.name, (None, spec))
        return source.extent(own, part) if isinstance(source, Located) else None

    def close(self) -> None:
        """Close every part. Arrays already read stay valid."""
        for source in self._sources:
            source.close()

    def _add(self, prefix: str, source: WeightSource, own: TensorSpec) -> None:
        name = prefix + own.name
        if name in self._owners:
            raise SourceError(
                f"tensor {name!r} is both in {self._owners[name][0].ref.target} and in {source.ref.target}",
                where=self.ref.target,
                hint="slices of one tensor for several devices must be merged first; otherwise give one of the files",
            )
        tied_to = prefix + own.tied_to if own.tied_to else ""
        self._owners[name] = source, own
        self._specs.append(msgspec.structs.replace(own, name=name, tied_to=tied_to))


def join(ref: SourceRef, targets: Sequence[tuple[str, str]], config: Mapping[str, Any]) -> Joined:
    """Open several files as one source; none stays open when one fails.

    Tensors are as they are stored: the parts of a quantised weight may lie in several files. A file with a prefix is a
    model of its own.

    Args:
        ref: what opens the whole again.
        targets: (prefix for the names, path).
        config: what lies beside the whole; where that is nothing, what the only file tells counts.

    Raises:
        SourceError: a file cannot be opened, or two have a tensor of the same name.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> path = Path(tempfile.mkdtemp()) / "w.npy"
        >>> np.save(path, np.eye(2))
        >>> both = join(SourceRef("folder", str(path.parent)), [("a.", str(path)), ("b.", str(path))], {})
        >>> [spec.name for spec in both.tensors()]
        ['a.w', 'b.w']
        >>> both.close()
    """
    from eigentail.sources.identify import (  # they know this room's formats, which know this file
        open_source,
        open_stored,
    )

    parts: list[tuple[str, WeightSource]] = []
    try:
        for prefix, target in targets:
            open_one = open_source if prefix else open_stored
            parts.append((prefix, open_one(target)))  # one by one: on failure those opened so far are closed
        alone = parts[0][1].config if len(parts) == 1 else {}  # a file may tell its architecture itself
        return Joined(ref, parts, config or alone)
    except BaseException:
        for _, source in parts:
            source.close()
        raise
