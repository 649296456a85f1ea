"""Bad input to train: one line, exit code 2, and nothing is touched."""

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.config import save as save_config
from sleight.errors import SleightError
from sleight.train.config import TrainConfig
from sleight.train.runs import checkpoint
from sleight.train.runs.session import start
from tests.train.rows import contents

ROOT = Path(__file__).parents[2]
Refused = Callable[..., str]


@pytest.fixture
def recipe(reach_config: TrainConfig, tmp_path: Path) -> Path:
    """A config file, whose runs go under the test's own folder."""
    path = tmp_path / "reach.yaml"
    save_config(replace(reach_config, runs=str(tmp_path / "runs")), path)
    return path


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (
            ["--rollout.horizn", "32"],
            "--rollout.horizn: unknown field, did you mean 'rollout.horizon'?",
        ),
        (
            ["--policy.hidden_size", "many"],
            "--policy.hidden_size: got many, allowed: an integer in [1, 8192]",
        ),
        (["--policy.memory", "gru"], "--policy.memory: got gru, allowed: lstm, none"),
        (["--ppo.clip_range", "-0.2"], "ppo.clip_range: got -0.2, allowed: "),
        (["--env.num_worlds", "0"], "env.num_worlds: got 0, allowed: "),
        (["--ppo.learning_rate", "nan"], "ppo.learning_rate: got nan, allowed: "),
        (["--rollout.bptt_steps", "7"], "bptt_steps: got 7, allowed: a divisor of 16"),
        (["--steps"], "--steps: got no value"),
        (["steps", "100"], "steps: got a bare word"),
        (["--env.actor_terms", "joint_postion"], "did you mean 'joint_position'?"),
        (["--env.actor_terms", "[]"], "env.actor_terms: got nothing, allowed: one or more terms"),
        (["--env.critic_terms", "target,target"], "got target, target, allowed: one or more terms"),
        (
            ["--env.critic_terms", "[target, goal_step]"],
            "env.critic_terms: got goal_step, which reads object_wxyz, allowed with env.task reach",
        ),
        (["--ppo.learning_rate_limits", "1e-3,1e-4"], "rate_limits: got [0.001, 0.0001], allo"),
        (["--ppo.kl_target", "0.03,0.01"], "kl_target: got [0.03, 0.01], allowed: low <= high"),
        (["--env.rewards.sucess", "5"], "env.rewards: got unknown term 'sucess', did you mean 'su"),
        (
            ["--adr.step_sizes.objekt.size", "0.1"],
            "adr.step_sizes: got unknown parameter 'objekt.size', did you mean",
        ),
        (
            ["--adr.step_sizes.gravity", "0.1", "--env.randomization.gravity", "[-10,-9]"],
            "got gravity in two",
        ),
        (["--env.randomization.gravity", "[-10,9]"], "gravity: got 9, allowed: [-14, -6] m/s2"),
        (["--env.randomization.gravity", "[-9,-10]"], "gravity: got [-9, -10], allowed: low <= hi"),
        (
            ["--adr.step_sizes.tendon.spring_length", "0.1"],
            "got tendon.spring_length alone, allowed: together with tendon.stiffness",
        ),
        (
            ["--adr.step_sizes.object.mass", "0.1"],
            "adr.step_sizes: got object.mass for the task reach, which has no ",
        ),
        (["--env.nominal.goal.angle", "1"], "env.nominal: got goal.angle for the task reach"),
        (["--env.nominal.hand.gain", "9"], "env.nominal: hand.gain: got 9, allowed: [0.4, 2.5] x"),
        (["--adr.curriculum.gravty", "[1, 2, 9, 0.1]"], "got unknown parameter 'gravty', "),
        (
            ["--adr.initial_ranges.gravity", "[-11, -9]"],
            "got gravity, allowed: those of adr.step_s",
        ),
        (
            ["--adr.step_sizes.gravity", "0.1", "--adr.initial_ranges.gravity", "[-20, -9]"],
            "adr.initial_ranges: gravity: got -20, allowed: [-14, -6] m/s2",
        ),
        (
            ["--adr.threshold_low", "30"],
            "--adr.threshold_low: adr: threshold_low, threshold_high: got 30.0 and 20.0; allowed",
        ),
        (["--name", "../x"], "name: got '../x', allowed: the name of a folder"),
        (["--warm_start", "nowhere"], "nowhere: got no checkpoint, allowed: a run folder"),
    ],
)
def test_train_refuses_what_cannot_be(
    flags: list[str], says: str, recipe: Path, refused: Refused, tmp_path: Path
) -> None:
    assert says in refused("train", recipe, *flags)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rollout:\n  horizn: 32\n", "bad.yaml: rollout.horizn: unknown field, did you mean 'ho"),
        ("rollout:\n  horizon: [1]\n", "bad.yaml: rollout.horizon: got "),
        ("ppo: 3\n", "bad.yaml: ppo: got 3, allowed: fields"),
        ("rollout:\n  horizon: 0\n", "bad.yaml: rollout.horizon: got 0, allowed: "),
        ("rollout: {horizon: 3", "bad.yaml"),
        ("- 1\n", "bad.yaml: got "),
        ("base: none.yaml\n", "none.yaml: no such file"),
    ],
)
def test_a_file_is_named_with_its_field(
    text: str, says: str, refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    assert says in refused("train", tmp_path / "bad.yaml")


def test_a_missing_file_is_named(refused: Refused, tmp_path: Path) -> None:
    assert "none.yaml: no such file" in refused("train", tmp_path / "none.yaml")


def test_a_name_that_is_taken_is_refused(run: Path, recipe: Path, refused: Refused) -> None:
    before = contents(run)
    line = refused("train", recipe, "--runs", run.parent, "--name", run.name)
    assert f"--name: got {run.name}, which exists; allowed: a new name, or --resume" in line
    assert contents(run) == before


def test_a_run_that_is_a_file_is_refused(recipe: Path, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    line = refused("train", recipe, "--runs", tmp_path / "file", "--name", "x")
    assert "cannot be a folder to write to" in line
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_stops_the_program_and_harms_nothing(run: Path) -> None:
    """The real program, in which the kernel refuses to write files that are as large as weights."""
    before = contents(run / "checkpoints")
    words: list[Any] = ["train", "--resume", run, "--steps", 640]
    done = subprocess.run(
        [sys.executable, "-m", "sleight", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert line.startswith("error: ") and "000000000640: cannot be saved: " in line
    assert "earlier checkpoints are untouched" in line
    assert contents(run / "checkpoints") == before
    assert torch.is_tensor(checkpoint.load(run).weights["actor.head.weight"])


def test_metrics_that_cannot_be_written_stop_the_run(
    reach_config: TrainConfig, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(SleightError, match=r"metrics.jsonl: cannot be written: No space left"):
        start(replace(reach_config, runs=str(tmp_path), name="run"))
