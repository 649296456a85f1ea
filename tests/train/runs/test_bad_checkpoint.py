"""Runs and checkpoints that cannot be gone on with, evaluated or exported: one line each."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.train.runs import checkpoint_files
from tests.train.rows import contents

Refused = Callable[..., str]


def test_resume_of_what_is_no_run(run: Path, refused: Refused, tmp_path: Path) -> None:
    assert "--resume: got nothing, allowed: the folder of a run" in refused("train", "--resume")
    assert "no such file" in refused("train", "--resume", tmp_path / "nowhere")
    shutil.rmtree(run / "checkpoints")
    assert f"{run}: got no checkpoint" in refused("train", "--resume", run)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (
            ["--policy.hidden_size", "16"],
            "actor.head.weight: got (20, 32), allowed: (20, 16); the chec",
        ),
        (
            ["--policy.memory", "none"],
            "actor.memory.bias: got nothing, allowed: (32,); the checkpoint is of",
        ),
        (["--env.num_worlds", "4"], "sim.state: got (8, 310), allowed: (4, 310); a run goes on"),
        (["--env.randomization.gravity", "[-10,-9]"], "only in this one: gravity; --warm_start"),
        (
            ["--adr.curriculum.gravity", "[1, 2, 3, 0.1]"],
            "only in the config: gravity; --warm_start",
        ),
    ],
)
def test_resume_of_another_run_is_refused(
    flags: list[str], says: str, run: Path, refused: Refused
) -> None:
    before = contents(run)
    line = refused("train", "--resume", run, *flags)
    assert f"{run}: " in line and says in line
    assert contents(run) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x"),
        ("runs", "elsewhere"),
        ("seed", "7"),
        ("warm_start", "x"),
        ("adr.initial_ranges.gravity", "[-10,-9]"),
    ],
)
def test_what_only_the_beginning_of_a_run_reads_is_refused(
    name: str, value: str, run: Path, refused: Refused
) -> None:
    before = contents(run)
    line = refused("train", "--resume", run, f"--{name}", value)
    assert (
        f"--{name.removesuffix('.gravity')}: got it with --resume, allowed: as the run began"
        in line
    )
    assert contents(run) == before


def test_an_adr_state_of_another_table_says_what_differs_and_what_can_be_done(
    block_run: Path, refused: Refused, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(block_run, tmp_path / "own"))
    path = checkpoint_files.find(run) / "checkpoint.json"
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
            ["--adr.step_sizes.object.mass", "null", "--adr.step_sizes.hand.gain", "0.1"],
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
    damage(checkpoint_files.find(run) / file)
    before = contents(run)
    words = {
        "train": ["--resume", run],
        "eval": [run, "--trials", 2],
        "export": [run, "--out", run / "bundle"],
    }
    line = refused(command, *words[command])
    assert str(run) in line
    assert contents(run) == before


def test_a_state_that_lacks_something_is_named(run: Path, refused: Refused) -> None:
    path = checkpoint_files.find(run) / "checkpoint.json"
    data = json.loads(path.read_text())
    del data["learner"]
    path.write_text(json.dumps(data))
    assert f"{run}: learner: got nothing, allowed: " in refused("train", "--resume", run)


@pytest.mark.parametrize(
    ("key", "value"),
    [("episodes", [[]]), ("episodes", 3), ("sampler", {"source": {"adr": {"state": "x"}}}),
     ("learner", [1]), ("steps", 7.5), ("seconds", {})],
)  # fmt: skip
def test_a_state_of_another_form_is_refused(
    key: str, value: object, run: Path, refused: Refused
) -> None:
    path = checkpoint_files.find(run) / "checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    before = contents(run)
    assert str(run) in refused("train", "--resume", run)
    assert contents(run) == before


@pytest.mark.parametrize("command", ["eval", "export"])
def test_a_checkpoint_of_another_policy_shape_is_refused(
    command: str, block_run: Path, tmp_path: Path, refused: Refused
) -> None:
    run = Path(shutil.copytree(block_run, tmp_path / "own"))
    path = checkpoint_files.find(run) / "checkpoint.json"
    data = json.loads(path.read_text())
    data["config"]["policy"]["hidden_size"] = 48
    path.write_text(json.dumps(data))
    more = {"eval": ["--trials", 2], "export": ["--out", run / "bundle"]}[command]
    line = refused(command, run, *more)
    assert "actor.head.weight: got (20, 32), allowed: (20, 48)" in line
    assert not (run / "bundle").exists()
