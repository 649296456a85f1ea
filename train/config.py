"""The config of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar, Literal

from ..adr.adr_config import AdrConfig
from ..config import Extensible, Range, Staged
from ..envs.config import EnvConfig
from ..files import check_name
from ..policies.config import PolicyConfig
from ..vision.config import ImagesConfig
from .algorithms.algorithm_registry import ALGORITHMS, check_algorithm, collection_of, config_blocks
from .stage_config import CarryConfig, UntilConfig, check_stage, check_stages

Count = Annotated[int, Range(1, 1e12)]


@dataclass(frozen=True)
class RolloutConfig:
    """The batches that an algorithm learns from."""

    horizon: Annotated[int, Range(1, 4096)] = 64
    """Control steps of each world per batch."""
    bptt_steps: Annotated[int, Range(1, 4096)] = 16
    """Truncated-BPTT length [control steps]: batches are cut into sequences of this length, which
    has to divide the horizon."""
    noise_correlation: Annotated[float, Range(0, 1, open_high=True)] = 0.0
    """Correlation of a motor's exploration noise with that of the step before, of a Gaussian head;
    0: independent. The size of the noise stays the same."""

    def __post_init__(self) -> None:
        if self.horizon % self.bptt_steps:
            raise ValueError(
                f"bptt_steps: got {self.bptt_steps}, allowed: a divisor of {self.horizon}"
            )

    @property
    def sequences(self) -> int:
        """Sequences of each world per batch."""
        return self.horizon // self.bptt_steps


@dataclass(frozen=True)
class RunAdrConfig(AdrConfig):
    """Automatic domain randomization (Solving Rubik's Cube with a Robot Hand)."""

    initial_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Parameter of `step_sizes` or `curriculum` -> [low, high] in its own unit, where ADR starts
    with a range and not with the nominal value; replaces the range of a warm start."""
    curriculum: dict[str, tuple[float, float, int, float]] = field(default_factory=dict)
    """Parameter -> [threshold_low, threshold_high, buffer, step]: moved by ADR with its own rule,
    and not part of the ADR entropy."""


@dataclass(frozen=True)
class ActorsConfig:
    """Processes that collect experience and learn, where it is not this one alone."""

    workers: Annotated[int, Range(0, 100_000)] = 0
    """Rollout workers on Ray, with `env.num_worlds` worlds each; 0: collect in this process."""
    standby: Annotated[int, Range(0, 1000)] = 0
    """Further workers that build their worlds and wait: one takes the place of a worker that dies,
    in less than a second. They reserve no cores, and the memory of their worlds."""
    max_lag: Annotated[int, Range(0, 64)] = 1
    """Largest number of policy updates by which experience may be out of date; 0: synchronous."""
    device: str = "cpu"
    """Device of the learner in this process: cpu or cuda. Learners on Ray: `learner_gpus`."""
    worker_cpus: Annotated[float, Range(0, 1024)] = 0.0
    """CPU cores reserved for each worker; 0 divides those of the cluster among the workers."""
    worker_gpus: Annotated[float, Range(0, 64)] = 0.0
    """GPUs reserved for each worker; workers with fractions share one."""
    learners: Annotated[int, Range(0, 1024)] = 0
    """Data-parallel learners on Ray, each with a share of every batch; 0: learn in this process."""
    learner_cpus: Annotated[float, Range(0, 1024)] = 0.0
    """CPU cores reserved for each learner; 0 reserves none, and it uses its share of `threads`."""
    learner_gpus: Annotated[float, Range(0, 64)] = 0.0
    """GPUs reserved for each learner; learners with fractions share one. 0: learn on the CPU."""
    evaluate_s: Annotated[float, Range(0, 1e6)] = 0.0
    """Interval between evaluations in a process beside training, or of a clone from data [s]; 0: no
    evaluations."""
    evaluate_trials: Annotated[int, Range(2, 10_000)] = 32
    """Trials of such an evaluation, one in each world."""
    restarts: Annotated[int, Range(0, 1000)] = 0
    """Automatic restarts of a run whose training process is killed, with or without Ray."""


@dataclass(frozen=True)
class RayConfig:
    """The Ray cluster of workers and learners."""

    address: str = ""
    """host:port of a cluster to join, or auto; empty: start one on this machine."""
    cpus: Annotated[int, Range(0, 4096)] = 0
    """CPU cores of the cluster that is started; 0: all that the process may use."""
    store_mb: Annotated[int, Range(80, 1_000_000)] = 200
    """Object store of the cluster that is started [MB]."""
    wait_s: Annotated[float, Range(1, 86_400)] = 60.0
    """Timeout for connecting to the cluster, and for placing workers and learners [s]."""
    hang_s: Annotated[float, Range(1, 86_400)] = 300.0
    """A process that does not respond for this time [s], or for ten times the duration of its
    longest task, is killed and replaced."""


@dataclass(frozen=True)
class TrainConfig(Extensible, Staged):
    """`sleight train`. Each algorithm that is installed adds its own block."""

    name: str = ""
    """Folder of the run in `runs`; empty: the task, the date and the time."""
    runs: str = "runs"
    """Folder of the run folders."""
    algorithm: str = "ppo"
    """Learning algorithm: ppo, clone, fast_td3, or one of an installed package (entry point
    sleight.algorithms). Its settings are the block of its name below."""
    steps: Count = 20_000_000
    """Length of training in control steps, summed over all worlds. With stages it is the sum of
    theirs."""
    seed: Annotated[int, Range(0, 2**31)] = 0
    """Seed of all random numbers."""
    threads: Annotated[int, Range(0, 1024)] = 0
    """CPU threads of the learner; 0: all cores that the process may use."""
    warm_start: str = ""
    """Fine-tune the weights and ADR ranges of this run, checkpoint or bundle."""
    env: EnvConfig = field(default_factory=EnvConfig)
    """The environment."""
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    """The batches that the algorithm learns from."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The networks."""
    adr: RunAdrConfig = field(default_factory=RunAdrConfig)
    """Automatic domain randomization."""
    pause_steps: Annotated[int, Range(0, 1e12)] = 0
    """Save and stop at this many steps, to continue later with --resume; schedules still span
    `steps`. 0: do not stop."""
    checkpoint_s: Annotated[float, Range(1, 1e6)] = 120.0
    """Interval between checkpoints [s]."""
    video_steps: Annotated[int, Range(0, 1e12)] = 0
    """Record a video every N control steps; 0: never."""
    wandb: Literal["auto", "offline", "off"] = "auto"
    """Weights & Biases. auto: online if logged in, otherwise offline."""
    cameras: ImagesConfig = field(default_factory=ImagesConfig)
    """Cameras of policies with the observation term `camera_images`."""
    train: ActorsConfig = field(default_factory=ActorsConfig)
    """Distributed training: workers and learners."""
    ray: RayConfig = field(default_factory=RayConfig)
    """The Ray cluster."""
    stages: dict[str, StageConfig] = field(default_factory=dict)
    """Name -> a stage: a part of the run with its own `base` and its own fields, laid over all
    others; `until` ends it before its `steps`, and `carry` says what it begins with."""
    selector = "algorithm"
    of_the_run = ("name", "runs", "pause_steps", "wandb", "ray")
    of_the_first = ("warm_start",)
    summed = ("steps",)
    renamed: ClassVar[Mapping[str, str]] = {
        "widen": "adr.step_sizes",
        "first": "adr.initial_ranges",
        "curriculum": "adr.curriculum",
    }

    @classmethod
    def known_blocks(cls) -> Mapping[str, type]:
        """The configs of all algorithms that can be loaded."""
        return config_blocks()

    @classmethod
    def check_selected(cls, name: str) -> None:
        """See `Extensible`."""
        ALGORITHMS.get(name, "algorithm")

    def __post_init__(self) -> None:
        if self.stages:
            object.__setattr__(self, "steps", sum(stage.steps for stage in self.stages.values()))
            check_stages(self.stages)
        else:
            check_algorithm(self)
        check_name(self.name)
        correlation = self.rollout.noise_correlation
        if correlation and self.policy.head != "gaussian":
            raise ValueError(
                f"rollout.noise_correlation: got {correlation:g} with policy.head"
                f" {self.policy.head}, allowed: 0"
            )
        offline = not self.stages and bool(collection_of(self).data)
        for name, value in (
            ("train.evaluate_s", 0.0 if offline else self.train.evaluate_s),
            ("train.learners", self.train.learners),
            ("train.standby", self.train.standby),
            ("ray.address", self.ray.address),
        ):
            if value and not self.train.workers:
                shown = value if isinstance(value, str) else f"{value:g}"
                raise ValueError(
                    f"{name}: got {shown} with train.workers 0, allowed: --train.workers 1 or more"
                )


@dataclass(frozen=True)
class StageConfig(TrainConfig):
    """A stage of a run: the config of training, and how it begins and ends."""

    until: UntilConfig = field(default_factory=UntilConfig)
    """Metrics that end the stage before its `steps`."""
    carry: CarryConfig = field(default_factory=CarryConfig)
    """What it begins with of an earlier stage."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_stage(self)

    def alone(self, run: TrainConfig) -> TrainConfig:
        """The same as the config of a run without stages, with what `run` has for all of them."""
        own = {each.name: getattr(self, each.name) for each in fields(TrainConfig)}
        return TrainConfig(**own | {name: getattr(run, name) for name in self.of_the_run})
