"""The rig file: all that is particular to one rig, and what a run on it does. YAML or flags."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from ..config import Range, load, to_dict
from ..errors import ConfigError
from .calibration.board_config import CalibrateConfig
from .cameras.camera_config import STREAM, CameraConfig
from .cameras.markers import MarkersConfig
from .cameras.pose_checks import CameraPosesConfig
from .drivers.driver_registry import HandConfig
from .hand.estop import EstopConfig
from .hand.gate import GateConfig
from .hand.guard import WatchdogConfig
from .runtime.control_loop import LoopConfig

Port = Annotated[int, Range(1, 65535)]


@dataclass(frozen=True)
class RigEntry:
    """Which rig it is."""

    name: str = "sim"
    """Its name, which an operator types to let it move."""
    serial: str = ""
    """The hand's serial number, for the record."""
    side: Literal["right", "left"] = "right"
    """Which hand it is; only right ones have a table so far."""

    def __post_init__(self) -> None:
        if not self.name.strip() or "/" in self.name:
            raise ConfigError(f"name: got {self.name!r}, allowed: a name without '/'")
        if self.side != "right":
            raise ConfigError("side: got left, allowed: right, the only hand with a table so far")


@dataclass(frozen=True)
class RefereeEntry:
    """The referee of a simulated rig: the object's true pose in the place of cameras."""

    host: str = "127.0.0.1"
    """Address."""
    port: Port = 7412
    """Its port."""


@dataclass(frozen=True)
class PolicyEntry:
    """What drives the hand."""

    bundle: Path | None = None
    """The bundle's folder."""
    sha256: str | None = None
    """The hash that its graph must have, where the rig is bound to one policy."""


@dataclass(frozen=True)
class LogEntry:
    """What is written."""

    dir: Path = Path("runs")
    """Where the folders of runs and the records of checks are made."""
    min_free_mb: Annotated[float, Range(0, 1e9)] = 200.0
    """Less room than this on its disk is too little to begin."""
    images_hz: Annotated[float, Range(0, 30)] = 1.0
    """Pictures of each camera per second that are logged; 0: none."""
    images_quality: Annotated[int, Range(1, 100)] = 80
    """Of these JPEGs."""


@dataclass(frozen=True)
class RigConfig:
    """A rig, and a run on it."""

    rig: RigEntry = field(default_factory=RigEntry)
    """Which rig."""
    hand: HandConfig = field(default_factory=HandConfig)
    """The hand and the way to it."""
    referee: RefereeEntry | None = field(default_factory=RefereeEntry)
    """A simulated rig's referee; null where there is none."""
    cameras: tuple[CameraConfig, ...] = ()
    """The cameras."""
    markers: MarkersConfig | None = None
    """A program that tracks markers on the object and the palm; null where there is none."""
    pose_from: Literal["auto", "cameras", "markers", "referee"] = "auto"
    """What tells the object's pose; auto: cameras where the bundle reads them, else markers where
    they are told, else the referee."""
    poses: CameraPosesConfig = field(default_factory=CameraPosesConfig)
    """How frames of cameras become poses, and which of them are believed."""
    calibrate: CalibrateConfig = field(default_factory=CalibrateConfig)
    """The board that cameras are calibrated by."""
    policy: PolicyEntry = field(default_factory=PolicyEntry)
    """The policy."""
    gate: GateConfig = field(default_factory=GateConfig)
    """The safety gate."""
    loop: LoopConfig = field(default_factory=LoopConfig)
    """The 80 ms loop."""
    watchdog: WatchdogConfig = field(default_factory=WatchdogConfig)
    """When the program gives up on its own loop."""
    estop: EstopConfig = field(default_factory=EstopConfig)
    """The operator's stop."""
    log: LogEntry = field(default_factory=LogEntry)
    """Where it is recorded."""
    trials: Annotated[int, Range(1, 10_000)] = 10
    """Trials: successes in a row until a drop, a timeout or the maximum."""
    goal_seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of the goals, and of the noise of a policy that draws its actions."""
    duration_s: Annotated[float, Range(0, 1e6)] = 0.0
    """End after this much time, cutting the trial under way; 0 waits for all trials."""
    realtime: bool = True
    """Ask the system for real-time scheduling; without leave it runs as any process."""

    def __post_init__(self) -> None:
        for what in ("name", "device"):
            values = [getattr(camera, what) for camera in self.cameras]
            # The streams of a simulated rig share an address.
            values = [value for value in values if not value.startswith(STREAM)]
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ConfigError(
                    f"cameras: got the {what} {twice[0]} twice, allowed: one camera each"
                )


OF_A_RUN = ("trials", "goal_seed", "duration_s", "realtime", "log", "calibrate")
"""Fields that a check does not look at: they may differ between it and the run."""


def fingerprint(config: RigConfig, *graphs: str) -> str:
    """Hash of all that a check has looked at: the resolved file and flags, the cameras'
    calibration, and the bundle (`Bundle.hashes`).

    Comments and the order of a file do not count; a flag that changes the rig does.
    """
    looked_at = {key: value for key, value in to_dict(config).items() if key not in OF_A_RUN}
    files = [path for c in config.cameras for path in (c.intrinsics, c.extrinsics)]
    text = json.dumps([looked_at, graphs, [_content(path) for path in files]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(path: Path | None) -> str:
    """Hash of a file; empty where there is none yet, which a check then says."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""


def load_rig(words: list[str]) -> RigConfig:
    """`[RIG.yaml] [BUNDLE] [--field value ...]`: a folder is a bundle, a file is a rig file.

    Raises ConfigError.
    """
    places: dict[str, Path] = {}
    rest = list(words)
    while rest and not rest[0].startswith("-"):
        path = Path(rest.pop(0))
        kind = "bundle" if path.is_dir() else "rig file"
        if not path.exists():
            raise ConfigError(f"{path}: no such file; allowed: a rig file or a bundle's folder")
        if kind in places:
            raise ConfigError(f"{path}: got a second {kind}, allowed: one beside {places[kind]}")
        places[kind] = path
    if "bundle" in places:
        rest = ["--policy.bundle", str(places["bundle"]), *rest]
    return load(RigConfig, places.get("rig file"), rest)


def bundle_of(config: RigConfig) -> Path:
    """The bundle's folder. Raises ConfigError when none was named."""
    if config.policy.bundle is None:
        raise ConfigError(
            "policy.bundle: got none, allowed: a bundle's folder,"
            " in the rig file or on the command line"
        )
    return config.policy.bundle


def facts(config: RigConfig) -> dict[str, Any]:
    """What a record says of the rig."""
    return {"name": config.rig.name, "serial": config.rig.serial, "side": config.rig.side}
