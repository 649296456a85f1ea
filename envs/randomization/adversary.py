"""The random network adversary: an untrained network, drawn anew for every episode.

[R] B.3: it observes fingertips and object as the policy does, and disturbs the action and the
object; ADR sets the strength of both. In that work untrained networks performed better than trained
ones. The hidden layers there are 265 wide (as printed) on thousands of cores; on one machine, one
network per world is affordable at the width `env.adversary_width`. The last layer, the widest,
shares its directions between all networks, otherwise reading it would take most of a step. Only
the signs of its inputs and the value of each of its bins are drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..mdp.observations import Sensors
from ..sim.draws import Draws

LAYERS = 3
"""Number of hidden layers [R B.3]."""
BINS = 31
"""Number of values of an output, evenly spaced from -1 to 1 [R B.3]."""
WRENCH = 6
READS = (("object_position", 3, 10.0), ("object_wxyz", 4, 1.0))
"""Inputs other than the fingertips: sensor, size, and a factor that scales it to order one."""


class Adversary:
    """N networks; an output is its most likely bin: actions (N, A) and wrenches (N, 6)."""

    def __init__(
        self, num_worlds: int, num_motors: int, num_tips: int, width: int, rng: Draws
    ) -> None:
        self._rng, device = rng, rng.device
        self._reads = (("fingertips", 3 * num_tips, 10.0), *READS)
        outputs = num_motors + WRENCH
        # Attributes that are tensors: a snapshot saves them by name.
        self.weights_in = torch.zeros(
            num_worlds, sum(size for _, size, _ in self._reads), width, device=device
        )
        self.weights = torch.zeros(num_worlds, LAYERS - 1, width, width, device=device)
        self.biases = torch.zeros(num_worlds, LAYERS, width, device=device)
        self.signs = torch.zeros(num_worlds, width, device=device)
        self.values = torch.zeros(num_worlds, outputs, BINS, device=device)
        """The value of each bin of each output, in [-1, 1]."""
        directions = Draws(0).normal(width, outputs * BINS).to(device)
        self._directions = directions / directions.norm(dim=0)
        self.action = torch.zeros(num_worlds, num_motors, device=device)
        """(N, A) in [-1, 1], from the last step."""
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
        """Compute the next disturbance from the observed sensors (N, ...)."""
        inputs = [self._read(sensors, *row) for row in self._reads]
        hidden = self._layer(torch.cat(inputs, dim=-1), self.weights_in, 0)
        for number in range(LAYERS - 1):
            hidden = self._layer(hidden, self.weights[:, number], number + 1)
        logits = (self.signs * hidden) @ self._directions
        likeliest = logits.view(self.values.shape).argmax(dim=-1, keepdim=True)
        outputs = self.values.gather(-1, likeliest).squeeze(-1)
        self.action, self.wrench = outputs[:, :-WRENCH], outputs[:, -WRENCH:]

    def _read(self, sensors: Sensors, name: str, size: int, factor: float) -> Tensor:
        if name not in sensors:
            return torch.zeros(len(self.action), size, device=self._rng.device)
        return factor * sensors[name].reshape(len(self.action), size)

    def _layer(self, x: Tensor, weights: Tensor, number: int) -> Tensor:
        out = torch.baddbmm(self.biases[:, number].unsqueeze(1), x.unsqueeze(1), weights)
        return out.squeeze(1).relu()
