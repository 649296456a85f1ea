"""Config of the simulated rig, of its plant and its faults, and the numbers drawn from its seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from ...config import Range
from ...contract.hand_spec import HandSpec
from ...envs.cube.notation import NotationError, parse_moves
from ...envs.hands.variants import VariantName
from ...errors import ConfigError, nearest
from ..link.secret import is_loopback
from .sim_cameras import RigCamerasConfig
from .smart_cube import SmartCubeConfig, reports_faces

Port = Annotated[int, Range(0, 65535)]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Span = tuple[Annotated[float, Range(0, 10)], Annotated[float, Range(0, 10)]]


_SPANS = ("gain", "motor_lag_s", "damping", "slack_rad", "object_size", "object_mass", "friction")


@dataclass(frozen=True)
class PlantConfig:
    """The simulated hand; hidden numbers are drawn once from these ranges with the rig's seed."""

    hand: str = "gymnasium-robotics"
    """The simulated hand; allowed are the hands of `env.model.hand` in training."""
    object: str = "block"
    """Object that is placed in the hand; a bundle names its object under task.object."""
    scramble: str = ""
    """Moves that are applied to a cube before it is placed, for example `L2 U2 R'`."""
    timestep_s: Annotated[float, Range(2e-4, 5e-3)] = 0.001
    """Physics time step and period of the rig's controller [s]."""
    gain: Span = (0.8, 1.25)
    """Range of the factor on each motor's proportional gain, log-uniform."""
    motor_lag_s: Span = (0.04, 0.08)
    """Range of the time constant with which each motor follows its setpoint [s]."""
    damping: Span = (0.4, 0.7)
    """Range of the factor on the damping of the joints; in training damping includes motor lag."""
    slack_rad: Span = (0.01, 0.03)
    """Range of the backlash: motion that each motor loses when it reverses [rad]."""
    deadband_rad: Annotated[float, Range(0, 0.1)] = 0.015
    """Position error within which the controller applies no force [rad] (Shadow's default)."""
    cone: Literal["pyramidal", "elliptic"] = "elliptic"
    """MuJoCo's model of the friction cone."""
    joint_friction: Annotated[float, Range(0, 0.1)] = 0.005
    """Dry friction of each joint [Nm]."""
    coupling_slack: Annotated[float, Range(1, 10)] = 3.0
    """Factor on the slack between the two distal joints of a finger."""
    encoder_bias_rad: Annotated[float, Range(0, 0.1)] = 0.01
    """Standard deviation of the constant error of each joint sensor [rad]."""
    encoder_noise_rad: Annotated[float, Range(0, 0.1)] = 0.002
    """Standard deviation of the noise of each reading [rad]."""
    velocity_lag_s: Annotated[float, Range(1e-3, 0.2)] = 0.02
    """Time constant of the filter that computes velocities from readings [s]."""
    object_size: Span = (0.98, 1.02)
    """Range of the factor on the size of the object."""
    object_mass: Span = (0.85, 1.15)
    """Range of the factor on the mass of the object."""
    friction: Span = (0.8, 1.2)
    """Range of the factor on the sliding friction of hand and object."""
    tilt_rad: Annotated[float, Range(0, 0.3)] = 0.02
    """Standard deviation of the tilt of the mount about each horizontal axis [rad]."""
    object_size_m: Annotated[float | None, Range(0.01, 0.3)] = None
    """Nominal size of the object [m]. Default: the object's own size, 0.057 for the block."""
    variant: VariantName = "none"
    """Variant of the hand: a stiff glove, two fingers tied, pushes on the object, a soft cover."""
    object_mass_kg: Annotated[float | None, Range(0.01, 0.5)] = None
    """Nominal mass of the object [kg]. Default: the object's own mass, 0.078 for the block."""

    def __post_init__(self) -> None:
        for name in _SPANS:
            low, high = getattr(self, name)
            # Factors are log-uniform, so they are above zero; only slack may be zero.
            rule = "0 <= low <= high" if name == "slack_rad" else "0 < low <= high"
            if low > high or (low == 0 and name != "slack_rad"):
                raise ConfigError(
                    f"{name}: got [{low:g}, {high:g}], allowed: [low, high] with {rule}"
                )
        try:
            parse_moves(self.scramble)
        except NotationError as error:
            raise ConfigError(f"scramble: {error}") from error
        if self.scramble and not reports_faces(self.object):
            line = f"scramble: got moves with the object {self.object}"
            raise ConfigError(f"{line}, allowed: with a cube whose six faces turn")


FaultKind = Literal[
    "freeze",
    "drop",
    "delay",
    "reorder",
    "nan",
    "stuck_joint",
    "hot_motor",
    "camera_freeze",
    "angles_freeze",
    "kill",
]


@dataclass(frozen=True)
class FaultConfig:
    """A fault that begins while the rig runs."""

    kind: FaultKind
    """freeze, drop, delay, reorder, nan: affect joint states; camera_freeze: object poses stop;
    angles_freeze: reports of a cube's face angles stop; stuck_joint: a joint does not move;
    hot_motor: a motor gives no force, as when Shadow's firmware halts it; kill: the process ends,
    as by kill -9."""
    after_s: Annotated[float, Range(0, 1e6)] = 5.0
    """Start of the fault after the hand was first armed [s]."""
    for_s: Annotated[float, Range(0, 1e6)] = 0.0
    """Duration of the fault [s]; 0: until the end."""
    share: Annotated[float, Range(0, 1)] = 0.5
    """Fraction of joint states that are dropped or reordered."""
    delay_s: Annotated[float, Range(0, 10)] = 0.1
    """Delay of joint states [s]."""
    name: str = ""
    """Name of the joint (stuck_joint) or the motor (hot_motor)."""

    def check(self, spec: HandSpec) -> None:
        """Raise ConfigError for a name that this hand does not have."""
        names_of = {"stuck_joint": spec.joints, "hot_motor": spec.actuators}
        allowed = names_of.get(self.kind, ("",))
        if self.name not in allowed:
            raise ConfigError(
                f"faults: name: got {self.name!r} for {self.kind}, {nearest(self.name, allowed)}"
            )


@dataclass(frozen=True)
class RigSimConfig:
    """`sleight rig sim`: a process that simulates a hand in real time."""

    host: str = "127.0.0.1"
    """Address to listen on; the default, loopback, allows commands only from this machine."""
    port: Port = 7411
    """TCP port of the hand; 0: a free port."""
    referee_port: Port = 7412
    """TCP port of the referee (true object pose, requests to place the object); 0: a free port."""
    secret: Path | None = None
    """File with a secret that the clients of the hand must know too; not needed on the loopback."""
    without_secret: bool = False
    """Listen on another address than the loopback without a secret: anyone can command the hand."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of the hidden numbers, the noise, and the orientations of placed objects."""
    real_time_factor: Annotated[float, Range(0.05, 20)] = 1.0
    """Speed of the physics relative to the wall clock; watchdogs use the wall clock."""
    state_rate_hz: Annotated[float, Range(1, 1000)] = 125.0
    """Joint states per second of simulated time."""
    hold_after_s: Positive = 0.2
    """Watchdog: an armed hand holds when no message arrives for this time [s]."""
    relax_after_s: Positive = 2.0
    """Watchdog: the hand relaxes when no message arrives for this time [s]."""
    hold: Literal["target", "measured"] = "target"
    """Target of a hold: target keeps the setpoint and the grip, measured uses the joint angles."""
    drop_height_m: Annotated[float, Range(-1, 1)] = -0.04
    """Height in frame palm [m] below which the referee reports the object as dropped."""
    realtime: bool = True
    """Request real-time scheduling; if it is refused, the process runs with ordinary priority."""
    log: Path | None = None
    """File for a log of the hand's events: JSON lines with monotonic times."""
    duration_s: Annotated[float, Range(0, 1e9)] = 0.0
    """Time after which the rig ends [s]; 0: run until Ctrl-C."""
    cameras: RigCamerasConfig | None = None
    """Three rendered cameras in a separate process; null: no cameras, which saves CPU time."""
    smart_cube: SmartCubeConfig | None = field(default_factory=SmartCubeConfig)
    """How a cube of six faces reports their angles; null: always the true ones. Other objects
    report their true inner joints."""
    faults: tuple[FaultConfig, ...] = ()
    """Faults to inject."""
    plant: PlantConfig = field(default_factory=PlantConfig)
    """Differences of the hand from the one in training."""

    def __post_init__(self) -> None:
        if not (is_loopback(self.host) or self.secret or self.without_secret):
            raise ConfigError(
                f"host: got {self.host!r} without a secret, allowed: the loopback, or a secret"
                " (--secret FILE), because others can reach this address;"
                " --without_secret true lets anyone command the hand"
            )


@dataclass(frozen=True)
class Hidden:
    """One draw from `PlantConfig`, unknown to policies. A motors, J joints."""

    gain: np.ndarray
    """(A,) factor."""
    motor_lag_s: np.ndarray
    """(A,)"""
    slack_rad: np.ndarray
    """(A,)"""
    damping: np.ndarray
    """(J,) factor."""
    encoder_bias_rad: np.ndarray
    """(J,)"""
    object_size: float
    object_mass: float
    """Factors on size and mass."""
    friction: float
    tilt_rad: np.ndarray
    """(2,) about x and y."""


def draw(config: PlantConfig, actuators: int, joints: int, rng: np.random.Generator) -> Hidden:
    """The hidden numbers of one rig."""

    def factor(span: Span, size: int | None = None) -> np.ndarray:
        return np.exp(rng.uniform(np.log(span[0]), np.log(span[1]), size))

    return Hidden(
        gain=factor(config.gain, actuators),
        motor_lag_s=rng.uniform(*config.motor_lag_s, actuators),
        slack_rad=rng.uniform(*config.slack_rad, actuators),
        damping=factor(config.damping, joints),
        encoder_bias_rad=config.encoder_bias_rad * rng.standard_normal(joints),
        object_size=float(factor(config.object_size)),
        object_mass=float(factor(config.object_mass)),
        friction=float(factor(config.friction)),
        tilt_rad=config.tilt_rad * rng.standard_normal(2),
    )
