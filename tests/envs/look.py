"""One world of a batch, as MuJoCo sees it."""

import mujoco

from sleight.envs.sim.batch_sim import BatchSim


def look(sim: BatchSim, world: int) -> mujoco.MjData:
    """Everything that MuJoCo computes of the state of `world`, on its own model."""
    model, data = sim.batch.get_model(world), sim.batch.get_data(world)
    mujoco.mj_forward(model, data)
    return data
