"""The pushes of a variant, in N worlds."""

from __future__ import annotations

import torch
from torch import Tensor

from ..hands.variants import Push, push_force
from ..sim.sim import Sim


class Pusher:
    """Applies the pushes of a variant to the object; constant during each control step."""

    def __init__(self, sim: Sim, push: Push, period_s: float) -> None:
        self._push, self._period_s = push, period_s
        self._force = sim.state("xfrc_applied")
        self._body = sim.layout.object_body

    def apply(self, steps: Tensor, added: bool) -> None:
        """Write the forces before a control step, `steps` (N,) steps after each episode began.

        added: add the push to random forces that are already written, instead of replacing them.
        """
        force = push_force(self._push, steps.double() * self._period_s, torch)
        target = self._force[:, self._body, :3]
        target.copy_(target + force if added else force)
