"""Stages that cannot be: one line, exit code 2, before any work, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sleight.config import yamlfile

from .conftest import SMALL, Recipe

Refused = Callable[..., str]
TAUGHT = {"minibatches": 2, "student_share": [0.5, 1.0]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"faces": {"ppo": {"epocs": 3}}},
            "staged.yaml: stages.faces.ppo.epocs: unknown field, did you mean 'epochs'?",
        ),
        (
            {"faces": {"ppo": {"epochs": 0}}},
            "staged.yaml: stages.faces.ppo.epochs: got 0, allowed: an integer in [1, 100]",
        ),
        ({"faces": {"untl": {}}}, "stages.faces.untl: unknown field, did you mean 'until'?"),
        ({"faces": {"name": "x"}}, 'stages.faces.name: got "x", allowed: at the top of the conf'),
        ({"faces": {"stages": {"a": {"steps": 5}}}}, "stages: got stages in a stage, allowed: fie"),
        ({"faces": {"base": "none.yaml"}}, "none.yaml: no such file"),
        ({"faces": {"base": "staged.yaml"}}, "staged.yaml: base: inherits from itself"),
        ({"faces": {"base": 3}}, "stages.faces.base: got 3, allowed: a path"),
        ({"a b": {"steps": 5}}, "stages: got the name 'a b', allowed: letters, digits, _ and -"),
        (
            {"faces": {"until": {"at_least": {"sucesses_mean": 3}}}},
            "until.at_least: got unknown metric sucesses_mean, did you mean 'successes_mean'?",
        ),
        (
            {"faces": {"until": {"at_most": {"range/gravty/low": 3}}}},
            "until.at_most: got unknown metric range/gravty/low, did you mean 'range/gravity/low'?",
        ),
        ({"near": {"until": {"at_least": {"kl_to_teacher": 1}}}}, "got unknown metric kl_to_teach"),
        (
            {"faces": {"carry": {"stage": "memory"}}},
            "stages.faces.carry.stage: got memory, which is no earlier stage, available: near",
        ),
        ({"faces": {"carry": {"stage": "faces"}}}, "got faces, which is no earlier stage"),
        ({"near": {"carry": {"adr": False}}}, "stages.near.carry: got it in the first stage"),
        (
            {"memory": {"carry": {"optimizer": True}}},
            "stages.memory.carry.optimizer: got true after ppo, allowed: false, as the algorithm",
        ),
        (
            {"faces": {"carry": {"optimizer": True, "weights": False}}},
            "carry.optimizer: got true without carry.weights, allowed: false",
        ),
        (
            {"faces": {"policy": {"head": "bins"}, "carry": {"action_std": 0.3}}},
            "carry.action_std: got 0.3 with policy.head bins, allowed: null",
        ),
        (
            {"memory": {"clone": {**TAUGHT, "teacher": "stage:nera"}}},
            "clone: teacher: got nera, which is no earlier stage, did you mean 'near'?",
        ),
        (
            {
                "memory": {
                    "clone": {**TAUGHT, "teacher": "stage:near", "specialists": {"turn": "a"}}
                }
            },
            "clone.specialists: got turn, allowed: a task that has cases",
        ),
        ({"memory": {"clone": {**TAUGHT, "teacher": "nowhere"}}}, "nowhere: got no checkpoint"),
        ({"faces": {"warm_start": "nowhere"}}, "nowhere: got no checkpoint"),
        (
            {"faces": {"warm_start": "a", "carry": {"stage": "near"}}},
            "warm_start: got a run and carry.stage or no carry.weights, allowed: one place",
        ),
    ],
)
def test_a_stage_that_cannot_be_is_named(
    changes: dict[str, Any], says: str, recipe: Recipe, refused: Refused, tmp_path: Path
) -> None:
    assert says in refused("train", recipe(**changes))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        # What only the models and the networks know, so that the stages begin in small.
        (
            {"memory": {"carry": {}}},
            "stages.memory: policy.residual: got true, allowed: false, as in stage faces",
        ),
        (
            {"faces": {"policy": {"hidden_size": 32}}},
            "stages.faces: stage near: actor.head.weight: got (20, 16), allowed: (20, 32)",
        ),
        (
            {"memory": {"env": {"control": {"scale": 0.5}}}},
            "stages.memory: env.control.scale: got 0.5, allowed: 0.35, as stage near has",
        ),
        ({"faces": {"env": {"task": "blok"}}}, "env.task: got blok, did you mean 'block'?"),
        (
            {"faces": {"adr": {"step_sizes": {"gravty": 0.1}}}},
            "stages.faces: adr.step_sizes: got unknown parameter 'gravty', did you mean 'gravity'?",
        ),
        (
            {"faces": {"carry": {"optimizer": True}}},
            "carry.optimizer: got true with other parameters that vary (only in that run: goal.ang",
        ),
        (
            {"faces": {"env": {"actor_terms": ["joint_position", "target"]}}},
            "stages.faces: stage near: actor.embedding",
        ),
        ({"faces": {"env": {"actor_terms": ["nothing"]}}}, "got unknown term 'nothing'"),
    ],
)
def test_what_a_later_stage_would_refuse_is_refused_before_the_first(
    changes: dict[str, Any], says: str, recipe: Recipe, refused: Refused, tmp_path: Path
) -> None:
    assert says in refused("train", recipe(**changes))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("top", "says"),
    [
        ({"stages": 3}, "stages: got 3, allowed: a mapping"),
        ({"stages": {"near": 3}}, "stages.near: got 3, allowed: the fields of a stage"),
        ({"stages": {"near": {}}}, "stages.near.steps: missing, allowed: a number"),
        (
            {"stages": {"near": {"steps": 5}}, "steps": 6},
            "steps: got 6, allowed: nothing, or 5, the sum of the stages",
        ),
        (
            {"algorithm": "clone", "clone": {"teacher": "stage:near"}},
            "clone: got the teacher stage:near in a run without stages",
        ),
    ],
)
def test_stages_that_are_none_are_named(
    top: dict[str, Any], says: str, refused: Refused, tmp_path: Path
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(yamlfile.dump({**SMALL, "runs": str(tmp_path / "runs"), **top}))
    assert says in refused("train", path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--steps", "5"], "--steps: got it with stages, allowed: --stages.NAME.steps, for each s"),
        (["--stages.nera.steps", "5"], "--stages.nera: unknown stage, did you mean 'near'?"),
        (["--stages.near.ppo.epocs", "5"], "--stages.near.ppo.epocs: unknown field"),
        (["--stages.near.ppo.epochs", "0"], "got 0, allowed: an integer in [1, 100]"),
        (["--runs", "/proc/nowhere"], "got /proc/nowhere/"),
    ],
)
def test_flags_of_stages_that_cannot_be_are_named(
    flags: list[str], says: str, recipe: Recipe, refused: Refused, tmp_path: Path
) -> None:
    assert says in refused("train", recipe(), *flags)
    assert not (tmp_path / "runs").exists()


def test_a_stage_that_another_run_ended_is_no_stage_of_this_one(
    recipe: Recipe, refused: Refused, staged_run: Path, reach_run: Path, tmp_path: Path
) -> None:
    """A config that was changed by hand, beside checkpoints of a run without stages."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text((staged_run / "config.yaml").read_text())
    (folder / "checkpoints").symlink_to(reach_run / "checkpoints")
    line = refused("train", "--resume", folder)
    assert "stage: got a run without stages, allowed: near, faces, memory" in line


def test_a_sweep_of_stages_is_refused(recipe: Recipe, refused: Refused, tmp_path: Path) -> None:
    sweep = {"train": str(recipe()), "fields": {"ppo.epochs": {"values": [1, 2]}}, "method": "grid"}
    (tmp_path / "sweep.yaml").write_text(yamlfile.dump(sweep))
    line = refused("sweep", tmp_path / "sweep.yaml")
    assert "train: got a config with stages, allowed: one without, as a stage of its own" in line
