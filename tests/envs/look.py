"""Worlds of the Shadow Hand with a block, and one world of a batch as MuJoCo sees it."""

import mujoco

from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.objects.block import BLOCK
from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.layout import layout_of


def worlds_of(model: mujoco.MjModel, count: int) -> BatchSim:
    """`count` worlds of a model of the hand with a block, on one thread."""
    return BatchSim(model, count, 1, layout_of(model, SHADOW_RIGHT, BLOCK))


def look(sim: BatchSim, world: int) -> mujoco.MjData:
    """Everything that MuJoCo computes of the state of `world`, on its own model."""
    model, data = sim.batch.get_model(world), sim.batch.get_data(world)
    mujoco.mj_forward(model, data)
    return data
