"""The checks of `sleight rig check` of the hand and of the source of the object's pose."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.bundle import Bundle, match_hand
from ...contract.hand_spec import HandSpec
from ...contract.manifest import CAMERA_IMAGES
from ...errors import ConfigError, ConnectError, DataError
from ..cameras.pose_sources import PoseSource, Referee
from ..hand.guard import GuardedHand
from ..hand.hand import HandMode, StaleState
from ..hand.temperature import hottest
from ..rig_file import RigConfig, fingerprint
from ..runtime.loop_timing import spread_ms
from ..runtime.planned_judge import turns_faces
from ..runtime.realtime import realtime
from ..runtime.rig_connect import (
    connected_hand,
    connected_pictures,
    connected_poses,
    pose_from_cameras,
    reads_cameras,
)
from .clearance import write_record
from .rig_check import Check, Finding, check_machine, check_policy, raise_failed

if TYPE_CHECKING:
    from ..cameras.camera_threads import Camera

WATCH_S = 2.0
"""Duration of the observation of states and poses."""
POLL_S = 0.004
FAILED_CAMERAS = "got cameras that failed their check, see above, allowed: working ones"
BEYOND_RAD = 0.15
"""Tolerance of joint angles outside their limits: sensors are biased, limits are soft."""


def check_rig(config: RigConfig, tell: Callable[[Finding], None]) -> Path:
    """Check everything, report each finding, and write the record; returns its path.

    Raises the error of the first check that failed, after all possible checks are done.
    """
    check = Check(config, tell)
    check_machine(check)
    bundle = check_policy(check)
    with ExitStack() as stack:
        cameras = _cameras(check, stack, bundle)
        if bundle is not None:
            check.fingerprint = fingerprint(config, *bundle.hashes)
            _check_links(check, stack, bundle, cameras)
    return _finish(check)


def check_joints(config: RigConfig, tell: Callable[[Finding], None]) -> dict[str, Any]:
    """Run the checks for a sweep of the joints: machine and hand, without policy and object.

    Writes the record and returns it. Raises like `check_rig`.
    """
    check = Check(config, tell)
    check_machine(check)
    check.fingerprint = fingerprint(config)
    with ExitStack() as stack:
        hand = _check_hand(check, stack, None, config.calibrate.joints.period_s)
        if hand is not None:
            _check_flow(check, hand, None)
    _finish(check)
    return check.record()


def _finish(check: Check) -> Path:
    """Write the record; raise the error of the first failed check."""
    path = write_record(check.config, check.record())
    raise_failed(check.config.rig.name, check.findings)
    return path


def _cameras(check: Check, stack: ExitStack, bundle: Bundle | None) -> dict[str, Camera] | None:
    """The cameras of the rig file, opened; None if one fails its check."""
    if not check.config.cameras:
        return {}
    from .camera_check import check_cameras  # OpenCV

    read = False
    if bundle is not None:
        with contextlib.suppress(ConfigError):  # the check of the object reports it
            read = reads_cameras(check.config, bundle)
    return check_cameras(check, stack, read)


def _check_links(
    check: Check, stack: ExitStack, bundle: Bundle, cameras: dict[str, Camera] | None
) -> None:
    config = check.config
    poses: list[PoseSource] = []

    def object_() -> str:
        if cameras is None and pose_from_cameras(config, bundle):
            raise ConnectError(FAILED_CAMERAS)
        poses.append(stack.enter_context(connected_poses(config, bundle, cameras or {})))
        return _object(poses[0], bundle)

    def pictures() -> str:
        if cameras is None:
            raise ConnectError(FAILED_CAMERAS)
        newest = connected_pictures(config, bundle, cameras)
        assert newest is not None
        views, edge = newest()[CAMERA_IMAGES].shape[:2]
        return f"{views} of {edge} px, for the policy"

    hand = _check_hand(check, stack, bundle, bundle.manifest.control.period_s)
    check.look("object", object_)
    if bundle.manifest.images is not None:
        check.look("pictures", pictures)
    if cameras:
        from .camera_check import check_places

        check_places(check, cameras, poses[0] if poses else None)
    if hand is not None:
        _check_flow(check, hand, poses[0] if poses else None)
    if poses and turns_faces(bundle):
        check.look("face angles", lambda: _reports(poses[0], config.plan.max_gap_s))


def _check_hand(
    check: Check, stack: ExitStack, bundle: Bundle | None, period_s: float
) -> GuardedHand | None:
    """The connected hand; None if it cannot be reached."""
    hands: list[GuardedHand] = []

    def hand() -> str:
        hands.append(stack.enter_context(connected_hand(check.config, period_s, dry=True)))
        check.simulated = hands[0].simulated
        kind = "simulated" if check.simulated else "REAL"
        return f"{hands[0].spec.name}, {kind}, {len(hands[0].spec.joints)} joints"

    if check.look("hand", hand):
        check.look("names and limits", lambda: _limits(bundle, hands[0], check.config))
    return hands[0] if hands else None


def _limits(bundle: Bundle | None, hand: GuardedHand, config: RigConfig) -> str:
    if bundle is not None:
        match_hand(bundle, hand.spec)
    spec = hand.spec
    room = spec.upper - spec.lower - 2 * config.gate.margin_rad
    tight = int(room.argmin())
    if room[tight] <= 0:
        raise ConfigError(
            f"gate.margin_rad: got {config.gate.margin_rad:g}, allowed: less than half the range"
            f" of {spec.actuators[tight]}, {spec.upper[tight] - spec.lower[tight]:.3f} rad"
        )
    return "they match the policy" if bundle else "the range exceeds the gate's margins"


def _object(poses: PoseSource, bundle: Bundle) -> str:
    trained_m = bundle.manifest.task.object_size_m
    if not isinstance(poses, Referee):
        return "from cameras"
    sizes = f"{1e3 * poses.object_size_m:.1f} mm, trained on {1e3 * trained_m:.1f}"
    return f"from the referee: {sizes}"


def _check_flow(check: Check, hand: GuardedHand, poses: PoseSource | None) -> None:
    """Observe the arrival of states and poses, then check each."""
    loop = check.config.loop
    with realtime(check.config.realtime):
        arrivals = _watch(hand, poses)
    limit_s = loop.hand_max_age_s

    def states() -> str:
        if not arrivals.hand_age_s:
            raise StaleState(f"got none within {WATCH_S:.0f} s, allowed: ages up to {limit_s:g} s")
        health = hand.health()
        lost = health.states_lost / max(health.states + health.states_lost, 1)
        ages = spread_ms(arrivals.hand_age_s)
        assert ages is not None
        if ages["p99"] > 1e3 * limit_s:
            raise StaleState(f"got ages up to {ages['p99']} ms, allowed: {1e3 * limit_s:g} ms")
        return (
            f"{health.state_rate_hz:.0f} Hz, age {ages['p50']} ms, {ages['max']} ms at most,"
            f" {lost:.1%} lost"
        )

    def pose() -> str:
        ages = spread_ms(arrivals.pose_age_s)
        if ages is None or ages["p99"] > 1e3 * loop.pose_max_age_s:
            got = f"ages up to {ages['p99']} ms" if ages else f"none within {WATCH_S:.0f} s"
            raise StaleState(f"got {got}, allowed: {1e3 * loop.pose_max_age_s:g} ms")
        return f"age {ages['p50']} ms, {ages['max']} ms at most"

    def motors() -> str:
        warmest = hottest(hand.spec, hand.health().temperature_c)
        if warmest is None:
            return "the hand does not report temperatures"
        if warmest[1] >= loop.temperature.warn_c:
            raise DataError(
                f"{warmest[0]}: got {warmest[1]:.0f} C,"
                f" allowed: less than {loop.temperature.warn_c:g} C"
            )
        return f"hottest {warmest[0]}, {warmest[1]:.0f} C"

    if check.look("joint states", states):
        check.look("joint angles", lambda: _angles(arrivals.position, hand.spec))
        check.look("mode", lambda: _mode(arrivals.mode))
        check.look("motors", motors)
    if poses is not None:
        check.look("pose", pose)


@dataclass
class _Arrivals:
    """Ages of states and poses, and the last state, during the observation."""

    hand_age_s: list[float] = field(default_factory=list)
    pose_age_s: list[float] = field(default_factory=list)
    position: np.ndarray = field(default_factory=lambda: np.zeros(0))
    mode: HandMode = HandMode.READY


def _watch(hand: GuardedHand, poses: PoseSource | None) -> _Arrivals:
    arrivals = _Arrivals()
    end_s = time.monotonic() + WATCH_S
    while time.monotonic() < end_s:
        time.sleep(POLL_S)
        try:
            # The newest state of any age, because the age is what is checked.
            state = hand.read(WATCH_S)
        except StaleState:
            break
        arrivals.hand_age_s.append(state.age_s)
        arrivals.position, arrivals.mode = state.position, state.mode
        if poses is not None and (pose := poses.newest(WATCH_S)) is not None:
            arrivals.pose_age_s.append(pose.age_s)
    return arrivals


def _reports(poses: PoseSource, limit_s: float) -> str:
    """The reports of a cube since the source was connected."""
    reports = poses.joint_reports()
    if len(reports) < 2:
        raise StaleState(f"got {len(reports) or 'none'}, allowed: a report every {limit_s:g} s")
    gaps_s = np.diff([report.time_s for report in reports])
    longest_s = max(gaps_s.max(), time.monotonic() - reports[-1].heard_s)
    if longest_s > limit_s:
        raise StaleState(f"got a gap of {longest_s:.2f} s, allowed: a report every {limit_s:g} s")
    return f"{1 / gaps_s.mean():.1f} reports per second, {longest_s:.2f} s apart at most"


def _angles(position: np.ndarray, spec: HandSpec) -> str:
    below, above = spec.joint_lower - position, position - spec.joint_upper
    beyond = np.maximum(below, above)
    worst = int(beyond.argmax())
    if not np.isfinite(position).all() or beyond[worst] > BEYOND_RAD:
        got, low, high = position[worst], spec.joint_lower[worst], spec.joint_upper[worst]
        hint = "; degrees?" if abs(got) > 2 * np.pi else ""
        raise DataError(
            f"{spec.joints[worst]}: got {got:.3f} rad, allowed: {low:.3f} to {high:.3f}{hint}"
        )
    return f"within their limits, closest {spec.joints[worst]}, {-beyond[worst]:.3f} rad inside"


def _mode(mode: HandMode) -> str:
    if mode is HandMode.STOPPED:
        raise ConfigError("got a latched stop, allowed: a restarted hand")
    return str(mode)
