"""`sleight adr probe`: what the memory of a policy encodes about its world [R 9.2].

R = arXiv 1910.07113. Many trials run in worlds drawn from ranges. The memory z = h + c is stored at
a few times, and classifiers predict whether each parameter is above or below its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...adr.probing import KINDS, LEAST, Found, Kind, judge, labels, probe
from ...envs.config import EnvConfig, GoalConfig
from ...envs.env import HandEnv
from ...envs.make import make_env
from ...envs.randomization.world_source import values
from ...errors import ConfigError
from ..rollout.evaluation import FRESH, first_episodes, protocol
from ..rollout.players import Player
from ..runs.progress import ProgressBar
from ..runs.versions import versions
from .analysis_worlds import Ranges, entropy

TIMES = (1, 30, 60, 120)
"""Control steps of a trial after which the memory is read [R 9.2]."""


@dataclass(frozen=True)
class Answer:
    """The result of one classifier for one parameter at one time."""

    parameter: str
    time: int
    kind: Kind
    found: Found | None
    """None if too few trials were still running."""


@dataclass(frozen=True)
class Probe:
    """The probe results of one player."""

    player: str
    entropy: float | None
    """ADR entropy of the training ranges [nats per dimension]; None without ADR."""
    steps: int | None
    """Control steps of its training."""
    running: dict[int, int]
    """Time -> number of trials that were still running."""
    answers: tuple[Answer, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def at(self, parameter: str, time: int, kind: Kind) -> Found | None:
        """The result for one parameter, time and classifier."""
        for a in self.answers:
            if (a.parameter, a.time, a.kind) == (parameter, time, kind):
                return a.found
        return None


class MemoryBook:
    """Stores z = h + c at a few times, for worlds whose first trial is running."""

    def __init__(self, env: HandEnv, times: Sequence[int]) -> None:
        self._env, self._times, self._step = env, set(times), 0
        nobody = torch.zeros(env.num_envs, dtype=torch.bool, device=env.device)
        self.states = {time: torch.zeros(env.num_envs, 0) for time in times}
        """Time -> memories (N, hidden); (N, 0) before that time."""
        self.running = dict.fromkeys(times, nobody)
        """Time -> (N,) bool: the trial was still running."""
        self.coordinates = torch.zeros(0)
        """(N, D) lambda of each trial's world."""

    def acted(self, player: Player, counts: Tensor) -> None:
        """See `evaluation.Watcher`."""
        if self._step == 0:
            self.coordinates = self._env.coordinates.clone()
        self._step += 1
        if self._step in self._times:
            self.states[self._step] = torch.stack(player.memory()).sum(dim=0)
            self.running[self._step] = counts.clone()

    def note(self, success: Tensor, ended: Tensor, counts: Tensor) -> None:
        """See `evaluation.Watcher`; not used."""


def collect(
    player: Player, config: EnvConfig, times: Sequence[int], seed: int
) -> tuple[MemoryBook, dict[str, np.ndarray]]:
    """Memories of one trial in each world of `config`, and the values (N,) of its parameters."""
    env = make_env(config, seed + FRESH, cache_seed=seed + FRESH)
    book = MemoryBook(env, times)
    first_episodes(player, env, "play", (book,), steps=max(times))
    drawn = values(env.source.names, book.coordinates.double().cpu().numpy())
    wide = [name for name, (low, high) in config.randomization.items() if low < high]
    return book, {name: drawn[name].numpy() for name in wide}


def probe_player(
    player: Player,
    ranges: Ranges,
    trials: int,
    goals: GoalConfig | None = None,
    *,
    times: Sequence[int] = TIMES,
    kinds: Sequence[Kind] = KINDS,
    permutations: int = 4,
    seed: int = 0,
) -> Probe:
    """Probe one player in worlds from `ranges`. Raises ConfigError: no memory or too few trials."""
    check(player, trials, times)
    goals = replace(goals or GoalConfig(), max_successes=1000)
    config = protocol(player.env_config, trials, {}, goals, ranges)
    book, worlds = collect(player, config, times, seed)
    answers = []
    with ProgressBar("probe", len(worlds) * len(times) * len(kinds), unit="classifiers") as bar:
        for time in sorted(times):
            at = book.running[time].cpu().numpy()
            states = book.states[time].cpu().numpy()[at]
            for name, value in worlds.items():
                for kind in kinds:
                    found = probe(states, labels(value)[at], kind, permutations, seed)
                    answers.append(Answer(name, time, kind, found))
                    bar.update(len(answers))
    return Probe(
        player=player.name,
        entropy=entropy(player),
        steps=player.steps,
        running={time: int(running.sum()) for time, running in sorted(book.running.items())},
        answers=tuple(
            replace(answer, found=found)
            for answer, found in zip(answers, judge([a.found for a in answers]), strict=True)
        ),
        settings={
            "seed": seed,
            "trials": trials,
            "permutations": permutations,
            "ranges": {name: list(ends) for name, ends in ranges.items()},
            "period_s": config.period_s,
            "versions": versions(),
        },
    )


def check(player: Player, trials: int, times: Sequence[int]) -> None:
    """Raise ConfigError for a policy without a memory, or too few trials."""
    if player.config.policy.memory == "none":
        raise ConfigError(
            f"{player.name}: policy.memory: got none, allowed: lstm, a policy with a memory"
        )
    if trials < (least := 4 * LEAST):
        raise ConfigError(f"--trials: got {trials}, allowed: {least} or more")
    if min(times) < 1 or len(set(times)) < len(times):
        raise ConfigError(f"--times: got {list(times)}, allowed: different steps, 1 or more")
