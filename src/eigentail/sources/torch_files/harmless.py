"""The things a pickle may ask for. Each answer is our own inert record or a plain container: nothing is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from eigentail.sources.torch_files.strided import StorageRef, TensorRef

MAX_KEY_BITS: Final = 4096  # a key becomes part of a name, and Python refuses to print much longer numbers


class Inert(msgspec.Struct, frozen=True, eq=False):
    """Something that was in the file and does not matter here; only its name is kept.

    Example:
        >>> str(Inert("torch.device"))
        'torch.device'
    """

    kind: str

    def __str__(self) -> str:
        return self.kind


class Maker(msgspec.Struct, frozen=True, eq=False):
    """A function or class that a pickle may call, as one of our own functions on plain values.

    Example:
        >>> Maker(tuple).make([1, 2])
        (1, 2)
    """

    make: Callable[..., object]


class Record(msgspec.Struct, eq=False):
    """A plain record of torch's own: the name of its class, and its fields as the pickle sets them.

    Example:
        >>> Record("Metadata").state is None
        True
    """

    kind: str
    state: Any = None


class StoredType(msgspec.Struct, frozen=True, eq=False):
    """A torch dtype, or the class of a storage of it.

    Example:
        >>> StoredType("float32").dtype
        'float32'
    """

    dtype: str


def checked_key(key: Any) -> Any:
    """The key, when hashing it costs nothing.

    Python hashes nested tuples by recursion in C: a deep one ends the process, a shared one takes exponential time.

    Raises:
        ValueError: anything but a short scalar, an inert thing, or a flat tuple of those.

    Example:
        >>> checked_key(("a", 1))
        ('a', 1)
    """
    for part in key if isinstance(key, tuple) else (key,):
        whole = type(part) is int and part.bit_length() <= MAX_KEY_BITS
        if not whole and type(part) not in (str, bytes, float, bool, type(None), Inert, Maker, Record, StoredType):
            raise ValueError("a container has a key that is neither a word nor a number")
    return key


def _dict(pairs: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()) -> dict[Any, Any]:
    items = pairs.items() if isinstance(pairs, dict) else pairs
    return {checked_key(key): value for key, value in items}


def _defaultdict(_factory: object = None, pairs: Any = ()) -> dict[Any, Any]:
    """The factory is never called: a key that is not there stays away."""
    return _dict(pairs)


def _set(items: Iterable[Any] = ()) -> set[Any]:
    return {checked_key(item) for item in items}


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: object) -> TensorRef:
    return _typed_tensor(storage, offset, shape, stride, StoredType(storage.dtype))


def _tensor_with_dtype(*args: Any) -> TensorRef:
    """Types younger than torch's storage classes name the dtype after the hooks, above a storage of bytes."""
    storage, offset, shape, stride, _grad, _hooks, dtype = args[:7]
    return _typed_tensor(storage, offset, shape, stride, dtype)


def _typed_tensor(storage: Any, offset: Any, shape: Any, stride: Any, dtype: Any) -> TensorRef:
    if type(storage) is not StorageRef or type(dtype) is not StoredType:
        raise ValueError("a tensor is not made of a storage and a type")
    if type(shape) is not tuple or type(stride) is not tuple:
        raise ValueError("the shape or the strides of a tensor are not a tuple")
    return TensorRef(storage, offset, shape, stride, dtype.dtype)


def _data(data: Any, *_: object) -> TensorRef:
    if type(data) is not TensorRef:
        raise ValueError("a parameter does not hold a tensor")
    return data


def _tensor_subclass(make: Any, _kind: object, args: Any, _state: object) -> TensorRef:
    return _data(make.make(*args))


def _inert(kind: str) -> Maker:
    return Maker(lambda *_: Inert(kind))


def _record(kind: str) -> Maker:
    return Maker(lambda *_: Record(kind))


def _dtypes() -> dict[str, StoredType]:
    wide = ("float64", "float32", "float16", "bfloat16", "complex64", "complex128", "bool")
    whole = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    eight = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
    return {name: StoredType(name) for name in wide + whole + eight}


def _storages() -> dict[str, StoredType]:
    """Quantised storages hold plain integer codes, and are listed as such."""
    classes = {
        "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16",
        "Char": "int8", "Short": "int16", "Int": "int32", "Long": "int64", "Byte": "uint8", "Bool": "bool",
        "ComplexFloat": "complex64", "ComplexDouble": "complex128",
        "QInt8": "int8", "QUInt8": "uint8", "QInt32": "int32", "Untyped": "uint8",
    }  # fmt: skip
    return {f"{name}Storage": StoredType(dtype) for name, dtype in classes.items()}


_PLAIN: Final = {
    "set": Maker(_set),
    "frozenset": Maker(_set),
    "dict": Maker(_dict),
    "list": Maker(list),
    "tuple": Maker(tuple),
    **{name: _inert(name) for name in ("complex", "bytearray", "bytes", "slice", "range", "xrange", "object")},
    **{name: Inert(name) for name in ("int", "long", "float", "str", "unicode", "bool")},
}

_TORCH: Final = {
    ("torch._utils", "_rebuild_tensor"): Maker(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): Maker(_tensor),
    ("torch._utils", "_rebuild_tensor_v3"): Maker(_tensor_with_dtype),
    ("torch._utils", "_rebuild_qtensor"): Maker(_tensor),
    ("torch._utils", "_rebuild_parameter"): Maker(_data),
    ("torch._utils", "_rebuild_parameter_with_state"): Maker(_data),
    ("torch._tensor", "_rebuild_from_type_v2"): Maker(_tensor_subclass),
    ("torch.nn.parameter", "Parameter"): Maker(_data),
    ("torch.nn.parameter", "Buffer"): Maker(_data),
    ("torch", "Tensor"): Inert("torch.Tensor"),
    ("torch", "Size"): Maker(tuple),
    ("torch", "device"): _inert("torch.device"),
    ("torch.serialization", "_get_layout"): _inert("torch.layout"),
    **{("torch", name): Inert(f"torch.{name}") for name in ("per_tensor_affine", "per_channel_affine")},
    **{("torch", name): dtype for name, dtype in _dtypes().items()},
    **{(room, name): kind for room in ("torch", "torch.cuda") for name, kind in _storages().items()},
    ("torch.storage", "UntypedStorage"): StoredType("uint8"),
}

_CHECKPOINT: Final = "torch.distributed.checkpoint"
# What the list of a distributed checkpoint is made of; hashed by identity where one is a key.
_DISTRIBUTED: Final = {
    **{
        (f"{_CHECKPOINT}.metadata", name): _record(name)
        for name in ("Metadata", "TensorStorageMetadata", "ChunkStorageMetadata", "BytesStorageMetadata")
    },
    **{(f"{_CHECKPOINT}.metadata", name): _record(name) for name in ("MetadataIndex", "StorageMeta")},
    (f"{_CHECKPOINT}.metadata", "TensorProperties"): _record("TensorProperties"),
    ("torch.distributed._shard.sharded_tensor.metadata", "TensorProperties"): _record("TensorProperties"),
    ("torch.distributed._shard.sharded_tensor.metadata", "MEM_FORMAT_ENCODING"): _inert("torch.memory_format"),
    (f"{_CHECKPOINT}.metadata", "_MEM_FORMAT_ENCODING"): _inert("torch.memory_format"),
    (f"{_CHECKPOINT}.filesystem", "_StorageInfo"): _record("_StorageInfo"),
}

_OTHERS: Final = {
    ("collections", "OrderedDict"): Maker(_dict),
    ("collections", "Counter"): Maker(_dict),
    ("collections", "defaultdict"): Maker(_defaultdict),
    ("_codecs", "encode"): _inert("bytes"),
    ("argparse", "Namespace"): _inert("argparse.Namespace"),
    ("types", "SimpleNamespace"): _inert("types.SimpleNamespace"),
    **{("pathlib", name): _inert("path") for name in ("Path", "PosixPath", "PurePosixPath", "WindowsPath")},
    **{("pathlib._local", name): _inert("path") for name in ("Path", "PosixPath", "WindowsPath")},
    **{("datetime", name): _inert(f"datetime.{name}") for name in ("date", "datetime", "timedelta")},
    ("numpy", "dtype"): _inert("numpy.dtype"),
    ("numpy", "ndarray"): Inert("numpy.ndarray"),
    **{
        (f"numpy.{core}.{module}", name): _inert("numpy value")
        for core in ("core", "_core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    },
    **{
        (f"{package}.callbacks.{module}", name): Inert(name)
        for package in ("pytorch_lightning", "lightning.pytorch")
        for module, name in (("model_checkpoint", "ModelCheckpoint"), ("early_stopping", "EarlyStopping"))
    },
}

HARMLESS: Final[Mapping[tuple[str, str], object]] = {
    **{(module, name): made for module in ("builtins", "__builtin__") for name, made in _PLAIN.items()},
    **_TORCH,
    **_DISTRIBUTED,
    **_OTHERS,
}
