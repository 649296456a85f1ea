"""How far a policy leads a Rubik's cube through a plan: the table of the original's 8.4."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ...config import to_dict
from ...envs.config import EnvConfig
from ...envs.cube.hand_goals import HandTrial
from ...envs.env import HandEnv
from ...envs.make import make_env
from ...envs.tasks.cubes.full_task import FullConfig, FullTask
from ...errors import ConfigError
from ..runs.versions import versions
from .evaluation import FRESH, first_episodes, with_error
from .players import Player

_NO_LIMIT = 1000
"""Goals of a trial: a plan's steps and its repairs are fewer."""
GOAL_TIMEOUT_S = 128.0
"""Time for a goal, 1,600 steps of 80 ms (Solving Rubik's Cube with a Robot Hand, 8.4.1)."""


@dataclass(frozen=True)
class CubeTrial:
    """What one hand did."""

    steps: int
    """Steps of the plan that were done, at its best; repairs do not count."""
    total: int
    half: bool
    full: bool
    dropped: bool
    lost: bool
    """The cube came apart."""
    moves: list[dict[str, Any]] = field(default_factory=list)
    """Each step that was reached: what (flip, turn), face_up, seconds."""
    wrong: list[str] = field(default_factory=list)
    """Each step that went wrong, and so led to a new plan."""

    @classmethod
    def of(cls, trial: HandTrial, dropped: bool) -> CubeTrial:
        """The record of a trial that has ended."""
        return cls(
            trial.best, trial.total, trial.half, trial.finished, dropped, trial.lost,
            [asdict(move) for move in trial.moves], list(trial.follower.wrong),
        )  # fmt: skip


@dataclass(frozen=True)
class CubeEvaluation:
    """Trials of one player."""

    player: str
    trials: list[CubeTrial]
    settings: dict[str, Any]

    @property
    def mean(self) -> float:
        """Mean number of steps."""
        return statistics.fmean(trial.steps for trial in self.trials)

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None: one trial has none."""
        if len(self.trials) < 2:
            return None
        return statistics.stdev(t.steps for t in self.trials) / math.sqrt(len(self.trials))

    def data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "player": self.player,
            "mean": self.mean,
            "standard_error": self.standard_error,
            "half": sum(trial.half for trial in self.trials),
            "full": sum(trial.full for trial in self.trials),
            "seconds": {what: _median(self._seconds(what)) for what in ("turn", "flip")},
            "trials": [asdict(trial) for trial in self.trials],
            "settings": self.settings,
        }

    def table(self) -> str:
        """As text."""
        count = len(self.trials)
        totals = sorted({trial.total for trial in self.trials})
        of = f"{totals[0]}" if len(totals) == 1 else f"{totals[0]} to {totals[-1]}"
        full = sum(trial.full for trial in self.trials)
        half = sum(trial.half for trial in self.trials)
        steps = sorted((trial.steps for trial in self.trials), reverse=True)
        wrong = sum(len(trial.wrong) for trial in self.trials)
        drops = sum(trial.dropped for trial in self.trials)
        lost = sum(trial.lost for trial in self.trials)
        return (
            f"{self.player}\n"
            f"  trials             {count}\n"
            f"  mean +- s.e.       {with_error(self.mean, self.standard_error)} of {of} steps\n"
            f"  median, max        {statistics.median(steps):g}, {steps[0]}\n"
            f"  half, full         {half} ({half / count:.0%}), {full} ({full / count:.0%})\n"
            f"{self._times()}"
            f"  wrong moves        {wrong}\n"
            f"  drops, timeouts    {drops}, {count - full - drops - lost}\n"
            f"  cubes apart        {lost}\n"
            f"  each trial         {', '.join(map(str, steps))}"
        )

    def _times(self) -> str:
        lines = ""
        for what in ("turn", "flip"):
            if seconds := self._seconds(what):
                text = f"{_median(seconds):.1f} s, {len(seconds)} reached"
                lines += f"  median {what:<12}{text}\n"
        return lines

    def _seconds(self, what: str) -> list[float]:
        moves = (move for trial in self.trials for move in trial.moves)
        return [move["seconds"] for move in moves if move["what"] == what]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def evaluate_plans(player: Player, config: EnvConfig, seed: int) -> CubeEvaluation:
    """One trial of the plan that `config` asks for in each of its worlds."""
    goals = replace(config.goals, timeout_s=GOAL_TIMEOUT_S, max_successes=_NO_LIMIT)
    config = replace(config, goals=goals)
    env = make_env(config, seed + FRESH, cache_seed=seed + FRESH)
    trials = _plans(env)
    first = first_episodes(player, env, "eval", rest=True)
    return CubeEvaluation(
        player.name,
        [CubeTrial.of(trials[world], first[world].dropped) for world in range(env.num_envs)],
        {
            "seed": seed,
            "plan": to_dict(config.block(FullConfig)),
            "randomization": {n: list(ends) for n, ends in config.randomization.items()},
            "variant": config.model.variant,
            "goal_timeout_s": GOAL_TIMEOUT_S,
            "versions": versions(),
        },
    )


def _plans(env: HandEnv) -> dict[int, HandTrial]:
    task = env.task
    if not isinstance(task, FullTask) or task.plans is None:
        raise ConfigError("--scramble, --solve: got another task, allowed: --task cube-full")
    return task.plans.ended
