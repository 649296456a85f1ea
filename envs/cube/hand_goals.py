"""The steps of a plan as goals of a hand, and a trial that follows them.

The same code leads the simulation's hand and a rig's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .cube_geometry import FACES, NORMALS, SIDES, Floats
from .cube_state import CubeState
from .cubelets import face_up, matrices_of, quaternions_of, read_quaternions
from .notation import FaceTurn, format_moves
from .permutation import IllegalCube
from .plan import Flip, Plan, Step
from .plan_follower import PlanFollower, Planner

STRAIGHT_RAD = 0.25
"""Faces that are nearer to straight are read as a state."""
LOST_LOOKS = 25
"""Looks in a row at a cube that is no legal one after which it has come apart."""
UPRIGHT_RAD = 0.5
"""A face that is nearer to up is on top."""


def goal_of(step: Step, core_wxyz: Floats) -> dict[str, Floats]:
    """Parts of the goal of a step: `goal_wxyz` (4,), the orientation with the step's face on top
    that is nearest to the core's; `goal_joints` (6,) rad; `goal_yaw_free` (1,), set."""
    core = matrices_of(core_wxyz)
    outward = core @ NORMALS[FACES.index(step.face_up)]
    return {
        "goal_wxyz": quaternions_of(_shortest_to_up(outward) @ core),
        "goal_joints": step.state.joint_angles_rad,
        "goal_yaw_free": np.ones(1),
    }


def turned_to(cubelets_wxyz: Floats, joints_rad: Floats) -> CubeState | None:
    """The state that a cube, whose cubelets' rotations about the core are (26, 4), has when its
    faces are turned to the angles (6,); None for a cube that cannot be read."""
    try:
        reading = read_quaternions(cubelets_wxyz)
    except IllegalCube:
        return None
    state = reading.state
    away = SIDES * (joints_rad - state.joint_angles_rad)
    for face, quarters in zip(FACES, np.rint(away / (np.pi / 2)).astype(int), strict=True):
        state = state.turn(face, int(quarters))
    return state


def _shortest_to_up(direction: Floats) -> Floats:
    """The smallest rotation, (3, 3), of a unit vector (3,) to +z."""
    x, y, z = direction
    if z < -1.0 + 1e-9:
        return np.diag((1.0, -1.0, -1.0))
    cross = np.array([[0, 0, -x], [0, 0, -y], [x, y, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1.0 + z))


class MeasuredCube(Protocol):
    """A cube that was measured: a `Reading` of its cubelets, or a `TrackedCube`."""

    @property
    def state(self) -> CubeState:
        """The nearest state."""

    @property
    def partway_rad(self) -> Floats:
        """What each face is away from it, (6,)."""


@dataclass(frozen=True)
class Move:
    """A step that was reached."""

    what: str
    """`flip` or `turn`."""
    face_up: str
    seconds: float


@dataclass
class HandTrial:
    """One trial of a plan: goals, measured states, and what became of each step."""

    plan: Plan
    planner: Planner
    moves: list[Move] = field(default_factory=list)
    best: int = 0
    """Steps of the first plan that were done, at its best: repairs do not count."""
    unread: int = 0
    """Looks at the cube in a row in which it was no legal one."""

    def __post_init__(self) -> None:
        self.follower = PlanFollower(self.plan, self.planner)

    @property
    def total(self) -> int:
        """Steps of the first plan."""
        return len(self.plan.steps)

    @property
    def state(self) -> CubeState:
        """The state that the present step leads to; after the last, the end."""
        step = self.follower.step
        return step.state if step else self.follower.plan.end

    @property
    def label(self) -> str:
        """The present step for people: `flip to F`, `turn F'`, in the notation of the WCA."""
        step = self.follower.step
        if step is None:
            return "search" if self.follower.waiting else "done"
        if isinstance(step.move, Flip):
            return f"flip to {step.face_up}"
        return f"turn {format_moves([FaceTurn(step.face_up, step.move.quarter)])}"

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.follower.step is None and not self.follower.waiting

    @property
    def lost(self) -> bool:
        """Whether the cube has come apart: it has long been no legal one."""
        return self.unread >= LOST_LOOKS

    @property
    def half(self) -> bool:
        """Whether half of the first plan was done."""
        return self.best >= self.plan.half

    def goal(self, core_wxyz: Floats) -> dict[str, Floats]:
        """The goal of the present step: see `goal_of`. Without one, to stay as it is."""
        step = self.follower.step
        if step is None:
            up = face_up(core_wxyz)[0]
            step = Step(Flip(up), up, self.state)
        return goal_of(step, core_wxyz)

    def reached(self, seconds: float) -> None:
        """The present step was reached after so many seconds."""
        step = self.follower.step
        if step is None:
            return
        what = "flip" if isinstance(step.move, Flip) else "turn"
        self.moves.append(Move(what, step.face_up, seconds))
        self.follower.reached()
        # A new plan may be shorter than what was left of the old one; that is no step of the hand.
        done = (
            self.total if self.finished else min(self.total - self.follower.left, len(self.moves))
        )
        self.best = max(self.best, done)

    def measured(self, cube: MeasuredCube, core_wxyz: Floats) -> bool:
        """Take a measured cube; returns whether that led to a new plan, and so to a new goal.

        Nothing is concluded while a face is partway through a turn.
        """
        if np.abs(cube.partway_rad).max() > STRAIGHT_RAD:
            return False
        up, tilt = face_up(core_wxyz)
        return self.follower.measured(cube.state, up if tilt < UPRIGHT_RAD else None)
