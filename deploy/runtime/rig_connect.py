"""Opens the devices of a rig file: the hand behind its gate, cameras, and object poses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ...contract.bundle import Bundle
from ...errors import ConfigError
from ..cameras.markers import MarkerPoses
from ..cameras.pose_and_angles import PoseAndAngles
from ..cameras.pose_sources import PoseSource, Referee
from ..drivers.driver_registry import open_hand
from ..hand.dry_run import DryHand
from ..hand.guard import GuardedHand
from ..rig_file import RigConfig

if TYPE_CHECKING:
    from ..cameras.camera_threads import Camera


@contextmanager
def connected_hand(config: RigConfig, period_s: float, dry: bool = False) -> Iterator[GuardedHand]:
    """The hand, connected but not armed; held and closed at the end. Raises ConnectError.

    It moves to each target over `period_s`. dry: no command that moves the hand is sent.
    """
    driver = open_hand(config.hand)
    driver = DryHand(driver) if dry else driver
    hand = GuardedHand(driver, config.gate, period_s)
    hand.connect(config.hand.timeout_s)
    try:
        yield hand
    finally:
        hand.hold("the run has ended")
        hand.close()


@contextmanager
def connected_cameras(config: RigConfig, bundle: Bundle) -> Iterator[dict[str, Camera]]:
    """Name -> camera, for all that are read or logged, each with a first picture."""
    with ExitStack() as stack:
        opened: dict[str, Camera] = {}
        if config.cameras and (reads_cameras(config, bundle) or config.log.images_hz):
            # Imported here, because it needs OpenCV, which a rig without cameras may lack.
            from ..cameras.frame_sources import open_camera

            for camera in config.cameras:
                opened_camera = open_camera(camera, config.poses.open_timeout_s)
                opened[camera.name] = stack.enter_context(opened_camera)
        yield opened


@contextmanager
def connected_poses(
    config: RigConfig,
    bundle: Bundle,
    cameras: Mapping[str, Camera],
    hand: GuardedHand | None = None,
) -> Iterator[PoseSource]:
    """The source of object poses. Raises ConfigError, ConnectError, BundleError.

    hand: a pose from cameras is better with the angles of its wrist.
    """
    kind = _kind(config, bundle)
    with ExitStack() as stack:
        if kind == "markers":
            yield stack.enter_context(_markers(config))
            return
        referee = stack.enter_context(_referee(config)) if config.referee else None
        if kind == "cameras":
            from ..cameras.pose_thread import camera_poses

            source = camera_poses(config.cameras, cameras, bundle, config.poses, referee, hand)
            poses: PoseSource = stack.enter_context(source)
            # A cube that reports its angles itself, as the referee's does.
            reports = referee is not None and bundle.manifest.task.object_joints
            yield PoseAndAngles(poses, referee) if reports and referee else poses
        elif referee is not None:
            yield referee


def connected_pictures(
    config: RigConfig, bundle: Bundle, cameras: Mapping[str, Camera]
) -> Callable[[], Mapping[str, np.ndarray]] | None:
    """The newest pictures, see `Sensors.cameras`, for a policy that reads them; None for another.

    Raises ConfigError.
    """
    entry = bundle.manifest.images
    if entry is None:
        return None
    # A rig without cameras may lack OpenCV: without cameras the error says which are missing.
    if not config.cameras:
        names = ", ".join(entry.cameras)
        raise ConfigError(f"cameras: got none, allowed: {names}, the cameras of the bundle's graph")
    from ..cameras.pictures import newest_pictures

    return newest_pictures(config.cameras, cameras, entry, config.poses)


def reads_cameras(config: RigConfig, bundle: Bundle) -> bool:
    """Whether the policy or the object's pose needs cameras. Raises ConfigError."""
    return bundle.manifest.images is not None or pose_from_cameras(config, bundle)


def pose_from_cameras(config: RigConfig, bundle: Bundle) -> bool:
    """Whether the object's pose comes from cameras. Raises ConfigError."""
    return _kind(config, bundle) == "cameras"


def _kind(config: RigConfig, bundle: Bundle) -> str:
    """The pose source that the rig file sets, or the best available one. Raises ConfigError."""
    available = {
        "cameras": bool(config.cameras) and bundle.manifest.pose is not None,
        "markers": config.markers is not None,
        "referee": config.referee is not None,
    }
    if config.pose_from == "auto":
        kind = next((kind for kind, usable in available.items() if usable), None)
        if kind is not None:
            return kind
    elif available[config.pose_from] or config.pose_from == "cameras":
        return config.pose_from  # Errors about missing parts of cameras follow later.
    field = "referee" if config.pose_from == "auto" else config.pose_from
    blind = " beside cameras that the bundle does not read" if config.cameras else ""
    raise ConfigError(
        f"{field}: got null{blind}, allowed: cameras with a bundle that reads them, markers, or"
        " the referee of a simulated rig, because nothing else measures the pose of the object"
    )


@contextmanager
def _markers(config: RigConfig) -> Iterator[MarkerPoses]:
    assert config.markers is not None
    markers = MarkerPoses(config.markers, config.poses.checks)
    markers.connect(config.hand.timeout_s)
    try:
        yield markers
    finally:
        markers.close(1.0)


@contextmanager
def _referee(config: RigConfig) -> Iterator[Referee]:
    assert config.referee is not None
    referee = Referee(config.referee.host, config.referee.port)
    referee.connect(config.hand.timeout_s)
    try:
        yield referee
    finally:
        referee.close(1.0)
