"""The pushes of a variant, in N worlds."""

from __future__ import annotations

import torch
from torch import Tensor

from ..hands.variants import Push, push_force
from ..sim.sim import Sim


class Pusher:
    """Forces on the block, held through each control step."""

    def __init__(self, sim: Sim, push: Push, period_s: float) -> None:
        self._push, self._period_s = push, period_s
        self._force = sim.state("xfrc_applied")
        self._body = sim.layout.object_body

    def apply(self, steps: Tensor, added: bool) -> None:
        """Before a control step, `steps` (N,) after the beginning of each world's episode.

        added: random forces were written before, and the push comes on top.
        """
        force = push_force(self._push, steps.double() * self._period_s, torch)
        place = self._force[:, self._body, :3]
        place.copy_(place + force if added else force)
