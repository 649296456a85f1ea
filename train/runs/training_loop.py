"""The training loop. It takes its parts from factories, so one process and a cluster share it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from ...adr.adr_config import AdrConfig
from ...adr.decisions import Reports, decide
from ...adr.state import AdrState, entropy
from ..algorithms.agent import Agent
from ..config import TrainConfig
from ..rollout.adr_source import physical_ranges
from ..rollout.batch import Batch
from .checkpoint import load_module, module_tensors
from .metrics import EpisodeWindow

Metrics = dict[str, Any]
Decide = Callable[[AdrState, AdrConfig, Reports], AdrState]
"""See `decide`; a server on the cluster may do it instead."""


class Sampler(Protocol):
    """Where experience comes from: this process, or workers elsewhere."""

    def publish(
        self, version: int, weights: dict[str, Tensor], adr: AdrState, progress: float = 0.0
    ) -> None:
        """Collect from now on with this version of the actor and in these ranges.

        progress: of the run, in [0, 1], by which a teacher gives way to its student.
        """
        ...

    def next(self) -> Batch:
        """The next batch, of the published version, or from workers of a slightly older one."""
        ...

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain data that resuming needs."""
        ...

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """Continue from `state()`."""
        ...

    def metrics(self) -> Metrics:
        """Metrics of the last collection, beside those of the batch itself."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class Learns(Protocol):
    """What improves the networks: an `Algorithm` in this process, or learners elsewhere."""

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Learn from `batch`, and leave the new weights in the agent; see `Algorithm`."""
        ...

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain data that resuming needs, beside the weights."""
        ...

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """Continue from `state()`."""
        ...


def never(row: Metrics, steps: int) -> bool:
    """The end by metrics of a run, or of a stage, that has none."""
    return False


@dataclass
class StageState:
    """Where a stage stands in its run; a run without stages is one without a name."""

    name: str = ""
    first_step: int = 0
    """Control steps of the run before it."""
    until: Callable[[Metrics, int], bool] = never
    """Whether it ends, by a row of metrics and its own steps so far."""
    met: bool = False
    """Whether `until` has held."""


@dataclass
class Training:
    """The state of a run in memory, and its iterations."""

    config: TrainConfig
    agent: Agent
    learner: Learns
    sampler: Sampler
    adr: AdrState
    decide: Decide = decide
    steps: int = 0
    """Of the whole run."""
    version: int = 0
    seconds: float = 0.0
    episodes: EpisodeWindow = field(default_factory=EpisodeWindow)
    stage: StageState = field(default_factory=StageState)

    @property
    def progress(self) -> float:
        """Progress of the stage, in [0, 1]."""
        return min((self.steps - self.stage.first_step) / self.config.steps, 1.0)

    @property
    def ended(self) -> bool:
        """Whether the steps of the stage are done, or its metrics are what they were to be."""
        return self.stage.met or self.steps - self.stage.first_step >= self.config.steps

    def iterate(self) -> Metrics:
        """Collect one batch, learn from it, let ADR decide; returns the row for the log."""
        began = time.perf_counter()
        weights = {name: value.detach() for name, value in self.agent.actor.state_dict().items()}
        self.sampler.publish(self.version, weights, self.adr, self.progress)
        batch = self.sampler.next()
        collected = time.perf_counter()
        self.steps += batch.steps
        learned = self.learner.update(batch, self.progress)
        self.version += 1
        self._randomize(batch)
        self.episodes.add(batch.episodes)
        seconds = time.perf_counter() - began
        self.seconds += seconds
        row = {
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            **({"stage": self.stage.name} if self.stage.name else {}),
            **self.episodes.means(),
            **learned,
            **self._adr_metrics(),
            **({"student_share": batch.student_share} if batch.labels else {}),
            "reward_mean": float(batch.reward.mean()),
            "broken_worlds": batch.broken,
            "steps_per_second": batch.steps / seconds,
            "sim_share": batch.sim_seconds / seconds,
            "learn_share": (seconds - (collected - began)) / seconds,
            "lag": self.version - 1 - batch.version,
            **self.sampler.metrics(),
        }
        self.stage.met = self.stage.until(row, self.steps - self.stage.first_step)
        return row

    def _randomize(self, batch: Batch) -> None:
        done = batch.episodes
        if not self.adr.dimensions or not done:
            return
        reports = Reports(
            tuple(e.tag for e in done),
            tuple(e.version for e in done),
            tuple(float(e.successes) for e in done),
            batch.episode_ids or None,
            self.steps,
        )
        self.adr = self.decide(self.adr, self.config.adr, reports)

    def _adr_metrics(self) -> Metrics:
        row: Metrics = {}
        if any(d.counts for d in self.adr.dimensions):
            row["adr_entropy"] = entropy(self.adr, self.config.adr)
        for name, ends in physical_ranges(self.adr).items():
            row[f"range/{name}"] = list(ends)
        return row

    def weights(self) -> dict[str, Tensor]:
        """The networks, as they are saved."""
        actor = module_tensors("actor", self.agent.actor)
        return actor | module_tensors("critic", self.agent.critic)

    def save(self) -> tuple[dict[str, Tensor], dict[str, Tensor], Metrics]:
        """Weights, other tensors, and plain data of everything that continuing takes."""
        tensors, data = self.sampler.state()
        learner_tensors, learner_data = self.learner.state()
        tensors = {**tensors, **{f"learner.{k}": v for k, v in learner_tensors.items()}}
        meta = {
            "steps": self.steps,
            "version": self.version,
            "seconds": self.seconds,
            "episodes": self.episodes.state(),
            "sampler": data,
            "learner": learner_data,
        }
        if self.stage.name:
            meta["stage"] = {
                "name": self.stage.name,
                "first_step": self.stage.first_step,
                "met": self.stage.met,
                "ended": self.ended,
            }
        return self.weights(), tensors, meta

    def load(self, weights: dict[str, Tensor], tensors: dict[str, Tensor], meta: Metrics) -> None:
        """Continue from `save()`; raises CheckpointError when the networks differ."""
        self.load_weights(weights, "weights.safetensors")
        self.load_learner(tensors, meta)
        self.sampler.load_state(tensors, meta["sampler"])
        self.steps, self.version = int(meta["steps"]), int(meta["version"])
        self.seconds = float(meta["seconds"])
        self.episodes.load_state(meta["episodes"])
        if stage := meta.get("stage"):
            self.stage.first_step, self.stage.met = int(stage["first_step"]), bool(stage["met"])

    def load_learner(self, tensors: dict[str, Tensor], meta: Metrics) -> None:
        """Load only what the learner has beside the networks."""
        prefix = "learner."
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        self.learner.load_state(own, meta["learner"])

    def load_weights(self, weights: dict[str, Tensor], source: str) -> None:
        """Load only the networks, for a warm start."""
        load_module("actor", self.agent.actor, weights, source)
        load_module("critic", self.agent.critic, weights, source)


@dataclass(frozen=True)
class Hook:
    """Something to do periodically, at an interval of seconds or of control steps."""

    run: Callable[[Training, Metrics], object]
    every_s: float = 0.0
    every_steps: int = 0


def run(training: Training, hooks: list[Hook], stop: Callable[[], bool] = lambda: False) -> None:
    """Iterate until the stage has ended, or `stop` says so after an iteration."""
    marks = [(time.monotonic(), training.steps) for _ in hooks]
    while not training.ended:
        row = training.iterate()
        for index, hook in enumerate(hooks):
            clock, steps = marks[index]
            due_s = time.monotonic() - clock >= hook.every_s
            if due_s and training.steps - steps >= hook.every_steps:
                marks[index] = (time.monotonic(), training.steps)
                hook.run(training, row)
        if stop():
            break
