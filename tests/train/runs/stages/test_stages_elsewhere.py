"""Stages with workers on Ray, beside W&B, and under a supervisor."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sleight.config import load
from sleight.train.config import TrainConfig
from sleight.train.runs import checkpoint
from sleight.train.runs import wandb_tracker as track
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import resume, start
from tests.train.programs import PATIENCE_S, program, wait_for

from .conftest import ITERATION, Recipe

pytestmark = pytest.mark.slow
RAY = ["--train.workers", "2", "--ray.cpus", "2", "--ray.wait_s", str(PATIENCE_S),
       "--ray.hang_s", str(PATIENCE_S)]  # fmt: skip


def test_workers_go_through_all_stages_and_a_run_of_theirs_is_resumed(recipe: Recipe) -> None:
    """Also where one stage has workers and another has none."""
    flags = ["--name", "run", "--stages.faces.train.workers", "0"]
    for stage in ("near", "memory"):  # a batch is of two workers
        flags += [f"--stages.{stage}.steps", str(4 * ITERATION)]
    pause = ["--pause_steps", str(5 * ITERATION)]
    folder = start(load(TrainConfig, recipe(), [*RAY, *flags, *pause]))
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["stage"] for row in rows] == ["near", "near", "faces"]
    assert rows[0]["workers"] == 2 and "workers" not in rows[2]
    resume(folder, ["--pause_steps", "0"])
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["stage"] for row in rows] == ["near"] * 2 + ["faces"] * 2 + ["memory"] * 2
    assert rows[-1]["workers"] == 2 and rows[-1]["kl_to_teacher"] > 0
    assert checkpoint.load(folder / "stages" / "memory").meta["steps"] == 10 * ITERATION


def test_learners_begin_each_stage_with_the_weights_of_the_one_before(recipe: Recipe) -> None:
    still = {"learning_rate": 1e-30, "learning_rate_limits": [1e-30, 1e-30]}
    flags = ["--name", "run", "--train.learners", "2", "--stages.memory", "null"]
    folder = start(load(TrainConfig, recipe(faces={"ppo": still}), [*RAY, *flags]))
    near, faces = (checkpoint.load(folder / "stages" / name) for name in ("near", "faces"))
    for name in ("actor.head.weight", "actor.memory.weight"):
        assert (near.weights[name] - faces.weights[name]).abs().max() < 1e-6


def test_the_stage_is_logged(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track, "CLOSE_S", PATIENCE_S)
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    folder = start(load(TrainConfig, recipe({"wandb": "offline"}), ["--name", "run"]))
    (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    content = path.read_bytes()
    assert content.count(b'"faces"') >= 2 and content.count(b'"memory"') >= 2
    assert not (folder / "wandb" / "error.txt").exists()


def test_a_run_that_is_killed_in_a_later_stage_goes_on_by_itself(
    recipe: Recipe, tmp_path: Path
) -> None:
    path = recipe({"checkpoint_s": 1.0}, memory={"steps": 40 * ITERATION})
    run = program(path, "--name", "run", "--train.restarts", "1")
    folder = tmp_path / "runs" / "run"

    def stage() -> str:
        rows = read_metrics(folder / "metrics.jsonl")
        return str(rows[-1]["stage"]) if rows else ""

    wait_for(lambda: stage() == "memory", run)
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(run.pid)], capture_output=True, text=True, check=True
    )
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    _, err = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0 and "killed by SIGKILL; going on" in err
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["steps"] for row in rows] == [ITERATION * n for n in range(1, 45)]
