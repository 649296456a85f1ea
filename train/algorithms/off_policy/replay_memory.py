"""The replay memory: the latest steps of all worlds, and returns of several steps from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Steps:
    """T consecutive steps of N worlds; observations are all terms of a group, concatenated."""

    actor: Tensor
    """(T, N, size) observations of the actor, not normalized."""
    critic: Tensor
    """(T + 1, N, size) those of the critic, after the last step included."""
    action: Tensor
    """(T, N, A) as applied to the motors."""
    reward: Tensor
    """(T, N)."""
    terminated: Tensor
    truncated: Tensor
    """(T, N) bool."""


@dataclass(frozen=True)
class Sample:
    """B windows of up to n steps, each from one step that was drawn."""

    actor: Tensor
    critic: Tensor
    """(B, size) at the first step."""
    action: Tensor
    """(B, A) of the first step."""
    reward: Tensor
    """(B,) discounted sum over the window."""
    discount: Tensor
    """(B,) of the value after the window; 0 where the window terminated."""
    next_actor: Tensor
    next_critic: Tensor
    """(B, size) after the window."""
    weight: Tensor
    """(B,) 1, or 0 for a step that nothing is known to follow."""


class Replay:
    """A ring of C steps x N worlds on the device of the learner.

    A batch has no observation of the actor after its last step and after a truncation, which a
    target needs. So a window ends at the last state that was observed, with fewer steps; the step
    taken in that state is never drawn as a first one. The next batch completes windows of worlds
    that it continues, which workers do not promise: a world continues if the critic's observation
    is the same.
    """

    _COPIED = ("actor", "critic", "action", "reward", "terminated")

    def __init__(self, capacity: int) -> None:
        """capacity: in control steps over all worlds; at least two batches are kept."""
        self.capacity = capacity
        self.head = self.filled = 0
        """The slot that is written next, and how many have been written."""
        self._parts: dict[str, Tensor] = {}
        """`open` (C, N): it is unknown what follows the step, unless it terminated."""
        self._after: Tensor | None = None
        """(N, size) what the critic observed after the last step; nan where that was truncated."""

    @property
    def steps(self) -> int:
        """Control steps that are held."""
        return self.filled * self._parts["reward"].shape[1] if self._parts else 0

    def add(self, new: Steps) -> None:
        """Append steps, in the place of the oldest ones."""
        count, worlds = new.reward.shape
        if not self._fits(count, worlds):
            self._allocate(new, max(self.capacity // worlds, 2 * count))
        slots = len(self._parts["reward"])
        if self._after is not None:
            same = (self._after == new.critic[0]).all(dim=-1)
            self._parts["open"][(self.head - 1) % slots] &= ~same
        index = (self.head + torch.arange(count, device=new.reward.device)) % slots
        for name in self._COPIED:
            self._parts[name][index] = getattr(new, name)[:count]
        self._parts["open"][index] = new.truncated
        self._parts["open"][index[-1]] = True
        self._after = new.critic[-1].masked_fill(new.truncated[-1].unsqueeze(-1), math.nan)
        self.head = (self.head + count) % slots
        self.filled = min(self.filled + count, slots)

    def sample(self, count: int, n_steps: int, gamma: float, generator: torch.Generator) -> Sample:
        """`count` windows of up to `n_steps`, from steps drawn uniformly, with replacement."""
        reward, device = self._parts["reward"], self._parts["reward"].device
        slots, worlds = reward.shape
        drawn = torch.randint(self.filled * worlds, (count,), generator=generator).to(device)
        total = torch.zeros(count, device=device)
        discount = torch.ones(count, device=device)
        going = torch.ones(count, dtype=torch.bool, device=device)
        at, weight = drawn, going
        for step in range(n_steps):
            ends = self._at("terminated", at)
            going = going & (ends | ~self._at("open", at))
            if not step:
                weight = going
            total += torch.where(going, discount * self._at("reward", at), 0.0)
            discount = torch.where(going, discount * gamma * ~ends, discount)
            at = torch.where(going, (at + worlds) % (slots * worlds), at)
            going = going & ~ends
        return Sample(
            self._at("actor", drawn),
            self._at("critic", drawn),
            self._at("action", drawn),
            total,
            discount,
            self._at("actor", at),
            self._at("critic", at),
            weight.to(total.dtype),
        )

    def state(self) -> tuple[dict[str, Tensor], dict[str, int]]:
        """All that is held: several hundred megabytes."""
        after = {} if self._after is None else {"after": self._after.cpu()}
        tensors = {name: value.cpu() for name, value in self._parts.items()}
        return {**tensors, **after}, {"head": self.head, "filled": self.filled}

    def load_state(
        self, tensors: dict[str, Tensor], data: dict[str, int], device: torch.device
    ) -> None:
        """Continue from `state()`."""
        parts = {name: value.to(device) for name, value in tensors.items()}
        self._after = parts.pop("after", None)
        self._parts = parts
        self.head, self.filled = int(data["head"]), int(data["filled"])

    def _at(self, name: str, index: Tensor) -> Tensor:
        return self._parts[name].flatten(0, 1).index_select(0, index)

    def _fits(self, count: int, worlds: int) -> bool:
        """Not at first, and not in a run that is resumed with other workers or horizon."""
        held = self._parts["reward"].shape if self._parts else (0, 0)
        return count <= held[0] and worlds == held[1]

    def _allocate(self, like: Steps, slots: int) -> None:
        self.head = self.filled = 0
        self._after = None
        for name in self._COPIED:
            value: Tensor = getattr(like, name)
            self._parts[name] = value.new_zeros(slots, *value.shape[1:])
        self._parts["open"] = torch.ones_like(self._parts["terminated"])
