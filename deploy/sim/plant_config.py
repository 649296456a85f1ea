"""What makes the simulated rig another hand than the one in training, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from ...config import Range
from ...contract.hand_spec import HandSpec
from ...envs.hands.variants import VariantName
from ...errors import ConfigError, nearest
from .sim_cameras import RigCamerasConfig

Port = Annotated[int, Range(0, 65535)]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Span = tuple[Annotated[float, Range(0, 10)], Annotated[float, Range(0, 10)]]


_SPANS = ("gain", "motor_lag_s", "damping", "slack_rad", "object_size", "object_mass", "friction")


@dataclass(frozen=True)
class PlantConfig:
    """Spans that the rig's hidden numbers are drawn from, once, with its seed."""

    hand: str = "gymnasium-robotics"
    """The simulated hand, one of those that `env.model.hand` of training names."""
    object: str = "block"
    """The object that is placed into it, as the bundle says under task.object."""
    timestep_s: Annotated[float, Range(2e-4, 5e-3)] = 0.001
    """Physics step, and period of the rig's own controller."""
    gain: Span = (0.8, 1.25)
    """Factor on each motor's proportional gain, log-uniform."""
    motor_lag_s: Span = (0.04, 0.08)
    """Time constant with which each motor follows its setpoint."""
    damping: Span = (0.4, 0.7)
    """Factor on the joints' damping: in training it stands for the motors' lag too."""
    slack_rad: Span = (0.01, 0.03)
    """Backlash: motion of each motor that is lost when it reverses."""
    deadband_rad: Annotated[float, Range(0, 0.1)] = 0.015
    """Error of the position at which the controller does nothing (Shadow's default)."""
    cone: Literal["pyramidal", "elliptic"] = "elliptic"
    """Friction cone."""
    joint_friction: Annotated[float, Range(0, 0.1)] = 0.005
    """Dry friction of each joint [Nm]."""
    coupling_slack: Annotated[float, Range(1, 10)] = 3.0
    """Factor on the slack between the two distal joints of a finger."""
    encoder_bias_rad: Annotated[float, Range(0, 0.1)] = 0.01
    """Standard deviation of each joint sensor's constant error."""
    encoder_noise_rad: Annotated[float, Range(0, 0.1)] = 0.002
    """Standard deviation of each reading."""
    velocity_lag_s: Annotated[float, Range(1e-3, 0.2)] = 0.02
    """Time constant of the filter that makes velocities out of readings."""
    object_size: Span = (0.98, 1.02)
    """Factor on the edge of the object."""
    object_mass: Span = (0.85, 1.15)
    """Factor on its mass."""
    friction: Span = (0.8, 1.2)
    """Factor on the sliding friction of hand and object."""
    tilt_rad: Annotated[float, Range(0, 0.3)] = 0.02
    """Standard deviation of the mount's tilt about each horizontal axis."""
    object_size_m: Annotated[float | None, Range(0.01, 0.3)] = None
    """Nominal size of the object; by default its own, 0.057 for the block."""
    variant: VariantName = "none"
    """What is done to the hand besides: a stiff glove, two fingers tied, pushes, a soft cover."""
    object_mass_kg: Annotated[float | None, Range(0.01, 0.5)] = None
    """Nominal mass of the object; by default its own, 0.078 for the block."""

    def __post_init__(self) -> None:
        for name in _SPANS:
            low, high = getattr(self, name)
            # Factors are log-uniform; of slack alone there may be none.
            rule = "0 <= low <= high" if name == "slack_rad" else "0 < low <= high"
            if low > high or (low == 0 and name != "slack_rad"):
                raise ConfigError(
                    f"{name}: got [{low:g}, {high:g}], allowed: [low, high] with {rule}"
                )


FaultKind = Literal[
    "freeze",
    "drop",
    "delay",
    "reorder",
    "nan",
    "stuck_joint",
    "hot_motor",
    "camera_freeze",
    "kill",
]


@dataclass(frozen=True)
class FaultConfig:
    """Something that breaks while the rig runs."""

    kind: FaultKind
    """freeze, drop, delay, reorder, nan: of joint states; camera_freeze: of the object's pose;
    stuck_joint: does not turn; hot_motor: gives no force, as Shadow's firmware halts one; kill: the
    process, as by kill -9."""
    after_s: Annotated[float, Range(0, 1e6)] = 5.0
    """Begins so long after the hand was first armed."""
    for_s: Annotated[float, Range(0, 1e6)] = 0.0
    """Lasts so long; 0 is for good."""
    share: Annotated[float, Range(0, 1)] = 0.5
    """Of the states that are dropped or reordered."""
    delay_s: Annotated[float, Range(0, 10)] = 0.1
    """How late states come."""
    name: str = ""
    """The joint that is stuck, the motor that is hot."""

    def check(self, spec: HandSpec) -> None:
        """Raise ConfigError for a name that this hand does not have."""
        named = {"stuck_joint": spec.joints, "hot_motor": spec.actuators}
        names = named.get(self.kind, ("",))
        if self.name not in names:
            raise ConfigError(
                f"faults: name: got {self.name!r} for {self.kind}, {nearest(self.name, names)}"
            )


@dataclass(frozen=True)
class RigSimConfig:
    """`sleight rig sim`: a process that is a hand."""

    host: str = "127.0.0.1"
    """Address to listen on; the loopback, so that nobody else commands it."""
    port: Port = 7411
    """The hand's port; 0 takes a free one."""
    referee_port: Port = 7412
    """The referee's port (the object's true pose, and requests to place it); 0 takes a free one."""
    secret: Path | None = None
    """A file of which the client must prove that it has it too; none on the loopback."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Draws the hidden numbers, the noise and the orientations in which the object is placed."""
    real_time_factor: Annotated[float, Range(0.05, 20)] = 1.0
    """Speed of the physics against the wall clock; watchdogs stay on the wall clock."""
    state_rate_hz: Annotated[float, Range(1, 1000)] = 125.0
    """Joint states per second of the hand's time."""
    hold_after_s: Positive = 0.2
    """Watchdog: an armed hand holds by itself when nothing arrives for this long."""
    relax_after_s: Positive = 2.0
    """Watchdog: then it lets go."""
    hold: Literal["target", "measured"] = "target"
    """What holding means: keep the setpoint and with it the grip, or take the measured angles."""
    drop_height_m: Annotated[float, Range(-1, 1)] = -0.04
    """The referee calls an object dropped whose centre is lower than this in frame palm."""
    realtime: bool = True
    """Ask the system for real-time scheduling; without leave it runs as any process."""
    log: Path | None = None
    """JSON lines of what happened at the hand, with monotonic times."""
    duration_s: Annotated[float, Range(0, 1e9)] = 0.0
    """Ends by itself after this; 0 runs until Ctrl-C."""
    cameras: RigCamerasConfig | None = None
    """Three rendered cameras in a process of their own; none spares the machine."""
    faults: tuple[FaultConfig, ...] = ()
    """What breaks, and when."""
    plant: PlantConfig = field(default_factory=PlantConfig)
    """How the hand differs from the one in training."""


@dataclass(frozen=True)
class Hidden:
    """One draw of `PlantConfig`: the numbers that no policy is told. A motors, J joints."""

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
    """Factors."""
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
