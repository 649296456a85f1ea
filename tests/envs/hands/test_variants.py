"""Variants are in the compiled model, in training's worlds and in the rig's, and they matter."""

import mujoco
import numpy as np
import pytest
import torch

from sleight.deploy.sim.plant import Plant
from sleight.deploy.sim.plant_config import PlantConfig, draw
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.hands.variants import GOLDEN_ANGLE_RAD, VARIANTS, Push, push_force
from sleight.envs.sim.model import OBJECT, ModelConfig, build_model

PUSH = Push(force_n=2.0, every_s=4.0, for_s=0.5)


def test_a_push_comes_after_each_wait_from_another_side():
    seconds = np.array([0.0, 0.3, 3.99, 4.0, 4.4, 4.6, 8.1, 12.2])
    force = push_force(PUSH, seconds)
    np.testing.assert_array_equal(np.linalg.norm(force, axis=-1) > 0, [0, 0, 0, 1, 1, 0, 1, 1])
    np.testing.assert_allclose(np.linalg.norm(force[[3, 4, 6, 7]], axis=-1), 2.0)
    assert not force[:, 2].any()
    np.testing.assert_array_equal(force[3], force[4])  # one push has one direction
    cosine = force[3] @ force[6] / 4.0
    assert cosine == pytest.approx(np.cos(GOLDEN_ANGLE_RAD))
    assert push_force(PUSH, 4.1).shape == (3,)


def test_no_variant_is_the_model_that_was_trained():
    plain, none = build_model(ModelConfig()), build_model(ModelConfig(variant="none"))
    assert plain.neq == 0
    for name in ("jnt_stiffness", "dof_damping", "geom_friction", "geom_solref"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(none, name))


def test_the_compiled_model_has_what_the_table_says():
    plain = build_model(ModelConfig())
    fingers = [plain.joint(name).id for name in HAND.joints[2:]]
    dofs = [plain.joint(name).dofadr[0] for name in HAND.joints[2:]]
    wrist = [plain.joint(name).id for name in HAND.joints[:2]]
    cube = plain.geom(OBJECT).id
    hand = [i for i in range(plain.ngeom) if plain.geom_contype[i] and i != cube]
    for name in ("glove", "cover"):
        row, model = VARIANTS[name], build_model(ModelConfig(variant=name))
        added = model.jnt_stiffness - plain.jnt_stiffness
        np.testing.assert_allclose(added[fingers, ...].ravel(), row.stiffness)
        assert not added[wrist].any()
        np.testing.assert_allclose(model.dof_damping[dofs], row.damping * plain.dof_damping[dofs])
        friction = model.geom_friction[:, 0] / plain.geom_friction[:, 0]
        np.testing.assert_allclose(friction[hand], row.friction)
        softness = model.geom_solref[:, 0] / plain.geom_solref[:, 0]
        np.testing.assert_allclose(softness[hand], row.softness)
        assert friction[cube] == softness[cube] == 1.0


def test_tied_fingers_move_as_one():
    apart = {}
    for name in ("none", "tied"):
        model = build_model(ModelConfig(variant=name))
        data = mujoco.MjData(model)
        data.joint(OBJECT).qpos[2] = -5.0
        data.ctrl[:] = HAND.home
        data.actuator("FFJ3").ctrl = 1.4
        data.actuator("MFJ3").ctrl = 0.2
        mujoco.mj_step(model, data, 250)
        apart[name] = abs(data.joint("FFJ3").qpos[0] - data.joint("MFJ3").qpos[0])
    assert apart["none"] > 0.8
    assert apart["tied"] < 0.1


def test_a_glove_moves_less(build):
    reached = {}
    for name in ("none", "glove"):
        model = build_model(ModelConfig(variant=name))
        data = mujoco.MjData(model)
        data.joint(OBJECT).qpos[2] = -5.0
        data.ctrl[:] = HAND.home
        data.actuator("MFJ3").ctrl = 1.4
        mujoco.mj_step(model, data, 250)
        reached[name] = data.joint("MFJ3").qpos[0]
    assert 0.5 < reached["glove"] < reached["none"] - 0.02


def test_pushes_reach_the_block_in_training_worlds(build):
    env = build(model=ModelConfig(variant="push"))
    env.reset(seed=0)
    body = env.sim.model.body(OBJECT).id
    row = VARIANTS["push"].push
    env.length[:] = torch.tensor([0, 49, 50, 51])  # 80 ms each: the wait is over at 50 steps
    env.step(torch.zeros(4, 20))
    force = env.sim.state("xfrc_applied")[:, body, :3].norm(dim=-1)
    np.testing.assert_allclose(force, [0.0, 0.0, row.force_n, row.force_n], atol=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_rig_has_the_same_variants(name):
    config = PlantConfig(variant=name)
    plant = Plant(HAND, config, draw(config, 20, 24, np.random.default_rng(0)))
    plant.place(np.random.default_rng(0))
    assert plant._model.neq == (4 if name == "tied" else 0)
    felt = set()
    for _ in range(4300 if name == "push" else 50):
        plant.step(np.zeros(20))
        felt.add(float(np.linalg.norm(plant._data.body(OBJECT).xfrc_applied)))
    assert plant.healthy()
    assert max(felt) == pytest.approx(0.8 if name == "push" else 0.0)
