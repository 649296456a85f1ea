"""The pen of Gymnasium-Robotics' HandManipulatePen: a thin capsule along its z axis."""

from __future__ import annotations

import mujoco

from .object_spec import ObjectSpec

RADIUS = 0.04
"""Radius as a fraction of the length between the centres of the round ends."""


def build(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """Add a capsule whose halves have different colours, so that a picture shows its direction."""
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        size=[RADIUS * size_m, size_m / 2, 0.0],
        mass=mass_kg,
        condim=4,
    )
    body.add_geom(
        name=f"{name}_tip",
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        size=[1.06 * RADIUS * size_m, size_m / 8, 0.0],
        pos=(0.0, 0.0, 0.375 * size_m),
        mass=0.0,
        contype=0,
        conaffinity=0,
    )


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """Paint the pen blue with an orange tip."""
    for geom, rgba in ((name, (0.17, 0.41, 0.75, 1.0)), (f"{name}_tip", (0.94, 0.60, 0.16, 1.0))):
        spec.geom(geom).rgba = rgba


PEN = ObjectSpec(0.2, 0.03, build, symmetry="z", dress=dress)
