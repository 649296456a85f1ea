"""The config of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from ...config import Range
from ...envs.config import GoalConfig
from ...files import check_name

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
    """Values of a field of the training config: one of `values`, or between `low` and `high`."""

    values: tuple[Value, ...] = ()
    """The values to choose from."""
    low: float | None = None
    """Lower end of the range; integer fields get integers."""
    high: float | None = None
    """Upper end of the range."""
    log: bool = False
    """Draw log-uniformly."""

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

    min_steps: Annotated[int, Range(0, 1e12)] = 0
    """Control steps of the first rung; 0: the steps of a run / reduction_factor^2."""
    reduction_factor: Annotated[int, Range(2, 16)] = 3
    """About one in this many runs of a rung is promoted; the next rung is this factor later."""
    renamed: ClassVar[Mapping[str, str]] = {"first": "min_steps", "reduction": "reduction_factor"}


@dataclass(frozen=True)
class PbtConfig:
    """Population-based training (Jaderberg et al. 2017), in generations that wait for all."""

    interval_steps: Annotated[int, Range(0, 1e12)] = 0
    """Control steps between two exploit-and-explore phases; 0: 1/8 of the steps of a run."""
    quantile: Annotated[float, Range(0, 0.5, open_low=True)] = 0.25
    """Exploit: this fraction at the bottom continues from checkpoints of the one at the top."""
    perturbation_factors: tuple[float, float] = (0.8, 1.25)
    """Explore: one of these factors multiplies a value of a range; `values` use a neighbour."""
    resample_probability: Annotated[float, Range(0, 1)] = 0.25
    """Explore: probability that a value is drawn again instead of perturbed."""
    renamed: ClassVar[Mapping[str, str]] = {
        "interval": "interval_steps",
        "share": "quantile",
        "factors": "perturbation_factors",
        "resample": "resample_probability",
    }


@dataclass(frozen=True)
class EvaluateConfig:
    """Trials of every finished run, by the protocol of `sleight eval`."""

    trials: Annotated[int, Range(0, 100_000)] = 0
    """Trials, one in each world; 0: runs are not evaluated."""
    seed: Annotated[int, Range(0, 2**30)] = 0
    """Seed of the trials, the same for every run."""
    goals: GoalConfig = field(default_factory=GoalConfig)
    """The goals; by default the protocol of the papers."""
    set: dict[str, float] = field(default_factory=dict)
    """Randomization parameter -> value that it is held at."""
    randomization: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Parameter -> [low, high]: a second evaluation in worlds drawn from these ranges."""


@dataclass(frozen=True)
class SweepConfig:
    """`sleight sweep`."""

    train: str
    """The training config of all runs; relative to this file."""
    name: str = ""
    """Folder of the sweep in `runs`; empty: the name of this file."""
    runs: str = "runs"
    """Folder of the sweep's folder."""
    set: dict[str, Value] = field(default_factory=dict)
    """Fields of the training config that replace those of `train`, for all runs."""
    fields: dict[str, FieldConfig] = field(default_factory=dict)
    """Fields of the training config, dotted as in a flag, and the values to try."""
    arms: dict[str, dict[str, Value | tuple[str, ...]]] = field(default_factory=dict)
    """Name -> fields of the training config that change together: the arms of an ablation."""
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    """Evaluation of the finished runs: a table in the form of the papers."""
    method: Literal["grid", "random", "bayesian"] = "random"
    """grid: every combination of values; bayesian: Optuna's TPE."""
    trials: Annotated[int, Range(1, 10_000)] = 16
    """Number of settings; with pbt the size of the population; a grid ignores it."""
    seeds: Annotated[int, Range(1, 100)] = 1
    """Runs of each setting, with different seeds; two or more measure the noise."""
    seed: Annotated[int, Range(0, 2**30)] = 0
    """Seed of the search, and first seed of the runs."""
    concurrent: Annotated[int, Range(1, 1024)] = 1
    """Number of runs at the same time."""
    steps: Annotated[int, Range(0, 1e12)] = 0
    """Control steps of each run; 0: those of `train`."""
    metric: Metric = "successes_mean"
    """The objective: its mean over the last tenth of a run."""
    mode: Literal["max", "min"] = "max"
    """Maximize or minimize the objective."""
    stopping: Literal["none", "asha", "pbt"] = "none"
    """Early stopping: asha, or population-based training."""
    asha: AshaConfig = field(default_factory=AshaConfig)
    """Settings of asha; of several seeds the first decides, and the survivors are repeated."""
    pbt: PbtConfig = field(default_factory=PbtConfig)
    """Settings of pbt."""

    def __post_init__(self) -> None:
        check_name(self.name)
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
