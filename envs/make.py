"""Builds an environment from a config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .config import ACTOR_TERMS, CRITIC_TERMS, REWARDS, EnvConfig
from .env import HandEnv
from .hands.hand_model import hand_of
from .mdp.eyes import Eyes
from .objects.object_spec import mass_of, object_of, size_of
from .randomization.randomizer import check_cone, extras
from .randomization.table import check_hand, check_needs, check_parts, lookup
from .randomization.world_source import FixedRanges, WorldSource
from .randomization.writes.hand_shape import round_geoms
from .sim.draws import Draws, usable_device
from .sim.layout import layout_of
from .sim.model import build_model
from .sim.sim import BY_DEVICE, SIMS, Sim, backend_name
from .tasks.task import TaskContext, task_of

CACHE_SEED = 7
"""Seed of the start states, which are part of the task: every run of a config has the same."""


def make_env(
    config: EnvConfig,
    seed: int = 0,
    source: WorldSource | None = None,
    failures: Path | None = None,
    cache_seed: int = CACHE_SEED,
    groups: Mapping[str, Sequence[str]] | None = None,
    eyes: Eyes | None = None,
) -> HandEnv:
    """Build the environment of `config`; `source` replaces its fixed randomization ranges.

    cache_seed: seed of the start states; a value other than the default gives states that
    training never used.
    groups, eyes: see `HandEnv`.
    """
    config = resolve(config)
    usable_device(config.device, "env.device")
    source = source or FixedRanges(config.randomization, seed, device=config.device)
    for name, value in config.nominal.items():
        lookup(name, "env.nominal").coordinate(value, "env.nominal")
    names = {*source.names, *config.nominal}
    check_needs(names, "env.randomization, env.nominal")
    sim = open_sim(config, names)
    _check_parts(sim, names)
    _check_hand(config, sim, names)
    check_cone(sim, source.names, config.nominal)
    hand, rng = hand_of(config.model).spec, Draws(seed, sim.device)
    task = task_of(config).make(TaskContext(config, hand, sim, rng, cache_seed))
    return HandEnv(config, hand, sim, task, rng, source, failures, groups, eyes)


def _check_parts(sim: Sim, names: set[str]) -> None:
    model, layout = sim.model, sim.layout
    touching = layout.self_contact
    check_parts(
        names,
        inner=model.body_jntnum[list(layout.object_bodies)].sum() > 1,
        touching=touching,
        friction=touching and (model.geom_condim[list(layout.object_geoms)] > 1).any(),
        source="env.randomization, env.nominal",
    )


def _check_hand(config: EnvConfig, sim: Sim, names: set[str]) -> None:
    tips, links = round_geoms(sim)
    check_hand(
        names,
        neighbours=bool(hand_of(config.model).neighbours),
        round_tips=tips,
        round_links=links,
        source="env.randomization, env.nominal",
    )


def open_sim(config: EnvConfig, varying: set[str] | None = None) -> Sim:
    """The simulation of a resolved config; `varying`: parameters that differ between worlds."""
    model = build_model(config.model, extras(varying or ()))
    layout = layout_of(model, hand_of(config.model).spec, object_of(config.model))
    backend = SIMS.get(backend_name(config.backend, config.device), "env.backend")
    return backend(model, config.num_worlds, config.threads, layout, config.device)


def on_this_machine(config: EnvConfig) -> EnvConfig:
    """The config on the CPU if torch cannot use its device here, as on a laptop without a GPU."""
    try:
        usable_device(config.device, "env.device")
    except ConfigError:
        return replace(config, device="cpu", backend=BY_DEVICE)
    return config


def resolve(config: EnvConfig) -> EnvConfig:
    """The config with the defaults of its task, hand and object filled in.

    Terms and rewards that the user set stay; default ones are replaced by those of the task.
    """
    spec = task_of(config)
    config = spec.adapt(config)
    model = replace(config.model, object=config.model.object or spec.object)
    model = replace(model, object_size_m=size_of(model), object_mass_kg=mass_of(model))
    chosen = {
        "actor_terms": (ACTOR_TERMS, spec.actor_terms),
        "critic_terms": (CRITIC_TERMS, spec.critic_terms),
        "rewards": (REWARDS, dict(spec.rewards) if spec.rewards is not None else None),
    }
    own: dict[str, Any] = {
        name: value
        for name, (default, value) in chosen.items()
        if value is not None and getattr(config, name) == default
    }
    return replace(config, model=model, **own)
