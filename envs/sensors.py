"""What is measured in N worlds: the true sensors, and what a noisy robot would read instead."""

from __future__ import annotations

import torch
from torch import Tensor

from . import rotations
from .observations import Sensors

Worlds = Tensor | slice

EPISODE_STD = {"object_position": 0.005, "object_wxyz": 0.1, "joint_position": 0.02}
"""Noise drawn once per episode, at strength 1 [m, rad, rad]."""
STEP_STD = {"object_position": 0.001, "object_wxyz": 0.1, "joint_position": 0.01}
"""Noise drawn at each step. Pose: Learning Dexterous In-Hand Manipulation, table 3; the joints had
no counterpart there (it did not read them), theirs are this project's choice for Hall sensors."""


class SensorNoise:
    """Per-episode and per-step noise, with a strength for each world."""

    def __init__(self, num_worlds: int, num_joints: int, rng: torch.Generator) -> None:
        self.strength = torch.zeros(num_worlds)
        """(N,) times the figures above: the parameter observation.noise."""
        self._rng = rng
        sizes = {"object_position": 3, "object_wxyz": 3, "joint_position": num_joints}
        self.object_position = torch.zeros(num_worlds, 3)
        self.object_wxyz = torch.zeros(num_worlds, 3)
        self.joint_position = torch.zeros(num_worlds, num_joints)
        self._sizes = sizes

    def reset(self, worlds: Tensor) -> None:
        """Draw the episode's offsets for `worlds` (K,)."""
        strength = self.strength[worlds].unsqueeze(-1)
        for name, size in self._sizes.items():
            offset = torch.randn(len(worlds), size, generator=self._rng)
            getattr(self, name)[worlds] = EPISODE_STD[name] * strength * offset

    def __call__(self, sensors: Sensors, worlds: Worlds) -> Sensors:
        """The same sensors with noise on pose and joints; the others are left as they are."""
        noisy = dict(sensors)
        strength = self.strength[worlds].unsqueeze(-1)
        for name, size in self._sizes.items():
            if name not in sensors:
                continue
            step = torch.randn(len(strength), size, generator=self._rng) * strength
            offset = getattr(self, name)[worlds] + STEP_STD[name] * step
            if name == "object_wxyz":
                turned = rotations.multiply(rotations.from_rotvec(offset), sensors[name])
                noisy[name] = rotations.positive(turned)
            else:
                noisy[name] = sensors[name] + offset
        return noisy


class PoseMemory:
    """The object's pose one control step ago, as one observer saw it."""

    def __init__(self, num_worlds: int) -> None:
        self.position = torch.zeros(num_worlds, 3)
        self.wxyz = torch.zeros(num_worlds, 4)
        self.fresh = torch.ones(num_worlds, 1, dtype=torch.bool)
        """Worlds without a past: their previous pose is the present one."""

    def extend(self, sensors: Sensors, worlds: Worlds, remember: bool) -> Sensors:
        """Add previous_object_* to the sensors, and keep the present pose when told to."""
        if "object_wxyz" not in sensors:
            return sensors
        position, wxyz = sensors["object_position"], sensors["object_wxyz"]
        fresh = self.fresh[worlds]
        extended = {
            **sensors,
            "previous_object_position": torch.where(fresh, position, self.position[worlds]),
            "previous_object_wxyz": torch.where(fresh, wxyz, self.wxyz[worlds]),
        }
        if remember:
            self.position[worlds], self.wxyz[worlds] = position, wxyz
            self.fresh[worlds] = False
        return extended
