"""Cloning from demonstrations: what is learned from, in which order, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load_file, save_file

from sleight.config import load
from sleight.errors import CheckpointError
from sleight.policies.config import PolicyConfig
from sleight.train.config import TrainConfig
from sleight.train.demonstrations.data_set import open_demonstrations
from sleight.train.demonstrations.lanes import Lanes
from sleight.train.demonstrations.sampler import DemonstrationSampler
from sleight.train.rollout.in_process import build
from sleight.train.runs import checkpoint
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import resume, start
from tests.train.demonstrations.conftest import record
from tests.train.rows import untimed

Student = Callable[..., Path]
INDEX = "demonstrations.json"


def test_every_episode_is_read_to_its_end_and_once_in_each_round() -> None:
    begins, ends = torch.tensor([0, 3, 8]), torch.tensor([3, 8, 9])
    lanes = Lanes(begins, ends, 1, seed=0)
    rows, starts = (values.flatten() for values in lanes.take(60))
    edges = (*starts[1:].nonzero().flatten().add(1).tolist(), 60)
    read = [rows[slice(*pair)].tolist() for pair in pairwise(edges)]
    whole = {0: [0, 1, 2], 3: [3, 4, 5, 6, 7], 8: [8]}
    assert all(part == whole[part[0]] for part in read[:-1])
    # The first round has the one that the lane began within, and what is before the first edge.
    assert int(rows[0]) > 0, "it begins somewhere"
    rounds = [part[0] for part in read[2:-1]]
    assert len(rounds) > 9
    assert all(sorted(rounds[at : at + 3]) == [0, 3, 8] for at in range(0, len(rounds) - 2, 3))
    again = Lanes(begins, ends, 1, seed=1)
    again.load_state(lanes.state())
    assert all(torch.equal(*pair) for pair in zip(lanes.take(9), again.take(9), strict=True))


def test_a_batch_has_the_recorded_steps_and_the_memory_of_the_student(
    recorded: Path, student: Student
) -> None:
    training = build(load(TrainConfig, student(recorded)))
    sampler: Any = training.sampler
    assert isinstance(sampler, DemonstrationSampler)
    first, second = sampler.next(), sampler.next()
    data = open_demonstrations(recorded)
    assert first.actor["joint_position"].shape == (8, 8, 24)
    rows = [  # found by their labels, which no two steps share
        int((data.arrays["mean"] == mean).all(dim=-1).nonzero()) for mean in first.labels["mean"][0]
    ]
    assert torch.equal(first.raw[0], data.arrays["action"][rows])
    assert torch.equal(first.reward[0], data.arrays["reward"][rows])
    assert (first.truncated | first.terminated)[:-1].equal(first.starts[1:])
    actor = training.agent.actor
    seen = {n: torch.cat((first.actor[n], second.actor[n])) for n in first.actor}
    carry = actor.initial_carry(8)
    starts = torch.cat((first.starts, second.starts))
    assert starts[1:].any(), "an episode begins within"
    with torch.no_grad():
        for step in range(12):
            keep = (~starts[step]).float().unsqueeze(-1)
            carry = tuple(part * keep for part in carry)
            if step % 4 == 0:
                given = (*first.carries, *second.carries)[step // 4]
                assert all(torch.equal(*pair) for pair in zip(given, carry, strict=True))
            _, carry = actor({n: value[step] for n, value in seen.items()}, carry)


@pytest.mark.parametrize("policy", [{}, {"head": "bins", "memory": "none"}])
def test_the_student_learns_and_a_stopped_run_goes_on(
    policy: dict[str, Any],
    recorded: Path,
    student: Student,
    tmp_path: Path,
    cli: Callable[..., tuple[int, str, str]],
) -> None:
    small = PolicyConfig(embedding_size=16, hidden_size=16, critic_layers=(16, 16), **policy)
    path = student(recorded, policy=small, steps=1280)
    code, out, err = cli("clone", path)
    assert (code, out) == (0, f"{tmp_path / 'student'}\n"), err
    rows = read_metrics(tmp_path / "student" / "metrics.jsonl")
    assert rows[-1]["kl_to_teacher"] < 0.6 * rows[0]["kl_to_teacher"]
    assert rows[0]["sim_share"] == 0.0 and rows[0]["student_share"] == 0.0
    config = replace(load(TrainConfig, path), steps=256)
    whole = start(replace(config, name="whole"))
    halves = start(replace(config, name="halves", pause_steps=128))
    resume(halves, ["--pause_steps", "0"])
    assert untimed(whole) == untimed(halves)
    one, other = (checkpoint.load(folder).weights for folder in (whole, halves))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_it_is_evaluated_while_it_learns_and_is_a_run_like_any_other(
    recorded: Path, student: Student, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    words = ("--steps", 64, "--train.evaluate_s", 1e-3, "--train.evaluate_trials", 2)
    code, _, err = cli("clone", student(recorded), *words, "--env.goals.timeout_s", 0.8)
    assert code == 0, err
    (row,) = read_metrics(tmp_path / "student" / "metrics.jsonl")
    assert row["eval/trials"] == 2.0 and "eval/successes_mean" in row
    code, _, err = cli("eval", tmp_path / "student", "--trials", 1, "--goals.timeout_s", 0.4)
    assert code == 0, err


def test_a_run_goes_on_only_with_the_data_that_it_began_with(
    recorded: Path, reach_run: Path, student: Student, tmp_path: Path
) -> None:
    config = load(TrainConfig, student(recorded))
    folder = start(replace(config, steps=256, pause_steps=64))
    other = record(reach_run, tmp_path / "other")
    with pytest.raises(CheckpointError, match="of the data that the run began with"):
        resume(folder, ["--pause_steps", "0", "--clone.data", str(other)])


def _changed(folder: Path, **fields: Any) -> Path:
    data = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps({**data, **fields}))
    return folder


def _shard(folder: Path, **arrays: Any) -> Path:
    path = folder / "shard-00000.safetensors"
    number = json.loads((folder / INDEX).read_text())["id"]
    save_file({**load_file(path), **arrays}, path, {"id": number})
    return folder


def test_data_that_is_damaged_empty_or_mixed(
    recorded: Path, copied: Path, reach_run: Path, student: Student, tmp_path: Path, refused: Any
) -> None:
    def said(folder: Path) -> str:
        line: str = refused("clone", student(folder))
        assert not (tmp_path / "student").exists()
        return line

    assert "nowhere/demonstrations.json: no such file" in said(tmp_path / "nowhere")
    mean = load_file(copied / "shard-00000.safetensors")["mean"]
    assert "mean: got ('float32', (3, 20)), allowed" in said(_shard(copied, mean=mean[:3].copy()))
    mean[5, 2] = float("nan")
    assert "mean: got a number that is not finite" in said(_shard(copied, mean=mean.copy()))
    other = record(reach_run, tmp_path / "other")
    shard = (other / "shard-00000.safetensors").read_bytes()
    (copied / "shard-00000.safetensors").write_bytes(shard)
    assert "id: got " in said(copied) and f", as in {INDEX}" in said(copied)
    (copied / "shard-00000.safetensors").write_bytes(shard[:-1])
    assert "not a shard of demonstrations" in said(copied)
    assert "shards: got no episodes, allowed: one or more" in said(_changed(copied, shards=[]))
    assert "format: got 9, allowed: 1" in said(_changed(copied, format=9))
    (copied / INDEX).write_text("{")
    assert "truncated JSON" in said(copied)
    outside = {"file": "../x", "episodes": 1, "steps": 1}
    (copied / INDEX).write_bytes((recorded / INDEX).read_bytes())
    assert "shards: got '../x', allowed: a file in" in said(_changed(copied, shards=[outside]))


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--env.control.scale", 0.2), "env.control.scale: got 0.2, allowed: 0.35, as "),
        (("--env.control.law", "absolute"), "env.control.law: got absolute, allowed: relative_to"),
        (("--env.model.hand", "mujoco-menagerie"), "env.model.hand: got mujoco-menagerie, allo"),
        (("--env.task", "block"), "env.task: got an object, allowed: reach"),
        (("--clone.teacher", "x"), "clone.teacher: got x with clone.data, allowed: one of the two"),
        (("--train.workers", 1), "train.workers: got 1 with clone.data"),
    ],
)  # fmt: skip
def test_students_of_another_hand_law_or_task(
    flags: tuple[Any, ...], line: str, recorded: Path, student: Student, refused: Any
) -> None:
    assert line in refused("clone", student(recorded), *flags)


def test_a_student_that_lacks_what_its_config_names(
    block_run: Path, student: Student, tmp_path: Path, refused: Any
) -> None:
    folder = record(block_run, tmp_path / "block")
    words = ("clone", student(folder), "--env.task", "block", "--env.actor_terms")
    line = refused(*words, "[joint_position, camera_images]")
    assert "env.actor_terms: got camera_images, which reads camera_images, allowed with" in line
    assert "object_position" in line
    data = json.loads((folder / INDEX).read_text())
    del data["sensors"]["goal_wxyz"]
    (folder / INDEX).write_text(json.dumps(data))
    line = refused(*words, "[joint_position, goal_step]")
    assert "env.actor_terms: got goal_step, which reads goal_wxyz, allowed with" in line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--record_cameras", "configs/clone_images.yaml"), "--record_cameras: got it alone"),
        (("--record", "{new}", "--pose", "both"), "--record: got --pose both, allowed: without"),
        (("--record", "{full}"), "which is not empty, allowed: a new folder"),
        (("--record", "{full}/demonstrations.json"), "cannot be written"),
        (("--record", "{new}", "--record_cameras", "configs/clone_images.yaml"),
         "got the task reach, allowed with --record_cameras: the block"),
    ],
)  # fmt: skip
def test_what_cannot_be_recorded(
    words: tuple[str, ...], line: str, recorded: Path, reach_run: Path, tmp_path: Path, refused: Any
) -> None:
    root = Path(__file__).parents[3]
    filled = [w.format(new=tmp_path / "new", full=recorded) for w in words]
    filled = [str(root / w) if w.startswith("configs") else w for w in filled]
    assert line in refused("eval", reach_run, *filled)
    assert not (tmp_path / "new").exists()
