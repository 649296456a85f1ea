"""Rows of an object with parts: meshes of any size per world, gaps, joints, friction."""

import mujoco
import numpy as np
import pytest
import torch
from scipy import stats

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.cube.cube_geometry import PLACES
from sleight.envs.cube.cubelets import read_quaternions
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.make import make_env
from sleight.envs.objects.cubes.full_cube import cubelet_name
from sleight.envs.objects.cubes.turner import about
from sleight.envs.objects.object_spec import OBJECTS
from sleight.envs.randomization.forces import Forces
from sleight.envs.randomization.randomizer import Randomizer, extras
from sleight.envs.randomization.table import BY_NAME, NAMES, PART_NAMES
from sleight.envs.randomization.world_source import values
from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.draws import Draws
from sleight.envs.sim.layout import layout_of
from sleight.envs.sim.model import build_model
from sleight.envs.sim.model_config import OBJECT, ModelConfig
from sleight.errors import ConfigError
from tests.envs.laws import same_law

PARTS = [cubelet_name(OBJECT, place) for place in PLACES]
ONE = torch.zeros(1, dtype=torch.long)


def worlds(names, lam, name="cube", count=1):
    """Worlds of an object in the hand in which these rows have the coordinate `lam`."""
    model = build_model(ModelConfig(object=name), extras(names))
    sim = BatchSim(model, count, 1, layout_of(model, SHADOW_RIGHT, OBJECTS.get(name, "test")))
    every = torch.arange(count)
    drawn = values(tuple(names), np.full((count, len(names)), lam))
    Randomizer(sim, names, Draws(2)).apply(every, drawn)
    return sim, drawn


def state_of(sim, world=0):
    """What MuJoCo computes of a cube in the palm of a world, one corner bent."""
    model = sim.batch.get_model(world)
    data = mujoco.MjData(model)
    data.joint(OBJECT).qpos[2] = 0.03
    corner = model.body("object_URF")
    first = int(model.jnt_qposadr[corner.jntadr[0]])
    data.qpos[first : first + 3 + (corner.jntnum[0] == 1)] = bent(corner.jntnum[0] == 1)
    mujoco.mj_forward(model, data)
    return model, data


def bent(ball):
    """Coordinates of a corner that is turned by 0.12 rad about z."""
    return about(np.array((0, 0, 1.0)), np.array(0.12)) if ball else np.array((0, 0, 0.12))


@pytest.mark.parametrize("lam", [-1.9, 0.63, 1.7])
def test_a_world_of_another_size_is_the_model_compiled_in_that_size(lam):
    sim, drawn = worlds(("object.size",), lam)
    size = round(float(drawn["object.size"][0]), 2)
    model, data = state_of(sim)
    other = build_model(ModelConfig(object="cube", object_size_m=0.05715 * size))
    twin = mujoco.MjData(other)
    twin.qpos[:] = data.qpos
    mujoco.mj_forward(other, twin)
    assert data.ncon == twin.ncon > 1
    np.testing.assert_allclose(data.xpos, twin.xpos, atol=1e-9)
    np.testing.assert_allclose(np.sort(data.contact.dist), np.sort(twin.contact.dist), atol=2e-8)
    bodies = [model.body(part).id for part in PARTS]
    np.testing.assert_allclose(model.body_inertia[bodies], other.body_inertia[bodies], rtol=1e-6)
    np.testing.assert_allclose(model.body_ipos[bodies], other.body_ipos[bodies], atol=1e-9)


@pytest.mark.parametrize("name", ["cube", "block"])
def test_a_larger_object_touches_the_palm_wherever_its_geoms_do(name):
    """The boxes of the mid-phase follow: without the mid-phase the contacts are as many."""
    count, rng = 200, np.random.default_rng(0)
    place = np.array((0, -0.03, 0.035)) + rng.normal(size=(count, 3)) * (0.02, 0.03, 0.01)
    turn = rng.normal(size=(count, 4))
    found = []
    for names in (("object.size",), ("object.size", "hand.geom_size")):
        model = build_model(ModelConfig(object=name), extras(names))
        layout = layout_of(model, SHADOW_RIGHT, OBJECTS.get(name, "test"))
        sim, every = BatchSim(model, count, 1, layout), torch.arange(count)
        drawn = values(("object.size",), np.full((count, 1), 1.7))
        Randomizer(sim, ("object.size",), Draws(2)).apply(every, drawn)
        sim.state("qpos")[:, layout.position] = torch.tensor(place)
        turn /= np.linalg.norm(turn, axis=1, keepdims=True)
        sim.state("qpos")[:, layout.rotation] = torch.tensor(turn)
        sim.forward(every)
        found.append(sim.output("ncon").sum())
    assert found[0] == found[1] > 300


@pytest.mark.parametrize(("gap", "closer"), [(1e-4, False), (-1e-4, True)])
def test_a_gap_moves_cubelets_apart_and_leaves_their_shape(gap, closer):
    sim, _ = worlds(("object.gap",), gap / 5e-5)
    model = sim.batch.get_model(0)
    centre = model.geom("object_U")
    assert centre.pos[2] == pytest.approx(0.01905 + gap)
    assert model.body("object_U").ipos[2] == pytest.approx(0.01905 + gap)
    np.testing.assert_allclose(model.geom("object_URF").pos, np.array((1, -1, 1)) * centre.pos[2])
    np.testing.assert_array_equal(centre.size, sim.model.geom("object_U").size)
    data = mujoco.MjData(model)
    data.joint(OBJECT).qpos[2] = 0.2
    mujoco.mj_forward(model, data)
    assert (data.ncon > 0) == closer, "a straight cube touches itself when it is too tight"


@pytest.mark.parametrize(
    ("row", "field"),
    [("damping", "dof_damping"), ("friction", "dof_frictionloss"), ("armature", "dof_armature")],
)
def test_joints_of_the_object_are_scaled_together_and_each(row, field):
    name = f"object.joint.{row}"
    sim, drawn = worlds((name,), 0.4)
    nominal = getattr(sim.model, field)
    inner = [d for d in range(sim.model.nv) if nominal[d] and d not in range(24)]
    assert len(inner) == 66
    factor = float(drawn[name][0])
    assert factor > 1.1
    got = sim.field(field)[0].numpy()
    np.testing.assert_allclose(got[inner], factor * nominal[inner])
    others = np.setdiff1d(np.arange(sim.model.nv), inner)
    np.testing.assert_array_equal(got[others], nominal[others])
    spread, _ = worlds((name, f"{name}.spread"), 0.4)
    each = np.log(spread.field(field)[0].numpy()[inner] / nominal[inner] / factor)
    assert 0.25 < each.std() < 0.6


def test_friction_among_parts_is_their_own():
    names = ("object.parts.friction", "object.friction", "hand.friction")
    sim, drawn = worlds(names, 0.6, "cube-hinges")
    model, data = state_of(sim)
    own = {model.geom(part).id for part in PARTS}
    inner = [c for c in data.contact if own >= set(c.geom)]
    outer = [c for c in data.contact if len(own & set(c.geom)) == 1]
    assert inner and outer
    for contact in inner:
        assert contact.friction[0] == pytest.approx(0.2 * float(drawn["object.parts.friction"][0]))
    both = float(drawn["object.friction"][0] * drawn["hand.friction"][0])
    for contact in outer:
        assert contact.friction[0] == pytest.approx(both)


def test_friction_with_the_hand_is_the_product_of_both_rows():
    sim, drawn = worlds(("object.friction", "hand.friction"), -0.8)
    _, data = state_of(sim)
    outer = [c for c in data.contact if c.dim > 1]
    both = float(drawn["object.friction"][0] * drawn["hand.friction"][0])
    assert outer and all(c.friction[0] == pytest.approx(both) for c in outer)


def test_rows_of_contacts_leave_those_among_cubelets_alone():
    names = tuple(name for name in NAMES if name.startswith("contact.") and "elliptic" not in name)
    names = tuple(name for name in names if "impratio" not in name)
    sim, _ = worlds(names, 0.5)
    model = sim.batch.get_model(0)
    parts = [model.geom(part).id for part in PARTS]
    for field in ("geom_solref", "geom_solimp", "geom_margin", "geom_gap"):
        np.testing.assert_array_equal(
            getattr(model, field)[parts], getattr(sim.model, field)[parts]
        )
        assert not np.array_equal(getattr(model, field), getattr(sim.model, field))


def test_resistance_to_rolling_is_the_hands():
    model = build_model(ModelConfig(object="cube"), extras(("object.friction.rolling",)))
    parts = [model.geom(part).id for part in PARTS]
    assert set(model.geom_condim[parts]) == {1}
    hand = layout_of(model, SHADOW_RIGHT, OBJECTS.get("cube", "test")).hand_geoms
    assert set(model.geom_condim[list(hand)]) == {6}


@pytest.mark.parametrize(
    ("name", "row", "needed"),
    [
        ("block", "object.joint.damping", "inner joints"),
        ("block", "object.gap", "parts held together by contact"),
        ("cube", "object.parts.friction", "parts whose contacts have friction"),
    ],
)
def test_a_row_without_its_part_is_refused(name, row, needed):
    config = EnvConfig(
        num_worlds=2, threads=1, model=ModelConfig(object=name), nominal={row: BY_NAME[row].nominal}
    )
    with pytest.raises(ConfigError, match=f"got {row}, allowed: for an object with {needed}"):
        make_env(config)


@pytest.mark.slow
def test_a_cube_in_the_hand_stays_whole_with_every_row_on(ranges, wander):
    """All rows of the block and of the cube at once: no failure, and no cubelet is lost."""
    own = {name for name in PART_NAMES if name != "object.parts.friction"}
    for name in sorted(own):
        row = BY_NAME[name]
        ends = [float(row.value(np.array(x))) for x in (-0.5 * (not row.one_sided), 0.5)]
        ranges = {**ranges, name: (min(ends), max(ends))}
    config = EnvConfig(
        num_worlds=12, threads=1, model=ModelConfig(object="cube"), adversary_width=16,
        randomization=ranges, resets=ResetConfig(cache=16),
    )  # fmt: skip
    env = make_env(config)
    env.reset(seed=0)
    for action in wander(12, 120):
        env.step(action)
        assert torch.isfinite(env.sim.state("qpos")).all()
    assert env.sim.failures == 0
    qpos, model = env.sim.state("qpos").numpy(), env.sim.model
    for world in qpos:
        turned = np.empty((len(PARTS), 4))
        for row, part in zip(turned, PARTS, strict=True):
            joint = model.joint(part)
            first = int(joint.qposadr[0])
            ball = joint.type[0] == mujoco.mjtJoint.mjJNT_BALL
            row[:] = world[first : first + 4] if ball else about(joint.axis, world[first])
        assert read_quaternions(turned).distance_rad < np.radians(20.0)  # or it is no legal cube


def centre_and_inertia(model):
    """Centre of mass off the middle [m], and mean moment of inertia of the whole [kg m2]."""
    data = mujoco.MjData(model)
    data.joint(OBJECT).qpos[2] = 1.0
    mujoco.mj_forward(model, data)
    root, first = model.body(OBJECT).id, int(model.joint(OBJECT).dofadr[0])
    mass_matrix = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, mass_matrix)
    centre = data.subtree_com[root] - data.xpos[root]
    about_middle = np.trace(mass_matrix[first + 3 : first + 6, first + 3 : first + 6]) / 3.0
    return centre, about_middle - 2.0 / 3.0 * model.body_subtreemass[root] * (centre**2).sum()


@pytest.mark.parametrize("name", ["block", "face", "cube"])
def test_the_centre_of_mass_of_the_whole_moves(name):
    sim, drawn = worlds(("object.com", "object.size"), 2.0, name, count=300)
    found = np.array([centre_and_inertia(sim.batch.get_model(w))[0] for w in range(300)])
    same_law(found / float(drawn["object.com"][0]), stats.norm)


@pytest.mark.parametrize("name", ["block", "face", "cube"])
def test_a_twist_is_an_acceleration_of_the_whole(name):
    names = ("object.mass", "object.inertia", "object.size")
    sim, drawn = worlds(names, 0.9, name)
    forces = Forces(sim, {"object.twist"}, Draws(3), 0.08, None)
    forces.reset(ONE, drawn)
    _, inertia = centre_and_inertia(sim.batch.get_model(0))
    # The joints' armature is no inertia of the parts.
    assert float(forces.weight[0, 5]) == pytest.approx(inertia, rel=0.02)
