"""What is kept stays within the bound, and what is in use is not removed for it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import eigentail.store.spectra
from eigentail.errors import UsageError
from eigentail.numerics import spectrum_of
from eigentail.store import SpectrumStore, address_of, bytes_of, user_limit, user_store


def fill(store: SpectrumStore, numbers: range, used: int | None = None) -> list[str]:
    addresses = []
    for i in numbers:
        stack = np.full((1, 4, 4), float(i))
        addresses.append(address_of(stack))
        store.put(addresses[-1], spectrum_of(stack))
        if used is not None:
            os.utime(store._path(addresses[-1]), (used + i, used + i))
    return addresses


def size(store: SpectrumStore) -> int:
    return sum(entry.nbytes for entry in store.entries())


class TestSettle:
    def test_nothing_goes_below_the_limit(self, tmp_path: Path) -> None:
        fill(SpectrumStore(tmp_path), range(10), used=0)
        each = size(SpectrumStore(tmp_path))
        assert SpectrumStore(tmp_path, limit=each).settle() == []
        assert len(SpectrumStore(tmp_path, limit=each).settle(beside=1)) > 0

    def test_the_least_recently_used_go_with_room_to_spare(self, tmp_path: Path) -> None:
        addresses = fill(SpectrumStore(tmp_path), range(20), used=1000)
        each = size(SpectrumStore(tmp_path)) // 20
        gone = SpectrumStore(tmp_path, limit=10 * each).settle()
        assert [entry.address for entry in gone] == addresses[:11]  # nine tenths of ten stay
        assert SpectrumStore(tmp_path, limit=10 * each).settle() == []

    def test_what_this_run_used_stays(self, tmp_path: Path) -> None:
        addresses = fill(SpectrumStore(tmp_path), range(10), used=1000)
        store = SpectrumStore(tmp_path, limit=0)
        store.get(addresses[3])
        new = fill(store, range(10, 12))
        gone = store.settle()
        assert {entry.address for entry in gone} == {*addresses} - {addresses[3]}
        assert {entry.address for entry in store.entries()} == {addresses[3], *new}
        assert store.settle() == []

    def test_what_cannot_be_removed_stays(self, tmp_path: Path, monkeypatch) -> None:
        fill(SpectrumStore(tmp_path), range(3), used=1000)

        def refused(self, missing_ok=False):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "unlink", refused)
        SpectrumStore(tmp_path, limit=0).settle()
        assert len(SpectrumStore(tmp_path).entries()) == 3

    def test_many_are_not_all_looked_at(self, tmp_path: Path, monkeypatch) -> None:
        store, random = SpectrumStore(tmp_path), np.random.default_rng(0)
        for folder in range(256):
            (tmp_path / "spectra" / f"{folder:02x}").mkdir(parents=True)
        for _ in range(4000):
            name = random.bytes(32).hex()
            (tmp_path / "spectra" / name[:2] / f"{name[2:]}.spectrum").write_bytes(bytes(random.integers(50, 150)))
        exact = size(store)
        assert store._about() == exact
        monkeypatch.setattr(eigentail.store.spectra, "_MANY", 100)
        looked_at = []
        monkeypatch.setattr(Path, "stat", lambda self, stat=Path.stat: looked_at.append(self) or stat(self))
        assert store._about() == pytest.approx(exact, rel=0.2)
        assert len(looked_at) < 400


class TestLimit:
    def test_the_variable_says_it(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setenv("EIGENTAIL_HOME", str(tmp_path))
        monkeypatch.delenv("EIGENTAIL_CACHE_SIZE", raising=False)
        assert user_limit() == user_store().limit == 5 * 10**9
        monkeypatch.setenv("EIGENTAIL_CACHE_SIZE", "20 MB")
        assert user_limit() == user_store().limit == 20 * 10**6
        monkeypatch.setenv("EIGENTAIL_CACHE_SIZE", "much")
        with pytest.raises(UsageError, match="EIGENTAIL_CACHE_SIZE: 'much' is no size: write 500MB or 1GB"):
            user_store()

    @pytest.mark.parametrize(("words", "number"), [("0", 0), ("1.5k", 1500), ("2 TB", 2 * 10**12), (" 7b ", 7)])
    def test_sizes(self, words: str, number: int) -> None:
        assert bytes_of(words) == number

    @pytest.mark.parametrize("words", ["", "GB", "-1", "1e9", "1 PB", "1.", "\u0661" * 20, "9" * 400])
    def test_no_sizes(self, words: str) -> None:
        with pytest.raises(UsageError, match="is no size"):
            bytes_of(words)


class TestTelling:
    def test_a_damaged_spectrum_is_told(self, tmp_path: Path) -> None:
        said: list[str] = []
        store = SpectrumStore(tmp_path, tell=said.append)
        one, two = fill(store, range(2))
        path = store._path(one)
        path.write_bytes(path.read_bytes()[:-1])
        assert (store.get(one), store.get("0" * 64)) == (None, None)
        assert store.get(two) is not None
        assert said == [f"{path}: this spectrum is damaged: it is computed again"]

    def test_what_cannot_be_kept_is_told_once(self, tmp_path: Path) -> None:
        said: list[str] = []
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "spectra").write_text("a file")
        fill(SpectrumStore(tmp_path / "home", tell=said.append), range(3))
        assert len(said) == 1
        assert said[0].endswith("): the analysis goes on without")

    def test_a_copy_in_another_process_tells_nobody(self, tmp_path: Path) -> None:
        store = SpectrumStore(tmp_path, tell=lambda sentence: None)  # which cannot travel
        (address,) = fill(store, range(1))
        assert pickle.loads(pickle.dumps(store)).get(address) is not None
