"""A run with stages that is stopped or killed, also between two stages, is the one that was not."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.adr import persistence
from sleight.config import load
from sleight.train.config import TrainConfig
from sleight.train.runs import checkpoint, checkpoint_files
from sleight.train.runs.session import resume, start
from sleight.train.runs.stages import stage_loop
from tests.train.rows import same_weights, untimed

from .conftest import ITERATION, Recipe

ROOT = Path(__file__).parents[4]
PLACES = {
    # function of `stage_loop` before which, or after which, the process is killed; which call of it
    "before the end of a stage is saved": ("save", False),
    "after it is saved": ("save", True),
    "after it is kept": ("keep_end", True),
    "when the next stage has been built": ("next_stage", True),
}


def _same(folder: Path, whole: Path) -> None:
    """The same curve, networks, ranges and everything else that is saved."""
    assert untimed(folder) == untimed(whole)
    assert same_weights(folder, whole)
    assert persistence.load(folder / "adr.json") == persistence.load(whole / "adr.json")
    one, other = checkpoint.load(folder), checkpoint.load(whole)
    assert one.state.keys() == other.state.keys()
    assert all(torch.equal(one.state[name], other.state[name]) for name in one.state)
    assert one.meta["stage"] == other.meta["stage"]
    for stage in ("near", "faces", "memory"):
        assert same_weights(folder / "stages" / stage, whole / "stages" / stage)


@pytest.mark.parametrize("stop_at", range(1, 6))
def test_a_run_resumed_in_any_stage_is_the_uninterrupted_one(
    stop_at: int, recipe: Recipe, staged_run: Path
) -> None:
    """Iterations 2 and 4 are borders."""
    pause = ["--name", "run", "--pause_steps", str(stop_at * ITERATION)]
    folder = start(load(TrainConfig, recipe(), pause))
    assert len(untimed(folder)) == stop_at
    resume(folder, [])  # it is there already
    assert len(untimed(folder)) == stop_at
    resume(folder, ["--pause_steps", "0"])
    _same(folder, staged_run)


@pytest.mark.parametrize(
    ("place", "border"),
    [
        ("after it is saved", 1),
        *(pytest.param(p, b, marks=pytest.mark.slow) for p in PLACES for b in (1, 2)),
    ],
)
def test_a_run_killed_at_a_border_goes_on_as_if_nothing_had_been(
    place: str, border: int, recipe: Recipe, staged_run: Path, tmp_path: Path
) -> None:
    """kill -9 by the process itself, so that it hits the very place."""
    function, after = PLACES[place]
    code = (
        "import os, sys\n"
        "from sleight.train.runs.stages import stage_loop\n"
        f"real, calls, after, border = stage_loop.{function}, 0, {after}, {border}\n"
        "def deadly(*args):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    if calls == border and not after: os.kill(os.getpid(), 9)\n"
        "    result = real(*args)\n"
        "    if calls == border: os.kill(os.getpid(), 9)\n"
        "    return result\n"
        f"stage_loop.{function} = deadly\n"
        "from sleight.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["train", str(recipe()), "--name", "run", "--checkpoint_s", "1e6"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = tmp_path / "runs" / "run"
    if function == "save" and not after and border == 1:
        assert not checkpoint_files.complete(folder / "checkpoints"), "nothing to go on from"
        shutil.rmtree(folder)
        start(load(TrainConfig, recipe(), ["--name", "run"]))
    else:
        resume(folder, [])
    _same(folder, staged_run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_between_two_stages_saves_and_goes_on(
    number: int, recipe: Recipe, staged_run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = stage_loop.next_stage

    def signalled(*args: Any) -> Any:
        os.kill(os.getpid(), number)
        return real(*args)

    before = [signal.signal(n, signal.default_int_handler) for n in (signal.SIGINT, signal.SIGTERM)]
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    monkeypatch.setattr(stage_loop, "next_stage", signalled)
    with pytest.raises(KeyboardInterrupt):
        start(load(TrainConfig, recipe(), ["--name", "run"]))
    monkeypatch.undo()
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])
    signal.signal(signal.SIGHUP, hang_up)
    folder = tmp_path / "runs" / "run"
    assert checkpoint.load(folder).meta["stage"]["name"] == "near"
    resume(folder, [])
    _same(folder, staged_run)


def test_a_measure_that_ended_a_stage_is_not_asked_again(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The checkpoint says that it held; the next iteration might not reach it."""
    until = {"near": {"steps": 50 * ITERATION, "until": {"at_most": {"kl": 1e9}}}}
    whole = start(load(TrainConfig, recipe(**until), ["--name", "whole"]))
    monkeypatch.setattr(stage_loop, "keep_end", lambda *_: None)  # as if killed before it is kept
    folder = start(
        load(TrainConfig, recipe(**until), ["--name", "run", "--pause_steps", str(ITERATION)])
    )
    monkeypatch.undo()
    assert not (folder / "stages" / "near").exists()
    assert checkpoint.load(folder).meta["stage"] == {
        "name": "near", "first_step": 0, "met": True, "ended": True,
    }  # fmt: skip
    resume(folder, ["--pause_steps", "0"])
    _same(folder, whole)


def test_a_teacher_from_outside_is_the_same_whatever_becomes_of_it(
    recipe: Recipe, staged_run: Path, tmp_path: Path
) -> None:
    teacher = shutil.copytree(staged_run / "stages" / "near", tmp_path / "teacher")
    clone = {"clone": {"teacher": str(teacher), "minibatches": 2, "student_share": [0.5, 1.0]}}
    pause = ["--name", "run", "--pause_steps", str(ITERATION)]
    folder = start(load(TrainConfig, recipe(memory={**clone}), pause))
    shutil.rmtree(teacher)
    resume(folder, ["--pause_steps", "0"])
    assert untimed(folder) == untimed(staged_run)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--stages.near.steps", "1e6"], "--stages.near.steps: got it with --resume, allowed: f"),
        (["--stages.faces.seed", "9"], "--stages.faces.seed: got it with --resume, allowed: as "),
        (["--stages.faces.carry.adr", "false"], "--stages.faces.carry: got it with --resume"),
        (["--stages.memory", "null"], "--stages: got other stages with --resume"),
        (["--stages.memry.steps", "5"], "--stages.memry: unknown stage, did you mean 'memory'?"),
        (["--seed", "9"], "--seed: got it with --resume"),
    ],
)
def test_what_cannot_change_any_more_is_refused(
    flags: list[str], says: str, recipe: Recipe, tmp_path: Path, refused: Any
) -> None:
    pause = ["--name", "run", "--pause_steps", str(3 * ITERATION)]
    folder = start(load(TrainConfig, recipe(), pause))
    before = (folder / "config.yaml").read_text()
    assert says in refused("train", "--resume", folder, *flags)
    assert (folder / "config.yaml").read_text() == before


def test_a_later_stage_may_change_before_it_begins(recipe: Recipe) -> None:
    pause = ["--name", "run", "--pause_steps", str(3 * ITERATION)]
    folder = start(load(TrainConfig, recipe(), pause))
    resume(folder, ["--pause_steps", "0", "--stages.memory.steps", str(ITERATION)])
    assert [row["stage"] for row in untimed(folder)].count("memory") == 1
    saved = json.loads((checkpoint_files.find(folder) / "checkpoint.json").read_text())
    assert saved["steps"] == 5 * ITERATION


def test_a_finished_run_has_nothing_to_do_until_its_last_stage_gets_more_steps(
    staged_run: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(staged_run, tmp_path / "run"))
    resume(folder, [])
    _same(folder, staged_run)
    resume(folder, ["--stages.memory.steps", str(3 * ITERATION)])
    rows = untimed(folder)
    assert rows[:-1] == untimed(staged_run) and rows[-1]["steps"] == 7 * ITERATION
    assert checkpoint.load(folder / "stages" / "memory").meta["steps"] == 7 * ITERATION


def test_a_signal_before_the_first_iteration_lets_it_be_made_and_saved(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, staged_run: Path, tmp_path: Path
) -> None:
    """It arrived while the first stage was built."""
    with monkeypatch.context() as patch:
        patch.setattr(stage_loop.Interrupt, "__call__", lambda self: True)
        with pytest.raises(KeyboardInterrupt):
            start(load(TrainConfig, recipe(), ["--name", "early"]))
    folder = tmp_path / "runs" / "early"
    assert len(untimed(folder)) == 1
    resume(folder, [])
    _same(folder, staged_run)
