"""The MuJoCo model of a hand with an object over its palm, built and edited with MjSpec.

The world frame of every model is the frame "palm" (see `HandSpec`). The module needs no torch, so
that the simulated rig can build its own, different hand from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from ...contract.hand_spec import HandSpec
from ..hands.hand_model import hand_of
from ..hands.variant_model import apply_variant
from ..hands.variants import VARIANTS
from ..objects.object_spec import ObjectSpec, mass_of, object_of, size_of
from ..rendering.looks import dress
from .finger_springs import add_springs
from .hand_leaks import keep_only_the_hand
from .mesh_sizes import add_sizes
from .model_config import OBJECT, ModelConfig

HAND_CONDIM = 4
"""Contact dimensions of the hand with an object whose parts have fewer: the block's."""
START_HEIGHT_M = 0.06
"""Height of the object above the palm's centre in the default state of the model."""


@dataclass(frozen=True)
class Extras:
    """Features of the model that only some randomizations need; each costs time, so all are off."""

    off_centre: bool = False
    """The object's centre of mass may move: its body is not compiled as a simple body."""
    rolling: bool = False
    """Contacts of the object resist rolling: six contact dimensions instead of four."""
    late_motors: bool = False
    """Motors keep a history of targets, for a delay of up to MAX_LATENCY_S."""
    lagging_motors: bool = False
    """Motors follow their targets with a time constant, which is initially zero."""
    moving_geoms: bool = False
    """Geoms move or grow: no mid-phase collision boxes, which would not follow them."""
    sizes: bool = False
    """The object's colliding meshes exist in many sizes, of which each world takes one."""
    neighbour_springs: bool = False
    """Springs between the joints of neighbouring fingers, initially without stiffness."""


MAX_LATENCY_S = 0.08
"""Longest delay of a motor; the history covers it at the shortest physics step."""
SHORTEST_STEP = 0.5
"""Shortest physics step, as a fraction of the nominal one."""


def build_spec(config: ModelConfig, extras: Extras | None = None) -> mujoco.MjSpec:
    """The editable model, with the names of the hand's `HandSpec`.

    Raises ConfigError for an unknown hand or object, and when the hand's files are missing.
    """
    hand, held = hand_of(config), object_of(config)
    spec = hand.build(config)
    keep_only_the_hand(spec)
    for joint in spec.joints:
        joint.frictionloss = config.joint_friction
    _add_object(spec, config, hand.spec)
    set_options(spec, config, held)
    apply_variant(spec, VARIANTS[config.variant], hand)
    if extras is not None:
        _add_extras(spec, config, extras)
        if extras.neighbour_springs:
            add_springs(spec, hand.neighbours)
    if config.visual:
        dress(spec, OBJECT, held, size_of(config))
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
        held = object_of(config)
        for geom in hand_geoms(spec) if held.self_contact else spec.body(OBJECT).find_all("geom"):
            geom.condim = 6
    if extras.sizes:
        add_sizes(spec)
    if extras.moving_geoms:
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
    for actuator in spec.actuators:
        if extras.lagging_motors:
            # actearly uses this step's activation: with a lag of zero the motor equals one without.
            actuator.dyntype, actuator.actearly = mujoco.mjtDyn.mjDYN_FILTEREXACT, True
            actuator.dynprm = np.zeros_like(actuator.dynprm)
        if extras.late_motors:
            actuator.nsample = math.ceil(MAX_LATENCY_S / (SHORTEST_STEP * config.timestep_s)) + 1


def set_options(spec: mujoco.MjSpec, config: ModelConfig, held: ObjectSpec) -> None:
    """Set the options of the world; the others have MuJoCo's defaults."""
    option = spec.option
    option.timestep = config.timestep_s
    option.integrator = getattr(mujoco.mjtIntegrator, f"mjINT_{config.integrator.upper()}")
    option.cone = getattr(mujoco.mjtCone, f"mjCONE_{config.cone.upper()}")
    # Never left to `auto`: MuJoCo 4.0.0's Newton factor is wrong when the Jacobian is sparse.
    option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    option.iterations = max(config.iterations, held.iterations)
    option.ls_iterations = config.ls_iterations
    option.tolerance = config.tolerance


def _add_object(spec: mujoco.MjSpec, config: ModelConfig, hand: HandSpec) -> None:
    body = spec.worldbody.add_body(name=OBJECT, pos=(*hand.palm_centre_m, START_HEIGHT_M))
    body.add_freejoint(name=OBJECT)
    held = object_of(config)
    held.add_to(spec, body, OBJECT, size_of(config), mass_of(config))
    if held.self_contact:
        for geom in hand_geoms(spec):
            geom.condim = max(geom.condim, HAND_CONDIM)


def hand_geoms(spec: mujoco.MjSpec) -> list[mujoco.MjsGeom]:
    """The geoms that collide, other than the object's."""
    own = {geom.name for geom in spec.body(OBJECT).find_all("geom")}
    return [geom for geom in spec.geoms if geom.contype and geom.name not in own]


def _drop_looks(spec: mujoco.MjSpec) -> None:
    for geom in spec.geoms:
        geom.material = ""
    for element in [*spec.materials, *spec.textures]:
        spec.delete(element)
