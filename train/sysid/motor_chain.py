"""The motor chain from targets to tendons: ramp, delay, lag, slack. It depends on no joint state.

N candidate hands, S steps of the simulation, A motors.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ...contract.lost_motion import follow
from ...contract.recording import Recording
from .fitted_parameters import Values


def setpoints(recording: Recording, ramp_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the piecewise linear setpoints: times (K,), values (K, A) [rad].

    The setpoint moves to each target over `ramp_s` from its present value; with zero it jumps.
    """
    at = recording.target[0]
    times, values = [], []
    ends = np.append(recording.command_s[1:], np.inf)
    for start_s, target, next_s in zip(recording.command_s, recording.target, ends, strict=True):
        until_s = min(start_s + max(ramp_s, 1e-6), next_s)
        share = min((until_s - start_s) / max(ramp_s, 1e-6), 1.0)
        times += [start_s, until_s]
        values += [at, at := at + share * (target - at)]
    return np.array(times), np.array(values)


def tendons(corners: tuple[np.ndarray, np.ndarray], times_s: np.ndarray, v: Values) -> np.ndarray:
    """(S, N, A) positions to which the tendons pull the joints [rad], at even times `times_s`."""
    step_s = times_s[1] - times_s[0]
    # Evaluate at the middle of each step; otherwise a ramp would be half a step early.
    middle_s = times_s - step_s / 2
    late = np.stack([_at(corners, middle_s - late_s) for late_s in v["latency"][:, 0]], axis=1)
    blend = 1.0 - np.exp(-step_s / v["lag"])
    half = v["slack"] / 2
    motor = tendon = late[0]
    positions = np.empty_like(late)
    for step, setpoint in enumerate(late):
        motor = motor + blend * (setpoint - motor)
        tendon = follow(tendon, motor, half)
        positions[step] = tendon
    return positions


def servo(error: np.ndarray, deadband: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Mean of x if abs(x) > deadband else 0, for x = error + N(0, noise); smooth in all, [rad].

    The controller of the hand reads noisy angles; the noise smooths the edges of the deadband.
    """
    below, above = (-deadband - error) / noise, (deadband - error) / noise
    inside = error * (ndtr(above) - ndtr(below))
    return error - inside - noise * (_density(below) - _density(above))


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _at(corners: tuple[np.ndarray, np.ndarray], times_s: np.ndarray) -> np.ndarray:
    times, values = corners
    return np.stack([np.interp(times_s, times, column) for column in values.T], axis=1)
