"""A variant (variants.py) put into the model of a hand."""

from __future__ import annotations

import mujoco

from ...contract.hand_spec import HandSpec
from .shadow import JOINTS
from .variants import TIED_JOINTS, Variant


def apply_variant(spec: mujoco.MjSpec, variant: Variant, object_name: str) -> None:
    """Change a model that has Shadow's names already."""
    for row in JOINTS[HandSpec.wrist.stop :]:
        joint = spec.joint(row.name)
        joint.stiffness[0] += variant.stiffness
        joint.damping[0] *= variant.damping
    for geom in spec.geoms:
        if geom.contype and geom.name != object_name:
            geom.friction[0] *= variant.friction
            geom.solref[0] *= variant.softness
    for one, other in variant.tied:
        for joint in TIED_JOINTS:
            tie = spec.add_equality(
                type=mujoco.mjtEq.mjEQ_JOINT,
                objtype=mujoco.mjtObj.mjOBJ_JOINT,
                name1=one + joint,
                name2=other + joint,
            )
            tie.data[:5] = (0.0, 1.0, 0.0, 0.0, 0.0)  # the one's angle is the other's
