"""The words for a device: what they become, what is looked at to decide, and what is said where it is not there."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from eigentail.backends import CPU, Device, device, devices, placed, settled
from eigentail.errors import UsageError
from eigentail.settings import Settings, parse_settings

TWO_OF_THEM = ("cuda:0", "cuda:1", "xpu:0", "mps")
SMALL, LARGE = 1e6, 1e15


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with cards of every kind."""
    monkeypatch.setattr(device, "devices", lambda: TWO_OF_THEM)
    monkeypatch.setattr(device, "driver_visible", lambda: True)


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking torch is a failure: it would have to be imported."""

    def never() -> tuple[str, ...]:
        raise AssertionError("torch was asked")

    monkeypatch.setattr(device, "devices", never)


@pytest.mark.parametrize(
    ("word", "cards"),
    [
        ("cpu", ()),
        ("cuda", ("cuda:0", "cuda:1")),
        ("cuda:1", ("cuda:1",)),
        ("xpu", ("xpu:0",)),
        ("mps", ("mps",)),
        ("torch:cpu", ("cpu",)),
    ],
)
@pytest.mark.parametrize("flops", [SMALL, LARGE])
def test_a_word_is_the_cards_it_names_whatever_the_work(
    there: None, word: str, cards: tuple[str, ...], flops: float
) -> None:
    assert placed(word, flops) == Device(cards)
    assert settled(word, flops) == word


def test_auto_takes_every_cuda_card_for_a_large_layer_of_large_work(there: None) -> None:
    assert settled("auto", LARGE) == "auto"
    assert placed("auto", LARGE) == Device(("cuda:0", "cuda:1"))
    assert placed("auto", SMALL) == CPU


def test_auto_asks_nobody_where_the_work_is_small(untouched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "driver_visible", lambda: True)
    assert settled("auto", device.PAYS / 2) == "cpu"


def test_auto_asks_nobody_where_no_driver_is_seen(untouched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "driver_visible", lambda: False)
    assert settled("auto", LARGE) == "cpu"
    assert placed("auto", LARGE) == CPU


@pytest.mark.parametrize("seen", [(), ("mps",), ("xpu:0",)])
def test_auto_is_the_cpu_where_torch_drives_no_cuda_card(
    monkeypatch: pytest.MonkeyPatch, seen: tuple[str, ...]
) -> None:
    monkeypatch.setattr(device, "driver_visible", lambda: True)
    monkeypatch.setattr(device, "devices", lambda: seen)
    assert settled("auto", LARGE) == "cpu"
    assert placed("auto", LARGE) == CPU


@pytest.mark.parametrize(
    ("word", "seen", "sentence"),
    [
        ("cuda:7", TWO_OF_THEM, "device: no cuda:7 here: there is cuda:0, cuda:1, xpu:0, mps; cpu is always there"),
        ("cuda", (), "device: no cuda here: torch sees no GPU here; cpu is always there"),
        ("mps", ("cuda:0",), "device: no mps here: there is cuda:0; cpu is always there"),
    ],
)
def test_one_that_is_not_there_is_told_with_what_is(
    monkeypatch: pytest.MonkeyPatch, word: str, seen: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.setattr(device, "devices", lambda: seen)
    for ask in (placed, settled):
        with pytest.raises(UsageError) as told:
            ask(word, SMALL)
        assert str(told.value) == sentence


def test_without_torch_there_is_the_cpu_and_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    monkeypatch.setattr(device, "driver_visible", lambda: True)
    assert devices() == ()
    assert settled("auto", LARGE) == "cpu"
    with pytest.raises(UsageError, match=r'^device: cuda needs torch: pip install "eigentail\[torch\]"$'):
        placed("cuda", LARGE)


def test_a_torch_that_cannot_be_loaded_has_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(device, "find_spec", lambda name: object())
    assert devices() == ()


def test_what_torch_counts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices() == ("cuda:0", "cuda:1", "xpu:0", "mps")


@pytest.mark.parametrize("node", ["nvidia0", "nvidia12", "kfd", "dxg"])
def test_a_driver_is_seen_by_what_the_system_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, node: str) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "nvidiactl").touch()
    assert not device.driver_visible(tmp_path)
    (tmp_path / node).touch()
    assert device.driver_visible(tmp_path)
    for hidden, seen in (("", False), ("-1", False), ("0", True), ("1,0", True)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert device.driver_visible(tmp_path) is seen


def test_a_driver_of_windows_is_a_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    assert not device.driver_visible()
    (tmp_path / "System32").mkdir()
    (tmp_path / "System32" / "nvcuda.dll").touch()
    assert device.driver_visible()


@pytest.mark.parametrize("visible", [False, True])
def test_deciding_by_itself_imports_no_torch_where_it_does_not_pay(visible: bool) -> None:
    script = f"""
import sys, numpy as np, eigentail as et
from eigentail.backends import device
device.driver_visible = lambda: {visible}
et.analyze({{"w": np.random.default_rng(0).standard_normal((96, 64))}})
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_device_travels() -> None:
    assert pickle.loads(pickle.dumps(Device(("cuda:1",)))) == Device(("cuda:1",))


@pytest.mark.parametrize("word", ["auto", "cpu", "cuda", "cuda:0", "cuda:11", "xpu:3", "mps", "torch:cpu"])
def test_a_word_that_is_known_is_a_setting(word: str) -> None:
    assert Settings(device=word) == parse_settings({"device": word})


@pytest.mark.parametrize("word", ["", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:0,1", "mps:1", "torch:cuda", "cuda:0\n"])
def test_any_other_word_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match=r"^device: unknown value .*: choose from auto, cpu, cuda, cuda:1, mps, xpu$"):
        parse_settings({"device": word})


def test_a_number_is_no_word() -> None:
    with pytest.raises(UsageError, match="device"):
        Settings(device=0)  # type: ignore[arg-type]
