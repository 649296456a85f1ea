"""The MuJoCo model of a hand with a block over its palm, built and edited with MjSpec.

The world frame of every model is the frame "palm": its origin is the centre of the palm with the
wrist at rest, its z axis points up against gravity, the fingers point along -y. The module needs no
torch, so that the simulated rig can build its own, different hand from it.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import mujoco
import numpy as np

from ...config import Range
from ...errors import ConfigError
from ..hands.shadow import ACTUATORS, DISTAL_PAIRS, FINGERTIPS, JOINTS, MJCF_JOINTS
from ..hands.variant_model import apply_variant
from ..hands.variants import VARIANTS, VariantName
from ..rendering.looks import dress

MOUNT_POSITION = (0.011, 0.328, 0.010)
"""Where the forearm stands when the palm's centre is the origin; from the model's body offsets."""
MOUNT_WXYZ = (0.0, 0.0, 0.5**0.5, -(0.5**0.5))
"""Palm up, fingers along -y."""
PALM_POSITION = (0.011, 0.038, 0.0)
"""Where the body "palm", at the wrist's axis, then stands."""
DISTAL_RATIO = (0.00705, -0.00805)
"""Tendon coefficients (xxJ1, xxJ2) of the MJCF's distal coupling; its slack is +-1 mm."""
OBJECT = "object"


@dataclass(frozen=True)
class ModelConfig:
    """Physics of the simulated hand and block."""

    hand: Literal["gymnasium-robotics", "menagerie"] = "gymnasium-robotics"
    """Where the hand's MJCF comes from; menagerie downloads it at first use."""
    timestep_s: Annotated[float, Range(1e-4, 0.02)] = 0.008
    """Physics step."""
    integrator: Literal["euler", "implicitfast", "implicit", "rk4"] = "implicitfast"
    """MuJoCo's integrator."""
    cone: Literal["pyramidal", "elliptic"] = "pyramidal"
    """Friction cone."""
    iterations: Annotated[int, Range(1, 200)] = 6
    """Newton iterations of the constraint solver per step."""
    ls_iterations: Annotated[int, Range(1, 200)] = 10
    """Line-search steps per Newton iteration."""
    tolerance: Annotated[float, Range(0, 1e-2)] = 1e-6
    """The solver stops below this improvement."""
    joint_friction: Annotated[float, Range(0, 0.1)] = 0.0
    """Dry friction of the hand's joints [Nm]; zero saves one constraint row per joint."""
    object_size_m: Annotated[float, Range(0.03, 0.09)] = 0.057
    """Edge of the block."""
    object_mass_kg: Annotated[float, Range(0.01, 0.5)] = 0.078
    """Mass of the block (Solving Rubik's Cube with a Robot Hand, table 7)."""
    variant: VariantName = "none"
    """A change that policies are tested under, such as a glove (variants.py)."""
    visual: bool = False
    """Add meshes, lights, floor and the goal block: for pictures, not for training."""


@dataclass(frozen=True)
class Extras:
    """What only some randomizations need of the model. Each costs time, so there is none."""

    off_centre: bool = False
    """The block's centre of mass may move: not compiled as a simple body."""
    rolling: bool = False
    """Contacts of the block resist rolling: six dimensions instead of four."""
    late_motors: bool = False
    """Motors keep a history of their targets, to be late by any time up to MAX_LATENCY_S."""
    lagging_motors: bool = False
    """Motors follow their targets with a time constant, which is zero until it is written."""
    moving_geoms: bool = False
    """Geoms move or grow: no boxes around the several geoms of a body, which would not follow."""


MAX_LATENCY_S = 0.08
"""Longest delay of a late motor; its history covers this at the shortest physics step."""
SHORTEST_STEP = 0.5
"""Of the nominal physics step."""


def build_spec(config: ModelConfig, extras: Extras | None = None) -> mujoco.MjSpec:
    """The model to edit in Shadow's names. Raises ConfigError when the hand's files are missing."""
    if config.hand == "menagerie":
        from ..hands.menagerie import menagerie_spec

        spec = menagerie_spec(PALM_POSITION, MOUNT_WXYZ, config.visual)
    else:
        spec = _robotics_spec(config.visual)
        _rename(spec)
    _add_coupling(spec)
    _add_actuators(spec)
    _set_options(spec, config)
    for joint in spec.joints:
        joint.frictionloss = config.joint_friction
    _add_object(spec, config)
    apply_variant(spec, VARIANTS[config.variant], OBJECT)
    if extras is not None:
        _add_extras(spec, config, extras)
    if config.visual:
        dress(spec, OBJECT)
    else:
        _drop_looks(spec)
    return spec


def build_model(config: ModelConfig, extras: Extras | None = None) -> mujoco.MjModel:
    """Compile `build_spec(config, extras)`."""
    return build_spec(config, extras).compile()


def _add_extras(spec: mujoco.MjSpec, config: ModelConfig, extras: Extras) -> None:
    if extras.off_centre:
        spec.body(OBJECT).simple = False
    if extras.rolling:
        spec.geom(OBJECT).condim = 6
    if extras.moving_geoms:
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
    for actuator in spec.actuators:
        if extras.lagging_motors:
            # Of this step, not of the last: without a lag the motor is then the plain one.
            actuator.dyntype, actuator.actearly = mujoco.mjtDyn.mjDYN_FILTEREXACT, True
            actuator.dynprm = np.zeros_like(actuator.dynprm)
        if extras.late_motors:
            actuator.nsample = math.ceil(MAX_LATENCY_S / (SHORTEST_STEP * config.timestep_s)) + 1


def _assets() -> Path:
    # Found without importing it: its environments do not run on this MuJoCo, its XML does.
    found = importlib.util.find_spec("gymnasium_robotics")
    if found is None or found.origin is None:
        raise ConfigError(
            "model.hand: got gymnasium-robotics, whose package is not installed;"
            " run: pip install gymnasium-robotics"
        )
    return Path(found.origin).parent / "envs" / "assets" / "hand"


def _robotics_spec(visual: bool) -> mujoco.MjSpec:
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


def _add_coupling(spec: mujoco.MjSpec) -> None:
    for finger in DISTAL_PAIRS:
        slack = spec.add_tendon(name=f"{finger}_coupling", limited=True, range=(-0.001, 0.001))
        slack.wrap_joint(f"{finger}J1", DISTAL_RATIO[0])
        slack.wrap_joint(f"{finger}J2", DISTAL_RATIO[1])
        total = spec.add_tendon(name=f"{finger}J0")
        total.wrap_joint(f"{finger}J1", 1.0)
        total.wrap_joint(f"{finger}J2", 1.0)


def _add_actuators(spec: mujoco.MjSpec) -> None:
    for row in ACTUATORS:
        coupled = len(row.joints) > 1
        actuator = spec.add_actuator(
            name=row.name,
            target=row.name,
            trntype=mujoco.mjtTrn.mjTRN_TENDON if coupled else mujoco.mjtTrn.mjTRN_JOINT,
            ctrllimited=True,
            ctrlrange=(row.lower, row.upper),
            forcelimited=True,
            forcerange=(-row.force, row.force),
        )
        actuator.set_to_position(kp=row.stiffness)


def _set_options(spec: mujoco.MjSpec, config: ModelConfig) -> None:
    option = spec.option
    option.timestep = config.timestep_s
    option.integrator = getattr(mujoco.mjtIntegrator, f"mjINT_{config.integrator.upper()}")
    option.cone = getattr(mujoco.mjtCone, f"mjCONE_{config.cone.upper()}")
    # Never left to `auto`: MuJoCo 4.0.0's Newton factor is wrong when the Jacobian is sparse.
    option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    option.iterations = config.iterations
    option.ls_iterations = config.ls_iterations
    option.tolerance = config.tolerance


def _add_object(spec: mujoco.MjSpec, config: ModelConfig) -> None:
    half = [config.object_size_m / 2] * 3
    body = spec.worldbody.add_body(name=OBJECT, pos=(0.0, -0.05, 0.06))
    body.add_freejoint(name=OBJECT)
    body.add_geom(
        name=OBJECT,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=half,
        mass=config.object_mass_kg,
        condim=4,
    )


def _drop_looks(spec: mujoco.MjSpec) -> None:
    for geom in spec.geoms:
        geom.material = ""
    for element in [*spec.materials, *spec.textures]:
        spec.delete(element)
