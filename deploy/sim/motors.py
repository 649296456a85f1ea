"""The controller and motors of the simulated rig: from setpoints to motor forces, at about 1 kHz.

The setpoint interpolates to the last target. The motor follows the setpoint with a lag. The tendon
follows the motor with lost motion at a reversal. The force is proportional to the error between the
tendon and the measured angle; it is zero within a deadband.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.lost_motion import follow, in_deadband
from .plant_config import Hidden, PlantConfig

AMBIENT_C, FULL_LOAD_C, WARM_UP_S = 28.0, 26.0, 120.0
"""Air temperature; steady-state rise at full force; time constant [s]. Not measured on a hand."""
HALT_C = 61.0
"""Temperature of a motor that its firmware has halted; Shadow's firmware halts above 60 C."""
RELAXED_FORCE = 0.1
"""Fraction of the motors' force in a relaxed hand."""
RELAX_TIME_S = 0.5
"""Time constant of the change of force [s], so that the object is not thrown."""


class Encoders:
    """Measured joint angles with bias and noise, and velocities from filtered differences."""

    def __init__(
        self, hidden: Hidden, config: PlantConfig, start: np.ndarray, rng: np.random.Generator
    ) -> None:
        self._bias, self._rng = hidden.encoder_bias_rad, rng
        self._noise_rad = config.encoder_noise_rad
        self._blend = 1.0 - np.exp(-config.timestep_s / config.velocity_lag_s)
        self._timestep_s = config.timestep_s
        self.position = start + self._bias
        """(J,) measured angles [rad]."""
        self.velocity = np.zeros_like(start)
        """(J,) measured velocities [rad/s]."""

    def read(self, true_position: np.ndarray) -> None:
        """Take one reading of the true angles (J,)."""
        noise = self._noise_rad * self._rng.standard_normal(true_position.shape)
        measured = true_position + self._bias + noise
        rate = (measured - self.position) / self._timestep_s
        self.velocity = self.velocity + self._blend * (rate - self.velocity)
        self.position = measured


class Motors:
    """A position-controlled motors."""

    def __init__(
        self,
        spec: HandSpec,
        hidden: Hidden,
        config: PlantConfig,
        stiffness: np.ndarray,
        force_limit: np.ndarray,
    ) -> None:
        """stiffness (A,) [Nm/rad] and force_limit (A,) [Nm] of the nominal motors."""
        start = spec.home
        self._spec, self._deadband_rad = spec, config.deadband_rad
        self._timestep_s = config.timestep_s
        self._gain = hidden.gain * stiffness
        self._limit = force_limit
        self._lag = 1.0 - np.exp(-config.timestep_s / hidden.motor_lag_s)
        self._half_slack_rad = hidden.slack_rad / 2
        self.target, self._left_s = start, 0.0
        """(A,) last accepted target [rad]."""
        self.setpoint = start
        """(A,) setpoint [rad], moving to the target."""
        self._motor = self._tendon = start
        self._share, self._share_goal = 1.0, 1.0
        self.force = np.zeros_like(start)
        """(A,) force on the control positions [Nm]."""
        self.halted = np.zeros(len(start), dtype=bool)
        """(A,) bool: the motor is halted and gives no force."""
        self._warmth_c = np.full(len(start), AMBIENT_C)

    @property
    def temperature_c(self) -> np.ndarray:
        """(A,) degrees Celsius."""
        return np.where(self.halted, HALT_C, self._warmth_c)

    def warm(self, elapsed_s: float) -> None:
        """Update temperatures for the present forces."""
        goal_c = AMBIENT_C + FULL_LOAD_C * (self.force / self._limit) ** 2
        self._warmth_c = self._warmth_c + (goal_c - self._warmth_c) * elapsed_s / WARM_UP_S

    def move(self, target: Sequence[float], duration_s: float) -> None:
        """Interpolate to `target` (A,) over `duration_s`."""
        self.target, self._left_s = np.array(target), max(duration_s, self._timestep_s)

    def freeze(self, target: Sequence[float] | None = None) -> None:
        """Stay at the present setpoint, or at `target` (A,)."""
        self.setpoint = self.setpoint if target is None else np.array(target)
        self.target, self._left_s = self.setpoint, 0.0

    def relax(self) -> None:
        """Reduce the force gradually."""
        self._share_goal = RELAXED_FORCE

    def tense(self) -> None:
        """Restore the force gradually."""
        self._share_goal = 1.0

    def step(self, joint_position: np.ndarray) -> np.ndarray:
        """One step from measured angles (J,); returns the forces of the motors (A,)."""
        self._interpolate()
        self._share += (self._share_goal - self._share) * self._timestep_s / RELAX_TIME_S
        self._motor = self._motor + self._lag * (self.setpoint - self._motor)
        self._tendon = follow(self._tendon, self._motor, self._half_slack_rad)
        error = self._tendon - self._spec.control_position(joint_position)
        error[in_deadband(error, self._deadband_rad)] = 0.0
        limit = self._share * self._limit
        self.force = np.where(self.halted, 0.0, np.clip(self._gain * error, -limit, limit))
        return self.force

    def _interpolate(self) -> None:
        if self._left_s > 0.0:
            share = min(self._timestep_s / self._left_s, 1.0)
            self.setpoint = self.setpoint + share * (self.target - self.setpoint)
            self._left_s -= self._timestep_s
