"""Config of the environment: control, goals, resets, observation terms, rewards, randomization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ..config import Extensible, Range, block_name
from .sim.model_config import ModelConfig

Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]


@dataclass(frozen=True)
class ControlConfig:
    """How an action in [-1, 1] becomes position targets of the hand's motors."""

    substeps: Annotated[int, Range(1, 200)] = 10
    """Physics steps per action. The control period is substeps times model.timestep_s (80 ms)."""
    law: Literal["relative_to_target", "relative_to_joint", "absolute"] = "relative_to_target"
    """What an action is added to: the last target, the joint angle, or the middle of the range."""
    scale: Annotated[float, Range(0, 2, open_low=True)] = 0.35
    """Change of the target for an action of 1, as a fraction of half the motor's range."""
    ema: Annotated[float, Range(0, 1, open_high=True)] = 0.0
    """Weight of the last target in the exponential moving average of targets; 0: no smoothing."""
    rated_speed: bool = True
    """Limit the speed of targets to the rated speed of the motors, as the safety gate does."""
    max_error_rad: Annotated[float, Range(0.01, 10)] = 0.35
    """Largest distance of a target from the measured angle [rad], per joint of the motor."""
    margin_rad: Annotated[float, Range(0, 0.1)] = 0.02
    """Targets stay this far inside the position limits of the motors [rad]."""
    wrist_rad: Annotated[float, Range(0, 1)] = 1.0
    """Largest wrist target from level [rad]; 0 keeps the wrist level, 1 leaves it free."""


@dataclass(frozen=True)
class GoalConfig:
    """How goal orientations are drawn, and when a goal is reached."""

    face_up: Share = 1.0
    """Fraction of goals with one face up and any yaw (Solving Rubik's Cube, algorithm 3)."""
    any_axis: Share = 0.0
    """Fraction of goals drawn uniformly on SO(3)."""
    about_z: Share = 0.0
    """Fraction of goals that rotate the block about the vertical axis only."""
    flip_share: Share = 0.5
    """Fraction of face-up goals that bring another face up."""
    half_share: Share = 0.2
    """Fraction of those flips that turn the block upside down, once goals may be that far away."""
    threshold_rad: Annotated[float, Range(0, 3, open_low=True)] = 0.4
    """A goal is reached within this rotation distance [rad]."""
    timeout_s: Positive = 32.0
    """Time limit for one goal [s]; after it the episode is truncated."""
    max_successes: Annotated[int, Range(1, 1000)] = 50
    """Number of goals reached after which an episode is truncated."""


@dataclass(frozen=True)
class ResetConfig:
    """The cache of settled states, with the object in the palm, from which episodes start."""

    cache: Annotated[int, Range(1, 100_000)] = 1024
    """Number of states that are settled when the environment is built."""
    settle_s: Positive = 0.8
    """Time for the object to come to rest in the palm [s]."""
    many_poses: Share = 0.7
    """Fraction of states settled in random hand poses; the others use the home pose."""
    half_flipped: Share = 0.3
    """Fraction of states in which the block leans on the fingers, halfway through a flip."""


ACTOR_TERMS = (
    "joint_position",
    "joint_velocity",
    "target",
    "last_action",
    "object_position",
    "object_reduced",
    "object_motion",
    "goal_step",
    "goal_angle",
)
CRITIC_TERMS = (
    *ACTOR_TERMS,
    "object_velocity",
    "object_spin",
    "fingertips_to_object",
    "motor_force",
    "goal_relative",
    "world",
)
REWARDS = {"progress": 1.0, "success": 5.0, "drop": -20.0, "action_change": -0.001}


@dataclass(frozen=True)
class EnvConfig(Extensible):
    """The task, its worlds, and their randomization."""

    task: str = "block"
    """block: reorient a block to any goal; block-z: rotate it about the vertical; cube-face: turn
    and flip a Rubik's cube with one axis, cube-full: a whole one, cube-live: a cheap whole one;
    egg: reorient an egg; pen: point a pen; reach: move fingertips to targets; or a task of an
    installed package."""
    num_worlds: Annotated[int, Range(1, 100_000)] = 128
    """Number of worlds stepped together."""
    threads: Annotated[int, Range(0, 1024)] = 0
    """Threads of the simulation; 0: one per core that the process may use."""
    backend: str = "auto"
    """Physics backend: mujoco (CPU), warp (a GPU; on the CPU for tests), or one that an installed
    package adds; auto: mujoco on the CPU, warp on another device."""
    device: str = "cpu"
    """torch device of the worlds and of their random numbers, for example cpu or cuda."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The hand and the object."""
    control: ControlConfig = field(default_factory=ControlConfig)
    """How actions become motor targets."""
    goals: GoalConfig = field(default_factory=GoalConfig)
    """Goals of the tasks that reorient an object."""
    resets: ResetConfig = field(default_factory=ResetConfig)
    """States from which episodes start."""
    actor_terms: tuple[str, ...] = ACTOR_TERMS
    """Observation terms of the policy, computed from noisy sensors."""
    critic_terms: tuple[str, ...] = CRITIC_TERMS
    """Observation terms of the value network, computed from the true state."""
    rewards: dict[str, float] = field(default_factory=lambda: dict(REWARDS))
    """Weight of each reward term."""
    randomization: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Parameter -> [low, high] in its own unit: fixed ranges. Other parameters stay nominal."""
    nominal: dict[str, float] = field(default_factory=dict)
    """Parameter -> calibrated value in its own unit: replaces the nominal one; ADR starts there."""
    adversary_width: Annotated[int, Range(1, 1024)] = 32
    """Width of the hidden layers of the random networks of adversary.action and adversary.force."""

    selector = "task"

    @classmethod
    def known_blocks(cls) -> Mapping[str, type]:
        """The fields that tasks add, `env.reach` among them."""
        from .tasks.task_registry import TASKS

        tasks = TASKS.everything().items()
        return {block_name(name): task.config for name, task in tasks if task.config is not None}

    @property
    def period_s(self) -> float:
        """Time between two actions."""
        return self.control.substeps * self.model.timestep_s
