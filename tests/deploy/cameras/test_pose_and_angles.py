"""A pose from cameras with the angles that a cube reports."""

import math

import numpy as np
import pytest

from sleight.deploy.cameras.pose_and_angles import PoseAndAngles
from sleight.deploy.cameras.pose_sources import JointReport, ObjectPose
from tests.deploy.fakes import Poses


class SmartCube(Poses):
    """Reports angles; its own pose is elsewhere."""

    measures_joints = True

    def __init__(self):
        super().__init__()
        self.position = np.array([1.0, 1.0, 1.0])
        self.angles = np.arange(6.0)

    def newest(self, max_age_s):
        assert max_age_s == math.inf, "the judge of the plan dates the reports"
        return ObjectPose(self.position, np.array([1.0, 0, 0, 0]), 9.0, self.angles)

    def joint_reports(self):
        return [JointReport(1.0, 2.0, self.angles)]


@pytest.fixture
def both():
    cameras, cube = Poses(), SmartCube()
    return cameras, cube, PoseAndAngles(cameras, cube)


def test_the_pose_is_the_cameras_and_the_angles_are_the_cubes(both):
    cameras, cube, source = both
    pose = source.newest(0.1)
    np.testing.assert_array_equal(pose.position, cameras.position)
    assert pose.age_s == 0.0, "the pose's own age"
    np.testing.assert_array_equal(pose.sensors()["object_joints"], cube.angles)
    assert source.measures_joints and len(source.joint_reports()) == 1


def test_without_either_there_is_no_pose(both):
    cameras, cube, source = both
    cameras.seen = False
    assert source.newest(0.1) is None
    cameras.seen, cube.angles = True, None
    assert source.newest(0.1) is None


def test_either_may_be_the_reason_and_the_cameras_placer_places(both):
    cameras, cube, source = both
    assert source.blind(2.0) == ""
    cube.blindness = "cube: no report"
    assert source.blind(2.0) == "cube: no report"
    cameras.blindness = "camera left: no frame"
    assert source.blind(2.0) == "camera left: no frame"
    source.request_place()
    assert (cameras.requests, cube.requests) == (1, 0)
