"""`PoseEyes`: a pose network reads the object's pose of many worlds from fresh pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ...contract.landmarks import Landmarks
from ...contract.pose_entry import PoseEntry
from ...envs.mdp.eyes import Eyes
from ...envs.mdp.observations import Sensors
from ..config import CamerasConfig, LiveConfig, ViewConfig
from ..geometry import Placement, angle_between, matrix_of
from ..onnx_pose import OnnxPose, SeenPose
from .live_cameras import LiveCameras
from .wardrobe import LiveScene

_AHEAD_M = 0.5
"""Any distance: a camera's target is a point on its optical axis."""


def cameras_of(entry: PoseEntry) -> CamerasConfig:
    """The nominal cameras of a bundle's pose network."""
    views = {}
    for name, camera in entry.cameras.items():
        at = np.array(camera.position_m)
        _, down, ahead = matrix_of(np.array(camera.wxyz)).T
        target = at + _AHEAD_M * ahead
        views[name] = ViewConfig(camera.position_m, _point(target), _point(-down))
    return CamerasConfig(entry.image_px, entry.fovy_deg, views)


def _point(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z


class PoseEyes(Eyes):
    """Replaces the object's pose by what the network reads; a context manager.

    Each world has the look, the cameras and their errors of its episode. A pose whose predicted
    error is beyond the bundle's limits is rejected, as on the robot, and the last one stays.
    """

    def __init__(
        self,
        graph: Path,
        entry: PoseEntry,
        config: LiveConfig,
        hand: HandSpec,
        num_worlds: int,
        seed: int,
    ) -> None:
        """graph: the bundle's `pose.onnx`. Raises BundleError, SleightError."""
        self._network = OnnxPose(graph, entry)
        scene = LiveScene(config, cameras_of(entry), entry.object_size_m, seed)
        landmarks = entry.keypoints.landmarks if entry.keypoints else Landmarks()
        self._wrist = [hand.joints.index(hinge.joint) for hinge in landmarks.hinges]
        self.cameras = LiveCameras(scene, num_worlds, len(hand.joints) + 7)
        self._told: dict[int, Sequence[Placement]] = {}
        self.episode = torch.full((num_worlds,), -1, dtype=torch.long)
        """(N,) number of each world's episode."""
        self.position = torch.zeros(num_worlds, 3)
        self.wxyz = torch.zeros(num_worlds, 4)
        """The last accepted poses."""
        self.known = torch.zeros(num_worlds, dtype=torch.bool)
        """(N,) whether a pose was accepted in this episode."""
        self.rejected, self.errors = 0, list[tuple[float, float]]()
        """Poses that were rejected; position [m] and rotation [rad] errors of the others."""

    def __enter__(self) -> PoseEyes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """See `Eyes`."""
        self.cameras.close()

    @property
    def gives(self) -> Sensors:
        """See `Eyes`."""
        return {"object_position": self.position[:0], "object_wxyz": self.wxyz[:0]}

    @property
    def views(self) -> tuple[str, ...]:
        """See `Eyes`."""
        return tuple(self.cameras.scene.cameras.views)

    def pictures(self) -> np.ndarray:
        """See `Eyes`."""
        return self.cameras.images

    def begin(self, worlds: Tensor) -> None:
        """See `Eyes`."""
        self.episode[worlds.cpu()] += 1
        self.known[worlds.cpu()] = False
        for world in worlds.tolist():
            self._told.pop(world, None)

    def see(self, qpos: Tensor, true: Sensors, worlds: Tensor, awake: Tensor) -> Sensors:
        """See `Eyes`."""
        index = worlds[awake].cpu().numpy()
        names = ("joint_position", "object_position", "object_wxyz")
        joints, position, wxyz = (true[name][awake].double().cpu().numpy() for name in names)
        row = {world: at for at, world in enumerate(index.tolist())}
        episodes = self.episode.numpy()[index]
        for world in self.cameras.render(index, episodes, qpos[awake].cpu().numpy()):
            at = row[world]
            seen = self._read(world, joints[at, self._wrist] if self._wrist else None)
            if self._accepts(world, seen):
                self.position[world] = torch.from_numpy(seen.position)
                self.wxyz[world] = torch.from_numpy(seen.wxyz)
                turn = angle_between(matrix_of(seen.wxyz), matrix_of(wxyz[at]))
                self.errors.append((float(np.linalg.norm(seen.position - position[at])), turn))
        worlds = worlds.cpu()
        given = {"object_position": self.position[worlds], "object_wxyz": self.wxyz[worlds]}
        return {name: value.to(qpos.device) for name, value in given.items()}

    def _read(self, world: int, wrist_rad: np.ndarray | None) -> SeenPose:
        if world not in self._told:
            views = self.cameras.scene.views(world, int(self.episode[world]))
            self._told[world] = views.calibrated
        return self._network.see(self.cameras.images[world], self._told[world], wrist_rad)

    def _accepts(self, world: int, seen: SeenPose) -> bool:
        """Whether the pose counts; the first one of an episode does whatever its doubt."""
        finite = bool(np.isfinite(seen.position).all() and np.isfinite(seen.wxyz).all())
        accepted = finite and not (seen.doubt > 1.0 and self.known[world])
        self.known[world] |= accepted
        self.rejected += not accepted
        return accepted

    def report(self) -> dict[str, float]:
        """Errors of the accepted poses, and the cost of the pictures."""
        errors = np.array(self.errors).reshape(-1, 2) * (1e3, math.degrees(1.0))
        frames = self.cameras.frames()
        figures = {
            f"{name}_{key}": float(np.percentile(errors[:, column], percentile))
            for column, name in enumerate(("position_mm", "rotation_deg"))
            for key, percentile in (("median", 50), ("p90", 90))
            if len(errors)
        }
        return {
            **figures,
            "poses": len(errors) + self.rejected,
            "rejected": self.rejected,
            "frames": frames,
            "ms_per_frame": 1e3 * self.cameras.cpu_s() / max(frames, 1),
            "share_of_renderer": self.cameras.share_of_renderer(),
            "deaths": self.cameras.deaths,
        }
