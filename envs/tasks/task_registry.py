"""The registry of tasks. It imports no simulator, as registering Gymnasium's ids needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...registry import Registry, must_be

if TYPE_CHECKING:
    from .task import TaskSpec

TASKS: Registry[TaskSpec] = Registry(
    "sleight.tasks",
    {
        "block": "envs.tasks.block:BLOCK",
        "block-z": "envs.tasks.block:BLOCK_Z",
        "cube-face": "envs.tasks.cubes.face_task:CUBE_FACE",
        "cube-full": "envs.tasks.cubes.full_task:CUBE_FULL",
        "cube-live": "envs.tasks.cubes.live_task:CUBE_LIVE",
        "egg": "envs.tasks.egg:EGG",
        "pen": "envs.tasks.pen:PEN",
        "reach": "envs.tasks.reach:REACH",
    },
    must_be("envs.tasks.task:TaskSpec"),
)
