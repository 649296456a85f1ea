"""Consecutive successes in fresh worlds, by the papers' protocol."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...config import block_name, field_names, from_dict, to_dict
from ...envs.config import EnvConfig, GoalConfig
from ...envs.env import HandEnv, Observation
from ...envs.episode import Episode
from ...envs.make import make_env, resolve
from ...envs.mdp.eyes import Eyes
from ...envs.randomization.table import lookup
from ...envs.randomization.world_source import values
from ...errors import ConfigError
from ..runs.progress import ProgressBar
from ..runs.versions import versions
from .eyes import eyes_of
from .goal_book import GoalBook, share
from .players import Player

FRESH = 1_000_003
"""Added to seeds, so that start states and goals differ from those of training."""


@dataclass(frozen=True)
class Evaluation:
    """Trials of one player under one set of conditions."""

    player: str
    trials: list[int]
    """Consecutive successes of each trial, in the order of the worlds."""
    drops: int
    timeouts: int
    seconds_per_success: float
    """Simulated time per goal reached, over all trials [s]."""
    settings: dict[str, Any]
    goals: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Kind of goal -> (asked, reached), over all trials."""
    worlds: dict[str, list[float]] = field(default_factory=dict)
    """Parameter -> its value in each trial; of those that differ between trials."""

    @property
    def mean(self) -> float:
        """Mean of the trials."""
        return statistics.fmean(self.trials)

    @property
    def standard_error(self) -> float | None:
        """Of the mean (the form of Solving Rubik's Cube; Learning Dexterity printed deviations).

        None: one trial has none.
        """
        if len(self.trials) < 2:
            return None
        return statistics.stdev(self.trials) / math.sqrt(len(self.trials))

    def data(self) -> dict[str, Any]:
        """As plain data for eval.json."""
        return {
            "player": self.player,
            "mean": self.mean,
            "standard_error": self.standard_error,
            "median": statistics.median(self.trials),
            "max": max(self.trials),
            "trials": self.trials,
            "drops": self.drops,
            "timeouts": self.timeouts,
            "seconds_per_success": (
                self.seconds_per_success if math.isfinite(self.seconds_per_success) else None
            ),
            "settings": self.settings,
            "goals": {kind: list(counts) for kind, counts in self.goals.items()},
            **({"worlds": self.worlds} if self.worlds else {}),
        }

    def rows(self) -> dict[str, str]:
        """Name -> text, of all lines of the table but the first."""
        nominal = self.settings.get("nominal", {}).items()
        calibrated = ", ".join(f"{name} {value:g}" for name, value in nominal)
        return {
            **({"calibrated world": calibrated} if calibrated else {}),
            "trials": str(len(self.trials)),
            "mean +- s.e.": with_error(self.mean, self.standard_error),
            "median, max": f"{statistics.median(self.trials):g}, {max(self.trials)}",
            "drops, timeouts": f"{self.drops}, {self.timeouts}",
            "s per success": _finite(self.seconds_per_success),
            **{kind: share(*row) for kind, row in self.goals.items()},
            "each trial": ", ".join(map(str, sorted(self.trials, reverse=True))),
        }

    def table(self) -> str:
        """The evaluation as text."""
        width = dict.fromkeys(self.goals, 28)
        lines = (f"  {name:<{width.get(name, 18)}} {text}" for name, text in self.rows().items())
        return "\n".join((self.player, *lines))


def side_by_side(evaluations: dict[str, Evaluation]) -> str:
    """Evaluations of one player as columns with headings; each trial is a line of its own."""
    columns = {heading: result.rows() for heading, result in evaluations.items()}
    trials = [f"  {heading:<18} {rows.pop('each trial')}" for heading, rows in columns.items()]
    # As long as a line, and the same for all.
    world, *_ = [rows.pop("calibrated world", "") for rows in columns.values()]
    names = dict.fromkeys(name for rows in columns.values() for name in rows)
    table = [["", *columns], *([n, *(r.get(n, "-") for r in columns.values())] for n in names)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  " + "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in table
    ]
    player = next(iter(evaluations.values())).player
    first = [f"  {'calibrated world':<18} {world}"] if world else []
    return "\n".join((player, *first, *(line.rstrip() for line in lines), *trials))


def with_error(mean: float, error: float | None) -> str:
    """For people: a mean, and its standard error where there is one."""
    return f"{mean:.2f}" if error is None else f"{mean:.2f} +- {error:.2f}"


def _finite(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


def protocol(
    trained: EnvConfig,
    trials: int,
    fixed: dict[str, float],
    goals: GoalConfig | None = None,
    ranges: dict[str, tuple[float, float]] | None = None,
) -> EnvConfig:
    """The evaluation's environment: the trained hand, the papers' goals, nominal but for `fixed`
    and for `ranges`, which each world draws its own value from.

    Goals have 32 s each, one face up with any yaw, half of them flips, up to 50 in a row.
    """
    held = {name: (value, value) for name, value in {"goal.angle": math.pi, **fixed}.items()}
    drawn = {**held, **(ranges or {})}
    for name, ends in drawn.items():
        for value in ends:
            flag = "--set" if name in held else "--range"
            lookup(name, flag).coordinate(value, flag)
    return replace(trained, num_worlds=trials, goals=goals or GoalConfig(), randomization=drawn)


def at_task(config: EnvConfig, player: Player, task: str, **fields: Any) -> EnvConfig:
    """The config at another task of the same hand, with the player's observation terms.

    fields: of the task's own block. Raises ConfigError for an unknown task, and for fields that it
    does not have.
    """
    default, blocks = to_dict(EnvConfig(task=task)), EnvConfig.known_blocks()
    known = field_names(blocks[name]) if (name := block_name(task)) in blocks else ()
    for own in fields:
        if own not in known:
            raise ConfigError(f"--{own}: got the task {task}, allowed: --task cube-full")
    data = {key: value for key, value in to_dict(config).items() if key not in blocks}
    data |= {key: default[key] for key in ("task", "rewards", "critic_terms")}
    data |= {"model": {**data["model"], "object": ""}, **({name: fields} if fields else {})}
    terms = resolve(player.env_config).actor_terms
    return replace(from_dict(EnvConfig, data, "--task"), actor_terms=terms)


def evaluate(
    player: Player,
    config: EnvConfig,
    seed: int,
    title: str = "eval",
    eyes: Eyes | None = None,
    recorder: Recorder | None = None,
) -> Evaluation:
    """One trial in each world of `config`: the episode that it begins with.

    eyes: through which the player sees, by default those of its training; worlds whose trial has
    ended are not looked at. recorder: see `first_episodes`.
    """
    eyes = eyes or eyes_of(player.config.cameras, config, seed)
    with closing(make_env(config, seed + FRESH, cache_seed=seed + FRESH, eyes=eyes)) as env:
        book = GoalBook(env)
        first = first_episodes(
            player, env, title, (book,), rest=eyes is not None, recorder=recorder
        )
    trials = [first[world].successes for world in range(env.num_envs)]
    drops = sum(first[world].dropped for world in first)
    cap = config.goals.max_successes
    time_s = sum(episode.length for episode in first.values()) * config.period_s
    return Evaluation(
        player=player.name,
        trials=trials,
        drops=drops,
        timeouts=sum(not e.dropped and e.successes < cap for e in first.values()),
        seconds_per_success=time_s / sum(trials) if sum(trials) else math.inf,
        settings={
            "seed": seed,
            "randomization": {
                name: ends[0] if ends[0] == ends[1] else list(ends)
                for name, ends in config.randomization.items()
            },
            # What a calibration said of the hand, and nothing else holds or draws.
            "nominal": {k: v for k, v in config.nominal.items() if k not in config.randomization},
            "goals": to_dict(config.goals),
            "variant": config.model.variant,
            "versions": versions(),
        },
        goals=book.results(),
        worlds=_worlds(env, config, [first[world] for world in range(env.num_envs)]),
    )


def _worlds(env: HandEnv, config: EnvConfig, first: list[Episode]) -> dict[str, list[float]]:
    """Parameter -> its value in each trial, of those that differ between trials."""
    drawn = values(env.source.names, np.stack([episode.coordinates for episode in first]))
    differ = [name for name, (low, high) in config.randomization.items() if low != high]
    return {name: drawn[name].tolist() for name in differ}


class Watcher(Protocol):
    """Observes trials while they run, and may interfere."""

    def acted(self, player: Player, counts: Tensor) -> None:
        """The player has chosen its actions; worlds whose trial runs, (N,) bool."""

    def note(self, success: Tensor, ended: Tensor, counts: Tensor) -> None:
        """After the step: goals reached, episodes ended, trials that ran in it, (N,) bool each."""


class Recorder(Protocol):
    """Keeps every step of trials; worlds whose trial runs are `counts`, (N,) bool."""

    def chose(self, player: Player, env: HandEnv, action: Tensor, counts: Tensor) -> None:
        """The player has chosen its actions (N, A) on the sensors that `env` has last given."""

    def got(
        self, reward: Tensor, success: Tensor, terminated: Tensor, ended: Tensor, counts: Tensor
    ) -> None:
        """After the step, (N,) each."""


def first_episodes(
    player: Player,
    env: HandEnv,
    title: str,
    watchers: Sequence[Watcher] = (),
    steps: int | None = None,
    rest: bool = False,
    recorder: Recorder | None = None,
    begin: Callable[[HandEnv], Observation] | None = None,
) -> dict[int, Episode]:
    """World -> the episode that it begins with; with `steps`, of those that ended within so many.

    begin: resets all worlds and returns their first observations, in place of `env.reset`.
    rest: worlds stop where their episode has ended, which saves their physics; the worlds that
    go on then draw other random numbers.

    A world's later episodes are left out: short ones would be counted more often than long ones.
    """
    first: dict[int, Episode] = {}
    observation = begin(env) if begin is not None else env.reset()[0]
    player.start(env)
    starts = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    counts, taken = starts, 0
    with ProgressBar(title, env.num_envs, unit="trials") as bar:
        while len(first) < env.num_envs and taken != steps:
            taken += 1
            action = player.act(env, observation, starts)
            for watcher in watchers:
                watcher.acted(player, counts)
            if recorder is not None:
                recorder.chose(player, env, action, counts)
            observation, reward, terminated, truncated, info = env.step(action)
            starts = terminated | truncated
            if recorder is not None:
                recorder.got(reward, info["success"], terminated, starts, counts)
            for watcher in watchers:
                watcher.note(info["success"], starts, counts)
            counts = counts & ~starts
            if rest:
                env.sim.resting = ~counts
            for episode in info["episodes"]:
                first.setdefault(episode.world, episode)
            bar.update(len(first))
    return first
