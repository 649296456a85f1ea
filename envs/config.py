"""What a user may say about the simulated hand and its task; the original work's defaults."""

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
    """From an action in [-1, 1] to the targets of the hand's motors."""

    substeps: Annotated[int, Range(1, 200)] = 10
    """Physics steps per action; with model.timestep_s this is the control period (80 ms)."""
    law: Literal["relative_to_target", "relative_to_joint", "absolute"] = "relative_to_target"
    """What an action moves: the last target, the present joint angle, the middle of the range."""
    scale: Annotated[float, Range(0, 2, open_low=True)] = 0.35
    """Change of the target for an action of 1, in half ranges of the motor."""
    ema: Annotated[float, Range(0, 1, open_high=True)] = 0.0
    """Weight of the last target in the exponential moving average of targets."""
    rated_speed: bool = True
    """Targets move no faster than the motors are rated for, as a robot's safety gate demands."""
    max_error_rad: Annotated[float, Range(0.01, 10)] = 0.35
    """Farthest that a target may lie from the measured angle, per joint that the motor moves."""
    margin_rad: Annotated[float, Range(0, 0.1)] = 0.02
    """Targets stay this far inside the motors' limits."""
    wrist_rad: Annotated[float, Range(0, 1)] = 1.0
    """The wrist's targets stay this near to level; 1 lets it go anywhere, 0 holds it."""


@dataclass(frozen=True)
class GoalConfig:
    """Which orientations are asked for, and when one counts as reached."""

    face_up: Share = 1.0
    """Share of goals with one face up and any yaw (Solving Rubik's Cube, algorithm 3)."""
    any_axis: Share = 0.0
    """Share of goals uniform on SO(3)."""
    about_z: Share = 0.0
    """Share of goals that turn the block about the vertical alone."""
    flip_share: Share = 0.5
    """Among face-up goals, how many bring another face up."""
    half_share: Share = 0.2
    """Among these, how many turn the block upside down, where goals reach that far."""
    threshold_rad: Annotated[float, Range(0, 3, open_low=True)] = 0.4
    """A goal within this rotation distance is reached."""
    timeout_s: Positive = 32.0
    """Time for one goal; then the episode is cut short (a truncation)."""
    max_successes: Annotated[int, Range(1, 1000)] = 50
    """Goals reached in a row that end an episode."""


@dataclass(frozen=True)
class ResetConfig:
    """The cache of settled in-palm states from which episodes start."""

    cache: Annotated[int, Range(1, 100_000)] = 1024
    """How many states to settle when the environment is built."""
    settle_s: Positive = 0.8
    """Time for the block to come to rest in the palm."""
    many_poses: Share = 0.7
    """Share of states settled in random hand poses; the others in the home pose."""
    half_flipped: Share = 0.3
    """Share of states in which the block leans, caught by moving fingers halfway through a flip."""


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
    """A task, its worlds, and everything that is random in them."""

    task: str = "block"
    """block: reorient a block to any goal; block-z: about the vertical; egg: any orientation; pen:
    any direction; reach: fingertips to targets; or a task of an installed package."""
    num_worlds: Annotated[int, Range(1, 100_000)] = 128
    """Worlds stepped together."""
    threads: Annotated[int, Range(0, 1024)] = 0
    """Threads of the simulation; 0 takes the cores that the process may use."""
    backend: str = "mujoco"
    """Physics: mujoco on the CPU, or what an installed package adds."""
    device: str = "cpu"
    """Where the worlds and their random numbers live, as torch names it."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The hand and the object."""
    control: ControlConfig = field(default_factory=ControlConfig)
    """How actions become targets."""
    goals: GoalConfig = field(default_factory=GoalConfig)
    """Goals of tasks that turn an object."""
    resets: ResetConfig = field(default_factory=ResetConfig)
    """The states that episodes start from."""
    actor_terms: tuple[str, ...] = ACTOR_TERMS
    """Observation terms of the policy, computed from noisy sensors."""
    critic_terms: tuple[str, ...] = CRITIC_TERMS
    """Observation terms of the value network, computed from the true state."""
    rewards: dict[str, float] = field(default_factory=lambda: dict(REWARDS))
    """Weight of each reward term."""
    randomization: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Parameter -> [low, high] in its own unit, fixed ranges; parameters left out stay nominal."""

    nominal: dict[str, float] = field(default_factory=dict)
    """Parameter -> calibrated value in its own unit, where it is not drawn; ADR starts from it."""
    adversary_width: Annotated[int, Range(1, 1024)] = 32
    """Of the three hidden layers of each world's random network (adversary.action, .force)."""

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
