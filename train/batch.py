"""Experience, as a worker hands it to the learner."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..envs.env import Episode
from ..policies.actor import Carry

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """T steps of N worlds, from one version of the policy."""

    version: int
    actor: Terms
    """Each (T, N, size): what the actor saw."""
    critic: Terms
    """Each (T + 1, N, size): what the critic sees, the state after the last step included."""
    raw: Tensor
    """(T, N, A): the actions as the distribution scores them."""
    log_prob: Tensor
    reward: Tensor
    """(T, N) each."""
    terminated: Tensor
    truncated: Tensor
    """(T, N) bool: the step ended its episode."""
    starts: Tensor
    """(T, N) bool: the step is the first of its episode."""
    carries: tuple[Carry, ...]
    """The carry (N, hidden) before every chunk of the horizon."""
    final_index: Tensor
    """(K, 2): step and world of each truncation."""
    final: Terms
    """Each (K, size): the critic's view of the state that was cut short."""
    episodes: tuple[Episode, ...]
    sim_seconds: float
    """Time in physics."""
    seconds: float
    """Time for all of it."""

    @property
    def steps(self) -> int:
        """Control steps in the batch."""
        return self.reward.numel()


def advantages(
    reward: Tensor,
    value: Tensor,
    final_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> tuple[Tensor, Tensor]:
    """Generalized advantage estimation, and the returns (T, N) that it implies.

    value: (T + 1, N). final_value: (T, N), the value of the state that a truncation cut short,
    elsewhere unused. A termination is worth nothing afterwards; a truncation is worth its final
    value; either way nothing leaks from the next episode (equations 11 and 16 of 1506.02438).
    """
    done = terminated | truncated
    following = torch.where(truncated, final_value, value[1:]) * ~terminated
    delta = reward + gamma * following - value[:-1]
    advantage = torch.zeros_like(reward)
    ahead = torch.zeros_like(reward[0])
    for step in range(len(reward) - 1, -1, -1):
        ahead = delta[step] + gamma * gae_lambda * ahead * ~done[step]
        advantage[step] = ahead
    return advantage, advantage + value[:-1]
