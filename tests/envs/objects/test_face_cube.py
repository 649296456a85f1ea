"""The cheap cube: its dimensions, its hinges, and what randomization does to its layers."""

import math
from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch

from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.objects.cubes.face_cube import DRY_FRICTION, FACE
from sleight.envs.randomization.randomizer import Randomizer
from sleight.envs.randomization.table import BY_NAME
from sleight.envs.randomization.world_source import values
from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.draws import Draws
from sleight.envs.sim.layout import layout_of
from sleight.envs.sim.model import ModelConfig, build_model, build_spec

HELD = ModelConfig(object="face")
LAYERS = ("object", "object_top", "object_bottom")


@pytest.fixture(scope="module")
def model():
    return build_model(HELD)


@pytest.fixture(scope="module")
def alone():
    """The cube alone, without gravity."""
    spec = mujoco.MjSpec()
    spec.option.gravity = (0, 0, 0)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.timestep = 0.008
    body = spec.worldbody.add_body(name="object")
    body.add_freejoint(name="object")
    FACE.build(body, "object", FACE.size_m, FACE.mass_kg)
    return spec.compile()


def worlds(model, count):
    return BatchSim(model, count, 1, layout_of(model, SHADOW_RIGHT, FACE))


def test_three_layers_make_one_cube(alone):
    data = mujoco.MjData(alone)
    mujoco.mj_forward(alone, data)
    half = np.array([alone.geom(layer).size for layer in LAYERS])
    centres = np.array([data.geom(layer).xpos for layer in LAYERS])
    np.testing.assert_allclose((centres + half).max(axis=0), 0.05715 / 2)
    np.testing.assert_allclose((centres - half).min(axis=0), -0.05715 / 2)
    np.testing.assert_allclose(2 * half[:, 2], 0.01905)  # nothing overlaps, nothing is missing
    np.testing.assert_allclose(sorted(centres[:, 2]), [-0.01905, 0.0, 0.01905], atol=1e-12)
    assert data.subtree_com[1] == pytest.approx([0, 0, 0], abs=1e-12)
    assert alone.body_subtreemass[1] == pytest.approx(0.09)


def test_a_hinge_turns_without_end_and_layers_do_not_collide(alone):
    data = mujoco.MjData(alone)
    for angle in np.linspace(-9.0, 9.0, 37):
        data.qpos[:] = [0, 0, 0, 1, 0, 0, 0, angle, -0.7 * angle]
        mujoco.mj_forward(alone, data)
        assert data.ncon == 0
        assert data.nefc == 2, "dry friction of two hinges, no limit"


@pytest.mark.parametrize("joint", ["top", "bottom"])
def test_a_layer_moves_beyond_its_dry_friction_and_rests_below(alone, joint):
    data = mujoco.MjData(alone)
    dof = alone.joint(f"object_{joint}").dofadr[0]
    for torque, moves in ((0.9 * DRY_FRICTION, False), (3.0 * DRY_FRICTION, True)):
        mujoco.mj_resetData(alone, data)
        for _ in range(125):
            data.qfrc_applied[dof] = torque
            mujoco.mj_step(alone, data)
        angle = data.joint(f"object_{joint}").qpos[0]
        assert (angle > 0.3) if moves else (abs(angle) < 0.01), angle


def test_inner_joints_are_the_layers(model):
    layout = layout_of(model, SHADOW_RIGHT, FACE)
    assert model.nv == 24 + 6 + 2
    assert [model.joint(i).name for i in range(model.njnt)][-2:] == ["object_top", "object_bottom"]
    assert [model.geom(g).name for g in layout.object_geoms] == list(LAYERS)
    assert layout.inner_dofs == slice(30, 32)


def test_size_mass_and_friction_reach_every_layer(model):
    """A resized, heavier cube moves like one that was compiled so."""
    names = ("object.size", "object.mass", "object.inertia")
    sim = worlds(model, 1)
    wanted = {"object.size": 1.2, "object.mass": 1.5, "object.inertia": 1.0}
    point = [[BY_NAME[name].coordinate(wanted[name]) for name in names]]
    Randomizer(sim, names, Draws()).apply(torch.arange(1), values(names, np.array(point)))
    grown = replace(HELD, object_size_m=1.2 * FACE.size_m, object_mass_kg=1.5 * FACE.mass_kg)
    other = worlds(build_model(grown), 1)
    for one in (sim, other):
        qpos = one.state("qpos")
        qpos[:, one.layout.position] = torch.tensor([0.0, -0.03, 0.08], dtype=qpos.dtype)
        turned = torch.tensor([0.9, 0.1, 0.3, 0.3], dtype=qpos.dtype)
        qpos[:, one.layout.rotation] = turned / turned.norm()
        qpos[:, one.layout.inner] = torch.tensor([0.6, -0.3], dtype=qpos.dtype)
        one.forward(torch.arange(1))
        for _ in range(20):
            one.step(10)
    torch.testing.assert_close(sim.state("qpos"), other.state("qpos"), atol=1e-8, rtol=0)


def test_its_stickers_are_on_their_layers_and_neither_collide_nor_weigh(model):
    dressed = build_spec(replace(HELD, visual=True)).compile()
    layers = [dressed.body(layer).id for layer in LAYERS]
    stickers = [
        g
        for g in range(dressed.ngeom)
        if dressed.geom_bodyid[g] in layers and dressed.geom(g).name not in LAYERS
    ]
    counts = [sum(dressed.geom_bodyid[g] == layer for g in stickers) for layer in layers]
    assert counts == [12, 9 + 12, 9 + 12]
    assert not dressed.geom_contype[stickers].any()
    for layer in LAYERS:
        assert dressed.body(layer).mass == pytest.approx(float(model.body(layer).mass[0]))
        np.testing.assert_allclose(dressed.body(layer).inertia, model.body(layer).inertia)
    data = mujoco.MjData(dressed)
    data.joint("object_top").qpos[0] = math.pi / 4
    mujoco.mj_forward(dressed, data)
    cube = data.body("object")
    above = [
        cube.xmat.reshape(3, 3).T @ (data.geom_xpos[g] - cube.xpos)
        for g in stickers
        if dressed.geom_bodyid[g] == layers[1]
    ]
    turned = [place for place in above if place[2] < 0.02]  # those on the sides of the top layer
    assert len(turned) == 12
    diagonal = np.abs(np.array(turned)[:, :2])
    assert diagonal.sum(axis=1).max() == pytest.approx(0.05715 / math.sqrt(2), rel=1e-3)
