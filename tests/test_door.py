"""A room's names are loaded when they are first used, and a function goes before the module of its name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

ROOM = """
from eigentail.door import open_door
open_door(__name__, {"same": ("same", "other"), "json": ("loads",), "broken": ("nothing",)})
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "room_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text(ROOM)
    (folder / "same.py").write_text("def same(): return 'function'\nother = 3\n")
    (folder / "json.py").write_text("loads = 'mine'\n")
    (folder / "broken.py").write_text("raise RuntimeError('read')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(folder.name)
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_nothing_is_loaded_before_it_is_used(room: ModuleType) -> None:
    assert not [name for name in sys.modules if name.startswith(f"{room.__name__}.")]
    assert room.other == 3
    assert [name for name in sys.modules if name.startswith(f"{room.__name__}.")] == [f"{room.__name__}.same"]
    assert {"same", "other", "loads", "nothing"} <= set(dir(room))


def test_the_function_is_found_whoever_loaded_the_module_first(room: ModuleType) -> None:
    module = importlib.import_module(f"{room.__name__}.same")
    assert isinstance(room.same, FunctionType)
    assert room.same is module.same
    importlib.reload(module)
    assert isinstance(room.same, FunctionType)
    assert room.loads == "mine"


def test_what_is_not_offered_is_no_attribute_and_a_broken_module_says_so(room: ModuleType) -> None:
    with pytest.raises(AttributeError, match="'room_of_a_test' has no attribute 'none'"):
        _ = room.none
    for _ in range(2):
        with pytest.raises(RuntimeError, match="read"):
            _ = room.nothing


@pytest.mark.parametrize("name", ["analysis", "execution", "reports", "store"])
def test_every_room_offers_what_it_says(name: str) -> None:
    room = importlib.import_module(f"eigentail.{name}")
    for offered in room.__all__:
        assert not isinstance(getattr(room, offered), ModuleType)
        assert offered in dir(room)
