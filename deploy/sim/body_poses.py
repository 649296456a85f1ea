"""The poses of a simulated hand's object in the hand's own time: no port, no thread, no clock."""

from __future__ import annotations

import time

import numpy as np

from ...contract.quaternions import canonical
from ..cameras.pose_sources import JointReport, ObjectPose, PoseSource
from .simulated_body import Body
from .smart_cube import SmartCube, SmartCubeConfig


class BodyPoses(PoseSource):
    """True poses, with the angles that a smart cube reports; call `tick` after each period.

    A trial in simulation, faster or slower than real time, is then judged as one on the rig.
    """

    measures_joints = True

    def __init__(self, body: Body, config: SmartCubeConfig, rng: np.random.Generator) -> None:
        self._body, self._cube = body, SmartCube(config, 1.0, rng)
        self._reports: list[JointReport] = []
        self._measured_s, self._joints = self._cube.report(body.plant.object_joints, 0.0)
        self._reports.append(JointReport(self._measured_s, time.monotonic(), self._joints))

    def tick(self, now_s: float) -> None:
        """Let the cube report at `now_s` of the hand's time."""
        measured_s, joints = self._cube.report(self._body.plant.object_joints, now_s)
        if measured_s > self._measured_s:
            self._measured_s, self._joints = measured_s, joints
            self._reports.append(JointReport(measured_s, time.monotonic(), joints))

    def newest(self, max_age_s: float) -> ObjectPose:
        """See `PoseSource`: the pose as it is, the angles as last reported."""
        plant = self._body.plant
        wxyz = canonical(plant.object_wxyz)
        return ObjectPose(plant.object_position, wxyz, 0.0, self._joints)

    def joint_reports(self) -> list[JointReport]:
        """See `PoseSource`."""
        reports, self._reports = self._reports, []
        return reports

    def request_place(self) -> None:
        """See `PoseSource`: the object is placed at once."""
        self._body.place()

    def placed(self) -> bool:
        """See `PoseSource`."""
        return True

    def close(self, timeout_s: float) -> None:
        """See `PoseSource`: there is nothing to close."""
