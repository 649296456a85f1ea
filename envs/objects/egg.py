"""The egg of Gymnasium-Robotics' HandManipulateEgg: an ellipsoid, longer along its z axis."""

from __future__ import annotations

import mujoco

from .object_spec import ObjectSpec

AXES = (0.375, 0.375, 0.5)
"""Half axes as fractions of the length."""


def build(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """Add one ellipsoid: its shape is symmetric about the long axis, its picture is not."""
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_ELLIPSOID,
        size=[share * size_m for share in AXES],
        mass=mass_kg,
        condim=4,
    )


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """Project the block's faces onto the egg, so that every orientation looks different."""
    from .block import dress as paint

    paint(spec, name)


EGG = ObjectSpec(0.08, 0.08, build, dress=dress)
