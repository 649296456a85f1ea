"""The layout of compiled models: right names, hand and object apart, slices where they can be."""

import importlib.util
import sys

import mujoco
import numpy as np
import pytest
import torch

from sleight.contract.hand_spec import HandSpec
from sleight.envs.hands.hand_model import HANDS, HandModel
from sleight.envs.objects.cubes.full_cube import FULL
from sleight.envs.objects.object_spec import OBJECTS, ObjectSpec
from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.layout import as_index, cells, layout_of
from sleight.envs.sim.model import build_model
from sleight.envs.sim.model_config import OBJECT, ModelConfig
from sleight.envs.sim.sim import on_device
from tests.examples.conftest import MENAGERIE, ROOT

KINDS = mujoco.mjtObj
ALLEGRO = ROOT / "examples" / "new_hand"


def _dial(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """A box with two inner joints, the second one on another body than the first."""
    box = mujoco.mjtGeom.mjGEOM_BOX
    body.add_geom(name=name, type=box, size=[size_m / 2] * 3, mass=mass_kg / 2)
    for number, joint in enumerate(("lid", "knob")):
        child = body.add_body(name=f"{name}_{joint}", pos=(0, 0, (0.6 - 1.2 * number) * size_m))
        child.add_joint(name=f"{name}_{joint}", type=mujoco.mjtJoint.mjJNT_HINGE)
        child.add_geom(name=f"{name}_{joint}", size=[size_m / 9, 0, 0], mass=mass_kg / 4)


DIAL = ObjectSpec(0.05, 0.1, _dial, joints=("knob", "lid"))


@pytest.fixture(scope="module", autouse=True)
def _dial_by_name():
    OBJECTS.add("layout-dial", DIAL)
    yield
    del OBJECTS._loaded["layout-dial"]


@pytest.fixture(scope="module")
def allegro() -> HandModel:
    """The hand of `examples/new_hand`, where its files and the package that finds them are."""
    if not (MENAGERIE / "wonik_allegro").is_dir():
        pytest.skip("no files of the Allegro Hand; MENAGERIE_ROOT names a checkout")
    pytest.importorskip("mujoco_menagerie")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MENAGERIE_ROOT", str(MENAGERIE))
        place = importlib.util.spec_from_file_location("allegro", ALLEGRO / "sleight_allegro.py")
        assert place is not None and place.loader is not None
        module = importlib.util.module_from_spec(place)
        patch.setitem(sys.modules, "allegro", module)
        place.loader.exec_module(module)
        HANDS.add("layout-allegro", module.HAND)
        yield module.HAND
        del HANDS._loaded["layout-allegro"]


def _reversed_hand() -> HandModel:
    """Two fingers of two joints whose spec names joints, motors and tips in another order than the
    model, and whose joints are not next to each other there."""
    joints = ("b2", "a1", "b1")
    spec = HandSpec(
        name="reversed",
        joints=joints,
        actuators=("mb2", "ma1", "mb1"),
        coupling=np.eye(3),
        joint_lower=-np.ones(3), joint_upper=np.ones(3), lower=-np.ones(3), upper=np.ones(3),
        max_speed=np.ones(3), home=np.zeros(3),
        fingertips=("tip_b", "tip_a"), wrist=("a1",),
    )  # fmt: skip

    def build(config: ModelConfig) -> mujoco.MjSpec:
        made = mujoco.MjSpec()
        for finger, x in (("a", -0.1), ("b", 0.1)):
            body = made.worldbody.add_body(name=finger, pos=(x, 0, 0))
            for number in (1, 2):
                if number == 2:
                    body = body.add_body(name=f"{finger}{number}", pos=(0, -0.05, 0))
                body.add_joint(name=f"{finger}{number}", axis=(1, 0, 0))
                body.add_geom(size=[0.01, 0, 0], mass=0.1)
            body.add_site(name=f"tip_{finger}", pos=(0, -0.02, 0))
        for name in ("a1", "a2", "b1", "b2"):
            made.add_actuator(name=f"m{name}", target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        return made

    return HandModel(spec, build)


@pytest.fixture(scope="module")
def reversed_hand():
    hand = _reversed_hand()
    HANDS.add("layout-reversed", hand)
    yield hand
    del HANDS._loaded["layout-reversed"]


@pytest.fixture(
    scope="module",
    params=["shadow block", "shadow egg", "shadow pen", "shadow layout-dial", "shadow cube",
            "reversed block", "reversed layout-dial", "allegro block", "allegro layout-dial"],
)  # fmt: skip
def built(request):
    """A compiled model, the spec of its hand, its object, and their layout."""
    which, _, held = request.param.partition(" ")
    if which == "shadow":
        name = "gymnasium-robotics"
    else:
        request.getfixturevalue("reversed_hand" if which == "reversed" else which)
        name = f"layout-{which}"
    model = build_model(ModelConfig(hand=name, object=held))
    hand, spec = HANDS.get(name, "test").spec, OBJECTS.get(held, "test")
    return model, hand, spec, layout_of(model, hand, spec)


def _numbers(index, size):
    """The indices that a slice or an array stands for, in order."""
    return np.arange(size)[index].tolist()


def _name(model, kind, number):
    return mujoco.mj_id2name(model, kind, number)


def test_indices_lead_to_what_the_spec_names_in_its_order(built):
    model, hand, held, layout = built
    joint_at = {int(model.jnt_qposadr[j]): _name(model, KINDS.mjOBJ_JOINT, j)
                for j in range(model.njnt)}  # fmt: skip
    joint_of_dof = [_name(model, KINDS.mjOBJ_JOINT, j) for j in model.dof_jntid]
    qpos = {name: _numbers(getattr(layout, name), model.nq)
            for name in ("joints", "wrist", "inner", "position", "rotation")}  # fmt: skip
    dofs = {name: _numbers(getattr(layout, name), model.nv)
            for name in ("joint_dofs", "inner_dofs", "velocity", "spin")}  # fmt: skip
    assert [joint_at[i] for i in qpos["joints"]] == list(hand.joints)
    assert [joint_of_dof[i] for i in dofs["joint_dofs"]] == list(hand.joints)
    assert [joint_at[i] for i in qpos["wrist"]] == list(hand.wrist)
    assert [joint_at[i] for i in qpos["inner"]] == list(held.joint_names(OBJECT))
    assert [joint_of_dof[i] for i in dofs["inner_dofs"]] == list(held.joint_names(OBJECT))
    motors = _numbers(layout.motors, model.nu)
    assert [_name(model, KINDS.mjOBJ_ACTUATOR, i) for i in motors] == list(hand.actuators)
    tips = _numbers(layout.tips, model.nsite)
    assert [_name(model, KINDS.mjOBJ_SITE, i) for i in tips] == list(hand.fingertips)
    pose = qpos["position"] + qpos["rotation"]
    assert joint_at[pose[0]] == OBJECT and pose == list(range(pose[0], pose[0] + 7))
    free = dofs["velocity"] + dofs["spin"]
    assert [joint_of_dof[i] for i in free] == [OBJECT] * 6 and free == sorted(set(free))


def test_hand_and_object_are_apart_and_together_all_that_moves(built):
    model, hand, held, layout = built
    ours = _numbers(layout.joint_dofs, model.nv)
    theirs = _numbers(layout.object_dofs, model.nv)
    assert not set(ours) & set(theirs)
    left = {_name(model, KINDS.mjOBJ_JOINT, model.dof_jntid[i])
            for i in set(range(model.nv)) - {*ours, *theirs}}  # fmt: skip
    assert left == ({"a2"} if hand.name == "reversed" else set()), "what no spec names"
    assert len(theirs) == (72 if held is FULL else 6 + len(held.joints))
    rest = {_name(model, KINDS.mjOBJ_JOINT, j) for j in range(model.njnt)
            if model.jnt_qposadr[j] in _numbers(layout.parts, model.nq)}  # fmt: skip
    at_body = {_name(model, KINDS.mjOBJ_JOINT, j) for j in range(model.njnt)
               if model.jnt_bodyid[j] in layout.object_bodies}  # fmt: skip
    assert rest == at_body - {OBJECT} >= set(held.joint_names(OBJECT))
    assert len(_numbers(layout.parts, model.nq)) == (86 if held is FULL else len(held.joints))
    moving = {int(model.dof_bodyid[i]) for i in (*ours, *theirs)}
    assert moving <= {*layout.hand_bodies, *layout.object_bodies}
    assert not set(layout.hand_bodies) & set(layout.object_bodies)
    assert 0 not in (*layout.hand_bodies, *layout.object_bodies), "the world is nobody's"
    assert len(layout.hand_bodies) + len(layout.object_bodies) == model.nbody - 1
    assert layout.object_body == model.body(OBJECT).id
    for name, bodies in (("hand", layout.hand_bodies), ("object", layout.object_bodies)):
        geoms = getattr(layout, f"{name}_geoms")
        assert {int(model.geom_bodyid[g]) for g in geoms} <= set(bodies)
        assert geoms and all(model.geom_contype[g] for g in geoms)
    assert layout.object_geoms[0] == model.geom(OBJECT).id
    assert {*layout.hand_geoms, *layout.object_geoms} == set(np.flatnonzero(model.geom_contype))


def test_the_positions_of_the_object_are_those_that_its_kinematics_reads(built):
    model, _, _, layout = built
    data = mujoco.MjData(model)
    data.qpos[layout.position] = place = (0.1, 0.2, 0.3)
    data.qpos[layout.rotation] = wxyz = (0.5, -0.5, 0.5, 0.5)
    mujoco.mj_kinematics(model, data)
    np.testing.assert_allclose(data.body(OBJECT).xpos, place)
    np.testing.assert_allclose(data.body(OBJECT).xquat, wxyz)
    data.qvel[layout.velocity], data.qvel[layout.spin] = (1, 2, 3), (4, 5, 6)
    np.testing.assert_allclose(data.joint(OBJECT).qvel, range(1, 7))


def test_indices_are_slices_exactly_where_they_follow_each_other(built):
    model, hand, held, layout = built
    for name in ("joints", "joint_dofs", "wrist", "motors", "inner", "inner_dofs", "object_dofs"):
        index = getattr(layout, name)
        size = {"motors": model.nu}.get(name, model.nv if "dofs" in name else model.nq)
        numbers = _numbers(index, size)
        follow = numbers == list(range(*(numbers[:1] or [0]), (numbers or [-1])[-1] + 1))
        assert isinstance(index, slice) == follow, name
    if hand.name == "reversed":
        assert not isinstance(layout.joints, slice) and not isinstance(layout.motors, slice)
    else:
        assert isinstance(layout.joints, slice), "a view of the state, without a copy"
    if held is not FULL:
        assert isinstance(layout.inner, slice) == (len(held.joints) != 2)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [([], slice(0, 0)), ([4], slice(4, 5)), ([2, 3, 4], slice(2, 5)), ([3, 2], None),
     ([1, 3], None), ([2, 2], None)],
)  # fmt: skip
def test_as_index(ids, expected):
    index = as_index(ids)
    if expected is None:
        assert index.tolist() == ids
    else:
        assert index == expected


ROWS = {"all": slice(None), "some": slice(1, 3), "two": torch.tensor([0, 3]),
        "one": torch.tensor([2]), "none": torch.tensor([], dtype=torch.long)}  # fmt: skip


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("columns", [slice(2, 5), torch.tensor([4, 0, 2]), torch.tensor([3])])
def test_cells_are_every_column_of_every_row(rows, columns):
    values = torch.arange(24.0).reshape(4, 6)
    expected = values[rows][:, columns]
    assert torch.equal(values[cells(rows, columns)], expected)
    written = values.clone()
    written[cells(rows, columns)] = -1.0 - expected
    assert torch.equal(written[rows][:, columns], -1.0 - expected)
    changed = (written != values).sum()
    assert changed == expected.numel()


@pytest.mark.parametrize("worlds", [torch.tensor([0, 2]), slice(None)], ids=["some", "all"])
def test_worlds_are_read_and_written_in_the_specs_order(reversed_hand, worlds):
    """As an environment does it, on tensors of the device: three joints that are not in a row."""
    model = build_model(ModelConfig(hand="layout-reversed", object="layout-dial"))
    layout = layout_of(model, reversed_hand.spec, DIAL)
    sim = BatchSim(model, 3, 1, layout)
    moved = on_device(layout, torch.device("cpu"))
    assert torch.is_tensor(moved.joints) and moved.position == layout.position
    rows = torch.arange(3)[worlds]
    angles = torch.tensor([[0.1, 0.2, 0.3]]) + rows.unsqueeze(-1)
    qpos, ctrl = sim.state("qpos"), sim.state("ctrl")
    before = qpos.clone()
    qpos[cells(worlds, sim.layout.joints)] = angles.to(qpos)
    ctrl[cells(worlds, sim.layout.motors)] = (2.0 * angles).to(ctrl)
    qpos[cells(worlds, sim.layout.inner)] = (3.0 * angles[:, :2]).to(qpos)
    for row, world in enumerate(rows.tolist()):
        for column, name in enumerate(("b2", "a1", "b1")):
            value = float(angles[row, column])
            joint = model.joint(name)
            assert float(qpos[world, joint.qposadr[0]]) == pytest.approx(value)
            assert float(ctrl[world, model.actuator(f"m{name}").id]) == pytest.approx(2 * value)
        for column, name in enumerate(("object_knob", "object_lid")):
            place = model.joint(name).qposadr[0]
            assert float(qpos[world, place]) == pytest.approx(3 * float(angles[row, column]))
    assert int((qpos != before).sum()) == 5 * len(rows), "nothing else was written"
    torch.testing.assert_close(qpos[worlds][:, sim.layout.joints], angles.to(qpos))
