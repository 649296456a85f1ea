"""From actions to motor targets: the action law, its smoothing, and the delay of each motor."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ..config import ControlConfig
from ..randomization.action_faults import ActionFaults
from ..sim.layout import cells
from ..sim.sim import Sim

MAX_DELAY = 2
"""Largest delay in control steps: the length of the history of actions."""


class ActionLaw:
    """Action in [-1, 1] (N, A) -> motor targets [rad] (N, A); the robot uses the same law.

    The law ends with the limits of the robot's safety gate (error, then speed, then position), so
    that a policy learns within them and the gate does not change its targets.
    """

    def __init__(
        self,
        config: ControlConfig,
        hand: HandSpec,
        period_s: float,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config = config

        def tensor(values: np.ndarray) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        coupling, lower, upper = map(tensor, (hand.coupling, hand.lower, hand.upper))
        self.lower, self.upper = lower + config.margin_rad, upper - config.margin_rad
        wrist = torch.tensor(hand.wrist_motors, device=device)
        for limit in (self.lower, self.upper):
            limit[wrist] = limit[wrist].clamp(-config.wrist_rad, config.wrist_rad)
        self.middle = (lower + upper) / 2
        self.reach = config.scale * (upper - lower) / 2
        self.fastest = tensor(hand.max_speed * period_s)
        self.farthest = config.max_error_rad * coupling.sum(dim=1)
        # A motor moves one joint or two. They are selected by index: a matrix product of this size
        # would wake torch's threads, which then take the cores from the physics.
        self.first = coupling.argmax(dim=1)
        self.second = coupling.shape[1] - 1 - coupling.flip(1).argmax(dim=1)
        self.both = (self.first != self.second).float()

    def position(self, joint_position: Tensor) -> Tensor:
        """Position of the motors (N, A) [rad] from joints (N, J): one angle, or the sum of two."""
        second = joint_position.index_select(-1, self.second)
        return joint_position.index_select(-1, self.first) + self.both * second

    def __call__(self, action: Tensor, target: Tensor, joint_position: Tensor) -> Tensor:
        """Next target from the last one (N, A) and the measured joints (N, J) [rad]."""
        position = self.position(joint_position)
        starts = {"absolute": self.middle, "relative_to_joint": position}
        start = starts.get(self.config.law, target)
        next_target = start + self.reach * action
        if self.config.ema:
            next_target = self.config.ema * target + (1.0 - self.config.ema) * next_target
        limited = torch.clamp(next_target, position - self.farthest, position + self.farthest)
        if self.config.rated_speed:
            limited = torch.clamp(limited, target - self.fastest, target + self.fastest)
        return limited.clamp(self.lower, self.upper)


class Control:
    """The motors of N worlds: last targets, last actions, and the delay of each motor in steps."""

    def __init__(
        self,
        config: ControlConfig,
        hand: HandSpec,
        sim: Sim,
        period_s: float,
        faults: ActionFaults | None = None,
    ) -> None:
        self.law = ActionLaw(config, hand, period_s, sim.device)
        self.sim, self._period_s = sim, period_s
        self._motors = sim.layout.motors
        self.faults = faults
        """Faults between actions and motors, if there are any."""
        shape = (sim.num_worlds, len(hand.actuators))
        self.target = torch.zeros(shape, device=sim.device)
        self.action = torch.zeros(shape, device=sim.device)
        """The last action of the policy, before any delay."""
        self.action_change = torch.zeros(shape, device=sim.device)
        self._past = torch.zeros(MAX_DELAY + 1, *shape, device=sim.device)
        self._delay = torch.zeros(shape, dtype=torch.long, device=sim.device)

    def reset(self, worlds: Tensor, target: Tensor, delay: Tensor) -> None:
        """Start `worlds` (K,) from targets (K, A), with motors delayed by `delay` steps (K, A)."""
        self.target[worlds] = target
        self.action[worlds] = 0.0
        self._past[:, worlds] = 0.0
        self.set_delays(worlds, delay)
        for name in ("ctrl", "act") if self.sim.model.na else ("ctrl",):
            # Motors with a lag start at their target.
            state = self.sim.state(name)
            state[cells(worlds, self._motors)] = target.to(state)
        if self.sim.model.nhistory:
            fill_history(self.sim, worlds, target)

    def set_delays(self, worlds: Tensor, delay: Tensor) -> None:
        """Set the delay of the motors of `worlds` (K,) to `delay` steps (K, A)."""
        self._delay[worlds] = delay

    def apply(self, action: Tensor, joint_position: Tensor) -> None:
        """Send actions (N, A), clipped to [-1, 1], to the motors."""
        action = action.clamp(-1.0, 1.0)
        self.action_change = action - self.action
        self.action = action
        if self.faults is not None:
            action = self.faults(action)
        self._past = torch.cat((action.unsqueeze(0), self._past[:-1]))
        delayed = self._past.gather(0, self._delay.unsqueeze(0)).squeeze(0)
        self.target = self.law(delayed, self.target, joint_position)
        targets = self.target
        if self.faults is not None:
            targets = self.faults.pass_on(
                targets, self.law.position(joint_position), self._period_s
            )
        self.sim.state("ctrl")[:, self._motors] = targets.to(self.sim.state("ctrl"))


def fill_history(sim: Sim, worlds: Tensor, target: Tensor) -> None:
    """Fill the history of delayed motors in `worlds` (K,) with their targets (K, A)."""
    # Layout per motor: two internal numbers of MuJoCo, the times of the samples, the samples.
    samples = int(sim.model.actuator_history[0, 0])
    history = sim.state("history").view(sim.num_worlds, -1, 2 + 2 * samples)
    rows = cells(worlds, sim.layout.motors)
    history[(*rows, slice(2 + samples, None))] = target.to(history).unsqueeze(-1)
