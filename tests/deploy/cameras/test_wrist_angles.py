"""The wrist's angles reach the pose network, at the time of the picture."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from sleight.contract.landmarks import Landmarks
from sleight.deploy.cameras.eyes import Eye
from sleight.deploy.cameras.pose_checks import CameraPosesConfig
from sleight.deploy.cameras.pose_thread import CameraPoses
from sleight.deploy.cameras.wrist_angles import REACH_S, WristAngles
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.vision.geometry import Placement
from tests.deploy.camera_rig import HERE


def state(position, velocity):
    return SimpleNamespace(position=np.array(position), velocity=np.array(velocity))


def test_a_reading_is_continued_with_its_velocity_for_a_while():
    newest = (10.0, state([0.1, 0.2, 0.3], [1.0, -2.0, 0.0]))
    wrist = WristAngles(lambda: newest, [1, 0])
    np.testing.assert_allclose(wrist.at(10.05), [0.1, 0.15])
    np.testing.assert_allclose(wrist.at(9.95), [0.3, 0.05])
    assert wrist.at(10.0 + 2 * REACH_S) is None and wrist.at(np.inf) is None
    assert WristAngles(lambda: None, [0]).at(10.0) is None
    broken = (10.0, state([np.nan, 0.0], [0.0, 0.0]))
    assert WristAngles(lambda: broken, [0]).at(10.0) is None


def test_a_hand_without_landmarks_or_without_their_joints_has_none():
    def none():
        return None

    assert WristAngles.of(SHADOW_RIGHT.landmarks, SHADOW_RIGHT, none) is not None
    assert WristAngles.of(Landmarks(), SHADOW_RIGHT, none) is None
    other = SimpleNamespace(joints=("joint0", "joint1"))
    assert WristAngles.of(SHADOW_RIGHT.landmarks, other, none) is None


@pytest.mark.parametrize("read", [True, False])
def test_the_network_is_told_the_wrist_if_the_hand_is_read(read):
    told = []

    class Network:
        entry = None

        def see(self, images, cameras, wrist_rad):
            told.append(wrist_rad)
            return SimpleNamespace(position=HERE, wxyz=np.array([1.0, 0, 0, 0]), doubt=0.0)

    class Camera:
        def newest(self, max_age_s):
            now_s = time.monotonic()
            image = np.zeros((4, 4, 3), np.uint8)
            return SimpleNamespace(seq=int(1e3 * now_s), time_s=now_s - 0.02, image=image)

    def newest():
        return time.monotonic(), state([0.3, -0.2], [0.0, 0.0])

    eye = Eye(Camera(), lambda picture: picture, Placement(np.zeros(3), np.eye(3)))
    wrist = WristAngles(newest, [0, 1]) if read else None
    poses = CameraPoses([eye], Network(), CameraPosesConfig(), wrist=wrist)
    try:
        deadline = time.monotonic() + 10
        while poses.newest(60.0) is None and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        poses.close(5.0)
    if read:
        np.testing.assert_allclose(told[0], [0.3, -0.2])
    else:
        assert told[0] is None
