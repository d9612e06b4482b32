"""What is finished is not measured again while nothing has changed, and the report is the same."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from safetensors.numpy import save_file

import eigentail.analysis.measure
import eigentail.analysis.stamp
from eigentail.analysis import Interrupted, analyze, compare, diff, merge, study
from eigentail.analysis.document import layer_bytes, layer_from
from eigentail.analysis.kept import report_of_run
from eigentail.errors import SourceError
from eigentail.execution import threads
from eigentail.settings import Settings
from eigentail.sources import open_source
from eigentail.store import RunStore, SpectrumStore


def weights(seed: int = 0, layers: int = 5) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {f"fc{i}.weight": random.standard_t(2.5, (48, 32)).astype(np.float32) for i in range(layers)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_file(weights(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, said: list[str]) -> SpectrumStore:
    return SpectrumStore(tmp_path / "home", tell=said.append)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the layers whose weights are read from here on."""
    names: list[str] = []
    read_part = eigentail.analysis.measure.read_part

    def counted(layer):
        names.append(layer.name)
        return read_part(layer)

    monkeypatch.setattr(eigentail.analysis.measure, "read_part", counted)
    return names


class StopAfter:
    """A user who presses Ctrl-C when so many layers are done."""

    def __init__(self, layers: int) -> None:
        self.left = layers

    def started(self, description) -> None: ...

    def finished(self, row) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def interrupted(file, store, layers: int, settings: Settings = Settings()) -> Interrupted:
    with pytest.raises(Interrupted) as stopped:
        analyze(file, settings, store=store, progress=StopAfter(layers))
    return stopped.value


def same_spectra(one, other) -> bool:
    return all(
        a.spectrum.eigenvalues.tobytes() == b.spectrum.eigenvalues.tobytes()
        and (a.spectrum.scale, a.spectrum.stored, a.layer) == (b.spectrum.scale, b.spectrum.stored, b.layer)
        for a, b in zip(one.layers, other.layers, strict=True)
    )


class TestResume:
    @pytest.mark.parametrize("layers", [1, 3, 5])
    def test_what_was_finished_is_not_measured_again(self, file, store, measured, said, layers) -> None:
        stopped = interrupted(file, store, layers)
        assert stopped.is_kept
        del measured[:]
        report = analyze(file, store=store)
        assert len(measured) == 5 - layers
        assert {row.name for row in stopped.report.layers}.isdisjoint(measured)
        plain = analyze(file)
        assert report.to_json() == plain.to_json()
        assert same_spectra(report, plain)
        assert re.fullmatch(
            rf"resumed: {layers} of 5 layers of model.safetensors from the run of \d\d:\d\d \(--no-store .*\)", said[0]
        )

    def test_the_second_time_nothing_is_measured(self, file, store, measured) -> None:
        first = analyze(file, store=store, using=threads(2))
        del measured[:]
        database = store.home / "runs.sqlite"
        before = database.read_bytes()
        second = analyze(file, store=SpectrumStore(store.home))
        assert measured == []
        assert database.read_bytes() == before  # nothing was written, which could have had to wait for a disk
        assert second.to_json() == first.to_json()
        assert same_spectra(first, second)

    def test_progress_is_told_of_every_layer(self, file, store) -> None:
        interrupted(file, store, 2)
        told: list[str] = []

        class Ear:
            def started(self, description) -> None:
                told.append(str(len(description.layers)))

            def finished(self, row) -> None:
                told.append(row.name)

        analyze(file, store=store, progress=Ear())
        assert (told[0], sorted(told[1:])) == ("5", [f"fc{i}" for i in range(5)])

    def test_without_a_store_and_for_live_models_nothing_is_kept(self, file, store, said) -> None:
        for target in (weights(), open_source(weights())):
            assert not interrupted(target, store, 2).is_kept
            analyze(target, store=store)
        assert not interrupted(file, None, 2).is_kept
        assert (RunStore(store.home).runs(), said) == ([], [])

    def test_a_failure_is_tried_again(self, file, store, measured, monkeypatch) -> None:
        import eigentail.analysis.measure as room

        def broken(layer, arrays):
            if layer.name == "fc2":
                raise SourceError("the disk did not answer")
            return whole(layer, arrays)

        whole = room.matrices
        monkeypatch.setattr(room, "matrices", broken)
        assert analyze(file, store=store).summary.layers_failed == 1
        monkeypatch.setattr(room, "matrices", whole)
        del measured[:]
        assert analyze(file, store=store).to_json() == analyze(file).to_json()
        assert measured[0] == "fc2"
        assert len(measured) == 1 + 5

    def test_shards_are_runs_of_their_own(self, file, store, measured) -> None:
        parts = [analyze(file, shard=(i, 2), store=store) for i in range(2)]
        del measured[:]
        again = [analyze(file, shard=(i, 2), store=store) for i in range(2)]
        assert measured == []
        assert merge(again).to_json() == merge(parts).to_json()

    def test_a_damaged_layer_is_measured_again(self, file, store, measured) -> None:
        analyze(file, store=store)
        with closing(sqlite3.connect(store.home / "runs.sqlite")) as database, database:
            database.execute("UPDATE layers SET report = zeroblob(50) WHERE place = 3")
            database.execute("UPDATE layers SET report = x'' WHERE place = 1")
        del measured[:]
        assert analyze(file, store=store).to_json() == analyze(file).to_json()
        assert sorted(measured[:2]) == ["fc1", "fc3"]
        assert len(measured) == 2 + 5


class TestWhatChanges:
    def changed(self, file: Path, store: SpectrumStore, measured: list[str], settings: Settings = Settings()) -> int:
        """How many layers are measured once something has changed; the report must be that of a fresh analysis."""
        del measured[:]
        report = analyze(file, settings, store=store)
        count = len(measured)
        assert report.to_json() == analyze(file, settings).to_json()
        return count

    def test_weights_of_the_same_size_and_time(self, file, store, measured) -> None:
        before = file.stat()
        analyze(file, store=store)
        content = file.read_bytes()
        save_file(weights(seed=1), file)
        assert len(content) == file.stat().st_size
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert self.changed(file, store, measured) == 5
        file.write_bytes(content)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert self.changed(file, store, measured) == 5

    def test_in_place_while_it_is_analysed(self, file, store, measured) -> None:
        """What was measured of the new content must not be taken for the old one's, nor the other way round."""

        class Vandal(StopAfter):
            def finished(self, row) -> None:
                content = bytearray(file.read_bytes())
                content[-4000:] = bytes(4000)
                with file.open("r+b") as opened:
                    opened.write(content)
                super().finished(row)

        with pytest.raises(Interrupted):
            analyze(file, store=store, progress=Vandal(2))
        assert self.changed(file, store, measured) == 5

    @pytest.mark.parametrize("number", range(3))
    def test_settings(self, file, store, measured, number) -> None:
        analyze(file, store=store)
        settings = [Settings(tail="hill"), Settings(metrics=("alpha",)), Settings(layers=("fc1", "fc2"))][number]
        assert self.changed(file, store, measured, settings) == [5, 5, 2][number]

    def test_versions_and_code(self, file, store, measured, monkeypatch) -> None:
        analyze(file, store=store)
        monkeypatch.setattr(eigentail.analysis.stamp, "versions", lambda: {"numpy": "0"})
        assert self.changed(file, store, measured) == 5
        monkeypatch.setattr(eigentail.analysis.stamp, "_code", lambda: "another")
        assert self.changed(file, store, measured) == 5
        assert self.changed(file, store, measured) == 0

    def test_a_metric_of_somebody_else(self, file, store, measured, monkeypatch, tmp_path) -> None:
        from eigentail.metrics import metrics

        module = tmp_path / "theirs.py"
        module.write_text("def compute(spectrum):\n    return 1.0\n")
        monkeypatch.syspath_prepend(tmp_path)
        import theirs

        entry = replace(metrics["stable_rank"], compute=theirs.compute)
        monkeypatch.setitem(metrics._filled(), "stable_rank", entry)
        analyze(file, store=store)
        assert self.changed(file, store, measured) == 0
        module.write_text("def compute(spectrum):\n    return 2.0\n")
        assert self.changed(file, store, measured) == 5

    def test_a_copy_elsewhere(self, file, store, measured, tmp_path) -> None:
        analyze(file, store=store)
        shutil.copy2(file, tmp_path / "copy.safetensors")
        assert self.changed(tmp_path / "copy.safetensors", store, measured) == 5

    def test_a_folder(self, file, store, measured, tmp_path) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        file.rename(folder / "model.safetensors")
        analyze(folder, store=store)
        for name in ("report.html", "r.json", "layers.csv", "train.log"):
            (folder / name).write_text("{}")
        assert self.changed(folder, store, measured) == 0
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "weights").write_bytes(b"new")
        assert self.changed(folder, store, measured) == 5

    def test_a_shard_behind_an_index(self, store, measured, tmp_path) -> None:
        tensors, folder = weights(), tmp_path / "model"
        folder.mkdir()
        names = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(tensors)}
        for shard in set(names.values()):
            save_file({name: tensors[name] for name in tensors if names[name] == shard}, folder / shard)
        index = folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": names}))
        analyze(index, store=store)
        assert self.changed(index, store, measured) == 0
        shard = folder / "model-1.safetensors"
        content = bytearray(shard.read_bytes())
        content[-3:] = b"abc"
        shard.write_bytes(content)
        assert self.changed(index, store, measured) == 5

    def test_a_folder_behind_a_link(self, file, tmp_path) -> None:
        for name in ("model", "elsewhere"):
            (tmp_path / name).mkdir()
        shutil.copy(file, tmp_path / "elsewhere" / "model.safetensors")
        (tmp_path / "model" / "weights").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "model" / "circle").symlink_to(tmp_path / "model")
        found = eigentail.analysis.stamp._weights_below(tmp_path / "model")
        assert tmp_path / "model" / "weights" / "model.safetensors" in found

    def test_too_many_files_to_look_at(self, file, store, measured, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(eigentail.analysis.stamp, "_MOST_FILES", 3)
        for i in range(4):
            (tmp_path / f"{i}.txt").touch()
        assert not interrupted(tmp_path, store, 2).is_kept
        assert interrupted(file, store, 2).is_kept


class TestRuns:
    def test_the_report_of_a_run_is_the_report(self, file, store) -> None:
        report = analyze(file, store=store)
        with closing(RunStore(store.home)) as runs:
            (run,) = runs.runs()
            kept = report_of_run(runs, run)
        assert (run.is_finished, run.layers, run.planned) == (True, 5, 5)
        assert kept.to_json() == report.to_json()
        assert [row.spectrum.lambda_max for row in kept.layers] == [row.spectrum.lambda_max for row in report.layers]

    def test_one_that_was_interrupted_has_what_was_finished(self, file, store) -> None:
        report = interrupted(file, store, 2).report
        with closing(RunStore(store.home)) as runs:
            (run,) = runs.runs()
            kept = report_of_run(runs, run)
        assert (run.is_finished, run.layers, run.planned) == (False, 2, 5)
        assert kept.to_json() == report.to_json()

    def test_numbers_without_end_stay_apart_from_none(self) -> None:
        row = analyze(weights(layers=1)).layers[0]
        odd = {"a": math.inf, "b": -math.inf, "c": math.nan, "d": 5e-324, "e": -0.0}
        found = layer_from(layer_bytes(replace(row, metrics=odd, fit=replace(row.fit, sigma=math.inf))))
        assert list(map(repr, found.metrics.items())) == list(map(repr, odd.items()))
        assert (found.fit.sigma, found.fit.alpha) == (math.inf, row.fit.alpha)

    def test_what_is_kept_stays_within_the_limit(self, file, tmp_path) -> None:
        for name in "abc":
            shutil.copy(file, tmp_path / f"{name}.safetensors")
            analyze(tmp_path / f"{name}.safetensors", store=SpectrumStore(tmp_path / "home", limit=60_000))
        with closing(RunStore(tmp_path / "home")) as runs:
            kept = runs.runs()
        assert Path(kept[0].target).name == "c.safetensors"
        assert sum(run.nbytes for run in kept) <= 15_000 < 3 * kept[0].nbytes


class TestTrouble:
    @pytest.mark.parametrize("content", [None, b"no database" * 100])
    def test_runs_that_cannot_be_kept_fail_nothing(self, file, store, said, content) -> None:
        store.home.mkdir()
        path = store.home / "runs.sqlite"
        path.mkdir() if content is None else path.write_bytes(content)
        assert analyze(file, store=store).to_json() == analyze(file).to_json()
        assert not interrupted(file, store, 2).is_kept
        assert len(said) == 1
        assert said[0].startswith(f"{path}: cannot be used (")
        assert said[0].endswith("): the analysis goes on without")
        assert len(store.entries()) == 5

    def test_a_disk_that_gets_full_loses_nothing_finished(self, file, store, said, measured, monkeypatch) -> None:
        put = RunStore.put

        def full(self, run, place, report):
            if len(self.layers(run)) == 3:
                with self._telling():
                    raise sqlite3.OperationalError("database or disk is full")
            put(self, run, place, report)

        monkeypatch.setattr(RunStore, "put", full)
        assert analyze(file, store=store).to_json() == analyze(file).to_json()
        path = store.home / "runs.sqlite"
        assert said == [f"{path}: cannot be used (database or disk is full): the analysis goes on without"]
        monkeypatch.setattr(RunStore, "put", put)
        del measured[:]
        assert analyze(file, store=store).to_json() == analyze(file).to_json()
        assert len(measured) == 2 + 5


class TestSeveralModels:
    @pytest.fixture
    def solved(self, monkeypatch) -> list[object]:
        import eigentail.analysis.evidence as evidence

        made: list[object] = []
        solve = evidence.spectrum_of
        monkeypatch.setattr(evidence, "spectrum_of", lambda *a, **k: made.append(a) or solve(*a, **k))
        return made

    def test_compare_and_study_know_what_analyze_finished(self, file, store, measured, tmp_path) -> None:
        save_file(weights(seed=1), tmp_path / "other.safetensors")
        models = [file, tmp_path / "other.safetensors"]
        plain = [analyze(model, store=store).to_json() for model in models]
        del measured[:]
        assert [report.to_json() for report in compare(*models, store=store).reports] == plain
        found = study([("a", models[0], 1.0), ("b", models[1], 2.0)], store=store)
        assert [model.report.to_json() for model in found.models] == plain
        assert measured == []

    def test_diff_finds_the_spectra_of_both_and_of_the_change(self, store, solved) -> None:
        base = weights()
        tuned = base | {"fc1.weight": base["fc1.weight"] * 3}
        analyze(base, store=store)
        del solved[:]
        first = diff(base, tuned, store=store)
        assert len(solved) == 2
        second = diff(base, tuned, store=store)
        assert len(solved) == 2
        plain = diff(base, tuned)
        for found in (first, second):
            assert [(row.name, row.base.alpha, row.other.alpha, row.change.rank) for row in found.layers] == [
                (row.name, row.base.alpha, row.other.alpha, row.change.rank) for row in plain.layers
            ]
