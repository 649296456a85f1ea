"""The student's learner: nearer to the teacher with every minibatch, and a critic as in PPO."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...policies.actor import Actor
from ...policies.critic import Critic
from ...policies.imitation import divergence
from ..config import CloneConfig, PpoConfig
from .learner_group import Alone
from .ppo import Learner
from .sequences import Part


class CloneScores(nn.Module):
    """What gradients go back through: both networks, on L steps of B sequences."""

    def __init__(self, actor: Actor, critic: Critic) -> None:
        super().__init__()
        self.actor, self.critic = actor, critic

    def forward(self, part: Part) -> tuple[Tensor, Tensor, Tensor]:
        """KL(teacher || student), entropy (without gradient), value: (L, B)."""
        distribution = self.actor.replay(part.actor, part.carry, part.starts)
        with torch.no_grad():
            entropy = distribution.entropy()
        return divergence(part.labels, distribution), entropy, self.critic.judge(part.critic)


class CloneLearner(Learner):
    """Makes KL(teacher || student) smaller on every step of a batch, whoever acted in it.

    Policy cloning of Solving Rubik's Cube with a Robot Hand, section 6.4. There the student's value
    network also learns the teacher's values; here it learns from returns, as in PPO: so a bundle,
    which has no value network, can teach, and PPO that is warm-started from the student begins with
    the student's own values.
    """

    scores = CloneScores
    distance = "kl_to_teacher"

    def __init__(
        self,
        clone: CloneConfig,
        config: PpoConfig,
        actor: Actor,
        critic: Critic,
        seed: int,
        peers: Alone | None = None,
    ) -> None:
        super().__init__(config, actor, critic, seed, peers)
        self.clone = clone
        self.rate = clone.rate[0]
        self._set_rate()

    def _loss(self, part: Part, bonus: float) -> tuple[Tensor, dict[str, Tensor]]:
        apart, entropies, value = self._scores(part)
        kl = apart.mean()
        value_loss = 0.5 * (value - part.target).square().mean()
        told = {self.distance: kl, "value_loss": value_loss, "entropy": entropies.mean()}
        return kl + value_loss, told

    def _enough(self, distance: float) -> bool:
        """No: the labels stay true however far the student moves."""
        return False

    def _steer(self, kl: float, progress: float) -> None:
        first, last = self.clone.rate
        self.rate = first + (last - first) * progress
        self._set_rate()
