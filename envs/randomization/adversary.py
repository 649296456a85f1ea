"""The random network adversary: a network that nobody trains, drawn anew for every episode.

[R] B.3: it sees what the policy sees of fingertips and object, and disturbs the action and the
object; the strength of both is under ADR. There, networks that were never trained served better
than ones that were. The paper's hidden layers are 265 wide (as printed) on thousands of cores; one
network for each world of one machine is affordable at `env.adversary_width`. The widest layer, the
last, has the same directions in all networks, or most of a step would go into reading it: what is
drawn for it are the signs of its inputs, and which value each of its bins stands for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..mdp.observations import Sensors
from ..sim.draws import Draws

LAYERS = 3
"""Hidden layers [R B.3]."""
BINS = 31
"""Values that an output may take, evenly from -1 to 1 [R B.3]."""
WRENCH = 6
READS = (("object_position", 3, 10.0), ("object_wxyz", 4, 1.0))
"""Beside the fingertips: sensor, size, and a factor that brings it to order one."""


class Adversary:
    """N networks, each output the most likely of its bins: actions (N, A) and wrenches (N, 6)."""

    def __init__(
        self, num_worlds: int, num_motors: int, num_tips: int, width: int, rng: Draws
    ) -> None:
        self._rng, device = rng, rng.device
        self._reads = (("fingertips", 3 * num_tips, 10.0), *READS)
        outputs = num_motors + WRENCH
        # As tensors of their own names, which is where a snapshot looks for them.
        self.weights_in = torch.zeros(
            num_worlds, sum(size for _, size, _ in self._reads), width, device=device
        )
        self.weights = torch.zeros(num_worlds, LAYERS - 1, width, width, device=device)
        self.biases = torch.zeros(num_worlds, LAYERS, width, device=device)
        self.signs = torch.zeros(num_worlds, width, device=device)
        self.values = torch.zeros(num_worlds, outputs, BINS, device=device)
        """What each bin of each output stands for, in [-1, 1]."""
        directions = Draws(0).normal(width, outputs * BINS).to(device)
        self._directions = directions / directions.norm(dim=0)
        self.action = torch.zeros(num_worlds, num_motors, device=device)
        """(N, A) in [-1, 1], of the last step."""
        self.wrench = torch.zeros(num_worlds, WRENCH, device=device)
        """(N, 6) in [-1, 1]: force, torque."""

    def reset(self, worlds: Tensor) -> None:
        """Draw new networks for `worlds` (K,): He's normal weights, small biases."""
        count = len(worlds)
        for weights in (self.weights_in, self.weights):
            gain = (2.0 / weights.shape[-2]) ** 0.5
            weights[worlds] = gain * self._normal(count, *weights.shape[1:])
        self.biases[worlds] = 0.5 * self._normal(count, *self.biases.shape[1:])
        self.signs[worlds] = self._normal(count, self.signs.shape[1]).sign()
        order = self._rng.uniform(count, *self.values.shape[1:]).argsort(dim=-1)
        self.values[worlds] = order * (2.0 / (BINS - 1)) - 1.0

    def _normal(self, *shape: int) -> Tensor:
        return self._rng.normal(*shape)

    def look(self, sensors: Sensors) -> None:
        """Decide on the next disturbance from what an observer sees (N, ...)."""
        seen = [self._read(sensors, *row) for row in self._reads]
        hidden = self._layer(torch.cat(seen, dim=-1), self.weights_in, 0)
        for number in range(LAYERS - 1):
            hidden = self._layer(hidden, self.weights[:, number], number + 1)
        logits = (self.signs * hidden) @ self._directions
        likeliest = logits.view(self.values.shape).argmax(dim=-1, keepdim=True)
        found = self.values.gather(-1, likeliest).squeeze(-1)
        self.action, self.wrench = found[:, :-WRENCH], found[:, -WRENCH:]

    def _read(self, sensors: Sensors, name: str, size: int, factor: float) -> Tensor:
        if name not in sensors:
            return torch.zeros(len(self.action), size, device=self._rng.device)
        return factor * sensors[name].reshape(len(self.action), size)

    def _layer(self, x: Tensor, weights: Tensor, number: int) -> Tensor:
        out = torch.baddbmm(self.biases[:, number].unsqueeze(1), x.unsqueeze(1), weights)
        return out.squeeze(1).relu()
