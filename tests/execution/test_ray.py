"""On Ray: a cluster joined or started, machines that are lost, addresses where nobody is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deeds
import numpy as np
import pytest
from click.testing import CliRunner
from deeds import jobs, marks
from safetensors.numpy import save_file

import eigentail as et
from eigentail.cli import main
from eigentail.execution import LostError, ray
from eigentail.execution import cluster as cluster_file
from eigentail.store import SpectrumStore

engine = pytest.importorskip("ray")

HERE, SRC = Path(__file__).parent, Path(__file__).resolve().parents[2] / "src"
# A dead machine is noticed in a second, not in fifteen.
SOON = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 2,
}
SMALL = 80 * 2**20

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray has its own way with sockets and files


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that does no work, and a machine that does."""
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = os.pathsep.join([str(SRC), str(HERE), os.environ.get("PYTHONPATH", "")])
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "object_store_memory": SMALL, "include_dashboard": False, "_system_config": SOON}
    found = Cluster(initialize_head=True, head_node_args=head)
    found.add_node(num_cpus=1, object_store_memory=SMALL)
    yield found
    found.shutdown()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    weights = {f"fc{i}.weight": random.standard_t(2.5, (96 + 8 * i, 64)).astype(np.float32) for i in range(6)}
    weights["fc3.weight"][0, 0] = np.nan
    save_file(weights, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.fixture(scope="module")
def connected(cluster: Any) -> Iterator[Any]:
    """The same cluster, which the user has joined: these come last."""
    engine.init(address=cluster.address, logging_level="CRITICAL", log_to_driver=False)
    yield cluster
    assert engine.is_initialized()
    engine.shutdown()


def test_a_cluster_that_is_there_is_joined_and_left_running(cluster: Any, model: Path) -> None:
    one = et.analyze(model)
    assert et.analyze(model, using=ray(address=cluster.address)).to_json() == one.to_json()
    assert not engine.is_initialized()


def test_on_the_command_line_without_a_word_of_ray(cluster: Any, model: Path) -> None:
    words = ["analyze", str(model), "--no-store", "--json"]
    env = {**os.environ, "PYTHONWARNINGS": "default"}
    command = [sys.executable, "-m", "eigentail", *words, "--executor", "ray", "--address", cluster.address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    serial = CliRunner().invoke(main, [*words, "--executor", "serial"])
    assert (done.returncode, done.stdout) == (serial.exit_code, serial.stdout)
    assert done.stderr == serial.stderr


def test_a_damaged_spectrum_is_told_of_here(cluster: Any, model: Path, tmp_path: Path) -> None:
    said: list[str] = []
    store = SpectrumStore(tmp_path / "home", tell=said.append)
    et.analyze(model, store=store)
    path = store.entries()[2].path
    path.write_bytes(path.read_bytes()[:-1])
    et.analyze(model, et.Settings(tail="hill"), store=store, using=ray(address=cluster.address))
    assert said == [f"{path}: this spectrum is damaged: it is computed again"]


def test_the_example_program(cluster: Any, model: Path, tmp_path: Path) -> None:
    program = SRC.parent / "docs" / "examples" / "ray_cluster.py"
    command = [sys.executable, str(program), str(model), cluster.address, str(tmp_path / "r.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary = et.analyze(model).summary
    assert done.stdout == f"{summary.verdict.value}: {summary.reason}\n"
    assert "fc0" in (tmp_path / "r.html").read_text()


def test_ctrl_c_comes_through_and_frees_the_cluster(cluster: Any, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom pathlib import Path\nimport deeds\nfrom eigentail.execution import ray\n"
        f"list(ray(address={cluster.address!r})(deeds.endless, deeds.jobs(Path(sys.argv[1]), 3)))\n"
    )
    env = {**os.environ, "PYTHONPATH": f"{SRC}{os.pathsep}{HERE}"}
    command = [sys.executable, str(program), str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
    while not marks(tmp_path, 0):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")
    (tmp_path / "after").mkdir()
    assert sorted(ray(address=cluster.address)(deeds.number, jobs(tmp_path / "after", 2))) == [0, 1]


def test_one_is_started_and_ended(model: Path) -> None:
    program = (
        "import sys, eigentail as et\n"
        f"report = et.analyze({str(model)!r}, using=et.ray(2, address='local'))\n"
        "import ray\n"
        "print(report.to_json(), end='')\n"
        "sys.exit(ray.is_initialized())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", et.analyze(model).to_json())


def test_without_an_address_one_is_started_only_where_none_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(cluster_file, "_check_answers", asked.append)
    assert [cluster_file._chosen(word) for word in ("", "auto", "local", "a:1")] == ["auto", "auto", "local", "a:1"]
    assert asked == ["auto", "auto", "a:1"]

    def nobody(address: str) -> None:
        raise et.UsageError("no Ray cluster answers", where=address)

    monkeypatch.setattr(cluster_file, "_check_answers", nobody)
    assert cluster_file._chosen("") == "local"
    with pytest.raises(et.UsageError, match="auto: no Ray cluster answers"):
        cluster_file._chosen("auto")


def test_an_address_where_nobody_is(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(et.UsageError, match=f"127.0.0.1:{port}: no Ray cluster answers: is it running"):
        list(ray(address=f"127.0.0.1:{port}")(deeds.number, jobs(tmp_path, 1)))
    for word in ("somewhere", "a:b", ":1"):
        with pytest.raises(et.UsageError, match="is no address of a Ray cluster"):
            list(ray(address=word)(deeds.number, jobs(tmp_path, 1)))


def test_an_address_where_someone_is_who_is_no_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eigentail.execution.cluster._JOIN", 1.0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(et.UsageError, match="no Ray cluster answers"):
            list(ray(address=f"127.0.0.1:{other.getsockname()[1]}")(deeds.number, jobs(tmp_path, 1)))


def test_without_ray_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(et.UsageError, match=r'Ray is not installed: pip install "eigentail\[ray\]"'):
        ray(2)


def test_the_machines_own_errors_come_through(connected: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="layer 1 is bad"):
        list(ray()(deeds.is_bad, jobs(tmp_path, 3)))
    with pytest.raises(et.SourceError, match="a live model cannot travel"):
        et.analyze({"w": np.eye(16)}, using=ray())
    with pytest.raises(et.UsageError, match="3 GPUs a layer, and the cluster has 0"):
        list(ray(gpus=3)(deeds.number, jobs(tmp_path, 1)))


def test_a_reader_who_stops_early_stops_the_work(connected: Any, tmp_path: Path) -> None:
    results = ray()(deeds.slow, jobs(tmp_path, 40))
    next(results)
    results.close()  # type: ignore[attr-defined]
    time.sleep(0.5)
    assert sum(marks(tmp_path, number) for number in range(40)) < 10


def test_workers_that_die_are_replaced_and_the_layer_that_kills_three_is_lost(connected: Any, tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(LostError, match="its worker was lost 3 times"):
        seen.extend(ray()(deeds.dies_always, jobs(tmp_path, 3)))
    assert sorted(seen) == [0, 2]
    assert marks(tmp_path, 1) == 3


def test_a_machine_that_is_lost_in_the_middle_costs_nothing(connected: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    weights = {f"fc{i}.weight": random.standard_t(2.5, (700, 600)).astype(np.float32) for i in range(24)}
    save_file(weights, tmp_path / "m.safetensors")
    doomed = connected.add_node(num_cpus=1, object_store_memory=SMALL)
    one = et.analyze(tmp_path / "m.safetensors", using=et.threads(2))
    seen: list[str] = []

    class Killing:
        def started(self, description: et.Description) -> None:
            """Nothing yet."""

        def finished(self, row: et.LayerReport) -> None:
            seen.append(row.name)
            if len(seen) == 4:
                threading.Thread(target=connected.remove_node, args=(doomed,), kwargs={"allow_graceful": False}).start()

    report = et.analyze(tmp_path / "m.safetensors", using=ray(), progress=Killing())
    assert sorted(seen) == sorted(weights_name.removesuffix(".weight") for weights_name in weights)
    assert len(connected.worker_nodes) == 1
    for row in one.layers:
        for name, value in row.metrics.items():
            assert report.layers[row.name].metrics[name] == pytest.approx(value, rel=1e-10, nan_ok=True)


def test_what_a_lost_machine_was_doing_is_begun_again(connected: Any, tmp_path: Path) -> None:
    doomed = connected.add_node(num_cpus=2, object_store_memory=SMALL)

    def kill() -> None:
        while deeds.busy(tmp_path) < 3:  # then two are on that machine
            time.sleep(0.02)
        connected.remove_node(doomed, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    assert sorted(ray()(deeds.slower, jobs(tmp_path, 4))) == list(range(4))
    killer.join()
    assert max(marks(tmp_path, number) for number in range(4)) == 2
