"""The rig file: the config of one rig and of a run on it, from YAML and flags."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from ..config import Range, load, to_dict
from ..errors import ConfigError
from ..files import check_name
from ..shipped import shipped
from .calibration.board_config import CalibrateConfig
from .cameras.camera_config import STREAM, CameraConfig
from .cameras.markers import MarkersConfig
from .cameras.pose_checks import CameraPosesConfig
from .drivers.driver_registry import HandConfig
from .hand.estop import EstopConfig
from .hand.gate import GateConfig
from .hand.watchdog import WatchdogConfig
from .runtime.control_loop import LoopConfig
from .runtime.plan_config import PlanConfig

Port = Annotated[int, Range(1, 65535)]


@dataclass(frozen=True)
class RigEntry:
    """Identity of the rig."""

    name: str = "sim"
    """Name of the rig; the operator types it to arm the hand."""
    serial: str = ""
    """Serial number of the hand, for the records."""
    side: Literal["right", "left"] = "right"
    """Side of the hand; only right hands are supported so far."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.name.strip():
            raise ConfigError(f"name: got {self.name!r}, allowed: a name")
        if self.side != "right":
            raise ConfigError("side: got left, allowed: right, the only side supported so far")


@dataclass(frozen=True)
class RefereeEntry:
    """The referee of a simulated rig: a server that sends the object's true pose."""

    host: str = "127.0.0.1"
    """Address of the referee."""
    port: Port = 7412
    """TCP port of the referee."""


@dataclass(frozen=True)
class PolicyEntry:
    """The policy that drives the hand."""

    bundle: Path | None = None
    """Folder of the bundle."""
    sha256: str | None = None
    """SHA-256 that the bundle's graph must have; null allows any policy."""


@dataclass(frozen=True)
class LogEntry:
    """What a run records."""

    dir: Path = Path("runs")
    """Folder for runs and for the records of checks."""
    min_free_mb: Annotated[float, Range(0, 1e9)] = 200.0
    """Least free disk space in MB; with less, a check fails."""
    images_hz: Annotated[float, Range(0, 30)] = 1.0
    """Camera images that are logged per second and camera; 0 logs none."""
    images_quality: Annotated[int, Range(1, 100)] = 80
    """JPEG quality of the logged images, 1 to 100."""


@dataclass(frozen=True)
class RigConfig:
    """A rig and a run on it."""

    rig: RigEntry = field(default_factory=RigEntry)
    """Name, serial number and side."""
    hand: HandConfig = field(default_factory=HandConfig)
    """The hand and how to connect to it."""
    referee: RefereeEntry | None = field(default_factory=RefereeEntry)
    """The referee of a simulated rig; null if there is none."""
    cameras: tuple[CameraConfig, ...] = ()
    """The cameras of the rig."""
    markers: MarkersConfig | None = None
    """A program that tracks markers on the object and the palm; null if there is none."""
    pose_from: Literal["auto", "cameras", "markers", "referee"] = "auto"
    """Source of the object's pose. auto: cameras if the bundle has a pose network, else markers if
    they are configured, else the referee."""
    poses: CameraPosesConfig = field(default_factory=CameraPosesConfig)
    """How camera frames become poses, and which poses are accepted."""
    calibrate: CalibrateConfig = field(default_factory=CalibrateConfig)
    """Calibration of cameras and joints."""
    policy: PolicyEntry = field(default_factory=PolicyEntry)
    """The policy that drives the hand."""
    gate: GateConfig = field(default_factory=GateConfig)
    """Limits of the safety gate."""
    loop: LoopConfig = field(default_factory=LoopConfig)
    """The control loop."""
    watchdog: WatchdogConfig = field(default_factory=WatchdogConfig)
    """Time limits after which the program stops the hand if its own loop is stuck."""
    estop: EstopConfig = field(default_factory=EstopConfig)
    """The operator's emergency stop."""
    log: LogEntry = field(default_factory=LogEntry)
    """What a run records, and where."""
    trials: Annotated[int, Range(1, 10_000)] = 10
    """Number of trials. A trial counts successes in a row until a drop, timeout or the maximum."""
    plan: PlanConfig = field(default_factory=PlanConfig)
    """Goals from a plan for a Rubik's cube."""
    goal_seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of the goals and of the noise of a stochastic policy."""
    duration_s: Annotated[float, Range(0, 1e6)] = 0.0
    """Time limit of the run; it ends the current trial early. 0: no limit."""
    realtime: bool = True
    """Request real-time scheduling; without the permission, the process runs at normal priority."""

    def __post_init__(self) -> None:
        for what in ("name", "device"):
            values = [getattr(camera, what) for camera in self.cameras]
            # The camera streams of a simulated rig share one address.
            values = [value for value in values if not value.startswith(STREAM)]
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ConfigError(
                    f"cameras: got the {what} {twice[0]} twice, allowed: one camera each"
                )


_SHORT = {"--scramble": "--plan.scramble", "--solve": "--plan.solve"}
OF_A_RUN = ("trials", "plan", "goal_seed", "duration_s", "realtime", "log", "calibrate")
"""Fields outside the fingerprint: they may differ between a check and a run."""


def fingerprint(config: RigConfig, *graphs: str) -> str:
    """Hash of everything that a check covers: the resolved config, the calibration files of the
    cameras, and the bundle (`Bundle.hashes`).

    Comments and the order of fields do not change it; a flag that changes the rig does.
    """
    checked = {key: value for key, value in to_dict(config).items() if key not in OF_A_RUN}
    files = [path for c in config.cameras for path in (c.intrinsics, c.extrinsics)]
    text = json.dumps([checked, graphs, [_content(path) for path in files]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(path: Path | None) -> str:
    """Hash of a file; empty if it does not exist yet (a check reports that)."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""


def load_rig(words: list[str]) -> RigConfig:
    """Parse `[RIG.yaml] [BUNDLE] [--field value ...]`: a folder is a bundle, a file is a rig file.

    Raises ConfigError.
    """
    paths: dict[str, Path] = {}
    rest = list(words)
    while rest and not rest[0].startswith("-"):
        path = shipped(rest.pop(0))
        kind = "bundle" if path.is_dir() else "rig file"
        if not path.exists():
            raise ConfigError(f"{path}: no such file; allowed: a rig file or a bundle's folder")
        if kind in paths:
            raise ConfigError(f"{path}: got a second {kind}, allowed: one beside {paths[kind]}")
        paths[kind] = path
    if "bundle" in paths:
        rest = ["--policy.bundle", str(paths["bundle"]), *rest]
    rest = [_long(word) for word in rest]
    return load(RigConfig, paths.get("rig file"), rest)


def _long(word: str) -> str:
    """A flag with its whole name: `--scramble`, also as `--scramble=MOVES`."""
    name, equals, value = word.partition("=")
    return _SHORT.get(name, name) + equals + value


def bundle_of(config: RigConfig) -> Path:
    """The folder of the bundle. Raises ConfigError if the config names none."""
    if config.policy.bundle is None:
        raise ConfigError(
            "policy.bundle: got none, allowed: a bundle's folder,"
            " in the rig file or on the command line"
        )
    return config.policy.bundle


def facts(config: RigConfig) -> dict[str, Any]:
    """The identity of the rig for records."""
    return {"name": config.rig.name, "serial": config.rig.serial, "side": config.rig.side}
