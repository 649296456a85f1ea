"""What is killed: the process that learns, a whole machine of the cluster; and who may join."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sleight.adr import persistence
from sleight.config import save as save_config
from sleight.train.cluster.cluster_build import build
from sleight.train.cluster.ray_connect import prepare
from sleight.train.cluster.sampling.rollout_task import LIFE_BITS
from sleight.train.config import ActorsConfig, RayConfig, TrainConfig
from sleight.train.runs import checkpoint
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.training_loop import Training
from tests.train.programs import PATIENCE_S, ROOT, program, wait_for

STORE = 100 * 2**20


def _steps(folder: Path) -> int:
    rows = read_metrics(folder / "metrics.jsonl")
    return int(rows[-1]["steps"]) if rows else 0


def _children(pid: int) -> list[int]:
    """Every process that descends from `pid`."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()[1:]]
    found = [pid]
    for parent in found:
        found += [child for child, above in pairs if above == parent]
    return found[1:]


def _lives(pid: int) -> bool:
    """Whether it does work; Ray's own agents notice only after a minute that they are alone."""
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and b"Agent" not in (process / "cmdline").read_bytes()
    except OSError:
        return False


def test_training_in_one_process_does_not_load_ray() -> None:
    modules = "sleight.train.runs.session, sleight.train.cluster.cluster_build"
    code = f"import sys, {modules}; print('ray' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_the_learner_killed_and_resumed(block_config: TrainConfig, tmp_path: Path) -> None:
    config = replace(
        block_config,
        runs=str(tmp_path),
        name="run",
        steps=10**9,
        checkpoint_s=1.0,
        train=ActorsConfig(workers=2),
        ray=RayConfig(cpus=2),
    )
    save_config(config, tmp_path / "block.yaml")
    folder = tmp_path / "run"

    process = program(tmp_path / "block.yaml")
    wait_for(lambda: len(list((folder / "checkpoints").glob("0*"))) >= 2, process)
    family = _children(process.pid)
    assert len(family) > 4
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(_lives, family)))  # its cluster ends with it
    saved = checkpoint.load(folder)
    assert saved.meta["sampler"]["lives"] == 2

    process = program("--resume", folder)
    wait_for(lambda: _steps(folder) > saved.meta["steps"] + 600, process)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C on a terminal: to everybody
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, "")
    assert f"continue with: sleight train --resume {folder}" in err
    assert "Traceback" not in err and "raylet" not in err
    steps = [row["steps"] for row in read_metrics(folder / "metrics.jsonl")]
    assert steps == list(range(256, steps[-1] + 1, 256))
    state = persistence.load(folder / "adr.json")
    assert state.duplicates == 0
    assert {first >> LIFE_BITS for first, _ in state.seen} == {0, 1, 2, 3}
    assert state.history[: len(saved.meta["adr"]["state"]["history"])]


@pytest.mark.slow
def test_an_address_that_nobody_answers(reach_config: TrainConfig, tmp_path: Path) -> None:
    save_config(replace(reach_config, runs=str(tmp_path), name="run"), tmp_path / "reach.yaml")
    began = time.monotonic()
    words = ["--train.workers", 2, "--ray.address", "127.0.0.1:1", "--ray.wait_s", 3]
    process = program(tmp_path / "reach.yaml", *words)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (3, "")
    assert err.startswith("error: --ray.address: got 127.0.0.1:1, ") and err.count("\n") == 1
    assert time.monotonic() - began < 30
    assert not (tmp_path / "run" / "config.yaml").exists()


@pytest.fixture
def machines() -> Iterator[Any]:
    """A cluster of several machines, each a raylet with its own object store and workers."""
    prepare("")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()


def _until(training: Training, condition: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_S
    while not rows or not condition(rows[-1]):
        rows.append(training.iterate())
        assert time.monotonic() < deadline, rows[-1]
    return rows


@pytest.mark.slow
def test_a_machine_leaves_and_another_joins(block_config: TrainConfig, machines: Any) -> None:
    second = machines.add_node(num_cpus=1, object_store_memory=STORE)
    config = replace(
        block_config,
        steps=10**9,
        train=ActorsConfig(workers=2, worker_cpus=1.0),
        ray=RayConfig(address=machines.address),
    )
    training = build(config)
    try:
        rows = _until(training, lambda row: row["steps"] >= 1024)
        assert {row["workers"] for row in rows} == {2}
        os.kill(second.all_processes["raylet"][0].process.pid, signal.SIGKILL)
        rows += _until(training, lambda row: row["workers"] == 1 and row["worker_restarts"] == 1)
        rows += [training.iterate() for _ in range(4)]
        assert rows[-1]["workers"] == 1
        machines.add_node(num_cpus=1, object_store_memory=STORE)
        rows += _until(training, lambda row: row["workers"] == 2)
        rows += [training.iterate() for _ in range(3)]
        assert [row["steps"] for row in rows] == [256 * i for i in range(1, len(rows) + 1)]
        assert max(row["lag"] for row in rows) <= 1
        assert len({name for name in rows[-1] if name.startswith("worker/")}) == 2
        assert training.adr.duplicates == 0 and len(training.adr.seen) == 3
    finally:
        training.sampler.close()
