"""One training run, declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from ..adr.table import AdrConfig
from ..config import Range
from ..envs.config import EnvConfig
from ..policies.config import PolicyConfig

Count = Annotated[int, Range(1, 1e12)]
Share = Annotated[float, Range(0, 1)]
Rate = Annotated[float, Range(0, 1, open_low=True)]


@dataclass(frozen=True)
class PpoConfig:
    """Proximal policy optimization (Schulman et al. 2017) with a recurrent actor."""

    horizon: Annotated[int, Range(1, 4096)] = 64
    """Control steps of each world per iteration."""
    chunk: Annotated[int, Range(1, 4096)] = 16
    """Steps that gradients go back through the memory; divides the horizon."""
    epochs: Annotated[int, Range(1, 100)] = 2
    """Passes over each batch."""
    minibatches: Annotated[int, Range(1, 1024)] = 8
    """Parts that each pass is cut into."""
    gamma: Annotated[float, Range(0, 1)] = 0.99
    """Discount per control step."""
    gae_lambda: Share = 0.95
    """Of generalized advantage estimation (Schulman et al. 2015)."""
    clip: Annotated[float, Range(0, 1, open_low=True)] = 0.2
    """Clip range of the probability ratio."""
    rate: Annotated[float, Range(0, 1, open_low=True)] = 5e-4
    """Learning rate at the start; then steered by the KL divergence."""
    rate_limits: tuple[float, float] = (5e-5, 2e-3)
    """Between which the learning rate moves."""
    kl_target: tuple[float, float] = (0.008, 0.03)
    """Below the first the learning rate rises, above the second it falls [nats]."""
    kl_final: Annotated[float, Range(0, 1, open_low=True)] = 1.0
    """What is left of kl_target at the last step; it shrinks evenly until then."""
    kl_stop: Annotated[float, Range(0, 10, open_low=True)] = 0.1
    """The update of this batch ends when an epoch's KL passes this [nats]."""
    entropy: tuple[float, float] = (0.0, 0.0)
    """Entropy bonus at the first and at the last step."""
    max_grad_norm: Annotated[float, Range(0, 1e6, open_low=True)] = 1.0
    """Gradients of actor and of critic are each clipped to this norm."""

    def __post_init__(self) -> None:
        if self.horizon % self.chunk:
            raise ValueError(f"chunk: got {self.chunk}, allowed: a divisor of {self.horizon}")
        for name in ("rate_limits", "kl_target"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: got [{low:g}, {high:g}], allowed: low <= high")


@dataclass(frozen=True)
class CloneConfig:
    """Behavioural cloning in the place of PPO, in the manner of DAgger (Ross et al. 2011): the
    student learns, where it gets to by itself, to say what the teacher says there. Of `ppo` it
    uses horizon, chunk, epochs, minibatches, max_grad_norm, and what the critic learns by."""

    teacher: str = ""
    """A run, a checkpoint or a bundle to be cloned, which sees the true state; empty: PPO."""
    student_share: tuple[Share, float] = (0.0, 0.5)
    """Probability that the student acts, drawn for each world every `ppo.chunk` steps: at the
    start; and the share of `steps` after which it is 1. Otherwise the teacher acts."""
    rate: tuple[Rate, Rate] = (1e-3, 1e-4)
    """Learning rate at the first and at the last step; in between it falls evenly."""
    bundle_std: Annotated[float, Range(0.01, 10)] = 0.2
    """Spread given to the actions of a bundle without a checkpoint, whose graph tells none."""

    def __post_init__(self) -> None:
        if not 0 < self.student_share[1] <= 1:
            raise ValueError(
                f"student_share: got {self.student_share[1]:g} as its second, allowed: in (0, 1]"
            )

    def student_at(self, progress: float) -> float:
        """Probability that the student acts, at `progress` in [0, 1]."""
        start, end = self.student_share
        return start + (1.0 - start) * min(progress / end, 1.0)


@dataclass(frozen=True)
class ActorsConfig:
    """Who collects experience, when it is not this process alone."""

    workers: Annotated[int, Range(0, 100_000)] = 0
    """Rollout workers on Ray, `env.num_worlds` worlds each; 0 collects in this process."""
    max_lag: Annotated[int, Range(0, 64)] = 1
    """Updates by which experience may be late; 0 waits for the newest policy every time."""
    worker_cpus: Annotated[float, Range(0, 1024)] = 0.0
    """Cores that a worker reserves and simulates on; 0 divides the cluster's among them."""
    worker_gpus: Annotated[float, Range(0, 64)] = 0.0
    """GPUs that a worker reserves; fractions share one."""
    learners: Annotated[int, Range(0, 1024)] = 0
    """Learners on Ray, which share every batch; 0 learns in this process."""
    learner_cpus: Annotated[float, Range(0, 1024)] = 0.0
    """Cores that a learner reserves; 0 reserves none, and takes its share of `threads`."""
    learner_gpus: Annotated[float, Range(0, 64)] = 0.0
    """GPUs that a learner reserves; fractions share one. Without a GPU it learns on cores."""
    evaluate_s: Annotated[float, Range(0, 1e6)] = 0.0
    """Time between evaluations beside training, by a process of its own; 0 for none."""
    evaluate_trials: Annotated[int, Range(2, 10_000)] = 32
    """Worlds of such an evaluation, one trial each."""
    restarts: Annotated[int, Range(0, 1000)] = 0
    """How often a run whose learning process is killed goes on by itself, with or without Ray."""


@dataclass(frozen=True)
class RayConfig:
    """The cluster that workers run on."""

    address: str = ""
    """host:port of a cluster to join, or auto; by default the run's own, on this machine alone."""
    cpus: Annotated[int, Range(0, 4096)] = 0
    """Cores of the run's own cluster; 0 takes those that the process may use."""
    store_mb: Annotated[int, Range(80, 1_000_000)] = 200
    """Object store of the run's own cluster [MB]."""
    wait_s: Annotated[float, Range(1, 86_400)] = 60.0
    """Longest wait for the cluster to answer, and for it to place workers and learners."""
    hang_s: Annotated[float, Range(1, 86_400)] = 300.0
    """Longest wait for a process that lives but does not answer, or ten times what its task has
    taken so far, whichever is longer; then it is killed and replaced."""


@dataclass(frozen=True)
class TrainConfig:
    """`sleight train`."""

    name: str = ""
    """Folder under runs/; by default the task, and the date and time."""
    runs: str = "runs"
    """Where run folders go."""
    steps: Count = 20_000_000
    """Control steps over all worlds."""
    seed: Annotated[int, Range(0, 2**31)] = 0
    """Everything random follows from it."""
    threads: Annotated[int, Range(0, 1024)] = 0
    """Threads of the learner; 0 takes the cores that the process may use."""
    warm_start: str = ""
    """A run or checkpoint whose weights and ADR ranges to begin with."""
    env: EnvConfig = field(default_factory=EnvConfig)
    """The task."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The networks."""
    ppo: PpoConfig = field(default_factory=PpoConfig)
    """The optimizer."""
    clone: CloneConfig = field(default_factory=CloneConfig)
    """A teacher to clone, in the place of PPO."""
    adr: AdrConfig = field(default_factory=AdrConfig)
    """Automatic domain randomization, of the parameters below."""
    widen: dict[str, float] = field(default_factory=dict)
    """Parameter -> step of its boundaries in lambda: these are under ADR."""
    first: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Parameter of `widen` -> [low, high] in its own unit that ADR begins with, not a point;
    also where a warm start has another."""
    curriculum: dict[str, tuple[float, float, int, float]] = field(default_factory=dict)
    """Parameter -> (threshold_low, threshold_high, buffer, step): grows apart from the entropy."""
    pause_steps: Annotated[int, Range(0, 1e12)] = 0
    """Save and end here, to go on with --resume; schedules still run over `steps`. 0: do not."""
    checkpoint_s: Annotated[float, Range(1, 1e6)] = 120.0
    """Time between checkpoints."""
    video_steps: Annotated[int, Range(0, 1e12)] = 0
    """Control steps between videos; 0 for none."""
    wandb: Literal["auto", "offline", "off"] = "auto"
    """auto: online when somebody is logged in, else offline."""
    train: ActorsConfig = field(default_factory=ActorsConfig)
    """The workers."""
    ray: RayConfig = field(default_factory=RayConfig)
    """Where they run."""

    def __post_init__(self) -> None:
        if self.clone.teacher and (self.widen or self.curriculum):
            # Some of the performance is the teacher's, so ADR would decide about nobody.
            got = ", ".join((*self.widen, *self.curriculum))
            raise ValueError(
                f"widen, curriculum: got {got} with clone.teacher, allowed: fixed ranges in"
                " env.randomization"
            )
        if "/" in self.name or self.name in (".", ".."):
            raise ValueError(f"name: got {self.name}, allowed: a folder's name; `runs` says where")
        if self.train.evaluate_s and not self.train.workers:
            raise ValueError(
                f"train.evaluate_s: got {self.train.evaluate_s:g} with train.workers 0,"
                " allowed: --train.workers 1 or more"
            )
        if self.train.learners and not self.train.workers:
            raise ValueError(
                f"train.learners: got {self.train.learners} with train.workers 0,"
                " allowed: --train.workers 1 or more"
            )
        if self.ray.address and not self.train.workers:
            raise ValueError(
                f"ray.address: got {self.ray.address} with train.workers 0,"
                " allowed: --train.workers 1 or more"
            )
