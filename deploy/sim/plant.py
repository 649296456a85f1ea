"""The physics of the simulated rig: MuJoCo with another time step, cone and hand than training."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.quaternions import random_rotation
from ...envs.cube.notation import apply_turns, parse_moves
from ...envs.hands.variants import VARIANTS, push_force
from ...envs.objects.cubes.cube_parts import SIZE, parts_of
from ...envs.objects.object_spec import mass_of, object_of, size_of
from ...envs.sim.layout import layout_of
from ...envs.sim.model import build_spec
from ...envs.sim.model_config import OBJECT, ModelConfig
from ...errors import ConfigError
from .plant_config import Hidden, PlantConfig

PLACE_HEIGHT_M = 0.075
"""Height above the palm at which the object is released [m]."""
PARK_HEIGHT_M = -0.5
"""Height at which a dropped object is parked [m]: the rig has no floor."""
COUPLED_SPRINGS = (0.01, 0.03)
"""Spring stiffness of the middle and the distal joint that share a motor [Nm/rad]: the middle joint
closes first, as on the real Shadow Hand."""

LOCKED_DAMPING = 1e3
"""Damping [Nms/rad] that limits the strongest motor to less than a degree per second."""

BAD_STATE = [
    int(getattr(mujoco.mjtWarning, f"mjWARN_BAD{what}"))
    for what in ("QPOS", "QVEL", "QACC", "CTRL")
]
"""MuJoCo's warnings for an invalid state."""


class Plant:
    """The hand and the object, driven by motor forces."""

    def __init__(self, spec: HandSpec, config: PlantConfig, hidden: Hidden) -> None:
        self._spec, model_config = spec, _model_config(config, hidden)
        self._model, self.stiffness, self.force_limit = _build(spec, model_config, config, hidden)
        """stiffness (A,) [Nm/rad] and force_limit (A,) [Nm] of the motors in training."""
        self.object_size_m = size_of(model_config)
        self._data = mujoco.MjData(self._model)
        self._damping = self._model.dof_damping.copy()
        self._layout = layout_of(self._model, spec, object_of(model_config))
        self._data.qpos[self._layout.joints] = spec.joint_target(spec.home)
        self._parts = self._model.qpos0[self._layout.parts]
        if config.scramble:
            self._parts = _scrambled(config, len(self._parts))
        self._pushes = VARIANTS[config.variant].push
        self._placed_s = 0.0
        self.park()
        mujoco.mj_forward(self._model, self._data)

    @property
    def joint_position(self) -> np.ndarray:
        """(J,) true angles, rad."""
        return self._data.qpos[self._layout.joints]

    @property
    def qpos(self) -> np.ndarray:
        """(nq,) joints and object, in the order of the cameras' model."""
        return self._data.qpos

    @property
    def object_position(self) -> np.ndarray:
        """(3,) m, frame palm."""
        return self._data.qpos[self._layout.position].copy()

    @property
    def object_wxyz(self) -> np.ndarray:
        """(4,)"""
        return self._data.qpos[self._layout.rotation].copy()

    @property
    def object_joints(self) -> np.ndarray:
        """(K,) inner joints of the object, rad."""
        return self._data.qpos[self._layout.inner].copy()

    def step(self, force: np.ndarray) -> None:
        """One physics step under motor forces (A,)."""
        self._data.ctrl[self._layout.motors] = force
        if self._pushes is not None:
            since_s = self._data.time - self._placed_s
            self._data.body(OBJECT).xfrc_applied[:3] = push_force(self._pushes, since_s)
        mujoco.mj_step(self._model, self._data)
        if self.object_position[2] < PARK_HEIGHT_M:
            self.park()

    def place(self, rng: np.random.Generator) -> None:
        """Release the object above the palm in a random orientation."""
        self._set_object(
            np.array([*self._spec.palm_centre_m, PLACE_HEIGHT_M]), random_rotation(rng)
        )
        self._placed_s = self._data.time

    def lock(self, joint: str, locked: bool) -> None:
        """Lock or unlock a joint."""
        dof = self._model.joint(joint).dofadr[0]
        self._model.dof_damping[dof] = LOCKED_DAMPING if locked else self._damping[dof]

    def park(self) -> None:
        """Move the object away."""
        self._set_object(np.array([0.0, 0.0, PARK_HEIGHT_M]), np.array([1.0, 0.0, 0.0, 0.0]))

    def healthy(self) -> bool:
        """Whether the state is finite and MuJoCo has not reset it."""
        warned = any(self._data.warning[kind].number for kind in BAD_STATE)
        return not warned and bool(np.isfinite(self._data.qpos).all())

    def _set_object(self, position: np.ndarray, wxyz: np.ndarray) -> None:
        layout, qpos = self._layout, self._data.qpos
        qpos[layout.position], qpos[layout.rotation] = position, wxyz
        qpos[layout.parts] = self._parts
        self._data.qvel[layout.object_dofs] = 0.0


def _scrambled(config: PlantConfig, size: int) -> np.ndarray:
    """Coordinates of the inner joints of a cube after the configured moves."""
    if size != SIZE:
        line = f"plant.scramble: got moves with the object {config.object}"
        raise ConfigError(f"{line}, allowed: with a cube whose cubelets have ball joints")
    return parts_of(apply_turns(parse_moves(config.scramble).turns))


def _model_config(config: PlantConfig, hidden: Hidden) -> ModelConfig:
    nominal = ModelConfig(
        hand=config.hand,
        object=config.object,
        timestep_s=config.timestep_s,
        integrator="implicit",
        cone=config.cone,
        iterations=20,
        ls_iterations=20,
        joint_friction=config.joint_friction,
        object_size_m=config.object_size_m,
        object_mass_kg=config.object_mass_kg,
        variant=config.variant,
    )
    return replace(
        nominal,
        object_size_m=size_of(nominal) * hidden.object_size,
        object_mass_kg=mass_of(nominal) * hidden.object_mass,
    )


def _build(
    hand: HandSpec, model_config: ModelConfig, config: PlantConfig, hidden: Hidden
) -> tuple[mujoco.MjModel, np.ndarray, np.ndarray]:
    spec = build_spec(model_config)
    motors = [spec.actuator(name) for name in hand.actuators]
    stiffness = np.array([float(motor.gainprm[0]) for motor in motors])
    force_limit = np.array([float(motor.forcerange[1]) for motor in motors])
    for actuator in spec.actuators:
        # The rig's own controller computes forces; the controller of training is not used.
        actuator.set_to_motor()
        actuator.ctrllimited = False
    _loosen_coupled_joints(spec, hand, config)
    model = spec.compile()
    _vary(model, hand, hidden)
    return model, stiffness, force_limit


def _loosen_coupled_joints(spec: mujoco.MjSpec, hand: HandSpec, config: PlantConfig) -> None:
    for row in hand.coupling:
        coupled = np.flatnonzero(row)
        if len(coupled) == len(COUPLED_SPRINGS):
            for joint, stiffness in zip(coupled, COUPLED_SPRINGS, strict=True):
                spec.joint(hand.joints[joint]).stiffness[0] += stiffness
    for tendon in spec.tendons:
        if tendon.limited == mujoco.mjtLimited.mjLIMITED_TRUE:
            tendon.range = np.array(tendon.range) * config.coupling_slack


def _vary(model: mujoco.MjModel, hand: HandSpec, hidden: Hidden) -> None:
    """Write the hidden numbers into the compiled model."""
    dofs = np.array([model.joint(name).dofadr[0] for name in hand.joints])
    model.dof_damping[dofs] *= hidden.damping
    model.geom_friction[:, 0] *= hidden.friction
    x, y = hidden.tilt_rad
    down = np.array([np.sin(y), -np.sin(x) * np.cos(y), -np.cos(x) * np.cos(y)])
    model.opt.gravity[:] = float(np.linalg.norm(model.opt.gravity)) * down
