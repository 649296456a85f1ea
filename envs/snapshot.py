"""The whole state of an environment as named tensors, so that a run can go on where it stopped."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .env import HandEnv
from .sim.batch_sim import BatchSim


def save_state(env: HandEnv) -> dict[str, Tensor]:
    """Physics, per-world model fields, goals, counters, noise and random numbers, all copied."""
    found = {
        f"{part}.{name}": value.clone()
        for part, owner in _parts(env).items()
        for name, value in vars(owner).items()
        if isinstance(value, Tensor)
    }
    sim = _sim(env)
    found["sim.state"] = torch.from_numpy(sim.batch.state.copy())
    for name in sim.fields():
        found[f"field.{name}"] = sim.field(name).clone()
    if env.unmodelled.adversary is not None:
        # What it will look at next.
        found |= {f"seen.{name}": value.clone() for name, value in env.actor_sensors.items()}
    found["rng"] = env.rng.get_state()
    return found


def load_state(env: HandEnv, state: dict[str, Tensor]) -> None:
    """Continue from `save_state` of an environment with the same config."""
    parts = _parts(env)
    sim = _sim(env)
    for key, value in state.items():
        part, _, name = key.partition(".")
        if part in parts:
            setattr(parts[part], name, value.clone())
        elif part == "field":
            sim.field(name)[:] = value
        elif part == "seen":
            env.actor_sensors[name] = value.clone()
    sim.batch.state[:] = state["sim.state"].numpy()
    everyone = torch.arange(env.num_envs)
    if any(key.startswith("field.") for key in state):
        sim.refresh_constants(everyone)
    sim.forward(everyone)
    env.rng.set_state(state["rng"])


def _parts(env: HandEnv) -> dict[str, Any]:
    memories = {f"memory_{name}": memory for name, memory in env.memories.items()}
    owners = {"env": env, "control": env.control, "task": env.task, "noise": env.noise, **memories}
    owners |= dict(env.unmodelled.parts())
    for name in ("slack", "lost_motion"):
        if (part := getattr(env.control.faults, name, None)) is not None:
            owners[name] = part
    return owners


def _sim(env: HandEnv) -> BatchSim:
    assert isinstance(env.sim, BatchSim), "states are saved on the CPU backend"
    return env.sim
