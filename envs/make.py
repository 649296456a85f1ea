"""From a config to an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from .config import ACTOR_TERMS, CRITIC_TERMS, REACH_TERMS, EnvConfig
from .env import HandEnv
from .hands.shadow import SHADOW_RIGHT
from .randomization.randomizer import extras
from .randomization.table import check_needs, lookup
from .randomization.world_source import FixedRanges, WorldSource
from .sim.batch_sim import BatchSim
from .sim.model import build_model
from .tasks.block import BlockTask
from .tasks.reach import ReachTask, reachable
from .tasks.settled_states import SettledStates, settle
from .tasks.task import Task

_CACHE: dict[str, SettledStates] = {}
"""Settled states of this process by what they depend on: evaluation beside training shares them."""
CACHE_SEED = 7
"""Start states are part of the task: the same for every run of one config."""


def make_env(
    config: EnvConfig,
    seed: int = 0,
    source: WorldSource | None = None,
    failures: Path | None = None,
    cache_seed: int = CACHE_SEED,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> HandEnv:
    """Build the environment of `config`; `source` replaces its fixed randomization ranges.

    cache_seed: of the start states; another one than training's gives states that it never saw.
    groups: see `HandEnv`.
    """
    config = for_task(config)
    rng = torch.Generator().manual_seed(seed)
    source = source or FixedRanges(config.randomization, seed)
    for name, value in config.nominal.items():
        lookup(name, "env.nominal").coordinate(value, "env.nominal")
    names = {*source.names, *config.nominal}
    check_needs(names, "env.randomization, env.nominal")
    model = build_model(config.model, extras(names))
    sim = BatchSim(model, config.num_worlds, config.threads)
    task: Task
    if config.task == "reach":
        table = reachable(config, SHADOW_RIGHT, sim, cache_seed)
        task = ReachTask(config, SHADOW_RIGHT, sim, rng, table)
    else:
        task = BlockTask(config, SHADOW_RIGHT, sim, rng, _settled(config, cache_seed))
    return HandEnv(config, sim, task, rng, source, failures, groups)


def for_task(config: EnvConfig) -> EnvConfig:
    """The config with what its task implies filled in."""
    if config.task == "reach":
        # Terms that somebody asked for stay; the defaults are those of `block`.
        actor = REACH_TERMS if config.actor_terms == ACTOR_TERMS else config.actor_terms
        critic = REACH_TERMS if config.critic_terms == CRITIC_TERMS else config.critic_terms
        return replace(config, actor_terms=actor, critic_terms=critic)
    if config.task == "block-z":
        goals = replace(config.goals, face_up=0.0, any_axis=0.0, about_z=1.0)
        return replace(config, goals=goals)
    return config


def _settled(config: EnvConfig, seed: int) -> SettledStates:
    key = repr((config.model, config.control, config.resets, seed))
    if key not in _CACHE:
        _CACHE[key] = settle(config, SHADOW_RIGHT, seed)
    return _CACHE[key]
