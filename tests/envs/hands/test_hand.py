"""The compiled model against the table of the hand."""

import mujoco
import numpy as np
import pytest

from sleight.envs.hands.gymnasium_robotics import MJCF_JOINTS, _assets
from sleight.envs.hands.shadow import ACTUATORS, DISTAL_PAIRS, FINGERTIPS, SHADOW_RIGHT
from sleight.envs.hands.shadow_model import DISTAL_RATIO

SHADOW_JOINTS = (
    "WRJ2 WRJ1 FFJ4 FFJ3 FFJ2 FFJ1 MFJ4 MFJ3 MFJ2 MFJ1 RFJ4 RFJ3 RFJ2 RFJ1"
    " LFJ5 LFJ4 LFJ3 LFJ2 LFJ1 THJ5 THJ4 THJ3 THJ2 THJ1"
)
SHADOW_ACTUATORS = (
    "WRJ2 WRJ1 FFJ4 FFJ3 FFJ0 MFJ4 MFJ3 MFJ0 RFJ4 RFJ3 RFJ0 LFJ5 LFJ4 LFJ3 LFJ0"
    " THJ5 THJ4 THJ3 THJ2 THJ1"
)


@pytest.fixture
def data(model):
    return mujoco.MjData(model)


@pytest.fixture
def scattered():
    """Joint angles (24,) within their limits, all different: a swapped index shows."""
    share = np.linspace(0.1, 0.9, 24)
    return SHADOW_RIGHT.joint_lower + share * (SHADOW_RIGHT.joint_upper - SHADOW_RIGHT.joint_lower)


def test_names_are_shadows_in_kinematic_order(model):
    assert " ".join(SHADOW_RIGHT.joints) == SHADOW_JOINTS
    assert " ".join(SHADOW_RIGHT.actuators) == SHADOW_ACTUATORS
    assert [model.joint(i).name for i in range(24)] == list(SHADOW_RIGHT.joints)
    assert [model.actuator(i).name for i in range(20)] == list(SHADOW_RIGHT.actuators)
    assert model.njnt == 25 and model.nu == 20


def test_limits(model):
    lower, upper = model.jnt_range[:24].T
    np.testing.assert_allclose(lower, SHADOW_RIGHT.joint_lower, atol=1e-12)
    np.testing.assert_allclose(upper, SHADOW_RIGHT.joint_upper, atol=1e-12)
    np.testing.assert_allclose(model.actuator_ctrlrange[:, 0], SHADOW_RIGHT.lower, atol=1e-12)
    np.testing.assert_allclose(model.actuator_ctrlrange[:, 1], SHADOW_RIGHT.upper, atol=1e-12)
    assert model.jnt_limited[:24].all() and model.actuator_ctrllimited.all()


def test_targets_of_one_joint_have_its_limits():
    for row, lower, upper in zip(ACTUATORS, SHADOW_RIGHT.lower, SHADOW_RIGHT.upper, strict=True):
        index = [SHADOW_RIGHT.joints.index(name) for name in row.joints]
        assert lower == pytest.approx(SHADOW_RIGHT.joint_lower[index].sum(), abs=1e-9)
        assert upper == pytest.approx(SHADOW_RIGHT.joint_upper[index].sum(), abs=1e-9)


def test_home_lies_within_the_limits():
    assert (SHADOW_RIGHT.home >= SHADOW_RIGHT.lower).all()
    assert (SHADOW_RIGHT.home <= SHADOW_RIGHT.upper).all()


def test_motors(model):
    stiffness = [row.stiffness for row in ACTUATORS]
    force = np.array([row.force for row in ACTUATORS])
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], stiffness)
    np.testing.assert_allclose(model.actuator_biasprm[:, 1], -np.array(stiffness))
    np.testing.assert_allclose(model.actuator_forcerange, np.stack((-force, force), axis=1))


def test_motors_are_as_strong_as_the_files(model):
    raw = mujoco.MjModel.from_xml_path(str(_assets() / "manipulate_block.xml"))
    # Under the coupling one radian of xxJ2 is this much of the sum, which the motor now acts on.
    sum_per_radian = 1.0 - DISTAL_RATIO[1] / DISTAL_RATIO[0]
    for name in SHADOW_RIGHT.actuators:
        coupled = name.endswith("J0")
        old = raw.actuator(f"robot0:A_{name[:3]}{1 if coupled else int(name[3]) - 1}")
        ratio = sum_per_radian if coupled else 1.0
        new = model.actuator(name)
        assert new.gainprm[0] == pytest.approx(old.gainprm[0] / ratio**2, rel=1e-2)
        assert new.forcerange[1] == pytest.approx(old.forcerange[1] / ratio, rel=1e-2)


def test_control_position_is_what_the_motors_act_on(model, data, scattered):
    data.qpos[:24] = scattered
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(
        data.actuator_length, SHADOW_RIGHT.control_position(scattered), atol=1e-12
    )


def test_a_coupled_motor_brings_the_sum_to_its_target(model, data):
    model.opt.gravity[:] = 0.0
    data.qpos[-5] = -10.0  # the block out of the way
    wanted = {"FFJ0": 1.4, "MFJ0": 0.9, "RFJ0": 0.5, "LFJ0": 1.1}
    for name, target in wanted.items():
        data.actuator(name).ctrl = target
    for _ in range(1500):
        mujoco.mj_step(model, data)
    model.opt.gravity[:] = (0.0, 0.0, -9.81)
    for name, target in wanted.items():
        distal, middle = (data.joint(name[:2] + end).qpos[0] for end in ("J1", "J2"))
        assert distal + middle == pytest.approx(target, abs=5e-3)
        # The coupling holds the two in proportion, within its slack of 1 mm.
        assert abs(DISTAL_RATIO[0] * distal + DISTAL_RATIO[1] * middle) < 1.2e-3


def test_coupling_matrix():
    coupling = SHADOW_RIGHT.coupling
    assert coupling.shape == (20, 24)
    for row, name in zip(coupling, SHADOW_RIGHT.actuators, strict=True):
        joints = [SHADOW_RIGHT.joints[i] for i in np.flatnonzero(row)]
        pair = [f"{name[:2]}J2", f"{name[:2]}J1"]
        assert joints == (pair if name.endswith("J0") else [name])
    assert [a for a in SHADOW_RIGHT.actuators if a.endswith("J0")] == [
        f"{finger}J0" for finger in DISTAL_PAIRS
    ]


def test_joint_target_is_a_right_inverse_of_control_position():
    target = np.linspace(SHADOW_RIGHT.lower, SHADOW_RIGHT.upper, 7)
    joints = SHADOW_RIGHT.joint_target(target)
    assert joints.shape == (7, 24)
    np.testing.assert_allclose(SHADOW_RIGHT.control_position(joints), target, atol=1e-12)


def test_the_adapter_keeps_the_kinematics_of_the_file(model, data, scattered):
    raw = mujoco.MjModel.from_xml_path(str(_assets() / "manipulate_block.xml"))
    raw_data = mujoco.MjData(raw)
    data.qpos[:24] = scattered
    for name, angle in zip(SHADOW_RIGHT.joints, scattered, strict=True):
        mjcf_name, sign = MJCF_JOINTS[name]
        raw_data.joint(mjcf_name).qpos = sign * angle
    mujoco.mj_forward(model, data)
    mujoco.mj_forward(raw, raw_data)

    def seen_from_forearm(found, tip, forearm):
        base = found.body(forearm)
        return base.xmat.reshape(3, 3).T @ (found.site(tip).xpos - base.xpos)

    for tip in FINGERTIPS:
        np.testing.assert_allclose(
            seen_from_forearm(data, tip, "forearm"),
            seen_from_forearm(raw_data, f"robot0:S_{tip}", "robot0:forearm"),
            atol=1e-9,
        )


def test_the_thumb_bends_with_positive_angles(model, data):
    assert MJCF_JOINTS["THJ1"] == ("robot0:THJ0", -1.0)
    assert MJCF_JOINTS["FFJ4"] == ("robot0:FFJ3", -1.0)
    mujoco.mj_forward(model, data)
    straight = data.site("thtip").xpos.copy()
    data.joint("THJ1").qpos = 1.0
    mujoco.mj_forward(model, data)
    # The thumb stands off to -x; bending its tip brings it back towards the palm.
    assert data.site("thtip").xpos[0] > straight[0] + 0.005
