"""Kinds of goals by hand, and a book that agrees with the trials it was kept beside."""

import math

import pytest
import torch

from sleight.envs.mdp import rotations
from sleight.envs.tasks.goal_kinds import KINDS, kind_of, tilt_to

NAMES = [kind.name for kind in KINDS]


def turn(axis: tuple[float, float, float], angle: float) -> torch.Tensor:
    return rotations.from_rotvec(angle * torch.tensor([axis]))


def name_of(block: torch.Tensor, goal: torch.Tensor) -> str:
    return NAMES[int(kind_of(block, goal))]


X, Z = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("angle", "name"),
    [(0.9, NAMES[0]), (-1.5, NAMES[1]), (2.5, NAMES[2]), (3.1, NAMES[3])],
)
def test_turns_about_the_vertical_are_yaws(angle: float, name: str) -> None:
    block = turn(X, math.pi / 2)  # whichever face is up
    assert name_of(block, rotations.multiply(turn(Z, angle), block)) == name


def test_another_face_up_is_a_flip() -> None:
    level = turn(Z, 0.0)
    assert name_of(level, turn(X, math.pi / 2)) == "quarter flip up to 1.6 rad"
    assert name_of(level, turn(X, math.pi)) == "half flip"
    # cos(whole / 2) = cos(flip / 2) cos(yaw / 2): pi/2 and 2 give 2.36, pi/2 and 3 give 3.04.
    for yaw, name in ((2.0, "quarter flip 1.6 to 2.4 rad"), (3.0, "quarter flip above 2.4 rad")):
        goal = rotations.multiply(turn(Z, yaw), turn(X, math.pi / 2))
        assert name_of(level, goal) == name


def test_tilt_is_of_the_face_that_the_goal_has_up() -> None:
    goal = turn(X, math.pi / 2)
    leaning = rotations.multiply(turn(X, -0.3), goal)
    torch.testing.assert_close(tilt_to(leaning, goal), torch.tensor([0.3]))
    # However the goal stands about the vertical.
    spun = rotations.multiply(turn(Z, 2.0), goal)
    torch.testing.assert_close(tilt_to(leaning, spun), torch.tensor([0.3]))
