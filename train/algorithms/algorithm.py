"""The contract of a learner: what it asks of experience, how it improves the networks, its state.

An algorithm is one class and one config dataclass. A package of its own registers the class by an
entry point; its config becomes the block of that name in a training config:

    [project.entry-points."sleight.algorithms"]
    reinforce = "my_package:Reinforce"     # --algorithm reinforce --reinforce.gamma 0.9
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from ..rollout.batch import Batch
from .agent import Agent
from .learner_group import LearnerGroup

if TYPE_CHECKING:
    from ..config import TrainConfig

Metrics = dict[str, float]
STAGE = "stage:"
"""Begins the name of a teacher that is an earlier stage of the run."""


def always(progress: float) -> float:
    """The default of `Collection.student_share`: the policy that learns always acts."""
    return 1.0


@dataclass(frozen=True)
class Collection:
    """What an algorithm asks of the experience that it learns from."""

    teacher: str = ""
    """A run, a checkpoint, a bundle or `stage:NAME` that labels every step (`Batch.labels`);
    empty: none."""
    data: str = ""
    """Folder of demonstrations to learn from in the place of worlds; empty: worlds."""
    specialists: Mapping[str, str] = field(default_factory=dict)
    """Case of the task -> the teacher of the steps in it, in the place of `teacher`."""
    teacher_std: float = 0.2
    """Standard deviation of the labels where the teacher's graph gives only a mean."""
    student_share: Callable[[float], float] = always
    """Progress in [0, 1] -> probability that the policy that learns acts, and not its teacher."""
    trunk: str = ""
    """A run or a bundle whose pose network the actor's encoders begin with; empty: none."""
    log_prob: bool = True
    """Whether `Batch.log_prob` is needed; without it, it is nan."""


class Algorithm(ABC):
    """Improves the networks of an `Agent`, in place, from one batch at a time.

    With several learners, each has its own worlds of the batch and an equal copy of the networks;
    through `group` they have to arrive at the same weights, bit for bit.
    """

    config_type: ClassVar[type]
    """A frozen dataclass whose fields all have defaults: the block of the training config."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """What every `update` returns, by which a stage of a run may end."""

    @abstractmethod
    def __init__(
        self, config: Any, run: TrainConfig, agent: Agent, seed: int, group: LearnerGroup
    ) -> None:
        """config: an instance of `config_type`. Everything random has to follow from `seed`."""

    @classmethod
    def collection(cls, config: Any, run: TrainConfig) -> Collection:
        """What it asks of collection; `run.rollout` has the horizon and the BPTT length."""
        return Collection()

    @classmethod  # noqa: B027  # most have nothing to check
    def check(cls, config: Any, run: TrainConfig) -> None:
        """Raise ValueError or ConfigError for a run that it cannot train."""

    @classmethod
    def least_worlds(cls, config: Any, run: TrainConfig) -> int:
        """Fewest worlds that each of several learners needs in its share of a batch."""
        return 1

    @classmethod
    def warm_up_steps(cls, config: Any) -> int:
        """Control steps that it collects before it learns, while a run is cheaper than later."""
        return 0

    @abstractmethod
    def update(self, batch: Batch, progress: float) -> Metrics:
        """Learn from `batch`: T steps of N worlds. Returns metrics, which are logged.

        progress: of the run, in [0, 1], for schedules. The normalizers of the observations
        (`agent.actor.embedding.update`) are the algorithm's to update, too.
        """

    @abstractmethod
    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain data (JSON) that resuming bit for bit needs, beside the weights."""

    @abstractmethod
    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """Continue from `state()`; the weights have been loaded already."""
