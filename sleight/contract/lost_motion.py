"""Lost motion between a motor and its joint: tendon slack and the motor's deadband.

Training, the simulated rig and the fit of recordings apply the same law. The functions take numpy
arrays or torch tensors, elementwise, and need neither library. All angles are in rad.
"""

from __future__ import annotations

from typing import Any, TypeVar

Array = TypeVar("Array", bound=Any)
"""A numpy array or a torch tensor."""


def follow(tendon: Array, motor: Array, half_slack: Array) -> Array:
    """Where the tendon holds the joint after its motor has moved to `motor`.

    The play operator of hysteresis: the tendon moves only when the motor is more than half the
    slack away from it. The operator does not depend on time (Krasnosel'skii and Pokrovskii,
    Systems with Hysteresis, 1989).
    """
    return tendon.clip(motor - half_slack, motor + half_slack)


def in_deadband(error: Array, deadband: Any) -> Array:
    """Whether a motor rests: its joint is closer to the tendon's position than the deadband."""
    return abs(error) < deadband
