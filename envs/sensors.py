"""What is measured in N worlds: the true sensors, and what a noisy robot would read instead."""

from __future__ import annotations

import torch
from torch import Tensor

from . import rotations
from .observations import Sensors

Worlds = Tensor | slice

EPISODE_STD = {
    "object_position": 0.005, "object_wxyz": 0.1, "joint_position": 0.02, "fingertips": 0.002,
}  # fmt: skip
"""Noise drawn once per episode, at strength 1 [m, rad, rad, m]. The fingertips' is made of 1 mm and
of markers that are placed within 3 mm."""
STEP_STD = {
    "object_position": 0.001, "object_wxyz": 0.1, "joint_position": 0.01, "fingertips": 0.002,
}  # fmt: skip
"""Noise drawn at each step. Pose: Learning Dexterous In-Hand Manipulation, table 3; the joints had
no counterpart there (it did not read them), theirs are this project's choice for Hall sensors."""
SIZES = {"object_position": 3, "object_wxyz": 3, "fingertips": 15}
"""Numbers of noise for each sensor; the joints are counted."""


class SensorNoise:
    """Per-episode and per-step noise, with a strength for each world."""

    def __init__(
        self,
        num_worlds: int,
        num_joints: int,
        rng: torch.Generator,
        fingertips: bool = False,
        scaled: bool = False,
    ) -> None:
        """fingertips: whether somebody reads them; scaled: whether gains are drawn as well."""
        self.strength = torch.zeros(num_worlds)
        """(N,) times the figures above: the parameter observation.noise."""
        self.more_offset, self.more_step, self.gain_std = torch.zeros(3, num_worlds).unbind()
        """(N,) observation.noise.offset, .step and .scale."""
        self.step_strength = torch.zeros(num_worlds)
        self._rng = rng
        self._sizes = {**SIZES, "joint_position": num_joints}
        if not fingertips:
            del self._sizes["fingertips"]
        for name, size in self._sizes.items():
            setattr(self, name, torch.zeros(num_worlds, size))
            if scaled and name != "object_wxyz":
                setattr(self, f"{name}_gain", torch.ones(num_worlds, size))
        self._scaled = scaled

    def set(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Take the strengths of `worlds` (K,) and draw their episode's noise."""
        self.strength[worlds] = value["observation.noise"].float()
        self.more_offset[worlds] = value["observation.noise.offset"].float()
        self.more_step[worlds] = value["observation.noise.step"].float()
        self.gain_std[worlds] = value["observation.noise.scale"].float()
        self.reset(worlds)

    def reset(self, worlds: Tensor) -> None:
        """Draw the episode's offsets and gains for `worlds` (K,)."""
        base = self.strength[worlds]
        self.step_strength[worlds] = base + self.more_step[worlds]
        strength = (base + self.more_offset[worlds]).unsqueeze(-1)
        gain_std = self.gain_std[worlds].unsqueeze(-1)
        for name, size in self._sizes.items():
            offset = torch.randn(len(worlds), size, generator=self._rng)
            getattr(self, name)[worlds] = EPISODE_STD[name] * strength * offset
            if self._scaled and name != "object_wxyz":
                gain = torch.randn(len(worlds), size, generator=self._rng)
                getattr(self, f"{name}_gain")[worlds] = 1.0 + gain_std * gain

    def __call__(self, sensors: Sensors, worlds: Worlds) -> Sensors:
        """The same sensors with noise on pose and joints; the others are left as they are."""
        noisy = dict(sensors)
        strength = self.step_strength[worlds].unsqueeze(-1)
        for name, size in self._sizes.items():
            if name not in sensors:
                continue
            step = torch.randn(len(strength), size, generator=self._rng) * strength
            offset = getattr(self, name)[worlds] + STEP_STD[name] * step
            if name == "object_wxyz":
                turned = rotations.multiply(rotations.from_rotvec(offset), sensors[name])
                noisy[name] = rotations.positive(turned)
                continue
            value = sensors[name]
            if self._scaled:
                value = value * getattr(self, f"{name}_gain")[worlds].view(value.shape)
            noisy[name] = value + offset.view(value.shape)
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
