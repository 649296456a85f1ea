"""`sleight rig check`: whether a rig is ready to run a policy, without moving anything.

This module checks the machine and the policy; camera_check.py checks the cameras, link_check.py the
hand and the source of the object's pose.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import __version__
from ...contract.bundle import MANIFEST, Bundle, load_bundle
from ...contract.manifest import CAMERA_IMAGES, CAMERA_MATRICES
from ...contract.quaternions import IDENTITY
from ...errors import BundleError, ConfigError, ConnectError, DataError, SleightError
from ..rig_file import RigConfig, bundle_of, facts
from ..runtime.loop_timing import spread_ms
from ..runtime.policy_runner import OnnxPolicy, Sensors
from ..runtime.realtime import realtime

POLICY_STEPS = 50
POLICY_SHARE = 0.5
"""Largest duration of a policy step, as a share of the control period."""


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    ok: bool
    text: str
    exit_code: int = 2


def raise_failed(rig: str, findings: Sequence[Finding]) -> None:
    """Raise ConfigError or ConnectError for the first failed check, if there is one."""
    failed = [finding for finding in findings if not finding.ok]
    if failed:
        first, count = failed[0], len(failed)
        others = f" (and {count - 1} more)" if count > 1 else ""
        kind = ConnectError if first.exit_code == ConnectError.exit_code else ConfigError
        raise kind(f"{rig}: {first.name}: {first.text}{others}")


@dataclass
class Check:
    """All findings of `sleight rig check`, and how they are reported."""

    config: RigConfig
    tell: Callable[[Finding], None]
    findings: list[Finding] = field(default_factory=list)
    fingerprint: str = ""
    simulated: bool = False

    @property
    def failed(self) -> list[Finding]:
        """The findings that prevent a run."""
        return [finding for finding in self.findings if not finding.ok]

    def look(self, name: str, judge: Callable[[], str]) -> bool:
        """Run one check and report it; `judge` returns a summary or raises SleightError."""
        try:
            finding = Finding(name, True, judge())
        except SleightError as error:
            finding = Finding(name, False, " ".join(str(error).split()), error.exit_code)
        self.findings.append(finding)
        self.tell(finding)
        return finding.ok

    def record(self) -> dict[str, Any]:
        """The data of the record."""
        return {
            "ok": not self.failed,
            "wall": time.time(),
            "rig": facts(self.config),
            "fingerprint": self.fingerprint,
            "simulated": self.simulated,
            "failed": [finding.name for finding in self.failed],
            "findings": [[f.name, f.ok, f.text] for f in self.findings],
            "machine": platform.node(),
            "versions": {"sleight": __version__, "python": platform.python_version()},
        }


def check_machine(check: Check) -> None:
    """Check the free disk space and the scheduling."""
    config = check.config

    def disk() -> str:
        folder = config.log.dir
        while not folder.exists():
            folder = folder.parent
        free_mb = shutil.disk_usage(folder).free / 1e6
        if free_mb < config.log.min_free_mb or not os.access(folder, os.W_OK):
            raise DataError(
                f"{config.log.dir}: got {free_mb:.0f} MB free on its disk,"
                f" allowed: {config.log.min_free_mb:g} or more, in a writable folder"
            )
        return f"{free_mb:.0f} MB free for logs"

    def scheduling() -> str:
        with realtime(config.realtime) as granted:
            return (
                "real-time"
                if granted
                else "normal priority: control steps may be late on a busy machine"
            )

    check.look("disk", disk)
    check.look("scheduling", scheduling)


def check_policy(check: Check) -> Bundle | None:
    """Check that the bundle is valid, has the hash of the rig file, and is fast enough."""
    config = check.config
    loaded: list[Bundle] = []

    def bundle() -> str:
        loaded.append(load_bundle(bundle_of(config)))
        manifest = loaded[0].manifest
        check_hash(config, loaded[0])
        return f"{manifest.name}, graph {manifest.graph.sha256[:12]}, {manifest.task.name}"

    def speed() -> str:
        duration = spread_ms(_policy_times(loaded[0]))
        assert duration is not None
        period_ms = 1e3 * loaded[0].manifest.control.period_s
        if duration["p50"] > POLICY_SHARE * period_ms:
            raise BundleError(
                f"{loaded[0].graph}: got {duration['p50']} ms per step,"
                f" allowed: {POLICY_SHARE * period_ms:g} ms of the {period_ms:g} ms period"
            )
        return f"a step takes {duration['p50']} ms, {duration['max']} ms at most"

    ok = check.look("bundle", bundle) and check.look("policy", speed)
    return loaded[0] if ok else None


def check_hash(config: RigConfig, bundle: Bundle) -> None:
    """Raise BundleError if the bundle does not have the hash of the rig file."""
    expected, got = config.policy.sha256, bundle.manifest.graph.sha256
    if expected is not None and expected != got:
        raise BundleError(
            f"{bundle.folder / MANIFEST}: graph.sha256: got {got[:12]}...,"
            f" allowed: {expected[:12]}..., the rig file's policy.sha256"
        )


def _policy_times(bundle: Bundle) -> list[float]:
    policy = OnnxPolicy(bundle)
    hand = bundle.manifest.hand
    joints, motors = np.zeros(len(hand.joints)), np.zeros(len(hand.actuators))
    task = bundle.manifest.task
    pose = {"object_position": np.zeros(3), "object_wxyz": IDENTITY}
    if task.object_joints:
        pose["object_joints"] = np.zeros(len(task.object_joints))
    goal = {part.name: np.full(part.shape[1:], 0.5) for part in task.goals}
    images = bundle.manifest.images
    cameras = {}
    if images:
        cameras = {
            CAMERA_IMAGES: np.zeros(images.shape[1:]),
            CAMERA_MATRICES: np.zeros(images.matrices_shape[1:]),
        }
    sensors = Sensors(joints, joints, motors, pose, goal, cameras)
    times = []
    for _ in range(POLICY_STEPS):
        start_s = time.monotonic()
        policy.step(sensors)
        times.append(time.monotonic() - start_s)
    return times[1:]  # the first step is a warm-up
