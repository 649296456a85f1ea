"""What a hand is to this program: its state, its commands, and how they fail.

J joints are measured, A actuators are commanded; `HandSpec` holds their names, limits and coupling.
A driver speaks to one kind of hand. It is never commanded directly: `GuardedHand` (guard.py) puts
the safety gate in front of it.
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
    """A hand that does not do what it was asked; ends a run like a safety stop when it persists."""

    exit_code = 4


class StaleState(HandError):
    """No joint state that is new enough; nothing may be commanded on an old one."""


class NotArmed(HandError):
    """A command to a hand that is not armed."""


class DriverGone(HandError):
    """The link to the hand has ended."""

    exit_code = 3


class CommandRejected(SafetyStop):
    """A target that no hand may receive: not finite, or of the wrong shape. Never clipped."""


@dataclass(frozen=True)
class HandState:
    """One reading of every joint sensor."""

    position: np.ndarray
    """(J,) rad."""
    velocity: np.ndarray
    """(J,) rad/s."""
    effort: np.ndarray | None
    """(A,) motor torque or force in the hand's own unit; None where it is not measured."""
    sensor_time_s: float
    """When it was measured, on the hand's clock."""
    received_s: float
    """When it arrived, on this machine's monotonic clock."""
    age_s: float
    """How old it was when `read` returned: transport delay included, as far as it is known."""
    seq: int
    mode: HandMode


@dataclass(frozen=True)
class Applied:
    """What the hand says it really applied."""

    target: np.ndarray
    """(A,) rad."""
    reasons: tuple[str, ...] = ()
    """Why it differs from what was asked, as `kind:actuator`; empty when it does not."""

    @staticmethod
    def of(kind: str, ack: dict[str, Any]) -> Applied:
        """What the `ack` (wire.py) of a message `kind` says. Raises NotArmed."""
        if ack["mode"] != HandMode.ARMED:
            why = ", ".join(ack["reasons"])
            raise NotArmed(f"{kind}: the hand is {ack['mode']}" + (f" ({why})" if why else ""))
        return Applied(np.array(ack["target"]), tuple(ack["reasons"]))


@dataclass(frozen=True)
class Health:
    """How well the link to the hand does."""

    mode: HandMode
    state_rate_hz: float
    state_age_s: float
    states: int
    states_lost: int
    temperature_c: Sequence[float] = ()
    """(A,) of the motors, degrees Celsius; empty where it is not measured."""


class HandDriver(ABC):
    """One kind of hand.

    One thread calls `connect`, `arm`, `read`, `command`, `heartbeat` and `close`; `hold`, `relax`
    and `stop` may come from any thread. A driver's own threads never call user code.
    """

    spec: HandSpec
    """Known once connected."""
    simulated: bool = False
    """Whether nothing real can break; known once connected."""

    @abstractmethod
    def connect(self, timeout_s: float) -> None:
        """Reach the hand and learn its spec; moves nothing. Raises ConnectError."""

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
        """Tell the hand that the loop is alive without commanding it. Raises DriverGone."""

    @abstractmethod
    def hold(self) -> None:
        """Stay where it is, grip kept. Raises DriverGone."""

    @abstractmethod
    def relax(self) -> None:
        """Let go slowly: motor force down. Raises DriverGone."""

    @abstractmethod
    def stop(self, reason: str) -> None:
        """Latched fault: nothing moves until an operator clears it at the hand. Never raises."""

    @abstractmethod
    def health(self) -> Health:
        """Rates and ages of the link. Never raises."""

    @abstractmethod
    def close(self, timeout_s: float) -> None:
        """End the link; may be called twice. Never raises."""
