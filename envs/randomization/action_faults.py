"""Faults between an action and a joint: noise, broken motors, backlash, slack and deadband."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from ...contract.lost_motion import follow, in_deadband
from ..sim.draws import Draws
from .adversary import Adversary

MAX_BROKEN = 2
"""Largest number of motors of one hand that are broken at the same time [RG]."""
BROKEN_NOISE = 0.05
"""A broken motor receives U(0, this) instead of the action at each step [RG]."""
ROWS = (
    "action.noise.step", "action.noise.offset", "action.noise.scale", "action.backlash",
    "action.broken", "adversary.action", "hand.slack", "hand.deadband",
)  # fmt: skip
SLACK_SPREAD = 0.5
"""Spread of the motors' slack: v U(1 - this, 1 + this), v being the value of the hand."""


class ActionFaults:
    """Action faults of N hands with A motors: drawn per episode, the step noise at each step."""

    def __init__(
        self,
        num_worlds: int,
        num_motors: int,
        active: Collection[str],
        rng: Draws,
        adversary: Adversary | None,
    ) -> None:
        self.adversary = adversary
        self._rng = rng
        self._step_noise = "action.noise.step" in active
        self._breaks = "action.broken" in active
        self.slack = Slack(num_worlds, num_motors, rng) if "action.backlash" in active else None
        lossy = "hand.slack" in active or "hand.deadband" in active
        self.lost_motion = LostMotion(num_worlds, num_motors, rng) if lossy else None
        self.step_std = torch.zeros(num_worlds, 1, device=rng.device)
        self.share = torch.zeros(num_worlds, 1, device=rng.device)
        """(N, 1) weight of the adversary in the action."""
        self.offset = torch.zeros(num_worlds, num_motors, device=rng.device)
        self.scale = torch.ones(num_worlds, num_motors, device=rng.device)
        self.broken = torch.zeros(num_worlds, num_motors, dtype=torch.bool, device=rng.device)

    def reset(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Begin new episodes in `worlds` (K,)."""
        self.redraw(worlds, value)
        if self.slack is not None:
            self.slack.place[worlds] = 0.0
        if self.lost_motion is not None:
            self.lost_motion.fresh[worlds] = True

    def redraw(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Draw the faults of `worlds` (K,)."""
        shape = (len(worlds), self.offset.shape[1])
        drawn = {name: value[name].float().unsqueeze(-1) for name in ROWS}
        self.step_std[worlds] = drawn["action.noise.step"]
        self.share[worlds] = drawn["adversary.action"]
        offset, scale = (self._rng.normal(*shape) for _ in range(2))
        self.offset[worlds] = drawn["action.noise.offset"] * offset
        self.scale[worlds] = 1.0 + drawn["action.noise.scale"] * scale
        if self._breaks:
            self.broken[worlds] = self._break(drawn["action.broken"], shape)
        if self.slack is not None:
            self.slack.redraw(worlds, drawn["action.backlash"])
        if self.lost_motion is not None:
            self.lost_motion.redraw(worlds, drawn["hand.slack"], drawn["hand.deadband"])

    def _break(self, probability: Tensor, shape: tuple[int, int]) -> Tensor:
        """(K, A) bool: each motor breaks with `probability` (K, 1), at most MAX_BROKEN per hand."""
        chance = self._rng.uniform(*shape)
        worst = chance.topk(MAX_BROKEN, dim=-1, largest=False).values[:, -1:]
        return (chance < probability) & (chance <= worst)

    def __call__(self, action: Tensor) -> Tensor:
        """The action that the motors receive instead of `action` (N, A), clipped to [-1, 1]."""
        if self.adversary is not None:
            action = (1.0 - self.share) * action + self.share * self.adversary.action
        action = action * self.scale + self.offset
        if self._step_noise:
            action = action + self.step_std * self._rng.normal(*action.shape)
        if self._breaks:
            twitch = BROKEN_NOISE * self._rng.uniform(*action.shape)
            action = torch.where(self.broken, twitch, action)
        return action.clamp(-1.0, 1.0)

    def pass_on(self, target: Tensor, position: Tensor, period_s: float) -> Tensor:
        """The target that motors receive instead of `target` (N, A), joints at `position` [rad]."""
        if self.slack is not None:
            target = self.slack(target, position, period_s)
        if self.lost_motion is not None:
            target = self.lost_motion(target, position)
        return target


class LostMotion:
    """Lost motion between target and joint: slack in the tendon, and the motor's deadband.

    The law is that of `contract/lost_motion.py`. The simulated rig and the fit of recordings apply
    it at about 1 kHz and after the motor's lag; here it is applied at control steps and before the
    lag.
    """

    def __init__(self, num_worlds: int, num_motors: int, rng: Draws) -> None:
        self._rng = rng
        self.half = torch.zeros(num_worlds, num_motors, device=rng.device)
        """(N, A) rad, half the slack."""
        self.deadband = torch.zeros(num_worlds, 1, device=rng.device)
        """(N, 1) rad."""
        self.tendon = torch.zeros(num_worlds, num_motors, device=rng.device)
        """(N, A) rad, position to which the tendons pull the joints."""
        self.fresh = torch.ones(num_worlds, 1, dtype=torch.bool, device=rng.device)
        """(N, 1) whether an episode begins; its tendons start at the position of the motors."""

    def redraw(self, worlds: Tensor, slack: Tensor, deadband: Tensor) -> None:
        """Draw the slack of each motor around `slack` (K, 1); all have `deadband` (K, 1) [rad]."""
        shape = (len(worlds), self.half.shape[1])
        factor = 1.0 + SLACK_SPREAD * (2.0 * self._rng.uniform(*shape) - 1.0)
        self.half[worlds] = slack / 2 * factor
        self.deadband[worlds] = deadband

    def __call__(self, target: Tensor, position: Tensor) -> Tensor:
        """What the motors hold (N, A) instead of `target`, rad."""
        self.tendon = torch.where(self.fresh, target, follow(self.tendon, target, self.half))
        self.fresh = torch.zeros_like(self.fresh)
        rests = in_deadband(self.tendon - position, self.deadband)
        return torch.where(rests, position, self.tendon)


class Slack:
    """Backlash: after a reversal a motor first takes up slack before it pulls [D C.2, RG].

    s in [-1, 1] is the position of the motor within its slack. A target that differs from the joint
    position by d changes s by d c dt, c being the coefficient of that direction. For the fraction
    of the step until s reaches sgn(d), the motor holds the position instead of the target.
    """

    def __init__(self, num_worlds: int, num_motors: int, rng: Draws) -> None:
        self._rng = rng
        self.inverse = torch.zeros(num_worlds, 2, num_motors, device=rng.device)
        """(N, 2, A) rad s: 1 / coefficient, downwards and upwards."""
        self.place = torch.zeros(num_worlds, num_motors, device=rng.device)
        """(N, A) s."""

    def redraw(self, worlds: Tensor, inverse: Tensor) -> None:
        """Draw |N(0, v)| for each motor and direction; `inverse` (K, 1) is v."""
        shape = (len(worlds), *self.inverse.shape[1:])
        noise = self._rng.normal(*shape).abs()
        self.inverse[worlds] = inverse.unsqueeze(-1) * noise

    def __call__(self, target: Tensor, position: Tensor, period_s: float) -> Tensor:
        """What the motors hold (N, A) instead of `target`, rad."""
        off = target - position
        inverse = torch.where(off < 0, self.inverse[:, 0], self.inverse[:, 1])
        taken = off * period_s / inverse.clamp_min(1e-12)
        hold_fraction = ((off.sign() - self.place).abs() / (taken.abs() + 1e-12)).clamp(0.0, 1.0)
        # Without slack nothing is held, whatever the rounding.
        hold_fraction = torch.where((inverse > 0) & (off.abs() > 1e-5), hold_fraction, 0.0)
        self.place = (self.place + taken).clamp(-1.0, 1.0)
        return target - hold_fraction * off
