"""Bad input to train, eval and export: one line, exit code 2, and nothing is touched."""

import json
import resource
import shutil
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
from sleight.train import checkpoint
from sleight.train.config import TrainConfig
from sleight.train.export import export
from sleight.train.session import start

ROOT = Path(__file__).parents[2]
Refused = Callable[..., str]


@pytest.fixture
def recipe(reach_config: TrainConfig, tmp_path: Path) -> Path:
    """A config file, whose runs go under the test's own folder."""
    path = tmp_path / "reach.yaml"
    save_config(replace(reach_config, runs=str(tmp_path / "runs")), path)
    return path


@pytest.fixture
def run(reach_run: Path, tmp_path: Path) -> Path:
    """A finished run of one's own."""
    return Path(shutil.copytree(reach_run, tmp_path / "own"))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--ppo.horizn", "32"], "--ppo.horizn: unknown field, did you mean 'ppo.horizon'?"),
        (
            ["--policy.hidden", "many"],
            "--policy.hidden: got many, allowed: an integer in [1, 8192]",
        ),
        (["--policy.memory", "gru"], "--policy.memory: got gru, allowed: lstm, none"),
        (["--ppo.clip", "-0.2"], "ppo.clip: got -0.2, allowed: "),
        (["--env.num_worlds", "0"], "env.num_worlds: got 0, allowed: "),
        (["--ppo.rate", "nan"], "ppo.rate: got nan, allowed: "),
        (["--ppo.chunk", "7"], "chunk: got 7, allowed: a divisor of 16"),
        (["--steps"], "--steps: got no value"),
        (["steps", "100"], "steps: got a bare word"),
        (["--env.actor_terms", "joint_postion"], "did you mean 'joint_position'?"),
        (["--env.actor_terms", "[]"], "env.actor_terms: got nothing, allowed: one or more terms"),
        (["--env.critic_terms", "target,target"], "got target, target, allowed: one or more terms"),
        (
            ["--env.critic_terms", "[target, goal_step]"],
            "env.critic_terms: got goal_step, which reads object_wxyz, allowed with env.task reach",
        ),
        (["--ppo.rate_limits", "1e-3,1e-4"], "rate_limits: got [0.001, 0.0001], allowed: low <= "),
        (["--ppo.kl_target", "0.03,0.01"], "kl_target: got [0.03, 0.01], allowed: low <= high"),
        (["--env.rewards.sucess", "5"], "env.rewards: got unknown term 'sucess', did you mean 'su"),
        (
            ["--widen.objekt.size", "0.1"],
            "widen: got unknown parameter 'objekt.size', did you mean",
        ),
        (
            ["--widen.gravity", "0.1", "--env.randomization.gravity", "[-10,-9]"],
            "got gravity in two",
        ),
        (["--env.randomization.gravity", "[-10,9]"], "gravity: got 9, allowed: [-14, -6] m/s2"),
        (["--env.randomization.gravity", "[-9,-10]"], "gravity: got [-9, -10], allowed: low <= hi"),
        (
            ["--widen.tendon.spring_length", "0.1"],
            "got tendon.spring_length alone, allowed: together with tendon.stiffness",
        ),
        (
            ["--widen.object.mass", "0.1"],
            "widen: got object.mass for the task reach, which has no ",
        ),
        (["--env.nominal.goal.angle", "1"], "env.nominal: got goal.angle for the task reach"),
        (["--env.nominal.hand.gain", "9"], "env.nominal: hand.gain: got 9, allowed: [0.4, 2.5] x"),
        (["--curriculum.gravty", "[1, 2, 9, 0.1]"], "curriculum: got unknown parameter 'gravty'"),
        (["--first.gravity", "[-11, -9]"], "first: got gravity without widen, allowed: param"),
        (
            ["--widen.gravity", "0.1", "--first.gravity", "[-20, -9]"],
            "first: gravity: got -20, allowed: [-14, -6] m/s2",
        ),
        (
            ["--adr.threshold_low", "30"],
            "--adr.threshold_low: adr: threshold_low, threshold_high: got 30.0 and 20.0; allowed",
        ),
        (["--name", "../x"], "name: got ../x, allowed: a folder's name; `runs` says where"),
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
        ("ppo:\n  horizn: 32\n", "bad.yaml: ppo.horizn: unknown field, did you mean 'horizon'?"),
        ("ppo:\n  horizon: [1]\n", "bad.yaml: ppo.horizon: got "),
        ("ppo: 3\n", "bad.yaml: ppo: got 3, allowed: fields"),
        ("ppo:\n  horizon: 0\n", "bad.yaml: ppo.horizon: got 0, allowed: "),
        ("ppo: {horizon: 3", "bad.yaml"),
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
    before = _contents(run)
    line = refused("train", recipe, "--runs", run.parent, "--name", run.name)
    assert f"--name: got {run.name}, which exists; allowed: a new name, or --resume" in line
    assert _contents(run) == before


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_is_a_file_is_refused(recipe: Path, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    line = refused("train", recipe, "--runs", tmp_path / "file", "--name", "x")
    assert "cannot be a folder to write to" in line
    assert (tmp_path / "file").read_text() == "mine"


def test_resume_of_what_is_no_run(run: Path, refused: Refused, tmp_path: Path) -> None:
    assert "--resume: got nothing, allowed: the folder of a run" in refused("train", "--resume")
    assert "no such file" in refused("train", "--resume", tmp_path / "nowhere")
    shutil.rmtree(run / "checkpoints")
    assert f"{run}: got no checkpoint" in refused("train", "--resume", run)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--policy.hidden", "16"], "actor.head.weight: got (20, 32), allowed: (20, 16); the chec"),
        (
            ["--policy.memory", "none"],
            "actor.memory.bias: got nothing, allowed: (32,); the checkpoint is of",
        ),
        (["--env.num_worlds", "4"], "got (8, 0), allowed: (4, 0); a run goes on in the worlds"),
        (["--env.randomization.gravity", "[-10,-9]"], "only in this one: gravity; --warm_start"),
        (["--curriculum.gravity", "[1, 2, 3, 0.1]"], "only in the config: gravity; --warm_start"),
    ],
)
def test_resume_of_another_run_is_refused(
    flags: list[str], says: str, run: Path, refused: Refused
) -> None:
    before = _contents(run)
    line = refused("train", "--resume", run, *flags)
    assert f"{run}: " in line and says in line
    assert _contents(run) == before


def _newest(run: Path) -> Path:
    return checkpoint.find(run)


def test_an_adr_state_of_another_table_says_what_differs_and_what_can_be_done(
    block_run: Path, refused: Refused, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(block_run, tmp_path / "own"))
    path = _newest(run) / "checkpoint.json"
    data = json.loads(path.read_text())
    rows = {row["name"]: row for row in data["adr"]["state"]["dimensions"]}
    rows["object.size"]["ceiling"] = rows["gravity"]["ceiling"] = 3.9
    path.write_text(json.dumps(data))
    line = refused("train", "--resume", run)
    assert "state of another table: object.size: ceiling: got 3.9; allowed: " in line
    assert ", gravity: ceiling: got 3.9; allowed: " in line
    assert f"--warm_start {run} begins a new run and keeps the ranges that both have" in line


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (
            ["--widen.object.mass", "null", "--widen.hand.gain", "0.1"],
            "another table: only in the file: object.mass; only in the config: hand.gain; ",
        ),
        (
            ["--env.randomization.hand.mass", "[0.8, 1.2]"],
            "other parameters vary: only in that run: none; only in this one: hand.mass; ",
        ),
        (
            ["--env.randomization", "null", "--env.randomization.hand.mass", "[0.8, 1.2]"],
            "only in that run: hand.damping; only in this one: hand.mass; ",
        ),
    ],
)
def test_a_run_goes_on_with_the_parameters_that_it_began_with(
    flags: list[str], says: str, block_run: Path, refused: Refused
) -> None:
    """Before its networks, whose sizes depend on them, are looked at."""
    line = refused("train", "--resume", block_run, *flags)
    assert f"{block_run}: " in line and says in line
    assert f"--warm_start {block_run} begins a new run" in line


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x00" * path.stat().st_size)


@pytest.mark.parametrize("command", ["train", "eval", "export"])
@pytest.mark.parametrize("damage", [_cut, _garbage, Path.unlink])
@pytest.mark.parametrize("file", ["weights.safetensors", "checkpoint.json"])
def test_a_damaged_checkpoint_is_refused(
    file: str, damage: Callable[[Path], object], command: str, run: Path, refused: Refused
) -> None:
    shutil.rmtree(run / "videos", ignore_errors=True)
    damage(_newest(run) / file)
    before = _contents(run)
    words = {
        "train": ["--resume", run],
        "eval": [run, "--trials", 2],
        "export": [run, "--out", run / "bundle"],
    }
    line = refused(command, *words[command])
    assert str(run) in line
    assert _contents(run) == before


def test_a_state_that_lacks_something_is_named(run: Path, refused: Refused) -> None:
    path = _newest(run) / "checkpoint.json"
    data = json.loads(path.read_text())
    del data["learner"]
    path.write_text(json.dumps(data))
    assert f"{run}: learner: got nothing, allowed: " in refused("train", "--resume", run)


@pytest.mark.parametrize("command", ["eval", "export"])
def test_a_checkpoint_of_another_policy_shape_is_refused(
    command: str, block_run: Path, tmp_path: Path, refused: Refused
) -> None:
    run = Path(shutil.copytree(block_run, tmp_path / "own"))
    path = _newest(run) / "checkpoint.json"
    data = json.loads(path.read_text())
    data["config"]["policy"]["hidden"] = 48
    path.write_text(json.dumps(data))
    more = {"eval": ["--trials", 2], "export": ["--out", run / "bundle"]}[command]
    line = refused(command, run, *more)
    assert "actor.head.weight: got (20, 32), allowed: (20, 48)" in line
    assert not (run / "bundle").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trials", "0"], "--trials: got 0, allowed: an integer >= 1"),
        (["--trials", "x"], "argument --trials: invalid int value: 'x'"),
        (["--trails", "3"], "--trails: unknown flag, did you mean '--trials'?"),
        (["--set", "objekt.size=1"], "--set: got unknown parameter 'objekt.size', did you mean"),
        (["--set", "object.size=9"], "object.size: got 9, allowed: [0.75, 1.3] x"),
        (["--set", "object.size=big"], "--set object.size: got 'big', allowed: a number"),
        (["--set", "object.size"], "--set: got 'object.size', allowed: NAME=VALUE"),
        (["--set", "object.size="], "--set object.size: got '', allowed: a number"),
        (["--set", "object.size=nan"], "object.size: got nan, allowed: [0.75, 1.3] x"),
        (["--variant", "glov"], "argument --variant: invalid choice: 'glov'"),
        (["--goals.flip_share", "2"], "--goals.flip_share: got 2, allowed: "),
        (["--goals.flipshare", "1"], "--goals.flipshare: unknown field, did you mean 'goals.fl"),
    ],
)
def test_eval_refuses_what_cannot_be(
    words: list[str], says: str, reach_run: Path, refused: Refused
) -> None:
    assert says in refused("eval", reach_run, *words)


def test_eval_of_what_is_neither_run_nor_bundle(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file", tmp_path / "nowhere"):
        assert f"{path}: got no checkpoint, allowed: a run folder" in refused("eval", path)
    (tmp_path / "bundle.json").write_text('{"format": ')
    assert "bundle.json: truncated JSON" in refused("eval", tmp_path)
    (tmp_path / "bundle.json").write_text('{"format": 1}')
    assert "bundle.json: " in refused("eval", tmp_path)


def test_a_bundle_without_the_runs_config_cannot_be_evaluated(
    block_run: Path, tmp_path: Path, refused: Refused
) -> None:
    folder = export(block_run, tmp_path / "bundle")
    path = folder / "bundle.json"
    data = json.loads(path.read_text())
    del data["training"]["config"]
    path.write_text(json.dumps(data))
    assert "training.config: got NoneType, allowed: the config of the run" in refused(
        "eval", folder
    )
    (folder / "policy.onnx").write_bytes(b"not a graph")
    assert "policy.onnx: got sha256" in refused("eval", folder)


def test_export_needs_a_place(block_run: Path, tmp_path: Path, refused: Refused) -> None:
    assert "the following arguments are required: --out" in refused("export", block_run)
    assert "got no checkpoint" in refused("export", tmp_path, "--out", tmp_path / "bundle")
    (tmp_path / "file").write_text("mine")
    refused("export", block_run, "--out", tmp_path / "file")
    refused("export", block_run, "--out", tmp_path / "file" / "bundle")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_stops_the_program_and_harms_nothing(run: Path) -> None:
    """The real program, in which the kernel refuses to write files that are as large as weights."""
    before = _contents(run / "checkpoints")
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
    assert _contents(run / "checkpoints") == before
    assert torch.is_tensor(checkpoint.load(run).weights["actor.head.weight"])


def test_metrics_that_cannot_be_written_stop_the_run(
    reach_config: TrainConfig, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(SleightError, match=r"metrics.jsonl: cannot be written: No space left"):
        start(replace(reach_config, runs=str(tmp_path), name="run"))
