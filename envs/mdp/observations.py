"""Observation terms: named functions of sensors.

Sensors are a dict of tensors (N, ...). The actor's sensors are noisy and the critic's are true; on
the robot they come from the hand and the cameras. Terms are pure functions, so the same code is
exported with the policy. Positions and rotations are in the frame "palm" (see `HandSpec`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ...errors import ConfigError, nearest
from ...registry import Registry, must_be
from ..objects.object_spec import ObjectSpec
from . import rotations

Sensors = dict[str, Tensor]
Sizes = Mapping[str, int]
"""Sizes that depend on the hand, the object and the run: joints, actuators, fingertips,
tip_coordinates (three per fingertip), inner (inner joints of the object), parameters (those that
vary between worlds)."""


def sizes_of(hand: HandSpec, held: ObjectSpec, parameters: int) -> Sizes:
    """The sizes of one environment."""
    return {
        "joints": len(hand.joints),
        "actuators": len(hand.actuators),
        "fingertips": len(hand.fingertips),
        "tip_coordinates": 3 * len(hand.fingertips),
        "inner": len(held.reported),
        "parameters": parameters,
    }


GOAL_STEP_RAD = 0.8
"""Longest rotation that `goal_step` shows. A policy that can turn the block by this much about any
axis can reach any goal, because every state on the way looks like a state from training."""


@dataclass(frozen=True)
class Term:
    """One observation term: its function, shape, unit, frame, and the sensors that it reads."""

    name: str
    compute: Callable[[Sensors], Tensor]
    """Sensors (N, ...) -> (N, *shape) float32."""
    shape: tuple[int | str, ...]
    """Numbers or names in `Sizes`: (3,), ("joints",), (3, 64, 64)."""
    unit: str
    frame: str
    reads: tuple[str, ...]
    kind: str = "vector"
    """Kind of encoder in a policy: `vector`, `image`, or one that an installed package adds."""

    def shape_in(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape in numbers. Raises ConfigError for a name that `sizes` does not have."""
        for part in self.shape:
            if isinstance(part, str) and part not in sizes:
                raise ConfigError(f"term {self.name}: shape: got {part}, {nearest(part, sizes)}")
        return tuple(sizes[part] if isinstance(part, str) else part for part in self.shape)


def object_reduced(s: Sensors) -> Tensor:
    """Orientation up to the cube's 24 rotations, as two matrix columns (N, 6)."""
    return rotations.to_columns(rotations.reduce_by_cube(s["object_wxyz"]))


def object_rotation(s: Sensors) -> Tensor:
    """Orientation as two matrix columns (N, 6), for blocks that are not symmetric."""
    return rotations.to_columns(s["object_wxyz"])


def goal_rotation(s: Sensors) -> Tensor:
    """The goal's orientation as two matrix columns (N, 6), for policies that see no pose."""
    return rotations.to_columns(s["goal_wxyz"])


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


def shortened(rotvec: Tensor) -> Tensor:
    """Rotation vectors (N, 3), those longer than GOAL_STEP_RAD shortened to it."""
    length = rotvec.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    return rotvec * (GOAL_STEP_RAD / length).clamp_max(1.0)


def goal_step(s: Sensors) -> Tensor:
    """The rotation vector to the goal, shortened to GOAL_STEP_RAD (N, 3)."""
    return shortened(rotations.log(goal_relative(s)))


def goal_angle(s: Sensors) -> Tensor:
    """Rotation distance to the goal (N, 1)."""
    return rotations.angle(goal_relative(s)).unsqueeze(-1)


def fingertips_to_object(s: Sensors) -> Tensor:
    """Fingertips relative to the object's centre, in palm axes (N, 3 F)."""
    return (s["fingertips"] - s["object_position"].unsqueeze(-2)).flatten(-2)


def goal_to_fingertips(s: Sensors) -> Tensor:
    """From each fingertip to its target (N, 3 F), x 10."""
    return 10.0 * (s["goal_fingertips"] - s["fingertips"]).flatten(-2)


def _sensor(name: str) -> Callable[[Sensors], Tensor]:
    def read(s: Sensors) -> Tensor:
        return s[name]

    return read


def _pictures(images: Tensor) -> Tensor:
    """(N, V, S, S, 3) uint8 -> (N, 3 V, S, S) in [0, 1]."""
    pictures = images.permute(0, 1, 4, 2, 3).flatten(1, 2).float()
    return pictures.contiguous() * (1.0 / 255.0)


def plain(name: str, size: int | str, unit: str, frame: str = "") -> Term:
    """The term that returns a sensor unchanged."""
    return Term(name, _sensor(name), (size,), unit, frame, (name,))


_POSE = ("object_position", "object_wxyz")
_PAST = ("previous_object_position", "previous_object_wxyz")

BUILT_IN: tuple[Term, ...] = (
    plain("joint_position", "joints", "rad"),
    plain("joint_velocity", "joints", "rad/s"),
    plain("target", "actuators", "rad"),
    plain("last_action", "actuators", ""),
    plain("object_position", 3, "m", "palm"),
    plain("object_wxyz", 4, "", "palm"),
    Term("object_rotation", object_rotation, (6,), "", "palm", ("object_wxyz",)),
    Term("object_reduced", object_reduced, (6,), "", "palm", ("object_wxyz",)),
    Term("object_motion", object_motion, (6,), "10 m, 10 rad per step", "palm", _POSE + _PAST),
    plain("goal_wxyz", 4, "", "palm"),
    Term("goal_rotation", goal_rotation, (6,), "", "palm", ("goal_wxyz",)),
    Term("goal_relative", goal_relative, (4,), "", "palm", ("object_wxyz", "goal_wxyz")),
    Term("goal_step", goal_step, (3,), "rad", "palm", ("object_wxyz", "goal_wxyz")),
    Term("goal_angle", goal_angle, (1,), "rad", "", ("object_wxyz", "goal_wxyz")),
    Term("fingertips", lambda s: s["fingertips"].flatten(-2), ("tip_coordinates",), "m", "palm",
         ("fingertips",)),
    Term("fingertips_to_object", fingertips_to_object, ("tip_coordinates",), "m", "palm",
         ("fingertips", "object_position")),
    Term("goal_to_fingertips", goal_to_fingertips, ("tip_coordinates",), "10 m", "palm",
         ("fingertips", "goal_fingertips")),
    plain("object_velocity", 3, "m/s", "palm"),
    plain("object_spin", 3, "rad/s", "palm"),
    plain("object_joints", "inner", "rad", "object"),
    plain("object_joint_velocity", "inner", "rad/s", "object"),
    plain("motor_force", "actuators", "Nm"),
    plain("world", "parameters", "lambda"),
)  # fmt: skip
CAMERA_IMAGES = Term(
    "camera_images",
    lambda s: _pictures(s["camera_images"]),
    ("camera_channels", "image_px", "image_px"),
    "1",
    "",
    ("camera_images",),
    kind="image",
)
"""What the cameras of `Eyes` show, in [0, 1]: three channels per camera."""
CAMERA_MATRICES = Term(
    "camera_matrices",
    lambda s: s["camera_matrices"].flatten(1),
    ("camera_numbers",),
    "1, m",
    "palm",
    ("camera_matrices",),
    kind="side",
)
"""The matrix of each calibrated camera, see `contract.manifest`; for encoders of pictures alone."""
TERMS: Registry[Term] = Registry("sleight.terms", {}, must_be("envs.mdp.observations:Term"))
for _term in (*BUILT_IN, CAMERA_IMAGES, CAMERA_MATRICES):
    TERMS.add(_term.name, _term)
PRIVILEGED = ("object_velocity", "object_spin", "motor_force", "world")
"""Terms that only the simulator knows: for the critic."""


def select(names: Sequence[str], source: str, own: Sequence[Term] = ()) -> tuple[Term, ...]:
    """The terms called `names`; `own` are terms of the task.

    Raises ConfigError for an empty list, a repeated name, or an unknown name.
    """
    if not names or len(set(names)) < len(names):
        got = ", ".join(names) or "nothing"
        raise ConfigError(f"{source}: got {got}, allowed: one or more terms, each once")
    of_task = {term.name: term for term in own}
    known = (*of_task, *TERMS.names())
    for name in names:
        if name not in known:
            raise ConfigError(f"{source}: got unknown term '{name}', {nearest(name, known)}")
    return tuple(of_task.get(name) or TERMS.get(name, source) for name in names)


def select_groups(
    groups: Mapping[str, Sequence[str]], own: Sequence[Term]
) -> dict[str, tuple[Term, ...]]:
    """Group -> its terms; the names for actor and critic are fields of the config."""
    sources = {"actor": "env.actor_terms", "critic": "env.critic_terms"}
    return {
        group: select(names, sources.get(group, f"{group}'s terms"), own)
        for group, names in groups.items()
    }


def check_reads(
    group: str, terms: Sequence[Term], sensors: Mapping[str, Tensor], task: str
) -> None:
    """Raise ConfigError for a term that reads what is not among the sensors of its group."""
    for term in terms:
        if missing := [name for name in term.reads if name not in sensors]:
            raise ConfigError(
                f"env.{group}_terms: got {term.name}, which reads {missing[0]},"
                f" allowed with env.task {task}: terms of {', '.join(sensors)}"
            )


def compute(terms: Sequence[Term], sensors: Sensors) -> dict[str, Tensor]:
    """Every term on one set of sensors, each (N, *shape) float32."""
    sensors = dict(sensors)  # terms may cache shared values in it
    return {term.name: term.compute(sensors) for term in terms}


def compute_both(
    actor: Sequence[Term], noisy: Sensors, critic: Sequence[Term], true: Sensors
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """`compute` for actor and critic; terms that both use are computed on all rows at once."""
    shared = [term for term in actor if term in critic and term.reads != (term.name,)]
    reads = {name for term in shared for name in term.reads}
    stacked = {name: torch.cat((noisy[name], true[name])) for name in reads}
    halves = {name: value.chunk(2) for name, value in compute(shared, stacked).items()}
    observations: list[dict[str, Tensor]] = []
    for terms, sensors in ((actor, noisy), (critic, true)):
        own = compute([term for term in terms if term.name not in halves], sensors)
        own |= {name: half[len(observations)] for name, half in halves.items()}
        observations.append({term.name: own[term.name] for term in terms})
    return observations[0], observations[1]
