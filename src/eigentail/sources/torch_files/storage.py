"""The source behind both torch formats: tensors as views of storages that lie in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, final

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.checkpoint import flatten
from eigentail.sources.config import read_config
from eigentail.sources.far.reading import Extent, extent_in
from eigentail.sources.place import place
from eigentail.sources.placed import check_rows
from eigentail.sources.ranges import RangeReader, open_range
from eigentail.sources.torch_files.strided import TensorRef, flaw, footprint, rows, view

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eigentail.sources.protocol import WeightSource


class Contents(NamedTuple):
    """A torch file, understood: its tensors by name, and the bytes of its storages by key.

    Example:
        >>> Contents({}, {}).tensors
        {}
    """

    tensors: Mapping[str, TensorRef]
    storages: Mapping[str, RangeReader]


@final
class StorageSource:
    """Tensors that are views of storages in one file. Reading maps the bytes a tensor touches, and no others.

    Args:
        ref: what opens this source again.
        reader: the file.
        contents: its tensors, checked here once against what the file holds.

    Raises:
        SourceError: a tensor's description and the bytes of its storage contradict each other, or there is no tensor.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.torch_files.strided import StorageRef
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(bytes(range(8)))
        >>> turned = TensorRef(StorageRef("0", "uint8", 6), 0, (3, 2), (1, 3), "uint8")
        >>> ref, reader = SourceRef("torch-zip", str(path)), open_range(str(path))
        >>> source = StorageSource(ref, reader, Contents({"fc.weight": turned}, {"0": reader}))
        >>> source.read(source.tensors()[0], part=(0, 2)).tolist()
        [[0, 3], [1, 4]]
        >>> source.close()
    """

    def __init__(self, ref: SourceRef, reader: RangeReader, contents: Contents) -> None:
        self._ref, self._reader, self._contents = ref, reader, contents
        if not contents.tensors:
            raise SourceError("holds no tensors", where=ref.target, hint="is this the file with the weights?")
        for name, tensor in contents.tensors.items():
            storage = contents.storages.get(tensor.storage.key)
            wrong = flaw(tensor, None if storage is None else storage.size)
            if wrong:
                raise SourceError(
                    f"tensor {name!r} {wrong}", where=ref.target, hint="the file is damaged: fetch or save it again"
                )
        self._specs = _specs(contents.tensors)

    def __reduce__(self) -> tuple[Callable[[object], WeightSource], tuple[SourceRef]]:
        from eigentail.sources.identify import open_source  # the door knows every format; a format not the door

        return open_source, (self._ref,)

    @property
    def ref(self) -> SourceRef:
        """What opens this source again."""
        return self._ref

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The `config.json` in the same folder, or nothing."""
        return read_config(place(self._ref.target).parent)

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, in the order of the checkpoint."""
        return self._specs

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
        """The tensor, or rows `part` of its first axis: a read-only view of the file."""
        tensor = self._contents.tensors.get(spec.name)
        if tensor is None:
            raise SourceError(f"no tensor {spec.name!r}", where=self._ref.target, hint="has the file changed?")
        if part is not None:
            check_rows(spec, part)
            tensor = rows(tensor, part)
        return view(tensor, self._contents.storages[tensor.storage.key].read(*tensor.window))

    def extent(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> Extent | None:
        """Where the bytes that `read` would ask for lie, if that is in a far file."""
        tensor = self._contents.tensors.get(spec.name)
        if tensor is None:
            return None
        window = (tensor if part is None else rows(tensor, part)).window
        return extent_in(self._contents.storages[tensor.storage.key], *window)

    def close(self) -> None:
        """Let go of the file; arrays already read stay valid."""
        self._reader.close()


def open_torch(ref: SourceRef, understand: Callable[[RangeReader, str], Contents]) -> StorageSource:
    """Open a torch file.

    Args:
        ref: the file.
        understand: finds its tensors and storages; given the bytes, and the path for error messages.

    Raises:
        SourceError: the file cannot be read, or is not what it should be.

    Example:
        >>> open_torch(SourceRef("torch-zip", "no/such.pt"), lambda reader, where: Contents({}, {}))
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such.pt: no such file or directory
    """
    reader = open_range(ref.target)
    try:
        return StorageSource(ref, reader, understand(reader, ref.target))
    except SourceError:
        reader.close()
        raise


def big_endian(where: str) -> SourceError:
    """Why a file is not read whose numbers have their bytes in the order of other machines.

    Args:
        where: its path.

    Example:
        >>> str(big_endian("a.pt"))
        'a.pt: was written on a big-endian machine: load and save it on a usual one'
    """
    return SourceError("was written on a big-endian machine", where=where, hint="load and save it on a usual one")


def tensors_in(tree: object, where: str) -> dict[str, TensorRef]:
    """The tensors of an unpickled checkpoint, by the name they have in the model.

    Args:
        tree: what `unpickle` returned.
        where: the path, for error messages.

    Raises:
        SourceError: as `checkpoint.flatten`.

    Example:
        >>> tensors_in({"epoch": 3}, "a.pt")
        {}
    """
    found = flatten(tree, lambda leaf: type(leaf) is TensorRef, where)
    return {name: leaf for name, leaf in found.items() if isinstance(leaf, TensorRef)}


def _specs(tensors: Mapping[str, TensorRef]) -> tuple[TensorSpec, ...]:
    # A weight is never tied to its averaged copy or to optimizer state: those are not analysed, so it would be lost.
    owners: dict[tuple[object, ...], str] = {}
    for name in sorted(tensors, key=lambda name: name.startswith(("ema.", "optimizer."))):
        owners.setdefault(footprint(tensors[name]), name)
    return tuple(_spec(name, tensor, owners[footprint(tensor)]) for name, tensor in tensors.items())


def _spec(name: str, tensor: TensorRef, owner: str) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        nbytes=tensor.nbytes,
        tied_to=owner if owner != name and tensor.nbytes else "",
    )
