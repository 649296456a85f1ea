"""The simulated rig's physics: MuJoCo, unlike training in step, integrator, cone and hand."""

from __future__ import annotations

import mujoco
import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.quaternions import random_rotation
from ...envs.hands.shadow import DISTAL_PAIRS
from ...envs.hands.variants import VARIANTS, push_force
from ...envs.sim.model import OBJECT, ModelConfig, build_spec
from .plant_config import Hidden, PlantConfig

PLACE_POSITION_M = (0.0, -0.05, 0.075)
"""Where an object is let go above the palm."""
PARK_HEIGHT_M = -0.5
"""A fallen object is kept here: the rig has no floor."""
DISTAL_SPRING = (0.03, 0.01)
"""Springs of (xxJ1, xxJ2) [Nm/rad]: the middle joint closes first, as on the real hand."""

LOCKED_DAMPING = 1e3
"""Damping [Nms/rad] at which the strongest motor turns a joint by less than a degree a second."""

BAD_STATE = [
    int(getattr(mujoco.mjtWarning, f"mjWARN_BAD{what}"))
    for what in ("QPOS", "QVEL", "QACC", "CTRL")
]
"""MuJoCo's warnings of a state that it could not use."""


class Plant:
    """The body of the hand and the object, driven by motor forces."""

    def __init__(self, spec: HandSpec, config: PlantConfig, hidden: Hidden) -> None:
        self._model = _build(spec, config, hidden)
        self._data = mujoco.MjData(self._model)
        self._damping = self._model.dof_damping.copy()
        joints = [self._model.joint(name) for name in spec.joints]
        self._joint_qpos = np.array([joint.qposadr[0] for joint in joints])
        self._motors = np.array([self._model.actuator(name).id for name in spec.actuators])
        free = self._model.joint(OBJECT)
        self._object_qpos = slice(free.qposadr[0], free.qposadr[0] + 7)
        self._object_qvel = slice(free.dofadr[0], free.dofadr[0] + 6)
        self._data.qpos[self._joint_qpos] = spec.joint_target(spec.home)
        self._pushes = VARIANTS[config.variant].push
        self._placed_s = 0.0
        self.park()
        mujoco.mj_forward(self._model, self._data)

    @property
    def joint_position(self) -> np.ndarray:
        """(J,) true angles, rad."""
        return self._data.qpos[self._joint_qpos]

    @property
    def qpos(self) -> np.ndarray:
        """(nq,) joints and object, as the cameras' model orders them too."""
        return self._data.qpos

    @property
    def object_position(self) -> np.ndarray:
        """(3,) m, frame palm."""
        return self._data.qpos[self._object_qpos][:3].copy()

    @property
    def object_wxyz(self) -> np.ndarray:
        """(4,)"""
        return self._data.qpos[self._object_qpos][3:].copy()

    def step(self, force: np.ndarray) -> None:
        """One physics step under motor forces (A,)."""
        self._data.ctrl[self._motors] = force
        if self._pushes is not None:
            since_s = self._data.time - self._placed_s
            self._data.body(OBJECT).xfrc_applied[:3] = push_force(self._pushes, since_s)
        mujoco.mj_step(self._model, self._data)
        if self.object_position[2] < PARK_HEIGHT_M:
            self.park()

    def place(self, rng: np.random.Generator) -> None:
        """Let the object go above the palm, in a random orientation."""
        self._set_object(np.array(PLACE_POSITION_M), random_rotation(rng))
        self._placed_s = self._data.time

    def lock(self, joint: str, locked: bool) -> None:
        """Keep a joint from turning, or let it go again."""
        dof = self._model.joint(joint).dofadr[0]
        self._model.dof_damping[dof] = LOCKED_DAMPING if locked else self._damping[dof]

    def park(self) -> None:
        """Take the object away."""
        self._set_object(np.array([0.0, 0.0, PARK_HEIGHT_M]), np.array([1.0, 0.0, 0.0, 0.0]))

    def healthy(self) -> bool:
        """Whether the state is finite and MuJoCo has not reset it."""
        warned = any(self._data.warning[kind].number for kind in BAD_STATE)
        return not warned and bool(np.isfinite(self._data.qpos).all())

    def _set_object(self, position: np.ndarray, wxyz: np.ndarray) -> None:
        self._data.qpos[self._object_qpos] = np.concatenate((position, wxyz))
        self._data.qvel[self._object_qvel] = 0.0


def _build(hand: HandSpec, config: PlantConfig, hidden: Hidden) -> mujoco.MjModel:
    spec = build_spec(
        ModelConfig(
            timestep_s=config.timestep_s,
            integrator="implicit",
            cone=config.cone,
            iterations=20,
            ls_iterations=20,
            joint_friction=config.joint_friction,
            object_size_m=hidden.object_size_m,
            object_mass_kg=hidden.object_mass_kg,
            variant=config.variant,
        )
    )
    for actuator in spec.actuators:
        # The rig's own controller makes the force; the model's would be training's.
        actuator.set_to_motor()
        actuator.ctrllimited = False
    _loosen_distal_joints(spec, config)
    model = spec.compile()
    _vary(model, hand, hidden)
    return model


def _loosen_distal_joints(spec: mujoco.MjSpec, config: PlantConfig) -> None:
    for finger in DISTAL_PAIRS:
        for number, stiffness in zip((1, 2), DISTAL_SPRING, strict=True):
            spec.joint(f"{finger}J{number}").stiffness[0] += stiffness
        coupling = spec.tendon(f"{finger}_coupling")
        coupling.range = np.array(coupling.range) * config.coupling_slack


def _vary(model: mujoco.MjModel, hand: HandSpec, hidden: Hidden) -> None:
    """Write the hidden numbers into the compiled model."""
    dofs = np.array([model.joint(name).dofadr[0] for name in hand.joints])
    model.dof_damping[dofs] *= hidden.damping
    model.geom_friction[:, 0] *= hidden.friction
    x, y = hidden.tilt_rad
    down = np.array([np.sin(y), -np.sin(x) * np.cos(y), -np.cos(x) * np.cos(y)])
    model.opt.gravity[:] = float(np.linalg.norm(model.opt.gravity)) * down
