"""Properties of the default hand that another source's model gets, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import mujoco

from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.sim.model import build_spec, hand_geoms
from sleight.envs.sim.model_config import ModelConfig

Edit = Callable[[mujoco.MjSpec], None]


@cache
def _default() -> mujoco.MjSpec:
    return build_spec(ModelConfig())


def contacts(spec: mujoco.MjSpec) -> None:
    """Softness of contacts: `solref` and `solimp`, which the default hand has alike everywhere."""
    source = hand_geoms(_default())[0]
    for geom in hand_geoms(spec):
        geom.solref, geom.solimp = source.solref, source.solimp


def damping(spec: mujoco.MjSpec) -> None:
    """Damping of the joints."""
    for name in HAND.joints:
        spec.joint(name).damping = _default().joint(name).damping


def armature(spec: mujoco.MjSpec) -> None:
    """Armature of the joints."""
    for name in HAND.joints:
        spec.joint(name).armature = _default().joint(name).armature


def all_three(spec: mujoco.MjSpec) -> None:
    """What remains are shapes, masses, and the contact dimensions of the fingertips."""
    for edit in (contacts, damping, armature):
        edit(spec)


SWAPS: dict[str, Edit] = {
    "the default's contacts": contacts,
    "the default's damping": damping,
    "the default's armature": armature,
    "all three": all_three,
}
