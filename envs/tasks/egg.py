"""The task `egg`: reorient an egg, after Gymnasium-Robotics' HandManipulateEggRotate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..config import ACTOR_TERMS, CRITIC_TERMS, EnvConfig
from .block import orientation_law
from .object_task import ObjectTask
from .task import TaskSpec


def without_faces(config: EnvConfig) -> EnvConfig:
    """The config for an object without faces: goals about any axis, no states halfway in a flip."""
    goals = replace(config.goals, face_up=0.0, any_axis=1.0, about_z=0.0)
    return replace(config, goals=goals, resets=replace(config.resets, half_flipped=0.0))


OWN = {"object_reduced": "object_rotation"}
"""Term of `block` -> the one without the reduction by the cube's symmetry."""


def instead(terms: tuple[str, ...], own: Mapping[str, str]) -> tuple[str, ...]:
    """The terms of `block`, with those of the task itself in the place of some."""
    return tuple(own.get(name, name) for name in terms)


EGG = TaskSpec(
    "reorient an egg to any goal",
    ObjectTask,
    object="egg",
    law=orientation_law,
    adapt=without_faces,
    actor_terms=instead(ACTOR_TERMS, OWN),
    critic_terms=instead(CRITIC_TERMS, OWN),
)
