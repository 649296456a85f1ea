"""The task `egg`: reorient an egg, after Gymnasium-Robotics' HandManipulateEggRotate."""

from __future__ import annotations

from dataclasses import replace

from ..config import ACTOR_TERMS, CRITIC_TERMS, EnvConfig
from .block import orientation_law
from .object_task import ObjectTask
from .task import TaskSpec


def without_faces(config: EnvConfig) -> EnvConfig:
    """The config for an object without faces: goals about any axis, no states halfway in a flip."""
    goals = replace(config.goals, face_up=0.0, any_axis=1.0, about_z=0.0)
    return replace(config, goals=goals, resets=replace(config.resets, half_flipped=0.0))


def _whole(terms: tuple[str, ...]) -> tuple[str, ...]:
    """The terms with the full orientation instead of the one reduced by the cube's symmetry."""
    return tuple("object_rotation" if name == "object_reduced" else name for name in terms)


EGG = TaskSpec(
    "reorient an egg to any goal",
    ObjectTask,
    object="egg",
    law=orientation_law,
    adapt=without_faces,
    actor_terms=_whole(ACTOR_TERMS),
    critic_terms=_whole(CRITIC_TERMS),
)
