"""Behavioural cloning of a teacher, in the manner of DAgger (Ross et al. 2011)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from ...config import Range
from ...envs.make import resolve
from ...errors import nearest
from ...policies.actor import Actor
from ...policies.critic import Critic
from ...policies.imitation import divergence
from ..rollout.batch import Batch, concatenate
from ..runs.checkpoint import load_module, module_tensors
from .actor_critic import METRICS, ActorCritic, ActorCriticConfig, Rate
from .agent import Agent
from .algorithm import Collection
from .sequences import Part
from .trunk import keypoint_encoders

if TYPE_CHECKING:
    from ..config import TrainConfig


@dataclass(frozen=True)
class CloneConfig(ActorCriticConfig):
    """Behavioural cloning of a teacher, by DAgger (Ross et al. 2011).

    The teacher labels the states that the student visits, and the student learns those labels.
    """

    teacher: str = ""
    """The run, checkpoint or bundle to clone, or `stage:NAME`, an earlier stage of this run; the
    teacher observes the true state."""
    data: str = ""
    """Folder of demonstrations to learn from, in the place of a teacher and of worlds:
    `sleight eval PLAYER --record FOLDER`, `sleight data`."""
    specialists: dict[str, str] = field(default_factory=dict)
    """Case of the task -> the run, checkpoint or bundle that teaches in it, in the place of
    `teacher`. Rubik's cube: `turn`, while the layers have to turn and no face has to come up."""
    student_share: tuple[Annotated[float, Range(0, 1)], float] = (0.0, 0.5)
    """Probability at the start that the student acts, not the teacher (drawn for each world every
    `rollout.bptt_steps`); and the fraction of `steps` after which it is 1."""
    learning_rate: tuple[Rate, Rate] = (1e-3, 1e-4)
    """Learning rate at the first and at the last step; linear between."""
    bundle_std: Annotated[float, Range(0.01, 10)] = 0.2
    """Standard deviation of the labels of a bundle without a checkpoint, which gives only means."""
    trunk: str = ""
    """Run of `sleight vision train`, or bundle with one in its folder `pose`, whose pose network
    the encoders of kind `keypoints` begin with (`policy.encoders`); empty: they begin untrained."""
    tune_trunk: bool = True
    """Whether the pose network in these encoders learns too; if not, only the layers after it."""
    auxiliary_terms: tuple[str, ...] = ()
    """Terms of the critic that the student also learns to tell, from the inputs of its head, by
    their mean squared error in standard deviations: for example the pose, to a student that sees
    only pictures."""
    auxiliary_weight: Annotated[float, Range(0, 1000)] = 1.0
    """Weight of this error in the loss."""
    replay: Annotated[int, Range(0, 1000)] = 0
    """Earlier batches of the run, drawn at random, that each update learns from again beside the
    new one: the aggregated data of DAgger. A resumed run begins to keep batches anew."""
    replay_size: Annotated[int, Range(1, 1_000_000)] = 1000
    """Most batches that are kept for `replay`; the oldest ones leave. A batch has pictures, where
    their encoder is not frozen, so mind the memory."""
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

    def __init__(self, actor: Actor, critic: Critic, auxiliary: Sequence[str] = ()) -> None:
        """auxiliary: terms of the critic that are told from the features of the actor."""
        super().__init__()
        self.actor, self.critic = actor, critic
        columns = critic.embedding.columns()
        self._told = [column for name in auxiliary for column in columns[name]]
        self.readout = nn.Linear(actor.head.in_features, len(self._told)) if auxiliary else None

    def forward(self, part: Part) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """KL(teacher || student), entropy (without gradient), value, squared error: (L, B)."""
        features = self.actor.features(part.actor, part.carry, part.starts)
        distribution = self.actor.distribution(features)
        with torch.no_grad():
            entropy = distribution.entropy()
        value = self.critic.judge(part.critic)
        error = torch.zeros_like(value)
        if self.readout is not None:
            told = self.readout(features).float()
            error = (told - part.critic[..., self._told]).square().mean(dim=-1)
        return divergence(part.labels, distribution), entropy, value, error


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
    metrics = (*METRICS, distance, "auxiliary_loss")
    _readout: nn.Module | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._kept: deque[Batch] = deque(maxlen=self.config.replay_size)

    def _make_scores(self, agent: Agent, seed: int) -> nn.Module:
        if not self.config.tune_trunk:
            for encoder in keypoint_encoders(agent.actor).values():
                encoder.freeze()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            scores = CloneScores(agent.actor, agent.critic, self.config.auxiliary_terms)
        scores.to(agent.actor.head.weight.device)
        self._readout = scores.readout
        return scores

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Algorithm`: the readout of the auxiliary terms, too."""
        tensors, data = super().state()
        own = module_tensors("readout", self._readout) if self._readout is not None else {}
        return {**tensors, **own}, data

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Algorithm`."""
        super().load_state(tensors, data)
        if self._readout is not None:
            load_module("readout", self._readout, tensors, "the readout of auxiliary terms")

    @classmethod
    def collection(cls, config: Any, run: TrainConfig) -> Collection:
        """See `Algorithm`."""
        return Collection(
            config.teacher, config.data, config.specialists, config.bundle_std, config.student_at,
            config.trunk, log_prob=False,
        )  # fmt: skip

    @classmethod
    def check(cls, config: Any, run: TrainConfig) -> None:
        """See `Algorithm`."""
        _check_source(config, run)
        for term in config.auxiliary_terms:
            if term not in (known := resolve(run.env).critic_terms):
                raise ValueError(f"clone.auxiliary_terms: got {term}, {nearest(term, known)}")
        if (config.trunk or not config.tune_trunk) and "keypoints" not in (
            kinds := run.policy.encoders.values()
        ):
            raise ValueError(
                f"clone.trunk, clone.tune_trunk: got policy.encoders {', '.join(kinds) or 'none'},"
                " allowed with them: keypoints"
            )
        if under_adr := (*run.adr.step_sizes, *run.adr.curriculum):
            # Part of the performance is the teacher's, so ADR would measure neither of them.
            raise ValueError(
                f"adr.step_sizes, adr.curriculum: got {', '.join(under_adr)} with algorithm clone,"
                " allowed: fixed ranges in env.randomization"
            )

    def _first_learning_rate(self) -> float:
        return self.config.learning_rate[0]

    def _learned_from(self, batch: Batch) -> Batch:
        """See `ActorCritic`: the memory before each sequence is what it was when it was collected,
        as in R2D2 (Kapturowski et al. 2019); values and advantages are those of now."""
        if not self.config.replay:
            return batch
        batch = replace(batch, actor=self.actor.embedding.condensed(batch.actor))
        drawn = torch.randperm(len(self._kept), generator=self.generator)[: self.config.replay]
        earlier = [self._kept[index] for index in drawn.tolist()]
        self._kept.append(batch)
        return concatenate([batch, *earlier])

    def _loss(self, part: Part, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        divergences, entropies, value, errors = self._score(part)
        kl, auxiliary = divergences.mean(), errors.mean()
        value_loss = 0.5 * (value - part.target).square().mean()
        metrics = {self.distance: kl, "value_loss": value_loss, "entropy": entropies.mean()}
        metrics["auxiliary_loss"] = auxiliary
        return kl + value_loss + self.config.auxiliary_weight * auxiliary, metrics

    def _adapt(self, distance: float, progress: float) -> None:
        first, last = self.config.learning_rate
        self._set_learning_rate(first + (last - first) * progress)


def _check_source(config: CloneConfig, run: TrainConfig) -> None:
    """Raise ValueError unless it learns from a teacher in worlds, or from data without them."""
    if not config.data:
        if not config.teacher:
            raise ValueError("clone.teacher: got nothing, allowed: a run, a checkpoint or a bundle")
        return
    for name, value in (
        ("clone.teacher", config.teacher),
        ("clone.specialists", ", ".join(config.specialists)),
        ("train.workers", run.train.workers),
    ):
        if value:
            raise ValueError(f"{name}: got {value} with clone.data, allowed: one of the two")
