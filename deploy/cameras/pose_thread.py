"""The object's pose from cameras: a thread that runs the bundle's pose network on their frames.

The control loop reads the newest accepted pose; its age is that of its oldest frame. If frames are
missing, the loop continues with the last pose for a short time and then holds (stage.py).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from ...contract.bundle import Bundle
from ...contract.landmarks import Landmarks
from ...threads import WatchedThread
from ...vision.geometry import Placement
from ...vision.onnx_pose import OnnxPose, SeenPose
from ..hand.guard import GuardedHand
from ..hand.hand import DriverGone
from .camera_config import CameraConfig
from .camera_threads import Camera, CameraGone, Frame, StaleFrame
from .eyes import Eye, eyes_of, skew_s
from .pose_checks import CameraPosesConfig, PoseChecks
from .pose_sources import ObjectPose, PoseSource
from .wrist_angles import WristAngles

SETTLED_S = 1.0
"""The object counts as placed after being visible in the palm for this time."""


class Placer(Protocol):
    """Places the object in the palm, such as the referee of a simulated rig."""

    def request_place(self) -> None:
        """Request a placement."""

    def placed(self) -> bool:
        """Whether the last request is done."""


class CameraPoses(PoseSource):
    """Computes a pose from each set of frames; `camera_poses` opens it with all its parts."""

    def __init__(
        self,
        eyes: Sequence[Eye],
        network: OnnxPose,
        config: CameraPosesConfig,
        placer: Placer | None = None,
        wrist: WristAngles | None = None,
    ) -> None:
        """placer: None if a person places the object. wrist: None if the hand is not read."""
        self._eyes, self._network, self._config = eyes, network, config
        self.checks = PoseChecks(config.checks)
        self._placer: Placer = placer or _Person(self)
        self._wrist = wrist
        self._lock = threading.Lock()
        self._pose: tuple[float, np.ndarray, np.ndarray] | None = None
        self._error = ""
        self._looked_s, self._waits_for = time.monotonic(), "the first pose is being computed"
        self.looks_s: list[float] = []
        self._done = threading.Event()
        self._thread = WatchedThread("poses", self._run, self._end)
        self._thread.start()

    def newest(self, max_age_s: float) -> ObjectPose | None:
        """The newest accepted pose. Raises DriverGone if a camera or the network has stopped."""
        with self._lock:
            pose, error = self._pose, self._error
        if error:
            raise DriverGone(error)
        if pose is None:
            return None
        age_s = time.monotonic() - pose[0]
        return ObjectPose(pose[1], pose[2], age_s) if age_s <= max_age_s else None

    @property
    def refused(self) -> Mapping[str, int]:
        """See `PoseSource`."""
        return self.checks.refused

    def blind(self, for_s: float) -> str:
        """See `PoseSource`: frames are old or not simultaneous, or the network does not answer."""
        silent_s = time.monotonic() - self._looked_s
        if silent_s <= for_s:
            return ""
        return f"no pose was computed for {silent_s:.1f} s: {self._waits_for}"

    def request_place(self) -> None:
        """Ask the referee, or start waiting for a person."""
        self._placer.request_place()

    def placed(self) -> bool:
        """Whether the object is in the palm."""
        return self._placer.placed()

    def close(self, timeout_s: float) -> None:
        """End the thread; the caller closes the cameras."""
        self._done.set()
        self._thread.join(timeout_s)

    @property
    def names(self) -> tuple[str, ...]:
        """The cameras, in the network's order."""
        return tuple(eye.camera.name for eye in self._eyes)

    def doubt(self, order: Sequence[int]) -> float:
        """Uncertainty of the newest views, in limits, if image n belongs to camera order[n]."""
        images = [eye.camera.newest(math.inf).image for eye in self._eyes]
        if len({image.shape for image in images}) > 1 and list(order) != sorted(order):
            return math.inf
        reordered = [images[order.index(at)] for at in range(len(self._eyes))]
        return self._see(reordered).doubt / self._config.doubt

    def _run(self) -> None:
        last: tuple[int, ...] = ()
        while not self._done.is_set():
            try:
                frames = [eye.camera.newest(self._config.frame_max_age_s) for eye in self._eyes]
            except StaleFrame as error:
                self._waits_for = str(error)
                self._done.wait(0.002)
                continue
            except CameraGone as error:
                self._end(str(error))
                return
            numbers = tuple(frame.seq for frame in frames)
            if numbers == last or not self._simultaneous(frames):
                self._done.wait(0.002)
                continue
            last = numbers
            self._waits_for = "the pose network does not answer"
            self._look(frames)
            self._looked_s = time.monotonic()
            self._waits_for = "no new frames"

    def _end(self, error: str) -> None:
        with self._lock:
            self._error = error

    def _simultaneous(self, frames: Sequence[Frame]) -> bool:
        apart_s = skew_s(frames)
        if apart_s > self._config.skew_max_s:
            self._waits_for = f"the frames of the cameras are {apart_s:.3f} s apart"
        return apart_s <= self._config.skew_max_s

    def _look(self, frames: Sequence[Frame]) -> None:
        start_s = time.monotonic()
        taken_s = min(frame.time_s for frame in frames)
        seen = self._see([frame.image for frame in frames], taken_s)
        doubt = seen.doubt / self._config.doubt
        reason = self.checks.judge(taken_s, seen.position, seen.wxyz, doubt)
        self.looks_s.append(time.monotonic() - start_s)
        if not reason:
            with self._lock:
                self._pose = (taken_s, seen.position, seen.wxyz)

    def views(self, pictures: Sequence[np.ndarray] = ()) -> tuple[np.ndarray, list[Placement]]:
        """The network's input for `pictures`, or for the newest images: (V, S, S, 3) uint8."""
        pictures = pictures or [eye.camera.newest(math.inf).image for eye in self._eyes]
        pairs = zip(self._eyes, pictures, strict=True)
        images = np.stack([eye.rectifier(picture) for eye, picture in pairs])
        return images, [eye.placement for eye in self._eyes]

    def _see(self, pictures: Sequence[np.ndarray], taken_s: float = math.inf) -> SeenPose:
        wrist_rad = self._wrist.at(taken_s) if self._wrist else None
        return self._network.see(*self.views(pictures), wrist_rad)


class _Person:
    """A person places the object; it counts as placed after being visible for a while."""

    def __init__(self, poses: CameraPoses) -> None:
        self._poses = poses
        self._since_s: float | None = None

    def request_place(self) -> None:
        """Start waiting."""
        self._since_s = None

    def placed(self) -> bool:
        """Whether poses were accepted for the whole time."""
        now_s = time.monotonic()
        if self._poses.newest(0.2) is None:
            self._since_s = None
            return False
        self._since_s = self._since_s or now_s
        return now_s - self._since_s >= SETTLED_S


@contextmanager
def camera_poses(
    cameras: Sequence[CameraConfig],
    opened: Mapping[str, Camera],
    bundle: Bundle,
    config: CameraPosesConfig,
    placer: Placer | None = None,
    hand: GuardedHand | None = None,
) -> Iterator[CameraPoses]:
    """Poses from the `opened` cameras that the bundle's pose network uses.

    hand: its wrist tells where the palm is, which corrects the cameras; None: cameras as told.

    Raises BundleError, ConfigError with one line.
    """
    graph, entry = bundle.pose_graph, bundle.manifest.pose
    assert entry is not None
    network = OnnxPose(graph, entry)
    eyes = eyes_of(cameras, opened, entry)
    landmarks = entry.keypoints.landmarks if entry.keypoints else Landmarks()
    wrist = WristAngles.of(landmarks, hand.spec, lambda: hand.newest) if hand else None
    poses = CameraPoses(eyes, network, config, placer, wrist)
    try:
        yield poses
    finally:
        poses.close(2.0)
