"""The tasks under Gymnasium's names, for `gymnasium.make` and `gymnasium.make_vec`.

Importing this module registers them: Gymnasium 1.0 dropped the entry points by which packages once
registered themselves. It can be told to import it by the id alone:

    gymnasium.make("sleight.envs.registration:sleight/Block-v0")

The simulator is not imported before `make`.
"""

from __future__ import annotations

from gymnasium.envs import registration

from .tasks.task_registry import TASKS


def gym_id(task: str) -> str:
    """Gymnasium's id of a task: `block-z` is sleight/BlockZ-v0."""
    return f"sleight/{''.join(part.capitalize() for part in task.split('-'))}-v0"


def register() -> None:
    """Register every task, those of installed packages too; what is registered stays as it is."""
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
