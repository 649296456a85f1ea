"""Saves and loads the full state of an environment as named tensors, to resume a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .env import HandEnv


def save_state(env: HandEnv) -> dict[str, Tensor]:
    """A copy of physics, per-world model fields, goals, counters, noise and generators."""
    state = {f"sim.{name}": value for name, value in env.sim.save().items()}
    for part, owner in _parts(env).items():
        state |= {
            f"{part}.{name}": value.clone().cpu() for name, value in tensors_of(owner).items()
        }
    for name in env.task.saved:
        state[f"task.{name}"] = getattr(env.task, name).clone().cpu()
    if env.disturbances.adversary is not None:
        # Sensors that the adversary reads at the next step.
        state |= {f"seen.{name}": value.clone().cpu() for name, value in env.actor_sensors.items()}
    state["rng"] = env.rng.state()
    return state


def load_state(env: HandEnv, state: dict[str, Tensor]) -> None:
    """Continue from `save_state` of an environment with the same config."""
    parts = {**_parts(env), "task": env.task}
    for key, value in state.items():
        part, _, name = key.partition(".")
        if part in parts:
            setattr(parts[part], name, value.clone().to(env.device))
        elif part == "seen":
            env.actor_sensors[name] = value.clone().to(env.device)
    own = {key: value for key, value in state.items() if key.startswith("sim.")}
    env.sim.load({key.removeprefix("sim."): value for key, value in own.items()})
    env.rng.load_state(state["rng"])


def forgotten(env: HandEnv, steps: int = 40) -> list[str]:
    """Tensors of the task that change while it runs but are missing in `Task.saved`.

    For tests of tasks: the returned names would be lost when a run is resumed.
    """
    env.reset(seed=1)
    before = {name: value.clone() for name, value in tensors_of(env.task).items()}
    env.reset(seed=0)
    shape = (env.num_envs, len(env.hand.actuators))
    for _ in range(steps):
        env.step(2.0 * env.rng.uniform(*shape) - 1.0)
    after = tensors_of(env.task)
    changed = [n for n, v in after.items() if n not in before or not torch.equal(v, before[n])]
    return sorted(set(changed) - set(env.task.saved))


def tensors_of(owner: Any) -> dict[str, Tensor]:
    """Attribute -> tensor, for all tensors of an object."""
    return {name: value for name, value in vars(owner).items() if isinstance(value, Tensor)}


def _parts(env: HandEnv) -> dict[str, Any]:
    memories = {f"memory_{name}": memory for name, memory in env.memories.items()}
    owners = {"env": env, "control": env.control, "noise": env.noise, **memories}
    owners |= dict(env.disturbances.parts())
    if env.eyes is not None:
        owners["eyes"] = env.eyes
    for name in ("slack", "lost_motion"):
        if (part := getattr(env.control.faults, name, None)) is not None:
            owners[name] = part
    return owners
