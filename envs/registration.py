"""Registers the tasks with Gymnasium, for `gymnasium.make` and `gymnasium.make_vec`.

Importing this module registers them, because Gymnasium 1.0 has no entry points for packages. An id
can also name the module to import:

    gymnasium.make("sleight.envs.registration:sleight/Block-v0")

The simulator is not imported before `make`.
"""

from __future__ import annotations

from gymnasium.envs import registration

from .tasks.task_registry import TASKS


def gym_id(task: str) -> str:
    """Gymnasium's id of a task; `block-z` becomes sleight/BlockZ-v0."""
    return f"sleight/{''.join(part.capitalize() for part in task.split('-'))}-v0"


def register() -> None:
    """Register every task, including those of installed packages; skip registered ids."""
    for task in TASKS.names():
        name = gym_id(task)
        if name not in registration.registry:
            registration.register(
                id=name,
                entry_point="sleight.envs.gym:SingleHand",
                vector_entry_point="sleight.envs.gym:VectorHand",
                kwargs={"task": task},
            )


register()
