"""Behavioural cloning of a teacher, in the manner of DAgger (Ross et al. 2011)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from ...config import Range
from ...policies.actor import Actor
from ...policies.critic import Critic
from ...policies.imitation import divergence
from .actor_critic import ActorCritic, ActorCriticConfig, Rate
from .algorithm import Collection
from .sequences import Part

if TYPE_CHECKING:
    from ..config import TrainConfig


@dataclass(frozen=True)
class CloneConfig(ActorCriticConfig):
    """Behavioural cloning of a teacher, by DAgger (Ross et al. 2011).

    The teacher labels the states that the student visits, and the student learns those labels.
    """

    teacher: str = ""
    """The run, checkpoint or bundle to clone; the teacher observes the true state."""
    student_share: tuple[Annotated[float, Range(0, 1)], float] = (0.0, 0.5)
    """Probability at the start that the student acts, not the teacher (drawn for each world every
    `rollout.bptt_steps`); and the fraction of `steps` after which it is 1."""
    learning_rate: tuple[Rate, Rate] = (1e-3, 1e-4)
    """Learning rate at the first and at the last step; linear between."""
    bundle_std: Annotated[float, Range(0.01, 10)] = 0.2
    """Standard deviation of the labels of a bundle without a checkpoint, which gives only means."""
    renamed: ClassVar[Mapping[str, str]] = {"rate": "learning_rate"}

    def __post_init__(self) -> None:
        if not 0 < self.student_share[1] <= 1:
            raise ValueError(
                f"student_share: got {self.student_share[1]:g} as its second, allowed: in (0, 1]"
            )

    def student_at(self, progress: float) -> float:
        """Probability that the student acts, at `progress` in [0, 1]."""
        start, end = self.student_share
        return start + (1.0 - start) * min(progress / end, 1.0)


class CloneScores(nn.Module):
    """What gradients are propagated back through: both networks, on L steps of B sequences."""

    def __init__(self, actor: Actor, critic: Critic) -> None:
        super().__init__()
        self.actor, self.critic = actor, critic

    def forward(self, part: Part) -> tuple[Tensor, Tensor, Tensor]:
        """KL(teacher || student), entropy (without gradient), value: (L, B)."""
        distribution = self.actor.replay(part.actor, part.carry, part.starts)
        with torch.no_grad():
            entropy = distribution.entropy()
        return divergence(part.labels, distribution), entropy, self.critic.judge(part.critic)


class Clone(ActorCritic):
    """Minimizes KL(teacher || student) on every step of a batch, whoever acted in it.

    Policy cloning of Solving Rubik's Cube with a Robot Hand, section 6.4. There the student's value
    network also learns the teacher's values; here it learns from returns, as in PPO: so a bundle,
    which has no value network, can teach, and PPO that is warm-started from the student begins with
    the student's own values.
    """

    config_type = CloneConfig
    config: CloneConfig
    scores = CloneScores
    distance = "kl_to_teacher"

    @classmethod
    def collection(cls, config: Any, run: TrainConfig) -> Collection:
        """See `Algorithm`."""
        return Collection(config.teacher, config.bundle_std, config.student_at, log_prob=False)

    @classmethod
    def check(cls, config: Any, run: TrainConfig) -> None:
        """See `Algorithm`."""
        if not config.teacher:
            raise ValueError("clone.teacher: got nothing, allowed: a run, a checkpoint or a bundle")
        if under_adr := (*run.adr.step_sizes, *run.adr.curriculum):
            # Part of the performance is the teacher's, so ADR would measure neither of them.
            raise ValueError(
                f"adr.step_sizes, adr.curriculum: got {', '.join(under_adr)} with algorithm clone,"
                " allowed: fixed ranges in env.randomization"
            )

    def _first_learning_rate(self) -> float:
        return self.config.learning_rate[0]

    def _loss(self, part: Part, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        divergences, entropies, value = self._scores(part)
        kl = divergences.mean()
        value_loss = 0.5 * (value - part.target).square().mean()
        metrics = {self.distance: kl, "value_loss": value_loss, "entropy": entropies.mean()}
        return kl + value_loss, metrics

    def _adapt(self, distance: float, progress: float) -> None:
        first, last = self.config.learning_rate
        self._set_learning_rate(first + (last - first) * progress)
