"""The batched physics against plain MuJoCo loops, bit by bit."""

import gc
import weakref

import mujoco
import numpy as np
import pytest
import torch

from sleight.envs.sim.batch_sim import BatchSim

SUBSTEPS = 10


def start(model, world):
    """A state of its own for every world: qpos (nq,)."""
    rng = np.random.default_rng(world)
    qpos = model.qpos0.copy()
    qpos[:24] = rng.uniform(0.0, 0.2, 24)
    qpos[-7:-4] = (0.0, -0.03, 0.07)
    qpos[-4:] = rng.normal(size=4)
    qpos[-4:] /= np.linalg.norm(qpos[-4:])
    return qpos


def controls(model, worlds, steps):
    rng = np.random.default_rng(9)
    low, high = model.actuator_ctrlrange.T
    return rng.uniform(low, high, size=(steps, worlds, model.nu))


@pytest.fixture
def sim(model):
    found = BatchSim(model, 3, 2)
    for world in range(3):
        found.state("qpos")[world] = torch.tensor(start(model, world))
    found.forward(torch.arange(3))
    return found


def test_worlds_move_as_in_plain_loops_also_after_a_partial_reset(model, sim):
    """One MjData for many worlds: exactly mj_step after mj_step in each."""
    plain = []
    for world in range(3):
        data = mujoco.MjData(model)
        data.qpos[:] = start(model, world)
        plain.append(data)
    for step, ctrl in enumerate(controls(model, 3, 25)):
        if step == 12:
            sim.reset(torch.tensor([1]))
            sim.state("qpos")[1] = torch.tensor(start(model, 7))
            sim.forward(torch.tensor([1]))
            mujoco.mj_resetData(model, plain[1])
            plain[1].qpos[:] = start(model, 7)
        sim.state("ctrl")[:] = torch.tensor(ctrl)
        assert not sim.step(SUBSTEPS).any()
        for world, data in enumerate(plain):
            data.ctrl[:] = ctrl[world]
            for _ in range(SUBSTEPS):
                mujoco.mj_step(model, data)
            np.testing.assert_array_equal(sim.state("qpos")[world], data.qpos)
            np.testing.assert_array_equal(sim.state("qvel")[world], data.qvel)


def test_outputs_are_what_the_last_physics_step_left(model, sim):
    names = ("site_xpos", "actuator_force")
    outputs = [sim.output(name) for name in names]
    ctrl = controls(model, 3, 1)[0]
    sim.state("ctrl")[:] = torch.tensor(ctrl)
    sim.step(SUBSTEPS)
    for world in range(3):
        data = mujoco.MjData(model)
        data.qpos[:], data.ctrl[:] = start(model, world), ctrl[world]
        for _ in range(SUBSTEPS):
            mujoco.mj_step(model, data)
        for name, output in zip(names, outputs, strict=True):
            np.testing.assert_array_equal(output[world], getattr(data, name))
            assert output[world].abs().max() > 0


def test_looking_at_a_world_gives_its_outputs_and_does_not_move_it(model, sim):
    places, force = sim.output("site_xpos"), sim.output("actuator_force")
    sim.state("ctrl")[:] = torch.tensor(controls(model, 3, 1)[0])
    sim.step(SUBSTEPS)
    before, others = sim.batch.state.copy(), places.clone()
    sim.forward(torch.tensor([1]))
    np.testing.assert_array_equal(sim.batch.state, before)
    data = sim.batch.get_data(1)
    mujoco.mj_forward(model, data)
    np.testing.assert_array_equal(places[1], data.site_xpos)
    np.testing.assert_array_equal(force[1], data.actuator_force)
    assert not torch.equal(places[1], others[1])
    assert torch.equal(places[[0, 2]], others[[0, 2]])


def test_a_reset_clears_the_world_and_no_other(model, sim):
    force = sim.output("actuator_force")
    sim.state("ctrl")[:] = 0.3
    sim.step(SUBSTEPS)
    before = sim.batch.state.copy()
    sim.reset(torch.tensor([1]))
    sim.forward(torch.tensor([1]))
    np.testing.assert_array_equal(sim.state("qpos")[1], model.qpos0)
    assert not sim.state("qvel")[1].any() and not sim.state("ctrl")[1].any()
    assert not force[1].any()
    np.testing.assert_array_equal(sim.batch.state[[0, 2]], before[[0, 2]])


def test_any_number_of_threads_gives_the_same_bits(build, ranges, wander):
    """200 control steps with falls, new goals, resets and every parameter randomized."""
    actions = wander(6, 200)
    envs = [build(num_worlds=6, threads=threads, randomization=ranges) for threads in (1, 2)]
    assert [env.sim.batch.nthread for env in envs] == [1, 2]
    for env in envs:
        env.reset(seed=4)
    episodes = 0
    for action in actions:
        one, two = (env.step(action) for env in envs)
        for group in ("actor", "critic"):
            for name, value in one[0][group].items():
                assert torch.equal(value, two[0][group][name])
        for first, second in zip(one[1:4], two[1:4], strict=True):
            assert torch.equal(first, second)
        episodes += len(one[4]["episodes"])
    assert episodes > 0
    np.testing.assert_array_equal(*(env.sim.batch.state for env in envs))


def test_zero_threads_takes_the_cores(model):
    assert BatchSim(model, 64, 0).batch.nthread >= 1
    assert BatchSim(model, 1, 8).batch.nthread == 1


def test_a_field_is_a_worlds_own(model, sim):
    assert sim.fields() == []
    sim.field("opt.gravity")[2, 2] = 0.0
    assert sim.fields() == ["opt.gravity"]
    sim.state("qpos")[:, -5] = 10.0
    sim.step(SUBSTEPS)
    fall = sim.state("qvel")[:, -4]
    assert fall[0] == fall[1] == pytest.approx(-9.81 * 0.08) and fall[2] == 0.0


def test_the_worlds_of_a_simulation_that_ended_are_freed_at_once(model) -> None:
    """Not when the garbage collector comes: an evaluator that runs for days builds many."""
    gc.disable()
    try:
        sim = BatchSim(model, 2, threads=1)
        tips = sim.output("site_xpos")
        worlds = weakref.ref(sim.batch)
        del sim
        assert tips.shape[0] == 2  # what was handed out stays
        del tips
        assert worlds() is None
    finally:
        gc.enable()


def test_a_resting_world_stands_still_and_the_others_move_as_before(model, sim):
    other = BatchSim(model, 3, 2)
    other.load(sim.save())
    other.resting = torch.tensor([False, True, False])
    before = sim.state("qpos").clone()
    for target in torch.tensor(controls(model, 3, 5)):
        for one in (sim, other):
            one.state("ctrl")[:] = target
            assert not one.step(SUBSTEPS).any()
    assert torch.equal(other.state("qpos")[1], before[1])
    assert torch.equal(other.state("qpos")[::2], sim.state("qpos")[::2])
    other.resting = torch.ones(3, dtype=torch.bool)
    assert not other.step(SUBSTEPS).any()


def test_a_failure_is_that_of_its_own_world_while_others_rest(sim):
    sim.resting = torch.tensor([True, False, False])
    sim.state("qvel")[2] = float("nan")
    assert sim.step(SUBSTEPS).tolist() == [False, False, True]
