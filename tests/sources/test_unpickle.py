from __future__ import annotations

import argparse
import io
import pickle
import pickletools
import types
from collections import Counter, OrderedDict, defaultdict
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.sources.torch_files import unpickle as unpickle_module
from eigentail.sources.torch_files.bounded import Bounded
from eigentail.sources.torch_files.harmless import HARMLESS, Inert, Maker, StoredType, checked_key
from eigentail.sources.torch_files.strided import StorageRef
from eigentail.sources.torch_files.unpickle import unpickle

keys = st.text() | st.integers() | st.booleans() | st.none() | st.binary() | st.tuples(st.text(), st.text())
PLAIN = (int, float, str, bytes, type(None), list, dict, tuple, set, Inert, Maker, StoredType)
scalars = keys | st.floats(allow_nan=False)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner) | st.dictionaries(keys, inner) | st.tuples(inner, inner, inner, inner) | st.sets(st.integers())
    ),
    max_leaves=20,
)


def read(data: bytes) -> Any:
    return unpickle(Bounded(io.BytesIO(data), len(data)), "a.pt").tree


@given(trees, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_comes_back_as_it_was(tree: object, protocol: int) -> None:
    if protocol < 3 and any(word in repr(tree) for word in ("b'", 'b"')):
        return  # there bytes are a call of _codecs.encode, which stays inert
    assert read(pickle.dumps(tree, protocol)) == tree


@given(trees, st.data())
def test_a_cut_pickle_is_a_sentence(tree: object, data: st.DataObject) -> None:
    whole = pickle.dumps(tree)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(SourceError, match=r"^a\.pt: the pickle inside is damaged"):
        read(cut)


@given(st.binary(max_size=60))
def test_noise_is_a_sentence_or_plain_data(noise: bytes) -> None:
    with suppress(SourceError):
        assert isinstance(read(b"\x80\x02" + noise + b"."), PLAIN)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "thing",
    [
        argparse.Namespace(lr=0.1),
        types.SimpleNamespace(a=[1]),
        PurePosixPath("a/b"),
        np.float32(3),
        np.dtype("<f4"),
        np.eye(2),
        complex(1, 2),
        slice(1, 2, 3),
        range(10**9),
        int,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_harmless_things_are_kept_by_name_only(thing: object, protocol: int) -> None:
    found = read(pickle.dumps(thing, protocol))
    assert isinstance(found, Inert)
    assert str(found)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_containers_become_plain_ones(protocol: int) -> None:
    ordered = OrderedDict(a=1, b=2)
    ordered.note = "dropped"  # type: ignore[attr-defined]
    assert read(pickle.dumps([ordered, Counter("aab"), defaultdict(int, a=1)], protocol)) == [
        {"a": 1, "b": 2},
        {"a": 2, "b": 1},
        {"a": 1},
    ]
    assert read(pickle.dumps([{1, 2}, frozenset({3})], protocol)) == [{1, 2}, {3}]


def test_a_container_that_holds_itself() -> None:
    ring: dict[str, Any] = {}
    ring["self"] = ring
    found = read(pickle.dumps(ring))
    assert found["self"] is found


def test_a_storage_with_a_view_of_an_older_torch() -> None:
    def storage(view: bytes) -> bytes:
        return b"\x80\x02(U\x07storagectorch\nFloatStorage\nU\x017U\x03cpuK\x0a" + view + b"tQ."

    assert read(storage(b"N")) == StorageRef("7", "float32", 10)
    assert read(storage(b"U\x018K\x02K\x05\x87")) == StorageRef("7", "float32", 5, start=2)
    with pytest.raises(SourceError, match="a view of 9 values at 2 leaves its storage of 10"):
        read(storage(b"U\x018K\x02K\x09\x87"))


def test_storages_are_known_even_where_nothing_uses_them() -> None:
    data = b"\x80\x02(U\x07storagectorch\nHalfStorage\nU\x017U\x03cpuK\x0atQ0N."
    found = unpickle(Bounded(io.BytesIO(data), len(data)), "a.pt")
    assert found.tree is None
    assert found.storages == {"7": "float16"}


def test_everything_on_the_list_is_our_own() -> None:
    assert all(type(thing) in (Inert, Maker, StoredType) for thing in HARMLESS.values())


def test_every_opcode_that_makes_or_changes_an_object_is_replaced() -> None:
    theirs, ours = pickle._Unpickler.dispatch, unpickle_module._Unpickler._own
    calls = {"reduce", "newobj", "newobj_ex", "inst", "obj", "build", "setitem", "setitems", "dict", "additems"}
    makes = {code.name.lower() for code in pickletools.opcodes if bytes(code.code, "latin-1") in ours}
    assert calls <= makes
    assert set(unpickle_module._Unpickler.dispatch) == set(theirs)


def test_the_steps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle_module, "MAX_STEPS", 100)
    assert read(pickle.dumps(list(range(40)))) == list(range(40))
    with pytest.raises(SourceError, match="takes more than 100 steps"):
        read(pickle.dumps(list(range(100))))
    with pytest.raises(SourceError, match="takes more than 100 steps"):  # a copy costs what it copies
        read(b"\x80\x02c__builtin__\nlist\nX\x65\x00\x00\x00" + b"a" * 101 + b"\x85R.")


def test_the_next_pickle_follows_at_once() -> None:
    data = pickle.dumps([1]) + pickle.dumps("two") + b"rest"
    file = Bounded(io.BytesIO(data), len(data))
    assert (unpickle(file, "").tree, unpickle(file, "").tree, file.read(4)) == ([1], "two", b"rest")
    assert file.position == len(data)


@pytest.mark.parametrize("key", [("a", ("b",)), (), ("a", 1), 2**63, 1.5, None, b"x"])
def test_keys(key: object) -> None:
    if key == ("a", ("b",)):
        with pytest.raises(ValueError, match="neither a word nor a number"):
            checked_key(key)
    else:
        assert checked_key(key) is key
