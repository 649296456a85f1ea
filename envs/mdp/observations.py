"""Observation terms: named functions of sensors.

Sensors are a dict of tensors (N, ...); the actor's are noisy, the critic's are true, and on the
robot they come from the hand and the cameras. Terms are pure, so the very same code is exported
with the policy. Positions and rotations are in the frame "palm" (see `model`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError, nearest
from . import rotations

Sensors = dict[str, Tensor]

GOAL_STEP_RAD = 0.8
"""Longest rotation that `goal_step` shows. A policy that has learned to turn the block by this much
about any axis then goes on towards any goal: every state on the way looks like one that it was
trained on."""


@dataclass(frozen=True)
class Term:
    """One observation: its function, size, unit, frame, and the sensors that it reads."""

    name: str
    compute: Callable[[Sensors], Tensor]
    size: int
    unit: str
    frame: str
    reads: tuple[str, ...]
    kind: str = "vector"
    """Which embedding a policy gives it."""


def object_reduced(s: Sensors) -> Tensor:
    """Orientation up to the cube's 24 rotations, as two matrix columns (N, 6)."""
    return rotations.to_columns(rotations.reduce_by_cube(s["object_wxyz"]))


def object_rotation(s: Sensors) -> Tensor:
    """Orientation as two matrix columns (N, 6), for blocks that are not symmetric."""
    return rotations.to_columns(s["object_wxyz"])


def object_motion(s: Sensors) -> Tensor:
    """Displacement [m] and rotation vector [rad] of the block since the last step (N, 6), x 10."""
    turn = rotations.between(s["previous_object_wxyz"], s["object_wxyz"])
    shift = s["object_position"] - s["previous_object_position"]
    return 10.0 * torch.cat((shift, rotations.log(turn)), dim=-1)


def goal_relative(s: Sensors) -> Tensor:
    """The rotation to the goal in the palm's axes (N, 4); three terms share it."""
    if "goal_relative" not in s:
        s["goal_relative"] = rotations.between(s["object_wxyz"], s["goal_wxyz"])
    return s["goal_relative"]


def goal_step(s: Sensors) -> Tensor:
    """The rotation vector to the goal, shortened to GOAL_STEP_RAD (N, 3)."""
    rotvec = rotations.log(goal_relative(s))
    length = rotvec.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    return rotvec * (GOAL_STEP_RAD / length).clamp_max(1.0)


def goal_angle(s: Sensors) -> Tensor:
    """Rotation distance to the goal (N, 1)."""
    return rotations.angle(goal_relative(s)).unsqueeze(-1)


def fingertips_to_object(s: Sensors) -> Tensor:
    """Five fingertips seen from the block's centre, palm axes (N, 15)."""
    return (s["fingertips"] - s["object_position"].unsqueeze(-2)).flatten(-2)


def goal_to_fingertips(s: Sensors) -> Tensor:
    """What each fingertip still lacks to its target (N, 15), x 10."""
    return 10.0 * (s["goal_fingertips"] - s["fingertips"]).flatten(-2)


def _sensor(name: str) -> Callable[[Sensors], Tensor]:
    def read(s: Sensors) -> Tensor:
        return s[name]

    return read


def _plain(name: str, size: int, unit: str, frame: str = "") -> Term:
    return Term(name, _sensor(name), size, unit, frame, (name,))


_POSE = ("object_position", "object_wxyz")
_PAST = ("previous_object_position", "previous_object_wxyz")

TERMS: tuple[Term, ...] = (
    _plain("joint_position", 24, "rad"),
    _plain("joint_velocity", 24, "rad/s"),
    _plain("target", 20, "rad"),
    _plain("last_action", 20, ""),
    _plain("object_position", 3, "m", "palm"),
    _plain("object_wxyz", 4, "", "palm"),
    Term("object_rotation", object_rotation, 6, "", "palm", ("object_wxyz",)),
    Term("object_reduced", object_reduced, 6, "", "palm", ("object_wxyz",)),
    Term("object_motion", object_motion, 6, "10 m, 10 rad per step", "palm", _POSE + _PAST),
    _plain("goal_wxyz", 4, "", "palm"),
    Term("goal_relative", goal_relative, 4, "", "palm", ("object_wxyz", "goal_wxyz")),
    Term("goal_step", goal_step, 3, "rad", "palm", ("object_wxyz", "goal_wxyz")),
    Term("goal_angle", goal_angle, 1, "rad", "", ("object_wxyz", "goal_wxyz")),
    Term("fingertips", lambda s: s["fingertips"].flatten(-2), 15, "m", "palm", ("fingertips",)),
    Term("fingertips_to_object", fingertips_to_object, 15, "m", "palm",
         ("fingertips", "object_position")),
    Term("goal_to_fingertips", goal_to_fingertips, 15, "10 m", "palm",
         ("fingertips", "goal_fingertips")),
    _plain("object_velocity", 3, "m/s", "palm"),
    _plain("object_spin", 3, "rad/s", "palm"),
    _plain("motor_force", 20, "Nm"),
    _plain("world", 0, "lambda"),
)  # fmt: skip
BY_NAME = {term.name: term for term in TERMS}
PRIVILEGED = ("object_velocity", "object_spin", "motor_force", "world")
"""Known only to the simulator: for the critic."""


def select(names: Sequence[str], source: str) -> tuple[Term, ...]:
    """The terms called `names`. Raises ConfigError for none, one twice, or an unknown one."""
    if not names or len(set(names)) < len(names):
        got = ", ".join(names) or "nothing"
        raise ConfigError(f"{source}: got {got}, allowed: one or more terms, each once")
    for name in names:
        if name not in BY_NAME:
            raise ConfigError(f"{source}: got unknown term '{name}', {nearest(name, BY_NAME)}")
    return tuple(BY_NAME[name] for name in names)


def compute(terms: Sequence[Term], sensors: Sensors) -> dict[str, Tensor]:
    """Every term on one set of sensors, each (N, size) float32."""
    sensors = dict(sensors)  # terms may keep there what others need too
    return {term.name: term.compute(sensors) for term in terms}


def compute_both(
    actor: Sequence[Term], noisy: Sensors, critic: Sequence[Term], true: Sensors
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """`compute` for the actor and for the critic; the terms of both on all rows at once."""
    shared = [term for term in actor if term in critic and term.reads != (term.name,)]
    reads = {name for term in shared for name in term.reads}
    stacked = {name: torch.cat((noisy[name], true[name])) for name in reads}
    halves = {name: value.chunk(2) for name, value in compute(shared, stacked).items()}
    found: list[dict[str, Tensor]] = []
    for terms, sensors in ((actor, noisy), (critic, true)):
        own = compute([term for term in terms if term.name not in halves], sensors)
        own |= {name: half[len(found)] for name, half in halves.items()}
        found.append({term.name: own[term.name] for term in terms})
    return found[0], found[1]
