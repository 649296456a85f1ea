"""`PoseAndAngles`: the pose of an object from one source, its inner joints from another.

Cameras see where a cube is; the cube itself reports the angles of its faces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .pose_sources import JointReport, ObjectPose, PoseSource


class PoseAndAngles(PoseSource):
    """Both sources as one; the owner of each closes it."""

    measures_joints = True

    def __init__(self, poses: PoseSource, angles: PoseSource) -> None:
        """angles: it measures joints."""
        self._poses, self._angles = poses, angles

    @property
    def looks_s(self) -> Sequence[float]:  # type: ignore[override]
        """See `PoseSource`."""
        return self._poses.looks_s

    @property
    def refused(self) -> Mapping[str, int]:
        """See `PoseSource`."""
        return self._poses.refused

    def joint_reports(self) -> list[JointReport]:
        """See `PoseSource`."""
        return self._angles.joint_reports()

    def newest(self, max_age_s: float) -> ObjectPose | None:
        """See `PoseSource`: the pose with the newest angles, which the judge of a plan dates."""
        pose, angles = self._poses.newest(max_age_s), self._angles.newest(math.inf)
        if pose is None or angles is None or angles.joints is None:
            return None
        return replace(pose, joints=angles.joints)

    def blind(self, for_s: float) -> str:
        """See `PoseSource`."""
        return self._poses.blind(for_s) or self._angles.blind(for_s)

    def request_place(self) -> None:
        """See `PoseSource`."""
        self._poses.request_place()

    def placed(self) -> bool:
        """See `PoseSource`."""
        return self._poses.placed()

    def close(self, timeout_s: float) -> None:
        """See `PoseSource`."""
        self._poses.close(timeout_s)
        self._angles.close(timeout_s)
