"""A spectrum is made once for the same weights and settings, and never lost, mixed up or believed when damaged."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

import eigentail.store.spectra
from eigentail.analysis import analyze
from eigentail.errors import UsageError
from eigentail.execution import threads
from eigentail.numerics import spectrum_of
from eigentail.settings import Settings
from eigentail.store import SpectrumStore, address_of, user_home, user_store

SRC = Path(__file__).resolve().parents[2] / "src"


def net(seed: int = 0, layers: int = 4) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {f"fc{i}.weight": random.standard_t(2.5, (48, 32)).astype(np.float32) for i in range(layers)}


@pytest.fixture
def store(tmp_path: Path) -> SpectrumStore:
    return SpectrumStore(tmp_path / "home")


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every stack whose spectrum is computed for a layer from here on."""
    import eigentail.analysis.evidence as evidence

    made: list[object] = []

    def counted(stack, **choices):
        made.append(stack)
        return spectrum_of(stack, **choices)

    monkeypatch.setattr(evidence, "spectrum_of", counted)
    return made


def same(one, other) -> bool:
    """To the last bit, NaN included."""
    left, right = asdict(one), asdict(other)
    values = [fields.pop("eigenvalues").tobytes() for fields in (left, right)]
    return left == right and values[0] == values[1]


class TestAddress:
    def test_is_a_plain_hash_of_the_content(self) -> None:
        stack = np.arange(24.0).reshape(2, 3, 4)
        made_of = ("eigentail spectrum 5", "float64", "<f8", (2, 3, 4), "auto", (0.5).hex())
        slow = blake2b(repr(made_of).encode() + stack.tobytes("C"), digest_size=32).hexdigest()
        assert address_of(stack, scale=0.5) == slow

    @given(
        shape=st.tuples(*[st.integers(1, 6)] * 3),
        at_once=st.integers(1, 400),
        order=st.permutations([0, 1, 2]),
    )
    def test_depends_on_neither_memory_order_nor_block_size(self, shape, at_once, order) -> None:
        stack = np.random.default_rng(0).normal(size=shape).astype(ml_dtypes.bfloat16)
        twin = np.empty([shape[axis] for axis in order], stack.dtype).transpose(np.argsort(order))
        twin[...] = stack
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(eigentail.store.spectra, "_HASHED_AT_ONCE", at_once)
            assert address_of(twin) == address_of(stack)
        assert address_of(twin) == address_of(stack)

    def test_everything_that_changes_a_spectrum_changes_it(self) -> None:
        stack = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
        one_bit = stack.copy()
        one_bit[1, 2, 3] ^= 1
        others = [
            address_of(one_bit),
            address_of(stack.view(np.uint16)),
            address_of(stack.view(np.float16)),
            address_of(stack.view(ml_dtypes.bfloat16)),
            address_of(stack.view(">i2")),
            address_of(stack.reshape(2, 4, 3)),
            address_of(stack.reshape(1, 6, 4)),
            address_of(stack[:1]),
            address_of(stack, precision="float32"),
            address_of(stack, precision="float64"),
            address_of(stack, scale=0.5),
            address_of(stack, scale=np.nextafter(1.0, 2.0)),
        ]
        assert len({address_of(stack), *others}) == 1 + len(others)

    def test_nothing_at_all_has_one_too(self) -> None:
        assert address_of(np.zeros((0, 3, 3))) != address_of(np.zeros((1, 0, 3)))

    def test_weights_are_not_copied_as_a_whole(self) -> None:
        import tracemalloc

        stack = np.zeros((1, 2048, 2048)).transpose(0, 2, 1)
        tracemalloc.start()
        address_of(stack)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < stack.nbytes / 4


class TestSpectra:
    @pytest.mark.parametrize(
        "stack",
        [
            np.zeros((1, 5, 3)),
            np.eye(7)[None],
            np.ones((1, 1, 1), np.float16),
            np.random.default_rng(0).normal(size=(9, 8, 16)).astype(ml_dtypes.bfloat16),
            np.diag(np.logspace(-15, 15, 20))[None],
            np.full((1, 2, 2), 1e-150),
        ],
        ids=["zero", "flat", "one", "convolution", "thirty orders", "tiny"],
    )
    def test_come_back_to_the_last_bit(self, store: SpectrumStore, stack: np.ndarray) -> None:
        spectrum = spectrum_of(stack, scale=1 / 3)
        address = address_of(stack, scale=1 / 3)
        assert store.get(address) is None
        store.put(address, spectrum)
        found = SpectrumStore(store.home).get(address)
        assert store.trouble == ""
        assert same(found, spectrum)
        assert found.eigenvalues.dtype == np.float64
        assert not found.eigenvalues.flags.writeable

    def test_every_byte_that_is_changed_or_missing_is_noticed(self, store: SpectrumStore) -> None:
        stack = np.diag([1.0, 2.0, 3.0])[None]
        address, spectrum = address_of(stack), spectrum_of(stack)
        store.put(address, spectrum)
        (entry,) = store.entries()
        whole = entry.path.read_bytes()
        assert store.damaged() == []
        changed = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(len(whole))]
        for content in [*changed, *(whole[:i] for i in range(len(whole))), whole + b"\0"]:
            entry.path.write_bytes(content)
            assert store.get(address) is None
            assert [damaged.address for damaged in store.damaged()] == [address]
        store.put(address, spectrum)
        assert same(store.get(address), spectrum)

    def test_an_entry_under_another_name_is_damaged(self, store: SpectrumStore) -> None:
        stack = np.eye(3)[None]
        store.put(address_of(stack), spectrum_of(stack))
        (entry,) = store.entries()
        other = entry.path.with_name("0" * 62 + ".spectrum")
        entry.path.rename(other)
        assert [damaged.path for damaged in store.damaged()] == [other]


class TestAnalysis:
    def test_a_second_one_solves_nothing_and_says_the_same(self, store, monkeypatch) -> None:
        plain, first = analyze(net()), analyze(net(), store=store)

        def never(*arrays):
            raise AssertionError("a spectrum was computed")

        monkeypatch.setattr("eigentail.numerics.processor.eigenvalues_of", never)
        second = analyze(net(), store=SpectrumStore(store.home), using=threads(2))
        assert len(store.entries()) == 4
        assert plain.to_json() == first.to_json() == second.to_json()
        for one, other in zip(plain.layers, second.layers, strict=True):
            assert same(one.spectrum, other.spectrum)
        with pytest.raises(AssertionError, match="a spectrum was computed"):
            analyze(net())

    def test_only_a_changed_layer_is_computed(self, store, solved) -> None:
        model = net()
        analyze(model, store=store)
        changed = model | {"fc2.weight": model["fc2.weight"] * 2}
        del solved[:]
        report = analyze(changed, store=store)
        assert len(solved) == 1
        assert report.to_json() == analyze(changed).to_json()

    def test_a_setting_that_changes_spectra_is_asked_for(self, store, solved) -> None:
        model = {"conv.weight": np.random.default_rng(0).normal(size=(16, 16, 3, 3)).astype(np.float16)}
        for settings in (Settings(), Settings(precision="float32"), Settings(conv_scale="none"), Settings()):
            assert analyze(model, settings, store=store).to_json() == analyze(model, settings).to_json()
        assert len(store.entries()) == 3
        assert len(solved) == 4 + 3

    def test_one_that_does_not_is_not(self, store, solved) -> None:
        on_request = Settings(metrics=("*",), shuffles=3)  # needs spectra of shuffled and of smaller matrices
        for settings in (Settings(), Settings(tail="hill"), Settings(seed=5), on_request):
            analyze(net(layers=1), settings, store=store)
        assert len(store.entries()) == 1

    @pytest.mark.parametrize("damage", [b"", b"half", b"\0" * 500])
    def test_a_damaged_entry_is_replaced(self, store, solved, damage: bytes) -> None:
        first = analyze(net(), store=store)
        store.entries()[1].path.write_bytes(damage)
        del solved[:]
        assert analyze(net(), store=store).to_json() == first.to_json()
        assert len(solved) == 1
        assert (len(store.entries()), store.damaged()) == (4, [])

    def test_a_layer_without_a_spectrum_is_not_kept(self, store) -> None:
        broken = net() | {"fc1.weight": np.full((48, 32), np.nan)}
        assert analyze(broken, store=store).to_json() == analyze(broken).to_json()
        assert len(store.entries()) == 3

    def test_a_full_disk_fails_nothing(self, store, monkeypatch) -> None:
        def full(path, content):
            raise UsageError("cannot be written") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        analyze({"fc0.weight": net()["fc0.weight"]}, store=store)
        monkeypatch.setattr(eigentail.store.spectra, "write_atomically", full)
        assert analyze(net(), store=store).to_json() == analyze(net()).to_json()
        assert store.trouble == f"{store.home}: spectra are not kept (no space left on device)"
        assert len(store.entries()) == 1

    @pytest.mark.parametrize("blocked", ["", "spectra", "spectra/{}"])
    def test_a_file_where_a_folder_should_be_fails_nothing(self, tmp_path, blocked: str) -> None:
        home = tmp_path / "home"
        weights = net(layers=1)
        address = address_of(weights["fc0.weight"][None])
        store = SpectrumStore(home)
        path = home / blocked.format(address[:2])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        assert analyze(weights, store=store).to_json() == analyze(weights).to_json()
        assert store.trouble.startswith(f"{home}: spectra are not kept (")
        assert path.read_text() == "mine"

    def test_a_home_that_may_not_be_written_to_is_still_read(self, store, solved, monkeypatch) -> None:
        analyze(net(layers=1), store=store)

        def refused(self, *words, **choices):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

        monkeypatch.setattr(Path, "touch", refused)  # a superuser may write anywhere, so rights would show nothing
        monkeypatch.setattr(eigentail.store.spectra, "write_atomically", refused)
        del solved[:]
        analyze(net(layers=2), store=store)
        assert len(solved) == 1
        assert store.trouble == f"{store.home}: spectra are not kept (permission denied)"


class TestCopies:
    """What a copy in another process finds out is told where the analysis was begun."""

    @pytest.fixture
    def said(self) -> list[str]:
        return []

    @pytest.fixture
    def own(self, tmp_path: Path, said: list[str]) -> SpectrumStore:
        return SpectrumStore(tmp_path / "home", tell=said.append)

    def test_a_copy_keeps_its_news_until_it_is_asked(self, own, said) -> None:
        stack = np.eye(3)[None]
        address = address_of(stack)
        own.put(address, spectrum_of(stack))
        own.entries()[0].path.write_bytes(b"")
        copy = pickle.loads(pickle.dumps(own))
        assert (copy.get(address), said, own.news()) == (None, [], ())
        news = copy.news()
        assert [notice.sentence.endswith(": this spectrum is damaged: it is computed again") for notice in news] == [
            True
        ]
        assert copy.news() == ()
        own.hear(pickle.loads(pickle.dumps(news)))
        assert said == [notice.sentence for notice in news]

    def test_the_same_trouble_of_several_copies_is_told_once(self, own, said) -> None:
        own.home.mkdir()
        (own.home / "spectra").write_text("a file")
        stack = np.eye(3)[None]
        for _ in range(2):
            copy = pickle.loads(pickle.dumps(own))
            for _ in range(2):
                copy.put(address_of(stack), spectrum_of(stack))
            own.hear(copy.news())
        assert said == [f"{own.trouble}: the analysis goes on without"]
        assert own.trouble.startswith(f"{own.home}: spectra are not kept (")


WRITER = """
import sys
from pathlib import Path
import numpy as np
from eigentail.numerics import spectrum_of
from eigentail.store import SpectrumStore, address_of
store, me = SpectrumStore(Path(sys.argv[1])), int(sys.argv[2])
sys.stdin.readline()
for i in [*range(20), *range(100 * me, 100 * me + 10)] * 3:
    stack = np.random.default_rng(i).normal(size=(1, 24, 16))
    found = store.get(address_of(stack))
    assert found is None or found.eigenvalues.tobytes() == spectrum_of(stack).eigenvalues.tobytes()
    store.put(address_of(stack), spectrum_of(stack))
assert not store.trouble, store.trouble
"""


def test_eight_processes_at_once_lose_nothing(store: SpectrumStore) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.home), str(me)], stdin=subprocess.PIPE, env=environment
        )
        for me in range(1, 9)
    ]
    for writer in writers:  # all are made before the first one starts to write
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0] * 8
    assert len(store.entries()) == 20 + 8 * 10
    assert store.damaged() == []
    assert [path for path in store.home.rglob(".*")] == []


class TestUpkeep:
    def fill(self, store: SpectrumStore, count: int) -> list[str]:
        addresses = []
        for i in range(count):
            stack = np.full((1, 4, 4), float(i))
            addresses.append(address_of(stack))
            store.put(addresses[-1], spectrum_of(stack))
            os.utime(store._path(addresses[-1]), (i, i))
        return addresses

    def test_what_was_not_used_for_longest_goes_first(self, store: SpectrumStore) -> None:
        addresses = self.fill(store, 5)
        store.get(addresses[0])
        size = sum(entry.nbytes for entry in store.entries())
        gone = store.prune(size - 1)
        assert [entry.address for entry in gone] == [addresses[1]]
        each = store.entries()[0].nbytes
        assert [entry.address for entry in store.prune(2 * each)] == addresses[2:4]
        assert {entry.address for entry in store.entries()} == {addresses[0], addresses[4]}
        assert store.prune(2 * each) == []
        assert len(store.prune(0)) == 2
        assert store.entries() == []

    def test_clearing_leaves_what_is_not_ours(self, store: SpectrumStore) -> None:
        addresses = self.fill(store, 3)
        half_written = store._path(addresses[0]).with_name(".half.1234")
        notes = [store.home / "notes.spectrum", store.home / "spectra" / "notes.spectrum"]
        for path in (half_written, *notes):
            path.write_text("x")
        assert len(store.entries()) == 3
        assert len(store.clear()) == 3
        assert store.entries() == []
        assert not half_written.exists()
        assert all(path.exists() for path in notes)

    def test_an_empty_home_is_clean(self, store: SpectrumStore) -> None:
        assert (store.entries(), store.damaged(), store.clear(), store.prune(0)) == ([], [], [], [])
        assert not store.home.exists()


class TestHome:
    def test_the_variable_chooses_it(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("EIGENTAIL_HOME", str(tmp_path / "mine"))
        assert user_home() == user_store().home == tmp_path / "mine"
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("EIGENTAIL_HOME", "near")
        assert user_home() == tmp_path / "near"

    @pytest.mark.skipif(sys.platform != "linux", reason="each system has its own place, checked on Linux")
    @pytest.mark.parametrize("unset", [None, ""])
    def test_without_it_the_place_of_the_system(self, tmp_path, monkeypatch, unset) -> None:
        monkeypatch.delenv("EIGENTAIL_HOME") if unset is None else monkeypatch.setenv("EIGENTAIL_HOME", unset)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert user_home() == tmp_path / "eigentail"
        assert list(tmp_path.iterdir()) == []

    def test_one_of_a_newer_version_is_refused(self, store: SpectrumStore) -> None:
        analyze(net(layers=1), store=store)
        SpectrumStore(store.home)
        (store.home / "version").write_text("2\n")
        with pytest.raises(UsageError, match=r"made by a newer eigentail \(store 2, this one knows up to 1\)") as told:
            SpectrumStore(store.home)
        assert "\n" not in str(told.value)

    @pytest.mark.parametrize("said", [b"", b"one", b"\xff\xfe", b"-1"])
    def test_one_that_does_not_say_is_refused(self, tmp_path: Path, said: bytes) -> None:
        (tmp_path / "version").write_bytes(said)
        with pytest.raises(UsageError, match="the file `version` in it is damaged: delete it, or set EIGENTAIL_HOME"):
            SpectrumStore(tmp_path)

    def test_a_file_is_no_home(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(UsageError, match=r"file: cannot be used as a store \(not a directory\)"):
            SpectrumStore(tmp_path / "file")
