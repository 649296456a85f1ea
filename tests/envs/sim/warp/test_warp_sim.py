"""The contract of `Sim` on Warp's CPU device: what moves, what does not, and what has failed."""

import copy

import mujoco
import numpy as np
import pytest
import torch

pytest.importorskip("mujoco_warp")

from sleight.envs.sim.warp import warp_data
from sleight.envs.sim.warp.warp_sim import WarpSim

SUBSTEPS = 10


@pytest.fixture
def sim(model, open_worlds):
    return open_worlds(model, WarpSim, 4)


def everything(sim):
    return {name: value.clone() for name, value in sim.save().items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_looking_at_a_world_gives_its_outputs_and_moves_nothing(sim):
    tips, force = sim.output("site_xpos"), sim.output("actuator_force")
    sim.state("ctrl")[:] += 0.1
    sim.step(SUBSTEPS)
    before, old, pull = everything(sim), tips.clone(), force.clone()
    sim.forward(torch.tensor([1]))
    same(everything(sim), before)
    for now, then in ((tips, old), (force, pull)):
        assert not torch.equal(now[1], then[1])
        assert torch.equal(now[[0, 2, 3]], then[[0, 2, 3]])


def test_a_reset_clears_its_worlds_and_no_other(model, sim):
    sim.step(SUBSTEPS)
    before = everything(sim)
    sim.reset(torch.tensor([0, 2]))
    after = everything(sim)
    np.testing.assert_array_equal(after["state.qpos"][2], model.qpos0.astype(np.float32))
    for name in ("qvel", "ctrl", "time", "qacc_warmstart"):
        assert not after[f"state.{name}"][[0, 2]].any()
    for name, value in after.items():
        assert torch.equal(value[[1, 3]], before[name][[1, 3]]), name


@pytest.mark.parametrize(
    ("name", "value"), [("qpos", float("nan")), ("qvel", 1e12), ("ctrl", float("inf"))]
)
def test_a_broken_world_is_reported_and_starts_anew_and_no_other_notices(
    model, sim, open_worlds, name, value
):
    twin = open_worlds(model, WarpSim, 4)
    sim.state(name)[2, 3] = value
    assert sim.step(SUBSTEPS).tolist() == [False, False, True, False] and sim.failures == 1
    assert not twin.step(SUBSTEPS).any()
    np.testing.assert_array_equal(sim.state("qpos")[2], model.qpos0.astype(np.float32))
    others = [0, 1, 3]
    for part, values in everything(sim).items():
        assert torch.equal(values[others], everything(twin)[part][others]), part
    assert not sim.step(SUBSTEPS).any()


def test_the_state_before_a_failure_fails_in_c_too(model, sim):
    sim.step(SUBSTEPS)
    sim.state("qvel")[1, 24] = float("nan")
    sim.step(1)
    data = mujoco.MjData(model)
    kept = sim.broken_state(1)["state"]
    mujoco.mj_setState(model, data, kept, mujoco.mjtState.mjSTATE_INTEGRATION)
    mujoco.mj_step(model, data)
    assert data.warning[mujoco.mjtWarning.mjWARN_BADQVEL].number == 1


def test_a_step_that_overflows_is_made_again_with_larger_pools(
    monkeypatch, model, open_worlds, sim
):
    monkeypatch.setattr(warp_data, "ROWS", (16, *warp_data.ROWS))
    monkeypatch.setattr(warp_data, "CANDIDATES", (1, *warp_data.CANDIDATES))
    monkeypatch.setattr(warp_data, "first_rows", lambda model: 16)
    small = open_worlds(model, WarpSim, 4)
    state = small.state("qpos")
    for target in (0.0, 0.2):
        for one in (sim, small):
            one.state("ctrl")[:] += target
            assert not one.step(SUBSTEPS).any()
    assert small._data.rows > 16 and small._data.candidates > 1  # both were too small
    same(everything(sim), everything(small))
    assert small.state("qpos") is state  # what was handed out stays live


def test_a_world_that_fits_into_no_pool_has_failed(monkeypatch, model, open_worlds):
    monkeypatch.setattr(warp_data, "ROWS", (16,))
    sim = open_worlds(model, WarpSim, 4)
    failed = torch.zeros(4, dtype=torch.bool)
    for _ in range(5):
        sim.state("ctrl")[:] += 0.2
        failed |= sim.step(SUBSTEPS)
    assert failed.any() and sim.failures >= int(failed.sum())


def test_graphs_are_recorded_once_and_anew_after_a_field(sim):
    sim.step(SUBSTEPS)
    assert {"forward", "step"} <= {*sim._run.names()}
    sim.field("opt.gravity")[2, 2] = 0.0
    assert sim.fields() == ["opt.gravity"] and not sim._run.names()
    sim.state("qpos")[:, -5] = 10.0
    sim.state("qvel")[:] = 0.0
    sim.step(SUBSTEPS)
    fall = sim.state("qvel")[:, -4]
    assert fall[0] == fall[1] == pytest.approx(-9.81 * 0.08, rel=1e-5) and fall[2] == 0.0


def test_constants_are_each_worlds_own_and_those_of_c(model, sim):
    mass = sim.field("body_mass")
    mass[1], mass[3, 4] = 2.0 * mass[1], 0.3
    before = everything(sim)
    sim.refresh_constants(torch.tensor([1, 3]))
    same(everything(sim), before)
    for world in range(4):
        expected = _constants(model, mass[world].numpy())
        for name, value in expected.items():
            found = sim._model.field(name)[world].numpy()
            np.testing.assert_allclose(found, value, rtol=2e-3, atol=1e-5, err_msg=name)


def _constants(model, mass):
    own = copy.copy(model)
    own.body_mass[:] = mass
    mujoco.mj_setConst(own, mujoco.MjData(own))
    names = ("body_subtreemass", "dof_invweight0", "body_invweight0", "actuator_acc0")
    return {name: getattr(own, name) for name in names}


def test_a_saved_simulation_goes_on_bit_by_bit(model, sim, open_worlds):
    sim.field("body_mass")[1] *= 1.3
    sim.refresh_constants(torch.arange(4))
    sim.step(SUBSTEPS)
    other = open_worlds(model, WarpSim, 4)
    other.load(sim.save())
    for _ in range(3):
        for one in (sim, other):
            one.state("ctrl")[:] += 0.05
            one.step(SUBSTEPS)
    same(everything(sim), everything(other))
    assert torch.equal(other.output("site_xpos"), sim.output("site_xpos"))
