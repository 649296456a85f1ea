"""Landmarks follow the palm of the compiled model."""

import mujoco
import numpy as np

from sleight.contract.landmarks import Landmarks
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.sim.model import ModelConfig, build_spec


def test_landmarks_move_with_the_palm_of_the_model():
    model = build_spec(ModelConfig()).compile()
    data = mujoco.MjData(model)
    palm = model.body("palm").id
    mujoco.mj_kinematics(model, data)
    frame = data.xmat[palm].reshape(3, 3)
    own = (np.array(SHADOW_RIGHT.landmarks.points_m) - data.xpos[palm]) @ frame
    angles = np.random.default_rng(0).uniform(-0.6, 0.4, (5, 2))
    places = SHADOW_RIGHT.landmarks.places(angles)
    assert tuple(hinge.joint for hinge in SHADOW_RIGHT.landmarks.hinges) == SHADOW_RIGHT.wrist
    for wrist, expected in zip(angles, places, strict=True):
        for name, angle in zip(SHADOW_RIGHT.wrist, wrist, strict=True):
            data.qpos[model.joint(name).qposadr[0]] = angle
        mujoco.mj_kinematics(model, data)
        found = data.xpos[palm] + own @ data.xmat[palm].reshape(3, 3).T
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_hand_without_landmarks_has_none():
    assert Landmarks().places(np.zeros((3, 0))).shape == (3, 0, 3)
