"""The contract of a hand's driver: `HandDriver`, its states, commands and errors.

J joints are measured, A actuators are commanded; `HandSpec` holds their names, limits and coupling.
A driver talks to one kind of hand. Nothing commands it directly: `GuardedHand` (guard.py) puts the
safety gate in front of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...contract.hand_spec import HandSpec
from ...errors import SafetyStop, SleightError
from ..link.wire import HandMode


class HandError(SleightError):
    """A failure of the hand; if it persists, the run ends like after a safety stop."""

    exit_code = 4


class StaleState(HandError):
    """No joint state is recent enough; commands on an old state are not allowed."""


class NotArmed(HandError):
    """A command to a hand that is not armed."""


class DriverGone(HandError):
    """The link to the hand has ended."""

    exit_code = 3


class CommandRejected(SafetyStop):
    """A target that is not finite or has the wrong shape; it is rejected, not clipped."""


@dataclass(frozen=True)
class HandState:
    """One reading of every joint sensor."""

    position: np.ndarray
    """(J,) rad."""
    velocity: np.ndarray
    """(J,) rad/s."""
    effort: np.ndarray | None
    """(A,) motor torque or force in the hand's own unit; None if it is not measured."""
    sensor_time_s: float
    """Time of the measurement, on the hand's clock."""
    received_s: float
    """Time of arrival, on this machine's monotonic clock."""
    age_s: float
    """Age when `read` returned; includes the transport delay as far as it is known."""
    seq: int
    mode: HandMode


@dataclass(frozen=True)
class Applied:
    """The target that the hand reports as applied."""

    target: np.ndarray
    """(A,) rad."""
    reasons: tuple[str, ...] = ()
    """Why it differs from the command, as `kind:actuator`; empty if it does not."""

    @staticmethod
    def of(kind: str, ack: dict[str, Any]) -> Applied:
        """From the `ack` (wire.py) of a message of type `kind`. Raises NotArmed."""
        if ack["mode"] != HandMode.ARMED:
            why = ", ".join(ack["reasons"])
            raise NotArmed(f"{kind}: the hand is {ack['mode']}" + (f" ({why})" if why else ""))
        return Applied(np.array(ack["target"]), tuple(ack["reasons"]))


@dataclass(frozen=True)
class Health:
    """Rates, ages and losses of the link to the hand."""

    mode: HandMode
    state_rate_hz: float
    state_age_s: float
    states: int
    states_lost: int
    temperature_c: Sequence[float] = ()
    """(A,) motor temperatures, degrees Celsius; empty if they are not measured."""


class HandDriver(ABC):
    """One kind of hand.

    One thread calls `connect`, `arm`, `read`, `command`, `heartbeat` and `close`; `hold`, `relax`
    and `stop` may be called from any thread. A driver's own threads never call user code.
    """

    spec: HandSpec
    """Known once connected."""
    simulated: bool = False
    """Whether the hand is simulated; known once connected."""

    @abstractmethod
    def connect(self, timeout_s: float) -> None:
        """Connect to the hand and get its spec; moves nothing. Raises ConnectError."""

    @abstractmethod
    def arm(self) -> Applied:
        """Make the hand accept commands; returns the target in force, without moving it."""

    @abstractmethod
    def read(self, max_age_s: float) -> HandState:
        """The newest state, waiting at most `max_age_s` for it. Raises StaleState, DriverGone."""

    @abstractmethod
    def command(self, target: np.ndarray, duration_s: float) -> Applied:
        """Move to `target` (A,) rad over `duration_s`. Raises NotArmed, StaleState, DriverGone."""

    @abstractmethod
    def heartbeat(self) -> None:
        """Send a sign of life without a command. Raises DriverGone."""

    @abstractmethod
    def hold(self) -> None:
        """Hold the position and the grip. Raises DriverGone."""

    @abstractmethod
    def relax(self) -> None:
        """Release the grip slowly by reducing the motor force. Raises DriverGone."""

    @abstractmethod
    def stop(self, reason: str) -> None:
        """Latch a fault: nothing moves until an operator clears it at the hand. Never raises."""

    @abstractmethod
    def health(self) -> Health:
        """Rates and ages of the link. Never raises."""

    @abstractmethod
    def close(self, timeout_s: float) -> None:
        """Close the link; may be called twice. Never raises."""
