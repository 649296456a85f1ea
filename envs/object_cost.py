"""What the physics of each object costs, at rest in the hand and while the motors move."""

from __future__ import annotations

import time
from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch

from .config import EnvConfig, ResetConfig
from .hands.hand_model import hand_of
from .objects.object_spec import object_of
from .sim.model import build_model
from .sim.model_config import ModelConfig
from .tasks.settled_states import settle

WARM_UP = 10
"""Untimed control steps."""
NOISE_RAD = 0.2
"""Standard deviation of the motors' targets around those that hold the object."""


@dataclass(frozen=True)
class ObjectCost:
    """Processor time of one world on one thread, and the size of its problem."""

    name: str
    dofs: int
    iterations: int
    rest_us: float
    moving_us: float
    """Of one physics step, at rest and with random targets [us]."""
    rates: tuple[float, float]
    """Control steps per second, at rest and moving."""
    contacts: float
    rows: float
    """Mean numbers of contacts and constraint rows while moving."""


def object_cost(name: str, worlds: int = 32, steps: int = 30, seed: int = 0) -> ObjectCost:
    """Measure an object by name. Raises ConfigError for an unknown one."""
    config = EnvConfig(model=ModelConfig(object=name), resets=ResetConfig(cache=worlds), threads=1)
    if object_of(config.model).symmetry != "cube":  # such objects do not lean on anything
        config = EnvConfig(
            model=config.model, resets=ResetConfig(cache=worlds, half_flipped=0.0), threads=1
        )
    states = settle(config, hand_of(config.model).spec, seed)
    model = build_model(config.model)
    held = states.target.double().numpy()
    substeps = config.control.substeps
    batch = Batch(model, worlds, nthread=1)
    batch.bind("qpos")[:] = states.qpos.numpy()
    rest, _ = _seconds(batch, held, 0.0, steps, substeps, seed)
    moving, sizes = _seconds(batch, held, NOISE_RAD, steps, substeps, seed)
    return ObjectCost(
        name,
        int(model.nv),
        int(model.opt.iterations),
        1e6 * rest / substeps,
        1e6 * moving / substeps,
        (1.0 / rest, 1.0 / moving),
        *sizes,
    )


def _seconds(
    batch: Batch, held: np.ndarray, noise_rad: float, steps: int, substeps: int, seed: int
) -> tuple[float, tuple[float, float]]:
    """Time of a control step of one world [s]; mean numbers of contacts and rows."""
    rng, ctrl = np.random.default_rng(seed), batch.bind("ctrl")
    outputs = [batch.bind(name) for name in ("ncon", "nefc")]
    spent, sums, offset = 0.0, np.zeros(2), np.zeros_like(held)
    for number in range(WARM_UP + steps):
        offset = 0.8 * offset + 0.6 * noise_rad * rng.normal(size=held.shape)
        ctrl[:] = held + offset
        started = time.process_time()
        batch.step(nstep=substeps, stage=int(mujoco.mjtStage.mjSTAGE_NONE))
        if number >= WARM_UP:
            spent += time.process_time() - started
            sums += [output.mean() for output in outputs]
    contacts, rows = sums / steps
    return spent / (steps * len(held)), (float(contacts), float(rows))


def table(costs: list[ObjectCost]) -> str:
    """The costs as text."""
    lines = [
        f"{'object':<14} {'nv':>4} {'iterations':>10} {'us/step rest':>13} {'moving':>7}"
        f" {'control steps/s':>16} {'moving':>7} {'contacts':>9} {'rows':>5}"
    ]
    lines += [
        f"{row.name:<14} {row.dofs:>4} {row.iterations:>10} {row.rest_us:>13.0f}"
        f" {row.moving_us:>7.0f} {row.rates[0]:>16.0f} {row.rates[1]:>7.0f}"
        f" {row.contacts:>9.1f} {row.rows:>5.0f}"
        for row in costs
    ]
    return "\n".join(lines)
