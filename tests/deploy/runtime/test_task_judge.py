"""The law of a task on a robot is training's, to the last bit that float32 has."""

import math

import numpy as np
import pytest
import torch

from sleight.contract import quaternions as r
from sleight.contract.bundle import load_bundle
from sleight.deploy.runtime.task_judge import TaskJudge, with_options
from sleight.envs.config import GoalConfig
from sleight.envs.tasks.orientation_goals import OrientationLaw
from sleight.errors import BundleError, ConfigError

COUNT = 300


def pose(wxyz, height_m=0.04):
    return {"object_position": np.array([0.0, 0.0, height_m]), "object_wxyz": wxyz}


@pytest.fixture
def loaded(bundle):
    return load_bundle(bundle)


def test_the_same_seed_gives_the_same_goals(loaded):
    start = pose(r.FACE_TO_UP[4])
    first, second, other = (
        [TaskJudge(loaded, seed).next(start)["goal_wxyz"].tolist() for _ in range(3)]
        for seed in (1, 1, 2)
    )
    assert first == second != other


@pytest.mark.parametrize(("flip_share", "largest"), [(0.5, math.pi), (1.0, 2.0), (0.0, 1.0)])
def test_goals_and_distances_are_those_of_training(loaded, flip_share, largest):
    """The same poses and the same random numbers, in ONNX Runtime and in torch."""
    options = {"flip_share": flip_share, "max_angle_rad": largest}
    judge = TaskJudge(with_options(loaded, options, "test"), 7)
    numbers, poses = np.random.default_rng(7), np.random.default_rng(8)
    law = OrientationLaw(GoalConfig(flip_share=flip_share))
    for _ in range(COUNT):
        wxyz = r.random_rotation(poses)
        goal = judge.next(pose(wxyz))["goal_wxyz"]
        uniform, normal = numbers.random((1, 13)), numbers.standard_normal((1, 3))
        seen = {"object_wxyz": torch.tensor(wxyz, dtype=torch.float32)[None]}
        drawn = law.draw(
            law.prepare(seen),
            torch.tensor([largest]),
            torch.tensor(uniform, dtype=torch.float32),
            torch.tensor(normal, dtype=torch.float32),
        )
        assert r.distance(goal, drawn["goal_wxyz"][0].double().numpy()) < 1e-4
        judged = judge.judge(pose(wxyz), {"goal_wxyz": goal})
        assert judged.distance == pytest.approx(r.distance(wxyz, goal), abs=2e-3)
        assert judged.reached == (judged.distance < 0.4) and not judged.dropped


def test_a_goal_is_reached_within_the_threshold_and_an_object_lost_below_the_palm(loaded):
    judge, here = TaskJudge(loaded, 0), np.array([1.0, 0.0, 0.0, 0.0])
    for angle, reached in ((0.39, True), (0.41, False)):
        goal = {"goal_wxyz": r.about(np.array([0.0, 0.0, 1.0]), angle)}
        assert judge.judge(pose(here), goal).reached == reached
    assert judge.lost(pose(here, -0.041)) and not judge.lost(pose(here, -0.039))


def test_an_option_that_is_unknown_or_out_of_its_limits_is_one_line(loaded):
    with pytest.raises(ConfigError, match="here: flip_shar: unknown option, did you mean 'flip_s"):
        with_options(loaded, {"flip_shar": 0.1}, "here")
    with pytest.raises(ConfigError, match=r"here: flip_share: got 2, allowed: in \[0, 1\]"):
        with_options(loaded, {"flip_share": 2.0}, "here")


def test_a_graph_that_is_not_the_manifests_is_refused(editable):
    bundle, edit = editable
    edit(lambda d: d["task"].update(uniforms=12))
    with pytest.raises(BundleError, match=r"task\.onnx: inputs: uniform: got"):
        TaskJudge(load_bundle(bundle), 0)
