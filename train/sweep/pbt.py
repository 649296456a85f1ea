"""Population-based training (Jaderberg et al. 2017): runs continue from each other's checkpoints.

A generation ends when every member has reached the same step and paused. Members at the bottom copy
weights, optimizer and worlds of a member at the top, and continue with its settings, perturbed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...config import to_dict
from ...errors import SleightError
from ..runs import checkpoint
from .config import PbtConfig, SweepConfig
from .journal import Journal
from .runner import command, threads
from .space import Dimension, Setting, Space, check, flags
from .sweep_base import POLL_S, RETRIES, Say, Sweep, wind_down
from .sweep_folder import BASE
from .sweep_state import Tried
from .trial_process import Trial, run_name


class Population(Sweep):
    """Runs the members in parallel, one generation after another."""

    def __init__(
        self, config: SweepConfig, space: Space, journal: Journal, folder: Path, say: Say
    ) -> None:
        super().__init__(config, space, journal, folder, say)
        self.settings = config.trials
        self.ends = boundaries(config.pbt, space.base.steps)

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Run until the last generation ends or `stop()` is true; then members save and end."""
        while len(self.state.settings) < self.config.trials:
            self._add(self.state.study.draw(), fresh=True)
        self._move()
        for end in self.ends[len(self.state.generations) :]:
            if not self._advance(end, stop):
                return
            if end < self.space.base.steps:
                self._exchange(end)
        for tried in self._alive():
            steps = self._trial(tried).steps()
            value = self._trial(tried).score(self.config.metric, steps)
            self._end((tried.index, 0), "failed" if value is None else "complete", value, steps, "")

    def _alive(self) -> list[Tried]:
        return [tried for tried in self.state.settings if not tried.ends]

    def _trial(self, tried: Tried) -> Trial:
        return Trial(self.folder, run_name(tried.index, 0))

    def _advance(self, end: int, stop: Callable[[], bool]) -> bool:
        """Run every member until step `end`; False if `stop()` was true before."""
        waiting = [tried for tried in self._alive() if self._trial(tried).steps() < end]
        active: dict[int, Trial] = {}
        tries: dict[int, int] = {}
        try:
            while (waiting or active) and not stop():
                while waiting and len(active) < self.config.concurrent:
                    tried = waiting.pop(0)
                    active[tried.index] = self._start(tried, end)
                for index, trial in list(active.items()):
                    if trial.running():
                        continue
                    del active[index]
                    if trial.steps() >= end:
                        continue
                    tries[index] = tries.get(index, 0) + 1
                    if trial.killed() and tries[index] <= RETRIES:
                        waiting.append(self.state.settings[index])
                    else:
                        tried = self.state.settings[index]
                        self._end((tried.index, 0), "failed", None, trial.steps(), trial.failure())
                time.sleep(POLL_S if active else 0)
            wind_down(active.values())
            return not active
        except KeyboardInterrupt:
            for trial in active.values():
                trial.kill()
            raise

    def _start(self, tried: Tried, end: int) -> Trial:
        trial = self._trial(tried)
        if trial.running():  # it continued after its sweep was killed
            return trial
        pause = [f"--pause_steps={end if end < self.space.base.steps else 0}"]
        words = command(self.folder, (tried.index, 0), tried.values, self.config.seed + tried.index)
        cores = threads(self.config.concurrent)
        if trial.steps():
            trial.go_on([*flags(tried.values), *pause], cores)
        else:
            trial.start([*words, *pause], cores)
        return trial

    def _exchange(self, end: int) -> None:
        """Decide which members copy which, write it to the journal, execute it."""
        alive = self._alive()
        if len(alive) < 2:
            raise SleightError(f"{self.folder}: got {len(alive)} members alive, allowed: 2 or more")
        scores = [self._trial(tried).score(self.config.metric, end) for tried in alive]
        generation = len(self.state.generations)
        rng = np.random.default_rng([self.config.seed, generation])
        moves = plan(self.config, self.space.dimensions, alive, scores, rng)
        self._write(
            "generation", generation=generation, steps=end,
            scores=self._all_scores(alive, scores), moves=moves,
        )  # fmt: skip
        self._move()

    def _all_scores(self, alive: list[Tried], scores: Sequence[float | None]) -> list[float | None]:
        by_index = {tried.index: value for tried, value in zip(alive, scores, strict=True)}
        return [by_index.get(tried.index) for tried in self.state.settings]

    def _move(self) -> None:
        """Copy the checkpoints of the last exchange; repeating it changes nothing."""
        if self.state.moved >= len(self.state.generations):
            return
        event = self.state.generations[-1]
        for move in event["moves"]:
            donor, member = (run_name(move[key], 0) for key in ("donor", "member"))
            hand_over(self.folder, donor, member, move["values"], self.config.seed + move["member"])
        self._write("moved", generation=event["generation"])


def boundaries(config: PbtConfig, steps: int) -> list[int]:
    """Control steps at which generations end; the last is the end of the runs."""
    interval = config.interval_steps or max(1, steps // 8)
    return [*range(interval, steps, interval), steps]


def plan(
    config: SweepConfig,
    dimensions: Sequence[Dimension],
    alive: Sequence[Tried],
    scores: Sequence[float | None],
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Which members copy which, and their new values: truncation selection, then perturbation."""
    sign = 1.0 if config.mode == "max" else -1.0
    worth = [-np.inf if score is None else sign * score for score in scores]
    order = [int(i) for i in np.argsort(worth, kind="stable")]  # the worst first
    count = min(max(1, int(config.pbt.quantile * len(alive))), len(alive) // 2)
    top = [i for i in order[-count:] if scores[i] is not None]
    moves: list[dict[str, object]] = []
    for loser in order[:count] if top else ():
        donor = alive[int(rng.choice(top))]
        values = {d.name: perturb(d, donor.values[d.name], config.pbt, rng) for d in dimensions}
        moves.append({"member": alive[loser].index, "donor": donor.index, "values": values})
    return moves


def perturb(
    dimension: Dimension, value: str | int | float, config: PbtConfig, rng: np.random.Generator
) -> str | int | float:
    """A perturbed value within its limits; with `resample_probability` a new draw."""
    fresh = rng.random() < config.resample_probability
    if dimension.choices:
        last = len(dimension.choices) - 1
        at = dimension.choices.index(str(value)) + int(rng.choice([-1, 1]))
        return dimension.choices[int(rng.integers(last + 1)) if fresh else min(max(at, 0), last)]
    low, high = dimension.low, dimension.high
    if fresh and dimension.log:
        perturbed = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    elif fresh:
        perturbed = float(rng.uniform(low, high))
    else:
        perturbed = float(value) * float(rng.choice(config.perturbation_factors))
    perturbed = min(max(perturbed, low), high)
    return round(perturbed) if dimension.whole else perturbed


def hand_over(sweep: Path, donor: str, member: str, values: Setting, seed: int) -> None:
    """Copy the donor's newest checkpoint to the member's run, with new settings."""
    saved = checkpoint.load(sweep / donor)
    config = replace(check(sweep / BASE, values), name=member, runs=str(sweep), seed=seed)
    meta = {k: v for k, v in saved.meta.items() if k not in ("format", "sizes")}
    meta["config"] = to_dict(config)
    # Without a new value, the adapted learning rate of the checkpoint stays.
    if (rate := values.get("ppo.learning_rate")) is not None:
        meta["learner"] = {**meta["learner"], "learning_rate": float(rate)}
    checkpoint.save(sweep / member / "checkpoints", replace(saved, meta=meta))
