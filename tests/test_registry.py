"""A folder is a registry: what lies in it is found, what is broken says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eigentail import registry as module
from eigentail.errors import UsageError
from eigentail.registry import Registry

ENTRY = "from types import SimpleNamespace\nTHING = SimpleNamespace(name={!r})\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Registry[Any]]:
    """Make a package of the files given and a registry of it."""

    def make(**files: str) -> Registry[Any]:
        package = tmp_path / "variants_of_a_test"
        package.mkdir()
        (package / "__init__.py").write_text("")
        for name, text in files.items():
            (package / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        for name in [name for name in sys.modules if name.startswith(package.name)]:
            monkeypatch.delitem(sys.modules, name)
        return Registry("thing", package.name, "THING")

    return make


def plug_in(monkeypatch: pytest.MonkeyPatch, **loaders: Callable[[], object]) -> None:
    """Offer third-party entry points."""
    points = [SimpleNamespace(name=name, load=load) for name, load in loaders.items()]
    monkeypatch.setattr(module, "entry_points", lambda group: points if group == "eigentail.thing" else [])


def test_finds_what_lies_in_the_folder(folder: Callable[..., Registry[Any]]) -> None:
    two = "from types import SimpleNamespace\nTHING = tuple(SimpleNamespace(name=n) for n in 'cd')\n"
    things = folder(b=ENTRY.format("bee"), a=ENTRY.format("ay"), z=two, helper="x = 1\n")
    assert list(things) == ["ay", "bee", "c", "d"]
    assert things["bee"].name == "bee"
    assert len(things) == 4
    assert "c" in things
    assert "e" not in things


def test_nothing_is_read_before_it_is_asked_for(folder: Callable[..., Registry[Any]]) -> None:
    things = folder(a="raise RuntimeError('read')\n")
    with pytest.raises(RuntimeError, match="read"):
        list(things)


def test_a_broken_module_raises_every_time_and_never_hides_the_others(folder: Callable[..., Registry[Any]]) -> None:
    things = folder(a=ENTRY.format("ay"), b="raise RuntimeError('broken')\n")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            things["ay"]


def test_an_unknown_name_is_told_with_the_nearest_known_one(folder: Callable[..., Registry[Any]]) -> None:
    things = folder(a=ENTRY.format("pooled"))
    with pytest.raises(UsageError, match=r"^unknown thing 'poled': did you mean pooled"):
        things["poled"]


def test_a_strangers_plug_in_comes_in_but_cannot_replace_a_built_in(
    folder: Callable[..., Registry[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(
        monkeypatch,
        ay=lambda: SimpleNamespace(name="ay", stranger=True),
        both=lambda: (SimpleNamespace(name="x"), SimpleNamespace(name="y")),
    )
    things = folder(a=ENTRY.format("ay"))
    assert list(things) == ["ay", "x", "y"]
    assert not hasattr(things["ay"], "stranger")


def test_a_broken_plug_in_is_reported_and_stops_nobody(
    folder: Callable[..., Registry[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> object:
        raise ImportError("no module named x")

    plug_in(monkeypatch, bad=broken, good=lambda: SimpleNamespace(name="good"))
    things = folder(a=ENTRY.format("ay"))
    assert list(things) == ["ay", "good"]
    assert things.broken == {"bad": "ImportError: no module named x"}


def test_a_plug_in_without_a_name_is_broken_too(
    folder: Callable[..., Registry[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(monkeypatch, nameless=lambda: 3)
    things = folder(a=ENTRY.format("ay"))
    assert list(things) == ["ay"]
    assert "name" in things.broken["nameless"]


def test_entry_points_are_those_of_the_standard_library() -> None:
    assert all(isinstance(point, EntryPoint) for point in module.entry_points(group="console_scripts"))


def test_an_entry_in_a_module_of_its_name_needs_no_other_module(folder: Callable[..., Registry[Any]]) -> None:
    things = folder(ay=ENTRY.format("ay"), broken="raise RuntimeError('read')\n", other=ENTRY.format("not other"))
    assert things["ay"].name == "ay"
    with pytest.raises(RuntimeError, match="read"):
        things["other"]  # the module of that name holds something else, so that all have to be looked through


def test_the_first_that_fits_is_looked_for_where_the_words_point(folder: Callable[..., Registry[Any]]) -> None:
    things = folder(a="raise RuntimeError('read')\n", bee=ENTRY.format("bee"), cee=ENTRY.format("cee"))
    found = things.first(lambda thing: thing.name in ("bee", "cee"), near="model.CEE")
    assert found is not None
    assert found.name == "cee"
    with pytest.raises(RuntimeError, match="read"):
        things.first(lambda thing: thing.name == "bee", near="model")


def test_each_entry_is_asked_once_and_a_strangers_too(
    folder: Callable[..., Registry[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(monkeypatch, stranger=lambda: SimpleNamespace(name="stranger"))
    things = folder(a=ENTRY.format("ay"), b=ENTRY.format("bee"))
    for _ in range(2):
        asked: list[str] = []
        assert things.first(lambda thing: asked.append(thing.name), near="b") is None  # noqa: B023, of this round
        assert sorted(asked) == ["ay", "bee", "stranger"]


@pytest.mark.parametrize("kind", ["made_up-1.0.dist-info", "made_up.egg-info"])
def test_what_an_installed_package_offers_is_found(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / kind
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (about / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[eigentail.made_up]\nthing = made_up:THING\n")
    assert module.entry_points("eigentail.made_up") == ()
    monkeypatch.syspath_prepend(tmp_path)
    assert [point.value for point in module.entry_points("eigentail.made_up")] == ["made_up:THING"]


def test_what_only_a_finder_knows_of_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("thing", "made_up:THING", "eigentail.made_up")
    one = SimpleNamespace(entry_points=[point], _normalized_name="made_up")
    finder = SimpleNamespace(find_distributions=lambda context: [one], find_spec=lambda *_: None)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    assert [found.value for found in module.entry_points("eigentail.made_up")] == ["made_up:THING"]


def test_a_name_that_was_found_once_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    registry: Registry[Any] = Registry("tail estimator", "eigentail.numerics.estimators", "ESTIMATOR")
    first = registry["clauset"]
    monkeypatch.setattr(registry, "_modules", lambda: pytest.fail("the folder was read again"))
    assert registry["clauset"] is first
