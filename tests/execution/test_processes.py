"""Processes do what threads do, and the death of one costs its own layer only."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import deeds
import numpy as np
import pytest
from deeds import jobs, marks
from safetensors.numpy import save_file

import eigentail as et
from eigentail.execution import LostError, pooled, processes

SRC = Path(__file__).resolve().parents[2] / "src"


def assert_no_process_is_left() -> None:
    assert multiprocessing.active_children() == []


def test_the_same_report_as_one_thread(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights = {f"fc{i}.weight": random.standard_t(2.5, (96 + 8 * i, 64)).astype(np.float32) for i in range(6)}
    weights["fc3.weight"][0, 0] = np.nan
    save_file(weights, tmp_path / "m.safetensors")
    one = et.analyze(tmp_path / "m.safetensors")
    assert et.analyze(tmp_path / "m.safetensors", using=processes(2)).to_json() == one.to_json()
    assert one.summary.layers_ok == 5
    assert_no_process_is_left()


def test_work_is_shared_and_each_process_has_one_blas_thread(tmp_path: Path) -> None:
    assert os.getpid() not in set(processes(2)(deeds.process, jobs(tmp_path, 4)))
    assert set(processes(2)(deeds.blas_threads, jobs(tmp_path, 3))) == {1}


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    assert sorted(processes(2)(deeds.dies_once, jobs(tmp_path, 5))) == list(range(5))
    assert [marks(tmp_path, number) for number in range(5)] == [1, 2, 1, 1, 1]
    assert_no_process_is_left()


def test_a_layer_that_kills_three_workers_is_lost_and_the_others_are_done(tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(LostError, match=r"its worker process died 3 times.*is there enough memory") as stop:
        seen.extend(processes(2)(deeds.dies_always, jobs(tmp_path, 5)))
    assert sorted(seen) == [0, 2, 3, 4]
    assert [job.number for job in stop.value.tasks] == [1]
    assert marks(tmp_path, 1) == 3
    assert_no_process_is_left()


def test_what_a_worker_raises_comes_through(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="layer 1 is bad"):
        list(processes(2)(deeds.is_bad, jobs(tmp_path, 4)))
    with pytest.raises(et.UsageError, match="a result cannot travel"):
        list(processes(1)(deeds.cannot_travel, jobs(tmp_path, 1)))
    with pytest.raises(et.SourceError, match="a live model cannot travel"):
        et.analyze({"w": np.eye(16)}, using=processes(1))
    assert_no_process_is_left()


def test_a_reader_who_stops_early_stops_what_runs(tmp_path: Path) -> None:
    results = processes(2)(deeds.slow, jobs(tmp_path, 40))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert_no_process_is_left()
    assert sum(marks(tmp_path, number) for number in range(40)) < 10


def test_a_pool_of_others_that_breaks_is_told(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert sorted(pooled(pool, 2)(deeds.number, jobs(tmp_path, 4))) == [0, 1, 2, 3]
        with pytest.raises(et.SourceError, match="a live model cannot travel"):
            et.analyze({"w": np.eye(16)}, using=pooled(pool, 2))
        with pytest.raises(et.UsageError, match="the pool of workers broke"):
            list(pooled(pool, 2)(deeds.dies_always, jobs(tmp_path, 4)))


SCRIPT = """
import sys
from pathlib import Path
import deeds
from eigentail.execution import processes
if __name__ == "__main__":
    list(processes(2)(deeds.endless, deeds.jobs(Path(sys.argv[1]), 4)))
"""


def started(program: str, folder: Path) -> subprocess.Popen[str]:
    path = folder / "program.py"
    path.write_text(program)
    env = {**os.environ, "PYTHONPATH": f"{SRC}{os.pathsep}{Path(__file__).parent}"}
    command = [sys.executable, str(path), str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)


def ends(group: int) -> bool:
    """Whether every process of the group is gone in a while: multiprocessing's own helper follows the last."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_ctrl_c_ends_every_process_at_once(tmp_path: Path) -> None:
    program = started(SCRIPT, tmp_path)
    while not (marks(tmp_path, 0) and marks(tmp_path, 1)):
        assert program.poll() is None
        time.sleep(0.05)
    os.killpg(program.pid, signal.SIGINT)  # as a terminal does
    _, said = program.communicate(timeout=20)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1
    assert ends(program.pid)


def test_a_script_without_the_guard_is_told(tmp_path: Path) -> None:
    program = started(SCRIPT.replace('if __name__ == "__main__":', "if True:"), tmp_path)
    _, said = program.communicate(timeout=30)
    assert program.returncode == 1
    assert "a worker process could not be started" in said
    assert 'put the call under if __name__ == "__main__"' in said
