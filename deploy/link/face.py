"""What a hand's own software must offer, to be driven without a hand's side of our own: a `Face`.

A face reads joints and passes targets on; it decides nothing. Modes, arming, the watchdog and what
holding means are the session's (rig_session.py), how far a target has got is known to `Motion`
(motion.py). `LocalHand` makes a driver of a face; the bridge makes a server of one. Plain Python
3.8, so that it runs beside a hand: (A,) and (J,) are sequences of floats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable


@dataclass(frozen=True)
class Layout:
    """Names, limits and coupling of a hand: `HandSpec` in plain Python. A actuators, J joints."""

    joints: Sequence[str]
    actuators: Sequence[str]
    coupling: Sequence[Sequence[float]]
    """A rows of J: control position = coupling @ joint position."""
    lower: Sequence[float]
    upper: Sequence[float]
    """(A,) rad, limits of the targets."""

    @staticmethod
    def of_hello(hello: Mapping[str, Any]) -> Layout:
        """From the fields of the wire's `hello`."""
        size, flat = len(hello["joints"]), hello["coupling"]
        rows = [flat[at : at + size] for at in range(0, len(flat), size)]
        limits = hello["lower"], hello["upper"]
        return Layout(hello["joints"], hello["actuators"], rows, *limits)

    def control_position(self, position: Sequence[float]) -> list[float]:
        """(J,) joint angles -> (A,) control positions, rad."""
        return [sum(c * q for c, q in zip(row, position)) for row in self.coupling]

    def joint_target(self, target: Sequence[float]) -> list[float]:
        """(A,) targets -> (J,): a coupled sum is split evenly."""
        shares = [value / sum(row) for value, row in zip(target, self.coupling)]
        columns = zip(*self.coupling)
        return [sum(c * share for c, share in zip(column, shares)) for column in columns]

    def driven_by(self, values: Sequence[float]) -> list[float]:
        """(J,) numbers of joints -> (A,): for each actuator that of its first joint."""
        firsts = [next(i for i, c in enumerate(row) if c) for row in self.coupling]
        return [values[first] for first in firsts]

    def clip(self, target: Sequence[float]) -> list[float]:
        """(A,) within the limits."""
        return [min(max(v, lo), hi) for v, lo, hi in zip(target, self.lower, self.upper)]


@dataclass(frozen=True)
class Reading:
    """One reading of every joint sensor."""

    position: Sequence[float]
    """(J,) rad."""
    velocity: Sequence[float]
    """(J,) rad/s."""
    effort: Sequence[float]
    """(A,) in the hand's own unit; empty where it is not measured."""
    time_s: float
    """When it was measured, on the hand's clock."""
    received_s: float
    """When it arrived, on this machine's monotonic clock."""
    seq: int
    """Counts the readings that arrived."""


class Face(ABC):
    """A hand's own software. Its threads call nothing but `news`."""

    name: str
    """What it is and where, for messages to the user."""
    simulated: bool = False
    """Whether nothing real can break."""
    force_scale: bool = False
    """Whether `force` does anything. Where it does not, a relaxed hand follows its own angles."""
    state_rate_hz: float
    """Readings per second that the hand is expected to send."""

    @abstractmethod
    def open(self, timeout_s: float, news: Callable[[], None]) -> None:
        """Reach the hand, see that it is the right one, wait for a reading; moves nothing.

        `news` is to be called, from any thread, after each reading. Raises ConnectError.
        """

    @abstractmethod
    def reading(self) -> Reading | None:
        """The newest reading whose clock has moved on. Never blocks, never raises."""

    @abstractmethod
    def deaf(self) -> str:
        """Why commands do not arrive, as far as that is known; empty when they do."""

    @abstractmethod
    def send(self, target: Sequence[float], duration_s: float) -> None:
        """Move to `target` (A,) over `duration_s`, linearly where the hand can. Never raises."""

    def force(self, share: float) -> None:  # noqa: B027 - many hands have no such knob
        """Limit the motors to this share of their force, 0 to 1. Never raises."""

    def temperature_c(self) -> Sequence[float]:
        """(A,) of the motors, degrees Celsius; empty where the hand does not tell. Never raises."""
        return ()

    @abstractmethod
    def close(self, timeout_s: float) -> None:
        """End; may be called twice. Never raises."""
