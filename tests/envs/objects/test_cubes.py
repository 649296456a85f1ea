"""The models of the Rubik's cube as compiled: parts, contacts, stickers, and worlds of any size."""

import mujoco
import numpy as np
import pytest

from sleight.envs.cube.cube_geometry import FACES
from sleight.envs.objects.cubes.cube_numbers import TRAINING
from sleight.envs.objects.cubes.full_cube import FACE_PLACES, cubelet_name, cubelets
from sleight.envs.objects.cubes.stickers import STICKERS
from sleight.envs.objects.cubes.trials import free_cube
from sleight.envs.objects.cubes.turner import about, angle_of, conjugate, multiply, rotate, twist
from sleight.envs.objects.object_spec import OBJECTS
from sleight.envs.sim.model import build_model
from sleight.envs.sim.model_config import OBJECT, ModelConfig

FORMS = ("cube", "cube-stiff", "cube-hinges")
BALL, HINGE = mujoco.mjtJoint.mjJNT_BALL, mujoco.mjtJoint.mjJNT_HINGE


@pytest.fixture(scope="module")
def held():
    """The full cube in the hand."""
    return build_model(ModelConfig(object="cube"))


@pytest.mark.parametrize("name", FORMS)
def test_a_full_cube_has_26_cubelets_and_66_degrees_of_freedom(name):
    model = free_cube(name)
    assert (model.nbody, model.ngeom, model.nv) == (1 + 1 + 26, 1 + 26, 6 + 66)
    kinds = [int((model.jnt_type == kind).sum()) for kind in (HINGE, BALL)]
    assert kinds == ([66, 0] if name == "cube-hinges" else [6, 20])
    assert model.body_mass.sum() == pytest.approx(0.09)
    for joint in OBJECTS.get(name, "test").joint_names(OBJECT):
        assert model.jnt_type[model.joint(joint).id] == HINGE


def test_a_cubelet_has_the_originals_measures():
    model = free_cube("cube")
    geom = model.geom("object_URF")
    np.testing.assert_allclose(geom.pos, np.array((1, -1, 1)) * 0.01905)
    mesh = int(geom.dataid[0])
    first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    corners = np.abs(model.mesh_vert[first : first + count])
    assert count == 24
    np.testing.assert_allclose(np.sort(corners)[:, 2], 0.0095, atol=1e-8)
    np.testing.assert_allclose(np.sort(corners)[:, :2], 0.0095 - 0.001425, atol=1e-8)


def test_names_say_on_which_faces_a_cubelet_lies():
    names = {name for name, _ in cubelets("object")}
    assert len(names) == 26 and {len(name) - 7 for name in names} == {1, 2, 3}
    assert cubelet_name("object", (1, -1, 1)) == "object_URF"
    model = free_cube("cube")
    for face, place in FACE_PLACES.items():
        assert np.dot(model.joint(f"object_{face}").axis, place) == sum(place)


def contacts_of(model, height):
    """The contacts of a cube that lies in the palm: (geoms, condim, friction, solimp)."""
    data = mujoco.MjData(model)
    data.joint(OBJECT).qpos[2] = height
    mujoco.mj_forward(model, data)
    return list(data.contact)


def test_cubelets_slide_on_each_other_and_the_hand_holds_them_as_it_holds_the_block(held):
    block = build_model(ModelConfig())
    own = {held.geom(name).id for name, _ in cubelets(OBJECT)}
    inner = [c for c in contacts_of(held, 0.06) if own >= set(c.geom)]
    assert not inner, "a straight cube has a gap all around"
    data = mujoco.MjData(held)
    data.joint(OBJECT).qpos[2] = 0.06
    data.joint("object_URF").qpos[:] = about(np.array((0, 0, 1.0)), np.array(0.1))
    mujoco.mj_forward(held, data)
    inner = [c for c in data.contact if own >= set(c.geom)]
    assert inner
    for contact in inner:
        assert contact.dim == 1
        np.testing.assert_allclose(contact.solimp[:3], TRAINING.solimp)
    heights = [0.03, 0.025, 0.02]
    touching = [c for at in heights for c in contacts_of(held, at) if len(own & set(c.geom)) == 1]
    with_block = [c for at in heights for c in contacts_of(block, at)]
    assert touching and with_block
    for contact in touching:
        for name in ("dim", "friction", "solref", "solimp", "includemargin"):
            np.testing.assert_allclose(getattr(contact, name), getattr(with_block[0], name),
                                       rtol=1e-5)  # fmt: skip


def test_the_solver_has_the_iterations_that_the_object_needs(held):
    assert held.opt.iterations == 10
    assert build_model(ModelConfig()).opt.iterations == 6
    assert build_model(ModelConfig(object="cube", iterations=30)).opt.iterations == 30


def test_looks_do_not_change_the_physics(held):
    for name, plain in (
        ("cube", held),
        ("cube-locked", build_model(ModelConfig(object="cube-locked"))),
    ):
        dressed = build_model(ModelConfig(object=name, visual=True))
        for body in range(plain.nbody):
            twin = dressed.body(plain.body(body).name)
            np.testing.assert_allclose(twin.mass, plain.body_mass[body])
            np.testing.assert_allclose(twin.inertia, plain.body_inertia[body])
        colliding = [g for g in range(dressed.ngeom) if dressed.geom_contype[g]]
        assert len(colliding) == int((plain.geom_contype > 0).sum())


@pytest.mark.parametrize("name", ["cube", "cube-locked"])
def test_every_face_has_nine_stickers_of_its_colour_outside_the_cube(name):
    model = build_model(ModelConfig(object=name, visual=True))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    root = model.body(OBJECT).id
    for face, colour in STICKERS.items():
        ids = [g for g in range(model.ngeom) if model.body_rootid[model.geom_bodyid[g]] == root
               and np.allclose(model.geom_rgba[g][:3], colour)]  # fmt: skip
        assert len(ids) == 9
        sign, axis = (1 if face[0] == "+" else -1), "xyz".index(face[1])
        at = data.geom_xpos[ids] - data.xpos[root]
        # A sticker's frame is moved to its middle, so the cut ones are a little off.
        np.testing.assert_allclose(sign * at[:, axis], 0.05715 / 2, atol=1e-4)
        shapes = {model.mesh(int(mesh)).name for mesh in model.geom_dataid[ids]}
        assert shapes == {"object_sticker", "object_cut"}


def test_no_rotation_of_the_cube_looks_like_another():
    """The cut corners and the colours together: 24 rotations, 24 pictures of each centre."""
    model = build_model(ModelConfig(object="cube-locked", visual=True))
    vertices, colours = [], []
    for geom in range(model.ngeom):
        mesh = int(model.geom_dataid[geom])
        if mesh < 0 or model.mesh(mesh).name != "object_cut":
            continue
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        own = rotate(model.geom_quat[geom], model.mesh_vert[first : first + count].astype(float))
        vertices.append(own + model.geom_pos[geom])
        colours.append(np.repeat(model.geom_rgba[geom][None, :3], count, axis=0))
    points = np.concatenate([np.concatenate(vertices), np.concatenate(colours)], axis=1)
    assert len(vertices) == 6

    def picture(turn, one_colour):
        turned = points.copy()
        turned[:, :3] = rotate(np.broadcast_to(turn, (len(points), 4)), points[:, :3])
        seen = turned[:, :3] if one_colour else turned
        return {tuple(row) for row in np.rint(2e3 * seen).astype(int).tolist()}

    quarter = np.radians(90)
    for axis in np.eye(3):  # about an axis two centres keep their colour; their cut moves
        for number in (1, 2, 3):
            assert picture(about(axis, np.array(number * quarter)), True) != picture(
                np.array((1.0, 0, 0, 0)), True
            )


def test_quaternions_of_the_turner():
    rng = np.random.default_rng(0)
    a, b = (q / np.linalg.norm(q, axis=-1, keepdims=True) for q in rng.normal(size=(2, 50, 4)))
    v = rng.normal(size=(50, 3))
    np.testing.assert_allclose(rotate(multiply(a, b), v), rotate(a, rotate(b, v)))
    np.testing.assert_allclose(rotate(conjugate(a), rotate(a, v)), v)
    angles, axis = rng.uniform(-3, 3, 50), np.array((0, 0.6, 0.8))
    np.testing.assert_allclose(twist(about(axis, angles), axis), angles)
    np.testing.assert_allclose(angle_of(about(axis, angles)), np.abs(angles))


def test_the_goal_beside_the_hand_is_turned_by_all_its_coordinates():
    from sleight.envs.rendering.goal_picture import GoalPicture
    from sleight.envs.rendering.renderer import GoalPose

    config = ModelConfig(object="cube", visual=True)
    model = build_model(config)
    data = mujoco.MjData(model)
    parts = model.qpos0[-86:].copy()
    place = model.joint("goal_URF").qposadr[0] - (model.nq - 86)
    parts[place : place + 4] = about(np.array((0, 0, 1.0)), np.array(0.5))
    GoalPose(model, config).put(data, GoalPicture(wxyz=np.array((1.0, 0, 0, 0)), joints=parts))
    np.testing.assert_array_equal(data.qpos[-86:], parts)
    GoalPose(model, config).put(
        data, GoalPicture(wxyz=np.array((1.0, 0, 0, 0)), joints=np.arange(6))
    )
    assert data.joint("goal_F").qpos[0] == FACES.index("F")
