"""The default hand model: the Shadow Hand of the package `gymnasium-robotics`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import mujoco
import numpy as np

from ...errors import ConfigError
from ...files import is_utf8
from ..sim.model_config import ModelConfig
from .hand_model import HandModel
from .shadow import FINGERTIPS, JOINTS, SHADOW_RIGHT
from .shadow_model import MOUNT_WXYZ, NEIGHBOURS, TIED, add_actuators, add_coupling

MOUNT_POSITION = (0.011, 0.328, 0.010)
"""Position of the forearm relative to the palm's centre; from the model's body offsets."""
MJCF_OPPOSITE = ("FFJ4", "MFJ4", "THJ2", "THJ1")
"""Joints with opposite signs in Gymnasium-Robotics' MJCF and Shadow's URDF."""
MJCF_JOINTS: dict[str, tuple[str, float]] = {
    joint.name: (
        f"robot0:{joint.name[:-1]}{int(joint.name[-1]) - 1}",
        -1.0 if joint.name in MJCF_OPPOSITE else 1.0,
    )
    for joint in JOINTS
}
"""Shadow name -> (name, sign) in Gymnasium-Robotics' MJCF, which numbers joints one lower."""


def build(config: ModelConfig) -> mujoco.MjSpec:
    """See `HandModel.build`."""
    visual = config.visual
    spec = mujoco.MjSpec.from_file(str(_assets() / "manipulate_block.xml"))
    for name in ("object", "target"):
        spec.delete(spec.body(name))
    spec.delete(spec.geom("floor0"))
    spec.delete(spec.body("floor0"))
    # The block is dropped long before it reaches the forearm; its mesh is the costliest collider.
    spec.delete(spec.geom("robot0:C_forearm"))
    for element in [*spec.tendons, *spec.sensors, *spec.actuators]:
        spec.delete(element)
    for geom in list(spec.geoms):
        if geom.name.startswith("robot0:V_"):
            if not visual:
                spec.delete(geom)
            else:
                geom.contype = geom.conaffinity = 0
        elif visual:
            geom.rgba[3] = 0.0
    if not visual:
        for element in [*spec.meshes, *spec.lights]:
            spec.delete(element)
    mount = spec.body("robot0:hand mount")
    mount.pos, mount.quat = MOUNT_POSITION, MOUNT_WXYZ
    mount.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
    _rename(spec)
    add_coupling(spec)
    add_actuators(spec)
    return spec


def _rename(spec: mujoco.MjSpec) -> None:
    for joint in JOINTS:
        name, sign = MJCF_JOINTS[joint.name]
        element = spec.joint(name)
        element.axis = sign * np.array(element.axis)
        element.range = (joint.lower, joint.upper)
        element.name = joint.name
    for pair in spec.pairs:
        pair.geomname1 = pair.geomname1.removeprefix("robot0:")
        pair.geomname2 = pair.geomname2.removeprefix("robot0:")
    for element in [*spec.bodies, *spec.geoms, *spec.sites]:
        element.name = element.name.removeprefix("robot0:")
    for tip in FINGERTIPS:
        spec.site(f"S_{tip}").name = tip


def _assets() -> Path:
    # Located without an import: its environments do not run with this MuJoCo version.
    package = importlib.util.find_spec("gymnasium_robotics")
    if package is None or package.origin is None:
        raise ConfigError(
            "model.hand: got gymnasium-robotics, whose package is not installed;"
            " run: pip install gymnasium-robotics"
        )
    if not is_utf8(package.origin):
        raise ConfigError(
            f"model.hand: got gymnasium-robotics in {package.origin}, which is not UTF-8; allowed:"
            " an environment of Python in another folder"
        )
    return Path(package.origin).parent / "envs" / "assets" / "hand"


HAND = HandModel(SHADOW_RIGHT, build, tied=TIED, neighbours=NEIGHBOURS)
