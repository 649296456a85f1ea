"""One sweep, declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from ...config import Range
from ...envs.config import GoalConfig

Value = bool | int | float | str | tuple[float, ...]
Metric = Literal[
    "successes_mean",
    "successes_max",
    "drop_rate",
    "episode_length",
    "episode_reward",
    "reward_mean",
    "adr_entropy",
    "explained_variance",
    "kl",
    "kl_to_teacher",
    "entropy",
    "steps_per_second",
]


@dataclass(frozen=True)
class FieldConfig:
    """What a field of the training config may be: one of `values`, or between `low` and `high`."""

    values: tuple[Value, ...] = ()
    """To choose from."""
    low: float | None = None
    """The range's lower end; whole numbers are drawn for a field that is one."""
    high: float | None = None
    """The range's upper end."""
    log: bool = False
    """Draw the logarithm uniformly."""

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if bool(self.values) == (ends != (None, None)):
            raise ValueError("values: got both or neither, allowed: values, or low and high")
        if self.values:
            if len(set(map(repr, self.values))) < len(self.values):
                raise ValueError("values: got one twice, allowed: each value once")
            return
        if self.low is None or self.high is None or not self.low < self.high:
            raise ValueError(f"low, high: got {self.low}, {self.high}, allowed: low < high")
        if self.log and self.low <= 0:
            raise ValueError(f"low: got {self.low}, allowed with log: above 0")


@dataclass(frozen=True)
class AshaConfig:
    """Asynchronous successive halving (Li et al. 2020), by Optuna's SuccessiveHalvingPruner."""

    first: Annotated[int, Range(0, 1e12)] = 0
    """Control steps at which runs are first compared; 0 takes 1/reduction^2 of the steps."""
    reduction: Annotated[int, Range(2, 16)] = 3
    """Of the runs that reach a rung about one in so many goes on; each rung is so much later."""


@dataclass(frozen=True)
class PbtConfig:
    """Population-based training (Jaderberg et al. 2017), in generations that wait for all."""

    interval: Annotated[int, Range(0, 1e12)] = 0
    """Control steps of a generation; 0 takes 1/8 of the steps."""
    share: Annotated[float, Range(0, 0.5, open_low=True)] = 0.25
    """So many at the bottom go on from a checkpoint of one at the top."""
    factors: tuple[float, float] = (0.8, 1.25)
    """One of these multiplies each range of a run that does; of `values` it takes a neighbour."""
    resample: Annotated[float, Range(0, 1)] = 0.25
    """Probability of a fresh draw instead."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Trials of every finished run, by the protocol of `sleight eval`."""

    trials: Annotated[int, Range(0, 100_000)] = 0
    """Worlds, one trial each; 0: runs are not evaluated."""
    seed: Annotated[int, Range(0, 2**30)] = 0
    """Of the trials, the same for every run."""
    goals: GoalConfig = field(default_factory=GoalConfig)
    """By default the papers'."""
    set: dict[str, float] = field(default_factory=dict)
    """Randomization parameter -> value that it is held at."""
    randomization: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Parameter -> [low, high]: runs are evaluated in worlds drawn from these as well."""


@dataclass(frozen=True)
class SweepConfig:
    """`sleight sweep`."""

    train: str
    """The training config that all runs share; relative to this file."""
    name: str = ""
    """Folder under runs/; by default this file's name."""
    runs: str = "runs"
    """Where the sweep's folder goes."""
    set: dict[str, Value] = field(default_factory=dict)
    """Fields of the training config that are other than in `train`, for all runs."""
    fields: dict[str, FieldConfig] = field(default_factory=dict)
    """Fields of the training config, dotted as in a flag, and what to try for each."""
    arms: dict[str, dict[str, Value | tuple[str, ...]]] = field(default_factory=dict)
    """Name -> fields of the training config that change together: the arms of an ablation."""
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    """What is made of the runs at the end: a table in the papers' form."""
    method: Literal["grid", "random", "bayesian"] = "random"
    """grid: every combination of values; bayesian: Optuna's TPE."""
    trials: Annotated[int, Range(1, 10_000)] = 16
    """Settings to try; with pbt the size of the population; a grid tries them all."""
    seeds: Annotated[int, Range(1, 100)] = 1
    """Runs of each setting, each with another seed; two or more measure the noise."""
    seed: Annotated[int, Range(0, 2**30)] = 0
    """Of the draws; and the first of the seeds of the runs."""
    concurrent: Annotated[int, Range(1, 1024)] = 1
    """Runs at the same time."""
    steps: Annotated[int, Range(0, 1e12)] = 0
    """Control steps of each run; 0 takes those of `train`."""
    metric: Metric = "successes_mean"
    """What is compared: the mean over the last tenth of a run's steps."""
    mode: Literal["max", "min"] = "max"
    """Whether more of it is better."""
    stopping: Literal["none", "asha", "pbt"] = "none"
    """Which runs end early, or go on from others."""
    asha: AshaConfig = field(default_factory=AshaConfig)
    """With stopping asha; of several seeds the first decides, and the survivors are repeated."""
    pbt: PbtConfig = field(default_factory=PbtConfig)
    """With stopping pbt."""

    def __post_init__(self) -> None:
        if len(self.arms) == 1:
            raise ValueError("arms: got one, allowed: none, or two and more to compare")
        if self.stopping != "pbt":
            return
        if self.arms:
            raise ValueError("arms: got some, allowed with stopping pbt: none")
        for name, allowed in (("method", "random"), ("seeds", 1)):
            if (got := getattr(self, name)) != allowed:
                raise ValueError(f"{name}: got {got}, allowed with stopping pbt: {allowed}")
        if self.trials < 2:
            raise ValueError(f"trials: got {self.trials}, allowed with stopping pbt: 2 or more")
