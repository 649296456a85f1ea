"""The GoalLaw contract: goals of an object as pure functions of tensors.

Training calls it for N worlds; exported as a graph it judges trials and draws goals on a rig, which
therefore needs no code of the task.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from ..mdp.observations import Sensors

DROP_HEIGHT_M = -0.04
"""An object whose centre is this far below the palm's centre has been dropped."""

Goal = dict[str, Tensor]
"""Name -> (K, size): `goal_wxyz` (4), `goal_joints`, or what else a law calls its goals."""


class GoalLaw(ABC):
    """Which goals are drawn, how far the object is from one, and when it is reached or lost.

    `pose` has object_position (K, 3) m, object_wxyz (K, 4), and object_joints (K, J) rad where the
    object has inner joints; frame palm.
    """

    goals: ClassVar[Mapping[str, int]]
    """Name -> size of each part of a goal."""
    uniforms: ClassVar[int]
    normals: ClassVar[int]
    """Random numbers that one goal is made of: U(0, 1), and N(0, 1)."""
    threshold: float
    """A goal nearer than this is reached."""
    unit: ClassVar[str] = "rad"
    """Of the distance."""
    options: dict[str, Any]
    """What trials on a rig may choose: floats here, tensors (K,) while a graph is exported.
    max_angle_rad is always one of them: `largest_rad` of a rig's goals."""
    option_limits: ClassVar[Mapping[str, tuple[float, float, str]]] = {
        "max_angle_rad": (0.01, math.pi, "rad")
    }
    """Lowest, highest, unit."""

    def __init__(self, threshold: float, **options: float) -> None:
        self.threshold = threshold
        self.options = {"max_angle_rad": math.pi, **options}

    def prepare(self, pose: Sensors) -> Any:
        """What `draw` needs to know of a pose; computed once for states that many worlds share.

        A dict of tensors, or anything else that an index tensor selects rows of.
        """
        return Rows(pose)

    @abstractmethod
    def draw(self, prepared: Any, largest_rad: Tensor, uniform: Tensor, normal: Tensor) -> Goal:
        """Goals for K prepared poses, no farther than `largest_rad` (K,), where that applies.

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
    """Sensors whose rows an index tensor selects."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            return super().__getitem__(index)
        return Rows({name: value[index] for name, value in self.items()})
