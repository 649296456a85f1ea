"""A cluster that somebody started: found by itself, without its head, with fractions of a GPU."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sleight.config import save as save_config
from sleight.train.config import ActorsConfig, RayConfig, TrainConfig
from sleight.train.runs import checkpoint, checkpoint_files
from sleight.train.runs.metrics import read_metrics
from tests.train.programs import PATIENCE_S, program, wait_for

LOOPBACK = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
}


@dataclass
class Head:
    """`ray start --head`, as an operator starts it."""

    process: subprocess.Popen[bytes]
    address: str
    folder: Path

    def kill(self) -> None:
        """As when its machine loses power."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has just ended
                words = path.read_text().split("\0")
                own = any(str(self.folder) in word for word in words)
                if own and Path(words[0]).name in ("gcs_server", "raylet"):
                    found.append(int(path.parent.name))
        for pid in found:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """With two cores and one GPU that only exists in the books."""
    folder = Path(os.path.realpath("/tmp")) / f"sleight-ray-{os.getpid()}"  # sockets want it short
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"]
    words += [f"--port={port}", "--node-ip-address=127.0.0.1", "--include-dashboard=false"]
    words += ["--num-cpus=2", "--num-gpus=1", f"--object-store-memory={100 * 2**20}"]
    process = subprocess.Popen(
        [*words, f"--temp-dir={folder}"],
        env={**os.environ, **LOOPBACK},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    found = Head(process, f"127.0.0.1:{port}", folder)
    yield found
    found.kill()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def recipe(reach_config: TrainConfig, tmp_path: Path) -> Path:
    """A run that ends when it is stopped: one worker, two learners on half a GPU each."""
    config = replace(
        reach_config,
        runs=str(tmp_path),
        name="run",
        steps=10**9,
        checkpoint_s=1.0,
        train=ActorsConfig(workers=1, learners=2, learner_gpus=0.5, worker_cpus=1.0),
        ray=RayConfig(address="auto", wait_s=PATIENCE_S),
    )
    save_config(config, tmp_path / "reach.yaml")
    return tmp_path / "reach.yaml"


@pytest.mark.slow
def test_a_cluster_is_found_and_its_gpu_shared_and_its_head_lost(recipe: Path, head: Head) -> None:
    """`--ray.address auto` joins what RAY_ADDRESS names, as Ray does."""
    folder = recipe.parent / "run"
    process = program(recipe, "--ray.wait_s", 90, **LOOPBACK, RAY_ADDRESS=head.address)
    wait_for(lambda: bool(checkpoint_files.complete(folder / "checkpoints")), process)
    assert read_metrics(folder / "metrics.jsonl")[-1]["learners"] == 2  # each has half the GPU
    began = time.monotonic()
    head.kill()
    out, err = process.communicate(timeout=PATIENCE_S)
    assert time.monotonic() - began < PATIENCE_S
    assert (process.returncode, out) == (3, ""), err
    line = err.splitlines()[-1]
    assert line.startswith("error: ray.address: the head of the cluster at ") and "--resume" in line
    assert "Traceback" not in err
    assert checkpoint.load(folder).meta["steps"] > 0, "it can go on from here"


@pytest.mark.slow
def test_more_gpus_than_there_are(recipe: Path, head: Head) -> None:
    words = ["--train.learner_gpus", 0.75, "--ray.wait_s", 90]
    process = program(recipe, *words, **LOOPBACK, RAY_ADDRESS=head.address)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, "")
    assert "train.learners: got 2 with 0 cores and 0.75 GPUs each, of which 1 found no place" in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_a_full_object_store(reach_config: TrainConfig, tmp_path: Path) -> None:
    """Weights that are larger than the store, and a disk that Ray takes for full."""
    config = replace(
        reach_config,
        runs=str(tmp_path),
        policy=replace(reach_config.policy, embedding_size=8192, hidden_size=640),
        train=ActorsConfig(workers=1),
        ray=RayConfig(cpus=1, store_mb=80, wait_s=PATIENCE_S),
    )
    save_config(config, tmp_path / "reach.yaml")
    process = program(tmp_path / "reach.yaml", **LOOPBACK, RAY_local_fs_capacity_threshold="0.0001")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, ""), err
    assert err.startswith("error: ray.store_mb: the object store is full: ")
    assert err.count("\n") == 1 and "allowed: a larger one" in err
