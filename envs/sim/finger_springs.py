"""Springs between the joints of neighbouring fingers: fixed tendons without stiffness at first."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

_MARK = "neighbours"


def add_springs(spec: mujoco.MjSpec, neighbours: Sequence[Sequence[tuple[str, str]]]) -> None:
    """Add one spring for each pair of joints; at rest both fingers have the same posture.

    neighbours: see `HandModel.neighbours`.
    """
    for number, pairs in enumerate(neighbours):
        for one, other in pairs:
            spring = spec.add_tendon(name=f"{_MARK}{number}_{one}_{other}")
            same = np.dot(spec.joint(one).axis, spec.joint(other).axis) >= 0
            spring.wrap_joint(one, 1.0)
            spring.wrap_joint(other, -1.0 if same else 1.0)


def springs_of(model: mujoco.MjModel) -> dict[int, int]:
    """Tendon -> number of its two neighbouring fingers, for the springs of a compiled model."""
    names = {i: model.tendon(i).name for i in range(model.ntendon)}
    return {
        i: int(name.removeprefix(_MARK).split("_")[0])
        for i, name in names.items()
        if name.startswith(_MARK)
    }
