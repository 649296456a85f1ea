"""Config of FastTD3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ....config import Range
from ..actor_critic import Rate
from ..precision import Precision


@dataclass(frozen=True)
class FastTd3Config:
    """TD3 with a replay memory (Fujimoto et al. 2018), in the manner of FastTD3 (2025).

    For a feed-forward actor with a Gaussian head. `policy.critic_layers` are the hidden layers of
    its critics, which observe the critic's terms.
    """

    replay_steps: Annotated[int, Range(1, 1e9)] = 500_000
    """Control steps over all worlds that the replay memory holds, on the learner's device. A step
    of the block takes 1.1 kB."""
    warmup_steps: Annotated[int, Range(1, 1e9)] = 20_000
    """Control steps in the memory before learning begins. A resumed run, whose memory is empty,
    collects so many again."""
    keep_replay: bool = False
    """Whether checkpoints hold the replay memory: a resumed run is then, bit for bit, the one that
    was not stopped, and every checkpoint is as large as the memory."""
    replay_ratio: Annotated[float, Range(0, 1000, open_low=True)] = 8.0
    """Samples that are learned from per control step that is collected."""
    batch_size: Annotated[int, Range(1, 1_000_000)] = 256
    """Samples of each gradient step."""
    n_steps: Annotated[int, Range(1, 100)] = 5
    """Rewards that a target sums before it asks the target critics."""
    gamma: Annotated[float, Range(0, 1)] = 0.99
    """Discount factor per control step."""
    learning_rate: Rate = 5e-4
    """Learning rate of actor and critics."""
    actor_every: Annotated[int, Range(1, 100)] = 2
    """Gradient steps of the critics for each of the actor."""
    target_rate: Annotated[float, Range(0, 1, open_low=True)] = 0.01
    """Share of the critics that moves into the target critics at every gradient step."""
    action_std: tuple[Annotated[float, Range(0.001, 10)], Annotated[float, Range(0.001, 10)]] = (
        0.35,
        0.2,
    )
    """Standard deviation of the actions at the first and at the last step; linear between. The
    targets and the actor's objective are those of the noisy actions."""
    action_penalty: Annotated[float, Range(0, 1e6)] = 0.1
    """Weight of the squared means of the actions, summed over motors, in the actor's objective
    [reward]. Without it the first critics, which know little, drive every motor to its limits."""
    value_range: tuple[float, float] = (-40.0, 60.0)
    """Lowest and highest value that the critics can tell, in discounted reward."""
    atoms: Annotated[int, Range(2, 1000)] = 101
    """Atoms of the distribution over values, equally spaced in `value_range`."""
    precision: Precision = "auto"
    """Of the networks while they learn: float32, bfloat16 (torch's automatic mixed precision), or
    auto: bfloat16 on a CPU with AVX-512 BF16. The policy acts in float32."""
    max_grad_norm: Annotated[float, Range(0, 1e6, open_low=True)] = 10.0
    """Largest norm of the gradients; those of actor and critics are clipped separately."""

    def __post_init__(self) -> None:
        low, high = self.value_range
        if low >= high:
            raise ValueError(f"value_range: got [{low:g}, {high:g}], allowed: low < high")
        if self.replay_steps < self.warmup_steps:
            raise ValueError(
                f"replay_steps: got {self.replay_steps} with warmup_steps {self.warmup_steps},"
                " allowed: at least as many"
            )
