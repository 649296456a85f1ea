"""The GoalLaw contract: the goals of an object as pure functions of tensors.

Training calls it for N worlds. Exported as a graph, it judges trials and draws goals on a rig, so
that the rig needs no code of the task.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from ..mdp.observations import Sensors

DROP_HEIGHT_M = -0.04
"""Height of the object's centre from the palm's centre below which it counts as dropped."""

Goal = dict[str, Tensor]
"""Name -> (K, size): `goal_wxyz` (4), `goal_joints`, or other names that a law defines."""


class GoalLaw(ABC):
    """Draws goals, measures the distance to a goal, and decides whether it is reached or dropped.

    `pose` has object_position (K, 3) m, object_wxyz (K, 4), and object_joints (K, J) rad where the
    object has inner joints; frame palm.
    """

    goals: ClassVar[Mapping[str, int]]
    """Name -> size of each part of a goal."""
    uniforms: ClassVar[int]
    normals: ClassVar[int]
    """How many random numbers one goal needs: from U(0, 1), and from N(0, 1)."""
    threshold: float
    """A goal is reached when its distance is below this value."""
    unit: ClassVar[str] = "rad"
    """Unit of the distance."""
    options: dict[str, Any]
    """Options that trials on a rig may set: floats here, tensors (K,) while a graph is exported.
    max_angle_rad is always one of them: the `largest_rad` of goals on a rig."""
    option_limits: ClassVar[Mapping[str, tuple[float, float, str]]] = {
        "max_angle_rad": (0.01, math.pi, "rad")
    }
    """Option -> lowest value, highest value, unit."""

    def __init__(self, threshold: float, **options: float) -> None:
        self.threshold = threshold
        self.options = {"max_angle_rad": math.pi, **options}

    def prepare(self, pose: Sensors) -> Any:
        """Precompute what `draw` needs from a pose; done once for states that many worlds share.

        Returns a dict of tensors, or any object whose rows an index tensor selects.
        """
        return Rows(pose)

    @abstractmethod
    def draw(self, prepared: Any, largest_rad: Tensor, uniform: Tensor, normal: Tensor) -> Goal:
        """Goals for K prepared poses, at most `largest_rad` (K,) away, where that applies.

        uniform (K, uniforms) and normal (K, normals) are the random numbers.
        """

    @abstractmethod
    def distance(self, pose: Sensors, goal: Goal) -> Tensor:
        """(K,) from the pose to the goal, in `unit`."""

    def reached(self, distance: Tensor) -> Tensor:
        """(K,) bool."""
        return distance < self.threshold

    def dropped(self, pose: Sensors) -> Tensor:
        """(K,) bool: the object is lost."""
        return pose["object_position"][..., 2] < DROP_HEIGHT_M


class Rows(dict[str, Tensor]):
    """Sensors with rows that an index tensor selects."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            return super().__getitem__(index)
        return Rows({name: value[index] for name, value in self.items()})
