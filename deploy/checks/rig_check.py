"""`sleight rig check`: whether a rig is fit to run a policy, without moving anything.

Here the machine and the policy; cameras are in check_cameras.py, the hand and what tells the pose
in check_links.py.
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
from ...contract.quaternions import IDENTITY
from ...errors import BundleError, ConfigError, ConnectError, DataError, SleightError
from ..rig_file import RigConfig, bundle_of, facts
from ..runtime.loop_timing import spread_ms
from ..runtime.policy_runner import OnnxPolicy, Sensors
from ..runtime.realtime import realtime

POLICY_STEPS = 50
POLICY_SHARE = 0.5
"""Share of the period that a step of the policy may take."""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    name: str
    ok: bool
    text: str
    exit_code: int = 2


def raise_failed(rig: str, findings: Sequence[Finding]) -> None:
    """Raise the error of what failed first, if anything did: ConfigError or ConnectError."""
    failed = [finding for finding in findings if not finding.ok]
    if failed:
        first, count = failed[0], len(failed)
        others = f" (and {count - 1} more)" if count > 1 else ""
        kind = ConnectError if first.exit_code == ConnectError.exit_code else ConfigError
        raise kind(f"{rig}: {first.name}: {first.text}{others}")


@dataclass
class Check:
    """All that a check found."""

    config: RigConfig
    tell: Callable[[Finding], None]
    findings: list[Finding] = field(default_factory=list)
    fingerprint: str = ""
    simulated: bool = False

    @property
    def failed(self) -> list[Finding]:
        """What keeps the rig from running."""
        return [finding for finding in self.findings if not finding.ok]

    def look(self, name: str, judge: Callable[[], str]) -> bool:
        """Run one judgement: it returns what it saw, or raises SleightError."""
        try:
            finding = Finding(name, True, judge())
        except SleightError as error:
            finding = Finding(name, False, " ".join(str(error).split()), error.exit_code)
        self.findings.append(finding)
        self.tell(finding)
        return finding.ok

    def record(self) -> dict[str, Any]:
        """What is kept of it."""
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
    """Room for logs, and scheduling."""
    config = check.config

    def disk() -> str:
        place = config.log.dir
        while not place.exists():
            place = place.parent
        free_mb = shutil.disk_usage(place).free / 1e6
        if free_mb < config.log.min_free_mb or not os.access(place, os.W_OK):
            raise DataError(
                f"{config.log.dir}: got {free_mb:.0f} MB free on its disk,"
                f" allowed: {config.log.min_free_mb:g} or more, in a folder that can be written"
            )
        return f"{free_mb:.0f} MB free for logs"

    def scheduling() -> str:
        with realtime(config.realtime) as granted:
            return "real-time" if granted else "ordinary: turns may be late on a busy machine"

    check.look("disk", disk)
    check.look("scheduling", scheduling)


def check_policy(check: Check) -> Bundle | None:
    """The bundle is whole, is the one that the rig is bound to, and is fast enough."""
    config = check.config
    found: list[Bundle] = []

    def bundle() -> str:
        found.append(load_bundle(bundle_of(config)))
        manifest = found[0].manifest
        check_hash(config, found[0])
        return f"{manifest.name}, graph {manifest.graph.sha256[:12]}, {manifest.task.name}"

    def speed() -> str:
        took = spread_ms(_policy_times(found[0]))
        assert took is not None
        period_ms = 1e3 * found[0].manifest.control.period_s
        if took["p50"] > POLICY_SHARE * period_ms:
            raise BundleError(
                f"{found[0].graph}: got {took['p50']} ms a step,"
                f" allowed: {POLICY_SHARE * period_ms:g} ms of the {period_ms:g} ms period"
            )
        return f"a step takes {took['p50']} ms, {took['max']} ms at most"

    ok = check.look("bundle", bundle) and check.look("policy", speed)
    return found[0] if ok else None


def check_hash(config: RigConfig, bundle: Bundle) -> None:
    """Hold a bundle against the hash that the rig file binds it to. Raises BundleError."""
    wanted, got = config.policy.sha256, bundle.manifest.graph.sha256
    if wanted is not None and wanted != got:
        raise BundleError(
            f"{bundle.folder / MANIFEST}: graph.sha256: got {got[:12]}...,"
            f" allowed: {wanted[:12]}..., the rig file's policy.sha256"
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
    seen = Sensors(joints, joints, motors, pose, goal)
    times = []
    for _ in range(POLICY_STEPS):
        started_s = time.monotonic()
        policy.step(seen)
        times.append(time.monotonic() - started_s)
    return times[1:]  # the first one warms up
