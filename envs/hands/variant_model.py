"""Applies a variant (variants.py) to the model of a hand."""

from __future__ import annotations

import mujoco

from ...errors import ConfigError
from ..sim.model_config import OBJECT
from .hand_model import HandModel
from .variants import Variant


def apply_variant(spec: mujoco.MjSpec, variant: Variant, hand: HandModel) -> None:
    """Change a model that uses the names of the HandSpec. Raises ConfigError."""
    for name in hand.spec.joints:
        if name not in hand.spec.wrist:
            joint = spec.joint(name)
            joint.stiffness[0] += variant.stiffness
            joint.damping[0] *= variant.damping
    object_geoms = {geom.name for geom in spec.body(OBJECT).find_all("geom")}
    for geom in spec.geoms:
        if geom.contype and geom.name not in object_geoms:
            geom.friction[0] *= variant.friction
            geom.solref[0] *= variant.softness
    if variant.tied:
        _tie(spec, hand)


def _tie(spec: mujoco.MjSpec, hand: HandModel) -> None:
    if not hand.tied:
        raise ConfigError(
            f"model.variant: got tied for {hand.spec.name}, which names no joints to tie;"
            " allowed: the other variants"
        )
    for one, other in hand.tied:
        tie = spec.add_equality(
            type=mujoco.mjtEq.mjEQ_JOINT,
            objtype=mujoco.mjtObj.mjOBJ_JOINT,
            name1=one,
            name2=other,
        )
        tie.data[:5] = (0.0, 1.0, 0.0, 0.0, 0.0)  # both angles are equal
