"""The model: its frame, its options, its block, and what is refused."""

import importlib.util
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from sleight.envs.hands.shadow import FINGERTIPS
from sleight.envs.sim.model import ModelConfig, build_model
from sleight.errors import ConfigError


@pytest.fixture
def data(model):
    """At rest: every joint at zero."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return data


def test_the_world_is_the_palm_frame(model, data):
    tips = {tip: data.site(tip).xpos for tip in FINGERTIPS}
    # Fingers along -y, side by side from the thumb's side to the little finger's.
    row = [tips[f"{finger}tip"] for finger in ("ff", "mf", "rf", "lf")]
    assert all(tip[1] < -0.13 and abs(tip[2]) < 1e-6 for tip in row)
    assert list(np.diff([tip[0] for tip in row]) > 0) == [True] * 3
    assert tips["thtip"][0] < -0.05
    # z up, against gravity, out of the palm: a finger that bends rises.
    assert model.opt.gravity[2] == -9.81 and not model.opt.gravity[:2].any()
    data.joint("MFJ3").qpos = 1.0
    mujoco.mj_forward(model, data)
    assert data.site("mftip").xpos[2] > 0.05


def test_the_palms_centre_is_the_origin(data):
    # Halfway from the wrist's axis to the knuckles, under the middle of the four fingers.
    wrist, knuckle = data.body("palm").xpos, data.body("mfknuckle").xpos
    assert (wrist[1] + knuckle[1]) / 2 == pytest.approx(0.0, abs=0.015)
    middle = np.mean([data.body(f"{f}knuckle").xpos[0] for f in ("mf", "rf")])
    assert middle == pytest.approx(0.0, abs=0.015)
    np.testing.assert_allclose(data.body("palm").xpos[2], 0.0, atol=1e-9)


def test_a_block_dropped_over_the_origin_lies_in_the_palm(model, data):
    data.qpos[-7:] = (0.0, -0.02, 0.06, 1.0, 0.0, 0.0, 0.0)
    for _ in range(150):
        mujoco.mj_step(model, data)
    assert 0.02 < data.qpos[-5] < 0.06


def test_options_come_from_the_config():
    config = ModelConfig(
        timestep_s=0.004, integrator="euler", cone="elliptic", iterations=9, ls_iterations=7
    )
    option = build_model(config).opt
    assert option.timestep == 0.004
    assert option.integrator == mujoco.mjtIntegrator.mjINT_EULER
    assert option.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert (option.iterations, option.ls_iterations) == (9, 7)


def test_the_jacobian_is_dense(model):
    assert model.opt.jacobian == mujoco.mjtJacobian.mjJAC_DENSE


@pytest.mark.parametrize(("size", "mass"), [(0.057, 0.078), (0.045, 0.12)])
def test_the_block(size, mass):
    model = build_model(ModelConfig(object_size_m=size, object_mass_kg=mass))
    np.testing.assert_allclose(model.geom("object").size, size / 2)
    assert model.body("object").mass == pytest.approx(mass)
    # A homogeneous cube: m a^2 / 6 about every axis.
    np.testing.assert_allclose(model.body("object").inertia, mass * size**2 / 6)


def test_dry_friction_only_where_it_is_asked_for(model):
    assert not model.dof_frictionloss.any()
    rubbing = build_model(ModelConfig(joint_friction=0.01))
    np.testing.assert_allclose(rubbing.dof_frictionloss[:24], 0.01)


def test_looks_do_not_touch_the_physics(model):
    dressed = build_model(replace(ModelConfig(), visual=True))
    states = []
    for one in (model, dressed):
        data = mujoco.MjData(one)
        data.ctrl[:] = 0.3
        for _ in range(100):
            mujoco.mj_step(one, data)
        states.append(data.qpos.copy())
    np.testing.assert_array_equal(*states)


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install gymnasium-robotics") as error:
        build_model(ModelConfig())
    assert "\n" not in str(error.value)
