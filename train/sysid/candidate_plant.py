"""The physics of N candidate hands without an object, driven by motor forces."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch

from ...contract.hand_spec import HandSpec
from ...envs.hands.shadow import ACTUATORS, SHADOW_RIGHT
from ...envs.sim.model import OBJECT, ModelConfig, build_spec
from .fitted_parameters import Values
from .motor_chain import servo

STIFFNESS = np.array([row.stiffness for row in ACTUATORS])
FORCE = np.array([row.force for row in ACTUATORS])


class Plant:
    """The hand of training, with the controller and the motors of `motor_chain`."""

    def __init__(self, count: int, timestep_s: float, spec: HandSpec = SHADOW_RIGHT) -> None:
        self._model = model = _model(timestep_s)
        self.timestep_s = timestep_s
        self._batch = Batch(model, count, nthread=1, persistent=True)
        self._spec = spec
        joints = [model.joint(name) for name in spec.joints]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._joints = np.array([joint.id for joint in joints])
        self._dofs = np.array([joint.dofadr[0] for joint in joints])
        self._motors = np.array([model.actuator(name).id for name in spec.actuators])
        self._owner = spec.coupling.argmax(axis=0)  # joint -> the motor that moves it

    def roll(
        self, start: np.ndarray, tendon: np.ndarray, noise: np.ndarray, v: Values
    ) -> np.ndarray:
        """(S, N, A) measured control positions [rad], starting from joints `start` (J,).

        tendon: (S, N, A) [rad]; noise: (A,) standard deviation of a reading [rad].
        """
        batch = self._batch
        batch.reset()
        state = batch.bind("qpos")
        state[:, self._qpos] = start
        batch.bind("qvel")[:] = 0.0
        self._write(v)
        gain, limit = v["gain"] * STIFFNESS, FORCE
        ctrl, positions = batch.bind("ctrl"), np.empty_like(tendon)
        for step, setpoint in enumerate(tendon):
            positions[step] = measured = state[:, self._qpos] @ self._spec.coupling.T
            force = gain * servo(setpoint - measured, v["deadband"], noise)
            ctrl[:, self._motors] = np.clip(force, -limit, limit)
            batch.step()
        return positions

    def _write(self, v: Values) -> None:
        base = self._model.dof_damping[self._dofs]
        self._batch.expand("dof_damping")[:, self._dofs] = base * v["damping"][:, self._owner]
        self._batch.expand("dof_frictionloss")[:, self._dofs] = v["friction"][:, self._owner]
        self._batch.expand("jnt_stiffness")[:, self._joints] = v["spring"][:, self._owner]


def _model(timestep_s: float) -> mujoco.MjModel:
    # Friction above zero keeps its constraints in the model for all candidate values.
    spec = build_spec(ModelConfig(timestep_s=timestep_s, joint_friction=1e-3))
    spec.delete(spec.body(OBJECT))
    for actuator in spec.actuators:
        actuator.set_to_motor()
        actuator.ctrllimited = False
    return spec.compile()
