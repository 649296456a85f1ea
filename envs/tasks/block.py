"""The tasks `block` and `block-z`: reorient a block; each success sets a new goal, until a drop."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..config import EnvConfig
from .object_task import ObjectTask
from .orientation_goals import OrientationLaw
from .task import TaskSpec


def orientation_law(config: EnvConfig, device: torch.device | str = "cpu") -> OrientationLaw:
    """The goal law that `env.goals` configures."""
    return OrientationLaw(config.goals, device)


def _about_z(config: EnvConfig) -> EnvConfig:
    goals = replace(config.goals, face_up=0.0, any_axis=0.0, about_z=1.0)
    return replace(config, goals=goals)


BLOCK = TaskSpec("reorient a block to any goal", ObjectTask, law=orientation_law)
BLOCK_Z = TaskSpec(
    "turn a block about the vertical", ObjectTask, law=orientation_law, adapt=_about_z
)
