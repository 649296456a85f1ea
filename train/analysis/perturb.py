"""`sleight adr perturb`: memory resets, new worlds and broken joints in the middle of trials.

R = arXiv 1910.07113, section 9.1. Every arm uses the same worlds, start states and joints. The
baselines are an undisturbed hand and a hand with a joint that is broken from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ...adr.recovery import Trial
from ...envs.config import EnvConfig, GoalConfig
from ...envs.env import HandEnv
from ...envs.make import make_env
from ...envs.mdp.control import ActionLaw
from ...errors import ConfigError
from ..rollout.evaluation import FRESH, first_episodes, protocol
from ..rollout.goal_book import CurrentKinds
from ..rollout.players import Player
from ..runs.versions import versions
from .analysis_worlds import Ranges

What = Literal["nothing", "memory", "world", "joint"]
TITLES: dict[What, str] = {
    "nothing": "undisturbed",
    "memory": "memory reset",
    "world": "world drawn anew",
    "joint": "joint broken",
}


@dataclass(frozen=True)
class Arm:
    """One disturbance, applied to every trial after its `after`-th success; 0: at the start."""

    what: What
    after: int

    @property
    def name(self) -> str:
        """Name of the arm for tables and charts."""
        if self.what == "nothing":
            return TITLES["nothing"]
        return TITLES[self.what] + (f" after {self.after}" if self.after else " from the start")


@dataclass(frozen=True)
class Study:
    """All arms of one player."""

    player: str
    most: int
    """Number of successes that end a trial."""
    arms: dict[Arm, list[Trial]]
    settings: dict[str, Any]


class HeldLaw:
    """An action law in which broken motors keep their targets: the joint does not move [R 9.1].

    The policy's last action is not changed, so that the policy gets no sign of the fault.
    """

    def __init__(self, law: ActionLaw, env: HandEnv) -> None:
        self._law = law
        shape = env.num_envs, len(env.hand.actuators)
        self.broken = torch.zeros(shape, dtype=torch.bool, device=env.device)
        """(N, A)"""

    def __call__(self, action: Tensor, target: Tensor, joint_position: Tensor) -> Tensor:
        """See `ActionLaw`."""
        return torch.where(self.broken, target, self._law(action, target, joint_position))

    def position(self, joint_position: Tensor) -> Tensor:
        """See `ActionLaw`."""
        return self._law.position(joint_position)


class Perturber:
    """Disturbs each trial once, after its n-th success, and records when goals are reached."""

    def __init__(self, env: HandEnv, player: Player, arm: Arm, joints: Tensor) -> None:
        """joints: (N,) the motor that breaks in each world."""
        self._env, self._player, self._arm, self._joints = env, player, arm, joints
        self._law = HeldLaw(env.control.law, env)
        env.control.law = self._law  # type: ignore[assignment]  # called the same way
        self._count = torch.zeros(env.num_envs, dtype=torch.long, device=env.device)
        self._step = 0
        self.reached: list[list[float]] = [[] for _ in range(env.num_envs)]
        """World -> times at which its trial reached each goal [s]."""
        self.attempted: list[list[str]] = [[] for _ in range(env.num_envs)]
        """World -> kind of each goal that its trial has reached or failed."""
        self._kinds = CurrentKinds(env)
        if arm.after == 0:
            self._break(torch.ones(env.num_envs, dtype=torch.bool, device=env.device))

    def acted(self, player: Player, counts: Tensor) -> None:
        """See `evaluation.Watcher`."""
        self._kinds.begin()

    def note(self, success: Tensor, ended: Tensor, counts: Tensor) -> None:
        """See `evaluation.Watcher`."""
        self._step += 1
        reached = success & counts
        self._count += reached
        for world in reached.nonzero().squeeze(-1).tolist():
            self.reached[world].append(self._step * self._env.config.period_s)
        self._note_kinds((success | ended) & counts)
        due = reached & ~ended & (self._count == self._arm.after)
        if due.any():
            self._disturb(due)

    def _note_kinds(self, new: Tensor) -> None:
        if (kind := self._kinds.of) is not None:
            for world in new.nonzero().squeeze(-1).tolist():
                self.attempted[world].append(self._kinds.names[kind[world]])
            self._kinds.advance(new)

    def _disturb(self, due: Tensor) -> None:
        if self._arm.what == "memory":
            self._player.forget(due)
        elif self._arm.what == "world":
            self._env.redraw(due.nonzero().squeeze(-1))
        elif self._arm.what == "joint":
            self._break(due)

    def _break(self, worlds: Tensor) -> None:
        if self._arm.what == "joint":
            rows = worlds.nonzero().squeeze(-1)
            self._law.broken[rows, self._joints[rows]] = True


def play(player: Player, config: EnvConfig, arm: Arm, seed: int) -> list[Trial]:
    """Run one trial in each world of `config` under one arm."""
    env = make_env(config, seed + FRESH, cache_seed=seed + FRESH)
    generator = torch.Generator().manual_seed(seed)
    joints = torch.randint(len(env.hand.actuators), (env.num_envs,), generator=generator)
    watcher = Perturber(env, player, arm, joints)
    first = first_episodes(player, env, arm.name, (watcher,))
    most = config.goals.max_successes
    return [
        Trial(
            tuple(watcher.reached[world][:most]),
            first[world].successes < most,
            tuple(watcher.attempted[world][:most]),
        )
        for world in range(env.num_envs)
    ]


def arms(player: Player, after: Sequence[int], ranges: Ranges) -> list[Arm]:
    """The baselines, and each applicable disturbance after each number of successes."""
    whats: list[What] = ["joint"]
    if ranges:
        whats.insert(0, "world")
    if player.config.policy.memory != "none":
        whats.insert(0, "memory")
    disturbed = [Arm(what, number) for number in after for what in whats]
    return [Arm("nothing", 0), Arm("joint", 0), *disturbed]


def study(
    player: Player,
    ranges: Ranges,
    trials: int,
    goals: GoalConfig | None = None,
    *,
    after: Sequence[int] = (10, 30),
    fixed: dict[str, float] | None = None,
    seed: int = 0,
) -> Study:
    """Run every arm. Raises ConfigError for an invalid number of successes."""
    goals = goals or GoalConfig()
    check(after, goals.max_successes)
    config = protocol(player.env_config, trials, fixed or {}, goals, ranges)
    trials_of = {arm: play(player, config, arm, seed) for arm in arms(player, after, ranges)}
    settings = {
        "seed": seed,
        "trials": trials,
        "ranges": {name: list(ends) for name, ends in ranges.items()},
        "period_s": config.period_s,
        "threshold_rad": goals.threshold_rad,
        "flip_share": goals.flip_share,
        "fixed": fixed or {},
        "versions": versions(),
    }
    return Study(player.name, goals.max_successes, trials_of, settings)


def check(after: Sequence[int], most: int) -> None:
    """Raise ConfigError unless a trial can continue after each disturbance."""
    if len(set(after)) < len(after) or min(after) < 1 or max(after) + 2 > most:
        raise ConfigError(
            f"--after: got {list(after)}, allowed: different numbers from 1 to {most - 2},"
            " two below --goals.max_successes"
        )
