"""The cheap full cube for training: the cube with one live axis, and a sensor of what touches it.

The axis that can turn is the task's choice, by touch: `tasks/cubes/live_axis.py` calls the cube by
another of its orientations when another axis should turn, and keeps apart which face is which.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco

from .face_cube import FACE
from .full_cube import FACE_PLACES

TOUCH = "touch"
"""The sensor's name, after the object's and an underscore."""
TOUCHES = 12
"""Contacts that the sensor holds; further ones are left out."""
_FIELDS = ("FORCE", "POS", "NORMAL", "TANGENT")


def add_touch(spec: mujoco.MjSpec, name: str, size_m: float) -> None:
    """Add the sensor: for each contact of the object its force in the contact's frame [N], place
    [m], normal and tangent, each (3,); zeros where there are fewer contacts."""
    sensor = spec.add_sensor(
        name=f"{name}_{TOUCH}",
        type=mujoco.mjtSensor.mjSENS_CONTACT,
        objtype=mujoco.mjtObj.mjOBJ_XBODY,
        objname=name,
    )
    fields = [int(getattr(mujoco.mjtConDataField, f"mjCONDATA_{name}")) for name in _FIELDS]
    sensor.intprm = [sum(1 << field for field in fields), 0, TOUCHES]


LIVE = replace(FACE, assets=add_touch, angles=tuple(FACE_PLACES))
"""Its faces are named as the full cube's are: U R F D L B."""
