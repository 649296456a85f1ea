"""Motors that are late or lag, as the physics has them."""

import numpy as np
import pytest
import torch

from sleight.envs.mdp.control import fill_history
from sleight.envs.randomization.randomizer import extras
from sleight.envs.sim.model import ModelConfig, build_model
from tests.envs.look import worlds_of


def test_late_motors_hold_their_last_target_for_as_long():
    names = ("action.latency",)
    sim = worlds_of(build_model(ModelConfig(), extras(names)), 2)
    every = torch.arange(2)
    sim.field("actuator_delay")[0], sim.field("actuator_delay")[1] = 0.04, 0.0
    sim.reset(every)
    fill_history(sim, every, torch.zeros(2, 20))
    sim.state("ctrl")[:] = 0.1
    force = sim.output("actuator_force")
    seen = []
    for _ in range(10):
        sim.step(1)
        seen.append(force[:, 0].abs().numpy().copy())
    late, prompt = np.array(seen).T
    assert (prompt > 1e-3).all()
    # 40 ms are five physics steps of 8 ms.
    assert (late[:5] < 0.1 * prompt[0]).all() and late[5] == pytest.approx(prompt[0], rel=0.05)


def test_a_motor_with_a_lag_follows_by_its_time_constant_and_one_without_is_the_plain_one(model):
    names = ("hand.lag",)
    sim, plain = worlds_of(build_model(ModelConfig(), extras(names)), 2), worlds_of(model, 1)
    sim.field("actuator_dynprm")[1, :, 0] = 0.04
    for one in (sim, plain):
        one.state("qpos")[:, :-7] = 0.05
        one.state("ctrl")[:] = 0.1
    one_step_s = sim.model.opt.timestep
    for step in range(1, 11):
        sim.step(1)
        plain.step(1)
        follows = 0.1 * (1.0 - np.exp(-step * one_step_s / 0.04))
        np.testing.assert_allclose(sim.state("act")[1], follows, rtol=1e-12)
    torch.testing.assert_close(sim.state("qpos")[0], plain.state("qpos")[0], atol=1e-12, rtol=0)
    assert (sim.state("qpos")[1] - plain.state("qpos")[0]).abs().max() > 1e-3
