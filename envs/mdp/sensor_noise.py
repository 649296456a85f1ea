"""Sensor noise of N worlds, per episode and per step, and the memory of the last object pose."""

from __future__ import annotations

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ..sim.draws import Draws
from . import rotations
from .observations import Sensors

Worlds = Tensor | slice

EPISODE_STD = {
    "object_position": 0.005, "object_wxyz": 0.1, "joint_position": 0.02, "fingertips": 0.002,
    "object_joints": 0.02,
}  # fmt: skip
"""Standard deviation of the noise drawn once per episode, at strength 1 [m, rad, rad, m, rad].
For the fingertips it combines 1 mm of noise with markers placed within 3 mm."""
STEP_STD = {
    "object_position": 0.001, "object_wxyz": 0.1, "joint_position": 0.01, "fingertips": 0.002,
    "object_joints": 0.01,
}  # fmt: skip
"""Standard deviation of the noise drawn at each step. The pose follows Learning Dexterous In-Hand
Manipulation, table 3. That work did not read joints; the values for the joints of the hand and of
an object are this project's choice for Hall sensors."""
STDS = (EPISODE_STD, STEP_STD)


def noise_sizes(hand: HandSpec, inner: int, fingertips: bool) -> dict[str, int]:
    """Noisy sensor -> its number of values.

    inner: number of inner joints of the object; fingertips: whether a term reads them.
    """
    sizes = {
        "object_position": 3,
        "object_wxyz": 3,
        "fingertips": 3 * len(hand.fingertips) * fingertips,
        "joint_position": len(hand.joints),
        "object_joints": inner,
    }
    return {name: size for name, size in sizes.items() if size}


LEVELS = tuple(f"observation.noise{kind}" for kind in ("", ".offset", ".step", ".scale"))
"""The parameters that set the strength of the noise."""


class SensorNoise:
    """Per-episode and per-step noise, with a strength for each world.

    The values of all sensors lie side by side in rows of S, so that the number of operations does
    not grow with the number of sensors.
    """

    def __init__(
        self,
        num_worlds: int,
        sizes: dict[str, int],
        rng: Draws,
        scaled: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        """sizes: see `noise_sizes`; scaled: whether gains are drawn too."""
        self._rng, self._scaled, self._device = rng, scaled, device
        self._sizes = sizes
        self._episode_std, self._step_std = (_rows(std, sizes, device) for std in STDS)
        turns = dict.fromkeys(sizes, 0.0) | {"object_wxyz": 1.0}
        self._turns = _rows(turns, sizes, device) > 0
        count = len(self._turns)
        self.level = torch.zeros(num_worlds, len(LEVELS), device=device)
        """(N, 4) LEVELS: factor on both tables above, added offset, added step noise, gains."""
        self.step_strength = torch.zeros(num_worlds, 1, device=device)
        self.offset = torch.zeros(num_worlds, count, device=device)
        """(N, S) for the present episode."""
        self.gain = torch.ones(num_worlds, count, device=device)

    def set(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Set the strengths of `worlds` (K,) and draw the noise of their episode."""
        self.level[worlds] = torch.stack([value[name] for name in LEVELS], dim=-1).float()
        self.reset(worlds)

    def reset(self, worlds: Tensor) -> None:
        """Draw the episode's offsets and gains for `worlds` (K,)."""
        base, offset, step, gain = self.level[worlds].unsqueeze(-1).unbind(dim=1)
        self.step_strength[worlds] = base + step
        shape = (len(worlds), len(self._turns))
        drawn = self._rng.normal(*shape)
        self.offset[worlds] = (base + offset) * (self._episode_std * drawn)
        if self._scaled:
            # A gain has no meaning for a rotation.
            drawn = self._rng.normal(*shape).masked_fill_(self._turns, 0.0)
            self.gain[worlds] = 1.0 + gain * drawn

    def __call__(self, sensors: Sensors, worlds: Worlds) -> Sensors:
        """The sensors with noise on pose, joints and fingertips; the others are unchanged."""
        noisy = dict(sensors)
        offset = self.offset[worlds]
        step = self._rng.normal(*offset.shape).mul_(self._step_std)
        offset = torch.addcmul(offset, step, self.step_strength[worlds])
        sizes = list(self._sizes.values())
        gains = self.gain[worlds].split(sizes, dim=-1) if self._scaled else [None] * len(sizes)
        for name, more, gain in zip(self._sizes, offset.split(sizes, dim=-1), gains, strict=True):
            value = sensors.get(name)
            if value is None:
                continue
            if name == "object_wxyz":
                noisy[name] = rotations.positive(
                    rotations.multiply(rotations.from_rotvec(more), value)
                )
                continue
            if gain is not None:
                value = value * gain.reshape(value.shape)
            noisy[name] = value + more.reshape(value.shape)
        return noisy


def _rows(std: dict[str, float], sizes: dict[str, int], device: torch.device | str) -> Tensor:
    """(S,) the value of each sensor, repeated for each of its numbers."""
    parts = [torch.full((size,), std[name], device=device) for name, size in sizes.items()]
    return torch.cat(parts)


class PoseMemory:
    """The object's pose one control step ago, for one observer."""

    def __init__(self, num_worlds: int, device: torch.device | str = "cpu") -> None:
        self.position = torch.zeros(num_worlds, 3, device=device)
        self.wxyz = torch.zeros(num_worlds, 4, device=device)
        self.fresh = torch.ones(num_worlds, 1, dtype=torch.bool, device=device)
        """Worlds without a history: their previous pose is the present one."""

    def extend(self, sensors: Sensors, worlds: Worlds, remember: bool) -> Sensors:
        """Add previous_object_* to the sensors; `remember` stores the present pose."""
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
