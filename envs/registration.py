"""The tasks under Gymnasium's names, for `gymnasium.make` and `gymnasium.make_vec`.

Importing this module registers them: Gymnasium 1.0 dropped the entry points by which packages once
registered themselves. It can be told to import it by the id alone:

    gymnasium.make("sleight.envs.registration:sleight/Block-v0")

The simulator is not imported before `make`.
"""

from __future__ import annotations

from gymnasium.envs import registration

TASKS = {
    "sleight/Block-v0": "block",
    "sleight/BlockZ-v0": "block-z",
    "sleight/Reach-v0": "reach",
}
"""Gymnasium's id -> task of `EnvConfig`."""


def register() -> None:
    """Register every task; those that already are stay as they are."""
    for name, task in TASKS.items():
        if name not in registration.registry:
            registration.register(
                id=name,
                entry_point="sleight.envs.gym:SingleHand",
                vector_entry_point="sleight.envs.gym:VectorHand",
                kwargs={"task": task},
            )


register()
