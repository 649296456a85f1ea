"""`Face`: the interface to a hand's own software, for hands without a hand's side of this package.

A face reads joints and passes targets on; it makes no decisions. `Session` (hand_session.py) has
the modes, arming, the watchdog and the meaning of a hold; `Motion` (motion.py) tracks the setpoint.
`LocalHand` turns a face into a driver; the bridge turns a face into a server. The module is plain
Python 3.8, so that it runs beside a hand: (A,) and (J,) are sequences of floats.
"""

from __future__ import annotations

import math
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
    """A rows of J numbers: control position = coupling @ joint position."""
    lower: Sequence[float]
    upper: Sequence[float]
    """(A,) rad: limits of the targets."""

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
        """(J,) values of joints -> (A,): for each actuator the value of its first joint."""
        firsts = [next(i for i, c in enumerate(row) if c) for row in self.coupling]
        return [values[first] for first in firsts]

    def clip(self, target: Sequence[float]) -> list[float]:
        """(A,) targets, clipped to the limits."""
        return [min(max(v, lo), hi) for v, lo, hi in zip(target, self.lower, self.upper)]


@dataclass(frozen=True)
class Reading:
    """One reading of every joint sensor."""

    position: Sequence[float]
    """(J,) rad."""
    velocity: Sequence[float]
    """(J,) rad/s."""
    effort: Sequence[float]
    """(A,) in the hand's own unit; empty if it is not measured (`if_measured`)."""
    time_s: float
    """Time of the measurement, on the hand's clock."""
    received_s: float
    """Time of arrival, on this machine's monotonic clock."""
    seq: int
    """Number of the reading, counted at arrival."""


def if_measured(values: Sequence[float], count: int) -> Sequence[float]:
    """An optional quantity of `count` numbers: empty unless all of them are there and finite.

    Many drivers fill what they do not measure with NaN, or leave numbers out.
    """
    return values if len(values) == count and all(map(math.isfinite, values)) else ()


class Face(ABC):
    """Interface to a hand's own software. Its threads call only `on_reading`."""

    name: str
    """Description with address, for messages to the user."""
    simulated: bool = False
    """Whether the hand is simulated."""
    force_scale: bool = False
    """Whether `force` has an effect. If not, the targets of a relaxed hand follow its angles."""
    state_rate_hz: float
    """Expected readings per second."""

    @abstractmethod
    def open(self, timeout_s: float, on_reading: Callable[[], None]) -> None:
        """Connect, verify that it is the right hand, wait for a reading; moves nothing.

        The face calls `on_reading`, from any thread, after each reading. Raises ConnectError.
        """

    @abstractmethod
    def reading(self) -> Reading | None:
        """The newest reading with an advanced hand clock. Never blocks, never raises."""

    def unread(self) -> str:
        """Why there is no newer reading, as far as is known; else empty. Never raises."""
        return ""

    @abstractmethod
    def deaf(self) -> str:
        """Why commands do not reach the hand, as far as is known; empty if they do."""

    @abstractmethod
    def send(self, target: Sequence[float], duration_s: float) -> None:
        """Move to `target` (A,) over `duration_s`, linearly if the hand can. Never raises."""

    def force(self, share: float) -> None:  # noqa: B027 - many hands have no such setting
        """Limit the motors to this share of their force, 0 to 1. Never raises."""

    def temperature_c(self) -> Sequence[float]:
        """(A,) motor temperatures, degrees Celsius; empty if not reported. Never raises."""
        return ()

    @abstractmethod
    def close(self, timeout_s: float) -> None:
        """Disconnect; may be called twice. Never raises."""
